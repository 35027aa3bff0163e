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
    EVENT_DAYS,
    SAMPLE_SIZE,
    SECONDS_A_DAY,
    Incident,
    better_key,
    history_line,
    item_key,
    put_write,
    to_item,
    write_meta,
)
from threegrants.incidents.states import CLOSED
from threegrants.incidents.store import Store, event_id_of
from threegrants.incidents.table import Conflict, back_off, transact, update_if

MAX_SECONDS_APART = 5
"""Seconds between the S3 and the KMS record of one call, at most."""
MAX_SECONDS_LATE = 3600
_MAX_ATTEMPTS = 12
_WITHOUT_PRINCIPAL = frozenset({CallerType.SERVICE, CallerType.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Candidate:
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


def correlation_key_of(call: DeniedCall, principal: str) -> str | None:
    """Where a call is looked for: by principal and Region; None if nothing stands for it.

    Without a principal (a KMS record whose identity is an AWS service) only the key is left.
    """
    if call.caller.type in _WITHOUT_PRINCIPAL and not call.caller.arn:
        return kms_key_correlation_key(call.kms_key, call.region)
    return _hash("principal", principal, call.region)


def kms_key_correlation_key(key: str | None, region: str) -> str | None:
    """Where calls that need this key are looked for; None without an ARN."""
    return _hash("key", key, region) if key and key.startswith("arn:") else None


def parking_key_of(call: DeniedCall, principal: str) -> str:
    """Where the KMS record of a call is kept while it waits; every record has such a place."""
    return correlation_key_of(call, principal) or _hash("nobody", call.region)


def _hash(*words: str) -> str:
    return sha256(json.dumps(words).encode()).hexdigest()[:32]


def match_kms_record(call: DeniedCall, candidates: Iterable[Candidate]) -> Candidate | None:
    """The incident of S3 calls that a KMS record belongs to; None if none fits, or several do.

    Of several, those with the same source address and user agent come first (the oldest form of
    record has neither), then the nearest in time.
    """
    matching = [
        t
        for t in candidates
        if t.incident.bucket
        and may_be_one_call(call, t)
        and _seconds_apart(call, t) <= MAX_SECONDS_APART
    ]
    same_client = [
        t for t in matching if (t.source_ip, t.user_agent) == (call.source_ip, call.user_agent)
    ]
    return _nearest(call, same_client or matching)


def match_late_kms_record(call: DeniedCall, candidates: Iterable[Candidate]) -> Candidate | None:
    """For a KMS record that waited: the only open incident that fits, seen within the hour."""
    matching = [
        t
        for t in candidates
        if t.incident.bucket
        and may_be_one_call(call, t)
        and t.incident.state not in CLOSED
        and _seconds_apart(call, t) <= MAX_SECONDS_LATE
    ]
    return matching[0] if len(matching) == 1 else None


def match_kms_only_incident(call: DeniedCall, candidates: Iterable[Candidate]) -> Candidate | None:
    """For an S3 record that opens an incident: the one of KMS records alone that is its own."""
    matching = [
        t
        for t in candidates
        if not t.incident.bucket and _same_key(call, t) and _share_a_kms_action(call, t)
    ]
    return _nearest(call, [t for t in matching if _seconds_apart(call, t) <= MAX_SECONDS_APART])


def may_be_one_call(call: DeniedCall, candidate: Candidate) -> bool:
    """Whether a KMS call is one that S3 makes for these S3 calls, with the same key if known."""
    wanted = {"kms:" + call.operation.removesuffix("WithoutPlaintext"), *call.kms_actions}
    return bool(wanted & set(candidate.incident.legs)) and _same_key(call, candidate)


def _share_a_kms_action(call: DeniedCall, candidate: Candidate) -> bool:
    return bool(set(call.kms_actions) & set(candidate.incident.legs))


def _same_key(call: DeniedCall, candidate: Candidate) -> bool:
    stated, known = call.kms_key, candidate.key
    both = stated and known and stated.startswith("arn:") and ":key/" in stated
    return stated == known if both else True


def _nearest(call: DeniedCall, candidates: Sequence[Candidate]) -> Candidate | None:
    gaps = sorted(
        (_seconds_apart(call, candidate), index) for index, candidate in enumerate(candidates)
    )
    if not gaps or (len(gaps) > 1 and gaps[0][0] == gaps[1][0]):
        return None
    return candidates[gaps[0][1]]


def _seconds_apart(call: DeniedCall, candidate: Candidate) -> float:
    """Seconds between the call and the incident's window; infinite if a time is no time."""
    try:
        at, first, last = (
            datetime.fromisoformat(text)
            for text in (call.time, candidate.incident.first_seen, candidate.incident.last_seen)
        )
        return max((first - at).total_seconds(), (at - last).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return float("inf")


class KmsCorrelator:
    """The traces of incidents and the waiting KMS records, in the table of incidents."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._table = store.table

    def candidates(self, correlation_key: str | None) -> list[Candidate]:
        """The incidents whose calls are looked for here."""
        if correlation_key is None:
            return []
        items = self._query(Key("pk").eq(f"calls#{correlation_key}"))
        found = []
        for item in items:
            incident = self._store.find(str(item["incident"]))
            if incident is not None:
                found.append(Candidate(incident, item.get("source_ip"), item.get("user_agent")))
        return found

    @staticmethod
    def candidate_write(correlation_key: str, incident_id: str, call: DeniedCall) -> dict[str, Any]:
        """The write that makes an incident findable at a place."""
        return put_write(
            {
                "pk": f"calls#{correlation_key}",
                "sk": f"incident#{incident_id}",
                "incident": incident_id,
                "source_ip": call.source_ip,
                "user_agent": call.user_agent,
                "expires_at": int(time.time()) + CLOSED_DAYS * SECONDS_A_DAY,
            }
        )

    def park(self, correlation_key: str, call: DeniedCall, record: Mapping[str, Any]) -> None:
        """Keep a KMS record until its S3 record comes; what became of it before stays."""
        update_if(
            self._table,
            _parked_item_key(correlation_key, call, record),
            "SET kept = :record, expires_at = :end",
            "attribute_not_exists(pk)",
            record=json.dumps(record),
            end=_expiry(),
        )

    def assigned_incident(
        self, correlation_key: str, call: DeniedCall, record: Mapping[str, Any]
    ) -> str | None:
        """The incident a KMS record joined already; None if it still waits."""
        item = self._table.get_item(
            Key=_parked_item_key(correlation_key, call, record), ConsistentRead=True
        )
        joined = item.get("Item", {}).get("joined")
        return str(joined) if joined else None

    def parked_records(self, correlation_key: str, at: str) -> list[dict[str, Any]]:
        """The KMS records that wait here, made at about this time."""
        try:
            when = datetime.fromisoformat(at)
        except ValueError:
            return []
        first, last = (
            (when + timedelta(seconds=way * MAX_SECONDS_APART)).strftime("%Y-%m-%dT%H:%M:%SZ")
            for way in (-1, 1)
        )
        items = self._query(
            Key("pk").eq(f"kms#{correlation_key}") & Key("sk").between(first, last + "~"),
            FilterExpression=Attr("joined").not_exists() & Attr("kept").exists(),
        )
        return [json.loads(str(item["kept"])) for item in items]

    @staticmethod
    def assign(
        correlation_key: str, call: DeniedCall, record: Mapping[str, Any], incident_id: str
    ) -> dict[str, Any]:
        """The write that says where a KMS record went; its condition is that it went nowhere yet."""
        return {
            "Key": _parked_item_key(correlation_key, call, record),
            "UpdateExpression": "SET joined = :id, expires_at = :end REMOVE kept",
            "ConditionExpression": "attribute_not_exists(joined)",
            "ExpressionAttributeValues": {":id": incident_id, ":end": _expiry()},
        }

    def link_kms_record(
        self, incident_id: str, correlation_key: str, call: DeniedCall, record: Mapping[str, Any]
    ) -> Incident:
        """Join a KMS record to the incident of its S3 call, which counts that call.

        What the incident did not know is kept: the event in the sample, and the record itself if it
        is the first, or the first to name the key.
        """
        for attempt in range(_MAX_ATTEMPTS):
            incident = self._store.get(incident_id)
            writes = [self.assign(correlation_key, call, record, incident.id)]
            news = _new_facts_of(incident, call)
            if news:
                item = to_item(incident) | news | {"version": incident.version + 1}
                writes.append(write_meta(incident.id, item, incident))
            if "kms_event" in news:
                kept = {**item_key(incident.id, "kms_record"), "record": json.dumps(record)}
                writes.append(put_write(kept))
            try:
                transact(self._table, writes)
            except Conflict as conflict:
                if 0 in conflict.refused:
                    return incident
                back_off(attempt)
                continue
            return self._store.get(incident_id) if news else incident
        raise Conflict(f"incident {incident_id} is being changed by too many others; try again")

    def merge_kms_incident(self, incident_id: str, candidate: Candidate, call: DeniedCall) -> None:
        """Let the S3 incident `incident_id` be that of the KMS records that came before it.

        Their calls are counted; as many S3 records, made by then, are not counted again.
        """
        kms_incident = candidate.incident
        until = max(kms_incident.last_seen, call.time)
        item = to_item(kms_incident) | {
            "bucket": call.bucket,
            "ahead": kms_incident.count,
            "ahead_until": until,
            "asks": kms_incident.asks + 1,
            "version": kms_incident.version + 1,
            "kms_event": kms_incident.event_ids[0] if kms_incident.event_ids else None,
        }
        if kms_incident.told_key:
            item["told_by"] = "kms_record"
        record = self._store.record(kms_incident.id)
        detail = f"the S3 records of {call.bucket} join as {incident_id}"
        writes = [
            put_write(
                {**item_key(incident_id, "meta"), "joined_to": kms_incident.id},
                "attribute_not_exists(pk)",
            ),
            write_meta(kms_incident.id, item, kms_incident),
            put_write({**item_key(kms_incident.id, "kms_record"), "record": json.dumps(record)}),
            put_write(
                history_line(
                    kms_incident.id,
                    "service",
                    "joined",
                    kms_incident.state,
                    kms_incident.state,
                    detail,
                )
            ),
        ]
        try:
            transact(self._table, writes)
        except Conflict:
            return  # someone else opened or joined it; the next reading shows which

    def kms_record(self, incident_id: str) -> dict[str, Any] | None:
        """The KMS record that is kept for an incident of S3 calls."""
        item = self._table.get_item(Key=item_key(incident_id, "kms_record")).get("Item")
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


def _new_facts_of(incident: Incident, call: DeniedCall) -> dict[str, Any]:
    """What a KMS record adds to the incident of its S3 call."""
    found: dict[str, Any] = {}
    if (
        call.event_id
        and call.event_id not in incident.event_ids
        and len(incident.event_ids) < SAMPLE_SIZE
    ):
        found["event_ids"] = [*incident.event_ids, call.event_id]
    key = better_key(incident, call.kms_key, "kms_record")
    answer = (incident.diagnosis or {}).get("request", {})
    if key and answer.get("kms_key") != call.kms_key:
        found["asks"] = incident.asks + 1
    if key or incident.kms_event is None:
        found["kms_event"] = call.event_id or event_id_of(call, {})
    return found | key


def _parked_item_key(
    correlation_key: str, call: DeniedCall, record: Mapping[str, Any]
) -> dict[str, str]:
    return {"pk": f"kms#{correlation_key}", "sk": f"{call.time}#{event_id_of(call, record)}"}


def _expiry() -> int:
    """As long as the queue may keep the message that waits."""
    return int(time.time()) + EVENT_DAYS * SECONDS_A_DAY
