"""Situations whose whole answer is kept as a file: a name, a denied call, what was read, what was chosen."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from support.policies import allow, policy
from support.worlds import ADMIN, BUCKET, KEY, ROLE, A, B, call, delegates, evidence, looked_at
from threegrants.analysis import Analysis, AnalysisOptions, analyze_evidence
from threegrants.cloudtrail import CallerType
from threegrants.evidence import (
    EndpointEvidence,
    Evidence,
    LevelEvidence,
    NamedPolicy,
    OrganizationEvidence,
    PolicyKind,
    Read,
    Unread,
)
from threegrants.iam import KmsGrant
from threegrants.patches import GranteeScope, Profile, Scope

IN_BUCKET = (allow(ROLE),)
IN_KEY = (delegates(), allow(ROLE, "kms:Decrypt", "*"))
IN_IAM = (allow(), allow(action="kms:Decrypt", resource=KEY))
LONG_BUCKET = tuple(
    allow(ROLE, "s3:ListBucket", BUCKET, Sid=f"S{n}x{'y' * 80}") for n in range(100)
)
LONG_KEY = (delegates(), *(allow(A, "kms:Decrypt", "*", Sid=f"S{n}{'y' * 280}") for n in range(90)))
REFUSED = Unread("the reader was refused", "a permission that it lacks")
WHO = f"User: arn:aws:sts::{B}:assumed-role/analyst/s is not authorized to perform: "
ELSEWHERE = {"StringEquals": {"aws:SourceVpce": "vpce-0123456789abcdef0"}}
OTHER_FOLDER = {"StringLike": {"kms:EncryptionContext:aws:s3:arn": f"{BUCKET}/other/*"}}


BOTH_TRUSTED = AnalysisOptions(writable=frozenset({A, B}))


@dataclass(frozen=True, slots=True)
class Situation:
    """What is examined; the options are those of the service for two trusted accounts."""

    name: str
    call: Any
    evidence: Evidence
    options: AnalysisOptions = BOTH_TRUSTED
    folders: tuple[str, ...] = ()

    def analysis(self) -> Analysis:
        return analyze_evidence(self.call, self.evidence, self.options, self.folders)


def seen(change: Callable[[Evidence], Evidence], *parts: Any, **more: Any) -> Evidence:
    """Evidence with one thing other than usual."""
    return change(evidence(*parts, **more))


def caller(**changes: Any) -> Callable[[Evidence], Evidence]:
    return lambda found: replace(found, caller=replace(found.caller, **changes))


def bucket(**changes: Any) -> Callable[[Evidence], Evidence]:
    return lambda found: replace(found, bucket=replace(found.bucket, **changes))


def key(**changes: Any) -> Callable[[Evidence], Evidence]:
    return lambda found: replace(found, key=Read(replace(found.key.value_or_none, **changes)))


def organization(account: str, **levels: Any) -> Callable[[Evidence], Evidence]:
    """The account stands in an organisation, in whose root these statements are in force."""
    place = {
        kind: Read((LevelEvidence("r-1", (NamedPolicy(kind, policy(*found), PolicyKind.INLINE),)),))
        for kind, found in {
            "scps": (ADMIN,),
            "rcps": (ADMIN | {"Principal": "*"},),
            **levels,
        }.items()
    }
    where = OrganizationEvidence(
        account, Read("o-aaaaaaaaaa"), Read("999999999999"), Read("o-aaaaaaaaaa/r-1/"), **place
    )
    return lambda found: replace(found, organizations={account: where})


def copying(source: str) -> tuple[Any, Evidence]:
    denied = call("CopyObject", **{"x-amz-copy-source": f"{source}/in/draft.csv"})
    found = evidence()
    there = replace(found.bucket, name=source)
    return denied, replace(found, source=replace(found, bucket=there))


def chosen(**changes: Any) -> AnalysisOptions:
    return replace(BOTH_TRUSTED, **changes)


GET, PUT, LIST = call(), call("PutObject"), call("ListObjects", prefix="2026/")
DENY = allow("*", effect="Deny", Sid="Nobody")
OWNED = Read({"aws:cloudformation:stack-name": "net"})
SSO = (
    f"arn:aws:iam::{B}:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Analyst_0123456789abcdef"
)
INLINE_FULL = NamedPolicy(
    "theirs", policy(*(allow(action="sqs:*", Sid=f"S{n}{'y' * 90}") for n in range(70)))
)

SITUATIONS = [
    Situation("nothing-granted-read", GET, evidence()),
    Situation("nothing-granted-write", PUT, evidence()),
    Situation("nothing-granted-list", LIST, evidence()),
    Situation("multipart", call("UploadPart"), evidence()),
    Situation("bucket-policy-missing", GET, evidence((), IN_KEY, IN_IAM)),
    Situation("key-policy-missing", GET, evidence(IN_BUCKET, (delegates(),), IN_IAM)),
    Situation("iam-policy-missing", GET, evidence(IN_BUCKET, IN_KEY, ())),
    Situation("iam-policy-of-the-key-missing", GET, evidence(IN_BUCKET, IN_KEY, IN_IAM[:1])),
    Situation("no-bucket-encryption", GET, evidence(encrypted=False)),
    Situation("everything-granted", GET, evidence(IN_BUCKET, IN_KEY, IN_IAM)),
    Situation("everything-granted-object-unseen", GET,
              evidence(IN_BUCKET, IN_KEY, IN_IAM, object=REFUSED)),
    Situation("object-not-there", GET,
              evidence(IN_BUCKET, IN_KEY, IN_IAM, object=Read(looked_at(exists=Read(False))))),
    Situation("denied-in-bucket", GET, evidence((*IN_BUCKET, DENY), IN_KEY, IN_IAM)),
    Situation("denied-in-key", GET, evidence(
        IN_BUCKET, (*IN_KEY, allow("*", "kms:*", "*", effect="Deny", Sid="No")), IN_IAM)),
    Situation("denied-in-iam", GET, evidence(IN_BUCKET, IN_KEY, (*IN_IAM, ADMIN | {"Effect": "Deny"}))),
    Situation("near-miss-action", GET, evidence((allow(ROLE, "s3:ListBucket", BUCKET),), IN_KEY, IN_IAM)),
    Situation("near-miss-resource", GET,
              evidence((allow(ROLE, resource=f"{BUCKET}/other/*"),), IN_KEY, IN_IAM)),
    Situation("near-miss-principal", GET,
              evidence((allow(f"arn:aws:iam::{B}:role/other"),), IN_KEY, IN_IAM)),
    Situation("condition-how", GET, evidence((allow(ROLE, Condition=ELSEWHERE),), IN_KEY, IN_IAM)),
    Situation("condition-encryption-context", GET, evidence(
        IN_BUCKET, (delegates(), allow(ROLE, "kms:Decrypt", "*", Condition=OTHER_FOLDER)), IN_IAM)),
    Situation("boundary", GET, seen(
        caller(boundary=Read(NamedPolicy("limits", policy(allow(action="ec2:*", resource="*")), PolicyKind.BOUNDARY))),
        IN_BUCKET, IN_KEY, IN_IAM)),
    Situation("scp", GET, seen(
        organization(B, scps=(ADMIN, ADMIN | {"Effect": "Deny", "Action": "s3:*"})), IN_BUCKET, IN_KEY, IN_IAM)),
    Situation("rcp", GET, seen(
        organization(A, rcps=(ADMIN | {"Principal": "*"}, allow("*", "s3:*", "*", effect="Deny"))),
        IN_BUCKET, IN_KEY, IN_IAM)),
    Situation("vpc-endpoint", replace(GET, vpc_endpoint_id="vpce-0123456789abcdef0", vpc_endpoint_account=B),
              evidence(IN_BUCKET, IN_KEY, IN_IAM, endpoint=Read(EndpointEvidence(
                  "vpce-0123456789abcdef0", B, "vpc-0123456789abcdef0",
                  Read(policy(allow("*", "s3:PutObject", "*"))))))),
    Situation("bucket-policy-unread", GET, seen(bucket(policy=REFUSED), (), IN_KEY, IN_IAM)),
    Situation("bucket-owner-unread", GET,
              seen(bucket(policy=REFUSED, account=REFUSED, encryption=REFUSED), (), IN_KEY, IN_IAM)),
    Situation("caller-unread", GET, seen(caller(policies=REFUSED), IN_BUCKET, IN_KEY, ())),
    Situation("key-unread", GET, replace(evidence(IN_BUCKET, (), IN_IAM), key=REFUSED)),
    Situation("key-disabled", GET, seen(key(state=Read("Disabled")), IN_BUCKET, IN_KEY, IN_IAM)),
    Situation("key-of-aws", GET, seen(key(manager=Read("AWS")), IN_BUCKET, (), IN_IAM)),
    Situation("key-named-by-the-caller-only", GET, seen(key(corroborated=False), IN_BUCKET, (delegates(),), IN_IAM)),
    Situation("key-grant-instead", GET, seen(
        key(grants=Read((KmsGrant(KEY, ROLE, ("Encrypt",), {}),))), IN_BUCKET, (delegates(),), IN_IAM)),
    Situation("public-access-restricted", GET, seen(bucket(restrict_public=Read(True)), (allow("*"),), IN_KEY, IN_IAM)),
    Situation("requester-pays", GET, seen(bucket(payer=Read("Requester")), IN_BUCKET, IN_KEY, IN_IAM)),
    Situation("owner-of-objects-not-enforced", GET, seen(bucket(object_ownership=Read("ObjectWriter")), IN_BUCKET, IN_KEY, IN_IAM)),
    Situation("same-account", call(account=A), evidence(account=A)),
    Situation("same-account-key", call(account=A), evidence((), (allow(ROLE, "kms:Decrypt", "*"),), (allow(),), account=A)),
    Situation("identity-center", GET, seen(caller(arn=Read(SSO)), IN_BUCKET, IN_KEY, ())),
    Situation("role-deleted", GET, seen(caller(arn=Read(None), policies=REFUSED), IN_BUCKET, IN_KEY, ())),
    Situation("root-user", GET, seen(
        caller(type=CallerType.ROOT, arn=Read(f"arn:aws:iam::{B}:root"), unique_id=B), (), IN_KEY, ())),
    Situation("anonymous", GET, seen(
        caller(type=CallerType.ANONYMOUS, account=None, arn=Read(None), unique_id=None), (), IN_KEY, ())),
    Situation("aws-says-scp", call(message=f'{WHO}s3:GetObject on resource: "{BUCKET}/2026/q3.csv" with an explicit deny in a service control policy'),
              evidence(IN_BUCKET, IN_KEY, IN_IAM)),
    Situation("aws-says-identity", call(message=f'{WHO}s3:GetObject on resource: "{BUCKET}/2026/q3.csv" because no identity-based policy allows the s3:GetObject action'),
              evidence(IN_BUCKET, IN_KEY, ())),
    Situation("aws-contradicts", call(message=f'{WHO}s3:GetObject on resource: "{BUCKET}/2026/q3.csv" because no resource-based policy allows the s3:GetObject action'),
              evidence(IN_BUCKET, IN_KEY, IN_IAM)),
    Situation("copy-between-buckets", *copying("a-drafts")),
    Situation("copy-within-a-bucket", *copying("a-reports")),
    Situation("two-folders", GET, evidence(), folders=("2026/", "2025/")),
    Situation("scope-object", GET, evidence(), chosen(scope=Scope.OBJECT)),
    Situation("scope-bucket", GET, evidence(), chosen(scope=Scope.BUCKET)),
    Situation("grant-to-the-account", GET, evidence(), chosen(principal=GranteeScope.ACCOUNT)),
    Situation("profile-article", GET, evidence(), chosen(profile=Profile.ARTICLE)),
    Situation("nobody-trusted", GET, evidence(), chosen(writable=frozenset())),
    Situation("owned-by-a-stack", GET, seen(bucket(tags=OWNED), (), IN_KEY, IN_IAM)),
    Situation("owned-key", GET, seen(key(tags=OWNED), IN_BUCKET, (delegates(),), IN_IAM)),
    Situation("owned-role", GET, seen(caller(tags=OWNED), IN_BUCKET, IN_KEY, ())),
    Situation("bucket-policy-full", GET, evidence(LONG_BUCKET, IN_KEY, IN_IAM)),
    Situation("key-policy-full", GET, evidence(IN_BUCKET, LONG_KEY, IN_IAM)),
    Situation("inline-policies-full", GET, seen(caller(policies=Read((INLINE_FULL,))), IN_BUCKET, IN_KEY, ())),
    Situation("set-up-of-a-bucket", call("PutBucketEncryption"), evidence()),
    Situation("acl", call("PutObject", **{"x-amz-acl": "bucket-owner-full-control"}), evidence()),
    Situation("delete", call("DeleteObject"), evidence()),
    Situation("delete-many", call("DeleteObjects"), evidence()),
    Situation("head", call("HeadObject"), evidence(IN_BUCKET, IN_KEY, IN_IAM)),
    Situation("odd-key", call(key="in/a*b ${aws:username}/x.csv"), evidence()),
]  # fmt: skip
