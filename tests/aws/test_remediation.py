"""Exactly once, and back again, on moto: repeated approvals, dead workers, leases, rollbacks."""

import json
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from support.harness import APPROVER, bucket_policy, die_at_write, event_history
from support.records import ROLE, s3
from support.wire import Died
from threegrants.cloudtrail import parse_record
from threegrants.incidents import Conflict, Move, State
from threegrants.remediation import Refused, intent_steps, policy_io
from threegrants.remediation.live_policy import AwsIds
from threegrants.remediation.run_store import LeaseHeld
from threegrants.remediation.runs import Intent, Step

# --- exactly once ---


def test_an_approval_that_comes_twice_is_answered_twice_and_done_once(harness, monkeypatch):
    incident_id = harness.handle().id
    digests = harness.digests(incident_id)
    first = harness.approve(incident_id, digests=digests)
    monkeypatch.setattr(intent_steps, "write", None)
    second = harness.approve(incident_id, digests=digests)
    assert first.state is second.state is State.VERIFIED
    assert [p["written"] for p in second.patches] == [True, True]
    with pytest.raises(Refused, match="not open"):
        harness.approve(incident_id, digests=digests[:1])


def test_what_does_not_fit_into_the_answers_time_is_finished_by_the_sweep(harness, aws):
    incident_id = harness.handle().id
    result = harness.approve(incident_id, deadline=harness.clock() + 2)
    assert result.state is State.APPLYING
    assert bucket_policy(aws) is None
    assert harness.sweep(rechecks=0)["resumed: verified"] == 1
    assert [why for _, why, _ in harness.told] == ["verified"]
    assert ROLE in bucket_policy(aws)


def test_a_worker_whose_time_is_over_can_record_nothing(harness):
    incident_id = harness.handle().id
    harness.approve(incident_id, deadline=harness.clock() + 2)
    stale = harness.run_store.last_run(incident_id)
    intents = harness.run_store.intents(incident_id, (stale.id,))
    harness.sweep(rechecks=0)
    with pytest.raises(Conflict):
        harness.run_store.record_steps(incident_id, stale, [replace(intents[0], step=Step.UNDONE)])
    assert harness.run_store.intents(incident_id, (stale.id,))[0].step is Step.WRITTEN


def test_a_repeated_approval_goes_on_where_a_dead_worker_stopped(harness, monkeypatch):
    incident_id = harness.handle().id
    digests = harness.digests(incident_id)
    real = die_at_write(monkeypatch, 2)
    with pytest.raises(Died):
        harness.approve(incident_id)
    monkeypatch.setattr(intent_steps, "write", real)
    assert harness.approve(incident_id, digests=digests).state is State.APPLYING, (
        "it may still live"
    )
    harness.later(61)
    assert harness.approve(incident_id, digests=digests).state is State.VERIFIED


@pytest.mark.parametrize("write_number", [1, 2])
def test_a_crash_in_the_middle_is_undone_by_rollback(harness, aws, monkeypatch, write_number):
    incident_id = harness.handle().id
    real = die_at_write(monkeypatch, write_number)
    with pytest.raises(Died):
        harness.approve(incident_id)
    monkeypatch.setattr(intent_steps, "write", real)
    with pytest.raises(Refused, match="Try again in a minute"):
        harness.service.rollback(incident_id, APPROVER)
    harness.later(61)
    result = harness.service.rollback(incident_id, APPROVER)
    assert result.state is State.ROLLING_BACK
    assert "nobody heard the answer" in result.detail.lower()
    harness.later(600)
    harness.sweep(rechecks=0)
    assert harness.store.get(incident_id).state is State.ROLLED_BACK
    assert bucket_policy(aws) is None


def test_an_expired_approval_only_goes_back(harness, aws, monkeypatch):
    event_history(monkeypatch)
    incident_id = harness.handle().id
    real = die_at_write(monkeypatch, 2)
    with pytest.raises(Died):
        harness.approve(incident_id)
    monkeypatch.setattr(intent_steps, "write", real)
    assert ROLE in bucket_policy(aws)
    harness.later(25 * 3600)
    harness.sweep(rechecks=0)
    assert harness.store.get(incident_id).state is State.FAILED
    assert bucket_policy(aws) is None
    assert "approval expired before the run was finished" in harness.told[0][2]


def test_a_guardrail_that_was_set_meanwhile_holds(harness, aws, monkeypatch):
    event_history(monkeypatch)
    incident_id = harness.handle().id
    real = die_at_write(monkeypatch, 2)
    with pytest.raises(Died):
        harness.approve(incident_id)
    monkeypatch.setattr(intent_steps, "write", real)
    harness.later(61)
    harness.limits = replace(harness.limits, protected=("a-reports",))
    harness.sweep(rechecks=0)
    assert harness.store.get(incident_id).state is State.ROLLING_BACK, "perhaps it was written"
    harness.later(600)
    harness.sweep(rechecks=0)
    assert harness.store.get(incident_id).state is State.FAILED
    assert bucket_policy(aws) is None
    assert "is protected" in harness.told[0][2]


def test_two_incidents_on_one_bucket_never_interleave(harness, aws, monkeypatch):
    one = harness.handle().id
    event = {**s3(event="e-9"), "eventName": "PutObject"}
    other = harness.ingest.handle(parse_record(event), event).id
    assert one != other
    real = die_at_write(monkeypatch, 1)
    with pytest.raises(Died):
        harness.approve(one)
    monkeypatch.setattr(intent_steps, "write", real)
    with pytest.raises(Refused, match=f"being written for incident {one}"):
        harness.approve(other)
    harness.later(61)
    with pytest.raises(Refused, match=f"being written for incident {one}"):
        harness.approve(other)  # not even when the worker is dead: its intent comes first
    harness.sweep(rechecks=0)
    assert harness.store.get(one).state is State.VERIFIED
    failed = harness.approve(other)
    assert failed.state is State.FAILED, "its patches were made for the policies before"
    harness.sweep()  # makes them anew
    assert harness.approve(other).state is State.VERIFIED


def test_a_lease_is_refused_by_the_table_itself(harness):
    incident_id = harness.handle().id
    harness.approve(incident_id, deadline=harness.clock() + 2)
    event = {**s3(event="e-9"), "eventName": "PutObject"}
    other = harness.ingest.handle(parse_record(event), event)
    run = replace(harness.run_store.last_run(incident_id), id="r", worker_id="w")
    with pytest.raises(LeaseHeld):
        harness.run_store.begin(
            other, Move(State.APPLYING, "x", "approved"), run, (), ["arn:aws:s3:::a-reports"]
        )
    assert harness.store.get(other.id).state is State.OPEN
    assert harness.run_store.last_run(other.id) is None


# --- undo ---


def test_an_edited_statement_refuses_a_rollback_before_anything_is_written(harness, aws):
    incident_id = harness.handle().id
    harness.approve(incident_id)
    s3 = aws.client("s3")
    live = json.loads(bucket_policy(aws))
    live["Statement"][-1]["Action"] = "s3:GetObjectVersion"
    s3.put_bucket_policy(Bucket="a-reports", Policy=json.dumps(live))
    with pytest.raises(Refused) as refused:
        harness.service.rollback(incident_id, APPROVER)
    for words in ("before us: not there", '"s3:GetObject"', '"s3:GetObjectVersion"'):
        assert words in refused.value.detail
    assert harness.store.get(incident_id).state is State.VERIFIED
    assert json.loads(bucket_policy(aws)) == live


def test_what_cannot_be_undone_is_told_to_a_person(harness, aws, monkeypatch):
    event_history(monkeypatch)
    incident_id = harness.handle().id
    harness.approve(incident_id)

    def refused(*_):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutKeyPolicy")

    real = policy_io.write
    monkeypatch.setattr(intent_steps, "write", refused)
    assert harness.service.rollback(incident_id, APPROVER).state is State.ROLLING_BACK
    for _ in range(5):
        harness.later(300)
        harness.sweep(rechecks=0)
    assert harness.store.get(incident_id).state is State.STUCK
    assert [why for _, why, _ in harness.told] == ["verified", "stuck"]
    monkeypatch.setattr(intent_steps, "write", real)
    assert harness.service.rollback(incident_id, APPROVER).state is State.ROLLED_BACK
    assert bucket_policy(aws) is None


def test_a_rollback_takes_back_every_approval_that_stands(harness, aws):
    incident_id = harness.handle().id
    key = aws.client("kms").list_keys()["Keys"][0]["KeyId"]
    before = aws.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    harness.approve(incident_id)
    # Another prefix is denied: the incident opens again and gets another patch.
    harness.handle(event="e-2", when="2999-01-01T00:00:00Z", key="2027/q1.csv")
    assert harness.store.get(incident_id).state is State.OPEN
    assert harness.approve(incident_id).state is State.VERIFIED
    assert len(harness.run_store.last_run(incident_id).runs_in_force) == 2
    assert harness.service.rollback(incident_id, APPROVER).state is State.ROLLED_BACK
    assert bucket_policy(aws) is None
    assert aws.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"] == before
    with pytest.raises(Refused, match="nothing to roll back"):
        harness.service.rollback(incident_id, APPROVER)


# --- storage ---


def test_an_intent_survives_storage(harness):
    incident_id = harness.handle().id
    patch = harness.store.get(incident_id).report.patches[0].to_patch()
    intent = Intent("run", 1, patch, Step.WRITING, 3, 4, AwsIds(grant_id="g-1"))
    assert Intent.from_item(intent.to_item()) == intent
