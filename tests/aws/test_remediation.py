"""Exactly once, and back again, on moto: repeated approvals, dead workers, leases, rollbacks."""

import json
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from aws.remediation_desk import (
    Died,
    approve,
    bucket_policy,
    dying,
    history_of,
    later,
    opened,
    sweep,
)
from support.harness import APPROVER
from support.records import ROLE, s3
from threegrants.cloudtrail import parse_record
from threegrants.incidents import Conflict, Move, State
from threegrants.remediation import Refused, intent_steps, policy_io
from threegrants.remediation.live_policy import AwsIds
from threegrants.remediation.run_store import LeaseHeld
from threegrants.remediation.runs import Intent, Step


@pytest.fixture
def desk(aws):
    return opened(aws)


# --- exactly once ---


def test_an_approval_that_comes_twice_is_answered_twice_and_done_once(desk, monkeypatch):
    identity = desk.handle().id
    digests = desk.digests(identity)
    first = approve(desk, identity, digests=digests)
    monkeypatch.setattr(intent_steps, "write", None)
    second = approve(desk, identity, digests=digests)
    assert first.state is second.state is State.VERIFIED
    assert [p["written"] for p in second.patches] == [True, True]
    with pytest.raises(Refused, match="not open"):
        approve(desk, identity, digests=digests[:1])


def test_what_does_not_fit_into_the_answers_time_is_finished_by_the_sweep(desk, aws):
    identity = desk.handle().id
    result = approve(desk, identity, deadline=desk.clock() + 2)
    assert result.state is State.APPLYING
    assert bucket_policy(aws) is None
    assert sweep(desk, rechecks=0)["resumed: verified"] == 1
    assert [why for _, why, _ in desk.told] == ["verified"]
    assert ROLE in bucket_policy(aws)


def test_a_worker_whose_time_is_over_can_record_nothing(desk):
    identity = desk.handle().id
    approve(desk, identity, deadline=desk.clock() + 2)
    stale = desk.run_store.last_run(identity)
    intents = desk.run_store.intents(identity, (stale.id,))
    sweep(desk, rechecks=0)
    with pytest.raises(Conflict):
        desk.run_store.record_steps(identity, stale, [replace(intents[0], step=Step.UNDONE)])
    assert desk.run_store.intents(identity, (stale.id,))[0].step is Step.WRITTEN


def test_a_repeated_approval_goes_on_where_a_dead_worker_stopped(desk, monkeypatch):
    identity = desk.handle().id
    digests = desk.digests(identity)
    real = dying(monkeypatch, 2)
    with pytest.raises(Died):
        approve(desk, identity)
    monkeypatch.setattr(intent_steps, "write", real)
    assert approve(desk, identity, digests=digests).state is State.APPLYING, "it may still live"
    later(desk, 61)
    assert approve(desk, identity, digests=digests).state is State.VERIFIED


@pytest.mark.parametrize("write_number", [1, 2])
def test_a_crash_in_the_middle_is_undone_by_rollback(desk, aws, monkeypatch, write_number):
    identity = desk.handle().id
    real = dying(monkeypatch, write_number)
    with pytest.raises(Died):
        approve(desk, identity)
    monkeypatch.setattr(intent_steps, "write", real)
    with pytest.raises(Refused, match="Try again in a minute"):
        desk.service.rollback(identity, APPROVER)
    later(desk, 61)
    result = desk.service.rollback(identity, APPROVER)
    assert result.state is State.ROLLING_BACK
    assert "nobody heard the answer" in result.detail.lower()
    later(desk, 600)
    sweep(desk, rechecks=0)
    assert desk.store.get(identity).state is State.ROLLED_BACK
    assert bucket_policy(aws) is None


def test_an_expired_approval_only_goes_back(desk, aws, monkeypatch):
    history_of(monkeypatch)
    identity = desk.handle().id
    real = dying(monkeypatch, 2)
    with pytest.raises(Died):
        approve(desk, identity)
    monkeypatch.setattr(intent_steps, "write", real)
    assert ROLE in bucket_policy(aws)
    later(desk, 25 * 3600)
    sweep(desk, rechecks=0)
    assert desk.store.get(identity).state is State.FAILED
    assert bucket_policy(aws) is None
    assert "approval expired before the run was finished" in desk.told[0][2]


def test_a_guardrail_that_was_set_meanwhile_holds(desk, aws, monkeypatch):
    history_of(monkeypatch)
    identity = desk.handle().id
    real = dying(monkeypatch, 2)
    with pytest.raises(Died):
        approve(desk, identity)
    monkeypatch.setattr(intent_steps, "write", real)
    later(desk, 61)
    desk.limits = replace(desk.limits, protected=("a-reports",))
    sweep(desk, rechecks=0)
    assert desk.store.get(identity).state is State.ROLLING_BACK, "perhaps it was written"
    later(desk, 600)
    sweep(desk, rechecks=0)
    assert desk.store.get(identity).state is State.FAILED
    assert bucket_policy(aws) is None
    assert "is protected" in desk.told[0][2]


def test_two_incidents_on_one_bucket_never_interleave(desk, aws, monkeypatch):
    one = desk.handle().id
    event = {**s3(event="e-9"), "eventName": "PutObject"}
    other = desk.ingest.handle(parse_record(event), event).id
    assert one != other
    real = dying(monkeypatch, 1)
    with pytest.raises(Died):
        approve(desk, one)
    monkeypatch.setattr(intent_steps, "write", real)
    with pytest.raises(Refused, match=f"being written for incident {one}"):
        approve(desk, other)
    later(desk, 61)
    with pytest.raises(Refused, match=f"being written for incident {one}"):
        approve(desk, other)  # not even when the worker is dead: its intent comes first
    sweep(desk, rechecks=0)
    assert desk.store.get(one).state is State.VERIFIED
    failed = approve(desk, other)
    assert failed.state is State.FAILED, "its patches were made for the policies before"
    sweep(desk)  # makes them anew
    assert approve(desk, other).state is State.VERIFIED


def test_a_lease_is_refused_by_the_table_itself(desk):
    identity = desk.handle().id
    approve(desk, identity, deadline=desk.clock() + 2)
    event = {**s3(event="e-9"), "eventName": "PutObject"}
    other = desk.ingest.handle(parse_record(event), event)
    run = replace(desk.run_store.last_run(identity), id="r", worker_id="w")
    with pytest.raises(LeaseHeld):
        desk.run_store.begin(
            other, Move(State.APPLYING, "x", "approved"), run, (), ["arn:aws:s3:::a-reports"]
        )
    assert desk.store.get(other.id).state is State.OPEN
    assert desk.run_store.last_run(other.id) is None


# --- undo ---


def test_an_edited_statement_refuses_a_rollback_before_anything_is_written(desk, aws):
    identity = desk.handle().id
    approve(desk, identity)
    s3 = aws.client("s3")
    live = json.loads(bucket_policy(aws))
    live["Statement"][-1]["Action"] = "s3:GetObjectVersion"
    s3.put_bucket_policy(Bucket="a-reports", Policy=json.dumps(live))
    with pytest.raises(Refused) as refused:
        desk.service.rollback(identity, APPROVER)
    for words in ("before us: not there", '"s3:GetObject"', '"s3:GetObjectVersion"'):
        assert words in refused.value.detail
    assert desk.store.get(identity).state is State.VERIFIED
    assert json.loads(bucket_policy(aws)) == live


def test_what_cannot_be_undone_is_told_to_a_person(desk, aws, monkeypatch):
    history_of(monkeypatch)
    identity = desk.handle().id
    approve(desk, identity)

    def refused(*_):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutKeyPolicy")

    real = policy_io.write
    monkeypatch.setattr(intent_steps, "write", refused)
    assert desk.service.rollback(identity, APPROVER).state is State.ROLLING_BACK
    for _ in range(5):
        later(desk, 300)
        sweep(desk, rechecks=0)
    assert desk.store.get(identity).state is State.STUCK
    assert [why for _, why, _ in desk.told] == ["stuck"]
    monkeypatch.setattr(intent_steps, "write", real)
    assert desk.service.rollback(identity, APPROVER).state is State.ROLLED_BACK
    assert bucket_policy(aws) is None


def test_a_rollback_takes_back_every_approval_that_stands(desk, aws):
    identity = desk.handle().id
    key = aws.client("kms").list_keys()["Keys"][0]["KeyId"]
    before = aws.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    approve(desk, identity)
    # Another prefix is denied: the incident opens again and gets another patch.
    desk.handle(event="e-2", when="2999-01-01T00:00:00Z", key="2027/q1.csv")
    assert desk.store.get(identity).state is State.OPEN
    assert approve(desk, identity).state is State.VERIFIED
    assert len(desk.run_store.last_run(identity).runs_in_force) == 2
    assert desk.service.rollback(identity, APPROVER).state is State.ROLLED_BACK
    assert bucket_policy(aws) is None
    assert aws.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"] == before
    with pytest.raises(Refused, match="nothing to roll back"):
        desk.service.rollback(identity, APPROVER)


# --- storage ---


def test_an_intent_survives_storage(desk):
    identity = desk.handle().id
    patch = desk.store.get(identity).report.patches[0].to_patch()
    intent = Intent("run", 1, patch, Step.WRITING, 3, 4, AwsIds(grant_id="g-1"))
    assert Intent.from_item(intent.to_item()) == intent
