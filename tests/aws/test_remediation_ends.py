"""Grants that end, on moto: the end in the policy, the warning, the end itself, and a later end."""

import json
from dataclasses import replace

import pytest

from support.harness import APPROVER, SECOND, bucket_policy, die_at_write, event_history
from support.wire import Died
from threegrants.cloudtrail import Access
from threegrants.incidents import State
from threegrants.patches.grant_end import end_in, end_text
from threegrants.remediation import Refused, intent_steps, policy_io
from threegrants.remediation.approval_request import ApprovalRequest
from threegrants.remediation.grant_hours import GrantHours
from threegrants.remediation.worker import GRANT_ENDED

HOUR = 3600


@pytest.fixture
def desk(harness, monkeypatch):
    """A service whose clock stands, and accounts with an event history."""
    event_history(monkeypatch)
    harness.stop_clock()
    return harness


def ends(aws):
    """The ends that the bucket policy states."""
    text = bucket_policy(aws)
    return [end_in(one) for one in json.loads(text)["Statement"]] if text else []


def told(desk):
    return [why for _, why, _ in desk.told]


def approved(desk, seconds=8 * HOUR, **said):
    """An incident with its patches in force for so long, and when they end."""
    incident_id = desk.handle().id
    before = desk.clock()
    result = desk.approve(incident_id, seconds=seconds, **said)
    assert result.state is State.VERIFIED, result.detail
    return incident_id, int(before + seconds) // 60 * 60


def test_the_end_stands_in_the_policy_and_in_the_answer(desk, aws):
    incident_id = desk.handle().id
    digests = desk.digests(incident_id)
    answer = desk.api.approve(incident_id, digests, APPROVER, ApprovalRequest(seconds=8 * HOUR))
    run = desk.run_store.last_run(incident_id)
    assert run.ends_at == int(desk.clock() + 8 * HOUR) // 60 * 60
    assert f"It ends at {end_text(run.ends_at)}." in answer.detail
    assert run.offered == tuple(digests)
    assert [patch["digest"] for patch in answer.patches] == list(run.digests)
    assert not set(run.digests) & set(digests), "what is written has bytes of its own"
    desk.work()
    incident = desk.store.get(incident_id)
    assert (incident.state, incident.open_until) == (State.VERIFIED, end_text(run.ends_at))
    assert ends(aws) == [end_text(run.ends_at)]
    again = desk.approve(incident_id, digests=digests)
    assert again.detail.startswith(
        f"These patches were approved before until {end_text(run.ends_at)}"
    )


def test_people_are_told_an_hour_before_and_once(desk):
    incident_id, ends_at = approved(desk)
    desk.later(6.9 * HOUR)
    desk.sweep(rechecks=0)
    assert "ending" not in told(desk)
    desk.later(0.2 * HOUR)
    assert desk.sweep(rechecks=0)["grants end soon"] == 1
    desk.sweep(rechecks=0)
    assert told(desk).count("ending") == 1
    [note] = [note for _, why, note in desk.told if why == "ending"]
    assert end_text(ends_at) in note
    assert f"threegrants extend {incident_id}" in note


def test_a_grant_of_an_hour_has_no_warning(desk):
    approved(desk, seconds=HOUR)
    desk.later(0.9 * HOUR)
    desk.sweep(rechecks=0)
    assert told(desk) == ["verified"]


def test_what_has_ended_is_taken_back_and_told(desk, aws):
    key = aws.client("kms").list_keys()["Keys"][0]["KeyId"]
    before = aws.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    incident_id, ends_at = approved(desk, reason="to read")
    desk.later(8 * HOUR)
    report = desk.sweep(rechecks=0)
    assert report["grants ended"] == 1
    incident = desk.store.get(incident_id)
    assert (incident.state, incident.open_until) == (State.ROLLED_BACK, "")
    assert bucket_policy(aws) is None
    assert aws.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"] == before
    lines = [line for line in desk.store.history(incident_id) if line["actor"] == GRANT_ENDED]
    assert [line["what"] for line in lines] == ["grant ended", "ended"]
    [note] = [note for _, why, note in desk.told if why == "ended"]
    assert note == (
        f"The grant ended at {end_text(ends_at)}. What was written has been taken back."
    )
    for _ in range(3):
        desk.later(HOUR)
        desk.sweep(rechecks=0)
    assert told(desk).count("ended") == 1


def test_a_person_who_was_earlier_leaves_nothing_to_end(desk, aws):
    incident_id, _ = approved(desk)
    assert desk.service.rollback(incident_id, APPROVER, reason="done").state is State.ROLLED_BACK
    assert desk.store.get(incident_id).open_until == ""
    assert "done" in [line.get("reason") for line in desk.store.history(incident_id)]
    desk.later(9 * HOUR)
    report = desk.sweep(rechecks=0)
    assert not report["grants ended"]
    assert "ended" not in told(desk)
    assert not desk.run_store.outbox.due(desk.clock())


def test_a_denial_that_waits_is_open_again_when_another_grant_ends(desk, aws):
    incident_id, _ = approved(desk)
    desk.handle(event="e-2", when="2999-01-01T00:00:00Z", key="2027/q1.csv")
    assert desk.store.get(incident_id).state is State.OPEN
    desk.later(8 * HOUR)
    desk.sweep(rechecks=0)
    incident = desk.store.get(incident_id)
    assert incident.state is State.OPEN
    assert bucket_policy(aws) is None
    assert desk.approve(incident_id).state is State.VERIFIED, "its patches are made anew"
    assert desk.store.get(incident_id).open_until == "until revoked"


def test_an_edited_statement_is_left_to_a_person_when_the_end_comes(desk, aws):
    incident_id, _ = approved(desk)
    live = json.loads(bucket_policy(aws))
    live["Statement"][-1]["Condition"]["DateLessThan"] = {"aws:CurrentTime": "2999-01-01T00:00:00Z"}
    aws.client("s3").put_bucket_policy(Bucket="a-reports", Policy=json.dumps(live))
    desk.later(8 * HOUR)
    desk.sweep(rechecks=0)
    assert desk.store.get(incident_id).state is State.STUCK
    assert "stuck" in told(desk)
    assert json.loads(bucket_policy(aws)) == live


def test_a_run_that_is_not_finished_by_its_end_only_goes_back(desk, aws, monkeypatch):
    incident_id = desk.handle().id
    real = die_at_write(monkeypatch, 2)
    with pytest.raises(Died):
        desk.approve(incident_id, seconds=HOUR)
    monkeypatch.setattr(intent_steps, "write", real)
    desk.later(HOUR + 60)
    for _ in range(3):
        desk.sweep(rechecks=0)
        desk.later(660)
    assert desk.store.get(incident_id).state is State.FAILED
    assert bucket_policy(aws) is None
    assert "the grant's end came" in desk.told[0][2].lower()


# --- a later end ---


def test_an_extension_exchanges_the_end_in_one_write(desk, aws, monkeypatch):
    incident_id, first_end = approved(desk)
    desk.later(7 * HOUR)
    before = json.loads(bucket_policy(aws))
    written = []
    real = policy_io.write

    def seen(patch, text, *more):
        written.append((patch.target, text))
        real(patch, text, *more)

    monkeypatch.setattr(intent_steps, "write", seen)
    result = desk.service.extend(incident_id, APPROVER, seconds=8 * HOUR, reason="not done yet")
    assert result.state is State.VERIFIED
    run = desk.run_store.last_run(incident_id)
    assert run.ends_at > first_end
    assert ends(aws) == [end_text(run.ends_at)]
    assert len(json.loads(bucket_policy(aws))["Statement"]) == len(before["Statement"])
    assert len(written) == len({target for target, _ in written}) == 2
    assert desk.store.get(incident_id).open_until == end_text(run.ends_at)
    line = next(one for one in desk.store.history(incident_id) if one["what"] == "extended")
    assert (line["actor"], line["reason"]) == (APPROVER, "not done yet")
    desk.later(HOUR)
    assert not desk.sweep(rechecks=0)["grants ended"], "the first end does not count any more"
    assert ends(aws) == [end_text(run.ends_at)]
    desk.later(7 * HOUR)
    assert desk.sweep(rechecks=0)["grants ended"] == 1
    incident = desk.store.get(incident_id)
    assert (incident.state, incident.open_until) == (State.ROLLED_BACK, "")
    assert bucket_policy(aws) is None
    assert told(desk).count("ended") == 1


def test_an_extension_twice_and_a_rollback_of_it_all(desk, aws):
    incident_id, _ = approved(desk)
    for _ in range(2):
        desk.later(HOUR)
        assert desk.service.extend(incident_id, APPROVER, seconds=8 * HOUR).state is State.VERIFIED
    assert len(desk.run_store.last_run(incident_id).runs_in_force) == 3
    assert len(ends(aws)) == 1
    assert desk.service.rollback(incident_id, APPROVER).state is State.ROLLED_BACK
    assert bucket_policy(aws) is None


def test_an_extension_that_fails_leaves_the_grant_as_it_was(desk, aws, monkeypatch):
    incident_id, first_end = approved(desk)
    desk.later(HOUR)
    real = die_at_write(monkeypatch, 2)
    with pytest.raises(Died):
        desk.service.extend(incident_id, APPROVER, seconds=8 * HOUR)
    monkeypatch.setattr(intent_steps, "write", real)
    desk.limits = replace(desk.limits, protected=("a-reports",))
    for _ in range(3):
        desk.later(660)
        desk.sweep(rechecks=0)
    incident = desk.store.get(incident_id)
    assert (incident.state, incident.open_until) == (State.VERIFIED, end_text(first_end))
    assert ends(aws) == [end_text(first_end)]
    assert "failed" in told(desk)
    desk.later(8 * HOUR)
    desk.sweep(rechecks=0)
    assert desk.store.get(incident_id).state is State.ROLLED_BACK
    assert bucket_policy(aws) is None


def test_an_extension_that_is_repeated_while_it_is_written(desk):
    incident_id, _ = approved(desk)
    desk.later(HOUR)
    desk.api.extend(incident_id, APPROVER, ApprovalRequest(seconds=8 * HOUR))
    again = desk.api.extend(incident_id, APPROVER, ApprovalRequest(seconds=8 * HOUR))
    assert again.state is State.APPLYING
    assert "was approved before" in again.detail


def test_two_people_extend_what_two_people_approve(desk, aws):
    desk.limits = replace(desk.limits, four_eyes=frozenset({Access.READ}))
    incident_id = desk.handle().id
    assert desk.approve(incident_id, seconds=8 * HOUR).state is State.PROPOSED
    other = desk.approve(incident_id, SECOND, seconds=24 * HOUR)
    assert other.state is State.PROPOSED, "another duration is another approval"
    assert desk.approve(incident_id, seconds=24 * HOUR).state is State.VERIFIED
    run = desk.run_store.last_run(incident_id)
    assert run.actors == (SECOND, APPROVER)
    desk.later(HOUR)
    first = desk.service.extend(incident_id, APPROVER, seconds=48 * HOUR, reason="one")
    assert (first.state, ends(aws)) == (State.VERIFIED, [end_text(run.ends_at)])
    assert desk.service.extend(incident_id, APPROVER, seconds=48 * HOUR).state is State.VERIFIED
    assert ends(aws) == [end_text(run.ends_at)], "the same person does not count twice"
    assert desk.service.extend(incident_id, SECOND, reason="two").state is State.VERIFIED
    extended = desk.run_store.last_run(incident_id)
    assert extended.actors == (APPROVER, SECOND)
    assert ends(aws) == [end_text(extended.ends_at)]
    assert extended.ends_at == int(desk.clock() + 48 * HOUR) // 60 * 60


REFUSED = [
    pytest.param({"seconds": HOUR}, "ends at .* already", id="not later"),
    pytest.param({"seconds": 0}, "an extension has an end", id="for ever"),
]


@pytest.mark.parametrize(("said", "words"), REFUSED)
def test_what_is_no_extension_is_refused(desk, said, words):
    incident_id, _ = approved(desk)
    with pytest.raises(Refused, match=words):
        desk.service.extend(incident_id, APPROVER, **said)


def test_what_has_no_end_or_has_ended_is_not_extended(desk):
    incident_id = desk.handle().id
    with pytest.raises(Refused, match="nothing to extend"):
        desk.service.extend(incident_id, APPROVER, seconds=HOUR)
    desk.approve(incident_id)
    with pytest.raises(Refused, match="nothing to extend"):
        desk.service.extend(incident_id, APPROVER, seconds=HOUR)


def test_what_has_ended_is_not_extended(desk):
    incident_id, _ = approved(desk)
    desk.later(8 * HOUR)
    with pytest.raises(Refused, match="has ended"):
        desk.service.extend(incident_id, APPROVER, seconds=HOUR)


# --- what the configuration says ---


def test_the_configuration_decides_where_nobody_says(desk, aws):
    desk.limits = replace(desk.limits, grant_hours=(GrantHours(default=2, longest=4),))
    incident_id = desk.handle().id
    assert desk.approve(incident_id).state is State.VERIFIED
    assert ends(aws) == [end_text(int(desk.clock() + 2 * HOUR) // 60 * 60)]


def test_a_standing_approval_may_end(desk, aws):
    incident_id = desk.handle().id
    standing = desk.standing(incident_id, hours=3)
    desk.limits = desk.limits.with_ssm_parameter(json.dumps({"standing": [standing]}))
    desk.sweep()
    assert desk.store.get(incident_id).state is State.VERIFIED
    assert ends(aws) == [end_text(int(desk.clock() + 3 * HOUR) // 60 * 60)]
