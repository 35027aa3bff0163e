"""Who may approve, on moto: two people, guardrails, and callers of the API."""

from types import SimpleNamespace

import pytest

from support.handlers import API_SECRET, api_event
from support.harness import APPROVER, SECOND, TRUSTED, bucket_policy
from support.names import A, B
from threegrants.cloudtrail import Access
from threegrants.handlers import remediate
from threegrants.incidents import State
from threegrants.remediation import Limits, Refused

# --- who may approve ---


def test_two_people_for_kinds_of_access_that_want_them(harness, aws):
    harness.limits = Limits(trusted=TRUSTED, four_eyes=frozenset({Access.READ}))
    incident_id = harness.handle().id
    first = harness.approve(incident_id)
    assert first.state is State.PROPOSED
    assert bucket_policy(aws) is None
    again = harness.approve(incident_id, APPROVER.replace("/sam", "/kim"))
    assert again.state is State.PROPOSED, "two sessions of one role are one person"
    assert harness.approve(incident_id, SECOND).state is State.VERIFIED
    run = harness.run_store.last_run(incident_id)
    assert run.actors == (APPROVER.replace("/sam", "/kim"), SECOND)
    assert harness.moves(incident_id)[2:] == ["proposed", "proposed", "applying", "verified"]


def test_the_second_person_is_told_and_the_first_learns_how_it_ended(harness):
    harness.limits = Limits(trusted=TRUSTED, four_eyes=frozenset({Access.READ}))
    incident_id = harness.handle().id
    digests = harness.digests(incident_id)
    harness.approve(incident_id)
    harness.work()
    [(told, why, note)] = harness.told
    assert (told, why) == (incident_id, "proposed")
    assert note == f"{APPROVER} approved {', '.join(digests)}."
    harness.approve(incident_id, SECOND)
    harness.work()
    harness.sweep()
    assert [why for _, why, _ in harness.told] == ["proposed", "verified"]
    assert harness.told[1][2].endswith(f"Asked for by {APPROVER} and {SECOND}.")


def test_two_people_must_mean_the_same_digests(harness, aws):
    harness.limits = Limits(trusted=TRUSTED, four_eyes=frozenset({Access.READ}))
    incident_id = harness.handle().id
    one, two = harness.digests(incident_id)
    harness.approve(incident_id, APPROVER, [one])
    assert harness.approve(incident_id, SECOND, [one, two]).state is State.PROPOSED
    assert bucket_policy(aws) is None
    assert harness.approve(incident_id, APPROVER, [two, one]).state is State.VERIFIED


def test_a_first_approval_expires(harness):
    harness.limits = Limits(
        trusted=TRUSTED, four_eyes=frozenset({Access.READ}), approval_seconds=3600
    )
    incident_id = harness.handle().id
    harness.approve(incident_id)
    harness.later(3599)
    assert "approvals expired" not in harness.sweep(rechecks=0)
    harness.later(2)
    assert harness.approve(incident_id, SECOND).state is State.PROPOSED, "the first one is void"
    harness.later(3601)
    assert harness.sweep(rechecks=0)["approvals expired"] == 1
    assert harness.store.get(incident_id).state is State.OPEN


def test_the_denied_principal_may_not_reject_either(harness):
    incident_id = harness.handle().id
    with pytest.raises(Refused, match="denied principal"):
        harness.service.reject(incident_id, f"arn:aws:sts::{B}:assumed-role/analyst/other-session")
    with pytest.raises(Refused, match="federated"):
        harness.service.rollback(incident_id, f"arn:aws:sts::{A}:federated-user/sam")


GUARDS = [
    (Limits(trusted=TRUSTED, protected=("a-reports",)), 403, "is protected"),
    (Limits(trusted=TRUSTED, organization="o-1"), 403, "organisation"),
    (Limits(trusted=TRUSTED, patches_an_hour=1), 429, "MaxPatchesPerHour"),
]


@pytest.mark.parametrize(("limits", "status", "words"), GUARDS, ids=[g[2] for g in GUARDS])
def test_guardrails(harness, aws, limits, status, words):
    harness.limits = limits
    incident_id = harness.handle().id
    with pytest.raises(Refused, match=words) as refused:
        harness.approve(incident_id)
    assert refused.value.status == status
    assert harness.store.get(incident_id).state is State.OPEN
    assert bucket_policy(aws) is None


@pytest.mark.parametrize("what", ["bucket", "key"])
def test_a_tag_protects(harness, aws, what):
    incident_id = harness.handle().id
    if what == "bucket":
        tagging = {"TagSet": [{"Key": "threegrants:protected", "Value": "true"}]}
        aws.client("s3").put_bucket_tagging(Bucket="a-reports", Tagging=tagging)
    else:
        key = aws.client("kms").list_keys()["Keys"][0]["KeyId"]
        tags = [{"TagKey": "threegrants:protected", "TagValue": "true"}]
        aws.client("kms").tag_resource(KeyId=key, Tags=tags)
    with pytest.raises(Refused, match="tag threegrants:protected"):
        harness.approve(incident_id)


def test_the_hours_quota_is_counted(harness):
    harness.limits = Limits(trusted=TRUSTED, patches_an_hour=3)
    incident_id = harness.handle().id
    harness.approve(incident_id)
    harness.service.rollback(incident_id, APPROVER)
    harness.move(harness.store.get(incident_id), State.OPEN, "service", "opened again")
    with pytest.raises(Refused, match="MaxPatchesPerHour") as refused:
        harness.approve(incident_id)
    assert refused.value.status == 429
    harness.later(3600)
    assert harness.approve(incident_id).state is State.VERIFIED


# --- the API ---


NOBODY = [
    ("no identity", {}),
    ("an authorizer that is not IAM", {"authorizer": {"claims": {"sub": "sam"}}}),
    ("IAM without a caller", {"identity": {"accountId": A}}),
    ("a federated user", {"identity": {"userArn": f"arn:aws:sts::{A}:federated-user/sam"}}),
]


@pytest.mark.parametrize("action", ["approve", "reject", "rollback"])
@pytest.mark.parametrize("said", [n[1] for n in NOBODY], ids=[n[0] for n in NOBODY])
def test_a_caller_without_iams_word_is_refused(harness, aws, monkeypatch, said, action):
    incident_id = harness.handle().id
    monkeypatch.setattr(remediate, "_service", lambda: harness.api)
    monkeypatch.setattr(remediate, "api_secret", lambda: API_SECRET)
    context = SimpleNamespace(
        function_name="f",
        memory_limit_in_mb=1,
        invoked_function_arn="arn",
        aws_request_id="r",
        get_remaining_time_in_millis=lambda: 29_000,
    )
    body = {"digests": harness.digests(incident_id)}
    asked = api_event("POST", f"/incidents/{incident_id}/{action}", body, None)
    asked["requestContext"] |= said
    answer = remediate.handler(asked, context)
    assert answer["statusCode"] == 403, answer
    assert harness.store.get(incident_id).state is State.OPEN
    assert bucket_policy(aws) is None
