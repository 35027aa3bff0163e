"""The sweep: every few minutes it finds what wants attention, and asks the worker for it.

It writes no policy and no run: it has no role for the one, and may only read the other. By itself it ends
first approvals that have expired, examines open incidents again, and sends the alerts that are due.
Everything is safe to do twice.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from threegrants.analysis import Analysis
from threegrants.incidents import Conflict, Incident, Move, State, Store, recheck_is_due
from threegrants.incidents.states import AWAITING_DECISION, RUN_IN_PROGRESS
from threegrants.remediation.due_alerts import Alert, send_due_alerts
from threegrants.remediation.refresh import refresh
from threegrants.remediation.run_store import RunStore

_BATCH = 50
"""Incidents of one state that one sweep looks at."""
_STUCK_SECONDS = 1800
"""Seconds after which a run counts as stuck; the longest wait for AWS's own delays is shorter."""
_INCIDENT_SECONDS = 12.0
"""Seconds that one incident may take; with less time left, none is begun."""


@dataclass(slots=True)
class Sweep:
    """One sweep.

    Args:
        store: the incidents.
        run_store: what is kept of runs; it is only read.
        reanalyze: examines an incident's call again, from fresh evidence.
        ask: tells the worker that an incident wants attention.
        alert: sends an alert.
        on_error: told what went wrong with one incident; the others go on.
        now: seconds since the epoch.
        deadline: the second by which it must have ended.
        rechecks: about how many incidents of each undecided state are examined again, in turn, of
            those for which it is time.
        standing: whether operators may have approved in advance: then the worker looks at open incidents.
        report: how many of what were done; the names are CloudWatch metrics.
    """

    store: Store
    run_store: RunStore
    reanalyze: Callable[[Incident], Analysis]
    ask: Callable[[str], None]
    alert: Alert
    on_error: Callable[[str, Exception], None]
    now: Callable[[], float]
    deadline: float
    rechecks: int = 10
    standing: bool = False
    report: Counter[str] = field(default_factory=Counter)
    _asked: set[str] = field(default_factory=set)

    def run(self) -> dict[str, int]:
        """Sweep once; returns how many of what."""
        for state in sorted(RUN_IN_PROGRESS):
            for incident_id in self.run_store.incidents_in_state(state, _BATCH)[0]:
                self._attempt(incident_id, partial(self._ask, incident_id))
                self._attempt(incident_id, partial(self._notice_if_stuck, incident_id))
        for item in self.run_store.outbox.due(self.now()):
            self._attempt(item.incident, partial(self._ask, item.incident))
        for incident_id in self.run_store.incidents_in_state(State.PROPOSED, _BATCH)[0]:
            self._attempt(incident_id, partial(self._expire, incident_id))
        for state in sorted(AWAITING_DECISION) if self.rechecks else ():
            self._recheck_some(state)
        self._attempt("outbox", self._send)
        return dict(self.report)

    def _attempt(self, incident_id: str, task: Callable[[], None]) -> None:
        if self.now() + _INCIDENT_SECONDS > self.deadline:
            self.report["left for the next sweep"] += 1
            return
        try:
            task()
        except Conflict:
            self.report["overtaken"] += 1  # someone else moved it: another sweep, an approver
        except Exception as error:  # noqa: BLE001 - one incident's trouble is not the others'
            self.report["errors"] += 1
            self.on_error(incident_id, error)

    def _ask(self, incident_id: str) -> None:
        """Ask the worker to look at an incident, once a sweep."""
        if incident_id not in self._asked:
            self.ask(incident_id)
            self._asked.add(incident_id)
            self.report["asked the worker"] += 1

    def _notice_if_stuck(self, incident_id: str) -> None:
        began = self.run_store.begun_at(incident_id)
        if began is not None and self.now() - began > _STUCK_SECONDS:
            self.report["runs stuck"] += 1

    def _expire(self, incident_id: str) -> None:
        """End a first approval that no second followed in time."""
        incident = self.store.get(incident_id)
        expires = self.run_store.first_approval_expires(incident_id)
        if incident.state is not State.PROPOSED or expires > self.now():
            return
        self.run_store.move(incident, Move(State.OPEN, "service", "approval expired"))
        self.report["approvals expired"] += 1

    def _recheck_some(self, state: State) -> None:
        """Examine again those that are due, from where the last sweep stopped."""
        name = f"recheck#{state}"
        after, left = self.run_store.sweep_position(name), self.rechecks
        for _ in range(_BATCH):
            found, after = self.run_store.incidents_in_state(state, self.rechecks, after)
            for incident_id in found:
                before = self.report["rechecked"]
                self._attempt(incident_id, partial(self._recheck, incident_id))
                left -= self.report["rechecked"] - before
            if after is None or left <= 0:
                break
        self.run_store.save_sweep_position(name, after)

    def _recheck(self, incident_id: str) -> None:
        incident = self.store.get(incident_id)
        if incident.state not in AWAITING_DECISION or incident.diagnosis is None:
            return
        if not recheck_is_due(incident, self.now()):
            self.report["not due yet"] += 1
            return
        self.report["rechecked"] += 1
        self.store.note_recheck(incident, self.now())
        incident = refresh(self.store, self.reanalyze, self.now(), incident)
        if incident.state is State.RESOLVED:
            self.report["resolved"] += 1
        elif incident.state is State.OPEN and self.standing:
            self._ask(incident_id)

    def _send(self) -> None:
        self.report["alerts"] += send_due_alerts(self.run_store.alerts, self.alert, self.now())
