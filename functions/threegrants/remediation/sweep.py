"""The sweep: what nobody is working on goes on, what expired ends, what mended itself is resolved.

Everything it does is safe to do twice, and two sweeps at once do each thing once: each step is one
of the ledger's conditional transactions.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from threegrants.incidents import Conflict, Incident, State
from threegrants.incidents.states import AWAITING_DECISION, RUN_IN_PROGRESS
from threegrants.remediation.overwrite_detection import describe_writes, foreign_writes
from threegrants.remediation.results import Refused
from threegrants.remediation.run_store import RunStore
from threegrants.remediation.runs import OutboxItem, OutboxTask
from threegrants.remediation.service import RemediationService
from threegrants.remediation.standing_approvals import find_standing_approval
from threegrants.report import report_for

Alert = Callable[[str, str, str], None]
"""Sends an alert: incident, reason, note."""

_MOST = 50
_ENOUGH = 12.0
"""Seconds that one more incident may take."""
_LOOKS = 12
"""Looks into a window before a person is told that it could not be looked into."""


def send_due_alerts(run_store: RunStore, alert: Alert, now: float) -> int:
    """Send the alerts that are due; each is marked after it went out."""
    sent = 0
    for due in run_store.due(now):
        if due.task is OutboxTask.ALERT:
            alert(due.incident, due.about, due.note)
            run_store.done(due)
            sent += 1
    return sent


@dataclass(slots=True)
class Sweep:
    """One sweep.

    Args:
        service: the protocol.
        alert: sends an alert.
        failed: told what went wrong with one incident; the others go on.
        until: the second by which it must have ended.
        rechecks: open incidents that are examined again, in turn.
    """

    service: RemediationService
    alert: Alert
    failed: Callable[[str, Exception], None]
    until: float
    rechecks: int = 10
    report: Counter[str] = field(default_factory=Counter)

    def run(self) -> dict[str, int]:
        """Sweep once; returns how many of what."""
        run_store, now = self.service.run_store, self.service.now
        for state in sorted(RUN_IN_PROGRESS):
            for incident_id in run_store.in_state(state, _MOST)[0]:
                self._each(incident_id, partial(self._finish, incident_id))
        for incident_id in run_store.in_state(State.PROPOSED, _MOST)[0]:
            self._each(incident_id, partial(self._expire, incident_id))
        for state in sorted(AWAITING_DECISION) if self.rechecks else ():
            self._recheck_some(state)
        for due in run_store.due(now()):
            if due.task is OutboxTask.WINDOW:
                self._each(due.incident, partial(self._look, due))
        self._each("agenda", self._send)
        return dict(self.report)

    def _each(self, incident_id: str, task: Callable[[], None]) -> None:
        if self.service.now() + _ENOUGH > self.until:
            self.report["left for the next sweep"] += 1
            return
        try:
            task()
        except Conflict:
            self.report["overtaken"] += 1  # someone else moved it: another sweep, an approver
        except Exception as error:  # noqa: BLE001 - one incident's trouble is not the others'
            self.report["errors"] += 1
            self.failed(incident_id, error)

    def _finish(self, incident_id: str) -> None:
        result = self.service.resume(incident_id, self.until)
        if result is not None:
            self.report[f"resumed: {result.state}"] += 1

    def _expire(self, incident_id: str) -> None:
        if self.service.expire(incident_id):
            self.report["approvals expired"] += 1

    def _recheck_some(self, state: State) -> None:
        run_store = self.service.run_store
        place = f"recheck#{state}"
        found, after = run_store.in_state(state, self.rechecks, run_store.place(place))
        for incident_id in found:
            self._each(incident_id, partial(self._recheck, incident_id))
        run_store.keep_place(place, after)

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
        body = incident.document() or {}
        found = find_standing_approval(self.service.limits(), body, self.service.now())
        if found is None:
            return
        rule, digests = found
        try:
            result = self.service.apply_standing(incident.id, digests, rule, self.until)
        except Refused as refused:
            # The guardrails hold for standing approvals too; the incident waits for a person.
            self.report["standing: refused"] += 1
            self.failed(incident.id, refused)
        else:
            self.report[f"standing: {result.state}"] += 1

    def _look(self, due: OutboxItem) -> None:
        run_store = self.service.run_store
        run_id = due.about.split("#")[1]
        intents = [i for i in run_store.intents(due.incident, (run_id,)) if i.sk == due.about]
        patch = intents[0].patch
        try:
            writes = foreign_writes(patch, due, self.service.remediation_role)
        except Exception as error:
            if due.tries + 1 < _LOOKS:
                run_store.tried(due)
                raise
            self.alert(
                due.incident,
                "window",
                f"whether someone else wrote {patch.target} while a patch was being written could "
                f"not be looked up: {' '.join(str(error).split())}; needs cloudtrail:LookupEvents "
                f"for role {self.service.remediation_role.role_name} in account {patch.account}",
            )
            run_store.done(due)
            return
        if writes:
            self.alert(due.incident, "overwritten", describe_writes(patch, writes))
            self.report["windows with foreign writes"] += 1
        run_store.done(due)
        self.report["windows looked into"] += 1

    def _send(self) -> None:
        self.report["alerts"] += send_due_alerts(
            self.service.run_store, self.alert, self.service.now()
        )


def refresh(service: RemediationService, incident: Incident) -> Incident:
    """Examine an incident again and keep what is new: a verdict, or patches for today's policies.

    Raises:
        Conflict: if the incident changed meanwhile.
    """
    analysis = service.reanalyze(incident)
    seen = (incident.first_seen, incident.last_seen)
    report = report_for(analysis, incident.id, incident.event_ids, incident.count, seen)
    allowed = analysis.diagnosis.allowed
    changed = report.alert_fingerprint != incident.alert_fingerprint
    before = incident.diagnosis.patches_by_digest if incident.diagnosis else {}
    if not changed and list(report.patches_by_digest) == list(before):
        return incident
    state = State.RESOLVED if allowed else incident.state
    kept = service.store.save_diagnosis(
        incident, report, state, analysis.evidence.at, alert_due=incident.alert_due
    )
    if changed:
        at = int(service.now())
        service.run_store.add(
            [OutboxItem(OutboxTask.ALERT, incident.id, "resolved" if allowed else "changed", at)]
        )
    return kept
