"""What is not known of a key that only the call itself names, in words.

A denied call can name any key: by the header of a write, or by what KMS refuses for a bucket that the
caller owns. So a named key is no proof that the object is encrypted with it.
"""

from threegrants.aws.arn import is_arn
from threegrants.cloudtrail import Access, KeySource
from threegrants.diagnosis.facts import Facts
from threegrants.diagnosis.verdicts import MissingInformation
from threegrants.evidence import Unread

_NAMED_BY = {
    KeySource.ERROR_MESSAGE: "the error message of the call",
    KeySource.KMS_RECORD: "a KMS record of the same caller",
    KeySource.REQUEST: "the request",
}


def key_doubts(facts: Facts) -> tuple[MissingInformation, ...]:
    """What would corroborate the key that is named; empty where nothing is in doubt."""
    return (*_named_by_caller(facts), *_passed_over(facts))


def _named_by_caller(facts: Facts) -> tuple[MissingInformation, ...]:
    key, call = facts.key, facts.call
    if key is None or not facts.key_is_named_by_caller:
        return ()
    by = _NAMED_BY.get(key.source, "the call") if call.bucket else "a KMS record of a call by S3"
    default = f"; the bucket's default key is {key.bucket_default}" if key.bucket_default else ""
    why = f"only {by} names the key {key.arn}, and whoever makes a call can choose it{default}"
    return (_doubt(facts, why),)


def passed_over_key(facts: Facts) -> str | None:
    """A key that the call names, and that is not used because another one is corroborated."""
    named, key = facts.call.kms_key_passed_over, facts.key
    return None if key is not None and named in (key.arn, key.stated) else named


def _passed_over(facts: Facts) -> tuple[MissingInformation, ...]:
    """A record names another key than the one that was read: it is shown, and not used."""
    named, key, seen = passed_over_key(facts), facts.key, facts.object
    if named is None and seen is not None and not isinstance(seen.encryption, Unread):
        # The object's own key was read, so what is named is compared with nothing else.
        own = key is None or key.source is KeySource.OBJECT
        stated = facts.call.kms_key
        named = (
            stated if own and is_arn(stated or "") and seen.encryption.value is not None else None
        )
    if named is None or (key is not None and named == key.arn):
        return ()
    used = f"what was read says {key.arn}" if key else "what was read says that there is none"
    why = f"a record of the call names the key {named}, but {used}, and that is used"
    return (_doubt(facts, why),)


def _doubt(facts: Facts, why: str) -> MissingInformation:
    """What is not known of the key, why, and what would supply it."""
    if facts.call.bucket is None:
        what, needs = "which object the key is for", "the S3 record of the same call"
    elif facts.call.access is Access.WRITE:
        what = "that the bucket's owner wants objects under the key that the call names"
        needs = "the key as the bucket's default encryption, or a person who knows that it is meant"
    else:
        what = "that the object is encrypted with the key that the call names"
        needs = (
            "ReadObjects=true, so that the object's own key is read; or a person who looks at it"
        )
    return MissingInformation(what, why, needs)
