"""Reminds people of what nobody is at, and sends the daily digest: both by the sweep."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from threegrants.incidents import AlertReason, Incident, IncidentNotFound, Store
from threegrants.incidents.open_incidents import ids_in_state
from threegrants.incidents.reminders import DueReminder, Reminders
from threegrants.incidents.snoozes import Snoozes
from threegrants.incidents.states import AWAITING_PEOPLE, State
from threegrants.incidents.told_once import ToldOnce
from threegrants.notifications.alert_policy import DEFAULT, AlertPolicy
from threegrants.notifications.digest import DigestEntry, Listing, by_topic, list_alert
from threegrants.notifications.held_back import held_until
from threegrants.notifications.payload import Alert, build_alert
from threegrants.notifications.routing import reason_by_state, route_of
from threegrants.notifications.thread import thread_of

_DIGEST = "digest"
_ALONE = 5
"""Reminders of one sweep to one topic that are messages of their own; more of them are one list."""
_DONE_BEFORE_END_SECONDS = 8.0
"""With less time left, no incident more is looked at."""

OnError = Callable[[str, Exception], None]
"""Told what went wrong with one incident."""


@dataclass(frozen=True, slots=True)
class ListSender:
    """Sends reminders and the digest.

    Args:
        store: the store of incidents.
        snoozes: what people do not want to hear of for some hours.
        policy: what the operator decided about alerts.
        stack: the stack's name, for the commands.
        send: publishes an alert.
        clock: seconds since the epoch.
    """

    store: Store
    snoozes: Snoozes
    policy: AlertPolicy
    stack: str
    send: Callable[[Alert], None]
    clock: Callable[[], float] = time.time

    def remind(self, deadline: float, on_error: OnError) -> int:
        """Remind people of what is due; how many incidents they were reminded of.

        Args:
            deadline: the second since the epoch by which this must have ended.
            on_error: told what went wrong with one incident; the others go on.
        """
        reminders = Reminders(self.store.table, self.clock)
        wanted: dict[str, DueReminder] = {}
        entries: list[DigestEntry] = []
        for due in reminders.due():
            if self._is_late(deadline):
                break
            try:
                entry = self._reminded(reminders, due)
            except Exception as error:  # noqa: BLE001 - one incident's trouble is not the others'
                on_error(due.incident_id, error)
                continue
            if entry is not None:
                wanted[entry.incident.id] = due
                entries.append(entry)
        failed: set[str] = set()
        for topic, listed in by_topic(entries).items():
            try:
                for alert in self._reminding(topic, listed):
                    self.send(alert)
            except Exception as error:  # noqa: BLE001 - it stays due; other topics are served
                failed.update(one.incident.id for one in listed)
                on_error(listed[0].incident.id, error)
        for entry in entries:
            if entry.incident.id not in failed:
                minutes = self.policy.reminders.every_minutes
                due = wanted[entry.incident.id]
                reminders.again(due, entry.incident, minutes, told=True)
        self.store.events_are_due = self.store.events_are_due or bool(entries)
        return len(entries) - len(failed)

    def _reminded(self, reminders: Reminders, due: DueReminder) -> DigestEntry | None:
        """The incident that people are to be reminded of now; None if they are not, or not yet."""
        try:
            incident = self.store.get(due.incident_id)
        except IncidentNotFound:
            reminders.done(due)
            return None
        entry = self._entry(incident) if incident.remind_at == due.at else None
        if entry is None or incident.acknowledged_by:
            reminders.done(due)  # nobody waits for it, or another reminder does
            return None
        if not self.policy.reminders.wants(entry.route.severity):
            reminders.done(due)
            return None
        if entry.snoozed_until and incident.state is not State.STUCK:
            minutes = max(1, -int(-(entry.snoozed_until - self.clock()) // 60))
            reminders.again(due, incident, minutes, told=False)
            return None
        return entry

    def _reminding(self, topic: str, entries: list[DigestEntry]) -> Iterator[Alert]:
        if len(entries) > _ALONE:
            listing = Listing(AlertReason.REMINDER, self.clock())
            yield list_alert(topic, entries, listing, self.stack, self.policy)
            return
        for one in entries:
            thread = thread_of(one.incident, self.store.history(one.incident.id))
            alert = build_alert(
                one.report,
                self.stack,
                AlertReason.REMINDER,
                policy=self.policy,
                thread=thread,
                route=one.route,
            )
            yield alert.to_topic(topic)

    def send_digest(self, deadline: float) -> int:
        """Send the daily digest if it is time; how many incidents are in it.

        Each topic gets the incidents whose alerts go there.

        Args:
            deadline: the second since the epoch by which this must have ended.
        """
        digest = self.policy.digest
        now = datetime.fromtimestamp(self.clock(), UTC).astimezone(self.policy.zone or UTC)
        if digest is None or now.hour < digest.hour:
            return 0
        day, marks = now.date().isoformat(), ToldOnce(self.store.table, self.clock)
        if not marks.may_tell(_DIGEST, day):
            return 0
        entries, unread = self._open(deadline)
        found = by_topic(entries)
        if unread or digest.when_empty:
            found.setdefault(DEFAULT, [])
        for topic, listed in found.items():
            left = unread if topic == DEFAULT else 0
            listing = Listing(AlertReason.DIGEST, self.clock(), left)
            self.send(list_alert(topic, listed, listing, self.stack, self.policy))
        marks.told(_DIGEST, day)
        return len(entries)

    def _open(self, deadline: float) -> tuple[list[DigestEntry], int]:
        """Everything that awaits people, and how much of it there was no time to look at."""
        entries: dict[str, DigestEntry] = {}
        unread = 0
        for state in sorted(AWAITING_PEOPLE):
            for incident_id in ids_in_state(self.store.table, state):
                if self._is_late(deadline):
                    unread += 1
                    continue
                incident = self.store.find(incident_id)
                entry = self._entry(incident) if incident else None
                if entry is not None:
                    entries[entry.incident.id] = entry
        return list(entries.values()), unread

    def _entry(self, incident: Incident) -> DigestEntry | None:
        """An incident that awaits people; None if it does not."""
        report = incident.report
        if report is None or incident.state not in AWAITING_PEOPLE:
            return None
        route = route_of(report, reason_by_state(incident.state), self.policy)
        until = held_until(incident, self.snoozes.covering(incident), self.clock())
        return DigestEntry(incident, report, route, until)

    def _is_late(self, deadline: float) -> bool:
        return self.clock() + _DONE_BEFORE_END_SECONDS > deadline
