"""What correlation keeps in the table of incidents.

Partition `calls#KEY` has an item for each candidate: an incident of S3 calls that need a KMS key, or
of KMS records alone. Partition `kms#KEY` has an item for each KMS record: the record while it waits
(`kept`), then the incident it was assigned to (`joined`).
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from boto3.dynamodb.conditions import Attr, Key

from threegrants.cloudtrail import DeniedCall
from threegrants.cloudtrail.replay import is_replayed
from threegrants.incidents.correlation.match import MAX_SECONDS_APART, Candidate
from threegrants.incidents.events import event_id_of, joined_by_s3, with_kms_record
from threegrants.incidents.incident import Incident
from threegrants.incidents.items import (
    CLOSED_DAYS,
    EVENT_DAYS,
    change_write,
    expires_in,
    item_key,
    put_write,
)
from threegrants.incidents.moves import Move, history_write
from threegrants.incidents.store import Store, record_write
from threegrants.incidents.table import Conflict, back_off, transact, update_if

_MAX_ATTEMPTS = 12


class KmsCorrelator:
    """The candidates, and the KMS records that wait for their S3 record.

    Args:
        store: the store of incidents, whose table this one shares.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._table = store.table

    def candidates(self, correlation_key: str | None) -> list[Candidate]:
        """The incidents found under a correlation key; none without a key."""
        if correlation_key is None:
            return []
        found = []
        for item in self._query(Key("pk").eq(f"calls#{correlation_key}")):
            incident = self._store.find(str(item["incident"]))
            if incident is not None:
                found.append(Candidate(incident, item.get("source_ip"), item.get("user_agent")))
        return found

    def park(self, parking_key: str, call: DeniedCall, record: Mapping[str, Any]) -> None:
        """Keep a KMS record until its S3 record comes; one that is known already stays as it is."""
        update_if(
            self._table,
            _parked_item_key(parking_key, call, record),
            "SET kept = :record, expires_at = :end",
            "attribute_not_exists(pk)",
            record=json.dumps(record),
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
        items = self._query(
            Key("pk").eq(f"kms#{parking_key}") & Key("sk").between(first, last + "~"),
            FilterExpression=Attr("joined").not_exists() & Attr("kept").exists(),
        )
        return [json.loads(str(item["kept"])) for item in items]

    def assigned_incident(
        self, parking_key: str, call: DeniedCall, record: Mapping[str, Any]
    ) -> str | None:
        """The id of the incident a KMS record was assigned to; None if it still waits."""
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
                writes.append(change_write(incident, linked))
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

    def merge_kms_incident(self, incident_id: str, candidate: Candidate, call: DeniedCall) -> None:
        """Make an incident of KMS records alone the incident of the S3 call they were made for.

        The S3 call's id becomes another name of it. If someone else opened or joined it meanwhile,
        nothing changes; the next reading shows which.

        Args:
            incident_id: the id that the S3 call would have by itself.
            candidate: the incident of KMS records.
            call: the S3 call.
        """
        incident = candidate.incident
        detail = f"the S3 records of {call.bucket} join as {incident_id}"
        writes = [
            put_write(
                {**item_key(incident_id, "meta"), "joined_to": incident.id},
                "attribute_not_exists(pk)",
            ),
            change_write(incident, joined_by_s3(incident, call)),
            record_write(incident.id, self._store.record(incident.id), "kms_record"),
            history_write(incident, Move(incident.state, "service", "joined", detail)),
        ]
        try:
            transact(self._table, writes)
        except Conflict:
            return

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


def candidate_write(correlation_key: str, incident_id: str, call: DeniedCall) -> dict[str, Any]:
    """The write that makes an incident a candidate under a correlation key.

    Args:
        correlation_key: under which it is found.
        incident_id: the incident.
        call: the call whose address and program are kept with it.
    """
    return put_write(
        {
            "pk": f"calls#{correlation_key}",
            "sk": f"incident#{incident_id}",
            "incident": incident_id,
            "source_ip": call.source_ip,
            "user_agent": call.user_agent,
            "expires_at": expires_in(CLOSED_DAYS),
        }
    )


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
