"""The sweep: every few minutes it finishes what is half done and ends what has expired.

It also examines open incidents again, looks into overwrite windows and sends the alerts that are
due. Everything is safe to do twice, and two sweeps at once do each thing once: each step is one
conditional transaction of the run store.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from threegrants.diagnosis import Diagnosis, Outcome
from threegrants.incidents import AlertReason, Conflict, Incident, State
from threegrants.incidents.states import AWAITING_DECISION, RUN_IN_PROGRESS
from threegrants.remediation.outbox import OutboxItem, OutboxTask, outbox_writes
from threegrants.remediation.overwrite_detection import describe_writes, foreign_writes
from threegrants.remediation.results import Refused
from threegrants.remediation.run_store import RunStore
from threegrants.remediation.second_look import second_look
from threegrants.remediation.service import RemediationService
from threegrants.remediation.standing_approvals import find_standing_approval
from threegrants.remediation.worker import error_text
from threegrants.report import report_for

Alert = Callable[[str, str, str], None]
"""Sends an alert: incident, reason, note."""

_BATCH = 50
"""Incidents of one state that one sweep looks at."""
_INCIDENT_SECONDS = 12.0
"""Seconds that one incident may take; with less time left, none is begun."""
_MAX_LOOKUPS = 12
"""Lookups of a window that fail before a person is told: about an hour."""


def send_due_alerts(run_store: RunStore, alert: Alert, now: float) -> int:
    """Send the alerts that are due, and mark each after it went out; how many were sent.

    Args:
        run_store: whose outbox holds the alerts.
        alert: sends an alert.
        now: seconds since the epoch.
    """
    due = [item for item in run_store.outbox.due(now) if item.task is OutboxTask.ALERT]
    for item in due:
        alert(item.incident, item.subject, item.note)
        run_store.outbox.mark_done(item)
    return len(due)


@dataclass(slots=True)
class Sweep:
    """One sweep.

    Args:
        service: what the sweep asks for.
        alert: sends an alert.
        on_error: told what went wrong with one incident; the others go on.
        deadline: the second by which it must have ended.
        rechecks: how many incidents of each undecided state are examined again, in turn.
        report: how many of what were done; the names are CloudWatch metrics.
    """

    service: RemediationService
    alert: Alert
    on_error: Callable[[str, Exception], None]
    deadline: float
    rechecks: int = 10
    report: Counter[str] = field(default_factory=Counter)

    def run(self) -> dict[str, int]:
        """Sweep once; returns how many of what."""
        run_store, now = self.service.run_store, self.service.now
        for state in sorted(RUN_IN_PROGRESS):
            for incident_id in run_store.incidents_in_state(state, _BATCH)[0]:
                self._attempt(incident_id, partial(self._resume, incident_id))
        for incident_id in run_store.incidents_in_state(State.PROPOSED, _BATCH)[0]:
            self._attempt(incident_id, partial(self._expire, incident_id))
        for state in sorted(AWAITING_DECISION) if self.rechecks else ():
            self._recheck_some(state)
        for item in run_store.outbox.due(now()):
            if item.task is OutboxTask.WINDOW:
                self._attempt(item.incident, partial(self._check_window, item))
            elif item.task is OutboxTask.SECOND_LOOK:
                self._attempt(item.incident, partial(self._look_again, item))
        self._attempt("outbox", self._send)
        return dict(self.report)

    def _attempt(self, incident_id: str, task: Callable[[], None]) -> None:
        if self.service.now() + _INCIDENT_SECONDS > self.deadline:
            self.report["left for the next sweep"] += 1
            return
        try:
            task()
        except Conflict:
            self.report["overtaken"] += 1  # someone else moved it: another sweep, an approver
        except Exception as error:  # noqa: BLE001 - one incident's trouble is not the others'
            self.report["errors"] += 1
            self.on_error(incident_id, error)

    def _resume(self, incident_id: str) -> None:
        result = self.service.resume(incident_id, self.deadline)
        if result is not None:
            self.report[f"resumed: {result.state}"] += 1

    def _expire(self, incident_id: str) -> None:
        if self.service.expire(incident_id):
            self.report["approvals expired"] += 1

    def _recheck_some(self, state: State) -> None:
        run_store = self.service.run_store
        name = f"recheck#{state}"
        found, after = run_store.incidents_in_state(
            state, self.rechecks, run_store.sweep_position(name)
        )
        for incident_id in found:
            self._attempt(incident_id, partial(self._recheck, incident_id))
        run_store.save_sweep_position(name, after)

    def _recheck(self, incident_id: str) -> None:
        incident = self.service.store.get(incident_id)
        if incident.state not in AWAITING_DECISION or incident.diagnosis is None:
            return
        incident = refresh(self.service, incident)
        self.report["rechecked"] += 1
        if incident.state is State.RESOLVED:
            self.report["resolved"] += 1
        elif incident.state is State.OPEN:
            self._apply_standing(incident)

    def _apply_standing(self, incident: Incident) -> None:
        report = incident.report
        if report is None:
            return
        limits, now = self.service.limits(), self.service.now()
        found = find_standing_approval(limits, report, now, replayed=incident.replayed)
        if found is None:
            return
        approval, digests = found
        try:
            result = self.service.apply_standing(incident.id, digests, approval, self.deadline)
        except Refused as refused:
            # The limits hold for standing approvals too; the incident waits for a person.
            self.report["standing: refused"] += 1
            self.on_error(incident.id, refused)
        else:
            self.report[f"standing: {result.state}"] += 1

    def _check_window(self, item: OutboxItem) -> None:
        """Ask CloudTrail who else wrote a policy while we did; tell a person, or that nobody knows."""
        run_store, clients = self.service.run_store, self.service.remediation_role
        run_id = item.subject.split("#")[1]
        [patch] = [
            intent.patch
            for intent in run_store.intents(item.incident, (run_id,))
            if intent.sk == item.subject
        ]
        try:
            writes = foreign_writes(patch, item, clients)
        except Exception as error:
            if item.tries + 1 < _MAX_LOOKUPS:
                run_store.outbox.count_try(item)
                raise
            self.alert(
                item.incident,
                AlertReason.WINDOW,
                f"CloudTrail could not be asked whether someone else wrote the policy of "
                f"{patch.target} while a patch of ours was being written: {error_text(error)}. Compare "
                "the policy with the patch. Needed: "
                f"{clients.needs('cloudtrail:LookupEvents', '*', patch.account)}",
            )
        else:
            if writes:
                self.alert(item.incident, AlertReason.OVERWRITTEN, describe_writes(patch, writes))
                self.report["windows with foreign writes"] += 1
            self.report["windows looked into"] += 1
        run_store.outbox.mark_done(item)

    def _look_again(self, item: OutboxItem) -> None:
        """Make sure that what was taken back is gone."""
        found = second_look(self.service, item, self.alert, self.deadline)
        self.report["second looks"] += 1
        self.report["found again"] += found

    def _send(self) -> None:
        run_store, now = self.service.run_store, self.service.now()
        self.report["alerts"] += send_due_alerts(run_store, self.alert, now)


_KNOWN_TO_STOP = (Outcome.FIXABLE, Outcome.HANDOFF, Outcome.DO_NOT_PATCH)


def is_mended(incident: Incident, now: Diagnosis) -> bool:
    """Whether nothing is left to do: the call is allowed, or what was known to stop it does not any more.

    Where nothing was known to stop it, what nobody looked at is still the likely cause.
    """
    before = incident.diagnosis.outcome if incident.diagnosis else None
    return now.allowed or (now.allowed_as_read and before in _KNOWN_TO_STOP)


def refresh(service: RemediationService, incident: Incident) -> Incident:
    """Examine an incident again and keep what is new: a verdict, or patches for today's policies.

    Raises:
        Conflict: if the incident changed meanwhile.
    """
    analysis = service.reanalyze(incident)
    seen = (incident.first_seen, incident.last_seen)
    report = report_for(analysis, incident.id, incident.event_ids, incident.count, seen)
    changed = report.alert_fingerprint != incident.alert_fingerprint
    before = incident.diagnosis.patches_by_digest if incident.diagnosis else {}
    if not changed and list(report.patches_by_digest) == list(before):
        return incident
    allowed = is_mended(incident, analysis.diagnosis)
    reason = AlertReason.RESOLVED if allowed else AlertReason.CHANGED
    alert = OutboxItem(OutboxTask.ALERT, incident.id, reason.value, int(service.now()))
    return service.store.save_diagnosis(
        incident,
        report,
        State.RESOLVED if allowed else incident.state,
        analysis.evidence.at,
        alert_due=incident.alert_due,
        also=outbox_writes([alert]) if changed else (),
    )
