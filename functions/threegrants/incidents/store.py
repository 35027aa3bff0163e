"""The store of incidents in DynamoDB: one partition for each, every change conditional.

Partition `incident#ID` holds `meta` (what is decided by; or `joined_to`, the id of the incident that
has this one's events), `meta#count` (what every event changes), `meta#diagnosis` (the report), `record`
(the CloudTrail record that was analyzed last), `kms_record` and `history#…`. Each event that was counted
has a partition of its own, `event#ID#EVENT`, so that a redelivery is not counted twice and a storm does
not meet the write limit of one partition. What remediation keeps there is in `remediation/run_store.py`.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from threegrants.cloudtrail import DeniedCall, is_replayed
from threegrants.incidents.events import event_id_of, only_counts, opened_by, with_event
from threegrants.incidents.fitting import pack_record
from threegrants.incidents.hourly_limits import Counter, LimitReached
from threegrants.incidents.incident import Incident
from threegrants.incidents.incident_reader import Found, IncidentReader
from threegrants.incidents.items import (
    META,
    change_writes,
    count_write,
    event_marker_key,
    event_marker_write,
    expiry_of,
    item_key,
    open_writes,
    put_write,
)
from threegrants.incidents.moves import Move, event_of_move, opened_write, told_writes
from threegrants.incidents.states import State
from threegrants.incidents.table import Conflict, back_off, transact, update_if
from threegrants.report import Report

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

_MAX_ATTEMPTS = 12
_MOST_TOGETHER = 80
"""Events of one transaction, which may have 100 writes."""

Event = tuple[DeniedCall, Mapping[str, Any]]
"""A denied call with its CloudTrail record."""


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """What became of an event that was counted.

    Args:
        incident: the incident that has it, as it is now.
        adds_facts: whether the event was new and changed more than the count.
    """

    incident: Incident
    adds_facts: bool


class Store(IncidentReader):
    """The table of incidents.

    Args:
        table: a boto3 DynamoDB Table resource.
    """

    def __init__(self, table: "Table") -> None:
        super().__init__(table)
        self._counted_ahead: set[tuple[str, str]] = set()
        self.events_are_due = False
        """whether this store wrote an event that others are to be told of"""

    def record_event(
        self,
        incident_id: str,
        call: DeniedCall,
        record: Mapping[str, Any],
        *,
        also: Sequence[Mapping[str, Any]] = (),
        assignment: Mapping[str, Any] | None = None,
        counters: Sequence[Counter] = (),
        ahead: Sequence[Event] = (),
    ) -> RecordedEvent:
        """Count an event into its incident, opening it if it is the first; idempotent by event.

        The two copies of one S3 record share `sharedEventID`, and so count once. An event that only
        counts costs one transaction and two reads; those that are known to come next are counted in
        the same transaction, and cost nothing when they come.

        Args:
            incident_id: the incident's id.
            call: the denied call.
            record: its CloudTrail record.
            also: writes that go with the event, whether it opens the incident or joins it.
            assignment: for a KMS record that waited, the write that assigns it to this incident. If
                it was assigned before, the event is not counted.
            counters: what a new incident is counted into.
            ahead: other events of this incident that this worker has to count. Only those are counted
                with this one that change nothing else; the others, and all if the transaction is
                refused, are counted when they come.

        Raises:
            LimitReached: if it would be a new incident, and one of the counters is full.
            Conflict: if too many others change the incident.
        """
        event = event_id_of(call, record)
        known = self._cache.get(incident_id)
        if known and (known.id, event) in self._counted_ahead:
            self._counted_ahead.discard((known.id, event))
            return RecordedEvent(known, adds_facts=False)
        found = Found(known) if known else self.look(incident_id)
        if found.incident and self._counted(found.incident, [event]):
            return RecordedEvent(self.get(incident_id), adds_facts=False)
        for attempt in range(_MAX_ATTEMPTS):
            current = found.incident
            stored_id = current.id if current else incident_id
            adds_facts = current is None or not _only_counts(current, call, record)
            others = self._others(current, event, ahead) if current and not adds_facts else {}
            opened = current or _opened(incident_id, call, record)
            markers = [event_marker_write(opened, one) for one in (event, *others)]
            first = [*markers[:1], *([assignment] if assignment else ())]
            writes = [*first, *markers[1:]]
            writes += _event_writes(current, opened, call, record, list(others.values()), found)
            writes += also
            counts = [one.count_write(time.time()) for one in counters] if current is None else []
            try:
                transact(self._table, [*writes, *counts])
            except Conflict as conflict:
                found, ahead = self.look(incident_id), ()
                full = max(conflict.refused, default=0) - len(writes)
                if found.incident is None and full >= 0 and counts:
                    raise LimitReached(counters[full]) from conflict
                if found.incident and any(index < len(first) for index in conflict.refused):
                    return RecordedEvent(found.incident, adds_facts=False)
                back_off(attempt)
                continue
            self._counted_ahead |= {(stored_id, one) for one in others}
            counted = self.get(stored_id)
            self._remember(incident_id, counted)
            return RecordedEvent(counted, adds_facts)
        raise Conflict(f"incident {incident_id} is being changed by too many others; try again")

    def note_recheck(self, incident: Incident, now: float) -> None:
        """Note that an incident was examined again, and nothing was new enough to be kept."""
        update_if(
            self._table,
            item_key(incident.id, META),
            "SET rechecked_at = :now",
            "attribute_exists(pk)",
            now=int(now),
        )

    def forget_counted_ahead(self) -> None:
        """Forget which events were counted before they came: what comes now is another batch."""
        self._counted_ahead.clear()

    def _others(
        self, incident: Incident, event: str, ahead: Sequence[Event]
    ) -> dict[str, DeniedCall]:
        """The calls to be counted with an event, by their event; none that was counted before."""
        wanted = {
            event_id_of(call, record): call
            for call, record in ahead
            if _only_counts(incident, call, record)
        }
        wanted.pop(event, None)
        some = list(wanted)[: _MOST_TOGETHER - 1]
        counted = self._counted(incident, some)
        return {one: wanted[one] for one in some if one not in counted}

    def _counted(self, incident: Incident, events: Sequence[str]) -> set[str]:
        """Those of some events that were counted.

        They are asked for before the transaction, because one that is refused is billed all the same.
        """
        keys = {event: event_marker_key(incident, event) for event in events}
        if not keys:
            return set()
        name = self._table.name
        answer = self._table.meta.client.batch_get_item(
            RequestItems={name: {"Keys": list(keys.values()), "ConsistentRead": True}}
        )
        found = {str(item["pk"]) + str(item["sk"]) for item in answer["Responses"].get(name, ())}
        return {event for event, key in keys.items() if key["pk"] + key["sk"] in found}

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
            diagnosis_id=uuid.uuid4().hex[:12],
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
            *change_writes(
                incident,
                diagnosed,
                removed=["examining_until"],
                expires_at=expiry_of(state, incident.open_until),
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


def record_write(incident_id: str, record: Mapping[str, Any], sk: str = "record") -> dict[str, Any]:
    """The write of a CloudTrail record: `record`, or `kms_record` of the same call.

    Args:
        incident_id: the incident.
        record: the CloudTrail record, as it came.
        sk: the sort key of its item: `record` or `kms_record`.
    """
    return put_write({**item_key(incident_id, sk), "record": pack_record(record)})


def _opened(incident_id: str, call: DeniedCall, record: Mapping[str, Any]) -> Incident:
    return replace(opened_by(incident_id, call), replayed=is_replayed(record))


def _event_writes(
    current: Incident | None,
    opened: Incident,
    call: DeniedCall,
    record: Mapping[str, Any],
    others: Sequence[DeniedCall],
    found: Found,
) -> list[Mapping[str, Any]]:
    """What is written beside the marker of a new event, and of others that are counted with it."""
    now = time.time()
    if current is None:
        return [
            *open_writes(opened, now, found.joined_to),
            record_write(opened.id, record),
            opened_write(opened),
        ]
    if _only_counts(current, call, record):
        return [count_write(current, [call, *others], now)]
    changed = with_event(current, call)
    return [
        *change_writes(current, replace(changed, replayed=changed.replayed or is_replayed(record)))
    ]


def _only_counts(incident: Incident, call: DeniedCall, record: Mapping[str, Any]) -> bool:
    """Whether an event changes nothing but the count; a replayed one marks its incident for good."""
    return only_counts(incident, call) and (incident.replayed or not is_replayed(record))
