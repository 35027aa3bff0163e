"""The worker: carries one run on until the run has ended, or the worker's time is over.

Forward: each intent is read, compared, recorded, written, read back; then the call is examined from
fresh evidence. Whatever goes wrong turns the run back: newest first, each intent is read, decided,
recorded, written, read back. Every step is safe to repeat (docs/remediation.md, crash table).
"""

import contextlib
import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from threegrants.analysis import Analysis
from threegrants.evidence import RoleClients
from threegrants.incidents import AlertReason, Conflict, Incident, Move, State, Store
from threegrants.patches import Patch
from threegrants.remediation.in_force import open_until
from threegrants.remediation.intent_steps import (
    CHECK_DELAYS,
    IntentSteps,
    StepFailed,
    require_visible,
)
from threegrants.remediation.outbox import OutboxItem, OutboxTask
from threegrants.remediation.remediation_roles import RemediationRoles
from threegrants.remediation.rollback import StatementEdited
from threegrants.remediation.run_store import LeaseLost, RunStore
from threegrants.remediation.runs import IN_FORCE, Direction, Intent, Run, Step
from threegrants.remediation.seals import NotGenuine
from threegrants.remediation.visibility import NotVisibleYet, hidden_from

SERVICE = "service"
"""The actor of what nobody asked for."""
GRANT_ENDED = "threegrants (grant ended)"
"""The actor of what takes back a grant whose end has come."""
_STEP_SECONDS = 8.0
"""Seconds that one intent or one verification may take; none is begun with less left."""
_MAX_RETRIES = 6
PATIENCE_SECONDS = 120
"""How long a person waits for the end of a run."""


class OutOfTime(Exception):
    """The worker's time is over; the run waits for the next worker."""


@dataclass(frozen=True, slots=True)
class RunProgress:
    """Where a worker left a run.

    Args:
        state: the incident's state now.
        detail: what happened, and what comes next, for the person who asked.
        intents: the run's writes with the step that each has reached.
    """

    state: State
    detail: str
    intents: tuple[Intent, ...]


@dataclass(slots=True)
class Worker:
    """One process that carries one run on.

    Args:
        incident_id: the incident.
        run: the run, as this worker holds it.
        store: the incidents.
        run_store: what is kept of runs.
        remediation_roles: the roles that write in the member accounts.
        reanalyze: examines the incident's call again, from fresh evidence.
        pause: waits for so many seconds.
        now: seconds since the epoch.
        deadline: the second by which this worker must have ended.
    """

    incident_id: str
    run: Run
    store: Store
    run_store: RunStore
    remediation_roles: RemediationRoles
    reanalyze: Callable[[Incident], Analysis]
    pause: Callable[[float], None]
    now: Callable[[], float]
    deadline: float
    _steps: IntentSteps = field(init=False)

    def __post_init__(self) -> None:
        """The steps of single intents, recorded as this worker."""
        self._steps = IntentSteps(
            self.incident_id, self._clients_for, self._record, self.pause, self.now
        )

    def _clients_for(self, patch: Patch) -> RoleClients:
        """Clients in sessions for one target; CloudTrail shows there which run it is."""
        return self.remediation_roles.for_patch(patch, self.incident_id, self.run.id)

    def resume(self) -> RunProgress:
        """Go on until the run has ended, or must wait."""
        forward = self.run.direction is Direction.APPLY
        return self._until_it_waits(self._forward if forward else self._roll_back)

    def start_rollback(
        self, reason: str, end_state: State | None = None, actor: str = "service"
    ) -> RunProgress:
        """Undo this run from now on; one that has written nothing has failed at once.

        Args:
            reason: why, for people.
            end_state: the incident's state once it is undone; None for the run's own.
            actor: who wants it: an ARN, or `service`.
        """
        return self._until_it_waits(lambda: self._turn_back(reason, end_state, actor))

    def _until_it_waits(self, work: Callable[[], RunProgress]) -> RunProgress:
        try:
            return work()
        except OutOfTime:
            return self._release("the run is not finished: this worker's time is over")
        except LeaseLost:
            return self._progress("another worker has taken this run over")
        except NotGenuine:
            raise
        except NotVisibleYet as waiting:
            self.run = dataclasses.replace(self.run, waits=self.run.waits + 1)
            return self._release(error_text(waiting))
        except Exception as error:  # noqa: BLE001 - whatever AWS answered: the next worker decides
            return self._release(error_text(error))

    def _forward(self) -> RunProgress:
        try:
            summary = self._apply()
        except (OutOfTime, LeaseLost, NotVisibleYet, NotGenuine):
            raise
        except Exception as error:  # noqa: BLE001 - whatever went wrong, what was written goes back
            return self._turn_back(error_text(error))
        run = dataclasses.replace(self.run, runs_in_force=(*self.run.runs_in_force, self.run.id))
        move = Move(State.VERIFIED, "service", "verified", summary)
        return self._finish(run, move, AlertReason.VERIFIED)

    def _turn_back(
        self, reason: str, end_state: State | None = None, actor: str = "service"
    ) -> RunProgress:
        old = self.run
        end_state = end_state or old.end_state
        actors = old.actors if actor == "service" else (*old.actors, actor)
        new = dataclasses.replace(
            old,
            direction=Direction.UNDO,
            runs_to_undo=(old.id,),
            end_state=end_state,
            reason=reason,
            attempts=1,
            waits=0,
            from_state=None,
            actors=actors,
        )
        may_end_at_once = end_state in (State.FAILED, State.VERIFIED)
        if may_end_at_once and not self._in_force(new.runs_to_undo):
            detail = f"{_sentence(reason)} Nothing was written."
            return self._finish(new, Move(end_state, actor, "failed", detail), AlertReason.FAILED)
        move = Move(State.ROLLING_BACK, actor, "taking back", reason, old.digests)
        self._with_retries(lambda incident: self.run_store.turn_to_undo(incident, move, old, new))
        self.run = new
        return self._roll_back()

    def _apply(self) -> str:
        for intent in self.run_store.intents(self.incident_id, (self.run.id,)):
            if intent.step is not Step.WRITTEN:
                self._require_time()
                self._steps.apply(intent)
        return self._verify(self.run_store.intents(self.incident_id, (self.run.id,)))

    def _verify(self, written: Sequence[Intent]) -> str:
        """Examine the call until it is allowed, by evidence that shows what was written."""
        summary, hidden = "", []
        for seconds in CHECK_DELAYS:
            self._require_time()
            self.pause(seconds)
            incident = self.store.get(self.incident_id)
            found = self.reanalyze(incident)
            summary = found.diagnosis.summary
            hidden = [one for one in written if hidden_from(found.evidence, one.patch)]
            allowed = _works(incident, found)
            if allowed and not hidden:
                return summary
        for intent in hidden:
            require_visible(
                self.now(), intent.patch, intent.acknowledged, "the evidence does not show"
            )
        if allowed:
            return summary
        raise StepFailed(f"the call would still be refused: {summary}")

    def _record(self, intent: Intent, outbox: Sequence[OutboxItem] = ()) -> None:
        self.run_store.record_steps(self.incident_id, self.run, [intent], outbox)

    def _roll_back(self) -> RunProgress:
        waiting: dict[str, NotVisibleYet] = {}
        for intent in reversed(self._in_force(self.run.runs_to_undo)):
            if intent.patch.target in waiting:
                continue  # what was written there before goes back after it
            self._require_time()
            try:
                self._steps.undo(intent)
            except StatementEdited as error:
                return self._statement_edited(error)
            except NotVisibleYet as unseen:
                waiting[intent.patch.target] = unseen
        if waiting:
            raise next(iter(waiting.values()))
        runs_in_force = tuple(
            run_id for run_id in self.run.runs_in_force if run_id not in self.run.runs_to_undo
        )
        run = dataclasses.replace(self.run, runs_in_force=runs_in_force)
        if run.actors[-1] == GRANT_ENDED:
            detail = f"{_sentence(run.reason)} What was written has been taken back."
            move = Move(run.end_state, GRANT_ENDED, "ended", detail, run.digests)
            return self._finish(run, move, AlertReason.ENDED)
        if run.end_state is State.ROLLED_BACK:
            detail = "Everything that we wrote has been taken back."
            move = Move(run.end_state, run.actors[-1], "rolled back", detail, run.digests)
            return self._finish(run, move, AlertReason.ROLLED_BACK)
        detail = f"{_sentence(run.reason)} What was written has been taken back."
        what = "failed" if run.end_state is State.FAILED else "taken back"
        return self._finish(run, Move(run.end_state, "service", what, detail), AlertReason.FAILED)

    def _statement_edited(self, error: StatementEdited) -> RunProgress:
        run = dataclasses.replace(self.run, reason=error_text(error))
        intents = self.run_store.intents(self.incident_id, run.runs_to_undo)
        if run.from_state is State.VERIFIED and all(i.step is Step.WRITTEN for i in intents):
            move = Move(State.VERIFIED, "service", "rollback refused", error_text(error))
            return self._finish(run, move)
        return self.mark_stuck(error_text(error))

    def mark_stuck(self, reason: str) -> RunProgress:
        """Leave what stands to a person, and say so."""
        left = tuple(dict.fromkeys((*self.run.runs_in_force, *self.run.runs_to_undo)))
        run = dataclasses.replace(self.run, runs_in_force=left, reason=reason)
        detail = (
            f"{_sentence(reason)} What was written could not be taken back. Compare the policies with "
            "the patches of the incident; take our statements out by hand, or mend the cause and "
            "roll back again."
        )
        return self._finish(run, Move(State.STUCK, "service", "stuck", detail), AlertReason.STUCK)

    def _finish(self, run: Run, move: Move, alert: AlertReason | None = None) -> RunProgress:
        """End the run: the incident moves, the leases are given back, what is due is kept."""
        outbox = []
        if alert is not None:
            now = math.floor(self.now())
            outbox.append(
                OutboxItem(
                    OutboxTask.ALERT,
                    self.incident_id,
                    alert.value,
                    now,
                    note=f"{move.detail} {_asked_by(run)}".strip(),
                )
            )
        move = dataclasses.replace(
            move, digests=move.digests or run.digests, open_until=self._open_until(run)
        )
        targets = self._targets()
        self._with_retries(
            lambda incident: self.run_store.finish(incident, move, run, targets, outbox)
        )
        return RunProgress(move.to, move.detail, self._intents())

    def _open_until(self, run: Run) -> str:
        """Until when what is in force now stands."""
        begun = (
            run if one == run.id else self.run_store.begun(self.incident_id, one)
            for one in run.runs_in_force
        )
        return open_until(tuple(begun))

    def _release(self, reason: str) -> RunProgress:
        detail = f"{_sentence(reason)} The run goes on within five minutes: read the incident again then."
        # If this fails too, the lease ends by itself, and the sweep carries on a little later.
        with contextlib.suppress(Exception):
            self.run_store.release(self.incident_id, self.run, self._targets(), detail)
        return self._progress(detail)

    def _progress(self, detail: str) -> RunProgress:
        state = self.store.get(self.incident_id).state
        return RunProgress(state, _sentence(detail), self._intents())

    def _with_retries(self, change: Callable[[Incident], Any]) -> None:
        """Change the incident, reading it again if only an event was counted in between."""
        state = State.APPLYING if self.run.direction is Direction.APPLY else State.ROLLING_BACK
        for left in reversed(range(_MAX_RETRIES)):
            incident = self.store.get(self.incident_id)
            if incident.state is not state:
                raise LeaseLost(f"incident {self.incident_id} is {incident.state}")
            try:
                change(incident)
            except LeaseLost:
                raise
            except Conflict:
                if not left:
                    raise
                continue
            return

    def _require_time(self) -> None:
        if self.now() + _STEP_SECONDS > min(self.deadline, self.run.lease_until):
            raise OutOfTime

    def _in_force(self, runs: Sequence[str]) -> list[Intent]:
        return [i for i in self.run_store.intents(self.incident_id, runs) if i.step in IN_FORCE]

    def _intents(self) -> tuple[Intent, ...]:
        runs = self.run.runs_to_undo or (self.run.id,)
        return tuple(self.run_store.intents(self.incident_id, runs))

    def _targets(self) -> frozenset[str]:
        """The targets whose leases the run holds."""
        runs = tuple(dict.fromkeys((*self.run.runs_to_undo, self.run.id)))
        return target_arns(self.run_store.intents(self.incident_id, runs))


def _works(incident: Incident, analysis: Analysis) -> bool:
    """Whether all that was read allows the call now; presuming the key where two people stood for it."""
    presumed = incident.report is not None and incident.report.is_fixable_by_two
    found = analysis.diagnosis
    return found.allowed_as_read or (presumed and found.presumably_allowed)


def target_arns(intents: Sequence[Intent]) -> frozenset[str]:
    """The ARNs that these intents are about."""
    return frozenset(intent.patch.target for intent in intents)


def error_text(error: Exception) -> str:
    """An error in one line."""
    return " ".join(str(error).split())[:2000] or type(error).__name__


def _sentence(text: str) -> str:
    """The text as a sentence: with a capital letter (an ARN stays as it is) and a full stop."""
    begun = text if text.startswith("arn:") else text[:1].upper() + text[1:]
    return begun if begun.endswith((".", "!", "?")) else f"{begun}."


def _asked_by(run: Run) -> str:
    """Who wanted a run and why, for all who did not: approvers, or who asked for the rollback."""
    if run.actors == (GRANT_ENDED,):
        return ""
    why = dict(zip(run.actors, run.reasons, strict=False))
    who = (
        f"{actor} ({why[actor]})" if why.get(actor) else actor
        for actor in dict.fromkeys(run.actors)
    )
    ticket = f" Ticket: {run.ticket}." if run.ticket else ""
    return f"Asked for by {' and '.join(who)}.{ticket}"
