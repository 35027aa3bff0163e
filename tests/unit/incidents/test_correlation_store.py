"""Candidates and KMS records that wait, on moto's DynamoDB."""

import pytest

from support.incidents import CALL, ID, KMS, KMS_RECORD, RECORD, SEEN, kms_call
from support.worlds import KEY
from threegrants.incidents import (
    Conflict,
)
from threegrants.incidents.correlation import assign_write, candidate_write
from threegrants.incidents.table import transact

PARKING = "parking"


def item(table, sk, incident_id=ID):
    return table.get_item(Key={"pk": f"incident#{incident_id}", "sk": sk}).get("Item")


# --- correlation ----------------------------------------------------------------------------------


def test_a_candidate_is_found_with_its_client(correlator, opened, table):
    transact(table, [candidate_write("key", ID, CALL), candidate_write("key", "tg-gone", CALL)])
    [found] = correlator.candidates("key")
    assert (found.incident, found.source_ip, found.user_agent) == (
        opened, CALL.source_ip, CALL.user_agent,
    )  # fmt: skip
    assert correlator.candidates("other") == []
    assert correlator.candidates(None) == []


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


def test_all_pages_of_a_query_are_read(correlator, monkeypatch):
    pages = [{"Items": [{"kept": "{}"}], "LastEvaluatedKey": {"pk": "x"}}, {"Items": []}]
    asked = []
    monkeypatch.setattr(
        correlator._table, "query", lambda **query: asked.append(query) or pages[len(asked) - 1]
    )
    assert correlator.parked_records(PARKING, SEEN) == [{}]
    assert "ExclusiveStartKey" not in asked[0]
    assert asked[1]["ExclusiveStartKey"] == {"pk": "x"}


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
    transact(table, [candidate_write("key", "tg-kms", KMS)])
    [candidate] = correlator.candidates("key")
    correlator.merge_kms_incident(ID, candidate, CALL)
    merged = incidents.get(ID)
    assert (merged.id, merged.bucket, merged.count) == ("tg-kms", "a-reports", 1)
    assert merged.counted_by_kms == 1
    assert item(table, "kms_record", "tg-kms")["record"] == '{"eventID": "k-1"}'
    assert incidents.history("tg-kms")[-1]["what"] == "joined"
    assert ID in incidents.history("tg-kms")[-1]["detail"]
    assert incidents.record_event(ID, CALL, RECORD).incident.count == 1
    correlator.merge_kms_incident("tg-late", candidate, CALL)  # someone else was faster
    assert incidents.find("tg-late") is None
    assert alone.id == "tg-kms"
