"""Intake, on moto: how often evidence is read, and who is told how often."""

import pytest

from support.names import A, B
from support.records import LATER, kms, s3
from threegrants.analysis import analyze as really_analyze
from threegrants.cloudtrail import parse_record
from threegrants.incidents import IncidentLeases, Lease, State, mute, store
from threegrants.incidents.table import transact


@pytest.fixture
def examined(monkeypatch):
    """How often evidence was read."""
    calls = []

    def counted(call, *rest, **options):
        calls.append(call)
        return really_analyze(call, *rest, **options)

    monkeypatch.setattr("threegrants.ingest.analyze", counted)
    return calls


# --- whose bucket it is ---------------------------------------------------------------------------


def test_the_callers_copy_learns_the_owner_from_other_records(harness, examined):
    alone = harness.handle(s3("e-1", owner=""))
    of_owner = {
        "source": "aws.s3",
        "account": A,
        "detail-type": "AWS API Call via CloudTrail",
        "detail": s3("e-2", recipientAccountId=A),
    }
    assert harness.handle(of_owner).id == alone.id
    harness.handle(s3("e-3", owner=""))
    harness.handle(s3("e-4", operation="ListObjects", owner=""), ingest=harness.worker())
    assert [call.bucket_account for call in examined] == [None, A]
    assert [call.operation for call in examined] == ["GetObject", "ListObjects"]


# --- how often it is examined ---------------------------------------------------------------------


def test_evidence_is_not_read_again_for_a_minute(harness, examined):
    harness.handle(s3("e-1"))
    harness.handle(s3("e-2", when=LATER))
    assert len(examined) == 1
    harness.later(61)
    harness.handle(s3("e-3", when=LATER + 1))
    assert len(examined) == 2


def test_a_record_fed_in_again_reads_again_what_was_unknown(harness, examined, monkeypatch):
    harness.handle(s3("e-1", bucket="a-nowhere"))
    harness.handle(s3("e-2"))
    harness.later(61)
    for name in ("a-nowhere", "a-reports"):
        again = s3("e-1" if name == "a-nowhere" else "e-2", bucket=name)
        harness.ingest.handle(parse_record(again), again)
        harness.ingest.handle(parse_record(again), again, replayed=True)
    assert [call.bucket for call in examined] == ["a-nowhere", "a-reports", "a-nowhere"]
    assert {int(item["count"]) for item in harness.incidents()} == {1}


def test_others_only_count_while_one_examines(harness, monkeypatch):
    other, reading = harness.worker(), []

    def slow(call, *rest, **options):
        reading.append(call)
        harness.handle(s3("e-2"), ingest=other)
        harness.handle(
            s3("e-3", requestParameters={"bucketName": "a-reports", "key": "x"}), ingest=other
        )
        return really_analyze(call, *rest, **options)

    monkeypatch.setattr("threegrants.ingest.analyze", slow)
    harness.handle(s3("e-1"))
    assert len(reading) == 1
    incident = harness.only()
    assert incident.count == 3
    assert incident.folders == ("2026/", "x")
    patches = {p.grant: p for p in incident.report.proposed_patches}
    assert patches["bucket_policy"].statement["Resource"] == [
        "arn:aws:s3:::a-reports/2026/*",
        "arn:aws:s3:::a-reports/x",
    ]
    assert harness.reasons() == ["opened"]


def test_what_is_learnt_while_one_examines_is_examined_too(harness, aws, monkeypatch):
    other_key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    other, reading = harness.worker(), []

    def slow(call, *rest, **options):
        reading.append(call.kms_key)
        if len(reading) == 1:
            harness.handle(kms("e-2", key=other_key), ingest=other)
        return really_analyze(call, *rest, **options)

    monkeypatch.setattr("threegrants.ingest.analyze", slow)
    harness.handle(s3("e-1"))
    assert reading == [None, other_key]
    assert harness.only().report.request.kms_key == other_key


def test_the_lease_of_a_worker_that_died_runs_out(harness):
    leases = harness.ingest.leases
    harness.handle(s3("e-1"))
    incident_id = harness.only().id
    assert leases.acquire(incident_id, Lease.ANALYSIS)
    assert not IncidentLeases(harness.table).acquire(incident_id, Lease.ANALYSIS)
    harness.later(61)
    assert leases.acquire(incident_id, Lease.ANALYSIS)


def test_an_error_while_examining_gives_the_turn_back(harness, monkeypatch):
    def broken(*_, **__):
        raise OSError

    monkeypatch.setattr("threegrants.ingest.analyze", broken)
    with pytest.raises(OSError):  # noqa: PT011 - the one raised here
        harness.handle(s3("e-1"))
    monkeypatch.setattr("threegrants.ingest.analyze", really_analyze)
    assert harness.handle(s3("e-1")).report.is_fixable
    assert harness.only().count == 1


# --- alerts ----------------------------------------------------------------------------------------


def test_a_changed_verdict_alerts_again(harness, aws):
    harness.handle(s3("e-1"))
    aws.client("iam", B).delete_role_policy(RoleName="analyst", PolicyName="own")
    harness.later(61)
    harness.handle(s3("e-2", when=LATER))
    assert harness.reasons() == ["opened", "changed"]


def test_alerts_by_a_rising_threshold(harness):
    for number in range(101):
        harness.handle(s3(f"e-{number}"))
    assert harness.reasons() == ["opened", "count", "count"]


def test_a_threshold_that_two_workers_jump_over_alerts_once(harness, monkeypatch):
    """One counts the tenth, another the eleventh before the first has read the count."""
    other = harness.worker()
    for number in range(9):
        harness.handle(s3(f"e-{number}"))
        harness.handle(s3(f"e-{number}"), ingest=other)
    real = transact

    def both(table, writes):
        monkeypatch.setattr(store, "transact", real)
        real(table, writes)
        harness.handle(s3("other"), ingest=other)

    monkeypatch.setattr(store, "transact", both)
    harness.handle(s3("mine"))
    assert harness.only().count == 11
    assert harness.reasons() == ["opened", "count"]


def test_while_one_sends_another_does_not(harness):
    other, sent = harness.worker(), []

    def sending(alert):
        sent.append(alert)
        harness.handle(s3(f"during-{len(sent)}"), ingest=other)

    object.__setattr__(harness.ingest.due_alerts, "send", sending)
    harness.handle(s3("e-1"))
    assert len(sent) == 1
    assert harness.alerts == []
    assert harness.only().count == 2


def test_what_becomes_due_while_one_sends_is_sent_by_that_one(harness):
    other, sent = harness.worker(), []

    def sending(alert):
        sent.append(alert.attributes["reason"])
        for number in range(9 if len(sent) == 1 else 0):
            harness.handle(s3(f"during-{number}"), ingest=other)

    object.__setattr__(harness.ingest.due_alerts, "send", sending)
    harness.handle(s3("e-1"))
    assert sent == ["opened", "count"]
    assert harness.alerts == []


def test_mute_holds_alerts_back_and_lets_what_is_owed_through(harness):
    incident_id = harness.handle(s3("e-1")).id
    mute(harness.ingest.store, incident_id, 1, "arn:aws:iam::1:user/sam", harness.clock)
    for number in range(11):
        harness.handle(s3(f"m-{number}"))
    assert harness.reasons() == ["opened"]
    assert len(harness.held) == 1  # one alert, though several events found it due
    harness.later(3601)
    harness.handle(s3("after"))
    assert harness.reasons() == ["opened", "count"]
    lines = harness.ingest.store.history(incident_id)
    assert [(i["what"], i["actor"]) for i in lines][-1] == ("muted", "arn:aws:iam::1:user/sam")


def test_unmute(harness):
    incident_id = harness.handle(s3("e-1")).id
    mute(harness.ingest.store, incident_id, 720, "sam")
    mute(harness.ingest.store, incident_id, 0, "sam")
    for number in range(11):
        harness.handle(s3(f"m-{number}"))
    assert harness.reasons() == ["opened", "count"]


def test_a_rejected_incident_counts_quietly(harness):
    incident = harness.handle(s3("e-1"))
    harness.move(incident, State.REJECTED, "sam", "rejected")
    for number in range(11):
        harness.handle(s3(f"r-{number}"))
    assert harness.only().count == 12
    assert harness.reasons() == ["opened"]
