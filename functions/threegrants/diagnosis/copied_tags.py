"""A copy of a tagged object: S3 takes the tags along, and asks for that too.

Without a tagging directive that replaces them, copying a tagged object needs s3:GetObjectTagging on the
source and s3:PutObjectTagging on the destination. Whether the source is tagged is in no record. Source:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html (x-amz-tagging-directive)
"""

from threegrants.diagnosis.facts import Facts
from threegrants.diagnosis.legs import s3_leg
from threegrants.diagnosis.verdicts import MissingInformation, Verdict

_FINE = (Verdict.GRANTED, Verdict.NOT_NEEDED)
_TAGS = "s3:PutObjectTagging"


def copied_tags(facts: Facts) -> MissingInformation | None:
    """What to say of a copy that every policy allows, if tags of its source would explain the denial."""
    source, headers = facts.source, facts.call.request_headers
    if source is None or facts.call.operation != "CopyObject":
        return None
    if headers.get("x-amz-tagging-directive", "").upper() == "REPLACE":
        return None
    version = "Version" if source.call.version_id else ""
    read = f"s3:GetObject{version}Tagging"
    lacking = [
        action
        for of, action in ((source, read), (facts, _TAGS))
        if action not in of.call.s3_actions and not _allowed(of, action)
    ]
    if not lacking:
        return None
    return MissingInformation(
        "whether the source of the copy is tagged",
        f"every grant for the copy is in place, but the caller is not known to have {' and '.join(lacking)}: "
        "copying a tagged object needs it",
        "someone who looks at the source's tags; or a copy with --tagging-directive REPLACE",
    )


def _allowed(facts: Facts, action: str) -> bool:
    leg = s3_leg(facts, (action,))
    return leg.resource.verdict in _FINE and leg.identity.verdict in _FINE
