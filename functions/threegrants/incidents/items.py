"""The items of an incident as values: what is kept, and how it is written. Pure."""

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from threegrants.cloudtrail import DeniedCall
from threegrants.incidents.states import CLOSED, State
from threegrants.patches.scopes import common_prefix, folder_of
from threegrants.report import Report

EVENT_DAYS = 14
"""How long an event is remembered: SQS keeps a message for at most as long."""
CLOSED_DAYS = 90
SAMPLE_SIZE = 20
SECONDS_A_DAY = 86_400


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
    bucket: str | None = None
    """None for an incident of KMS records alone"""
    legs: tuple[str, ...] = ()
    """the KMS actions that its calls need, by which KMS records find it"""
    owner: str | None = None
    """the bucket's account, if a record named it"""
    told_key: str | None = None
    """the key's ARN in AWS's own words"""
    told_by: str | None = None
    """error_message | kms_record"""
    kms_event: str | None = None
    """the event whose record is kept as `kms_record`"""
    asks: int = 0
    """how often an event changed the question: another key, owner, bucket or prefix"""
    answered: int = 0
    """`asks` as the diagnosis knew it"""
    ahead: int = 0
    """calls that were counted by their KMS record, whose S3 record may still come"""
    ahead_until: str = ""
    diagnosis: dict[str, Any] | None = None
    signature: str = ""
    diagnosed_at: str = ""
    alert_due: bool = False
    # What follows changes without a new version, by conditional writes of its own.
    alerted_count: int = 0
    """the power of ten up to which the count was alerted; 0 before the first alert"""
    muted_until: int = 0
    held: str = ""
    """what alert was last held back"""
    counted: bool = False
    """True if the event that led here was new."""
    fresh: bool = False
    """True if that event said more than one more of the same."""

    @property
    def report(self) -> Report | None:
        """The diagnosis with the counts as they are now; None before the first diagnosis."""
        if self.diagnosis is None:
            return None
        return Report.from_json(self.diagnosis).with_counts(
            self.count, self.first_seen, self.last_seen, self.event_ids
        )

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


def item_key(incident_id: str, sk: str) -> dict[str, str]:
    """The key of one item of an incident."""
    return {"pk": f"incident#{incident_id}", "sk": sk}


def put_write(item: Mapping[str, Any], condition: str = "") -> dict[str, Any]:
    """A Put for a transaction; what is None is left out."""
    # A resource's client serialises by itself: plain values go in.
    written: dict[str, Any] = {"Item": {k: v for k, v in item.items() if v is not None}}
    if condition:
        written["ConditionExpression"] = condition
    return written


def write_meta(
    incident_id: str, item: Mapping[str, Any], old: Incident | None, *removed: str
) -> dict[str, Any]:
    """Write an incident: whole if it is new, else only what changed, if nobody else changed it.

    What is only counted meanwhile (`count`) is not overwritten. `removed` are attributes to drop.
    """
    if old is None:
        return put_write({**item_key(incident_id, "meta"), **item}, "attribute_not_exists(pk)")
    before = to_item(old)
    changed = {name: value for name, value in item.items() if value != before.get(name)}
    kept = {name: value for name, value in changed.items() if value is not None}
    gone = [*(f"#{name}" for name in changed if name not in kept), *removed]
    if State(item["state"]) not in CLOSED:
        gone.append("expires_at")  # an incident that is opened again stays
    sets = [f"#{name} = :{name}" for name in kept if name != "count"]
    values = {f":{name}": value for name, value in kept.items()}
    if "count" in kept:
        sets.append("#count = #count + :count")
        values[":count"] = kept["count"] - old.count
    update = "SET " + ", ".join(sets) + (" REMOVE " + ", ".join(gone) if gone else "")
    conditions = ["version = :seen"]
    # These two also change without a new version.
    if "last_seen" in kept:
        conditions.append("#last_seen < :last_seen")
    if "event_ids" in kept:
        conditions.append("size(#event_ids) = :sampled")
        values[":sampled"] = len(old.event_ids)
    return {
        "Key": item_key(incident_id, "meta"),
        "UpdateExpression": update,
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": {f"#{n}": n for n in changed},
        "ExpressionAttributeValues": {**values, ":seen": old.version},
    }


def count(incident: Incident, call: DeniedCall) -> dict[str, Any]:
    """Count an event that says nothing else: no version, so many at once do not conflict.

    What it is based on may be out of date; what could be wrong by then is a condition.
    """
    sets, conditions = ["#count = #count + :one"], ["attribute_exists(pk)"]
    names, values = {"#count": "count"}, {":one": 1}
    more: dict[str, Any] = {}
    if call.time > incident.last_seen:
        sets.append("last_seen = :seen")
        conditions.append("last_seen < :seen")
        more[":seen"] = call.time
    if call.event_id and len(incident.event_ids) < SAMPLE_SIZE:
        sets.append("event_ids = list_append(event_ids, :event)")
        conditions.append("size(event_ids) < :sample")
        more |= {":event": [call.event_id], ":sample": SAMPLE_SIZE}
    return {
        "Key": item_key(incident.id, "meta"),
        "UpdateExpression": "SET " + ", ".join(sets),
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values | more,
    }


_KEY_SOURCE_RANK = {None: 0, "kms_record": 1, "error_message": 1}
"""Which word for a key replaces which: the first that AWS itself said stays."""


def kms_actions_of(call: DeniedCall) -> tuple[str, ...]:
    """The KMS actions by which S3 may appear in KMS's records for this call."""
    # S3 decrypts the source of a copy with the caller's permissions.
    return tuple(sorted({*call.kms_actions, *(("kms:Decrypt",) if call.copy_source else ())}))


def new_facts(incident: Incident, call: DeniedCall) -> dict[str, Any]:
    """What an event adds to what is known of its incident; empty if nothing.

    `asks` is among it if the diagnosis would be asked another question.
    """
    found: dict[str, Any] = {}
    answer = (incident.diagnosis or {}).get("request", {})
    asks = False
    own = folder_of(call.object_key) if call.object_key is not None else None
    if own is not None:
        known = incident.prefix
        wider = own if known is None else common_prefix(known, own)
        if wider != known:
            found["prefix"], asks = wider, True
    if call.bucket and incident.bucket is None:
        found["bucket"], asks = call.bucket, True
    if call.bucket_account and call.bucket_account != incident.owner:
        found["owner"] = call.bucket_account
        asks |= answer.get("bucket_account") != call.bucket_account
    found |= better_key(incident, call.kms_key, call.kms_key_source)
    asks |= "told_key" in found and answer.get("kms_key") != call.kms_key
    legs = tuple(sorted({*incident.legs, *kms_actions_of(call)}))
    if legs != incident.legs:
        found["legs"] = list(legs)
    return found | ({"asks": incident.asks + 1} if asks else {})


def better_key(incident: Incident, key: str | None, source: str | None) -> dict[str, Any]:
    """The key an event names, if that is better than what is known; else empty."""
    better = _KEY_SOURCE_RANK.get(source, 0) > _KEY_SOURCE_RANK.get(incident.told_by, 0)
    return {"told_key": key, "told_by": source} if better and (key or "").startswith("arn:") else {}


def only_counts(incident: Incident, call: DeniedCall) -> bool:
    """Whether an event changes nothing of its incident but the count, the sample and last seen.

    True stays true: what is known of an incident only grows.
    """
    return (
        call.time >= incident.first_seen
        and not new_facts(incident, call)
        and not _counted_by_its_kms_record(incident, call)
    )


def _counted_by_its_kms_record(incident: Incident, call: DeniedCall) -> bool:
    """Whether the call may be one that was counted by its KMS record already."""
    return incident.ahead > 0 and call.service == "s3" and call.time <= incident.ahead_until


def to_item(incident: Incident) -> dict[str, Any]:
    """The `meta` item of an incident: what changes with its version."""
    item: dict[str, Any] = {
        field.name: getattr(incident, field.name)
        for field in fields(incident)
        if field.name not in _WITHOUT_VERSION
    }
    return item | {
        "state": incident.state.value,
        "event_ids": list(incident.event_ids),
        "legs": list(incident.legs),
        "diagnosis": json.dumps(incident.diagnosis) if incident.diagnosis else None,
    }


_WITHOUT_VERSION = frozenset({"alerted_count", "muted_until", "held", "counted", "fresh"})


def from_item(item: Mapping[str, Any]) -> Incident:
    """The incident of a `meta` item; the opposite of `to_item`."""
    read: dict[str, Any] = {}
    for field in fields(Incident):
        value = item.get(field.name)
        if value is None or field.name in ("counted", "fresh"):
            continue
        if field.type in (int, "int"):
            value = int(value)
        read[field.name] = value
    return Incident(
        **read
        | {
            "state": State(str(item["state"])),
            "event_ids": tuple(str(event) for event in item.get("event_ids", ())),
            "legs": tuple(str(leg) for leg in item.get("legs", ())),
            "prefix": item.get("prefix"),
            "diagnosis": json.loads(str(item["diagnosis"])) if item.get("diagnosis") else None,
        }
    )


def with_event(incident_id: str, current: Incident | None, call: DeniedCall) -> dict[str, Any]:
    """The `meta` item with one more event, or of a new incident."""
    when = call.time or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    if current is None:
        events = (call.event_id,) if call.event_id else ()
        fresh = to_item(Incident(incident_id, State.OPEN, 1, 1, when, when, events, None))
        return fresh | new_facts(from_item(fresh), call)
    item = to_item(current) | new_facts(current, call)
    sample = tuple(dict.fromkeys((*current.event_ids, call.event_id)))
    item.update(
        version=current.version + 1,
        first_seen=min(current.first_seen, when),
        last_seen=max(current.last_seen, when),
        event_ids=[event for event in sample if event][:SAMPLE_SIZE],
    )
    if _counted_by_its_kms_record(current, call):
        item["ahead"] = current.ahead - 1
    else:
        item["count"] = current.count + 1
    return item


def history_line(
    incident_id: str,
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
        **item_key(incident_id, f"history#{at}#{uuid.uuid4().hex[:8]}"),
        "at": at,
        "actor": actor,
        "what": what,
        "from": before.value if before else "",
        "to": after.value,
        "detail": detail,
        "digests": list(digests),
    }


def set_expiry(item: dict[str, Any], state: State) -> None:
    """Let a closed incident go after its retention."""
    if state in CLOSED:
        item["expires_at"] = int(time.time()) + CLOSED_DAYS * SECONDS_A_DAY
