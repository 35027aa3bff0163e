"""How an incident is written to DynamoDB, and read back. Pure: these are the items and the writes.

An item is a plain dictionary, because a boto3 resource serializes by itself. A write is one entry of
a transaction: with a `Key` it is an Update, without one a Put (`table.transact`).
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from threegrants.cloudtrail import DeniedCall, KeySource
from threegrants.incidents.events import SAMPLE_SIZE
from threegrants.incidents.fitting import pack_report, unpack
from threegrants.incidents.incident import Incident
from threegrants.incidents.states import CLOSED, State
from threegrants.report import Report, ReportError

SECONDS_A_DAY = 86_400
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
}
"""The stored name of each field whose name is another one; tables that are in use have these."""

_WITHOUT_VERSION = frozenset({"alerted_count", "muted_until", "suppressed_alert"})
"""Fields that change by conditional writes of their own, not with the incident's version."""


def item_key(incident_id: str, sk: str) -> dict[str, str]:
    """The key of one item in an incident's partition."""
    return {"pk": f"incident#{incident_id}", "sk": sk}


def expires_in(days: int) -> int:
    """The value of `expires_at` (DynamoDB TTL) that many days from now, seconds since the epoch."""
    return int(time.time()) + days * SECONDS_A_DAY


def to_item(incident: Incident) -> dict[str, Any]:
    """The attributes of an incident that change with its version, by their stored names."""
    return {
        _ATTRIBUTES.get(field.name, field.name): _stored(getattr(incident, field.name))
        for field in fields(incident)
        if field.name not in _WITHOUT_VERSION
    }


def from_item(item: Mapping[str, Any]) -> Incident:
    """The incident of a `meta` item.

    A stored report that this version cannot read is left out, so that the call is analyzed again.
    """
    read: dict[str, Any] = {}
    for field in fields(Incident):
        value = item.get(_ATTRIBUTES.get(field.name, field.name))
        if value is not None:
            read[field.name] = _READERS.get(field.name, lambda same: same)(value)
    return Incident(**read)


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
    "kms_actions": _texts,
    "stated_key_source": KeySource,
    "diagnosis": _report,
}
"""What turns a stored value into the field's; a number comes back as a Decimal."""


def _stored(value: Any) -> Any:
    if isinstance(value, Report):
        return pack_report(value)
    if isinstance(value, tuple):
        return list(value)
    return value.value if isinstance(value, State | KeySource) else value


def put_write(item: Mapping[str, Any], condition: str = "") -> dict[str, Any]:
    """A Put for a transaction; attributes that are None are left out."""
    written: dict[str, Any] = {"Item": {k: v for k, v in item.items() if v is not None}}
    if condition:
        written["ConditionExpression"] = condition
    return written


def open_write(incident: Incident) -> dict[str, Any]:
    """The write of a new incident; refused if it is there."""
    return put_write(
        {**item_key(incident.id, "meta"), **to_item(incident)}, "attribute_not_exists(pk)"
    )


def change_write(
    old: Incident, new: Incident, *, removed: Sequence[str] = (), expires_at: int | None = None
) -> dict[str, Any]:
    """The write that changes an incident: only what differs, and only if nobody else changed it.

    Counts that were made meanwhile are not overwritten: `count` grows by the difference.

    Args:
        old: the incident as it was read.
        new: the incident as it shall be, with the next version.
        removed: attributes to drop.
        expires_at: when DynamoDB may delete the incident; an incident that is not closed stays.
    """
    changed: dict[str, Any] = {
        _ATTRIBUTES.get(field.name, field.name): _stored(getattr(new, field.name))
        for field in fields(Incident)
        if field.name not in _WITHOUT_VERSION
        and getattr(new, field.name) != getattr(old, field.name)
    }
    if expires_at is not None:
        changed["expires_at"] = expires_at
    kept = {name: value for name, value in changed.items() if value is not None}
    gone = [*(f"#{name}" for name in changed if name not in kept), *removed]
    if new.state not in CLOSED:
        gone.append("expires_at")  # an incident that is opened again stays
    sets = [f"#{name} = :{name}" for name in kept if name != "count"]
    values = {f":{name}": value for name, value in kept.items()}
    if "count" in kept:
        sets.append("#count = #count + :count")
        values[":count"] = new.count - old.count
    update = "SET " + ", ".join(sets) + (" REMOVE " + ", ".join(gone) if gone else "")
    conditions = ["version = :seen"]
    # These two also change without a new version.
    if "last_seen" in kept:
        conditions.append("#last_seen < :last_seen")
    if "event_ids" in kept:
        conditions.append("size(#event_ids) = :sampled")
        values[":sampled"] = len(old.event_ids)
    return {
        "Key": item_key(old.id, "meta"),
        "UpdateExpression": update,
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": {f"#{name}": name for name in changed},
        "ExpressionAttributeValues": {**values, ":seen": old.version},
    }


def count_write(incident: Incident, call: DeniedCall) -> dict[str, Any]:
    """The write that counts a call which says nothing else.

    It makes no new version, so that many workers count at once without a conflict. The incident may
    be out of date; what could be wrong by then is a condition.
    """
    sets, conditions = ["#count = #count + :one"], ["attribute_exists(pk)"]
    values: dict[str, Any] = {":one": 1}
    if call.time > incident.last_seen:
        sets.append("last_seen = :seen")
        conditions.append("last_seen < :seen")
        values[":seen"] = call.time
    if call.event_id and len(incident.event_ids) < SAMPLE_SIZE:
        sets.append("event_ids = list_append(event_ids, :event)")
        conditions.append("size(event_ids) < :sample")
        values |= {":event": [call.event_id], ":sample": SAMPLE_SIZE}
    return {
        "Key": item_key(incident.id, "meta"),
        "UpdateExpression": "SET " + ", ".join(sets),
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": {"#count": "count"},
        "ExpressionAttributeValues": values,
    }


def expiry_of(state: State) -> int | None:
    """When an incident that comes to a state now expires; None if it stays."""
    return expires_in(CLOSED_DAYS) if state in CLOSED else None
