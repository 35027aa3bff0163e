"""`RemediationService`: approve, reject, roll back, and finish what a dead worker left.

The protocol is written down in docs/remediation.md. `worker.py` carries a run out, `run_store.py`
keeps it, and `approval.py` says what an approval must fulfil.
"""

import dataclasses
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from threegrants.analysis import Analysis
from threegrants.evidence import RoleClients
from threegrants.incidents import AlertReason, Incident, Move, State, Store
from threegrants.incidents.states import APPROVED, RUN_IN_PROGRESS
from threegrants.patches import Patch
from threegrants.remediation.approval import (
    check_limits,
    needs_two_people,
    require_covered,
    require_identified,
    require_not_own_grant,
    require_report,
    select_patches,
)
from threegrants.remediation.approvers import completes
from threegrants.remediation.incident_changes import change_or_refuse
from threegrants.remediation.limits import Limits
from threegrants.remediation.outbox import OutboxItem, OutboxTask
from threegrants.remediation.policy_io import read
from threegrants.remediation.results import Refused, Result
from threegrants.remediation.rollback import StatementEdited, undo
from threegrants.remediation.run_store import (
    LeaseLost,
    RunStore,
)
from threegrants.remediation.runs import IN_FORCE, Approval, Direction, Intent, Run
from threegrants.remediation.standing_parameter import StandingApproval
from threegrants.remediation.worker import RunProgress, Worker, error_text, target_arns

_MAX_ATTEMPTS = 4
"""Workers that try to finish a run forward, and again backward."""
_NO_DEADLINE = float("inf")


@dataclass(frozen=True, slots=True)
class RemediationService:
    """What people, standing approvals and the sweep may ask for.

    Args:
        store: the incidents.
        run_store: what is kept of runs; on the same table.
        remediation_role: clients of the remediation role.
        limits: what the operators set, as it is now.
        reanalyze: examines the incident's call again, from fresh evidence.
        pause: waits for so many seconds.
        now: seconds since the epoch.
        lease_seconds: for how long a worker holds a run: more than its function may run.
    """

    store: Store
    run_store: RunStore
    remediation_role: RoleClients
    limits: Callable[[], Limits]
    reanalyze: Callable[[Incident], Analysis]
    pause: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
    lease_seconds: int = 60

    def approve(
        self,
        incident_id: str,
        digests: Sequence[str],
        approver: str,
        deadline: float = _NO_DEADLINE,
    ) -> Result:
        """Apply exactly the patches with these digests, once enough people have approved them.

        Args:
            incident_id: the incident.
            digests: the patches; at most one for each grant and target.
            approver: the ARN that AWS gives of who asks.
            deadline: the second by which this process must have answered.

        Raises:
            Refused: if it may not or cannot be done; then nothing was written.
            IncidentNotFound: if there is none with this id.
        """
        require_identified(approver)
        incident = self.store.get(incident_id)
        repeated = self._repeated_approval(incident, digests, deadline)
        if repeated is not None:
            return repeated
        limits = self.limits()
        patches = select_patches(incident, digests)
        require_not_own_grant(incident, approver, patches)
        check_limits(limits, incident, patches, self.remediation_role)
        actors: tuple[str, ...] = (approver,)
        expires = int(self.now()) + limits.approval_seconds
        first = None
        if needs_two_people(limits, require_report(incident), patches):
            first = self._first_approval(incident)
            if first is None or not completes(first, digests, approver, self.now()):
                return self._keep_first(incident, Approval(tuple(digests), approver, expires))
            actors, expires = (first.approver, approver), first.expires
        run = self._new_run(incident, patches, actors, expires)
        return self._start_run(incident, run, patches, limits, deadline, first=first)

    def apply_standing(
        self,
        incident_id: str,
        digests: Sequence[str],
        approval: StandingApproval,
        deadline: float = _NO_DEADLINE,
    ) -> Result:
        """Apply patches that a standing approval covers; an alert names the standing approval.

        Args:
            incident_id: the incident.
            digests: the patches; one for each grant and target.
            approval: the standing approval.
            deadline: the second by which this process must have ended.

        Raises:
            Refused: if it may not or cannot be done; then nothing was written.
        """
        incident, limits = self.store.get(incident_id), self.limits()
        require_covered(approval, incident, digests, limits, self.now())
        patches = select_patches(incident, digests)
        check_limits(limits, incident, patches, self.remediation_role)
        expires = min(int(approval.expires), int(self.now()) + limits.approval_seconds)
        actor = f"standing approval {approval.name}"
        note = f"Applied without a person, by {actor}."
        alert = self._alert(incident_id, AlertReason.STANDING, note)
        run = self._new_run(incident, patches, (actor,), expires)
        return self._start_run(incident, run, patches, limits, deadline, (alert,))

    def reject(self, incident_id: str, actor: str) -> Result:
        """Close an incident without a change; it stays quiet until its verdict changes.

        Raises:
            Refused: if a run is in progress, or the denied principal asks.
        """
        incident = self.store.get(incident_id)
        require_not_own_grant(incident, actor, ())
        move = Move(State.REJECTED, actor, "rejected")
        self._change(incident, lambda current: self.run_store.move(current, move))
        return Result(incident_id, State.REJECTED, "Rejected. No policy was changed.")

    def rollback(self, incident_id: str, actor: str, deadline: float = _NO_DEADLINE) -> Result:
        """Take back what approvals wrote, in reverse order.

        Also a way out after a crash: a run whose worker is dead is taken over and undone.

        Args:
            incident_id: the incident.
            actor: the ARN that AWS gives of who asks.
            deadline: the second by which this process must have answered.

        Raises:
            Refused: if there is nothing to take back, if our statement was edited since, or if a
                worker is carrying out a run of the incident now.
        """
        require_identified(actor)
        incident = self.store.get(incident_id)
        run = self.run_store.last_run(incident_id)
        if run is not None and incident.state in RUN_IN_PROGRESS:
            return self._roll_back_half_done(incident, run, actor, deadline)
        if run is None or not run.runs_in_force:
            raise Refused(
                HTTPStatus.CONFLICT,
                f"incident {incident_id} has nothing to roll back: no patch of it is in force",
            )
        intents = self.run_store.intents(incident_id, run.runs_in_force)
        self._require_undoable(intents)
        mine = dataclasses.replace(
            run,
            id=uuid.uuid4().hex,
            direction=Direction.UNDO,
            worker_id=uuid.uuid4().hex,
            lease_until=int(self.now()) + self.lease_seconds,
            actors=(actor,),
            attempts=1,
            runs_to_undo=run.runs_in_force,
            end_state=State.ROLLED_BACK,
            from_state=incident.state,
            reason=f"{actor} asked for it",
        )
        move = Move(State.ROLLING_BACK, actor, "rollback started", digests=mine.digests)
        targets = target_arns(intents)
        self._change(
            incident,
            lambda current: self.run_store.begin(current, move, mine, (), targets),
            targets,
        )
        return Result.of(incident_id, self._worker(incident_id, mine, deadline).resume())

    def resume(self, incident_id: str, deadline: float = _NO_DEADLINE) -> Result | None:
        """Carry on a half-done run whose worker is dead; None if there is none.

        A run goes only back if its approval has expired, if a limit forbids it by now, or if it
        was tried too often.

        Raises:
            Refused: if the limits cannot be checked now; the next sweep tries again.
        """
        incident, run = self.store.get(incident_id), self.run_store.last_run(incident_id)
        if run is None or incident.state not in RUN_IN_PROGRESS or run.lease_until > self.now():
            return None
        objection = self._objection(incident, run)
        try:
            worker = self._take_over(incident_id, run, deadline)
        except LeaseLost:
            return None
        if worker.run.direction is Direction.UNDO:
            if worker.run.attempts - worker.run.waits > _MAX_ATTEMPTS:
                return Result.of(incident_id, worker.mark_stuck(run.reason or "tried too often"))
        elif objection is not None:
            return Result.of(incident_id, worker.start_rollback(objection))
        return Result.of(incident_id, worker.resume())

    def _objection(self, incident: Incident, run: Run) -> str | None:
        """What speaks by now against going forward; None if nothing.

        What needs no reading comes first: limits that cannot be read keep no run for ever.
        """
        if run.direction is Direction.UNDO:
            return None
        if self.now() >= run.expires:
            return "the approval expired before the run was finished"
        if run.attempts - run.waits >= _MAX_ATTEMPTS:
            return f"{_MAX_ATTEMPTS} workers tried to finish the run, and none did"
        patches = [i.patch for i in self.run_store.intents(incident.id, (run.id,))]
        try:
            check_limits(self.limits(), incident, patches, self.remediation_role)
        except Refused as refused:
            if refused.status == HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            return refused.detail
        return None

    def expire(self, incident_id: str) -> bool:
        """End a first approval that no second followed in time; whether there was one."""
        incident = self.store.get(incident_id)
        first = self.run_store.first_approval(incident_id)
        if incident.state is not State.PROPOSED or (first and first.expires > self.now()):
            return False
        detail = f"The approval by {first.approver} expired." if first else "There is no approval."
        self.run_store.move(incident, Move(State.OPEN, "service", "approval expired", detail))
        return True

    def _repeated_approval(
        self, incident: Incident, digests: Sequence[str], deadline: float
    ) -> Result | None:
        """The answer to an approval that came before: a retry, a second click, a redelivery."""
        if incident.state not in APPROVED:
            return None
        run = self.run_store.last_run(incident.id)
        if run is None or set(run.digests) != set(digests):
            return None
        resumed = self.resume(incident.id, deadline)
        if resumed is not None:
            return resumed
        detail = "These patches were approved before and are in force."
        if incident.state is State.APPLYING:
            detail = "These patches were approved before and are being applied: read it again soon."
        intents = tuple(self.run_store.intents(incident.id, (run.id,)))
        return Result.of(incident.id, RunProgress(incident.state, detail, intents))

    def _first_approval(self, incident: Incident) -> Approval | None:
        proposed = incident.state is State.PROPOSED
        return self.run_store.first_approval(incident.id) if proposed else None

    def _keep_first(self, incident: Incident, approval: Approval) -> Result:
        move = Move(
            State.PROPOSED, approval.approver, "approved, first of two", digests=approval.digests
        )
        self._change(
            incident, lambda current: self.run_store.save_first_approval(current, move, approval)
        )
        detail = "Approved by one of two. A second person has to approve the same digests."
        return Result(incident.id, State.PROPOSED, detail)

    def _new_run(
        self,
        incident: Incident,
        patches: Sequence[Patch],
        actors: tuple[str, ...],
        expires: int,
    ) -> Run:
        last = self.run_store.last_run(incident.id)
        return Run(
            id=uuid.uuid4().hex,
            direction=Direction.APPLY,
            worker_id=uuid.uuid4().hex,
            lease_until=int(self.now()) + self.lease_seconds,
            digests=tuple(patch.digest for patch in patches),
            actors=actors,
            expires=expires,
            runs_in_force=last.runs_in_force if last else (),
        )

    def _start_run(
        self,
        incident: Incident,
        run: Run,
        patches: Sequence[Patch],
        limits: Limits,
        deadline: float,
        outbox: tuple[OutboxItem, ...] = (),
        first: Approval | None = None,
    ) -> Result:
        intents = tuple(Intent(run.id, at, patch) for at, patch in enumerate(patches))
        move = Move(State.APPLYING, run.actors[-1], "approved", "", run.digests)
        targets = target_arns(intents)
        quota = (limits.patches_an_hour, self.now())
        self._change(
            incident,
            lambda current: self.run_store.begin(
                current, move, run, intents, targets, quota=quota, outbox=outbox, first=first
            ),
            targets,
        )
        return Result.of(incident.id, self._worker(incident.id, run, deadline).resume())

    def _alert(self, incident_id: str, reason: AlertReason, note: str) -> OutboxItem:
        return OutboxItem(OutboxTask.ALERT, incident_id, reason.value, int(self.now()), note=note)

    def _roll_back_half_done(
        self, incident: Incident, run: Run, actor: str, deadline: float
    ) -> Result:
        if run.lease_until > self.now():
            raise Refused(
                HTTPStatus.CONFLICT,
                f"incident {incident.id} is {incident.state}: a worker is still carrying the run out. "
                "Try again in a minute",
            )
        try:
            worker = self._take_over(incident.id, run, deadline)
        except LeaseLost as error:
            raise Refused(HTTPStatus.CONFLICT, str(error)) from error
        if run.direction is Direction.UNDO:
            return Result.of(incident.id, worker.resume())
        # What earlier approvals wrote has leases of its own: it stays for another rollback.
        end = State.FAILED if run.runs_in_force else State.ROLLED_BACK
        return Result.of(incident.id, worker.start_rollback(f"{actor} asked for it", end, actor))

    def _require_undoable(self, intents: Sequence[Intent]) -> None:
        """Decide for every patch before anything is written.

        Raises:
            Refused: with all three texts, if a statement of ours was edited.
        """
        try:
            for intent in intents:
                if intent.step in IN_FORCE:
                    live = read(intent.patch, self.remediation_role, intent.aws_ids)
                    undo(intent.patch, live, intent.aws_ids)
        except StatementEdited as error:
            raise Refused(HTTPStatus.CONFLICT, f"nothing was rolled back: {error}") from error
        except Exception as error:
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"nothing was rolled back, because a policy could not be read: {error_text(error)}",
            ) from error

    def _take_over(self, incident_id: str, run: Run, deadline: float) -> Worker:
        run_ids = tuple(dict.fromkeys((*run.runs_to_undo, run.id)))
        targets = target_arns(self.run_store.intents(incident_id, run_ids))
        lease_until = int(self.now()) + self.lease_seconds
        mine = self.run_store.take_over(incident_id, run, targets, uuid.uuid4().hex, lease_until)
        return self._worker(incident_id, mine, deadline)

    def _worker(self, incident_id: str, run: Run, deadline: float) -> Worker:
        return Worker(
            incident_id,
            run,
            self.store,
            self.run_store,
            self.remediation_role,
            self.reanalyze,
            self.pause,
            self.now,
            deadline,
        )

    def _change(
        self,
        incident: Incident,
        change: Callable[[Incident], None],
        targets: frozenset[str] = frozenset(),
    ) -> None:
        change_or_refuse(self.store, self.run_store, incident, change, targets)
