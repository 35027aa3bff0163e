"""Calls: the KMS record and the S3 record of one failed call find each other.

S3 calls KMS for the caller, so one failed call makes an S3 record (in the owner's and the caller's
account) and a KMS record (only in the caller's; AWS KMS developer guide, "Logging AWS KMS API calls
with AWS CloudTrail"). They share no id: what they have in common is the principal, the Region, the
time, the kind of access, and the key if both name it.

`calls#PLACE` has an item for each incident of S3 calls that need a key (and for each incident of KMS
records alone); `kms#PLACE` has an item for each KMS record, which says what became of it.
"""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from boto3.dynamodb.conditions import Attr, Key

from threegrants.cloudtrail import CallerType, DeniedCall
from threegrants.incidents.items import (
    CLOSED_DAYS,
    DAY,
    EVENT_DAYS,
    SAMPLE,
    Incident,
    history_line,
    key_of,
    meta_of,
    put,
    replace,
    told,
)
from threegrants.incidents.states import CLOSED
from threegrants.incidents.store import Store, event_of
from threegrants.incidents.table import Conflict, pause, transact, update_if

_APART = 5
"""Seconds between the S3 and the KMS record of one call, at most."""
_LATE = 3600
_TRIES = 12
_NAMELESS = frozenset({CallerType.SERVICE, CallerType.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Trace:
    """An incident as a KMS record sees it: its window, and whose calls they are."""

    incident: Incident
    source_ip: str | None
    user_agent: str | None

    @property
    def key(self) -> str | None:
        """The key's ARN as a record named it; the bucket's default may not be the object's key."""
        answer = (self.incident.diagnosis or {}).get("request", {})
        stated = answer.get("kms_key") if answer.get("kms_key_source") == "request" else None
        return self.incident.told_key or stated


def place_of(call: DeniedCall, principal: str) -> str | None:
    """Where a call is looked for: by principal and Region; None if nothing stands for it.

    Without a principal (a KMS record whose identity is an AWS service) only the key is left.
    """
    if call.caller.type in _NAMELESS and not call.caller.arn:
        return key_place(call.kms_key, call.region)
    return _hash("principal", principal, call.region)


def key_place(key: str | None, region: str) -> str | None:
    """Where calls that need this key are looked for; None without an ARN."""
    return _hash("key", key, region) if key and key.startswith("arn:") else None


def ledger_of(call: DeniedCall, principal: str) -> str:
    """Where the KMS record of a call is kept while it waits; every record has such a place."""
    return place_of(call, principal) or _hash("nobody", call.region)


def _hash(*words: str) -> str:
    return sha256(json.dumps(words).encode()).hexdigest()[:32]


def choose(call: DeniedCall, traces: Iterable[Trace]) -> Trace | None:
    """The incident of S3 calls that a KMS record belongs to; None if none fits, or several do.

    Of several, those with the same source address and user agent come first (the oldest form of
    record has neither), then the nearest in time.
    """
    fitting = [t for t in traces if t.incident.bucket and fits(call, t) and _gap(call, t) <= _APART]
    alike = [t for t in fitting if (t.source_ip, t.user_agent) == (call.source_ip, call.user_agent)]
    return _nearest(call, alike or fitting)


def choose_late(call: DeniedCall, traces: Iterable[Trace]) -> Trace | None:
    """For a KMS record that waited: the only open incident that fits, seen within the hour."""
    fitting = [
        t
        for t in traces
        if t.incident.bucket
        and fits(call, t)
        and t.incident.state not in CLOSED
        and _gap(call, t) <= _LATE
    ]
    return fitting[0] if len(fitting) == 1 else None


def choose_alone(call: DeniedCall, traces: Iterable[Trace]) -> Trace | None:
    """For an S3 record that opens an incident: the one of KMS records alone that is its own."""
    fitting = [
        t for t in traces if not t.incident.bucket and _same_key(call, t) and _needs(call, t)
    ]
    return _nearest(call, [t for t in fitting if _gap(call, t) <= _APART])


def fits(call: DeniedCall, trace: Trace) -> bool:
    """Whether a KMS call is one that S3 makes for these S3 calls, with the same key if known."""
    wanted = {"kms:" + call.operation.removesuffix("WithoutPlaintext"), *call.kms_actions}
    return bool(wanted & set(trace.incident.legs)) and _same_key(call, trace)


def _needs(call: DeniedCall, trace: Trace) -> bool:
    return bool(set(call.kms_actions) & set(trace.incident.legs))


def _same_key(call: DeniedCall, trace: Trace) -> bool:
    stated, known = call.kms_key, trace.key
    both = stated and known and stated.startswith("arn:") and ":key/" in stated
    return stated == known if both else True


def _nearest(call: DeniedCall, traces: Sequence[Trace]) -> Trace | None:
    gaps = sorted((_gap(call, trace), place) for place, trace in enumerate(traces))
    if not gaps or (len(gaps) > 1 and gaps[0][0] == gaps[1][0]):
        return None
    return traces[gaps[0][1]]


def _gap(call: DeniedCall, trace: Trace) -> float:
    """Seconds between the call and the incident's window; infinite if a time is no time."""
    try:
        at, first, last = (
            datetime.fromisoformat(text)
            for text in (call.time, trace.incident.first_seen, trace.incident.last_seen)
        )
        return max((first - at).total_seconds(), (at - last).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return float("inf")


class Calls:
    """The traces of incidents and the waiting KMS records, in the table of incidents."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._table = store.table

    def near(self, place: str | None) -> list[Trace]:
        """The incidents whose calls are looked for here."""
        if place is None:
            return []
        items = self._query(Key("pk").eq(f"calls#{place}"))
        found = []
        for item in items:
            incident = self._store.find(str(item["incident"]))
            if incident is not None:
                found.append(Trace(incident, item.get("source_ip"), item.get("user_agent")))
        return found

    @staticmethod
    def trace(place: str, identity: str, call: DeniedCall) -> dict[str, Any]:
        """The write that makes an incident findable at a place."""
        return put(
            {
                "pk": f"calls#{place}",
                "sk": f"incident#{identity}",
                "incident": identity,
                "source_ip": call.source_ip,
                "user_agent": call.user_agent,
                "expires_at": int(time.time()) + CLOSED_DAYS * DAY,
            }
        )

    def wait(self, place: str, call: DeniedCall, record: Mapping[str, Any]) -> None:
        """Keep a KMS record until its S3 record comes; what became of it before stays."""
        update_if(
            self._table,
            _waiting(place, call, record),
            "SET kept = :record, expires_at = :end",
            "attribute_not_exists(pk)",
            record=json.dumps(record),
            end=_end(),
        )

    def home(self, place: str, call: DeniedCall, record: Mapping[str, Any]) -> str | None:
        """The incident a KMS record joined already; None if it still waits."""
        item = self._table.get_item(Key=_waiting(place, call, record), ConsistentRead=True)
        joined = item.get("Item", {}).get("joined")
        return str(joined) if joined else None

    def waiting(self, place: str, at: str) -> list[dict[str, Any]]:
        """The KMS records that wait here, made at about this time."""
        try:
            when = datetime.fromisoformat(at)
        except ValueError:
            return []
        first, last = (
            (when + timedelta(seconds=way * _APART)).strftime("%Y-%m-%dT%H:%M:%SZ")
            for way in (-1, 1)
        )
        items = self._query(
            Key("pk").eq(f"kms#{place}") & Key("sk").between(first, last + "~"),
            FilterExpression=Attr("joined").not_exists() & Attr("kept").exists(),
        )
        return [json.loads(str(item["kept"])) for item in items]

    @staticmethod
    def settled(
        place: str, call: DeniedCall, record: Mapping[str, Any], identity: str
    ) -> dict[str, Any]:
        """The write that says where a KMS record went; its condition is that it went nowhere yet."""
        return {
            "Key": _waiting(place, call, record),
            "UpdateExpression": "SET joined = :id, expires_at = :end REMOVE kept",
            "ConditionExpression": "attribute_not_exists(joined)",
            "ExpressionAttributeValues": {":id": identity, ":end": _end()},
        }

    def attach(
        self, identity: str, place: str, call: DeniedCall, record: Mapping[str, Any]
    ) -> Incident:
        """Join a KMS record to the incident of its S3 call, which counts that call.

        What the incident did not know is kept: the event in the sample, and the record itself if it
        is the first, or the first to name the key.
        """
        for attempt in range(_TRIES):
            incident = self._store.get(identity)
            writes = [self.settled(place, call, record, incident.id)]
            news = _news(incident, call)
            if news:
                item = meta_of(incident) | news | {"version": incident.version + 1}
                writes.append(replace(incident.id, item, incident))
            if "kms_event" in news:
                kept = {**key_of(incident.id, "kms_record"), "record": json.dumps(record)}
                writes.append(put(kept))
            try:
                transact(self._table, writes)
            except Conflict as conflict:
                if 0 in conflict.refused:
                    return incident
                pause(attempt)
                continue
            return self._store.get(identity) if news else incident
        raise Conflict(f"incident {identity} is being changed by too many others; try again")

    def adopt(self, identity: str, trace: Trace, call: DeniedCall) -> None:
        """Let the S3 incident `identity` be that of the KMS records that came before it.

        Their calls are counted; as many S3 records, made by then, are not counted again.
        """
        alone = trace.incident
        until = max(alone.last_seen, call.time)
        item = meta_of(alone) | {
            "bucket": call.bucket,
            "ahead": alone.count,
            "ahead_until": until,
            "asks": alone.asks + 1,
            "version": alone.version + 1,
            "kms_event": alone.event_ids[0] if alone.event_ids else None,
        }
        if alone.told_key:
            item["told_by"] = "kms_record"
        record = self._store.record(alone.id)
        detail = f"the S3 records of {call.bucket} join as {identity}"
        writes = [
            put({**key_of(identity, "meta"), "joined_to": alone.id}, "attribute_not_exists(pk)"),
            replace(alone.id, item, alone),
            put({**key_of(alone.id, "kms_record"), "record": json.dumps(record)}),
            put(history_line(alone.id, "service", "joined", alone.state, alone.state, detail)),
        ]
        try:
            transact(self._table, writes)
        except Conflict:
            return  # someone else opened or joined it; the next reading shows which

    def record(self, identity: str) -> dict[str, Any] | None:
        """The KMS record that is kept for an incident of S3 calls."""
        item = self._table.get_item(Key=key_of(identity, "kms_record")).get("Item")
        return json.loads(str(item["record"])) if item else None

    def _query(self, condition: Any, **more: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        start: dict[str, Any] = {}
        while True:
            page = self._table.query(
                KeyConditionExpression=condition, ConsistentRead=True, **more, **start
            )
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _news(incident: Incident, call: DeniedCall) -> dict[str, Any]:
    """What a KMS record adds to the incident of its S3 call."""
    found: dict[str, Any] = {}
    if (
        call.event_id
        and call.event_id not in incident.event_ids
        and len(incident.event_ids) < SAMPLE
    ):
        found["event_ids"] = [*incident.event_ids, call.event_id]
    key = told(incident, call.kms_key, "kms_record")
    answer = (incident.diagnosis or {}).get("request", {})
    if key and answer.get("kms_key") != call.kms_key:
        found["asks"] = incident.asks + 1
    if key or incident.kms_event is None:
        found["kms_event"] = call.event_id or event_of(call, {})
    return found | key


def _waiting(place: str, call: DeniedCall, record: Mapping[str, Any]) -> dict[str, str]:
    return {"pk": f"kms#{place}", "sk": f"{call.time}#{event_of(call, record)}"}


def _end() -> int:
    """As long as the queue may keep the message that waits."""
    return int(time.time()) + EVENT_DAYS * DAY
