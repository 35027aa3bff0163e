"""What correlation keeps in the table of incidents.

Partition `calls#KEY` has an item for each candidate: an incident of S3 calls that need a KMS key, or
of KMS records alone. Its sort key begins with a time, so that only what is near is read, and all that
is needed to match stands in it: `near#…` for five seconds in which the incident was seen, `hour#…` for
an hour. However many incidents are open, one record costs one query of at most `_LIMIT` items and a
few reads. Partition `kms#KEY` has an item for each KMS record: the record while it waits
(`kept`), then the incident it was assigned to (`joined`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from boto3.dynamodb.conditions import Attr, Key

from threegrants.aws.arn import is_arn
from threegrants.cloudtrail import DeniedCall, is_replayed
from threegrants.incidents.correlation.match import (
    MAX_SECONDS_APART,
    MAX_SECONDS_LATE,
    Candidate,
    client_text,
)
from threegrants.incidents.events import (
    corroborated_key_of,
    event_id_of,
    joined_by_s3,
    kms_actions_of,
    with_kms_record,
)
from threegrants.incidents.fitting import pack_record, unpack
from threegrants.incidents.incident import Incident
from threegrants.incidents.items import (
    EVENT_DAYS,
    change_writes,
    expires_in,
    item_key,
    put_write,
)
from threegrants.incidents.moves import Move, history_write
from threegrants.incidents.states import CLOSED
from threegrants.incidents.store import Store, record_write
from threegrants.incidents.table import Conflict, back_off, transact, update_if

_MAX_ATTEMPTS = 12
_LIMIT = 50
"""Items of one query. Where more candidates are near, none is surely the right one."""
_MOST_LOOKED_UP = 5
"""Incidents that are read to see whether they are open."""
_NEAR_SECONDS = 5
_HOUR = 3600


class KmsCorrelator:
    """The candidates, and the KMS records that wait for their S3 record.

    Args:
        store: the store of incidents, whose table this one shares.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._table = store.table

    def candidates(self, correlation_key: str | None, at: str) -> list[Candidate]:
        """The incidents under a correlation key that were seen at about a time; none without a key.

        Of several incidents of S3 calls the keys that were read for them are looked up, unless they are
        too many.
        """
        reach = MAX_SECONDS_APART
        found = self._candidates(correlation_key, "near", at, reach, _NEAR_SECONDS)
        of_s3 = [one for one in found if one.bucket]
        if not 1 < len(of_s3) <= _MOST_LOOKED_UP:
            return found
        return [*(one for one in found if not one.bucket), *self._looked_up(of_s3)]

    def candidates_of_the_hour(self, correlation_key: str | None, at: str) -> list[Candidate]:
        """The incidents of S3 calls within an hour, with their key as it was read, and their state.

        None where there are so many that a record surely fits several.
        """
        found = self._candidates(correlation_key, "hour", at, MAX_SECONDS_LATE, _HOUR)
        of_s3 = [one for one in found if one.bucket]
        return self._looked_up(of_s3) if len(of_s3) <= _MOST_LOOKED_UP else []

    def _looked_up(self, of_s3: Iterable[Candidate]) -> list[Candidate]:
        """Candidates with their key as it was read, and their state; none that is gone, none twice."""
        known: dict[str, Candidate] = {}
        for one in of_s3:
            incident = self._store.find(one.incident_id)
            if incident is not None:
                key, closed = corroborated_key_of(incident) or one.key, incident.state in CLOSED
                known[incident.id] = replace(one, incident_id=incident.id, key=key, closed=closed)
        return list(known.values())

    def _candidates(
        self, correlation_key: str | None, kind: str, at: str, reach: int, slot_seconds: int
    ) -> list[Candidate]:
        """The candidates of one kind, each incident once.

        Args:
            correlation_key: under which they are found.
            kind: `near` or `hour`.
            at: the time that is asked about, ISO 8601 in UTC.
            reach: how many seconds before and after it.
            slot_seconds: for how many seconds one item stands.
        """
        first, last = (
            _slot(at, slot_seconds, seconds) for seconds in (-reach - slot_seconds, reach)
        )
        if correlation_key is None or not first or not last:
            return []
        page = self._table.query(
            KeyConditionExpression=Key("pk").eq(f"calls#{correlation_key}")
            & Key("sk").between(f"{kind}#{first}", f"{kind}#{last}~"),
            ConsistentRead=True,
            Limit=_LIMIT,
        )
        if "LastEvaluatedKey" in page:
            return []
        found: dict[str, Candidate] = {}
        for item in page["Items"]:
            seen = _from_item(item)
            known = found.get(seen.incident_id)
            found[seen.incident_id] = (
                seen if known is None else replace(seen, first_seen=known.first_seen)
            )
        return list(found.values())

    def write_candidates(self, writes: Iterable[Mapping[str, Any]]) -> None:
        """Make an incident a candidate, by the writes of `candidate_writes`, each by itself.

        A transaction would cost twice as much. A candidate without its incident, which a crash or a
        limit leaves, fits no record.
        """
        for write in writes:
            self._table.put_item(Item=write["Item"])

    def park(self, parking_key: str, call: DeniedCall, record: Mapping[str, Any]) -> None:
        """Keep a KMS record until its S3 record comes; one that is known already stays as it is.

        Args:
            parking_key: where the record waits, as `parking_key_of` says.
            call: the denied KMS call.
            record: its CloudTrail record.
        """
        update_if(
            self._table,
            _parked_item_key(parking_key, call, record),
            "SET kept = :record, expires_at = :end",
            "attribute_not_exists(pk)",
            record=pack_record(record),
            end=expires_in(EVENT_DAYS),
        )

    def parked_records(self, parking_key: str, at: str) -> list[dict[str, Any]]:
        """The KMS records that wait under a key, made at about a time (ISO 8601 in UTC)."""
        try:
            when = datetime.fromisoformat(at)
        except ValueError:
            return []
        first, last = (
            (when + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
            for seconds in (-MAX_SECONDS_APART, MAX_SECONDS_APART)
        )
        page = self._table.query(
            KeyConditionExpression=Key("pk").eq(f"kms#{parking_key}")
            & Key("sk").between(first, last + "~"),
            FilterExpression=Attr("joined").not_exists() & Attr("kept").exists(),
            ConsistentRead=True,
            Limit=_LIMIT,
        )
        return [unpack(item["kept"]) for item in page["Items"]]

    def assigned_incident(
        self, parking_key: str, call: DeniedCall, record: Mapping[str, Any]
    ) -> str | None:
        """The id of the incident a KMS record was assigned to; None if it still waits.

        Args:
            parking_key: where the record waits, or waited.
            call: the denied KMS call.
            record: its CloudTrail record.
        """
        answer = self._table.get_item(
            Key=_parked_item_key(parking_key, call, record), ConsistentRead=True
        )
        joined = answer.get("Item", {}).get("joined")
        return str(joined) if joined else None

    def link_kms_record(
        self, incident_id: str, parking_key: str, call: DeniedCall, record: Mapping[str, Any]
    ) -> Incident:
        """Join a KMS record to the incident of its S3 call, which counts that call.

        What the incident did not know is kept: the event in the sample, and the record itself if it
        is the first, or the first that states the key. A record that was assigned before changes
        nothing.

        Args:
            incident_id: the incident of the S3 call.
            parking_key: where the KMS record waits, or would wait.
            call: the denied KMS call.
            record: its CloudTrail record.

        Returns:
            The incident as it is now.

        Raises:
            Conflict: if too many others change the incident.
        """
        for attempt in range(_MAX_ATTEMPTS):
            incident = self._store.get(incident_id)
            linked = with_kms_record(incident, call)
            if is_replayed(record) and not incident.replayed:
                linked = replace(linked, replayed=True, version=incident.version + 1)
            writes = [assign_write(parking_key, call, record, incident.id)]
            if linked != incident:
                writes += change_writes(incident, linked)
            if (linked.kms_event_id, linked.stated_key_arn) != (
                incident.kms_event_id,
                incident.stated_key_arn,
            ):
                writes.append(record_write(incident.id, record, "kms_record"))
            try:
                transact(self._table, writes)
            except Conflict as conflict:
                if 0 in conflict.refused:
                    return incident
                back_off(attempt)
                continue
            return self._store.get(incident_id) if linked != incident else incident
        raise Conflict(f"incident {incident_id} is being changed by too many others; try again")

    def merge_kms_incident(self, incident_id: str, kms_incident_id: str, call: DeniedCall) -> None:
        """Make an incident of KMS records alone the incident of the S3 call they were made for.

        The S3 call's id becomes another name of it. If someone else opened or joined it meanwhile,
        nothing changes; the next reading shows which.

        Args:
            incident_id: the id that the S3 call would have by itself.
            kms_incident_id: the incident of KMS records.
            call: the S3 call.
        """
        incident = self._store.find(kms_incident_id)
        if incident is None or incident.bucket:
            return
        detail = f"the S3 records of {call.bucket} join as {incident_id}"
        writes = [
            put_write(
                {**item_key(incident_id, "meta"), "joined_to": incident.id},
                "attribute_not_exists(pk)",
            ),
            *change_writes(incident, joined_by_s3(incident, call)),
            record_write(incident.id, self._store.record(incident.id), "kms_record"),
            history_write(incident, Move(incident.state, "service", "joined", detail)),
        ]
        try:
            transact(self._table, writes)
        except Conflict:
            return


def candidate_writes(
    correlation_key: str, incident_id: str, call: DeniedCall, key: str | None = None
) -> list[dict[str, Any]]:
    """The writes that make an incident a candidate under a correlation key, for a call's time.

    Args:
        correlation_key: under which it is found.
        incident_id: the incident.
        call: the call whose address and program are kept with it.
        key: the ARN of the incident's KMS key, where it was read.
    """
    named = call.kms_key if is_arn(call.kms_key or "") else None
    kept = {
        "pk": f"calls#{correlation_key}",
        "incident": incident_id,
        "bucket": call.bucket,
        "legs": list(kms_actions_of(call)),
        "at": call.time,
        "key": named or key,
        "source_ip": client_text(call.source_ip),
        "user_agent": client_text(call.user_agent),
        "expires_at": expires_in(EVENT_DAYS),
    }
    slots = [
        (kind, _slot(call.time, seconds), _slot(call.time, seconds, seconds))
        for kind, seconds in (("near", _NEAR_SECONDS), ("hour", _HOUR))
    ]
    return [
        put_write({**kept, "sk": f"{kind}#{first}#{incident_id}", "until": until})
        for kind, first, until in slots
        if first
    ]


def _from_item(item: Mapping[str, Any]) -> Candidate:
    hour = str(item["sk"]).startswith("hour#")
    return Candidate(
        incident_id=str(item["incident"]),
        bucket=item.get("bucket"),
        kms_actions=tuple(str(one) for one in item["legs"]),
        first_seen=str(item["at"]),
        # In an hour's item the first call of the hour stands; there may have been later ones.
        last_seen=str(item["until"]) if hour else str(item["at"]),
        key=item.get("key"),
        source_ip=item.get("source_ip"),
        user_agent=item.get("user_agent"),
    )


def _slot(at: str, length: int, later: int = 0) -> str | None:
    """The beginning of the slot that a time (and so many seconds) falls into; None if it is none."""
    try:
        seconds = int(datetime.fromisoformat(at).timestamp()) + later
    except (ValueError, OverflowError, OSError):
        return None
    begin = datetime.fromtimestamp(seconds - seconds % length, UTC)
    return begin.strftime("%Y-%m-%dT%H:%M:%SZ")


def assign_write(
    parking_key: str, call: DeniedCall, record: Mapping[str, Any], incident_id: str
) -> dict[str, Any]:
    """The write that says where a KMS record went; refused if it went somewhere before.

    Args:
        parking_key: where the record waits, or would wait.
        call: the denied KMS call.
        record: its CloudTrail record.
        incident_id: the incident it goes to.
    """
    return {
        "Key": _parked_item_key(parking_key, call, record),
        "UpdateExpression": "SET joined = :id, expires_at = :end REMOVE kept",
        "ConditionExpression": "attribute_not_exists(joined)",
        "ExpressionAttributeValues": {":id": incident_id, ":end": expires_in(EVENT_DAYS)},
    }


def _parked_item_key(
    parking_key: str, call: DeniedCall, record: Mapping[str, Any]
) -> dict[str, str]:
    return {"pk": f"kms#{parking_key}", "sk": f"{call.time}#{event_id_of(call, record)}"}
