"""Suppression in the function, on moto: counted and logged, and no incident.

Which call is suppressed by what is a table of tests/unit/suppression.
"""

import json

import pytest

from support.configured import accounts
from support.handlers import deliver, metas, serving
from support.names import A, B
from support.records import ROLE, s3


@pytest.fixture
def service(aws, monkeypatch):
    yield from serving(aws, monkeypatch)


def service_call(name, operation, access_bucket="a-reports"):
    return s3(
        "n-1",
        operation=operation,
        bucket=access_bucket,
        userIdentity={"type": "AWSService", "invokedBy": name},
    )


def role_call(arn, operation="GetObject", bucket="a-reports"):
    issuer = {"type": "Role", "arn": arn}
    name = arn.rpartition("/")[2]
    return s3(
        "n-1",
        operation=operation,
        bucket=bucket,
        userIdentity={
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::{B}:assumed-role/{name}/s",
            "accountId": B,
            "sessionContext": {"sessionIssuer": issuer},
        },
    )


NOISE = [
    ("anonymous-scan", s3("n-1", userIdentity={"type": "AWSAccount", "principalId": "",
                                                "accountId": "anonymous"})),
    ("anonymous-scan", s3("n-1", userIdentity={"type": "AWSAccount", "principalId": "",
                                                "accountId": "ANONYMOUS_PRINCIPAL"})),
    ("service-probe", service_call("config.amazonaws.com", "GetBucketEncryption")),
    ("aws-owned-buckets", role_call(ROLE, bucket="aws-ssm-eu-west-1")),
    ("own-roles", role_call(f"arn:aws:iam::{B}:role/threegrants-reader")),
    ("own-roles", role_call(f"arn:aws:iam::{A}:role/threegrants-remediation-bucket", "PutBucketPolicy")),
    ("own-roles", role_call(f"arn:aws:iam::{A}:role/threegrants-eu-west-1-diagnose")),
    ("own-roles", role_call(f"arn:aws:iam::{A}:role/threegrants-eu-west-1-worker")),
    ("never-diagnose", role_call(ROLE, bucket="scratch-7")),
    ("never-diagnose", role_call(f"arn:aws:iam::{B}:role/chaos-monkey")),
]  # fmt: skip
HEARD = [
    service_call("macie.amazonaws.com", "GetObject"),
    service_call("cloudtrail.amazonaws.com", "PutObject"),
    role_call(f"arn:aws:iam::{B}:role/not-threegrants-reader"),
]


@pytest.mark.parametrize(("preset", "record"), NOISE)
def test_suppression_is_counted_and_logged_but_no_incident(service, capsys, caplog, preset, record):
    assert deliver(record) == []
    assert metas(service) == []
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [metric] = [line for line in lines if "preset" in line and "_aws" in line]
    assert (metric["preset"], metric["RecordsSuppressed"]) == (preset, [1.0])
    [said] = [line for line in caplog.records if line.message == "suppressed"]
    assert (said.preset, said.event_id) == (preset, "n-1")


@pytest.mark.parametrize("record", HEARD)
def test_what_only_looks_like_noise_is_heard(service, record):
    assert deliver(record) == []
    assert len(metas(service)) == 1


def test_our_own_role_by_its_unique_id(service, aws):
    """The owner's copy of a denial that our reader met names it by a unique id only."""
    role = aws.client("iam", B).create_role(
        RoleName="threegrants-reader", AssumeRolePolicyDocument="{}"
    )["Role"]["RoleId"]
    who = {"type": "AWSAccount", "principalId": f"{role}:threegrants", "accountId": B}
    assert deliver(s3("n-1", userIdentity=who)) == []
    assert metas(service) == []


def test_a_preset_can_be_left_out(service):
    service.configuration.put(accounts=accounts(read=(A, B)), suppress=[])
    assert deliver(NOISE[0][1]) == []
    assert len(metas(service)) == 1
