"""The bucket's side: owner, bucket policy, Block Public Access, default encryption, ownership."""

from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from threegrants.evidence.accounts import Accounts
from threegrants.evidence.ask import absent_when, ask, code_of, together
from threegrants.evidence.snapshot import BucketEvidence, Encryption, Item, Read, Unread

_NO_BLOCK = absent_when(("NoSuchPublicAccessBlockConfiguration",), False)


def read_bucket_policy(s3: Any, bucket: str, account: str) -> str | None:
    """The bucket policy's text as stored, None if the bucket has none.

    Raises:
        ClientError: `AccessDenied` also if `account` does not own the bucket.
    """
    try:
        answer = s3.get_bucket_policy(Bucket=bucket, ExpectedBucketOwner=account)
    except ClientError as error:
        if code_of(error) == "NoSuchBucketPolicy":
            return None
        raise
    return str(answer["Policy"])


def find_owner(
    accounts: Accounts, bucket: str, stated: str | None, candidates: tuple[str, ...], region: str
) -> Item[str]:
    """The account that owns the bucket: as the record states, else the one that says it does.

    The caller's copy of a cross-account denial has an empty owner account (CloudTrail user guide,
    "Receiving log files from multiple accounts"); `ExpectedBucketOwner` makes S3 refuse the
    question in every account but the owner's.
    """
    if stated:
        return Read(stated)

    def claim(account: str) -> Item[str | None]:
        return ask(
            lambda: read_bucket_policy(accounts.client(account, "s3", region), bucket, account),
            accounts.needs("s3:GetBucketPolicy", f"bucket {bucket}", account),
        )

    claims = together([partial(claim, account) for account in candidates])
    for account, answer in zip(candidates, claims, strict=True):
        if isinstance(answer, Read):
            return Read(account)
    asked = ", ".join(candidates) or "no account"
    return Unread(
        f"the record does not name the owner of bucket {bucket} and {asked} did not claim it",
        f"the bucket owner's copy of the record, or role {accounts.role_name} in the account that "
        f"owns {bucket}",
    )


def read_bucket(
    accounts: Accounts, bucket: str, stated: str | None, candidates: tuple[str, ...], region: str
) -> BucketEvidence:
    """Everything of the bucket that decides, read in its owner's account."""
    owner = find_owner(accounts, bucket, stated, candidates, region)
    if isinstance(owner, Unread):
        return BucketEvidence(bucket, owner, owner, owner, owner, owner)
    account = owner.value
    arn = f"bucket {bucket}"

    def needs(action: str) -> str:
        return accounts.needs(action, arn, account)

    def s3() -> Any:
        return accounts.client(account, "s3", region)

    def bucket_block() -> bool:
        answer = s3().get_public_access_block(Bucket=bucket, ExpectedBucketOwner=account)
        return bool(answer["PublicAccessBlockConfiguration"].get("RestrictPublicBuckets"))

    def account_block() -> bool:
        client = accounts.client(account, "s3control", region)
        answer = client.get_public_access_block(AccountId=account)
        return bool(answer["PublicAccessBlockConfiguration"].get("RestrictPublicBuckets"))

    policy, encryption, block, account_wide, ownership = together(
        [
            lambda: ask(
                lambda: read_bucket_policy(s3(), bucket, account), needs("s3:GetBucketPolicy")
            ),
            lambda: ask(
                lambda: _encryption(s3(), bucket, account),
                needs("s3:GetEncryptionConfiguration"),
                absent_when(
                    ("ServerSideEncryptionConfigurationNotFoundError",), Encryption("AES256")
                ),
            ),
            lambda: ask(bucket_block, needs("s3:GetBucketPublicAccessBlock"), _NO_BLOCK),
            lambda: ask(account_block, needs("s3:GetAccountPublicAccessBlock"), _NO_BLOCK),
            lambda: ask(
                lambda: _ownership(s3(), bucket, account),
                needs("s3:GetBucketOwnershipControls"),
                absent_when(("OwnershipControlsNotFoundError",), "ObjectWriter"),
            ),
        ]
    )
    return BucketEvidence(
        bucket, owner, policy, _strictest(block, account_wide), encryption, ownership
    )


def _strictest(bucket: Item[bool], account: Item[bool]) -> Item[bool]:
    """Block Public Access: the stricter of bucket and account wins (S3 user guide)."""
    for item in (bucket, account):
        if isinstance(item, Read) and item.value:
            return item
    for item in (bucket, account):
        if isinstance(item, Unread):
            return item
    return Read(False)


def _encryption(s3: Any, bucket: str, account: str) -> Encryption:
    answer = s3.get_bucket_encryption(Bucket=bucket, ExpectedBucketOwner=account)
    rules = answer["ServerSideEncryptionConfiguration"]["Rules"]
    rule = rules[0] if rules else {}
    default = rule.get("ApplyServerSideEncryptionByDefault", {})
    return Encryption(
        algorithm=default.get("SSEAlgorithm", "AES256"),
        key=default.get("KMSMasterKeyID") or None,
        bucket_key=bool(rule.get("BucketKeyEnabled")),
    )


def _ownership(s3: Any, bucket: str, account: str) -> str:
    answer = s3.get_bucket_ownership_controls(Bucket=bucket, ExpectedBucketOwner=account)
    return str(answer["OwnershipControls"]["Rules"][0]["ObjectOwnership"])
