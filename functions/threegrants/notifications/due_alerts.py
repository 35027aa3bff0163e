"""Sends the alerts that incidents owe: each once, and none while a mute or a limit holds it back."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from threegrants.cloudtrail import DeniedCall, parse_record
from threegrants.incidents import (
    AlertReason,
    Incident,
    IncidentLeases,
    Lease,
    Store,
    due_alert,
    principal_of,
)
from threegrants.incidents.held_alerts import HeldAlerts
from threegrants.incidents.hourly_limits import LimitReached
from threegrants.incidents.reminders import Reminders
from threegrants.incidents.snoozes import Snoozes
from threegrants.notifications.alert_policy import NOTHING_DECIDED, AlertPolicy
from threegrants.notifications.caller_limits import CallerLimits
from threegrants.notifications.held_back import held_until
from threegrants.notifications.payload import REPLAYED_NOTE, Alert, build_alert
from threegrants.notifications.routing import route_of
from threegrants.notifications.thread import thread_of
from threegrants.report import Report

_DONE_BEFORE_END_SECONDS = 5.0
"""One alert takes no longer."""


@dataclass(frozen=True, slots=True)
class DueAlerts:
    """Sends what is due.

    Args:
        store: the store of incidents.
        leases: one worker at a time sends an incident's alert.
        caller_limits: how many alerts one caller may cause in an hour.
        held: what waits for the end of an hour, or of a snooze.
        stack: the stack's name, for the commands that alerts show.
        send: publishes an alert.
        on_suppressed_alert: told of each alert that a mute or a snooze held back.
        resolve_caller: the caller's ARN, where the record has only its unique id.
        clock: seconds since the epoch.
        snoozes: what people do not want to hear of for some hours.
        policy: what the operator decided about alerts.
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
    snoozes: Snoozes | None = None
    policy: AlertPolicy = NOTHING_DECIDED

    def send_due(self, incident: Incident, call: DeniedCall) -> Incident:
        """Send what is due, each alert once; an alert may repeat after a crash, never be lost.

        What a limit or a snooze holds back is sent when that is over.

        Args:
            incident: the incident.
            call: a call of it; its caller and its account are counted.

        Returns:
            The incident as it is now.
        """
        while reason := due_alert(incident):
            if until := self._held_until(incident):
                if self.leases.note_suppressed_alert(incident, reason):
                    self.held.hold_until(incident.id, until)
                    self.on_suppressed_alert(incident)
                return incident
            if not self.leases.acquire(incident.id, Lease.ALERT):
                return incident  # another worker sends it now, and looks again afterwards
            incident = self.store.get(incident.id)
            report, due = incident.report, due_alert(incident)
            if report is None or due is None or self._held_until(incident):
                self.leases.release(incident.id, Lease.ALERT)
                continue
            try:
                self.caller_limits.take_alert(call, principal_of(call, self.resolve_caller(call)))
                self.send(self._alert(incident, report, due))
            except LimitReached as reached:
                self.held.hold(incident.id)  # before anything else can fail
                self.leases.release(incident.id, Lease.ALERT)
                self.caller_limits.tell(reached.counter)
                return incident  # the alert stays due
            except BaseException:
                self.leases.release(incident.id, Lease.ALERT)
                raise
            self.leases.alert_sent(incident)
            if self.policy.reminders.wants(route_of(report, due, self.policy).severity):
                minutes = self.policy.reminders.after_minutes
                Reminders(self.store.table, self.clock).start(incident, minutes)
            incident = self.store.get(incident.id)
        return incident

    def send_held(self, deadline: float, on_error: Callable[[str, Exception], None]) -> int:
        """Send the alerts whose time has come; one that meets a limit again waits for another hour.

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
                    incident = self.send_due(self.store.get(held.incident_id), call)
                    until = self._held_until(incident)
                    if until and due_alert(incident):
                        self.held.hold_until(incident.id, until)  # it is snoozed for longer by now
                self.held.done(held)
            except Exception as error:  # noqa: BLE001 - one incident's trouble is not the others'
                on_error(held.incident_id, error)
            count += 1
        return count

    def _alert(self, incident: Incident, report: Report, due: AlertReason) -> Alert:
        note = REPLAYED_NOTE if incident.replayed else ""
        thread = thread_of(incident)
        return build_alert(report, self.stack, due, note, self.policy, thread)

    def _held_until(self, incident: Incident) -> int:
        snoozed = self.snoozes.covering(incident) if self.snoozes else ()
        return held_until(incident, snoozed, self.clock())
