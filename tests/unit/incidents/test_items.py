"""How an incident is written: the stored names stay, and a write changes only what differs."""

import time
from dataclasses import fields, replace
from decimal import Decimal

import pytest

from support.incidents import ID, SEEN, diagnosed, incident, report
from support.worlds import KEY, call
from threegrants.incidents import Conflict, Incident, Move, State
from threegrants.incidents.events import SAMPLE_SIZE, with_event
from threegrants.incidents.fitting import unpack
from threegrants.incidents.items import (
    CLOSED_DAYS,
    EVENT_DAYS,
    SECONDS_A_DAY,
    change_writes,
    count_write,
    event_marker_key,
    event_marker_write,
    expires_in,
    expiry_of,
    from_items,
    is_expired,
    item_key,
    needs_upgrade,
    open_writes,
    put_write,
    to_items,
    upgrade_writes,
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
    meta, counted = to_items(incident())
    assert counted == {
        **item_key(ID, "meta#count"), "count": 1, "last_seen": SEEN, "event_ids": ["e-1"]
    }  # fmt: skip
    assert meta == {
        **item_key(ID, "meta"),
        "id": ID,
        "state": "open",
        "version": 1,
        "first_seen": SEEN,
        "last_seen": SEEN,
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
        "signature": "",
        "diagnosed_at": "",
        "alert_due": False,
        "replayed": False,
        "diagnosis_id": "",
        "open_until": "",
        "born": 2,
        "listed": "incident",
        "listed_row": {"first_seen": SEEN, "bucket": "a-reports", "bucket_account": "111111111111"},
    }


def stored(what):
    """As DynamoDB gives it back: numbers are decimals, nothing is None."""
    meta, *others = to_items(what)
    meta |= {"alerted_count": 10, "muted_until": 5, "held": "count 10", "expires_at": 1}
    return [
        {
            name: Decimal(value) if type(value) is int else value
            for name, value in item.items()
            if value is not None
        }
        for item in (meta, *others)
    ]


def test_an_incident_is_read_back_as_it_was_written():
    read = from_items(*stored(FULL))
    assert read == FULL
    for field in fields(Incident):
        assert type(getattr(read, field.name)) is type(getattr(FULL, field.name)), field.name


def test_a_report_that_is_known_is_not_read_again():
    meta, counted, _ = stored(FULL)
    known = report(bucket="known")
    assert from_items(meta, counted, known) == replace(FULL, diagnosis=known)
    assert from_items(meta, counted).diagnosis is None


def test_a_report_that_cannot_be_read_is_left_out_and_made_anew():
    meta, counted, kept = stored(FULL)
    kept["diagnosis"] = '{"schema": "threegrants.diagnosis/0"}'
    assert from_items(meta, counted, kept) == replace(FULL, diagnosis=None)


OF_RELEASE_0_1 = {
    **item_key(ID, "meta"), "id": ID, "state": "open", "version": Decimal(3), "count": Decimal(7),
    "first_seen": SEEN, "last_seen": SEEN, "event_ids": ["e-1"], "muted_until": Decimal(5),
}  # fmt: skip


def test_an_item_of_release_0_1_becomes_the_items_of_now():
    assert needs_upgrade(OF_RELEASE_0_1)
    change, counted = upgrade_writes(OF_RELEASE_0_1, "d-1")
    assert counted == {
        "Item": {
            **item_key(ID, "meta#count"),
            "schema": 2,
            "count": 7,
            "last_seen": SEEN,
            "event_ids": ["e-1"],
        }
    }
    assert change["UpdateExpression"] == (
        "SET #schema = :schema, version = :next, born = :old, diagnosis_id = :id "
        "REMOVE #count, event_ids, diagnosis"
    )
    assert change["ConditionExpression"] == (
        "version = :seen AND #count = :count AND last_seen = :last AND attribute_not_exists(#schema)"
    )
    values = change["ExpressionAttributeValues"]
    assert (values[":seen"], values[":next"], values[":count"]) == (3, 4, 7)


def test_the_report_of_release_0_1_is_kept_as_it_is_and_expires_with_its_incident():
    old = OF_RELEASE_0_1 | {"diagnosis": b"packed", "expires_at": Decimal(9)}
    _, counted, kept = upgrade_writes(old, "d-1")
    assert counted["Item"]["expires_at"] == 9
    assert kept == {
        "Item": {
            **item_key(ID, "meta#diagnosis"),
            "schema": 2,
            "diagnosis": b"packed",
            "diagnosis_id": "d-1",
        }
    }


UPGRADES = [
    ("of release 0.1", OF_RELEASE_0_1, True),
    ("another name of an incident", {**item_key(ID, "meta"), "joined_to": "tg-1"}, False),
    ("of now", open_writes(incident(), 0)[0]["Item"], False),
]


@pytest.mark.parametrize(
    ("item", "wanted"), [u[1:] for u in UPGRADES], ids=[u[0] for u in UPGRADES]
)
def test_what_needs_an_upgrade(item, wanted):
    assert needs_upgrade(item) == wanted


@pytest.mark.parametrize(("ends", "wanted"), [({}, False), ({"expires_at": Decimal(9)}, False),
                                              ({"expires_at": Decimal(8)}, True)])  # fmt: skip
def test_what_is_expired(ends, wanted):
    assert is_expired(ends, 8.5) == wanted


def test_where_an_event_is_marked_as_counted():
    assert event_marker_key(incident(), "e-7") == {"pk": f"event#{ID}#e-7", "sk": "counted"}
    of_release_0_1 = incident(opened_by_schema=1)
    assert event_marker_key(of_release_0_1, "e-7") == item_key(ID, "event#e-7")
    write = event_marker_write(incident(), "e-7")
    assert write["ConditionExpression"] == "attribute_not_exists(pk)"
    assert write["Item"]["expires_at"] == pytest.approx(expires_in(EVENT_DAYS), abs=5)


def test_the_report_has_the_counts_as_they_are_now():
    now = diagnosed(count=12, last_seen=LATER, event_ids=("e-1", "e-2")).report.request
    assert (now.count, now.first_seen, now.last_seen) == (12, SEEN, LATER)
    assert now.event_ids == ("e-1", "e-2")
    assert incident().report is None


# --- writes ---------------------------------------------------------------------------------------


def test_a_put_leaves_out_what_is_none():
    assert put_write({"a": None, "b": 0}) == {"Item": {"schema": 2, "b": 0}}
    assert put_write({"b": 0}, "c") == {"Item": {"schema": 2, "b": 0}, "ConditionExpression": "c"}


def test_a_new_incident_is_refused_where_one_is():
    write, counted = open_writes(incident(), 7.5)
    assert write["ConditionExpression"] == "attribute_not_exists(pk) OR expires_at <= :now"
    assert write["ExpressionAttributeValues"] == {":now": 7}
    assert (write["Item"]["pk"], write["Item"]["sk"]) == (f"incident#{ID}", "meta")
    assert from_items(write["Item"], counted["Item"]) == incident()
    again, _ = open_writes(incident(), 7.5, "tg-gone")
    assert again["ConditionExpression"].endswith(" OR joined_to = :joined")


def test_a_change_writes_what_differs_if_nobody_else_changed_it():
    old = incident(kms_event_id="k-1", version=4)
    new = replace(old, version=5, folders=("2026/", "2027/"), kms_event_id=None, stated_key_arn=KEY)
    [write] = change_writes(old, new, removed=["examining_until"])
    assert write == {
        "Key": item_key(ID, "meta"),
        "UpdateExpression": "SET #version = :version, #folders = :folders, #told_key = :told_key, "
        "#last_seen = :last_seen, #listed = :listed, #listed_row = :listed_row REMOVE #kms_event, examining_until, expires_at",
        "ConditionExpression": "version = :seen",
        "ExpressionAttributeNames": {
            "#version": "version",
            "#folders": "folders",
            "#told_key": "told_key",
            "#kms_event": "kms_event",
            "#last_seen": "last_seen",
            "#listed": "listed",
            "#listed_row": "listed_row",
        },
        "ExpressionAttributeValues": {
            ":version": 5, ":folders": ["2026/", "2027/"], ":told_key": KEY, ":seen": 4,
            ":last_seen": SEEN, ":listed": "incident",
            ":listed_row": {
                "first_seen": SEEN, "bucket": "a-reports", "bucket_account": "111111111111"
            },
        },
    }  # fmt: skip


def test_counts_that_others_made_are_not_overwritten():
    old = incident(count=7)
    new = with_event(old, replace(CALL, event_id="e-2", time=LATER, object_key="2025/x"))
    _, write = change_writes(old, new)
    assert write["Key"] == item_key(ID, "meta#count")
    assert "#count = #count + :count" in write["UpdateExpression"]
    values = write["ExpressionAttributeValues"]
    assert (values[":count"], values[":sampled"], values[":event_ids"]) == (1, 1, ["e-1", "e-2"])
    assert write["ConditionExpression"] == (
        "attribute_exists(pk) AND last_seen < :last_seen AND size(event_ids) = :sampled"
    )


def test_a_closed_incident_expires_and_an_open_one_does_not():
    closed = replace(incident(), state=State.REJECTED, version=2)
    for write in change_writes(incident(), closed, expires_at=99):
        assert write["ExpressionAttributeValues"][":expires_at"] == 99
        assert "REMOVE" not in write["UpdateExpression"]
    for write in change_writes(closed, replace(closed, state=State.OPEN, version=3)):
        assert write["UpdateExpression"].endswith(" expires_at")
    for state in State:
        assert (expiry_of(state) is not None) == (state in CLOSED)
    days = (expiry_of(State.REJECTED) - time.time()) / SECONDS_A_DAY
    assert days == pytest.approx(CLOSED_DAYS, abs=0.01)
    assert (expires_in(EVENT_DAYS) - time.time()) / SECONDS_A_DAY == pytest.approx(14, abs=0.01)


def test_a_diagnosis_is_an_item_of_its_own():
    old = incident()
    new = replace(old, diagnosis=report(), diagnosis_id="d-1", version=2)
    change, write = change_writes(old, new)
    assert change["ExpressionAttributeValues"][":diagnosis_id"] == "d-1"
    assert (write["Item"]["sk"], write["Item"]["diagnosis_id"]) == ("meta#diagnosis", "d-1")
    assert unpack(write["Item"]["diagnosis"]) == report().to_json()
    [only] = change_writes(new, replace(new, version=3))
    assert only["Key"]["sk"] == "meta"


THERE = "attribute_exists(pk) AND (attribute_not_exists(expires_at) OR expires_at > :now)"
COUNTED = [
    ("at the same time, the sample is full",
     incident(event_ids=tuple(f"e-{n}" for n in range(SAMPLE_SIZE))), [CALL],
     "SET #count = #count + :more", THERE, {":more": 1}),
    ("later, without an id", incident(), [replace(CALL, time=LATER, event_id="")],
     "SET #count = #count + :more, last_seen = :seen", f"{THERE} AND last_seen < :seen",
     {":more": 1, ":seen": LATER}),
    ("one more for the sample", incident(), [replace(CALL, event_id="e-2")],
     "SET #count = #count + :more, event_ids = list_append(event_ids, :events)",
     f"{THERE} AND size(event_ids) <= :room",
     {":more": 1, ":events": ["e-2"], ":room": SAMPLE_SIZE - 1}),
    ("three at once, with room for two",
     incident(event_ids=tuple(f"e-{n}" for n in range(SAMPLE_SIZE - 2))),
     [replace(CALL, event_id=name, time=when)
      for name, when in (("x-1", SEEN), ("x-2", LATER), ("x-3", SEEN))],
     "SET #count = #count + :more, last_seen = :seen, event_ids = list_append(event_ids, :events)",
     f"{THERE} AND last_seen < :seen AND size(event_ids) <= :room",
     {":more": 3, ":seen": LATER, ":events": ["x-1", "x-2"], ":room": SAMPLE_SIZE - 2}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("known", "made", "update", "condition", "values"),
    [c[1:] for c in COUNTED],
    ids=[c[0] for c in COUNTED],
)
def test_a_count_makes_no_version(known, made, update, condition, values):
    write = count_write(known, made, 7.5)
    assert (write["UpdateExpression"], write["ConditionExpression"]) == (update, condition)
    assert write["Key"] == item_key(ID, "meta#count")
    assert write["ExpressionAttributeValues"] == {**values, ":now": 7}


# --- moves ----------------------------------------------------------------------------------------


def test_a_move_is_written_with_its_line():
    move = Move(State.REJECTED, "sam", "rejected", "no", ("d",))
    change, _, line, event = move_writes(incident(), move)
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
