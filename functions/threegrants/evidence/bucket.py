"""The bucket's side: owner, bucket policy, Block Public Access, default encryption, ownership."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from threegrants.cloudtrail.directory_buckets import is_directory_bucket
from threegrants.evidence.calls import (
    absent_when,
    call_or_unread,
    code_of,
    is_refusal,
    run_concurrently,
)
from threegrants.evidence.role_clients import RoleClients
from threegrants.evidence.snapshot import (
    ACCOUNT_NOT_LISTED,
    BucketEvidence,
    Encryption,
    Item,
    Read,
    Unread,
)

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

OWNERSHIP_NOT_SET = "not set"
"""Object Ownership where nobody ever set it: ACLs are on, as with ObjectWriter."""
MOST_ASKED = 128
"""Of the accounts to read so many are asked whether a bucket is theirs: some seconds, as a function has."""
_ASKED_AT_ONCE = 16
_NAMED = 8
"""Accounts that the reason names, when none of them is the owner."""
_NO_BLOCK = absent_when(("NoSuchPublicAccessBlockConfiguration",), frozenset())
_SSE_S3_BY_DEFAULT = absent_when(
    ("ServerSideEncryptionConfigurationNotFoundError",), Encryption("AES256")
)


def read_bucket_policy(s3: "S3Client", bucket: str, account: str) -> str | None:
    """The bucket policy's text as stored, None if the bucket has none.

    Args:
        s3: an S3 client of the account.
        bucket: the bucket's name.
        account: the account that has to own it, 12 digits.

    Raises:
        ClientError: `AccessDenied` also if `account` does not own the bucket.
    """
    try:
        answer = s3.get_bucket_policy(Bucket=bucket, **_expected_owner(bucket, account))
    except ClientError as error:
        if code_of(error) == "NoSuchBucketPolicy":
            return None
        raise
    return str(answer["Policy"])


def _expected_owner(bucket: str, account: str) -> dict[str, str]:
    """Whose bucket it has to be; of a directory bucket S3 answers nobody but the owner anyway.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html (`x-amz-expected-bucket-owner`)
    """
    return {} if is_directory_bucket(bucket) else {"ExpectedBucketOwner": account}


@dataclass(frozen=True, slots=True)
class BucketOwnership:
    """The first look at a bucket: who owns it, its policy and its default encryption."""

    owner: Item[str]
    policy: Item[str | None]
    encryption: Item[Encryption]


def find_bucket_owner(
    clients: RoleClients,
    bucket: str,
    stated: str | None,
    candidates: tuple[str, ...],
    region: str,
    *,
    left_out: int = 0,
) -> BucketOwnership:
    """Ask the account that the record states, else every candidate, whether it owns the bucket.

    The caller's copy of a cross-account denial has an empty owner account. `ExpectedBucketOwner`
    makes S3 refuse the question in every account but the owner's. The answer to the question is the
    policy itself, and the default encryption is asked for at the same time, so that the key is
    known a round earlier. Source:
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-receive-logs-from-multiple-accounts.html

    Args:
        clients: clients with the reader role.
        bucket: the bucket's name.
        stated: the owner account that the record states; None if it states none.
        candidates: the accounts to ask otherwise, likeliest first.
        region: the Region of the call.
        left_out: how many accounts beside the candidates may be read, and are not asked.
    """
    asked = (stated,) if stated else candidates
    not_owner: list[str] = []
    not_asked: dict[str, list[str]] = {}
    for at in range(0, len(asked), _ASKED_AT_ONCE):
        some = asked[at : at + _ASKED_AT_ONCE]
        answers = run_concurrently(
            [partial(_policy_and_encryption, clients, bucket, account, region) for account in some]
        )
        for account, (policy, encryption) in zip(some, answers, strict=True):
            if stated or isinstance(policy, Read):
                return BucketOwnership(Read(account), policy, encryption)
            if policy.code == ACCOUNT_NOT_LISTED:
                not_asked.setdefault("not one of the accounts to read", []).append(account)
            elif is_refusal(policy):  # of S3: ExpectedBucketOwner, or the reader's own permission
                not_owner.append(account)
            else:
                not_asked.setdefault(policy.why, []).append(account)
    why = f"the record does not name the owner of bucket {bucket}"
    if not_owner:
        why += f"; {_named(not_owner)} does not own it, or does not let the reader ask"
    for reason, accounts in list(not_asked.items())[:_NAMED]:
        why += f"; {_named(accounts)}: {reason}"
    if not asked:
        why += "; there is no account to ask"
    if left_out:
        why += f" ({left_out} more accounts to read were not asked: {MOST_ASKED} are at most)"
    nobody = Unread(
        why,
        f"the bucket owner's copy of the record, or role {clients.role_name} in the account that "
        f"owns {bucket}",
    )
    return BucketOwnership(nobody, nobody, nobody)


def _named(accounts: list[str]) -> str:
    more = len(accounts) - _NAMED
    listed = ", ".join(accounts[:_NAMED])
    return f"{listed} and {more} more" if more > 0 else listed


def _policy_and_encryption(
    clients: RoleClients, bucket: str, account: str, region: str
) -> tuple[Item[str | None], Item[Encryption]]:
    def s3() -> "S3Client":
        return clients.client(account, "s3", region)

    policy, encryption = run_concurrently(
        [
            lambda: call_or_unread(
                lambda: read_bucket_policy(s3(), bucket, account),
                clients.needs("s3:GetBucketPolicy", f"bucket {bucket}", account),
            ),
            lambda: call_or_unread(
                lambda: _encryption(s3(), bucket, account),
                clients.needs("s3:GetEncryptionConfiguration", f"bucket {bucket}", account),
                _SSE_S3_BY_DEFAULT,
            ),
        ]
    )
    return policy, encryption


def read_bucket(
    clients: RoleClients,
    bucket: str,
    ownership: BucketOwnership,
    region: str,
    *,
    locate: bool = False,
) -> BucketEvidence:
    """Everything else of the bucket that decides, read in its owner's account.

    Args:
        clients: clients with the reader role.
        bucket: the bucket's name.
        ownership: the first look at it; without an owner nothing more is read.
        region: the Region of the call.
        locate: whether to ask where the bucket lies.
    """
    owner = ownership.owner
    if isinstance(owner, Unread):
        return BucketEvidence(
            bucket, owner, owner, owner, owner, owner, owner, owner, owner, owner, owner
        )
    account = owner.value
    if is_directory_bucket(bucket):
        return _directory_bucket(bucket, ownership)

    def needs(action: str) -> str:
        return clients.needs(action, f"bucket {bucket}", account)

    def s3() -> "S3Client":
        return clients.client(account, "s3", region)

    def bucket_block() -> Settings:
        answer = s3().get_public_access_block(Bucket=bucket, ExpectedBucketOwner=account)
        return _settings(answer["PublicAccessBlockConfiguration"])

    def account_block() -> Settings:
        client = clients.client(account, "s3control", region)
        answer = client.get_public_access_block(AccountId=account)
        return _settings(answer["PublicAccessBlockConfiguration"])

    def place() -> str:
        answer = s3().get_bucket_location(Bucket=bucket, ExpectedBucketOwner=account)
        stated = answer.get("LocationConstraint")
        return _OLD_NAMES.get(stated or "", stated or "us-east-1")

    def payer() -> str:
        answer = s3().get_bucket_request_payment(Bucket=bucket, ExpectedBucketOwner=account)
        return str(answer.get("Payer") or "BucketOwner")

    def tags() -> dict[str, str]:
        answer = s3().get_bucket_tagging(Bucket=bucket, ExpectedBucketOwner=account)
        return {str(tag["Key"]): str(tag["Value"]) for tag in answer["TagSet"]}

    block, account_wide, object_ownership, pays, tagged, where = run_concurrently(
        [
            lambda: call_or_unread(bucket_block, needs("s3:GetBucketPublicAccessBlock"), _NO_BLOCK),
            lambda: call_or_unread(
                account_block, needs("s3:GetAccountPublicAccessBlock"), _NO_BLOCK
            ),
            lambda: call_or_unread(
                lambda: _object_ownership(s3(), bucket, account),
                needs("s3:GetBucketOwnershipControls"),
                absent_when(("OwnershipControlsNotFoundError",), OWNERSHIP_NOT_SET),
            ),
            lambda: call_or_unread(payer, needs("s3:GetBucketRequestPayment")),
            lambda: call_or_unread(
                tags, needs("s3:GetBucketTagging"), absent_when(("NoSuchTagSet",), {})
            ),
            (lambda: call_or_unread(place, needs("s3:GetBucketLocation")))
            if locate
            else (lambda: Read(None)),
        ]
    )
    return BucketEvidence(
        bucket,
        owner,
        ownership.policy,
        _strictest(block, account_wide, "RestrictPublicBuckets"),
        ownership.encryption,
        object_ownership,
        pays,
        tagged,
        block_public_acls=_strictest(block, account_wide, "BlockPublicAcls"),
        block_public_policy=_strictest(block, account_wide, "BlockPublicPolicy"),
        region=where,
    )


def _directory_bucket(bucket: str, ownership: BucketOwnership) -> BucketEvidence:
    """What is the same for every directory bucket: no public access, no ACLs, the owner pays.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/directory-buckets-overview.html
    """
    return BucketEvidence(
        bucket,
        ownership.owner,
        ownership.policy,
        Read(True),
        ownership.encryption,
        Read("BucketOwnerEnforced"),
        block_public_acls=Read(True),
        block_public_policy=Read(True),
    )


Settings = frozenset[str]
"""The settings of Block Public Access that are on."""


def _settings(answer: Mapping[str, Any]) -> Settings:
    return frozenset(name for name, on in answer.items() if on is True)


_OLD_NAMES = {"EU": "eu-west-1"}
"""https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html"""


def _strictest(bucket: Item[Settings], account: Item[Settings], name: str) -> Item[bool]:
    """One setting of Block Public Access: the stricter of bucket and account wins.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    """
    for item in (bucket, account):
        if name in (item.value_or_none or ()):
            return Read(True)
    for item in (bucket, account):
        if isinstance(item, Unread):
            return item
    return Read(False)


def _encryption(s3: "S3Client", bucket: str, account: str) -> Encryption:
    answer = s3.get_bucket_encryption(Bucket=bucket, **_expected_owner(bucket, account))
    rules = answer["ServerSideEncryptionConfiguration"]["Rules"]
    rule = rules[0] if rules else {}
    default = rule.get("ApplyServerSideEncryptionByDefault", {})
    blocked = rule.get("BlockedEncryptionTypes", {}).get("EncryptionType", ())
    return Encryption(
        algorithm=default.get("SSEAlgorithm", "AES256"),
        key=default.get("KMSMasterKeyID") or None,
        bucket_key=bool(rule.get("BucketKeyEnabled")),
        blocked=tuple(str(kind) for kind in blocked if kind != "NONE"),
    )


def _object_ownership(s3: "S3Client", bucket: str, account: str) -> str:
    answer = s3.get_bucket_ownership_controls(Bucket=bucket, ExpectedBucketOwner=account)
    return str(answer["OwnershipControls"]["Rules"][0]["ObjectOwnership"])
