"""How an incident is written to DynamoDB, and read back. Pure: these are the items and the writes.

An incident is three items of its partition, because DynamoDB bills an update by the size of the whole
item: `meta` has what is decided by, `meta#count` what every event changes, and `meta#diagnosis` the
report, which may be hundreds of kilobytes. `meta` names the report that belongs to it (`diagnosis_id`),
so that two that were not written together are not read together.

An item is a plain dictionary, because a boto3 resource serializes by itself. A write is one entry of
a transaction: with a `Key` it is an Update, without one a Put (`table.transact`).

Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from threegrants.cloudtrail import DeniedCall, KeySource
from threegrants.incidents.events import SAMPLE_SIZE, with_sample
from threegrants.incidents.fitting import pack_report, unpack
from threegrants.incidents.incident import Incident
from threegrants.incidents.listing import LISTED, row_of
from threegrants.incidents.states import CLOSED, State, asks_people_anew
from threegrants.report import Report, ReportError

SECONDS_A_DAY = 86_400
SCHEMA_VERSION = 2
"""Of the items that are written now, in `schema`. 1, which no item says, was an incident in one item, its events'
markers in the same partition: `upgrade_writes` makes the items of now of it."""
META, COUNT, DIAGNOSIS = "meta", "meta#count", "meta#diagnosis"
"""The sort keys of the items of an incident: they follow each other, so that one query reads them."""

EVENT_DAYS = 14
"""How long an event is remembered: SQS keeps a message for at most as long."""
CLOSED_DAYS = 90
"""How long a closed incident is kept."""

_ATTRIBUTES = {
    "bucket_account": "owner",
    "kms_actions": "legs",
    "stated_key_arn": "told_key",
    "stated_key_source": "told_by",
    "stated_key_at": "told_at",
    "kms_event_id": "kms_event",
    "question_version": "asks",
    "answered_version": "answered",
    "counted_by_kms": "ahead",
    "counted_by_kms_until": "ahead_until",
    "alert_fingerprint": "signature",
    "suppressed_alert": "held",
    "opened_by_schema": "born",
}
"""The stored name of each field whose name is another one; tables that are in use have these."""

_OF_ONE_OPENING = frozenset({"acknowledged_by", "acknowledged_at", "remind_at"})
"""Who is at it, and when people are reminded: forgotten when people are asked anew."""
_WITHOUT_VERSION = _OF_ONE_OPENING | {
    "alerted_count",
    "assigned_to",
    "muted_until",
    "rechecked_at",
    "suppressed_alert",
}
"""Fields that change by conditional writes of their own, not with the incident's version."""
_COUNTED = frozenset({"count", "last_seen", "event_ids"})
"""Fields of the item that every event changes."""
_IN_META = tuple(
    name
    for name in (field.name for field in fields(Incident))
    if name not in _WITHOUT_VERSION | _COUNTED | {"diagnosis"}
)


def item_key(incident_id: str, sk: str) -> dict[str, str]:
    """The key of one item in an incident's partition."""
    return {"pk": f"incident#{incident_id}", "sk": sk}


def expires_in(days: int) -> int:
    """The value of `expires_at` (DynamoDB TTL) that many days from now, seconds since the epoch."""
    return int(time.time()) + days * SECONDS_A_DAY


def event_marker_key(incident: Incident, event: str) -> dict[str, str]:
    """The key of the item that says that an event was counted: a partition for each event.

    Events of an incident that release 0.1 opened have their markers in the incident's partition.
    """
    if incident.opened_by_schema < SCHEMA_VERSION:
        return item_key(incident.id, f"event#{event}")
    return {"pk": f"event#{incident.id}#{event}", "sk": "counted"}


def event_marker_write(incident: Incident, event: str) -> dict[str, Any]:
    """The write that marks an event as counted; refused if it was."""
    marker = {**event_marker_key(incident, event), "expires_at": expires_in(EVENT_DAYS)}
    return put_write(marker, "attribute_not_exists(pk)")


def to_items(incident: Incident) -> list[dict[str, Any]]:
    """The items of an incident without those attributes that change without its version.

    `last_seen` is in `meta` too, for the index, as it was when `meta` was written last.
    """
    meta = {
        **item_key(incident.id, META),
        **{_stored_name(name): _stored(getattr(incident, name)) for name in _IN_META},
        "last_seen": incident.last_seen,
        **_listed(incident),
    }
    counted = {
        **item_key(incident.id, COUNT),
        **{name: _stored(getattr(incident, name)) for name in sorted(_COUNTED)},
    }
    report = (
        [diagnosis_item(incident, pack_report(incident.diagnosis))] if incident.diagnosis else []
    )
    return [meta, counted, *report]


def _listed(incident: Incident) -> dict[str, Any]:
    """What puts an incident on the list; an earlier release wrote none."""
    return {"listed": LISTED, "listed_row": row_of(incident)}


def diagnosis_item(incident: Incident, packed: str | bytes) -> dict[str, Any]:
    """The item of an incident's report."""
    return {
        **item_key(incident.id, DIAGNOSIS),
        "diagnosis": packed,
        "diagnosis_id": incident.diagnosis_id,
    }


def from_items(
    meta: Mapping[str, Any],
    counted: Mapping[str, Any],
    diagnosis: Mapping[str, Any] | Report | None = None,
) -> Incident:
    """The incident of its items.

    A stored report that this version cannot read is left out, so that the call is analyzed again.

    Args:
        meta: the item `meta`.
        counted: the item `meta#count`; of release 0.1, `meta` again.
        diagnosis: the item `meta#diagnosis`, or the report if it is known already; of release 0.1,
            `meta` again.
    """
    item = {**meta, **{name: counted[name] for name in _COUNTED if name in counted}}
    item.pop("diagnosis", None)
    read: dict[str, Any] = {}
    for field in fields(Incident):
        value = item.get(_stored_name(field.name))
        if value is not None:
            read[field.name] = _READERS.get(field.name, lambda same: same)(value)
    if isinstance(diagnosis, Report):
        read["diagnosis"] = diagnosis
    elif diagnosis and "diagnosis" in diagnosis:
        read["diagnosis"] = _report(diagnosis["diagnosis"])
    if "folders" not in item and item.get("prefix"):
        read["folders"] = (str(item["prefix"]),)  # as older versions wrote it
    return Incident(**read)


def is_expired(item: Mapping[str, Any], now: float) -> bool:
    """Whether an item is only there because DynamoDB has not deleted it yet.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ttl-expired-items.html
    """
    return "expires_at" in item and float(item["expires_at"]) <= now


def needs_upgrade(meta: Mapping[str, Any]) -> bool:
    """Whether an incident is one item, as release 0.1 wrote it."""
    return "schema" not in meta and "joined_to" not in meta


def upgrade_writes(meta: Mapping[str, Any], diagnosis_id: str) -> list[dict[str, Any]]:
    """The writes that make the items of now of an incident of release 0.1, if it did not change.

    Its version grows, so that nobody who read the old item changes the new ones.

    Args:
        meta: the old item.
        diagnosis_id: what its report is known by from now on.
    """
    version = int(meta["version"])
    moved = ["#count", "event_ids", "diagnosis"]
    change = {
        "Key": {"pk": meta["pk"], "sk": META},
        "UpdateExpression": "SET #schema = :schema, version = :next, born = :old, diagnosis_id = :id "
        "REMOVE " + ", ".join(moved),
        "ConditionExpression": "version = :seen AND #count = :count AND last_seen = :last "
        "AND attribute_not_exists(#schema)",
        "ExpressionAttributeNames": {"#schema": "schema", "#count": "count"},
        "ExpressionAttributeValues": {
            ":schema": SCHEMA_VERSION,
            ":old": 1,
            ":next": version + 1,
            ":seen": version,
            ":count": meta["count"],
            ":last": meta["last_seen"],
            ":id": diagnosis_id,
        },
    }
    incident_id = str(meta["id"])
    counted = {
        **item_key(incident_id, COUNT),
        "count": meta["count"],
        "last_seen": meta["last_seen"],
        "event_ids": meta.get("event_ids", []),
        "expires_at": meta.get("expires_at"),
    }
    writes = [change, put_write(counted)]
    if meta.get("diagnosis") is not None:
        report = {"diagnosis": meta["diagnosis"], "diagnosis_id": diagnosis_id}
        writes.append(put_write({**item_key(incident_id, DIAGNOSIS), **report}))
    return writes


def _report(stored: Any) -> Report | None:
    try:
        return Report.from_json(unpack(stored))
    except ReportError:
        return None


def _texts(value: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(one) for one in value)


_READERS: Mapping[str, Any] = {
    **{field.name: int for field in fields(Incident) if field.type is int},
    "state": State,
    "event_ids": _texts,
    "folders": _texts,
    "kms_actions": _texts,
    "stated_key_source": KeySource,
}
"""What turns a stored value into the field's; a number comes back as a Decimal."""


def _stored_name(name: str) -> str:
    return _ATTRIBUTES.get(name, name)


def _stored(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return value.value if isinstance(value, State | KeySource) else value


def put_write(item: Mapping[str, Any], condition: str = "") -> dict[str, Any]:
    """A Put for a transaction, with the schema's version; attributes that are None are left out."""
    kept = {name: value for name, value in item.items() if value is not None}
    written: dict[str, Any] = {"Item": {"schema": SCHEMA_VERSION, **kept}}
    if condition:
        written["ConditionExpression"] = condition
    return written


def open_writes(
    incident: Incident, now: float, joined_to: str | None = None
) -> list[dict[str, Any]]:
    """The writes of a new incident; refused if it is there. One that expired counts for nothing.

    Args:
        incident: the new incident.
        now: seconds since the epoch.
        joined_to: the incident that this id was another name of, if that one is gone.
    """
    meta, *others = to_items(incident)
    absent = put_write(meta, "attribute_not_exists(pk) OR expires_at <= :now")
    absent["ExpressionAttributeValues"] = {":now": int(now)}
    if joined_to:
        absent["ConditionExpression"] += " OR joined_to = :joined"
        absent["ExpressionAttributeValues"][":joined"] = joined_to
    return [absent, *map(put_write, others)]


def change_writes(
    old: Incident, new: Incident, *, removed: Sequence[str] = (), expires_at: int | None = None
) -> list[dict[str, Any]]:
    """The writes that change an incident: only what differs, and only if nobody else changed it.

    The first is the one of `meta`. Counts that were made meanwhile are not overwritten: `count` grows
    by the difference.

    Args:
        old: the incident as it was read.
        new: the incident as it shall be, with the next version.
        removed: attributes of `meta` to drop.
        expires_at: when DynamoDB may delete the incident; an incident that is not closed stays.
    """
    changed: dict[str, Any] = {
        _stored_name(name): _stored(getattr(new, name))
        for name in _IN_META
        if getattr(new, name) != getattr(old, name)
    }
    changed["last_seen"] = new.last_seen
    changed |= _listed(new)
    if expires_at is not None:
        changed["expires_at"] = expires_at
    kept = {name: value for name, value in changed.items() if value is not None}
    gone = [*(f"#{name}" for name in changed if name not in kept), *removed]
    if new.state not in CLOSED:
        if asks_people_anew(old.state, new.state):
            gone += sorted(_OF_ONE_OPENING)
        gone.append("expires_at")  # an incident that is opened again stays
    sets = ", ".join(f"#{name} = :{name}" for name in kept)
    change = {
        "Key": item_key(old.id, META),
        "UpdateExpression": f"SET {sets}" + (" REMOVE " + ", ".join(gone) if gone else ""),
        "ConditionExpression": "version = :seen",
        "ExpressionAttributeNames": {f"#{name}": name for name in changed},
        "ExpressionAttributeValues": {
            **{f":{name}": value for name, value in kept.items()},
            ":seen": old.version,
        },
    }
    writes = [change, *_counted_change(old, new, expires_at)]
    if new.diagnosis is not None and new.diagnosis_id != old.diagnosis_id:
        writes.append(put_write(diagnosis_item(new, pack_report(new.diagnosis))))
    return writes


def _counted_change(
    old: Incident, new: Incident, expires_at: int | None
) -> Iterator[dict[str, Any]]:
    """The write of what events count, if a change touches it; it expires with the incident."""
    sets: list[str] = []
    conditions: list[str] = []
    values: dict[str, Any] = {}
    if new.count != old.count:
        sets.append("#count = #count + :count")
        values[":count"] = new.count - old.count
    # These two also change without a new version.
    if new.last_seen != old.last_seen:
        sets.append("last_seen = :last_seen")
        conditions.append("last_seen < :last_seen")
        values[":last_seen"] = new.last_seen
    if new.event_ids != old.event_ids:
        sets.append("event_ids = :event_ids")
        conditions.append("size(event_ids) = :sampled")
        values |= {":event_ids": list(new.event_ids), ":sampled": len(old.event_ids)}
    if expires_at is not None:
        sets.append("expires_at = :expires_at")
        values[":expires_at"] = expires_at
    reopened = old.state in CLOSED and new.state not in CLOSED
    if not sets and not reopened:
        return
    update = ("SET " + ", ".join(sets) if sets else "") + (" REMOVE expires_at" if reopened else "")
    write: dict[str, Any] = {
        "Key": item_key(old.id, COUNT),
        "UpdateExpression": update.strip(),
        "ConditionExpression": " AND ".join(["attribute_exists(pk)", *conditions]),
    }
    if ":count" in values:
        write["ExpressionAttributeNames"] = {"#count": "count"}
    if values:
        write["ExpressionAttributeValues"] = values
    yield write


def count_write(incident: Incident, calls: Sequence[DeniedCall], now: float) -> dict[str, Any]:
    """The write that counts calls which say nothing else, however many they are.

    It makes no new version, so that many workers count at once without a conflict. The incident may
    be out of date; what could be wrong by then is a condition.

    Args:
        incident: the incident, as it was read.
        calls: the calls, at least one.
        now: seconds since the epoch; what has expired by then is not counted into.
    """
    sets = ["#count = #count + :more"]
    conditions = [
        "attribute_exists(pk) AND (attribute_not_exists(expires_at) OR expires_at > :now)"
    ]
    values: dict[str, Any] = {":more": len(calls), ":now": int(now)}
    latest = max(call.time for call in calls)
    if latest > incident.last_seen:
        sets.append("last_seen = :seen")
        conditions.append("last_seen < :seen")
        values[":seen"] = latest
    known = with_sample(incident, calls)[len(incident.event_ids) :]
    if known:
        sets.append("event_ids = list_append(event_ids, :events)")
        conditions.append("size(event_ids) <= :room")
        values |= {":events": list(known), ":room": SAMPLE_SIZE - len(known)}
    return {
        "Key": item_key(incident.id, COUNT),
        "UpdateExpression": "SET " + ", ".join(sets),
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": {"#count": "count"},
        "ExpressionAttributeValues": values,
    }


def expiry_of(state: State, open_until: str = "") -> int | None:
    """When an incident that comes to a state now expires; None if it stays.

    One that has opened something is kept as long after its end.

    Args:
        state: the state.
        open_until: what is open by it, and until when (`Incident.open_until`).
    """
    if state not in CLOSED:
        return None
    try:
        open_for = datetime.fromisoformat(open_until).timestamp() - time.time()
    except ValueError:  # nothing is open, or without an end
        open_for = 0.0
    return expires_in(CLOSED_DAYS) + max(0, int(open_for))
