"""The stores on moto's DynamoDB: what is written once, what is refused, what is remembered."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from support.incidents import CALL, ID, KMS, KMS_RECORD, NEXT, RECORD, report
from support.worlds import A
from threegrants.diagnosis import Outcome
from threegrants.incidents import (
    AlertReason,
    BucketOwners,
    Conflict,
    IncidentLeases,
    IncidentNotFound,
    Lease,
    Move,
    MuteError,
    State,
    Store,
    bucket_owners,
    incident_reader,
    mute,
    parse_hours,
    store,
)
from threegrants.incidents.correlation import assign_write, candidate_writes
from threegrants.incidents.moves import move_writes
from threegrants.incidents.table import transact, update_if

PARKING = "parking"


# --- events ---------------------------------------------------------------------------------------


def test_the_first_event_opens_an_incident_with_its_record(incidents, table):
    [extra, _] = candidate_writes("key", ID, CALL)
    recorded = incidents.record_event(ID, CALL, RECORD, also=[extra])
    assert recorded.adds_facts
    assert recorded.incident == incidents.get(ID)
    assert (recorded.incident.count, recorded.incident.state) == (1, State.OPEN)
    assert incidents.record(ID) == RECORD
    assert [line["what"] for line in incidents.history(ID)] == ["opened"]
    assert (
        table.get_item(Key={"pk": "calls#key", "sk": extra["Item"]["sk"]})["Item"]["incident"] == ID
    )


def test_an_event_counts_once_whoever_sees_it(incidents, opened, table):
    assert not incidents.record_event(ID, CALL, RECORD).adds_facts
    recorded = Store(table).record_event(ID, CALL, RECORD)
    assert (recorded.incident.count, recorded.adds_facts) == (1, False)


def test_an_event_that_only_counts_makes_no_version(incidents, opened):
    recorded = incidents.record_event(ID, NEXT, {})
    assert (recorded.incident.count, recorded.adds_facts) == (2, False)
    assert recorded.incident.version == opened.version
    assert recorded.incident.event_ids == ("e-1", "e-2")


def test_an_event_that_says_more_makes_a_version(incidents, opened):
    recorded = incidents.record_event(ID, replace(NEXT, object_key="2025/x"), {})
    assert (recorded.incident.count, recorded.adds_facts) == (2, True)
    assert (recorded.incident.version, recorded.incident.folders) == (2, ("2026/", "2025/"))


def test_two_workers_count_both_events(incidents, opened, table):
    """The second worker knows an older incident; what could be wrong by then is a condition."""
    other = Store(table)
    other.record_event(ID, replace(CALL, event_id="e-0"), {})
    incidents.record_event(ID, replace(NEXT, object_key="2025/x"), {})
    recorded = other.record_event(ID, replace(NEXT, event_id="e-3", object_key="2024/x"), {})
    assert recorded.incident.count == 4


def test_an_event_that_meets_others_tries_again_and_then_gives_up(incidents, opened, refusing):
    refusing(3)
    assert incidents.record_event(ID, NEXT, {}).incident.count == 2
    refusing(12)
    with pytest.raises(Conflict, match="too many others"):
        incidents.record_event(ID, replace(CALL, event_id="e-9"), {})


# --- several at once -------------------------------------------------------------------------------


def batch_of(*events, **changes):
    """Events of half a minute later that only count."""
    return [(replace(NEXT, event_id=event, **changes), {}) for event in events]


def count(store):
    return store.get(ID).count


def test_events_that_only_count_are_counted_with_the_first(incidents, opened, monkeypatch):
    ahead = batch_of("e-2", "e-3", "e-1", "e-3")  # the first itself, one that is known, one twice
    assert incidents.record_event(ID, NEXT, {}, ahead=ahead).incident.count == 3
    monkeypatch.setattr(store, "transact", lambda *_: pytest.fail("counted again"))
    for event in ahead:
        assert incidents.record_event(ID, *event, ahead=ahead).incident.count == 3


def test_what_says_more_is_not_counted_ahead(incidents, opened):
    more = batch_of("e-3", object_key="2025/x")
    assert incidents.record_event(ID, NEXT, {}, ahead=more).incident.count == 2
    assert incidents.record_event(ID, *more[0], ahead=more).adds_facts
    assert count(incidents) == 3


def test_a_refused_batch_is_counted_one_by_one(incidents, opened, refusing):
    ahead = batch_of("e-3", "e-4")
    refusing(1)
    assert incidents.record_event(ID, NEXT, {}, ahead=ahead).incident.count == 2
    for number, event in enumerate(ahead):
        assert incidents.record_event(ID, *event).incident.count == 3 + number


def test_two_workers_with_the_same_batch_count_each_event_once(
    incidents, opened, table, monkeypatch
):
    """The second looks before the first has written, and is refused."""
    other, ahead, real = Store(table), batch_of("e-2", "e-3", "e-4"), transact

    def overtaken(table, writes):
        monkeypatch.setattr(store, "transact", real)
        for event in ahead:
            other.record_event(ID, *event, ahead=ahead)
        real(table, writes)

    monkeypatch.setattr(store, "transact", overtaken)
    for event in ahead:
        incidents.record_event(ID, *event, ahead=ahead)
    assert count(incidents) == 4


def test_what_was_counted_ahead_is_forgotten_with_its_batch(incidents, opened):
    ahead = batch_of("e-3")
    incidents.record_event(ID, NEXT, {}, ahead=ahead)
    incidents.forget_counted_ahead()
    assert not incidents.record_event(ID, *ahead[0]).adds_facts
    assert count(incidents) == 3


def test_at_most_as_many_are_counted_as_one_transaction_takes(incidents, opened):
    ahead = batch_of(*(f"b-{number}" for number in range(99)))
    assert incidents.record_event(ID, NEXT, {}, ahead=ahead).incident.count == 2 + 79
    for event in ahead:
        incidents.record_event(ID, *event, ahead=ahead)
    assert count(incidents) == 101


# --- incidents that are gone, and of release 0.1 ---------------------------------------------------


def test_an_incident_that_expired_is_opened_anew(incidents, opened, table):
    transact(table, move_writes(opened, Move(State.REJECTED, "sam", "rejected")))
    for sk in ("meta", "meta#count"):
        update_if(table, {"pk": f"incident#{ID}", "sk": sk}, "SET expires_at = :past",
                  "expires_at > :past", past=1)  # fmt: skip
    recorded = incidents.record_event(ID, NEXT, {})
    assert (recorded.incident.count, recorded.incident.state) == (1, State.OPEN)
    assert recorded.incident == Store(table).get(ID)


def test_another_name_of_an_incident_that_is_gone_is_opened_anew(incidents, table):
    table.put_item(Item={"pk": f"incident#{ID}", "sk": "meta", "joined_to": "tg-gone"})
    assert incidents.find(ID) is None
    assert incidents.record_event(ID, CALL, RECORD).incident.count == 1
    assert Store(table).get(ID).id == ID


def test_a_report_that_is_replaced_between_two_reads_is_not_mixed(
    incidents, diagnosed, table, monkeypatch
):
    """The reader has `meta` of before, and finds the report of after."""
    assert incidents.get(ID) == diagnosed
    other, reader = Store(table), Store(table)
    real = reader._items

    def overtaken(incident_id, through):
        items = real(incident_id, through)
        monkeypatch.setattr(reader, "_items", real)
        newer = replace(report(), evidence_at="2026-11-24T05:00:00Z")
        other.save_diagnosis(other.get(ID), newer, State.OPEN, newer.evidence_at, alert_due=False)
        return {sk: item for sk, item in items.items() if sk != "meta#diagnosis"}

    monkeypatch.setattr(reader, "_items", overtaken)
    read = reader.get(ID)
    assert read == other.get(ID)
    assert read.diagnosed_at == read.diagnosis.evidence_at == "2026-11-24T05:00:00Z"


def test_a_kms_record_that_was_assigned_before_is_not_counted(incidents, opened, table):
    write = assign_write(PARKING, KMS, KMS_RECORD, "tg-other")
    transact(table, [write])
    assert incidents.record_event(ID, KMS, KMS_RECORD, assignment=write).incident.count == 1


def test_a_worker_remembers_a_bounded_number(incidents, monkeypatch):
    monkeypatch.setattr(incident_reader, "_CACHE_SIZE", 2)
    for number in range(3):
        incidents.record_event(f"tg-{number}", replace(CALL, event_id=f"c-{number}"), {})
    assert list(incidents._cache) == ["tg-2"]
    incidents.record_event("tg-2", replace(NEXT, event_id="c-9"), {})
    assert incidents.get("tg-2").count == 2


# --- reading --------------------------------------------------------------------------------------


def test_what_is_not_there(incidents):
    assert incidents.find("tg-none") is None
    assert not incidents.exists("tg-none")
    assert incidents.record("tg-none") == {}
    with pytest.raises(IncidentNotFound, match="no incident tg-none"):
        incidents.get("tg-none")


def test_what_was_seen_is_known_without_reading(incidents, opened, table):
    assert Store(table).exists(ID)
    table.delete_item(Key={"pk": f"incident#{ID}", "sk": "meta"})
    assert incidents.exists(ID)
    assert not Store(table).exists(ID)


def test_incidents_are_listed_latest_first(incidents, opened, table):
    newer = replace(CALL, event_id="n", time="2026-11-25T00:00:00Z")
    second = incidents.record_event("tg-newer", newer, {}).incident
    transact(table, move_writes(second, Move(State.REJECTED, "sam", "rejected")))
    assert [found.id for found in incidents.latest()] == ["tg-newer", ID]
    assert [found.id for found in incidents.latest(limit=1)] == ["tg-newer"]
    assert [found.id for found in incidents.latest(State.OPEN)] == [ID]


# --- diagnoses ------------------------------------------------------------------------------------


def test_a_diagnosis_is_kept_with_what_is_due(incidents, opened, diagnosed, table):
    assert diagnosed == incidents.get(ID)
    assert (diagnosed.diagnosis, diagnosed.alert_due) == (report(), True)
    assert not diagnosed.has_unanswered_question
    assert diagnosed.alert_fingerprint == report().alert_fingerprint
    assert [line["what"] for line in incidents.history(ID)] == ["opened", "diagnosed"]
    assert incidents.record(ID) == RECORD


def test_a_diagnosis_of_the_same_verdict_has_no_line_of_history(incidents, diagnosed):
    again = replace(report(), evidence_at="2026-11-24T05:00:00Z")
    kept = incidents.save_diagnosis(
        diagnosed, again, State.OPEN, again.evidence_at, alert_due=False, record={"eventID": "e-7"}
    )
    assert kept == incidents.get(ID)
    assert incidents.record(ID) == {"eventID": "e-7"}
    assert len(incidents.history(ID)) == 2


def test_a_diagnosis_of_an_incident_that_changed_is_refused(incidents, opened, diagnosed):
    with pytest.raises(Conflict):
        incidents.save_diagnosis(opened, report(), State.OPEN, "", alert_due=False)


def test_the_owner_that_was_read_is_kept_if_none_was_named(incidents):
    nameless = replace(CALL, bucket_account=None)
    first = incidents.record_event(ID, nameless, RECORD).incident
    assert incidents.save_diagnosis(
        first, report(bucket_account=A), State.RESOLVED, "", alert_due=False
    ).bucket_account == A  # fmt: skip


# --- leases and marks -----------------------------------------------------------------------------


@pytest.fixture
def clock():
    return [1000.0]


@pytest.fixture
def leases(table, clock):
    return IncidentLeases(table, lambda: clock[0])


@pytest.mark.parametrize("lease", Lease)
def test_one_worker_at_a_time_until_its_time_is_over(leases, opened, clock, lease):
    assert leases.acquire(ID, lease)
    assert not leases.acquire(ID, lease)
    assert leases.acquire(ID, Lease.ALERT if lease is Lease.ANALYSIS else Lease.ANALYSIS)
    clock[0] += 59
    assert not leases.acquire(ID, lease)
    clock[0] += 1
    assert leases.acquire(ID, lease)
    leases.release(ID, lease)
    assert leases.acquire(ID, lease)


def test_there_is_no_lease_on_what_is_not_there(leases, table):
    assert not leases.acquire("tg-none", Lease.ALERT)


def test_a_diagnosis_that_is_kept_gives_the_lease_back(leases, incidents, opened):
    assert leases.acquire(ID, Lease.ANALYSIS)
    incidents.save_diagnosis(opened, report(), State.OPEN, "", alert_due=True)
    assert leases.acquire(ID, Lease.ANALYSIS)


def test_an_alert_that_was_sent_is_not_due_and_gives_the_lease_back(leases, incidents, diagnosed):
    leases.acquire(ID, Lease.ALERT)
    leases.alert_sent(diagnosed)
    sent = incidents.get(ID)
    assert (sent.alerted_count, sent.alert_due) == (1, False)
    assert leases.acquire(ID, Lease.ALERT)


def test_an_alert_about_a_newer_report_stays_due(leases, incidents, diagnosed):
    other = replace(report(), blockers=(), outcome=Outcome.DO_NOT_PATCH)
    incidents.save_diagnosis(diagnosed, other, State.OPEN, "x", alert_due=True)
    leases.acquire(ID, Lease.ALERT)
    leases.alert_sent(replace(diagnosed, count=25))
    assert (incidents.get(ID).alerted_count, incidents.get(ID).alert_due) == (10, True)
    assert leases.acquire(ID, Lease.ALERT)


def test_an_alert_about_a_count_leaves_the_rest(leases, incidents, diagnosed):
    leases.alert_sent(diagnosed)
    leases.alert_sent(replace(incidents.get(ID), count=100))
    assert (incidents.get(ID).alerted_count, incidents.get(ID).alert_due) == (100, False)


def test_an_alert_that_was_held_back_is_noted_once(leases, incidents, diagnosed):
    assert leases.note_suppressed_alert(diagnosed, AlertReason.OPENED)
    assert not leases.note_suppressed_alert(diagnosed, AlertReason.OPENED)  # another worker's
    known = incidents.get(ID)
    assert not leases.note_suppressed_alert(known, AlertReason.OPENED)
    assert leases.note_suppressed_alert(replace(known, count=10), AlertReason.COUNT)


# --- mute -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [-1, 721, True, "2", 1.5, None])
def test_hours_that_are_no_hours(value):
    with pytest.raises(MuteError, match="0 to 720"):
        parse_hours(value)


@pytest.mark.parametrize("value", [0, 1, 720])
def test_hours(value):
    assert parse_hours(value) == value


def test_a_mute_lasts_for_its_hours_and_is_in_the_history(incidents, opened):
    assert mute(incidents, ID, 2, "sam", lambda: 0) == "muted until 1970-01-01T02:00:00Z"
    assert incidents.get(ID).muted_until == 7200
    assert mute(incidents, ID, 0, "kim") == "unmuted"
    assert incidents.get(ID).muted_until == 0
    lines = [(line["what"], line["actor"], line["detail"]) for line in incidents.history(ID)]
    assert lines[1:] == [("muted", "sam", "until 1970-01-01T02:00:00Z"), ("unmuted", "kim", "")]


# --- bucket owners --------------------------------------------------------------------------------


def test_an_owner_is_learnt_and_known_to_every_worker(table):
    one, other = BucketOwners(table), BucketOwners(table)
    assert one.owner_of("b") is None
    one.learn("b", A)
    one.learn("b", A)
    assert one.owner_of("b") == other.owner_of("b") == A
    other.learn("b", "3" * 12)  # made anew in another account
    assert BucketOwners(table).owner_of("b") == "3" * 12


def test_the_memory_of_owners_is_bounded(table, monkeypatch):
    monkeypatch.setattr(bucket_owners, "_CACHE_SIZE", 2)
    owners = BucketOwners(table)
    for name in "abc":
        owners.learn(name, A)
    assert list(owners._cache) == ["c"]
    assert owners.owner_of("a") == A


# --- the table ------------------------------------------------------------------------------------


def test_what_is_no_conflict_is_raised(table):
    with pytest.raises(ClientError, match="ValidationException"):
        update_if(table, {"pk": "x", "sk": "y"}, "SET", "nonsense", a=1)
    gone = SimpleNamespace(meta=table.meta, name="gone")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        transact(gone, [{"Item": {"pk": "x", "sk": "y"}}])


def test_a_conflict_names_the_writes_that_were_refused(incidents, opened, table):
    marker = {"Item": {"pk": "m", "sk": "m"}}
    refused = {
        "Item": {"pk": f"incident#{ID}", "sk": "meta"},
        "ConditionExpression": "attribute_not_exists(pk)",
    }
    with pytest.raises(Conflict) as conflict:
        transact(table, [marker, refused])
    assert conflict.value.refused == {1}
    assert "Item" not in table.get_item(Key={"pk": "m", "sk": "m"})
