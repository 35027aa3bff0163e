"""Gather the evidence of one denied call: caller and bucket at the same time, then the key."""

from datetime import UTC, datetime

from threegrants.evidence.accounts import Accounts
from threegrants.evidence.ask import together
from threegrants.evidence.bucket import read_bucket
from threegrants.evidence.caller import read_caller
from threegrants.evidence.key import read_key
from threegrants.evidence.snapshot import (
    BucketEvidence,
    CallerEvidence,
    Evidence,
    Item,
    KeyEvidence,
    Read,
    Unread,
)
from threegrants.iam.arns import is_arn
from threegrants.records import DeniedCall

_KMS = ("aws:kms", "aws:kms:dsse")


def gather(call: DeniedCall, accounts: Accounts) -> Evidence:
    """Read everything that decides `call`; never raises for what AWS refuses to show."""
    caller: CallerEvidence
    bucket: BucketEvidence | None
    early = _stated_key(call, accounts) if call.kms_key and is_arn(call.kms_key) else None
    caller, bucket, key = together(
        [
            lambda: read_caller(accounts, call.caller),
            lambda: _bucket(call, accounts),
            lambda: early and read_key(accounts, *early),
        ]
    )
    return Evidence(
        at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        caller=caller,
        bucket=bucket,
        key=key if key is not None else _key(call, bucket, accounts),
    )


def _bucket(call: DeniedCall, accounts: Accounts) -> BucketEvidence | None:
    if not call.bucket:
        return None
    return read_bucket(
        accounts, call.bucket, call.bucket_account, _candidates(call, accounts), call.region
    )


def _candidates(call: DeniedCall, accounts: Accounts) -> tuple[str, ...]:
    """Accounts that may own the bucket, likeliest first, none twice."""
    key_account = call.kms_key.split(":")[4] if call.kms_key and is_arn(call.kms_key) else None
    likely = (key_account, call.recipient_account, accounts.direct, *accounts.known)
    mine = call.caller.account
    return tuple(dict.fromkeys(a for a in (*likely, mine) if a and a.isdigit()))


def _stated_key(call: DeniedCall, accounts: Accounts) -> tuple[str, str, tuple[str, str]]:
    # A key id or alias without account is resolved in the requester's account (S3 user guide,
    # "Specifying server-side encryption with AWS KMS").
    home = call.caller.account or call.recipient_account or accounts.direct or ""
    return (call.kms_key or "", call.kms_key_source or "request", (home, call.region))


def _key(
    call: DeniedCall, bucket: BucketEvidence | None, accounts: Accounts
) -> Item[KeyEvidence | None]:
    """The key of the call: as the record states it, else the bucket's default encryption."""
    if call.kms_key:
        return read_key(accounts, *_stated_key(call, accounts))
    if not call.kms_actions:
        return Read(None)
    headers = call.request_headers
    asked = headers.get("x-amz-server-side-encryption")
    if asked and asked not in _KMS:
        return Read(None)
    if bucket is None:
        return Unread(
            "neither the record nor its message names the key",
            "the S3 record of the same call, or the key's ARN",
        )
    encryption = bucket.encryption
    if isinstance(encryption, Unread):
        return encryption
    if encryption.value.algorithm not in _KMS and asked not in _KMS:
        return Read(None)
    account = bucket.account.value if isinstance(bucket.account, Read) else ""
    # Without a key of its own, S3 uses the AWS managed key of the account.
    stated = encryption.value.key or "alias/aws/s3"
    home = (
        (call.caller.account or account) if asked in _KMS and not encryption.value.key else account
    )
    return read_key(accounts, stated, "bucket_default", (home, call.region))
