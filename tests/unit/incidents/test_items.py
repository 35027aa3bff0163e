"""How an incident is written: the stored names stay, and a write changes only what differs."""

import json
import time
from dataclasses import fields, replace
from decimal import Decimal

import pytest

from support.incidents import ID, SEEN, diagnosed, incident, report
from support.worlds import KEY, call
from threegrants.incidents import Conflict, Incident, Move, State
from threegrants.incidents.events import SAMPLE_SIZE, with_event
from threegrants.incidents.items import (
    CLOSED_DAYS,
    EVENT_DAYS,
    SECONDS_A_DAY,
    change_write,
    count_write,
    expires_in,
    expiry_of,
    from_item,
    item_key,
    open_write,
    put_write,
    to_item,
)
from threegrants.incidents.moves import history_write, move_writes, opened_write
from threegrants.incidents.state_events import StateEvent
from threegrants.incidents.states import CLOSED
from threegrants.report import KeySource

CALL = call()
LATER = "2026-11-24T04:00:00Z"
FULL = diagnosed(
    state=State.REJECTED,
    stated_key_arn=KEY,
    stated_key_source=KeySource.KMS_RECORD,
    kms_event_id="k-1",
    counted_by_kms=2,
    counted_by_kms_until=LATER,
    alert_due=True,
    alerted_count=10,
    muted_until=5,
    suppressed_alert="count 10",
)


def test_the_stored_names_stay():
    """Tables that are in use have these names; another name would lose what is stored."""
    assert to_item(incident()) == {
        "id": ID,
        "state": "open",
        "version": 1,
        "count": 1,
        "first_seen": SEEN,
        "last_seen": SEEN,
        "event_ids": ["e-1"],
        "folders": ["2026/"],
        "bucket": "a-reports",
        "owner": "111111111111",
        "legs": ["kms:Decrypt"],
        "told_key": None,
        "told_by": None,
        "told_at": "",
        "kms_event": None,
        "asks": 1,
        "answered": 0,
        "ahead": 0,
        "ahead_until": "",
        "diagnosis": None,
        "signature": "",
        "diagnosed_at": "",
        "alert_due": False,
        "replayed": False,
    }


def stored(what):
    """As DynamoDB gives it back: numbers are decimals, nothing is None."""
    unversioned = {"alerted_count": 10, "muted_until": 5, "held": "count 10"}
    item = {**item_key(ID, "meta"), **to_item(what), **unversioned, "expires_at": 1}
    return {
        name: Decimal(value) if type(value) is int else value
        for name, value in item.items()
        if value is not None
    }


def test_an_incident_is_read_back_as_it_was_written():
    read = from_item(stored(FULL))
    assert read == FULL
    for field in fields(Incident):
        assert type(getattr(read, field.name)) is type(getattr(FULL, field.name)), field.name


def test_an_item_of_an_older_version_is_read():
    item = {"id": ID, "state": "open", "version": Decimal(1), "count": Decimal(1),
            "first_seen": SEEN, "last_seen": SEEN}  # fmt: skip
    assert from_item(item) == Incident(
        id=ID, state=State.OPEN, version=1, count=1, first_seen=SEEN, last_seen=SEEN
    )


def test_a_report_that_cannot_be_read_is_left_out_and_made_anew():
    item = stored(FULL) | {"diagnosis": '{"schema": "threegrants.diagnosis/0"}'}
    assert from_item(item) == replace(FULL, diagnosis=None)


def test_the_report_has_the_counts_as_they_are_now():
    now = diagnosed(count=12, last_seen=LATER, event_ids=("e-1", "e-2")).report.request
    assert (now.count, now.first_seen, now.last_seen) == (12, SEEN, LATER)
    assert now.event_ids == ("e-1", "e-2")
    assert incident().report is None


# --- writes ---------------------------------------------------------------------------------------


def test_a_put_leaves_out_what_is_none():
    assert put_write({"a": None, "b": 0}) == {"Item": {"b": 0}}
    assert put_write({"b": 0}, "c") == {"Item": {"b": 0}, "ConditionExpression": "c"}


def test_a_new_incident_is_refused_where_one_is():
    write = open_write(incident())
    assert write["ConditionExpression"] == "attribute_not_exists(pk)"
    assert write["Item"]["pk"] == f"incident#{ID}"
    assert write["Item"]["sk"] == "meta"
    assert from_item(write["Item"]) == incident()


def test_a_change_writes_what_differs_if_nobody_else_changed_it():
    old = incident(kms_event_id="k-1", version=4)
    new = replace(old, version=5, folders=("2026/", "2027/"), kms_event_id=None, stated_key_arn=KEY)
    assert change_write(old, new, removed=["examining_until"]) == {
        "Key": item_key(ID, "meta"),
        "UpdateExpression": "SET #version = :version, #folders = :folders, #told_key = :told_key "
        "REMOVE #kms_event, examining_until, expires_at",
        "ConditionExpression": "version = :seen",
        "ExpressionAttributeNames": {
            "#version": "version",
            "#folders": "folders",
            "#told_key": "told_key",
            "#kms_event": "kms_event",
        },
        "ExpressionAttributeValues": {
            ":version": 5, ":folders": ["2026/", "2027/"], ":told_key": KEY, ":seen": 4,
        },
    }  # fmt: skip


def test_counts_that_others_made_are_not_overwritten():
    old = incident(count=7)
    new = with_event(old, replace(CALL, event_id="e-2", time=LATER, object_key="2025/x"))
    write = change_write(old, new)
    assert "#count = #count + :count" in write["UpdateExpression"]
    values = write["ExpressionAttributeValues"]
    assert (values[":count"], values[":sampled"], values[":event_ids"]) == (1, 1, ["e-1", "e-2"])
    assert write["ConditionExpression"] == (
        "version = :seen AND #last_seen < :last_seen AND size(#event_ids) = :sampled"
    )


def test_a_closed_incident_expires_and_an_open_one_does_not():
    closed = replace(incident(), state=State.REJECTED, version=2)
    write = change_write(incident(), closed, expires_at=99)
    assert write["ExpressionAttributeValues"][":expires_at"] == 99
    assert "REMOVE" not in write["UpdateExpression"]
    opened = change_write(closed, replace(closed, state=State.OPEN, version=3))
    assert opened["UpdateExpression"].endswith(" REMOVE expires_at")
    for state in State:
        assert (expiry_of(state) is not None) == (state in CLOSED)
    days = (expiry_of(State.REJECTED) - time.time()) / SECONDS_A_DAY
    assert days == pytest.approx(CLOSED_DAYS, abs=0.01)
    assert (expires_in(EVENT_DAYS) - time.time()) / SECONDS_A_DAY == pytest.approx(14, abs=0.01)


def test_a_diagnosis_is_stored_as_its_json():
    old = incident()
    write = change_write(old, replace(old, diagnosis=report(), version=2))
    text = write["ExpressionAttributeValues"][":diagnosis"]
    assert json.loads(text) == report().to_json()


COUNTED = [
    ("at the same time, the sample is full",
     incident(event_ids=tuple(f"e-{n}" for n in range(SAMPLE_SIZE))), CALL,
     "SET #count = #count + :one", "attribute_exists(pk)"),
    ("later, without an id", incident(), replace(CALL, time=LATER, event_id=""),
     "SET #count = #count + :one, last_seen = :seen", "attribute_exists(pk) AND last_seen < :seen"),
    ("one more for the sample", incident(), replace(CALL, event_id="e-2"),
     "SET #count = #count + :one, event_ids = list_append(event_ids, :event)",
     "attribute_exists(pk) AND size(event_ids) < :sample"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("known", "made", "update", "condition"), [c[1:] for c in COUNTED], ids=[c[0] for c in COUNTED]
)
def test_a_count_makes_no_version(known, made, update, condition):
    write = count_write(known, made)
    assert (write["UpdateExpression"], write["ConditionExpression"]) == (update, condition)
    assert write["Key"] == item_key(ID, "meta")
    assert write["ExpressionAttributeValues"][":one"] == 1
    if ":sample" in condition:
        assert write["ExpressionAttributeValues"][":event"] == ["e-2"]
        assert write["ExpressionAttributeValues"][":sample"] == SAMPLE_SIZE


# --- moves ----------------------------------------------------------------------------------------


def test_a_move_is_written_with_its_line():
    move = Move(State.REJECTED, "sam", "rejected", "no", ("d",))
    change, line, event = move_writes(incident(), move)
    assert change["ExpressionAttributeValues"][":state"] == "rejected"
    assert change["ExpressionAttributeValues"][":version"] == 2
    assert ":expires_at" in change["ExpressionAttributeValues"]
    item = line["Item"]
    assert item["pk"] == f"incident#{ID}"
    assert item["sk"].startswith(f"history#{item['at']}#")
    wanted = {"actor": "sam", "what": "rejected", "from": "open", "to": "rejected", "detail": "no",
              "digests": ["d"]}  # fmt: skip
    assert {name: item[name] for name in wanted} == wanted
    told = StateEvent.from_item(event["Item"])
    assert (told.incident_id, told.before, told.after, told.actor) == (ID, "", "rejected", "sam")
    assert (told.what, told.detail, told.digests) == ("rejected", "no", ("d",))
    assert event["Item"]["done"] is False


def test_a_move_that_the_table_does_not_have_is_refused():
    with pytest.raises(Conflict, match="is open: it cannot be verified"):
        move_writes(incident(), Move(State.VERIFIED, "sam", "verified"))


def test_the_first_line_comes_from_nowhere():
    first = opened_write(incident())["Item"]
    assert (first["from"], first["to"], first["what"]) == ("", "open", "opened")
    second = history_write(incident(), Move(State.OPEN, "service", "diagnosed"))["Item"]
    assert second["from"] == "open"
    assert first["sk"] < second["sk"]
