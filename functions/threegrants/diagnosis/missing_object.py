"""An object that does not exist: S3 answers 403 to those who may not list the bucket.

With s3:ListBucket the answer is 404, without it 403:
https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html#API_GetObject_RequestSyntax
"""

from threegrants.cloudtrail import Access
from threegrants.diagnosis.facts import Facts
from threegrants.diagnosis.legs import s3_leg
from threegrants.diagnosis.verdicts import MissingInformation, Verdict
from threegrants.evidence import Unread


def missing_object(facts: Facts) -> MissingInformation | None:
    """What to say of a read that every policy allows, if a missing object would explain it."""
    call, seen = facts.call, facts.object
    if call.service != "s3" or call.access is not Access.READ or call.object_key is None:
        return None
    if seen is not None and not isinstance(seen.exists, Unread):
        return None  # it was looked for
    listing = s3_leg(facts, ("s3:ListBucket",))
    fine = (Verdict.GRANTED, Verdict.NOT_NEEDED)
    if listing.resource.verdict in fine and listing.identity.verdict in fine:
        return None
    return MissingInformation(
        "whether the object exists",
        "every grant for the read is in place, but the caller is not known to have s3:ListBucket: "
        "then S3 answers Access Denied, not NoSuchKey, for an object that does not exist",
        "someone who may list the bucket, to look for the key",
    )
