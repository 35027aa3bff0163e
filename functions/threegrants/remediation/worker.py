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
from threegrants.patches import Patch, sha256
from threegrants.remediation.live_policy import NO_IDS, AwsIds, LivePolicy
from threegrants.remediation.outbox import OutboxItem, OutboxTask
from threegrants.remediation.policy_io import SHARED_DOCUMENTS, read, write
from threegrants.remediation.rollback import StatementEdited, undo
from threegrants.remediation.run_store import LeaseLost, RunStore
from threegrants.remediation.runs import IN_FORCE, Direction, Intent, Run, Step
from threegrants.remediation.visibility import (
    GIVE_UP_SECONDS,
    SECOND_LOOK_SECONDS,
    NotVisibleYet,
    hidden_from,
    shows_before,
    shows_ours,
    visible_by,
    was_refused,
)

CHECK_DELAYS = (0.0, 1.0, 2.0, 4.0)
"""Seconds before each reading back and each verification: changes take moments to be seen."""
_STEP_SECONDS = 8.0
"""Seconds that one intent or one verification may take; none is begun with less left."""
_CLOUDTRAIL_DELAY_SECONDS = 20 * 60
"""CloudTrail delivers events within about 5 minutes, sometimes later
(https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-cloudtrail-works.html)."""
_MAX_RETRIES = 6


class OutOfTime(Exception):
    """The worker's time is over; the run waits for the next worker."""


class StepFailed(Exception):
    """A step did not do what it must: what was written has to be taken back."""


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
        remediation_role: clients of the remediation role.
        reanalyze: examines the incident's call again, from fresh evidence.
        pause: waits for so many seconds.
        now: seconds since the epoch.
        deadline: the second by which this worker must have ended.
    """

    incident_id: str
    run: Run
    store: Store
    run_store: RunStore
    remediation_role: RoleClients
    reanalyze: Callable[[Incident], Analysis]
    pause: Callable[[float], None]
    now: Callable[[], float]
    deadline: float
    answered: dict[str, AwsIds] = field(default_factory=dict)
    """AWS's ids of what this worker made, by the intent's sort key: kept even if recording fails."""
    acknowledged: dict[str, int] = field(default_factory=dict)
    """When AWS acknowledged what this worker wrote, by the intent's sort key; kept likewise."""

    def resume(self) -> RunProgress:
        """Go on until the run has ended, or must wait."""
        try:
            return self._forward() if self.run.direction is Direction.APPLY else self._roll_back()
        except OutOfTime:
            return self._release("the run is not finished: this worker's time is over")
        except LeaseLost:
            return self._progress("another worker has taken this run over")
        except NotVisibleYet as waiting:
            self.run = dataclasses.replace(self.run, waits=self.run.waits + 1)
            return self._release(error_text(waiting))
        except Exception as error:  # noqa: BLE001 - whatever AWS answered: the next worker decides
            return self._release(error_text(error))

    def _forward(self) -> RunProgress:
        try:
            summary = self._apply()
        except (OutOfTime, LeaseLost, NotVisibleYet):
            raise
        except Exception as error:  # noqa: BLE001 - whatever went wrong, what was written goes back
            return self.start_rollback(error_text(error))
        run = dataclasses.replace(self.run, runs_in_force=(*self.run.runs_in_force, self.run.id))
        # Who asked has the answer, unless another worker had to finish it.
        alert = AlertReason.VERIFIED if run.attempts > 1 else None
        return self._finish(run, Move(State.VERIFIED, "service", "verified", summary), alert)

    def start_rollback(
        self, reason: str, end_state: State = State.FAILED, actor: str = "service"
    ) -> RunProgress:
        """Undo this run from now on; one that has written nothing has failed at once."""
        old = self.run
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
        if end_state is State.FAILED and not self._in_force(new.runs_to_undo):
            detail = f"{_sentence(reason)} Nothing was written."
            return self._finish(
                new, Move(State.FAILED, actor, "failed", detail), AlertReason.FAILED
            )
        move = Move(State.ROLLING_BACK, actor, "taking back", reason, old.digests)
        self._with_retries(lambda incident: self.run_store.turn_to_undo(incident, move, old, new))
        self.run = new
        return self._roll_back()

    def _apply(self) -> str:
        for intent in self.run_store.intents(self.incident_id, (self.run.id,)):
            if intent.step is not Step.WRITTEN:
                self._require_time()
                self._write(intent)
        return self._verify(self.run_store.intents(self.incident_id, (self.run.id,)))

    def _verify(self, written: Sequence[Intent]) -> str:
        """Examine the call until it is allowed, by evidence that shows what was written."""
        summary, hidden = "", []
        for seconds in CHECK_DELAYS:
            self._require_time()
            self.pause(seconds)
            analysis = self.reanalyze(self.store.get(self.incident_id))
            summary = analysis.diagnosis.summary
            hidden = [one for one in written if hidden_from(analysis.evidence, one.patch)]
            if analysis.diagnosis.allowed and not hidden:
                return summary
        for intent in hidden:
            self._require_visible(intent.patch, intent.acknowledged, "the evidence does not show")
        if analysis.diagnosis.allowed:
            return summary
        raise StepFailed(f"the call would still be refused: {summary}")

    def _write(self, intent: Intent) -> None:
        patch = intent.patch
        opened = math.floor(self.now())
        if not intent.acknowledged:
            live = read(patch, self.remediation_role, intent.aws_ids)
            if intent.step is Step.WRITING and live.says(patch.after):
                intent = dataclasses.replace(intent, acknowledged=math.ceil(self.now()))
            elif sha256(live.text) != patch.before_sha256:
                raise StepFailed(
                    f"{patch.target} changed since the diagnosis (approved for "
                    f"{patch.before_sha256}, now {sha256(live.text)}): nothing was written there"
                )
            else:
                opened = intent.opened or opened
                intent = dataclasses.replace(intent, step=Step.WRITING, opened=opened)
                self._record(intent)
                intent = self._send_patch(intent)
        intent = self._read_back(intent)
        done = dataclasses.replace(intent, step=Step.WRITTEN, closed=math.ceil(self.now()))
        self._record(done, self._overwrite_window(done))

    def _send_patch(self, intent: Intent) -> Intent:
        """Write what was approved, and record that AWS has acknowledged it, or refused it."""
        try:
            intent = self._send(intent, intent.patch.after)
        except Exception as error:
            if was_refused(error) and self._known_ids(intent) == NO_IDS:
                self._record(dataclasses.replace(intent, step=Step.PLANNED))
            raise
        self.acknowledged[intent.sk] = math.ceil(self.now())
        intent = self._with_what_is_known(intent)
        self._record(intent)
        return intent

    def _send(self, intent: Intent, text: str | None) -> Intent:
        """Write, and record at once what AWS answers about the identity of what it made."""

        def answered(ids: AwsIds) -> None:
            # The newest answer counts: what was made before may have been removed meanwhile.
            self.answered[intent.sk] = ids.with_more(self._known_ids(intent))
            if self.answered[intent.sk] != intent.aws_ids:
                self._record(self._with_what_is_known(intent))

        write(intent.patch, text, self.remediation_role, self._known_ids(intent), answered)
        return self._with_what_is_known(intent)

    def _known_ids(self, intent: Intent) -> AwsIds:
        return self.answered.get(intent.sk, NO_IDS).with_more(intent.aws_ids)

    def _with_what_is_known(self, intent: Intent) -> Intent:
        when = intent.acknowledged or self.acknowledged.get(intent.sk, 0)
        return dataclasses.replace(intent, aws_ids=self._known_ids(intent), acknowledged=when)

    def _record(self, intent: Intent, outbox: Sequence[OutboxItem] = ()) -> None:
        self.run_store.record_steps(self.incident_id, self.run, [intent], outbox)

    def _roll_back(self) -> RunProgress:
        for intent in reversed(self._in_force(self.run.runs_to_undo)):
            self._require_time()
            try:
                self._undo_intent(intent)
            except StatementEdited as error:
                return self._statement_edited(error)
        runs_in_force = tuple(
            run_id for run_id in self.run.runs_in_force if run_id not in self.run.runs_to_undo
        )
        run = dataclasses.replace(self.run, runs_in_force=runs_in_force)
        if run.end_state is State.ROLLED_BACK:
            detail = "Everything that we wrote has been taken back."
            move = Move(run.end_state, run.actors[-1], "rolled back", detail, run.digests)
            return self._finish(run, move, AlertReason.ROLLED_BACK if run.attempts > 1 else None)
        detail = f"{_sentence(run.reason)} What was written has been taken back."
        return self._finish(
            run, Move(run.end_state, "service", "failed", detail), AlertReason.FAILED
        )

    def _undo_intent(self, intent: Intent) -> None:
        intent = self._with_what_is_known(intent)
        patch, now = intent.patch, math.floor(self.now())
        live = read(patch, self.remediation_role, intent.aws_ids)
        if intent.undo_acknowledged and not shows_ours(patch, live):
            return self._record_undone(intent)
        if intent.undo_acknowledged and now < visible_by(patch, intent.undo_acknowledged):
            return self._confirm_undone(intent)
        self._require_patience(intent)
        step = undo(patch, live, intent.aws_ids, acknowledged=bool(intent.acknowledged))
        if step.nothing:
            if intent.step is Step.WRITING:
                # Nobody knows whether it was written: what happened may not be seen yet.
                self._require_visible(
                    patch, intent.opened, "nobody heard the answer, and AWS shows not"
                )
            return self._record_undone(intent)
        # After a write of which nobody knows whether it happened, the window is still open.
        opened = intent.opened if intent.step is not Step.WRITTEN else now
        intent = dataclasses.replace(
            intent,
            step=Step.UNDOING,
            opened=opened,
            acknowledged=intent.acknowledged or now,  # what is seen was written
            undo_begun=intent.undo_begun or now,
        )
        self._record(intent)
        intent = self._send(intent, step.text)
        sent = math.ceil(self.now())
        intent = dataclasses.replace(intent, undo_acknowledged=sent, closed=sent)
        self._record(intent, self._overwrite_window(intent))
        return self._confirm_undone(intent)

    def _confirm_undone(self, intent: Intent) -> None:
        """Read until nothing of ours is seen."""
        patch = intent.patch
        for seconds in CHECK_DELAYS:
            self.pause(seconds)
            if not shows_ours(patch, read(patch, self.remediation_role, intent.aws_ids)):
                return self._record_undone(intent)
        raise NotVisibleYet(
            f"AWS has acknowledged the undo and still shows our patch of {patch.target}"
        )

    def _record_undone(self, intent: Intent) -> None:
        at = math.floor(self.now()) + SECOND_LOOK_SECONDS
        outbox = [OutboxItem(OutboxTask.SECOND_LOOK, self.incident_id, intent.sk, at)]
        if intent.step is not Step.WRITTEN and not intent.undo_acknowledged:
            # A write of which nobody heard the answer may have overwritten something.
            outbox += self._overwrite_window(
                dataclasses.replace(intent, closed=math.ceil(self.now()))
            )
        self._record(dataclasses.replace(intent, step=Step.UNDONE), outbox)

    def _require_patience(self, intent: Intent) -> None:
        """Stop waiting for an undo that AWS acknowledges and that is never seen."""
        if intent.undo_begun and self.now() > intent.undo_begun + GIVE_UP_SECONDS:
            raise StepFailed(f"{intent.patch.target} still shows our patch, long after the undo")

    def _require_visible(self, patch: Patch, sent: int, what: str) -> None:
        """Wait for the next look while AWS may not show a write that was sent at `sent`."""
        if self.now() < visible_by(patch, sent):
            raise NotVisibleYet(f"{what} our patch of {patch.target} yet")

    def _read_back(self, intent: Intent) -> Intent:
        """Read until what was written is seen; the intent with the ids that were read."""
        patch = intent.patch
        live = LivePolicy()
        for seconds in CHECK_DELAYS:
            self.pause(seconds)
            live = read(patch, self.remediation_role, intent.aws_ids)
            if live.says(patch.after):
                known = intent.aws_ids.with_more(live.aws_ids)
                return dataclasses.replace(intent, aws_ids=known)
        if shows_before(patch, live):
            self._require_visible(patch, intent.acknowledged, "AWS acknowledged, but does not show")
        raise StepFailed(f"{patch.target} does not read back as it was written")

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
                OutboxItem(OutboxTask.ALERT, self.incident_id, alert.value, now, note=move.detail)
            )
        move = dataclasses.replace(move, digests=move.digests or run.digests)
        targets = self._targets()
        self._with_retries(
            lambda incident: self.run_store.finish(incident, move, run, targets, outbox)
        )
        return RunProgress(move.to, move.detail, self._intents())

    def _release(self, reason: str) -> RunProgress:
        # If this fails too, the lease ends by itself, and the sweep carries on a little later.
        with contextlib.suppress(Exception):
            self.run_store.release(self.incident_id, self.run, self._targets())
        return self._progress(
            f"{_sentence(reason)} The sweep carries the run on within five minutes: read the incident "
            "again then."
        )

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

    def _overwrite_window(self, intent: Intent) -> list[OutboxItem]:
        if intent.patch.operation not in SHARED_DOCUMENTS:
            return []
        at = math.floor(self.now()) + _CLOUDTRAIL_DELAY_SECONDS
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
        runs = self.run.runs_to_undo or (self.run.id,)
        return tuple(self.run_store.intents(self.incident_id, runs))

    def _targets(self) -> frozenset[str]:
        """The targets whose leases the run holds."""
        runs = tuple(dict.fromkeys((*self.run.runs_to_undo, self.run.id)))
        return target_arns(self.run_store.intents(self.incident_id, runs))


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
