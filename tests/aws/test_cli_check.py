"""`threegrants check` with credentials reads what is in force."""

import json

import pytest
from click.testing import CliRunner

from support.names import BUCKET, A, B
from threegrants.cli import main

ROLE = f"arn:aws:iam::{B}:role/team/analyst"
OWN = {"Effect": "Allow", "Action": ["s3:GetObject", "kms:Decrypt"], "Resource": "*"}


def run(*arguments):
    asked = ("--principal", ROLE, "--bucket", BUCKET, "--bucket-account", A, *arguments)
    return CliRunner().invoke(main, ["check", *asked, "--format", "json"])


def statement(action, resource="*"):
    return {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": action, "Resource": resource}


def test_nothing_is_granted_yet(aws):
    key = aws.world()
    done = run("--object", "q1.csv", "--key", key)
    assert done.exit_code == 1, done.output
    (answer,) = json.loads(done.stdout)
    verdicts = {name: grant["verdict"] for name, grant in answer["grants"].items()}
    assert verdicts == {
        "bucket_policy": "missing", "key_policy": "missing", "iam_policy": "missing",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("named", "code"),
    [
        pytest.param(True, 0, id="the key is said"),
        pytest.param(False, 3, id="the object may have another key than the bucket's default"),
    ],
)
def test_all_three_are_granted(aws, named, code):
    key = aws.world(iam=[OWN])
    document = {"Version": "2012-10-17"}
    bucket = document | {"Statement": [statement("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*")]}
    aws.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(bucket))
    aws.client("kms").put_key_policy(
        KeyId=key,
        PolicyName="default",
        Policy=json.dumps(document | {"Statement": [statement("kms:Decrypt")]}),
    )
    done = run("--object", "q1.csv", *(("--key", key) if named else ()))
    assert done.exit_code == code, done.output
