"""Ingest with the table on moto, and evidence that is given: who is analyzed, linked and alerted.

The analysis is the real one; only what AWS would answer the reader is given, so that nothing of S3,
KMS and IAM has to be there. With them there: tests/aws/test_intake*.py.
"""

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from support.aws import mocked
from support.once import work_out_once
from support.records import AGENT, IP, LATER, kms, s3, session_of
from support.worlds import KEY, ROLE, A, B, allow, delegates, evidence
from threegrants import analysis
from threegrants import ingest as module
from threegrants.analysis import AnalysisOptions
from threegrants.cloudtrail import parse_record
from threegrants.evidence import Read, Unread
from threegrants.incidents import Conflict, Lease, State, Store, mute
from threegrants.ingest import Ingest
from threegrants.remediation.run_store import Move, RunStore

work_out_once()
WHO = session_of(ROLE)
FIXED = {
    "bucket": (allow(ROLE),),
    "key": (delegates(), allow(ROLE, "kms:Decrypt", "*")),
    "iam": (allow(), allow(action="kms:Decrypt", resource=KEY)),
}
OTHER_KEY = f"arn:aws:kms:eu-west-1:{A}:key/99999999-2222-3333-4444-555555555555"


def from_s3(event="e-1", when=-600, **changes):
    return s3(event, when, userIdentity=WHO, **changes)


def from_kms(event="k-1", when=-599, **changes):
    return kms(event, when, userIdentity={**WHO, "invokedBy": "fas.s3.amazonaws.com"}, **changes)


class World:
    """One table, evidence that tests change, and workers that remember nothing of each other."""

    def __init__(self, table, monkeypatch):
        self.table, self.late, self.policies = table, 0, {}
        self.read, self.alerts, self.held = [], [], []
        self.unknown = False
        self.during_read = lambda: None
        monkeypatch.setattr(analysis, "gather", self.gather)
        self.ingest = self.worker()
        self.store = self.ingest.store

    def gather(self, call, clients, *, fresh=False):
        self.read.append(SimpleNamespace(call=call, fresh=fresh))
        self.during_read()
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.clock()))
        found = replace(evidence(**self.policies), at=now)
        if self.unknown:
            unread = replace(found.bucket, policy=Unread("refused", "s3:GetBucketPolicy"))
            found = replace(found, bucket=unread)
        if call.kms_key:
            found = replace(
                found,
                key=Read(replace(found.key.value, arn=call.kms_key, source=call.kms_key_source)),
            )
        return found

    def clock(self):
        return time.time() + self.late

    def worker(self):
        return Ingest(
            Store(self.table),
            SimpleNamespace(),
            AnalysisOptions(writable=frozenset({A, B})),
            "threegrants",
            self.alerts.append,
            self.held.append,
            self.clock,
        )

    def handle(self, record, ingest=None, **how):
        return (ingest or self.ingest).handle(parse_record(record), record, **how)

    def ids(self):
        items = self.table.scan()["Items"]
        return [i["id"] for i in items if i["sk"] == "meta" and "joined_to" not in i]

    def only(self):
        [found] = self.ids()
        return self.store.get(found)

    def reasons(self):
        return [alert.attributes["reason"] for alert in self.alerts]

    def move(self, state):
        RunStore(self.table).move(self.only(), Move(state, "sam", str(state)))


@pytest.fixture
def world(monkeypatch):
    with mocked() as aws:
        yield World(aws.table(), monkeypatch)


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
    world.late = 58
    world.handle(from_s3("e-2", LATER))
    assert len(world.read) == 1
    world.late = 62
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


def test_the_owner_that_another_record_named_is_used(world):
    world.handle(from_s3())
    world.handle(from_s3("e-2", operation="ListObjects", owner=""), world.worker())
    assert [read.call.bucket_account for read in world.read] == [A, A]


BY_ID = {"type": "AWSAccount", "principalId": "AROAEXAMPLE000000000:s", "accountId": B}


def test_a_unique_id_is_resolved_and_one_that_cannot_be_is_asked_once_a_minute(world, monkeypatch):
    asked, answers = [], [Unread("refused", "iam:ListRoles"), Read(ROLE)]
    monkeypatch.setattr(
        module, "resolve_unique_id", lambda _, *who: asked.append(who) or answers[len(asked) - 1]
    )
    by_id = parse_record({**from_s3(), "userIdentity": BY_ID})
    assert world.ingest.resolve_caller(parse_record(from_s3())) is None
    assert world.ingest.resolve_caller(by_id) is None
    assert world.ingest.resolve_caller(by_id) is None
    assert asked == [(B, "AROAEXAMPLE000000000")]
    world.late = 61
    assert world.ingest.resolve_caller(by_id) == ROLE


def test_both_copies_of_a_record_are_one_incident(world, monkeypatch):
    monkeypatch.setattr(module, "resolve_unique_id", lambda *_: Read(ROLE))
    mine = {**from_s3("e-1"), "sharedEventID": "shared"}
    theirs = {**from_s3("e-2"), "sharedEventID": "shared", "userIdentity": BY_ID}
    assert world.handle(mine).id == world.handle(theirs).id
    assert world.only().count == 1


# --- KMS records ----------------------------------------------------------------------------------


def test_a_kms_record_joins_its_s3_record_and_is_not_counted(world):
    opened = world.handle(from_s3())
    joined = world.handle(from_kms())
    assert (joined.id, joined.count) == (opened.id, 1)
    assert joined.event_ids == ("e-1", "k-1")
    assert len(world.read) == 1


def test_a_key_that_a_kms_record_states_is_analyzed(world):
    world.handle(from_s3())
    joined = world.handle(from_kms(key=OTHER_KEY))
    assert joined.report.request.kms_key == OTHER_KEY
    assert [read.call.kms_key for read in world.read] == [None, OTHER_KEY]
    assert world.store.record(joined.id)["eventID"] == "e-1"


def test_a_record_that_is_no_denial_any_more_is_not_analyzed_again(world):
    opened = world.handle(from_s3())
    key = {"pk": f"incident#{opened.id}", "sk": "record"}
    world.table.put_item(Item={**key, "record": '{"eventName": "GetObject"}'})
    assert world.handle(from_kms(key=OTHER_KEY)).has_unanswered_question
    assert len(world.read) == 1


def test_a_kms_record_before_its_s3_record_waits(world):
    assert world.handle(from_kms()) is None
    assert world.ids() == []
    assert world.handle(from_s3()).event_ids == ("e-1", "k-1")
    back = world.handle(from_kms(), was_parked=True)
    assert (back.count, back.event_ids) == (1, ("e-1", "k-1"))


def test_a_kms_record_of_another_call_goes_on_waiting(world):
    world.handle(from_kms(operation="GenerateDataKey"))
    assert world.handle(from_s3()).event_ids == ("e-1",)


def test_a_kms_record_that_cannot_be_read_is_left(world, monkeypatch):
    world.handle(from_kms())
    real = module.parse_record
    unreadable = SimpleNamespace()
    monkeypatch.setattr(
        module, "parse_record", lambda r: unreadable if r["eventID"] == "k-1" else real(r)
    )
    assert world.handle(from_s3()).event_ids == ("e-1",)


def test_a_kms_record_whose_s3_record_never_comes_opens_an_incident(world):
    world.handle(from_kms(key=KEY))
    alone = world.handle(from_kms(key=KEY), was_parked=True)
    assert (alone.count, alone.bucket) == (1, None)
    assert world.handle(from_kms(key=KEY), was_parked=True).count == 1
    late = world.handle(from_s3())
    assert (late.id, late.count, late.bucket) == (alone.id, 1, "a-reports")


def test_after_the_wait_the_only_open_incident_of_the_hour_will_do(world):
    opened = world.handle(from_s3(when=-600))
    assert world.handle(from_kms(when=-200)) is None
    assert world.handle(from_kms(when=-200), was_parked=True).id == opened.id


def test_a_kms_record_that_joined_meanwhile_stays_where_it_is(world):
    """Two S3 incidents fit by now, so nothing would be matched: what was assigned counts."""
    world.handle(from_kms())
    opened = world.handle(from_s3())
    world.handle(from_s3("e-2", bucket="a-other"))
    assert world.handle(from_kms(), was_parked=True).id == opened.id


def test_a_service_identity_is_matched_by_the_key(world):
    record = kms("k-1", form="service", key=KEY, sourceIPAddress=IP, userAgent=AGENT)
    assert world.handle(record) is None
    joined = world.handle(from_s3())
    assert joined.event_ids == ("e-1", "k-1")


def test_a_record_that_waits_under_the_key_may_ask_another_question(world):
    """The S3 call's key was assumed; KMS names the same key, so nothing is asked anew."""
    world.handle(kms("k-1", form="service", key=KEY))
    joined = world.handle(from_s3())
    assert joined.stated_key_arn == KEY
    assert not joined.has_unanswered_question


def test_without_a_key_nothing_waits_under_one(world):
    world.policies = {"encrypted": False}
    assert world.handle(from_s3()).report.request.kms_key is None


def test_a_list_needs_no_key_and_is_no_candidate(world):
    world.handle(from_s3(operation="ListObjects"))
    assert world.handle(from_kms()) is None


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
    assert incident.prefix == ""
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

    object.__setattr__(world.ingest, "send", down)
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

    object.__setattr__(world.ingest, "send", sending)
    world.handle(from_s3())
    assert (len(sent), world.reasons()) == (1, [])


def test_a_mute_holds_alerts_back_once_each_and_what_is_due_is_sent_later(world):
    incident = world.handle(from_s3())
    mute(world.store, incident.id, 1, "sam")
    for number in range(11):
        world.handle(from_s3(f"m-{number}"))
    assert (world.reasons(), len(world.held)) == (["opened"], 1)
    world.late = 3601
    world.handle(from_s3("after"))
    assert world.reasons() == ["opened", "count"]


def test_nobody_has_to_listen_to_alerts_that_are_held_back(world):
    incident = world.handle(from_s3())
    mute(world.store, incident.id, 1, "sam")
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
