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
from threegrants.evidence import RoleClients
from threegrants.incidents import Conflict, Incident, State, Store
from threegrants.patches import same_policy, sha256
from threegrants.remediation.policy_io import SHARED, read, write
from threegrants.remediation.rollback import Edited, undo
from threegrants.remediation.run_store import Ledger, Lost, Move
from threegrants.remediation.runs import STANDING, Due, Intent, Step, Task, Way, Work

CHECKS = (0.0, 1.0, 2.0, 4.0)
"""Seconds before each reading back and each verification: changes take moments to be seen."""
_STEP = 8.0
"""Seconds that one intent or one verification may take; none is begun with less left."""
_LATE = 20 * 60
"""CloudTrail delivers events within about 15 minutes (CloudTrail user guide, "How CloudTrail works")."""
_TRIES = 6


class Later(Exception):
    """The worker's time is over; the run waits for the next worker."""


class Stopped(Exception):
    """A step did not do what it must: what was written is taken back."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a worker left a run."""

    state: State
    detail: str
    intents: tuple[Intent, ...]


@dataclass(slots=True)
class Worker:
    """A worker of one run; `until` is the second by which it must have ended.

    Args:
        identity: the incident.
        work: the run, as this worker holds it.
    """

    identity: str
    work: Work
    store: Store
    ledger: Ledger
    mender: RoleClients
    reanalyze: Callable[[Incident], Analysis]
    pause: Callable[[float], None]
    now: Callable[[], float]
    until: float

    def go_on(self) -> Outcome:
        """Go on until the run has ended, or must wait."""
        try:
            return self._forward() if self.work.way is Way.APPLY else self._back()
        except Later:
            return self._wait("not finished in this time")
        except Lost:
            return self._as_it_is("another worker has it by now")
        except Exception as error:  # noqa: BLE001 - whatever AWS answered: the next worker decides
            return self._wait(why(error))

    def _forward(self) -> Outcome:
        try:
            summary = self._apply()
        except (Later, Lost):
            raise
        except Exception as error:  # noqa: BLE001 - whatever went wrong, what was written goes back
            return self.turn_back(why(error))
        work = dataclasses.replace(self.work, standing=(*self.work.standing, self.work.run))
        # Who asked has the answer, unless another worker had to finish it.
        alert = "verified" if work.attempts > 1 else ""
        return self._settle(work, Move(State.VERIFIED, "service", "verified", summary), alert)

    def turn_back(self, reason: str, end: State = State.FAILED, actor: str = "service") -> Outcome:
        """Undo this run from now on; one that has written nothing has failed at once."""
        old = self.work
        actors = old.actors if actor == "service" else (*old.actors, actor)
        new = dataclasses.replace(
            old,
            way=Way.UNDO,
            undoes=(old.run,),
            end=end,
            why=reason,
            attempts=1,
            back=None,
            actors=actors,
        )
        if end is State.FAILED and not self._standing(new.undoes):
            detail = f"{reason}; nothing was written"
            return self._settle(new, Move(State.FAILED, actor, "failed", detail), "failed")
        move = Move(State.ROLLING_BACK, actor, "taking back", reason, old.digests)
        self._retried(lambda incident: self.ledger.turn(incident, move, old, new))
        self.work = new
        return self._back()

    def _apply(self) -> str:
        for intent in self.ledger.intents(self.identity, (self.work.run,)):
            if intent.step is not Step.WRITTEN:
                self._in_time()
                self._write(intent)
        summary = ""
        for seconds in CHECKS:
            self._in_time()
            self.pause(seconds)
            analysis = self.reanalyze(self.store.get(self.identity))
            summary = analysis.diagnosis.summary
            if analysis.diagnosis.allowed:
                return summary
        raise Stopped(f"the call would still be refused: {summary}")

    def _write(self, intent: Intent) -> None:
        patch = intent.patch
        opened = math.floor(self.now())
        live = read(patch, self.mender)
        if intent.step is not Step.WRITING or not same_policy(live, patch.after):
            if sha256(live) != patch.before_sha256:
                raise Stopped(
                    f"{patch.target} changed since the diagnosis (approved for "
                    f"{patch.before_sha256}, now {sha256(live)}): nothing was written there"
                )
            intent = dataclasses.replace(intent, step=Step.WRITING, opened=intent.opened or opened)
            self.ledger.record(self.identity, self.work, [intent])
            write(patch, patch.after, self.mender)
        self._read_back(intent, patch.after)
        done = dataclasses.replace(intent, step=Step.WRITTEN, closed=math.ceil(self.now()))
        self.ledger.record(self.identity, self.work, [done], self._window(done))

    def _back(self) -> Outcome:
        for intent in reversed(self._standing(self.work.undoes)):
            self._in_time()
            try:
                self._take_back(intent)
            except Edited as error:
                return self._edited(error)
        standing = tuple(run for run in self.work.standing if run not in self.work.undoes)
        work = dataclasses.replace(self.work, standing=standing)
        if work.end is State.ROLLED_BACK:
            detail = "every statement we wrote was taken back"
            move = Move(work.end, work.actors[-1], "rolled back", detail, work.digests)
            return self._settle(work, move, "rolled back" if work.attempts > 1 else "")
        detail = f"{work.why}; what was written has been taken back"
        return self._settle(work, Move(work.end, "service", "failed", detail), "failed")

    def _take_back(self, intent: Intent) -> None:
        patch = intent.patch
        # After a write of which nobody knows whether it happened, the window is still open.
        opened = intent.opened if intent.step is not Step.WRITTEN else math.floor(self.now())
        live = read(patch, self.mender)
        step = undo(patch, live)
        agenda: list[Due] = []
        if not step.nothing:
            intent = dataclasses.replace(intent, step=Step.UNDOING, opened=opened)
            self.ledger.record(self.identity, self.work, [intent])
            write(patch, step.text, self.mender)
            self._read_back(intent, step.text)
            intent = dataclasses.replace(intent, closed=math.ceil(self.now()))
            agenda = self._window(intent)
        done = dataclasses.replace(intent, step=Step.UNDONE)
        self.ledger.record(self.identity, self.work, [done], agenda)

    def _read_back(self, intent: Intent, wanted: str | None) -> None:
        for seconds in CHECKS:
            self.pause(seconds)
            if same_policy(read(intent.patch, self.mender), wanted):
                return
        raise Stopped(f"{intent.patch.target} does not read back as it was written")

    def _edited(self, error: Edited) -> Outcome:
        work = dataclasses.replace(self.work, why=why(error))
        intents = self.ledger.intents(self.identity, work.undoes)
        if work.back is State.VERIFIED and all(i.step is Step.WRITTEN for i in intents):
            move = Move(State.VERIFIED, "service", "rollback refused", why(error))
            return self._settle(work, move)
        return self.give_up(why(error))

    def give_up(self, reason: str) -> Outcome:
        """Leave what stands to a person, and say so."""
        left = tuple(dict.fromkeys((*self.work.standing, *self.work.undoes)))
        work = dataclasses.replace(self.work, standing=left, why=reason)
        detail = f"{reason}. What was written could not be taken back: a person has to look"
        return self._settle(work, Move(State.STUCK, "service", "stuck", detail), "stuck")

    def _settle(self, work: Work, move: Move, alert: str = "") -> Outcome:
        agenda = []
        if alert:
            at = math.floor(self.now())
            agenda.append(Due(Task.ALERT, self.identity, alert, at, note=move.detail))
        told = dataclasses.replace(move, digests=move.digests or work.digests)
        targets = self._targets()
        self._retried(lambda incident: self.ledger.settle(incident, told, work, targets, agenda))
        return Outcome(move.to, move.detail, self._intents())

    def _wait(self, reason: str) -> Outcome:
        # If this fails too, the lease ends by itself, and the sweep goes on a little later.
        with contextlib.suppress(Exception):
            self.ledger.hand_over(self.identity, self.work, self._targets())
        return self._as_it_is(f"{reason}; it is gone on with within minutes")

    def _as_it_is(self, detail: str) -> Outcome:
        return Outcome(self.store.get(self.identity).state, detail, self._intents())

    def _retried(self, change: Callable[[Incident], Any]) -> None:
        """Change the incident, reading it again if only an event was counted in between."""
        state = State.APPLYING if self.work.way is Way.APPLY else State.ROLLING_BACK
        for left in reversed(range(_TRIES)):
            incident = self.store.get(self.identity)
            if incident.state is not state:
                raise Lost(f"incident {self.identity} is {incident.state}")
            try:
                change(incident)
            except Lost:
                raise
            except Conflict:
                if not left:
                    raise
                continue
            return

    def _in_time(self) -> None:
        if self.now() + _STEP > min(self.until, self.work.until):
            raise Later

    def _window(self, intent: Intent) -> list[Due]:
        if intent.patch.operation not in SHARED:
            return []
        at = math.floor(self.now()) + _LATE
        return [
            Due(
                Task.WINDOW,
                self.identity,
                intent.sk,
                at,
                opened=intent.opened,
                closed=intent.closed,
            )
        ]

    def _standing(self, runs: Sequence[str]) -> list[Intent]:
        return [i for i in self.ledger.intents(self.identity, runs) if i.step in STANDING]

    def _intents(self) -> tuple[Intent, ...]:
        runs = self.work.undoes or (self.work.run,)
        return tuple(self.ledger.intents(self.identity, runs))

    def _targets(self) -> frozenset[str]:
        """The targets whose leases the run holds."""
        runs = tuple(dict.fromkeys((*self.work.undoes, self.work.run)))
        return targets(self.ledger.intents(self.identity, runs))


def targets(intents: Sequence[Intent]) -> frozenset[str]:
    """The ARNs that these intents are about."""
    return frozenset(intent.patch.target for intent in intents)


def why(error: Exception) -> str:
    """An error in one line."""
    return " ".join(str(error).split())[:2000] or type(error).__name__
