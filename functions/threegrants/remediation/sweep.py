"""The sweep: what nobody is working on goes on, what expired ends, what mended itself is resolved.

Everything it does is safe to do twice, and two sweeps at once do each thing once: each step is one
of the ledger's conditional transactions.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from threegrants.incidents import Conflict, Incident, State
from threegrants.remediation.overwrite_detection import foreign_writes, told
from threegrants.remediation.results import Refused
from threegrants.remediation.run_store import Ledger
from threegrants.remediation.runs import Due, Task
from threegrants.remediation.service import Remedy
from threegrants.remediation.standing_approvals import standing
from threegrants.report import document, signature

Alert = Callable[[str, str, str], None]
"""Sends an alert: incident, reason, note."""

_HALF_DONE = (State.APPLYING, State.ROLLING_BACK)
_RECHECKED = (State.OPEN, State.FAILED, State.PROPOSED)
_MOST = 50
_ENOUGH = 12.0
"""Seconds that one more incident may take."""
_LOOKS = 12
"""Looks into a window before a person is told that it could not be looked into."""


def send_due(ledger: Ledger, alert: Alert, now: float) -> int:
    """Send the alerts that are due; each is marked after it went out."""
    sent = 0
    for due in ledger.due(now):
        if due.task is Task.ALERT:
            alert(due.incident, due.about, due.note)
            ledger.done(due)
            sent += 1
    return sent


@dataclass(slots=True)
class Sweep:
    """One sweep.

    Args:
        remedy: the protocol.
        alert: sends an alert.
        failed: told what went wrong with one incident; the others go on.
        until: the second by which it must have ended.
        rechecks: open incidents that are examined again, in turn.
    """

    remedy: Remedy
    alert: Alert
    failed: Callable[[str, Exception], None]
    until: float
    rechecks: int = 10
    report: Counter[str] = field(default_factory=Counter)

    def run(self) -> dict[str, int]:
        """Sweep once; returns how many of what."""
        ledger, now = self.remedy.ledger, self.remedy.now
        for state in _HALF_DONE:
            for identity in ledger.in_state(state, _MOST)[0]:
                self._each(identity, partial(self._finish, identity))
        for identity in ledger.in_state(State.PROPOSED, _MOST)[0]:
            self._each(identity, partial(self._expire, identity))
        for state in _RECHECKED if self.rechecks else ():
            self._recheck_some(state)
        for due in ledger.due(now()):
            if due.task is Task.WINDOW:
                self._each(due.incident, partial(self._look, due))
        self._each("agenda", self._send)
        return dict(self.report)

    def _each(self, identity: str, task: Callable[[], None]) -> None:
        if self.remedy.now() + _ENOUGH > self.until:
            self.report["left for the next sweep"] += 1
            return
        try:
            task()
        except Conflict:
            self.report["overtaken"] += 1  # someone else moved it: another sweep, an approver
        except Exception as error:  # noqa: BLE001 - one incident's trouble is not the others'
            self.report["errors"] += 1
            self.failed(identity, error)

    def _finish(self, identity: str) -> None:
        result = self.remedy.resume(identity, self.until)
        if result is not None:
            self.report[f"resumed: {result.state}"] += 1

    def _expire(self, identity: str) -> None:
        if self.remedy.expire(identity):
            self.report["approvals expired"] += 1

    def _recheck_some(self, state: State) -> None:
        ledger = self.remedy.ledger
        place = f"recheck#{state}"
        found, after = ledger.in_state(state, self.rechecks, ledger.place(place))
        for identity in found:
            self._each(identity, partial(self._recheck, identity))
        ledger.keep_place(place, after)

    def _recheck(self, identity: str) -> None:
        incident = self.remedy.store.get(identity)
        if incident.state not in _RECHECKED or incident.diagnosis is None:
            return
        incident = refresh(self.remedy, incident)
        self.report["rechecked"] += 1
        if incident.state is State.RESOLVED:
            self.report["resolved"] += 1
        elif incident.state is State.OPEN:
            self._apply_standing(incident)

    def _apply_standing(self, incident: Incident) -> None:
        body = incident.document() or {}
        found = standing(self.remedy.rails(), body, self.remedy.now())
        if found is None:
            return
        rule, digests = found
        try:
            result = self.remedy.apply_standing(incident.id, digests, rule, self.until)
        except Refused as refused:
            # The guardrails hold for standing approvals too; the incident waits for a person.
            self.report["standing: refused"] += 1
            self.failed(incident.id, refused)
        else:
            self.report[f"standing: {result.state}"] += 1

    def _look(self, due: Due) -> None:
        ledger = self.remedy.ledger
        run = due.about.split("#")[1]
        intents = [i for i in ledger.intents(due.incident, (run,)) if i.sk == due.about]
        patch = intents[0].patch
        try:
            writes = foreign_writes(patch, due, self.remedy.mender)
        except Exception as error:
            if due.tries + 1 < _LOOKS:
                ledger.tried(due)
                raise
            self.alert(
                due.incident,
                "window",
                f"whether someone else wrote {patch.target} while a patch was being written could "
                f"not be looked up: {' '.join(str(error).split())}; needs cloudtrail:LookupEvents "
                f"for role {self.remedy.mender.role_name} in account {patch.account}",
            )
            ledger.done(due)
            return
        if writes:
            self.alert(due.incident, "overwritten", told(patch, writes))
            self.report["windows with foreign writes"] += 1
        ledger.done(due)
        self.report["windows looked into"] += 1

    def _send(self) -> None:
        self.report["alerts"] += send_due(self.remedy.ledger, self.alert, self.remedy.now())


def refresh(remedy: Remedy, incident: Incident) -> Incident:
    """Examine an incident again and keep what is new: a verdict, or patches for today's policies.

    Raises:
        Conflict: if the incident changed meanwhile.
    """
    analysis = remedy.reanalyze(incident)
    seen = (incident.first_seen, incident.last_seen)
    body = document(analysis, incident.id, incident.event_ids, incident.count, seen)
    mark, held = signature(body), incident.diagnosis or {}
    allowed = analysis.diagnosis.allowed
    offered = [patch["digest"] for patch in body["patches"]]
    changed = mark != incident.signature
    if not changed and offered == [patch["digest"] for patch in held.get("patches", ())]:
        return incident
    state = State.RESOLVED if allowed else incident.state
    kept = remedy.store.save_diagnosis(
        incident, body, mark, state, analysis.evidence.at, alert_due=incident.alert_due
    )
    if changed:
        at = int(remedy.now())
        remedy.ledger.add([Due(Task.ALERT, incident.id, "resolved" if allowed else "changed", at)])
    return kept
