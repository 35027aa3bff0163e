"""Candidates and KMS records that wait, on moto's DynamoDB."""

from dataclasses import replace

import pytest

from support.incidents import CALL, ID, KMS, KMS_RECORD, RECORD, SEEN, kms_call
from support.worlds import KEY
from threegrants.incidents import Conflict
from threegrants.incidents.correlation import Candidate, assign_write, candidate_writes
from threegrants.incidents.table import transact

PARKING = "parking"


def item(table, sk, incident_id=ID):
    return table.get_item(Key={"pk": f"incident#{incident_id}", "sk": sk}).get("Item")


# --- correlation ----------------------------------------------------------------------------------


def test_a_candidate_is_found_with_all_that_is_needed_to_match(correlator, table):
    transact(table, candidate_writes("key", ID, CALL, KEY))
    [found] = correlator.candidates("key", SEEN)
    assert found == Candidate(
        incident_id=ID,
        bucket="a-reports",
        kms_actions=("kms:Decrypt",),
        first_seen=SEEN,
        last_seen=SEEN,
        key=KEY,
        source_ip=CALL.source_ip,
        user_agent=CALL.user_agent,
    )
    assert correlator.candidates("other", SEEN) == []
    assert correlator.candidates(None, SEEN) == []
    assert correlator.candidates("key", "no time") == []
    assert candidate_writes("key", ID, replace(CALL, time="no time")) == []


@pytest.mark.parametrize(("seconds", "found"), [(0, 1), (5, 1), (300, 0)])
def test_a_candidate_is_found_at_its_time(correlator, table, seconds, found):
    transact(table, candidate_writes("key", ID, CALL))
    assert len(correlator.candidates("key", kms_call(seconds).time)) == found


def test_an_incident_that_is_seen_again_and_again_is_one_candidate(correlator, table):
    for call in (CALL, replace(CALL, time="2026-11-24T03:00:06Z")):
        transact(table, candidate_writes("key", ID, call))
    [found] = correlator.candidates("key", SEEN)
    assert (found.first_seen, found.last_seen) == (SEEN, "2026-11-24T03:00:06Z")


def test_within_the_hour_it_counts_whether_an_incident_is_open(correlator, opened, table):
    transact(table, candidate_writes("key", ID, CALL))
    transact(table, candidate_writes("key", "tg-gone", CALL))
    [found] = correlator.candidates_of_the_hour("key", kms_call(900).time)
    assert (found.incident_id, found.closed) == (ID, False)
    assert correlator.candidates_of_the_hour("key", "2026-11-24T09:00:00Z") == []


def test_a_kms_record_waits_until_it_is_assigned(correlator, table):
    correlator.park(PARKING, KMS, KMS_RECORD)
    correlator.park(PARKING, KMS, {"eventID": "k-1", "again": True})
    assert correlator.parked_records(PARKING, SEEN) == [KMS_RECORD]
    assert correlator.assigned_incident(PARKING, KMS, KMS_RECORD) is None
    transact(table, [assign_write(PARKING, KMS, KMS_RECORD, ID)])
    assert correlator.parked_records(PARKING, SEEN) == []
    assert correlator.assigned_incident(PARKING, KMS, KMS_RECORD) == ID
    with pytest.raises(Conflict):
        transact(table, [assign_write(PARKING, KMS, KMS_RECORD, "tg-other")])


@pytest.mark.parametrize(("seconds", "found"), [(0, 1), (5, 1), (6, 0), (60, 0)])
def test_records_wait_for_calls_of_their_time(correlator, seconds, found):
    made = kms_call(seconds)
    correlator.park(PARKING, made, KMS_RECORD)
    assert len(correlator.parked_records(PARKING, SEEN)) == found
    assert correlator.parked_records("other", SEEN) == []
    assert correlator.parked_records(PARKING, "no time") == []


def test_a_kms_record_is_linked_once(correlator, incidents, opened, table):
    linked = correlator.link_kms_record(ID, PARKING, KMS, KMS_RECORD)
    assert linked == incidents.get(ID)
    assert (linked.count, linked.event_ids) == (1, ("e-1", "k-1"))
    assert item(table, "kms_record")["record"] == '{"eventID": "k-1"}'
    assert correlator.link_kms_record(ID, PARKING, KMS, KMS_RECORD) == linked
    assert incidents.get(ID).version == linked.version


def test_only_the_first_kms_record_or_one_with_the_key_is_kept(correlator, opened, table):
    correlator.link_kms_record(ID, PARKING, KMS, KMS_RECORD)
    correlator.link_kms_record(ID, PARKING, kms_call(1, event_id="k-2"), {"eventID": "k-2"})
    assert item(table, "kms_record")["record"] == '{"eventID": "k-1"}'
    keyed = kms_call(1, event_id="k-3", kms_key=KEY)
    assert correlator.link_kms_record(ID, PARKING, keyed, {"eventID": "k-3"}).stated_key_arn == KEY
    assert item(table, "kms_record")["record"] == '{"eventID": "k-3"}'


def test_a_link_that_meets_others_tries_again_and_then_gives_up(correlator, opened, refusing):
    refusing(3)
    assert correlator.link_kms_record(ID, PARKING, KMS, KMS_RECORD).event_ids == ("e-1", "k-1")
    refusing(12)
    with pytest.raises(Conflict, match="too many others"):
        correlator.link_kms_record(ID, PARKING, kms_call(2, event_id="k-2"), {})


def test_the_s3_call_takes_over_the_incident_of_its_kms_records(correlator, incidents, table):
    alone = incidents.record_event("tg-kms", KMS, KMS_RECORD).incident
    correlator.merge_kms_incident(ID, "tg-kms", CALL)
    merged = incidents.get(ID)
    assert (merged.id, merged.bucket, merged.count) == ("tg-kms", "a-reports", 1)
    assert merged.counted_by_kms == 1
    assert item(table, "kms_record", "tg-kms")["record"] == '{"eventID": "k-1"}'
    assert incidents.history("tg-kms")[-1]["what"] == "joined"
    assert ID in incidents.history("tg-kms")[-1]["detail"]
    assert incidents.record_event(ID, CALL, RECORD).incident.count == 1
    correlator.merge_kms_incident("tg-late", "tg-kms", CALL)  # someone else was faster
    assert incidents.find("tg-late") is None
    assert alone.id == "tg-kms"
