"""Who may approve, on moto: two people, guardrails, and callers of the API."""

import json
from types import SimpleNamespace

import pytest

from aws.conftest import A, B
from aws.remediation_desk import (
    SECOND,
    TRUSTED,
    approve,
    bucket_policy,
    later,
    moves,
    opened,
    sweep,
)
from support.harness import APPROVER
from threegrants.cloudtrail import Access
from threegrants.handlers import remediate
from threegrants.incidents import State
from threegrants.remediation import Limits, Refused


@pytest.fixture
def desk(aws):
    return opened(aws)


# --- who may approve ---


def test_two_people_for_kinds_of_access_that_want_them(desk, aws):
    desk.limits = Limits(trusted=TRUSTED, four_eyes=frozenset({Access.READ}))
    identity = desk.handle().id
    first = approve(desk, identity)
    assert first.state is State.PROPOSED
    assert bucket_policy(aws) is None
    again = approve(desk, identity, APPROVER.replace("/sam", "/kim"))
    assert again.state is State.PROPOSED, "two sessions of one role are one person"
    assert approve(desk, identity, SECOND).state is State.VERIFIED
    run = desk.run_store.last_run(identity)
    assert run.actors == (APPROVER.replace("/sam", "/kim"), SECOND)
    assert moves(desk, identity)[2:] == ["proposed", "proposed", "applying", "verified"]


def test_two_people_must_mean_the_same_digests(desk, aws):
    desk.limits = Limits(trusted=TRUSTED, four_eyes=frozenset({Access.READ}))
    identity = desk.handle().id
    one, two = desk.digests(identity)
    approve(desk, identity, APPROVER, [one])
    assert approve(desk, identity, SECOND, [one, two]).state is State.PROPOSED
    assert bucket_policy(aws) is None
    assert approve(desk, identity, APPROVER, [two, one]).state is State.VERIFIED


def test_a_first_approval_expires(desk):
    desk.limits = Limits(trusted=TRUSTED, four_eyes=frozenset({Access.READ}), approval_seconds=3600)
    identity = desk.handle().id
    approve(desk, identity)
    later(desk, 3599)
    assert "approvals expired" not in sweep(desk, rechecks=0)
    later(desk, 2)
    assert approve(desk, identity, SECOND).state is State.PROPOSED, "the first one is void"
    later(desk, 3601)
    assert sweep(desk, rechecks=0)["approvals expired"] == 1
    assert desk.store.get(identity).state is State.OPEN


def test_the_denied_principal_may_not_reject_either(desk):
    identity = desk.handle().id
    with pytest.raises(Refused, match="denied principal"):
        desk.service.reject(identity, f"arn:aws:sts::{B}:assumed-role/analyst/other-session")
    with pytest.raises(Refused, match="federated"):
        desk.service.rollback(identity, f"arn:aws:sts::{A}:federated-user/sam")


GUARDS = [
    (Limits(trusted=TRUSTED, protected=("a-reports",)), 403, "is protected"),
    (Limits(trusted=TRUSTED, organization="o-1"), 403, "organisation"),
    (Limits(trusted=TRUSTED, patches_an_hour=1), 429, "MaxPatchesPerHour"),
]


@pytest.mark.parametrize(("limits", "status", "words"), GUARDS, ids=[g[2] for g in GUARDS])
def test_guardrails(desk, aws, limits, status, words):
    desk.limits = limits
    identity = desk.handle().id
    with pytest.raises(Refused, match=words) as refused:
        approve(desk, identity)
    assert refused.value.status == status
    assert desk.store.get(identity).state is State.OPEN
    assert bucket_policy(aws) is None


@pytest.mark.parametrize("what", ["bucket", "key"])
def test_a_tag_protects(desk, aws, what):
    identity = desk.handle().id
    if what == "bucket":
        tagging = {"TagSet": [{"Key": "threegrants:protected", "Value": "true"}]}
        aws.client("s3").put_bucket_tagging(Bucket="a-reports", Tagging=tagging)
    else:
        key = aws.client("kms").list_keys()["Keys"][0]["KeyId"]
        tags = [{"TagKey": "threegrants:protected", "TagValue": "true"}]
        aws.client("kms").tag_resource(KeyId=key, Tags=tags)
    with pytest.raises(Refused, match="tag threegrants:protected"):
        approve(desk, identity)


def test_the_hours_quota_is_counted(desk):
    desk.limits = Limits(trusted=TRUSTED, patches_an_hour=3)
    identity = desk.handle().id
    approve(desk, identity)
    desk.service.rollback(identity, APPROVER)
    desk.move(desk.store.get(identity), State.OPEN, "service", "opened again")
    with pytest.raises(Refused, match="MaxPatchesPerHour") as refused:
        approve(desk, identity)
    assert refused.value.status == 429
    later(desk, 3600)
    assert approve(desk, identity).state is State.VERIFIED


# --- the API ---


def event(route, path, authorizer, body=None):
    method = route.split()[0]
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "http": {"method": method, "path": path},
            "stage": "$default",
            "requestId": "r",
            "authorizer": authorizer,
        },
        "body": json.dumps(body or {}),
        "isBase64Encoded": False,
    }


NOBODY = [
    ("no authorizer", {}),
    ("an authorizer that is not IAM", {"jwt": {"claims": {"sub": "sam"}}}),
    ("IAM without a caller", {"iam": {"accountId": A}}),
    ("a federated user", {"iam": {"userArn": f"arn:aws:sts::{A}:federated-user/sam"}}),
]


@pytest.mark.parametrize("action", ["approve", "reject", "rollback"])
@pytest.mark.parametrize("authorizer", [n[1] for n in NOBODY], ids=[n[0] for n in NOBODY])
def test_a_caller_without_iams_word_is_refused(desk, aws, monkeypatch, authorizer, action):
    identity = desk.handle().id
    monkeypatch.setattr(remediate, "_service", lambda: desk.service)
    context = SimpleNamespace(
        function_name="f",
        memory_limit_in_mb=1,
        invoked_function_arn="arn",
        aws_request_id="r",
        get_remaining_time_in_millis=lambda: 29_000,
    )
    asked = event(
        f"POST /incidents/{identity}/{action}",
        f"/incidents/{identity}/{action}",
        authorizer,
        {"digests": desk.digests(identity)},
    )
    answer = remediate.handler(asked, context)
    assert answer["statusCode"] == 403, answer
    assert desk.store.get(identity).state is State.OPEN
    assert bucket_policy(aws) is None
