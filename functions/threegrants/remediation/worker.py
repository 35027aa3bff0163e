"""One worker goes on with one run, until it has ended, or the worker's time is over.

Forward: each intent is read, compared, recorded, written, read back; then the call is examined from
fresh evidence. Whatever goes wrong turns the run back: newest first, each intent is read, decided,
recorded, written, read back. Every step is safe to repeat (docs/remediation.md, crash table).
"""

import contextlib
import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from threegrants.analysis import Analysis
from threegrants.aws.policy_json import same_policy
from threegrants.evidence import RoleClients
from threegrants.incidents import Conflict, Incident, Move, State, Store
from threegrants.patches import sha256
from threegrants.remediation.policy_io import SHARED_DOCUMENTS, read, write
from threegrants.remediation.rollback import StatementEdited, undo
from threegrants.remediation.run_store import LeaseLost, RunStore
from threegrants.remediation.runs import (
    IN_FORCE,
    Direction,
    Intent,
    OutboxItem,
    OutboxTask,
    Run,
    Step,
)

CHECK_DELAYS = (0.0, 1.0, 2.0, 4.0)
"""Seconds before each reading back and each verification: changes take moments to be seen."""
_STEP = 8.0
"""Seconds that one intent or one verification may take; none is begun with less left."""
_LATE = 20 * 60
"""CloudTrail delivers events within about 15 minutes (CloudTrail user guide, "How CloudTrail works")."""
_TRIES = 6


class OutOfTime(Exception):
    """The worker's time is over; the run waits for the next worker."""


class StepFailed(Exception):
    """A step did not do what it must: what was written is taken back."""


@dataclass(frozen=True, slots=True)
class RunProgress:
    """Where a worker left a run."""

    state: State
    detail: str
    intents: tuple[Intent, ...]


@dataclass(slots=True)
class Worker:
    """A worker of one run; `until` is the second by which it must have ended.

    Args:
        incident_id: the incident.
        run: the run, as this worker holds it.
    """

    incident_id: str
    run: Run
    store: Store
    run_store: RunStore
    remediation_role: RoleClients
    reanalyze: Callable[[Incident], Analysis]
    pause: Callable[[float], None]
    now: Callable[[], float]
    until: float

    def resume(self) -> RunProgress:
        """Go on until the run has ended, or must wait."""
        try:
            return self._forward() if self.run.direction is Direction.APPLY else self._back()
        except OutOfTime:
            return self._wait("not finished in this time")
        except LeaseLost:
            return self._as_it_is("another worker has it by now")
        except Exception as error:  # noqa: BLE001 - whatever AWS answered: the next worker decides
            return self._wait(why(error))

    def _forward(self) -> RunProgress:
        try:
            summary = self._apply()
        except (OutOfTime, LeaseLost):
            raise
        except Exception as error:  # noqa: BLE001 - whatever went wrong, what was written goes back
            return self.start_rollback(why(error))
        run = dataclasses.replace(self.run, runs_in_force=(*self.run.runs_in_force, self.run.id))
        # Who asked has the answer, unless another worker had to finish it.
        alert = "verified" if run.attempts > 1 else ""
        return self._settle(run, Move(State.VERIFIED, "service", "verified", summary), alert)

    def start_rollback(
        self, reason: str, end: State = State.FAILED, actor: str = "service"
    ) -> RunProgress:
        """Undo this run from now on; one that has written nothing has failed at once."""
        old = self.run
        actors = old.actors if actor == "service" else (*old.actors, actor)
        new = dataclasses.replace(
            old,
            direction=Direction.UNDO,
            undoes=(old.id,),
            end=end,
            why=reason,
            attempts=1,
            back=None,
            actors=actors,
        )
        if end is State.FAILED and not self._in_force(new.undoes):
            detail = f"{reason}; nothing was written"
            return self._settle(new, Move(State.FAILED, actor, "failed", detail), "failed")
        move = Move(State.ROLLING_BACK, actor, "taking back", reason, old.digests)
        self._retried(lambda incident: self.run_store.turn_to_undo(incident, move, old, new))
        self.run = new
        return self._back()

    def _apply(self) -> str:
        for intent in self.run_store.intents(self.incident_id, (self.run.id,)):
            if intent.step is not Step.WRITTEN:
                self._in_time()
                self._write(intent)
        summary = ""
        for seconds in CHECK_DELAYS:
            self._in_time()
            self.pause(seconds)
            analysis = self.reanalyze(self.store.get(self.incident_id))
            summary = analysis.diagnosis.summary
            if analysis.diagnosis.allowed:
                return summary
        raise StepFailed(f"the call would still be refused: {summary}")

    def _write(self, intent: Intent) -> None:
        patch = intent.patch
        opened = math.floor(self.now())
        live = read(patch, self.remediation_role)
        if intent.step is not Step.WRITING or not same_policy(live, patch.after):
            if sha256(live) != patch.before_sha256:
                raise StepFailed(
                    f"{patch.target} changed since the diagnosis (approved for "
                    f"{patch.before_sha256}, now {sha256(live)}): nothing was written there"
                )
            intent = dataclasses.replace(intent, step=Step.WRITING, opened=intent.opened or opened)
            self.run_store.record(self.incident_id, self.run, [intent])
            write(patch, patch.after, self.remediation_role)
        self._read_back(intent, patch.after)
        done = dataclasses.replace(intent, step=Step.WRITTEN, closed=math.ceil(self.now()))
        self.run_store.record(self.incident_id, self.run, [done], self._window(done))

    def _back(self) -> RunProgress:
        for intent in reversed(self._in_force(self.run.undoes)):
            self._in_time()
            try:
                self._take_back(intent)
            except StatementEdited as error:
                return self._edited(error)
        runs_in_force = tuple(
            run_id for run_id in self.run.runs_in_force if run_id not in self.run.undoes
        )
        run = dataclasses.replace(self.run, runs_in_force=runs_in_force)
        if run.end is State.ROLLED_BACK:
            detail = "every statement we wrote was taken back"
            move = Move(run.end, run.actors[-1], "rolled back", detail, run.digests)
            return self._settle(run, move, "rolled back" if run.attempts > 1 else "")
        detail = f"{run.why}; what was written has been taken back"
        return self._settle(run, Move(run.end, "service", "failed", detail), "failed")

    def _take_back(self, intent: Intent) -> None:
        patch = intent.patch
        # After a write of which nobody knows whether it happened, the window is still open.
        opened = intent.opened if intent.step is not Step.WRITTEN else math.floor(self.now())
        live = read(patch, self.remediation_role)
        step = undo(patch, live)
        outbox: list[OutboxItem] = []
        if not step.nothing:
            intent = dataclasses.replace(intent, step=Step.UNDOING, opened=opened)
            self.run_store.record(self.incident_id, self.run, [intent])
            write(patch, step.text, self.remediation_role)
            self._read_back(intent, step.text)
            intent = dataclasses.replace(intent, closed=math.ceil(self.now()))
            outbox = self._window(intent)
        done = dataclasses.replace(intent, step=Step.UNDONE)
        self.run_store.record(self.incident_id, self.run, [done], outbox)

    def _read_back(self, intent: Intent, wanted: str | None) -> None:
        for seconds in CHECK_DELAYS:
            self.pause(seconds)
            if same_policy(read(intent.patch, self.remediation_role), wanted):
                return
        raise StepFailed(f"{intent.patch.target} does not read back as it was written")

    def _edited(self, error: StatementEdited) -> RunProgress:
        run = dataclasses.replace(self.run, why=why(error))
        intents = self.run_store.intents(self.incident_id, run.undoes)
        if run.back is State.VERIFIED and all(i.step is Step.WRITTEN for i in intents):
            move = Move(State.VERIFIED, "service", "rollback refused", why(error))
            return self._settle(run, move)
        return self.mark_stuck(why(error))

    def mark_stuck(self, reason: str) -> RunProgress:
        """Leave what stands to a person, and say so."""
        left = tuple(dict.fromkeys((*self.run.runs_in_force, *self.run.undoes)))
        run = dataclasses.replace(self.run, runs_in_force=left, why=reason)
        detail = f"{reason}. What was written could not be taken back: a person has to look"
        return self._settle(run, Move(State.STUCK, "service", "stuck", detail), "stuck")

    def _settle(self, run: Run, move: Move, alert: str = "") -> RunProgress:
        outbox = []
        if alert:
            at = math.floor(self.now())
            outbox.append(
                OutboxItem(OutboxTask.ALERT, self.incident_id, alert, at, note=move.detail)
            )
        told = dataclasses.replace(move, digests=move.digests or run.digests)
        targets = self._targets()
        self._retried(lambda incident: self.run_store.settle(incident, told, run, targets, outbox))
        return RunProgress(move.to, move.detail, self._intents())

    def _wait(self, reason: str) -> RunProgress:
        # If this fails too, the lease ends by itself, and the sweep goes on a little later.
        with contextlib.suppress(Exception):
            self.run_store.hand_over(self.incident_id, self.run, self._targets())
        return self._as_it_is(f"{reason}; it is gone on with within minutes")

    def _as_it_is(self, detail: str) -> RunProgress:
        return RunProgress(self.store.get(self.incident_id).state, detail, self._intents())

    def _retried(self, change: Callable[[Incident], Any]) -> None:
        """Change the incident, reading it again if only an event was counted in between."""
        state = State.APPLYING if self.run.direction is Direction.APPLY else State.ROLLING_BACK
        for left in reversed(range(_TRIES)):
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

    def _in_time(self) -> None:
        if self.now() + _STEP > min(self.until, self.run.until):
            raise OutOfTime

    def _window(self, intent: Intent) -> list[OutboxItem]:
        if intent.patch.operation not in SHARED_DOCUMENTS:
            return []
        at = math.floor(self.now()) + _LATE
        return [
            OutboxItem(
                OutboxTask.WINDOW,
                self.incident_id,
                intent.sk,
                at,
                opened=intent.opened,
                closed=intent.closed,
            )
        ]

    def _in_force(self, runs: Sequence[str]) -> list[Intent]:
        return [i for i in self.run_store.intents(self.incident_id, runs) if i.step in IN_FORCE]

    def _intents(self) -> tuple[Intent, ...]:
        runs = self.run.undoes or (self.run.id,)
        return tuple(self.run_store.intents(self.incident_id, runs))

    def _targets(self) -> frozenset[str]:
        """The targets whose leases the run holds."""
        runs = tuple(dict.fromkeys((*self.run.undoes, self.run.id)))
        return targets(self.run_store.intents(self.incident_id, runs))


def targets(intents: Sequence[Intent]) -> frozenset[str]:
    """The ARNs that these intents are about."""
    return frozenset(intent.patch.target for intent in intents)


def why(error: Exception) -> str:
    """An error in one line."""
    return " ".join(str(error).split())[:2000] or type(error).__name__
