"""Random denied calls with their evidence, in which at least one grant is missing.

Bucket, key, principal, prefix, encryption, accounts, what stands in the policies already, and how
patches are to be cut: all are drawn, the same ones for the same seed. What the patches are for (which
actions, which keys) is stated here a second time, from AWS's pages, and not taken from the package.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from threegrants.analysis import AnalysisOptions
from threegrants.cloudtrail import Access, CallerType, DeniedCall, KeySource, parse_record
from threegrants.evidence import (
    BucketEvidence,
    CallerEvidence,
    Encryption,
    Evidence,
    KeyEvidence,
    NamedPolicy,
    ObjectEvidence,
    Read,
)
from threegrants.patches import GranteeScope, Profile, Scope

A, B, C = "111111111111", "222222222222", "333333333333"
REGIONS = ("eu-west-1", "us-east-1", "ap-southeast-2")
UNIQUE = {"role": "AROAEXAMPLE000000000", "user": "AIDAEXAMPLE000000000"}

OPERATIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "GetObject": (("s3:GetObject",), ("kms:Decrypt",)),
    "HeadObject": (("s3:GetObject",), ("kms:Decrypt",)),
    "GetObjectTagging": (("s3:GetObjectTagging",), ()),
    "PutObject": (("s3:PutObject",), ("kms:GenerateDataKey",)),
    "CreateMultipartUpload": (("s3:PutObject",), ("kms:GenerateDataKey", "kms:Decrypt")),
    "PutObjectTagging": (("s3:PutObjectTagging",), ()),
    "DeleteObject": (("s3:DeleteObject",), ()),
    "AbortMultipartUpload": (("s3:AbortMultipartUpload",), ()),
    "ListObjects": (("s3:ListBucket",), ()),
    "ListObjectVersions": (("s3:ListBucketVersions",), ()),
    "ListMultipartUploads": (("s3:ListBucketMultipartUploads",), ()),
    "ListParts": (("s3:ListMultipartUploadParts",), ()),
}
"""CloudTrail's event name → S3's actions, and KMS's where the object is under a key.
Sources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html"""
LISTS = frozenset({"ListObjects", "ListObjectVersions", "ListMultipartUploads"})
BY_PREFIX = frozenset({"ListObjects", "ListObjectVersions"})
"""The lists that know `s3:prefix`; of uploads the whole bucket is listed, or nothing.
Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html"""
DIRECT = {
    "Decrypt": ("kms:Decrypt",),
    "GenerateDataKey": ("kms:GenerateDataKey",),
    "Encrypt": ("kms:Encrypt",),
}
"""Calls of KMS itself, without S3."""
_WEIGHTS = (8, 2, 1, 6, 3, 1, 2, 1, 6, 2, 1, 1)
_FOLDERS = ("", "2026/", "2026/q3/", "team-a/in/", "data/v1=x/", "a b/", "logs/eu+west/")
_NAMES = ("report.csv", "q3", "part-0001.parquet", "a:b", "é.txt", "notes (1).md")


@dataclass(frozen=True, slots=True)
class World:
    """One denied call, what was read for it, and what the operator decided."""

    number: int
    call: DeniedCall
    evidence: Evidence
    options: AnalysisOptions
    principal: str
    """who called: a session's ARN or a user's"""
    grantee: str
    """the role or user"""
    region: str
    bucket_owner: str
    key: str | None
    s3_actions: tuple[str, ...]
    kms_actions: tuple[str, ...]

    @property
    def account(self) -> str:
        """The caller's account."""
        return self.grantee.split(":")[4]


def worlds(count: int, seed: int) -> Iterator[World]:
    """The same worlds for the same seed."""
    for number in range(count):
        yield _world(random.Random(f"{seed}-{number}"), number)


def _world(r: random.Random, number: int) -> World:
    region = r.choice(REGIONS)
    direct = r.random() < 0.06
    operation = (
        r.choice(list(DIRECT)) if direct else r.choices(list(OPERATIONS), weights=_WEIGHTS)[0]
    )
    caller = r.choices([A, B], weights=[1, 3])[0]
    kind = r.choices(["role", "user"], weights=[5, 1])[0]
    path, name = r.choice(["", "", "team/", "ci/eu/"]), r.choice(["analyst", "etl-job", "ann.b"])
    grantee = f"arn:aws:iam::{caller}:{kind}/{path}{name}"
    principal = grantee if kind == "user" else f"arn:aws:sts::{caller}:assumed-role/{name}/s"
    encrypted = direct or r.random() < 0.75
    key_account = r.choices([A, C], weights=[5, 1])[0]
    key = f"arn:aws:kms:{region}:{key_account}:key/{r.getrandbits(32):08x}-2222-3333-4444-555555555555"
    bucket = f"{r.choice(['reports', 'a.b', 'data-lake'])}-{r.getrandbits(16):04x}"
    object_key = r.choice(_FOLDERS) + r.choice(_NAMES)
    record = _record(r, operation, region, bucket, object_key, grantee, principal)
    s3_actions, kms_actions = ((), DIRECT[operation]) if direct else OPERATIONS[operation]
    if direct:
        said = f"because no resource-based policy allows the kms:{operation} action"
        record |= {
            "eventSource": "kms.amazonaws.com",
            "requestParameters": None,
            "resources": [{"type": "AWS::KMS::Key", "ARN": key, "accountId": key_account}],
            "errorMessage": f"User: {principal} is not authorized to perform: kms:{operation} "
            f"on resource: {key} {said}",
        }
    call = parse_record(record)
    assert isinstance(call, DeniedCall)
    evidence = _evidence(r, grantee, bucket, key, direct=direct, encrypted=encrypted)
    if not encrypted:
        kms_actions = ()
    evidence = _with_grants(r, evidence, grantee, s3_actions, kms_actions, key)
    evidence = _with_source_of_key(r, evidence, call)
    return World(
        number, call, evidence, _options(r), principal, grantee, region, A,
        key if encrypted else None, s3_actions, kms_actions,
    )  # fmt: skip


def _record(
    r: random.Random,
    operation: str,
    region: str,
    bucket: str,
    object_key: str,
    grantee: str,
    principal: str,
) -> dict[str, Any]:
    account, kind = grantee.split(":")[4], grantee.split(":")[5].partition("/")[0]
    who: dict[str, Any] = {
        "type": "IAMUser",
        "principalId": UNIQUE["user"],
        "arn": principal,
        "accountId": account,
    }
    if kind == "role":
        issuer = {"type": "Role", "arn": grantee, "principalId": UNIQUE["role"]}
        who |= {
            "type": "AssumedRole",
            "principalId": f"{UNIQUE['role']}:s",
            "sessionContext": {"sessionIssuer": issuer},
        }
    parameters = {"bucketName": bucket, "Host": f"{bucket}.s3.{region}.amazonaws.com"}
    if operation not in LISTS:
        parameters["key"] = object_key
    elif r.random() < 0.8:
        folder = object_key[: object_key.rfind("/") + 1]
        parameters["prefix"] = r.choice([folder, object_key])
    return {
        "userIdentity": who,
        "eventTime": "2026-11-24T03:00:00Z",
        "eventSource": "s3.amazonaws.com",
        "eventName": operation,
        "awsRegion": region,
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "[Boto3/1.44]",
        "errorCode": "AccessDenied",
        "errorMessage": "Access Denied",
        "requestParameters": parameters,
        "resources": [{"type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}", "accountId": A}],
        "eventID": f"e-{bucket}",
        "tlsDetails": {"tlsVersion": "TLSv1.3"},
    }


def _evidence(
    r: random.Random, grantee: str, bucket: str, key: str, *, direct: bool, encrypted: bool
) -> Evidence:
    account, kind = grantee.split(":")[4], grantee.split(":")[5].partition("/")[0]
    algorithm = r.choices(["aws:kms", "aws:kms:dsse"], weights=[6, 1])[0]
    default = Encryption("AES256")
    if encrypted:
        default = Encryption(algorithm, key, algorithm == "aws:kms" and r.random() < 0.5)
    source = KeySource.ERROR_MESSAGE if direct else KeySource.BUCKET_DEFAULT
    found = KeyEvidence(
        key,
        source,
        key.split(":")[4],
        key.split(":")[3],
        Read(None),
        Read("Enabled"),
        Read("CUSTOMER"),
        Read(()),
    )
    of_bucket = BucketEvidence(
        bucket,
        Read(A),
        Read(None),
        Read(False),
        Read(default),
        Read("BucketOwnerEnforced"),
    )
    return Evidence(
        at="2026-11-24T03:01:00Z",
        caller=CallerEvidence(
            CallerType.ROLE if kind == "role" else CallerType.USER,
            account,
            Read(grantee),
            UNIQUE[kind],
            Read(()),
            Read(None),
            Read({}),
        ),
        bucket=None if direct else of_bucket,
        key=Read(found if encrypted else None),
    )


def _with_source_of_key(r: random.Random, evidence: Evidence, call: DeniedCall) -> Evidence:
    """How the key is known: of some reads by the object itself, of some calls by their caller alone."""
    key = evidence.key.value_or_none
    if key is None or not call.bucket:
        return evidence
    if call.access is Access.READ and r.random() < 0.25:
        own = Encryption("aws:kms", key.arn, r.random() < 0.5)
        seen = ObjectEvidence(Read(True), Read(own), Read(None), Read(None))
        of_object = replace(key, source=KeySource.OBJECT)
        return replace(evidence, object=Read(seen), key=Read(of_object))
    if r.random() < 0.15:
        named = replace(key, source=KeySource.ERROR_MESSAGE, corroborated=False)
        return replace(evidence, key=Read(named))
    return evidence


def _with_grants(
    r: random.Random,
    evidence: Evidence,
    grantee: str,
    s3_actions: tuple[str, ...],
    kms_actions: tuple[str, ...],
    key: str,
) -> Evidence:
    """Grants for the call in some of the three places, and what strangers have there."""
    bucket, found = evidence.bucket, evidence.key.value_or_none
    own: list[dict[str, Any]] = _noise(r, None, "arn:aws:s3:::others")
    if bucket is not None:
        arn = f"arn:aws:s3:::{bucket.name}"
        listed = _noise(r, r.choice([A, C]), arn)
        granted = {"Action": list(s3_actions), "Resource": [arn, f"{arn}/*"]}
        if r.random() < 0.35:
            listed.append({"Effect": "Allow", "Principal": {"AWS": grantee}, **granted})
        if r.random() < 0.4:
            own.append({"Effect": "Allow", **granted})
        evidence = replace(evidence, bucket=replace(bucket, policy=Read(_text(listed))))
    if found is not None:
        root = f"arn:aws:iam::{found.account}:root"
        policy = [
            {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}
        ]
        if r.random() < 0.3 and kms_actions:
            policy.append(
                {
                    "Effect": "Allow",
                    "Principal": {"AWS": grantee},
                    "Action": list(kms_actions),
                    "Resource": "*",
                }
            )
        if r.random() < 0.4 and kms_actions:
            own.append({"Effect": "Allow", "Action": list(kms_actions), "Resource": key})
        evidence = replace(evidence, key=Read(replace(found, policy=Read(_text(policy)))))
    text = _text(own)
    policies = (NamedPolicy("own", text),) if text else ()
    return replace(evidence, caller=replace(evidence.caller, policies=Read(policies)))


def _noise(r: random.Random, account: str | None, arn: str) -> list[dict[str, Any]]:
    """Statements about others: allows, and a deny that is not about the call."""
    listed: list[dict[str, Any]] = []
    if r.random() < 0.4:
        who = (
            {} if account is None else {"Principal": {"AWS": f"arn:aws:iam::{account}:role/other"}}
        )
        listed.append(
            {"Effect": "Allow", **who, "Action": "s3:GetObject", "Resource": f"{arn}/other/*"}
        )
    if r.random() < 0.25:
        everyone = {} if account is None else {"Principal": "*"}
        insecure = {"Bool": {"aws:SecureTransport": "false"}}
        listed.append(
            {
                "Effect": "Deny",
                **everyone,
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": insecure,
            }
        )
    return listed


def _text(listed: list[dict[str, Any]]) -> str | None:
    return json.dumps({"Version": "2012-10-17", "Statement": listed}) if listed else None


def _options(r: random.Random) -> AnalysisOptions:
    return AnalysisOptions(
        writable=frozenset({A, B, C}),
        profile=r.choices([Profile.LEAST, Profile.ARTICLE], weights=[9, 1])[0],
        scope=r.choices(list(Scope), weights=[2, 5, 1])[0],
        principal=r.choices(list(GranteeScope), weights=[9, 1])[0],
    )
