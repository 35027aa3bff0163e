"""The store of incidents in DynamoDB: one partition for each, every change conditional.

Partition `incident#ID` holds `meta` (the incident; or `joined_to`, the id of the incident that has
this one's events), `record` (the CloudTrail record that was analyzed last), `kms_record`, `event#…`
(one for each event that was counted, so that a redelivery is not counted twice) and `history#…`. What
remediation keeps there is in `remediation/run_store.py`.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Key

from threegrants.cloudtrail import DeniedCall, is_replayed
from threegrants.incidents.events import event_id_of, only_counts, opened_by, with_event
from threegrants.incidents.fitting import pack_record, unpack
from threegrants.incidents.hourly_limits import Counter, LimitReached
from threegrants.incidents.incident import Incident
from threegrants.incidents.items import (
    EVENT_DAYS,
    change_write,
    count_write,
    expires_in,
    expiry_of,
    from_item,
    item_key,
    open_write,
    put_write,
)
from threegrants.incidents.moves import Move, event_of_move, opened_write, told_writes
from threegrants.incidents.states import State
from threegrants.incidents.table import Conflict, back_off, transact
from threegrants.report import Report

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

_MAX_ATTEMPTS = 12
_CACHE_SIZE = 256
"""Incidents that a worker remembers, to count without reading first."""


class IncidentNotFound(LookupError):
    """There is no incident with this id."""


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """What became of an event that was counted.

    Args:
        incident: the incident that has it, as it is now.
        adds_facts: whether the event was new and changed more than the count.
    """

    incident: Incident
    adds_facts: bool


class Store:
    """The table of incidents.

    Args:
        table: a boto3 DynamoDB Table resource.
    """

    def __init__(self, table: "Table") -> None:
        self._table = table
        self._cache: dict[str, Incident] = {}
        self.events_are_due = False
        """whether this store wrote an event that others are to be told of"""

    @property
    def table(self) -> "Table":
        """The boto3 Table, for the other stores of this package."""
        return self._table

    def record_event(
        self,
        incident_id: str,
        call: DeniedCall,
        record: Mapping[str, Any],
        *,
        also: Sequence[Mapping[str, Any]] = (),
        assignment: Mapping[str, Any] | None = None,
        counters: Sequence[Counter] = (),
    ) -> RecordedEvent:
        """Count an event into its incident, opening it if it is the first; idempotent by event.

        The two copies of one S3 record share `sharedEventID`, and so count once. An event that only
        counts costs one transaction and one read.

        Args:
            incident_id: the incident's id.
            call: the denied call.
            record: its CloudTrail record.
            also: writes that go with the event, whether it opens the incident or joins it.
            assignment: for a KMS record that waited, the write that assigns it to this incident. If
                it was assigned before, the event is not counted.
            counters: what a new incident is counted into.

        Raises:
            LimitReached: if it would be a new incident, and one of the counters is full.
            Conflict: if too many others change the incident.
        """
        event = event_id_of(call, record)
        current = self._cache.get(incident_id) or self.find(incident_id)
        for attempt in range(_MAX_ATTEMPTS):
            stored_id = current.id if current else incident_id
            marker = put_write(
                {
                    **item_key(stored_id, f"event#{event}"),
                    "expires_at": expires_in(EVENT_DAYS),
                },
                "attribute_not_exists(pk)",
            )
            first = [marker, assignment] if assignment else [marker]
            adds_facts = current is None or not _only_counts(current, call, record)
            writes = [*first, *_event_writes(incident_id, current, call, record), *also]
            counts = [one.count_write(time.time()) for one in counters] if current is None else []
            try:
                transact(self._table, [*writes, *counts])
            except Conflict as conflict:
                current = self.find(incident_id)
                full = max(conflict.refused, default=0) - len(writes)
                if current is None and full >= 0 and counts:
                    raise LimitReached(counters[full]) from conflict
                if current is not None and any(index < len(first) for index in conflict.refused):
                    return RecordedEvent(current, adds_facts=False)
                back_off(attempt)
                continue
            counted = self.get(stored_id)
            self._remember(incident_id, counted)
            return RecordedEvent(counted, adds_facts)
        raise Conflict(f"incident {incident_id} is being changed by too many others; try again")

    def _remember(self, incident_id: str, incident: Incident) -> None:
        if len(self._cache) >= _CACHE_SIZE and incident_id not in self._cache:
            self._cache.clear()
        self._cache[incident_id] = incident

    def save_diagnosis(
        self,
        incident: Incident,
        report: Report,
        state: State,
        at: str,
        *,
        alert_due: bool,
        record: Mapping[str, Any] | None = None,
        also: Sequence[Mapping[str, Any]] = (),
    ) -> Incident:
        """Keep a new diagnosis, and move the incident where the diagnosis says.

        The lease by which one worker analyzes the incident ends here.

        Args:
            incident: as it was read before.
            report: the diagnosis report.
            state: where the incident goes.
            at: when the evidence was read, ISO 8601 in UTC.
            alert_due: whether the report has to be alerted.
            record: the CloudTrail record that was analyzed, to be analyzed again later.
            also: writes that go with it.

        Returns:
            The incident as it was written.

        Raises:
            Conflict: if the incident changed since it was read.
        """
        diagnosed = replace(
            incident,
            diagnosis=report,
            alert_fingerprint=report.alert_fingerprint,
            diagnosed_at=at,
            alert_due=alert_due,
            state=state,
            answered_version=incident.question_version,
            bucket_account=incident.bucket_account or report.request.bucket_account,
            version=incident.version + 1,
            replayed=incident.replayed or is_replayed(record or {}),
        )
        writes = [
            change_write(
                incident, diagnosed, removed=["examining_until"], expires_at=expiry_of(state)
            ),
            *also,
        ]
        if record is not None:
            writes.append(record_write(incident.id, record))
        if diagnosed.alert_fingerprint != incident.alert_fingerprint:
            line = Move(state, "service", "diagnosed", report.history_line)
            writes += told_writes(incident, line)
            self.events_are_due = True
        elif state is not incident.state:
            writes.append(event_of_move(incident, Move(state, "service", "diagnosed")))
            self.events_are_due = True
        transact(self._table, writes)
        return diagnosed

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
        """The CloudTrail record that was analyzed last; empty if there is none."""
        item = self._item(incident_id, "record")
        loaded: dict[str, Any] = unpack(item["record"]) if item else {}
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
        """Every line of an incident's history, oldest first."""
        answer = self._table.query(
            KeyConditionExpression=Key("pk").eq(f"incident#{incident_id}")
            & Key("sk").begins_with("history#"),
        )
        hidden = {"pk", "sk"}
        return [
            {name: value for name, value in item.items() if name not in hidden}
            for item in answer["Items"]
        ]

    def _item(self, incident_id: str, sk: str) -> dict[str, Any] | None:
        answer = self._table.get_item(Key=item_key(incident_id, sk), ConsistentRead=True)
        item: dict[str, Any] | None = answer.get("Item")
        return item


def record_write(incident_id: str, record: Mapping[str, Any], sk: str = "record") -> dict[str, Any]:
    """The write of a CloudTrail record: `record`, or `kms_record` of the same call.

    Args:
        incident_id: the incident.
        record: the CloudTrail record, as it came.
        sk: the sort key of its item: `record` or `kms_record`.
    """
    return put_write({**item_key(incident_id, sk), "record": pack_record(record)})


def _event_writes(
    incident_id: str,
    current: Incident | None,
    call: DeniedCall,
    record: Mapping[str, Any],
) -> list[Mapping[str, Any]]:
    """What is written beside the marker of a new event."""
    if current is None:
        opened = replace(opened_by(incident_id, call), replayed=is_replayed(record))
        return [
            open_write(opened),
            record_write(incident_id, record),
            opened_write(opened),
        ]
    if _only_counts(current, call, record):
        return [count_write(current, call)]
    changed = with_event(current, call)
    return [
        change_write(current, replace(changed, replayed=changed.replayed or is_replayed(record)))
    ]


def _only_counts(incident: Incident, call: DeniedCall, record: Mapping[str, Any]) -> bool:
    """Whether an event changes nothing but the count; a replayed one marks its incident for good."""
    return only_counts(incident, call) and (incident.replayed or not is_replayed(record))
