"""An object that does not exist: S3 answers 403 to those who may not list the bucket.

Source: docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html, "Permissions": with s3:ListBucket
the answer is 404, without it 403.
"""

from dataclasses import replace

from threegrants.cloudtrail import Access, DeniedCall
from threegrants.diagnosis.legs import s3_leg
from threegrants.diagnosis.verdicts import MissingInformation, Verdict
from threegrants.evidence import Evidence, Read


def missing_object(call: DeniedCall, evidence: Evidence) -> MissingInformation | None:
    """What to say of a read that every policy allows, if a missing object would explain it."""
    if call.service != "s3" or call.access is not Access.READ or call.object_key is None:
        return None
    seen = evidence.object.value_or_none
    if seen is not None and isinstance(seen.exists, Read):
        return None  # it was looked for
    listing = s3_leg(replace(call, s3_actions=("s3:ListBucket",)), evidence)
    fine = (Verdict.GRANTED, Verdict.NOT_NEEDED)
    if listing.resource.verdict in fine and listing.identity.verdict in fine:
        return None
    return MissingInformation(
        "whether the object exists",
        "every grant for the read is in place, but the caller is not known to have s3:ListBucket: "
        "then S3 answers Access Denied, not NoSuchKey, for an object that does not exist",
        "someone who may list the bucket, to look for the key",
    )
