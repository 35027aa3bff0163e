"""Time against the protocol: reads that are late, limits that cannot be read, colliding transactions."""

from http import HTTPStatus

import boto3
import pytest

from support.attacks import Ends, attack
from support.harness import APPROVER, bucket_policy, die_at_write
from support.names import BUCKET
from support.staleness import Staleness
from support.wire import Died, answer_calls, refusal
from threegrants.incidents import State
from threegrants.incidents.table import Conflict, transact
from threegrants.remediation import Refused, intent_steps
from threegrants.remediation.outbox import OutboxTask


class Late:
    """Reads of the bucket's policy are answered `left` times as before the last write."""

    def __init__(self):
        self.staleness, self.left = Staleness(), 0

    def __call__(self, call):
        if call.operation == "LookupEvents":
            return {"Events": []}
        if self.left and call.operation == "GetBucketPolicy":
            self.left -= 1
            return self.staleness.stale(call)
        return self.staleness.see(call)


@pytest.fixture
def late(monkeypatch):
    found = Late()
    answer_calls(monkeypatch, found)
    return found


def to_the_end(harness):
    for _ in range(20):
        harness.later(300)
        harness.sweep(rechecks=0)


@attack("14.1", "six stale reads after a write", "'taken back' while it is live", Ends.UNDONE)
@pytest.mark.parametrize("reads", [1, 2, 3, 6, 12, 50])
def test_a_rollback_that_does_not_see_what_was_written(harness, late, aws, reads):
    incident_id = harness.handle().id
    harness.approve(incident_id)
    assert bucket_policy(aws)
    late.left = reads
    harness.service.rollback(incident_id, APPROVER)
    to_the_end(harness)
    late.left = 0
    assert harness.store.get(incident_id).state is State.ROLLED_BACK
    assert bucket_policy(aws) is None


@attack("14.2", "an acknowledged write is not seen yet", "it is judged by stale reads", Ends.WAITS)
def test_an_approval_waits_for_what_aws_has_acknowledged(harness, late, aws):
    incident_id = harness.handle().id
    answer = late.staleness.see

    def acknowledged(call):
        found = answer(call)
        if call.operation == "PutBucketPolicy":
            late.left = 6
        return found

    late.staleness.see = acknowledged
    result = harness.approve(incident_id)
    assert result.state is State.APPLYING
    assert "AWS acknowledged, but does not show" in result.detail
    to_the_end(harness)
    assert harness.store.get(incident_id).state is State.VERIFIED
    assert bucket_policy(aws)


@attack("14.3", "a lost write takes effect after its undo", "nobody looks again", Ends.UNDONE)
def test_what_appears_after_the_undo_is_found_by_the_second_look(harness, late, aws):
    incident_id = harness.handle().id
    harness.approve(incident_id)
    written = bucket_policy(aws)
    assert harness.service.rollback(incident_id, APPROVER).state is State.ROLLED_BACK
    put = aws.client("s3").put_bucket_policy
    put(Bucket=BUCKET, Policy=written)
    harness.later(601)
    assert harness.sweep(rechecks=0)["found again"] == 1
    assert bucket_policy(aws) is None
    assert harness.store.get(incident_id).state is State.ROLLED_BACK
    assert "was there again" in harness.store.history(incident_id)[-2]["detail"]
    put(Bucket=BUCKET, Policy=written)
    harness.later(601)
    harness.sweep(rechecks=0)
    assert bucket_policy(aws) == written, "the second time a person decides"
    assert "for the second time" in harness.told[-1][2]
    due = harness.run_store.outbox.due(harness.clock() + 10_000)
    assert not [item for item in due if item.task is OutboxTask.SECOND_LOOK]


@attack("15.1", "the limits cannot be read any more", "a half-done run stays for ever", Ends.UNDONE)
def test_expiry_comes_before_limits_that_cannot_be_read(harness, late, aws, monkeypatch):
    incident_id = harness.handle().id
    real = die_at_write(monkeypatch, 2)
    with pytest.raises(Died):
        harness.approve(incident_id)
    monkeypatch.setattr(intent_steps, "write", real)

    def unreadable():
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "nothing is applied: no parameter")

    harness.read_limits = unreadable
    harness.later(25 * 3600)
    harness.sweep(rechecks=0)
    assert harness.store.get(incident_id).state is State.FAILED
    assert bucket_policy(aws) is None


@attack("15.2", "another transaction has an item for a moment", "the run is undone", Ends.WAITS)
@pytest.mark.parametrize("times", [1, 4])
def test_a_transaction_that_only_met_another_is_tried_again(harness, monkeypatch, times):
    left = [times]

    def busy(call):
        if call.operation == "TransactWriteItems" and left[0]:
            left[0] -= 1
            error = refusal(call.operation, "TransactionCanceledException", 400)
            error.response["CancellationReasons"] = [
                {"Code": "None"},
                {"Code": "TransactionConflict"},
            ]
            raise error
        return call.proceed()

    incident_id = harness.handle().id
    answer_calls(monkeypatch, busy)
    assert harness.approve(incident_id).state is State.VERIFIED
    assert left == [0]


def test_a_condition_that_is_false_is_not_tried_again(harness, monkeypatch):
    calls = []

    def false(call):
        calls.append(call.operation)
        error = refusal(call.operation, "TransactionCanceledException", 400)
        error.response["CancellationReasons"] = [
            {"Code": "ConditionalCheckFailed"},
            {"Code": "TransactionConflict"},
        ]
        raise error

    answer_calls(monkeypatch, false)
    table = boto3.resource("dynamodb").Table("any")
    with pytest.raises(Conflict) as conflict:
        transact(table, [{"Item": {"pk": "a", "sk": "b"}}])
    assert conflict.value.refused == {0}
    assert calls == ["TransactWriteItems"]
