"""Incidents in DynamoDB: one partition for each, every change conditional, nothing lost.

Partition `incident#ID` holds `meta` (state, diagnosis, counts; or `joined_to`, the incident that has
this one's events), `record` (the CloudTrail record that was examined), `kms_record`, `event#…` (one
for each event that was counted, so that a redelivery is not counted twice) and `history#…`. What
remediation keeps there is in `ledger.py`.
"""

import dataclasses
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Key

from threegrants.cloudtrail import DeniedCall
from threegrants.incidents.items import (
    EVENT_DAYS,
    SECONDS_A_DAY,
    Incident,
    count,
    from_item,
    history_line,
    item_key,
    only_counts,
    put_write,
    set_expiry,
    to_item,
    with_event,
    write_meta,
)
from threegrants.incidents.states import TRANSITIONS, State
from threegrants.incidents.table import Conflict, back_off, transact

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

__all__ = ["Conflict", "IncidentNotFound", "Store"]

_MAX_ATTEMPTS = 12
_CACHE_SIZE = 256
"""Incidents that a worker keeps in mind, to count without reading first."""


class IncidentNotFound(LookupError):
    """There is no incident with this id."""


class Store:
    """The table of incidents.

    Args:
        table: a boto3 DynamoDB Table resource.
    """

    def __init__(self, table: "Table") -> None:
        self._table = table
        self._cache: dict[str, Incident] = {}

    @property
    def table(self) -> "Table":
        """The boto3 Table, for the other concerns of this room."""
        return self._table

    def record_event(
        self,
        incident_id: str,
        call: DeniedCall,
        record: Mapping[str, Any],
        *,
        opening: Sequence[Mapping[str, Any]] = (),
        once: Mapping[str, Any] | None = None,
    ) -> Incident:
        """Count an event into its incident, opening it if it is the first; idempotent by event.

        The two copies of one S3 record share `sharedEventID`, and so count once. An event that only
        counts costs one transaction and one read.

        Args:
            incident_id: the incident's id.
            call: the denied call.
            record: its CloudTrail record.
            opening: writes that go with the opening of the incident.
            once: a write whose condition says, like the marker, that the event is new.
        """
        event = event_id_of(call, record)
        current = self._cache.get(incident_id) or self.find(incident_id)
        for attempt in range(_MAX_ATTEMPTS):
            existing_id = current.id if current else incident_id
            marker = put_write(
                {
                    **item_key(existing_id, f"event#{event}"),
                    "expires_at": int(time.time()) + EVENT_DAYS * SECONDS_A_DAY,
                },
                "attribute_not_exists(pk)",
            )
            first = [marker, once] if once else [marker]
            only_counted = current is not None and only_counts(current, call)
            try:
                self._write(
                    [*first, *self._event_writes(incident_id, current, call, record, opening)]
                )
            except Conflict as conflict:
                current = self.find(incident_id)
                if current is not None and any(place < len(first) for place in conflict.refused):
                    return current
                back_off(attempt)
                continue
            joined = dataclasses.replace(
                self.get(existing_id), counted=True, fresh=not only_counted
            )
            self._remember(incident_id, joined)
            return joined
        raise Conflict(f"incident {incident_id} is being changed by too many others; try again")

    @staticmethod
    def _event_writes(
        incident_id: str,
        current: Incident | None,
        call: DeniedCall,
        record: Mapping[str, Any],
        opening: Sequence[Mapping[str, Any]],
    ) -> list[Mapping[str, Any]]:
        """What is written beside the marker of a new event."""
        if current is None:
            return [
                write_meta(incident_id, with_event(incident_id, None, call), None),
                put_write({**item_key(incident_id, "record"), "record": json.dumps(record)}),
                put_write(history_line(incident_id, "service", "opened", None, State.OPEN)),
                *opening,
            ]
        if only_counts(current, call):
            return [count(current, call)]
        return [write_meta(current.id, with_event(current.id, current, call), current)]

    def _remember(self, incident_id: str, incident: Incident) -> None:
        if len(self._cache) >= _CACHE_SIZE and incident_id not in self._cache:
            self._cache.clear()
        self._cache[incident_id] = incident

    def save_diagnosis(
        self,
        incident: Incident,
        body: Mapping[str, Any],
        signature: str,
        state: State,
        at: str,
        *,
        alert_due: bool,
        record: Mapping[str, Any] | None = None,
        also: Sequence[Mapping[str, Any]] = (),
    ) -> Incident:
        """Keep a new diagnosis, and move the incident where the diagnosis says.

        Whoever examines has the incident's `examining_until`, which ends here.

        Args:
            incident: as it was read before.
            body: the diagnosis document.
            signature: what of it is worth an alert.
            state: where the incident goes.
            at: when the evidence was read.
            alert_due: whether an alert is owed.
            record: the CloudTrail record that was examined, to be examined again later.
            also: writes that go with it.

        Raises:
            Conflict: if the incident changed since it was read.
        """
        changed = to_item(incident)
        changed.update(
            diagnosis=json.dumps(body),
            signature=signature,
            diagnosed_at=at,
            alert_due=alert_due,
            state=state.value,
            answered=incident.asks,
            owner=incident.owner or body["request"]["bucket_account"],
            version=incident.version + 1,
        )
        set_expiry(changed, state)
        writes = [write_meta(incident.id, changed, incident, "examining_until"), *also]
        if record is not None:
            writes.append(
                put_write({**item_key(incident.id, "record"), "record": json.dumps(record)})
            )
        if signature != incident.signature:
            detail = str(body["summary"])
            writes.append(
                put_write(
                    history_line(incident.id, "service", "diagnosed", incident.state, state, detail)
                )
            )
        self._write(writes)
        return self._as_written(changed, incident)

    def exists(self, incident_id: str) -> bool:
        """Whether there is such an incident; answered from memory where it was seen before."""
        return incident_id in self._cache or self.find(incident_id) is not None

    def find(self, incident_id: str) -> Incident | None:
        """One incident, also by the id of one that joined another; None if there is none."""
        item = self._item(incident_id, "meta")
        if item and "joined_to" in item:
            item = self._item(str(item["joined_to"]), "meta")
        return from_item(item) if item else None

    def get(self, incident_id: str) -> Incident:
        """One incident.

        Raises:
            IncidentNotFound: if there is none with this id.
        """
        found = self.find(incident_id)
        if found is None:
            raise IncidentNotFound(f"no incident {incident_id}")
        return found

    def record(self, incident_id: str) -> dict[str, Any]:
        """The CloudTrail record that was examined last."""
        item = self._item(incident_id, "record")
        loaded: dict[str, Any] = json.loads(str(item["record"])) if item else {}
        return loaded

    def latest(self, state: State | None = None, limit: int = 50) -> list[Incident]:
        """Incidents of one state, or of all, the latest seen first."""
        found: list[Incident] = []
        for wanted in [state] if state else list(State):
            answer = self._table.query(
                IndexName="by_state",
                KeyConditionExpression=Key("state").eq(wanted.value),
                ScanIndexForward=False,
                Limit=limit,
            )
            found += [self.get(str(item["id"])) for item in answer["Items"]]
        return sorted(found, key=lambda incident: incident.last_seen, reverse=True)[:limit]

    def history(self, incident_id: str) -> list[dict[str, Any]]:
        """Every transition, oldest first."""
        answer = self._table.query(
            KeyConditionExpression=Key("pk").eq(f"incident#{incident_id}")
            & Key("sk").begins_with("history#"),
        )
        hidden = {"pk", "sk"}
        return [
            {name: value for name, value in item.items() if name not in hidden}
            for item in answer["Items"]
        ]

    def move(
        self,
        incident: Incident,
        state: State,
        actor: str,
        what: str,
        detail: str = "",
    ) -> Incident:
        """Move an incident to another state, with its history line, in one transaction.

        Raises:
            Conflict: if the move is not allowed, or the incident changed since it was read.
        """
        if state not in TRANSITIONS[incident.state]:
            raise Conflict(f"incident {incident.id} is {incident.state}: it cannot be {what}")
        changed = to_item(incident)
        changed.update(state=state.value, version=incident.version + 1)
        set_expiry(changed, state)
        writes = [
            write_meta(incident.id, changed, incident),
            put_write(history_line(incident.id, actor, what, incident.state, state, detail)),
        ]
        self._write(writes)
        return self._as_written(changed, incident)

    def _item(self, incident_id: str, sk: str) -> dict[str, Any] | None:
        answer = self._table.get_item(Key=item_key(incident_id, sk), ConsistentRead=True)
        item: dict[str, Any] | None = answer.get("Item")
        return item

    @staticmethod
    def _as_written(changed: Mapping[str, Any], before: Incident) -> Incident:
        """The incident as written, with what has no version as it was read."""
        return dataclasses.replace(
            from_item(changed),
            alerted_count=before.alerted_count,
            muted_until=before.muted_until,
            held=before.held,
            counted=before.counted,
            fresh=before.fresh,
        )

    def _write(self, items: Sequence[Mapping[str, Any]]) -> None:
        transact(self._table, items)


def event_id_of(call: DeniedCall, record: Mapping[str, Any]) -> str:
    """What an event is known by; a record without an id by its content."""
    known = call.shared_event_id or call.event_id
    return known or hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
