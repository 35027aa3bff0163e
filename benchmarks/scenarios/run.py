"""Diagnose every scenario in a world of its own on moto, and compare with the labels.

    python benchmarks/scenarios/run.py [--only TEXT]

Each scenario runs the whole way: CloudTrail record → denied call → evidence read through boto3 in
both accounts → diagnosis. The exit status is 1 if one verdict is wrong.
"""

import argparse
import gzip
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "functions"), str(Path(__file__).parent)]

import boto3
from botocore.handlers import BUILTIN_HANDLERS
from moto import mock_aws
from words import REGION, A, B

from threegrants.evidence import Accounts
from threegrants.examine import Rules, examine
from threegrants.records import parse_record

FILE = Path(__file__).with_name("scenarios.jsonl.gz")
READER = "threegrants-reader"
GRANTS = ("bucket_policy", "key_policy", "iam_bucket", "iam_key")


def check_owner(params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]] | None:
    """S3 refuses a request whose ExpectedBucketOwner is not the owner; moto does not look at it."""
    stated = params["headers"].get("x-amz-expected-bucket-owner", A)
    if stated == A:
        return None
    error = {"Code": "AccessDenied", "Message": "Access Denied"}
    return SimpleNamespace(status_code=403, headers={}), {"Error": error, "ResponseMetadata": {}}


def client(service: str, account: str) -> Any:
    sts = boto3.client("sts", region_name=REGION)
    arn = f"arn:aws:iam::{account}:role/{READER}"
    given = sts.assume_role(RoleArn=arn, RoleSessionName="scenario")["Credentials"]
    session = boto3.Session(
        given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], region_name=REGION
    )
    return session.client(service)


def build(world: dict[str, Any]) -> dict[str, str]:
    """Make a world; returns what AWS chose for the placeholders."""
    kms, s3 = client("kms", A), client("s3", A)
    key = kms.create_key(Policy=json.dumps(world["key"]))["KeyMetadata"]["Arn"]
    chosen = {"${KEY}": key}
    s3.create_bucket(Bucket="a-reports", CreateBucketConfiguration={"LocationConstraint": REGION})
    default = {
        "key": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key},
        "aws/s3": {"SSEAlgorithm": "aws:kms"},
        "AES256": {"SSEAlgorithm": "AES256"},
    }[world["encryption"]]
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    s3.put_bucket_encryption(Bucket="a-reports", ServerSideEncryptionConfiguration=rules)
    if world["bucket"]:
        s3.put_bucket_policy(Bucket="a-reports", Policy=filled(world["bucket"], chosen))
    block = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy"), False)
    block["RestrictPublicBuckets"] = bool(world.get("block_public"))
    s3.put_public_access_block(Bucket="a-reports", PublicAccessBlockConfiguration=block)
    for grant in world.get("grants", ()):
        kms.create_grant(
            KeyId=key, GranteePrincipal=grant["grantee"], Operations=grant["operations"]
        )
    if world.get("key_state") == "Disabled":
        kms.disable_key(KeyId=key.rsplit("/", 1)[-1])
    elif world.get("key_state") == "PendingDeletion":
        kms.schedule_key_deletion(KeyId=key.rsplit("/", 1)[-1])
    chosen["${ROLE_ID}"] = _holder(world, chosen)
    return chosen


def _holder(world: dict[str, Any], chosen: dict[str, str]) -> str:
    """The role or user that calls, with its policies; its unique id."""
    if "user" in world:
        return _user(world, chosen)
    role = world.get("role", {"account": B, "name": "analyst", "path": "/"})
    iam = client("iam", role["account"])
    bound = {}
    if world.get("boundary"):
        answer = iam.create_policy(
            PolicyName="boundary", PolicyDocument=json.dumps(world["boundary"])
        )
        bound = {"PermissionsBoundary": answer["Policy"]["Arn"]}
    trust = {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"AWS": B}, "Action": "sts:AssumeRole"},
    }
    made = iam.create_role(
        RoleName=role["name"],
        Path=role["path"],
        AssumeRolePolicyDocument=json.dumps(trust),
        **bound,
    )
    if world["iam"]:
        text = filled(world["iam"], chosen)
        if world.get("managed"):
            answer = iam.create_policy(PolicyName="own", PolicyDocument=text)
            iam.attach_role_policy(RoleName=role["name"], PolicyArn=answer["Policy"]["Arn"])
        else:
            iam.put_role_policy(RoleName=role["name"], PolicyName="own", PolicyDocument=text)
    return str(made["Role"]["RoleId"])


def _user(world: dict[str, Any], chosen: dict[str, str]) -> str:
    user, iam = world["user"], client("iam", world["user"]["account"])
    made = iam.create_user(UserName=user["name"])
    if world["iam"]:
        text = filled(world["iam"], chosen)
        if user.get("group"):
            iam.create_group(GroupName=user["group"])
            iam.add_user_to_group(GroupName=user["group"], UserName=user["name"])
            iam.put_group_policy(GroupName=user["group"], PolicyName="own", PolicyDocument=text)
        else:
            iam.put_user_policy(UserName=user["name"], PolicyName="own", PolicyDocument=text)
    return str(made["User"]["UserId"])


def filled(value: Any, chosen: dict[str, str]) -> str:
    text = json.dumps(value)
    for placeholder, real in chosen.items():
        text = text.replace(placeholder, real)
    return text


@contextmanager
def aws() -> Iterator[None]:
    """An empty AWS on moto, with credentials of nobody."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    settings = {**own, **dict.fromkeys(keys, "testing"), "AWS_DEFAULT_REGION": REGION}
    handler = ("before-call.s3", check_owner)
    BUILTIN_HANDLERS.append(handler)
    try:
        with patch.dict(os.environ, settings, clear=True), mock_aws():
            yield
    finally:
        BUILTIN_HANDLERS.remove(handler)


def answer(scenario: dict[str, Any]) -> dict[str, Any]:
    """The diagnosis of one scenario, in the shape of its label."""
    world = scenario["world"]
    with aws():
        call = parse_record(json.loads(filled(scenario["record"], build(world))))
        accounts = Accounts(READER, known=tuple(world.get("known", (A, B))))
        rules = Rules(writable=frozenset(world.get("writable", (A, B))))
        found = examine(call, accounts, rules).diagnosis
    iam = found.iam_policy
    verdicts = (found.bucket_policy, found.key_policy, iam.bucket, iam.key)
    return {
        **{name: grant.verdict.value for name, grant in zip(GRANTS, verdicts, strict=True)},
        "outcome": found.outcome.value,
        "blockers": [blocker.kind for blocker in found.blockers],
    }


def scenarios() -> list[dict[str, Any]]:
    with gzip.open(FILE, "rt") as lines:
        return [json.loads(line) for line in lines]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--only", default="", help="only ids and causes with this text")
    given = options.parse_args()
    listed = [s for s in scenarios() if given.only in f"{s['id']} {s['cause']}"]
    with ProcessPoolExecutor() as workers:
        found = list(workers.map(answer, listed, chunksize=4))
    confusion: Counter[tuple[str, str, str]] = Counter()
    wrong = []
    for scenario, said in zip(listed, found, strict=True):
        for part in (*GRANTS, "outcome"):
            confusion[part, scenario["expected"][part], said[part]] += 1
        if said != scenario["expected"]:
            wrong.append((scenario, said))
    show(confusion)
    causes = {scenario["cause"] for scenario in listed}
    right = len(listed) - len(wrong)
    print(
        f"\n{len(listed)} scenarios (version {listed[0]['version']}), {len(causes)} causes: {right} right"
    )
    for scenario, said in wrong:
        apart = {k: (v, said[k]) for k, v in scenario["expected"].items() if said[k] != v}
        print(f"{scenario['id']}  {scenario['cause']}: (expected, said) {apart}")
    return bool(wrong)


def show(confusion: Counter[tuple[str, str, str]]) -> None:
    for part in (*GRANTS, "outcome"):
        cells = {(w, s): n for (p, w, s), n in confusion.items() if p == part}
        words = sorted({word for pair in cells for word in pair})
        print(f"\n{part + ': label ↓, said →':<34}" + "".join(f"{word:>16}" for word in words))
        for wanted in words:
            row = "".join(f"{cells.get((wanted, said), 0) or '·':>16}" for said in words)
            print(f"{wanted:<34}{row}")


if __name__ == "__main__":
    sys.exit(main())
