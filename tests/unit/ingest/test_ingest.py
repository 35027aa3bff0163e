"""Ingest: who is analyzed and alerted, and how often."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from support.ingest_world import FIXED, from_s3
from support.records import LATER
from support.worlds import ROLE, A, B
from threegrants import ingest as module
from threegrants.analysis import AnalysisOptions
from threegrants.cloudtrail import parse_record
from threegrants.evidence import Read, Unread
from threegrants.incidents import Conflict, Lease, SnoozeOf, Snoozes, State, mute
from threegrants.ingest import Ingest
from threegrants.notifications.alert_policy import (
    AlertMatch,
    AlertPolicy,
    ReminderPolicy,
    RoutingRule,
)
from threegrants.notifications.severity import Severity

# --- one S3 record --------------------------------------------------------------------------------


def test_a_denial_is_counted_analyzed_and_alerted(world):
    incident = world.handle(from_s3())
    assert (incident.count, incident.state, incident.alert_due) == (1, State.OPEN, False)
    assert incident.report.outcome == "fixable"
    assert incident.report.request.event_ids == ("e-1",)
    assert world.reasons() == ["opened"]
    assert world.store.record(incident.id) == from_s3()


def test_more_of_the_same_is_only_counted(world):
    for number in range(10):
        world.handle(from_s3(f"e-{number}"))
    assert world.only().count == 10
    assert len(world.read) == 1
    assert world.reasons() == ["opened", "count"]


def test_evidence_is_read_again_after_a_minute(world):
    world.handle(from_s3())
    world.late = 60
    world.handle(from_s3("e-2", LATER))
    assert len(world.read) == 1
    world.late = 61
    world.handle(from_s3("e-3", LATER))
    assert len(world.read) == 2
    assert world.reasons() == ["opened"]


def test_another_verdict_is_alerted(world):
    world.handle(from_s3())
    world.policies, world.late = {"bucket": FIXED["bucket"]}, 62
    world.handle(from_s3("e-2", LATER))
    assert world.reasons() == ["opened", "changed"]


def test_what_is_allowed_by_now_is_resolved_and_opened_by_a_new_denial(world):
    world.policies = FIXED
    assert world.handle(from_s3()).state is State.RESOLVED
    world.policies, world.late = {}, 62
    assert world.handle(from_s3("e-2", LATER)).state is State.OPEN
    assert [read.fresh for read in world.read] == [False, True]


def test_while_a_run_is_in_progress_denials_are_only_counted(world):
    world.handle(from_s3())
    world.move(State.APPLYING)
    world.late = 62
    assert world.handle(from_s3("e-2", LATER)).count == 2
    assert len(world.read) == 1


def test_a_rejected_incident_is_opened_by_a_new_verdict_alone(world):
    world.handle(from_s3())
    world.move(State.REJECTED)
    world.late = 62
    assert world.handle(from_s3("e-2", LATER)).state is State.REJECTED
    world.policies, world.late = {"bucket": FIXED["bucket"]}, 124
    assert world.handle(from_s3("e-3", LATER)).state is State.OPEN
    assert world.reasons() == ["opened", "changed"]


def test_a_rejected_incident_that_is_allowed_by_now_is_not_alerted(world):
    world.handle(from_s3())
    world.move(State.REJECTED)
    world.policies, world.late = FIXED, 62
    assert world.handle(from_s3("e-2", LATER)).state is State.REJECTED
    assert world.reasons() == ["opened"]


def test_a_person_may_ask_again_what_was_unknown(world):
    world.unknown = True
    assert world.handle(from_s3()).report.outcome == "unknown"
    world.unknown, world.late = False, 62
    world.handle(from_s3())
    assert len(world.read) == 1
    assert world.handle(from_s3(), replayed=True).report.outcome == "fixable"


# --- owners and callers ---------------------------------------------------------------------------


def envelope(record, source="aws.s3", account=A):
    """The event in which a record arrives, from the account that it is for."""
    detail = {**record, "recipientAccountId": A}
    kind = "AWS API Call via CloudTrail"
    return {"source": source, "detail-type": kind, "account": account, "detail": detail}


def test_the_owner_that_its_own_copy_named_is_used(world):
    world.handle(envelope(from_s3()))
    world.handle(from_s3("e-2", operation="ListObjects", owner=""), world.worker())
    assert [read.call.bucket_account for read in world.read] == [A, A]


LEARNT = [
    ("a record that a person fed in", envelope(from_s3(), source="threegrants.replay")),
    ("another account says so", envelope(from_s3(), account=B)),
    ("the owner of another account's record", envelope(from_s3(owner="333333333333"))),
    ("no envelope", from_s3()),
]


@pytest.mark.parametrize("record", [one[1] for one in LEARNT], ids=[one[0] for one in LEARNT])
def test_no_owner_is_learnt_from(world, record):
    world.handle(record)
    assert world.worker().bucket_owners.owner_of("a-reports") is None


BY_ID = {"type": "AWSAccount", "principalId": "AROAEXAMPLE000000000:s", "accountId": B}


def test_a_unique_id_is_resolved_and_one_that_cannot_be_is_asked_once_a_minute(world, monkeypatch):
    asked, answers = [], [Unread("refused", "iam:ListRoles"), Read(ROLE)]
    monkeypatch.setattr(
        module, "look_up_unique_id", lambda _, *who: asked.append(who) or answers[len(asked) - 1]
    )
    by_id = parse_record({**from_s3(), "userIdentity": BY_ID})
    assert world.ingest.resolve_caller(parse_record(from_s3())) is None
    assert world.ingest.resolve_caller(by_id) is None
    assert world.ingest.resolve_caller(by_id) is None
    assert asked == [(B, "AROAEXAMPLE000000000")]
    world.late = 61
    assert world.ingest.resolve_caller(by_id) == ROLE


def test_both_copies_of_a_record_are_one_incident(world, monkeypatch):
    monkeypatch.setattr(module, "look_up_unique_id", lambda *_: Read(ROLE))
    mine = {**from_s3("e-1"), "sharedEventID": "shared"}
    theirs = {**from_s3("e-2"), "sharedEventID": "shared", "userIdentity": BY_ID}
    assert world.handle(mine).id == world.handle(theirs).id
    assert world.only().count == 1


# --- several workers ------------------------------------------------------------------------------


def test_one_worker_analyzes_while_others_count(world):
    other = world.worker()
    world.during_read = lambda: len(world.read) == 1 and world.handle(from_s3("e-2"), other)
    assert world.handle(from_s3()).count == 2
    assert len(world.read) == 1
    assert world.reasons() == ["opened"]


def test_what_is_learnt_meanwhile_is_analyzed_from_the_same_evidence(world):
    """Another folder changes the patches' prefix, not what has to be read."""
    other = world.worker()
    world.during_read = lambda: world.handle(from_s3("e-2", key="2025/x.csv"), other)
    incident = world.handle(from_s3())
    assert len(world.read) == 1
    assert incident.folders == ("2026/", "2025/")
    assert not incident.has_unanswered_question


def test_an_error_gives_the_lease_back(world):
    def broken():
        raise OSError

    world.during_read = broken
    with pytest.raises(OSError):  # noqa: PT011 - the one raised here
        world.handle(from_s3())
    assert world.ingest.leases.acquire(world.only().id, Lease.ANALYSIS)


def test_an_incident_that_changes_all_the_time_is_given_up(world, monkeypatch):
    def refused(*_, **__):
        raise Conflict("someone else was faster")

    monkeypatch.setattr(world.store, "save_diagnosis", refused)
    monkeypatch.setattr(module, "_MAX_ATTEMPTS", 3)
    with pytest.raises(Conflict, match="too many others"):
        world.handle(from_s3())
    assert len(world.read) == 1
    assert world.ingest.leases.acquire(world.only().id, Lease.ANALYSIS)


# --- alerts ---------------------------------------------------------------------------------------


def test_an_alert_that_could_not_be_sent_stays_due(world):
    def down(_):
        raise OSError

    object.__setattr__(world.ingest.due_alerts, "send", down)
    with pytest.raises(OSError):  # noqa: PT011 - the one raised here
        world.handle(from_s3())
    assert world.only().alert_due
    assert world.ingest.leases.acquire(world.only().id, Lease.ALERT)
    world.ingest.leases.release(world.only().id, Lease.ALERT)
    world.handle(from_s3(), world.worker())
    assert world.reasons() == ["opened"]
    assert not world.only().alert_due


def test_while_one_sends_another_does_not(world):
    other, sent = world.worker(), []

    def sending(alert):
        sent.append(alert)
        world.handle(from_s3(f"during-{len(sent)}"), other)

    object.__setattr__(world.ingest.due_alerts, "send", sending)
    world.handle(from_s3())
    assert (len(sent), world.reasons()) == (1, [])


def test_a_mute_holds_alerts_back_once_each_and_what_is_due_is_sent_later(world):
    incident = world.handle(from_s3())
    mute(world.store, incident.id, 1, "sam", world.clock)
    for number in range(11):
        world.handle(from_s3(f"m-{number}"))
    assert (world.reasons(), len(world.held)) == (["opened"], 1)
    world.late = 3601
    world.handle(from_s3("after"))
    assert world.reasons() == ["opened", "count"]


def test_nobody_has_to_listen_to_alerts_that_are_held_back(world):
    incident = world.handle(from_s3())
    mute(world.store, incident.id, 1, "sam", world.clock)
    quiet = Ingest(world.store, SimpleNamespace(), AnalysisOptions(), "s", world.alerts.append)
    for number in range(10):
        world.handle(from_s3(f"m-{number}"), quiet)
    assert world.reasons() == ["opened"]


def test_an_alert_that_another_worker_sent_first_is_not_sent_again(world, monkeypatch):
    """Between the look and the lease another worker may have sent it."""
    other = world.worker()
    real = world.ingest.leases.acquire
    done = []

    def late(incident_id, lease):
        if lease is Lease.ALERT and not done:
            done.append(True)
            world.handle(from_s3("e-2"), other)
        return real(incident_id, lease)

    monkeypatch.setattr(world.ingest.leases, "acquire", late)
    world.handle(from_s3())
    assert world.reasons() == ["opened"]


# --- snoozes and reminders ------------------------------------------------------------------------

SAM = f"arn:aws:sts::{A}:assumed-role/on-call/sam"


@pytest.mark.parametrize("of", [SnoozeOf.BUCKET, SnoozeOf.PRINCIPAL])
def test_a_snooze_holds_back_what_is_sent_when_it_ends(world, of):
    incident = world.handle(from_s3())
    Snoozes(world.table, world.clock).snooze(incident, of, 1, SAM)
    ingest = world.worker()
    for number in range(10):
        world.handle(from_s3(f"s-{number}"), ingest)
    assert world.reasons() == ["opened"]
    assert len(world.held) == 1
    world.late = 3601
    errors = []
    assert (
        world.worker().due_alerts.send_held(world.clock() + 60, lambda *one: errors.append(one))
        == 1
    )
    assert (world.reasons(), errors) == (["opened", "count"], [])


def test_a_snooze_that_was_prolonged_holds_on(world):
    incident = world.handle(from_s3())
    snoozes = Snoozes(world.table, world.clock)
    snoozes.snooze(incident, SnoozeOf.BUCKET, 1, SAM)
    ingest = world.worker()
    for number in range(10):
        world.handle(from_s3(f"s-{number}"), ingest)
    snoozes.snooze(incident, SnoozeOf.BUCKET, 3, SAM)
    for late, reasons in ((3601, ["opened"]), (3 * 3600 + 1, ["opened", "count"])):
        world.late = late
        world.worker().due_alerts.send_held(world.clock() + 60, print)
        assert world.reasons() == reasons


def test_the_denied_principal_snoozes_the_others_only(world):
    incident = world.handle(from_s3())
    own = f"arn:aws:sts::{B}:assumed-role/{ROLE.rpartition('/')[2]}/again"
    Snoozes(world.table, world.clock).snooze(incident, SnoozeOf.BUCKET, 1, own)
    ingest = world.worker()
    for number in range(10):
        world.handle(from_s3(f"s-{number}"), ingest)
    assert world.reasons() == ["opened", "count"]


def test_reminders_begin_with_the_alert(world):
    policy = AlertPolicy(reminders=ReminderPolicy(60))
    ingest = replace(world.worker(), alert_policy=policy)
    incident = world.handle(from_s3(), ingest)
    assert world.store.get(incident.id).remind_at == int(world.clock()) + 3600
    grave = AlertPolicy(reminders=ReminderPolicy(60, least=Severity.CRITICAL))
    other = world.handle(
        from_s3("o-1", bucket="b-other"), replace(world.worker(), alert_policy=grave)
    )
    assert not world.store.get(other.id).remind_at


def test_an_alert_goes_to_the_topics_of_its_route_and_says_the_peoples_time(world):
    topic = f"arn:aws:sns:eu-west-1:{A}:payments"
    rule = RoutingRule(name="p", when=AlertMatch(buckets=("a-*",)), topics=(topic,))
    policy = AlertPolicy(routes=(rule,), time_zone="Asia/Tokyo")
    world.handle(from_s3(), replace(world.worker(), alert_policy=policy))
    [alert] = world.alerts
    assert alert.topics == (topic,)
    assert " JST)" in alert.message
