"""A copy of a tagged object: S3 takes the tags along, and asks for that too.

Without a tagging directive that replaces them, copying a tagged object needs s3:GetObjectTagging on the
source and s3:PutObjectTagging on the destination. Whether the source is tagged is in no record. Source:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html (x-amz-tagging-directive)
"""

from dataclasses import replace

from threegrants.cloudtrail import strip_control_characters
from threegrants.diagnosis.facts import Facts
from threegrants.diagnosis.legs import s3_leg
from threegrants.diagnosis.verdicts import Diagnosis, MissingInformation, Outcome, Verdict

_FINE = (Verdict.GRANTED, Verdict.NOT_NEEDED)
_LIMIT = 120
_TAGS = "s3:PutObjectTagging"


def copied_tags(facts: Facts) -> MissingInformation | None:
    """What to say of a copy that every policy allows, if tags of its source would explain the denial."""
    source, headers = facts.source, facts.call.request_headers
    if source is None or facts.call.operation != "CopyObject":
        return None
    if headers.get("x-amz-tagging-directive", "").upper() == "REPLACE":
        return None
    seen = source.object.tags.value_or_none if source.object else None
    if seen is not None:
        return None  # its tags were read: where it has some, both actions are among the call's
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


def with_copied_tags(whole: Diagnosis, facts: Facts, tags: MissingInformation) -> Diagnosis:
    """The diagnosis of a copy, not surer than what is known of its source's tags.

    Where somebody looked at the source, its tags are only worth a word.

    Args:
        whole: the diagnosis of writing and reading together, by which the copy is allowed.
        facts: of the call.
        tags: what `copied_tags` says.
    """
    unknowns = (*whole.unknowns, tags)
    source, where = facts.source, facts.call.copy_source
    if source is None or where is None or source.object is not None or not whole.allowed:
        return replace(whole, unknowns=unknowns)
    name = strip_control_characters(f"s3://{where.bucket}/{where.key}")[:_LIMIT]
    return replace(
        whole,
        outcome=Outcome.UNKNOWN,
        nothing_read_stops=True,
        summary=f"Whether the copy of {name} works now is not known: {tags.why}.",
        unknowns=unknowns,
    )


def _allowed(facts: Facts, action: str) -> bool:
    leg = s3_leg(facts, (action,))
    return leg.resource.verdict in _FINE and leg.identity.verdict in _FINE
