"""Sends what other systems are to be told: each change of an incident, at least once."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from threegrants.incidents import Incident, IncidentNotFound, Store
from threegrants.incidents.state_events import StateEvent, due_events, mark_sent
from threegrants.notifications.alert_policy import NOTHING_DECIDED, AlertPolicy
from threegrants.notifications.incident_event import DETAIL_TYPE, SOURCE, event_detail
from threegrants.notifications.security_hub import FindingRefusedError, Importer, finding_of
from threegrants.notifications.thread import thread_of
from threegrants.report import Report

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient

_DONE_BEFORE_END_SECONDS = 3.0


class EventRefusedError(RuntimeError):
    """EventBridge took the request and refused the event; it stays due."""


@dataclass(frozen=True, slots=True)
class IncidentEvents:
    """Sends the events that are due.

    Args:
        store: the store of incidents.
        events: a boto3 EventBridge client.
        bus: the name or ARN of the bus; empty if nobody is to be told.
        stack: the stack's name, for the commands.
        import_findings: keeps a finding in Security Hub; None if it is not wanted.
        policy: what the operator decided about alerts, as it is now.
        clock: seconds since the epoch.
    """

    store: Store
    events: "EventBridgeClient"
    bus: str
    stack: str
    import_findings: Importer | None = None
    policy: Callable[[], AlertPolicy] = lambda: NOTHING_DECIDED
    clock: Callable[[], float] = time.time

    def send_due(self, deadline: float, on_error: Callable[[str, Exception], None]) -> int:
        """Send what is due; one that cannot be sent stays due and holds up no other.

        Args:
            deadline: the second since the epoch by which this must have ended.
            on_error: told what went wrong with one incident.

        Returns:
            How many were sent.
        """
        sent = 0
        for event in due_events(self.store.table, self.clock()):
            if self.clock() + _DONE_BEFORE_END_SECONDS > deadline:
                break
            try:
                self._send(event, on_error)
                mark_sent(self.store.table, event)
            except Exception as error:  # noqa: BLE001 - one incident's trouble is not the others'
                on_error(event.incident_id, error)
            else:
                sent += 1
        return sent

    def _send(self, event: StateEvent, on_error: Callable[[str, Exception], None]) -> None:
        try:
            incident = self.store.get(event.incident_id)
        except IncidentNotFound:
            return  # it expired meanwhile: nobody can be told what it was
        report = incident.report
        if report is None:
            return
        if self.bus:
            self._put(event, incident, report)
        if self.import_findings is not None:
            product = self.import_findings.product
            finding = finding_of(event, incident, report, product, self.policy())
            try:
                self.import_findings(finding)
            except FindingRefusedError as refused:
                on_error(
                    incident.id, refused
                )  # it would be refused again, and the event sent again

    def _put(self, event: StateEvent, incident: Incident, report: Report) -> None:
        try:
            put_event(self.events, self.bus, self._detail(event, incident, report))
        except EventRefusedError as refused:
            what = f"event {event.id} of {incident.id} was refused: {refused}"
            raise EventRefusedError(what) from refused

    def _detail(self, event: StateEvent, incident: Incident, report: Report) -> str:
        thread = thread_of(incident, self.store.history(incident.id))
        return event_detail(event, incident, report, self.stack, self.policy(), thread)


def put_event(events: "EventBridgeClient", bus: str, detail: str) -> None:
    """Put one event on a bus.

    Args:
        events: a boto3 EventBridge client.
        bus: the name or ARN of the bus.
        detail: its detail, as JSON.

    Raises:
        EventRefusedError: with EventBridge's words, if it refuses the event.
    """
    answer = events.put_events(
        Entries=[
            {
                "Source": SOURCE,
                "DetailType": DETAIL_TYPE,
                "Detail": detail,
                "EventBusName": bus,
            }
        ]
    )
    if answer["FailedEntryCount"]:
        [entry] = answer["Entries"]
        raise EventRefusedError(f"{entry.get('ErrorCode')}: {entry.get('ErrorMessage')}")
