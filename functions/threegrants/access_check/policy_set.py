"""`PolicySet`: the policies that decide a question, as they stand in files, and the evidence of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from threegrants.access_check.planned_call import Question
from threegrants.aws.arn import account_in, parse_arn
from threegrants.cloudtrail import DeniedCall, KeySource
from threegrants.evidence import (
    BucketEvidence,
    CallerEvidence,
    Encryption,
    Evidence,
    Item,
    KeyEvidence,
    LevelEvidence,
    NamedPolicy,
    OrganizationEvidence,
    Read,
    Unread,
)

_NO_PATH = Unread(
    "a session's ARN does not show its role's path", "--principal with the role's ARN"
)
_ORGANIZATION = Unread(
    "the organisation is not in the files", "--context aws:PrincipalOrgID=o-…, or a live check"
)


RESTRICTED: Item[bool] = Read(True)
ENFORCED: Item[str] = Read("BucketOwnerEnforced")
"""Both are the defaults of a new bucket:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html"""


class PolicyFileError(ValueError):
    """A file that does not hold what it should: which file, what is wrong, what was expected."""


@dataclass(frozen=True, slots=True)
class PolicySet:
    """What files say of one question.

    Args:
        bucket_policy: the document; `Read(None)` if the bucket has none.
        key_policy: the document.
        identity: the principal's identity-based policies.
        boundary: its permissions boundary; `Read(None)` if there is none.
        encryption: the bucket's default encryption.
        restrict_public: RestrictPublicBuckets of the bucket.
        object_ownership: `BucketOwnerEnforced` or another setting.
        scps: service control policies of the principal's account, level by level.
        rcps: resource control policies of the owner's account.
        bucket_account: the account that owns the bucket.
        places: the file, and the address in it, where each of the three grants stands.
        supposed: what the files do not say and is taken for granted, as sentences.
    """

    bucket_policy: Item[str | None]
    key_policy: Item[str | None]
    identity: Item[tuple[NamedPolicy, ...]]
    boundary: Item[NamedPolicy | None]
    encryption: Item[Encryption]
    restrict_public: Item[bool] = RESTRICTED
    object_ownership: Item[str] = ENFORCED
    scps: tuple[LevelEvidence, ...] = ()
    rcps: tuple[LevelEvidence, ...] = ()
    bucket_account: str | None = None
    places: Mapping[str, str] = field(default_factory=dict)
    supposed: tuple[str, ...] = ()


def evidence_of(policies: PolicySet, question: Question, call: DeniedCall) -> Evidence:
    """The evidence that files hold for a question.

    Args:
        policies: what the files say.
        question: what is asked.
        call: the call that is asked about.
    """
    caller = call.caller
    accounts = {caller.account or "", policies.bucket_account or ""}
    key = _key(policies, question, call)
    if key is not None:
        accounts.add(key.account)
    return Evidence(
        at=call.time,
        caller=CallerEvidence(
            type=caller.type,
            account=caller.account,
            arn=Read(caller.arn) if caller.path_known else _NO_PATH,
            unique_id=None,
            policies=policies.identity,
            boundary=policies.boundary,
            tags=Unread("tags are not in the files", "--context aws:PrincipalTag/NAME=VALUE"),
        ),
        bucket=_bucket(policies, question),
        key=Read(key) if key is not None or not _needs_named_key(policies) else _NO_KEY,
        organizations={
            account: OrganizationEvidence(
                account=account,
                id=_ORGANIZATION,
                management_account=_ORGANIZATION,
                path=_ORGANIZATION,
                scps=Read(policies.scps if account == caller.account else ()),
                rcps=Read(policies.rcps if account == policies.bucket_account else ()),
            )
            for account in sorted(accounts - {""})
        },
    )


_NO_KEY = Unread("the files do not say which key encrypts the bucket", "--key ARN")


def _needs_named_key(policies: PolicySet) -> bool:
    encryption = policies.encryption.value_or_none
    return encryption is None or encryption.algorithm != "AES256"


def _bucket(policies: PolicySet, question: Question) -> BucketEvidence | None:
    if question.bucket is None:
        return None
    owner = policies.bucket_account
    return BucketEvidence(
        name=question.bucket,
        account=Read(owner) if owner else Unread("no file says it", "--bucket-account"),
        policy=policies.bucket_policy,
        restrict_public=policies.restrict_public,
        encryption=policies.encryption,
        object_ownership=policies.object_ownership,
    )


def _key(policies: PolicySet, question: Question, call: DeniedCall) -> KeyEvidence | None:
    """The key that the call needs: the one that is named, else the bucket's default."""
    encryption = policies.encryption.value_or_none
    arn = question.kms_key or (encryption.key if encryption else None)
    named = parse_arn(arn)
    if arn is None or named is None or not call.kms_actions:
        return None
    return KeyEvidence(
        arn=arn,
        source=KeySource.BUCKET_DEFAULT,
        account=account_in(arn) or "",
        region=named.region,
        policy=policies.key_policy,
        state=Read("Enabled"),
        manager=Read("CUSTOMER"),
        grants=Read(()),
        stated=arn,
    )
