"""The items of an incident as values: what is kept, and how it is written. Pure."""

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from threegrants.incidents.states import CLOSED, State
from threegrants.patches.scope import common_prefix, folder_of
from threegrants.records import DeniedCall

EVENT_DAYS = 14
"""How long an event is remembered: SQS keeps a message for at most as long."""
CLOSED_DAYS = 90
SAMPLE = 20
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Incident:
    """The `meta` item."""

    id: str
    state: State
    version: int
    count: int
    first_seen: str
    last_seen: str
    event_ids: tuple[str, ...]
    prefix: str | None
    diagnosis: dict[str, Any] | None = None
    signature: str = ""
    diagnosed_at: str = ""
    alert_due: bool = False
    counted: bool = field(default=False)
    """True if the event that led here was new."""

    def document(self) -> dict[str, Any] | None:
        """The diagnosis with the counts as they are now."""
        if self.diagnosis is None:
            return None
        request = {
            **self.diagnosis["request"],
            "count": self.count,
            "first_seen": self.first_seen or None,
            "last_seen": self.last_seen or None,
            "event_ids": list(self.event_ids),
        }
        return {**self.diagnosis, "request": request}


def key_of(identity: str, sk: str) -> dict[str, str]:
    """The key of one item of an incident."""
    return {"pk": f"incident#{identity}", "sk": sk}


def put(item: Mapping[str, Any], condition: str = "") -> dict[str, Any]:
    """A Put for a transaction; what is None is left out."""
    # A resource's client serialises by itself: plain values go in.
    written: dict[str, Any] = {"Item": {k: v for k, v in item.items() if v is not None}}
    if condition:
        written["ConditionExpression"] = condition
    return written


def replace(identity: str, item: Mapping[str, Any], old: Incident | None) -> dict[str, Any]:
    """Write an incident: whole if it is new, else only what changed, if nobody else changed it.

    What is only counted meanwhile (`count`) is not overwritten.
    """
    if old is None:
        return put({**key_of(identity, "meta"), **item}, "attribute_not_exists(pk)")
    before = meta_of(old)
    changed = {name: value for name, value in item.items() if value != before.get(name)}
    kept = {name: value for name, value in changed.items() if value is not None}
    gone = [f"#{name}" for name in changed if name not in kept]
    if State(item["state"]) not in CLOSED:
        gone.append("expires_at")  # an incident that is opened again stays
    sets = [f"#{name} = :{name}" for name in kept if name != "count"]
    values = {f":{name}": value for name, value in kept.items()}
    if "count" in kept:
        sets.append("#count = #count + :count")
        values[":count"] = kept["count"] - old.count
    update = "SET " + ", ".join(sets) + (" REMOVE " + ", ".join(gone) if gone else "")
    return {
        "Key": key_of(identity, "meta"),
        "UpdateExpression": update,
        "ConditionExpression": "version = :seen",
        "ExpressionAttributeNames": {f"#{n}": n for n in changed},
        "ExpressionAttributeValues": {**values, ":seen": old.version},
    }


def count(identity: str, last_seen: str) -> dict[str, Any]:
    """Count an event that says nothing else: no version, so many at once do not conflict."""
    return {
        "Key": key_of(identity, "meta"),
        "UpdateExpression": "SET #count = #count + :one, last_seen = :seen",
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeNames": {"#count": "count"},
        "ExpressionAttributeValues": {":one": 1, ":seen": last_seen},
    }


def only_counts(incident: Incident, call: DeniedCall) -> bool:
    """Whether an event changes nothing of its incident but the count and the time last seen."""
    own = folder_of(call.object_key) if call.object_key is not None else None
    known = incident.prefix
    return (
        incident.diagnosis is not None
        and incident.diagnosed_at > call.time >= incident.first_seen
        and len(incident.event_ids) >= SAMPLE
        and (own is None or (known is not None and common_prefix(known, own) == known))
    )


def meta_of(incident: Incident) -> dict[str, Any]:
    """The `meta` item of an incident."""
    return {
        "id": incident.id,
        "state": incident.state.value,
        "version": incident.version,
        "count": incident.count,
        "first_seen": incident.first_seen,
        "last_seen": incident.last_seen,
        "event_ids": list(incident.event_ids),
        "prefix": incident.prefix,
        "diagnosis": json.dumps(incident.diagnosis) if incident.diagnosis else None,
        "signature": incident.signature,
        "diagnosed_at": incident.diagnosed_at,
        "alert_due": incident.alert_due,
    }


def joined_with(identity: str, current: Incident | None, call: DeniedCall) -> dict[str, Any]:
    """The `meta` item with one more event, or of a new incident."""
    when = call.time or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    own = folder_of(call.object_key) if call.object_key is not None else None
    if current is None:
        fresh = Incident(
            identity, State.OPEN, 1, 1, when, when, (call.event_id,) if call.event_id else (), own
        )
        return meta_of(fresh)
    item = meta_of(current)
    events = tuple(dict.fromkeys((*current.event_ids, call.event_id)))
    item.update(
        count=current.count + 1,
        version=current.version + 1,
        first_seen=min(current.first_seen, when),
        last_seen=max(current.last_seen, when),
        event_ids=[event for event in events if event][:SAMPLE],
    )
    if own is not None:
        known = current.prefix
        item["prefix"] = own if known is None else common_prefix(known, own)
    return item


def history_line(
    identity: str,
    actor: str,
    what: str,
    before: State | None,
    after: State,
    detail: str = "",
    digests: Sequence[str] = (),
) -> dict[str, Any]:
    """One line of the history."""
    # One instant for both parts: the lines are sorted by it.
    seconds, rest = divmod(time.time_ns(), 10**9)
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:09d}Z"
    return {
        **key_of(identity, f"history#{at}#{uuid.uuid4().hex[:8]}"),
        "at": at,
        "actor": actor,
        "what": what,
        "from": before.value if before else "",
        "to": after.value,
        "detail": detail,
        "digests": list(digests),
    }


def expire(item: dict[str, Any], state: State) -> None:
    """Let a closed incident go after its retention."""
    if state in CLOSED:
        item["expires_at"] = int(time.time()) + CLOSED_DAYS * DAY
