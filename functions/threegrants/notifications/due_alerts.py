"""Sends the alerts that incidents owe: each once, and none while a mute or a limit holds it back."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from threegrants.cloudtrail import DeniedCall, parse_record
from threegrants.incidents import (
    Incident,
    IncidentLeases,
    Lease,
    Store,
    due_alert,
    is_muted,
    principal_of,
)
from threegrants.incidents.held_alerts import HeldAlerts
from threegrants.incidents.hourly_limits import LimitReached
from threegrants.notifications.caller_limits import CallerLimits
from threegrants.notifications.payload import REPLAYED_NOTE, Alert, build_alert

_DONE_BEFORE_END_SECONDS = 5.0
"""One alert takes no longer."""


@dataclass(frozen=True, slots=True)
class DueAlerts:
    """Sends what is due.

    Args:
        store: the store of incidents.
        leases: one worker at a time sends an incident's alert.
        caller_limits: how many alerts one caller may cause in an hour.
        held: what waits for the end of an hour.
        stack: the stack's name, for the commands that alerts show.
        send: publishes an alert.
        on_suppressed_alert: told of each alert that a mute held back.
        resolve_caller: the caller's ARN, where the record has only its unique id.
        clock: seconds since the epoch.
    """

    store: Store
    leases: IncidentLeases
    caller_limits: CallerLimits
    held: HeldAlerts
    stack: str
    send: Callable[[Alert], None]
    on_suppressed_alert: Callable[[Incident], None]
    resolve_caller: Callable[[DeniedCall], str | None]
    clock: Callable[[], float] = time.time

    def send_due(self, incident: Incident, call: DeniedCall) -> Incident:
        """Send what is due, each alert once; an alert may repeat after a crash, never be lost.

        What a limit holds back is sent when the hour is over.

        Args:
            incident: the incident.
            call: a call of it; its caller and its account are counted.

        Returns:
            The incident as it is now.
        """
        while reason := due_alert(incident):
            if is_muted(incident, self.clock()):
                if self.leases.note_suppressed_alert(incident, reason):
                    self.on_suppressed_alert(incident)
                return incident
            if not self.leases.acquire(incident.id, Lease.ALERT):
                return incident  # another worker sends it now, and looks again afterwards
            incident = self.store.get(incident.id)
            report, due = incident.report, due_alert(incident)
            if report is None or due is None or is_muted(incident, self.clock()):
                self.leases.release(incident.id, Lease.ALERT)
                continue
            try:
                self.caller_limits.take_alert(call, principal_of(call, self.resolve_caller(call)))
                note = REPLAYED_NOTE if incident.replayed else ""
                self.send(build_alert(report, self.stack, due, note))
            except LimitReached as reached:
                self.held.hold(incident.id)  # before anything else can fail
                self.leases.release(incident.id, Lease.ALERT)
                self.caller_limits.tell(reached.counter)
                return incident  # the alert stays due
            except BaseException:
                self.leases.release(incident.id, Lease.ALERT)
                raise
            self.leases.alert_sent(incident)
            incident = self.store.get(incident.id)
        return incident

    def send_held(self, deadline: float, on_error: Callable[[str, Exception], None]) -> int:
        """Send the alerts whose hour is over; one that meets a limit again waits for another hour.

        Args:
            deadline: the second since the epoch by which this must have ended.
            on_error: told what went wrong with one incident; the others go on.

        Returns:
            How many incidents were looked at.
        """
        count = 0
        for held in self.held.due():
            if self.clock() + _DONE_BEFORE_END_SECONDS > deadline:
                break
            try:
                call = parse_record(self.store.record(held.incident_id))
                if isinstance(call, DeniedCall):
                    self.send_due(self.store.get(held.incident_id), call)
                self.held.done(held)
            except Exception as error:  # noqa: BLE001 - one incident's trouble is not the others'
                on_error(held.incident_id, error)
            count += 1
        return count
