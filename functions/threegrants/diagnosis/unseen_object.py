"""What is only assumed of an object that nobody looked at: its key, and its owner.

A bucket's default encryption is what S3 uses for a new object that asks for nothing else. An object
keeps the key that it was written with, whatever the default is by now. And where ACLs are on, an
object belongs to the account that wrote it, and a bucket policy grants nothing on it:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-bucket-encryption.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
"""

from collections.abc import Iterable

from threegrants.cloudtrail import Access, KeySource
from threegrants.cloudtrail.operations import writes_with_headers
from threegrants.diagnosis.facts import Facts
from threegrants.diagnosis.legs import LegVerdicts
from threegrants.diagnosis.verdicts import Grant, MissingInformation, Reason, Verdict
from threegrants.evidence import Read, Unread

_REFUSED = (Verdict.MISSING, Verdict.DENIED)
_TO_SEE_IT = (
    "ReadObjects=true (s3:GetObject and s3:ListBucket for the reader), the KMS record of the same "
    "call, or a person who looks at the object"
)
_SSE_C = "x-amz-server-side-encryption-customer-algorithm"


def key_is_assumed(facts: Facts) -> bool:
    """Whether the key of the call (or that there is none) is only the bucket's default.

    A write that says itself how it is encrypted, or says nothing, gets what was read; everything
    else meets an object, or an upload, that was there before.
    """
    call, key, seen = facts.call, facts.evidence.key, facts.object
    if call.service != "s3" or not call.kms_actions or writes_with_headers(call.operation):
        return False
    if isinstance(key, Unread) or _SSE_C in call.request_headers:
        return False
    if seen is not None and (isinstance(seen.encryption, Read) or seen.exists == Read(False)):
        return False
    return key.value is None or key.value.source is KeySource.BUCKET_DEFAULT


def owner_is_assumed(facts: Facts) -> bool:
    """Whether it is only assumed that the object belongs to the bucket's owner."""
    call, bucket, seen = facts.call, facts.evidence.bucket, facts.object
    if call.service != "s3" or call.access is not Access.READ or call.object_key is None:
        return False
    if bucket is None or bucket.object_ownership == Read("BucketOwnerEnforced"):
        return False
    if seen is None:
        return True
    known = isinstance(seen.owner, Read) and isinstance(seen.bucket_owner, Read)
    return not known and seen.exists != Read(False)


def unseen_object(facts: Facts) -> tuple[MissingInformation, ...]:
    """What nobody looked at; empty where nothing is assumed."""
    found = []
    if key_is_assumed(facts):
        key = facts.key
        what = (
            "the upload's own key" if facts.call.access is Access.WRITE else "the object's own key"
        )
        default = (
            f"the bucket's default key {key.arn}" if key else "no KMS key, as the bucket's default"
        )
        why = f"{default} is assumed, but the object may be encrypted with another key"
        found.append(MissingInformation(what, why, _TO_SEE_IT))
    if owner_is_assumed(facts):
        why = (
            "Object Ownership is not enforced, so the object may belong to another account than the "
            "bucket, and then the bucket policy grants nothing on it"
        )
        found.append(MissingInformation("the object's owner", why, _TO_SEE_IT))
    return tuple(found)


def unseen_tags(facts: Facts, words: Iterable[str]) -> tuple[MissingInformation, ...]:
    """What would supply the object's tags, where a policy asks for them and nothing shows them.

    Args:
        facts: of the call.
        words: why verdicts and guardrails are not known, for people.
    """
    if not any(_TAG_KEY in text.lower() for text in words):
        return ()
    seen = facts.object
    if seen is None:
        action = "s3:GetObjectVersionTagging" if facts.call.version_id else "s3:GetObjectTagging"
        why = "nobody looked at the object, and a policy asks for its tags"
        return (MissingInformation(_TAGS, why, f"ReadObjects=true ({action} for the reader)"),)
    if isinstance(seen.tags, Unread):
        return (MissingInformation(_TAGS, seen.tags.why, seen.tags.needs),)
    return ()


_TAG_KEY = "s3:existingobjecttag/"
_TAGS = "the object's tags"


def decides(facts: Facts) -> bool:
    """Whether a call that everything read allows may still be refused for what is assumed.

    Where the default is no KMS key, and nobody ever set who owns objects, an own key or another
    owner is an exception that is told, and not waited for.
    """
    ownership = facts.evidence.bucket.object_ownership if facts.evidence.bucket else None
    set_otherwise = isinstance(ownership, Read) and ownership.value in _ACLS_CHOSEN
    return (key_is_assumed(facts) and facts.key is not None) or (
        owner_is_assumed(facts) and set_otherwise
    )


_ACLS_CHOSEN = ("ObjectWriter", "BucketOwnerPreferred")


def settled_by_kms(kms: LegVerdicts, facts: Facts) -> LegVerdicts:
    """The KMS leg, where AWS's message says that it was refused, and what was read refuses nothing.

    Then the object has another key than the bucket's default, or the policies were changed since:
    nothing that was read is about that key.
    """
    if not facts.call.message.about_kms or not key_is_assumed(facts):
        return kms
    verdicts = (kms.resource.verdict, kms.identity.verdict)
    if any(verdict in _REFUSED for verdict in verdicts):
        return kms
    detail = (
        "AWS's message says that the use of a KMS key was refused, and nothing that was read refuses "
        "the bucket's default: so the object is encrypted with another key, or a policy was changed "
        "since"
    )
    reason = Reason("another_key", None, None, detail)
    resource = Grant(Verdict.UNKNOWN, (reason,))
    identity = kms.identity
    if identity.verdict is not Verdict.NOT_NEEDED or facts.key is None:
        identity = Grant(Verdict.UNKNOWN, (reason,))
    return LegVerdicts(resource, identity)
