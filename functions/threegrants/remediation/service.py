"""Approve, reject, roll back: who may, and what a run then begins with.

The protocol is written down in docs/remediation.md; `remediation/worker.py` is the worker that carries a run
out, `remediation/run_store.py` what is kept of it.
"""

import dataclasses
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from threegrants.analysis import Analysis
from threegrants.cloudtrail import Access
from threegrants.evidence import RoleClients
from threegrants.incidents import Conflict, Incident, Move, State, Store
from threegrants.incidents.states import APPROVED, RUN_IN_PROGRESS
from threegrants.patches import Patch
from threegrants.remediation.approval import (
    QUOTA_EXCEEDED,
    check_limits,
    require_identified,
    require_not_own_grant,
    select_patches,
)
from threegrants.remediation.approvers import same_person
from threegrants.remediation.limits import Limits, StandingApproval
from threegrants.remediation.policy_io import read
from threegrants.remediation.results import Refused, Result
from threegrants.remediation.rollback import StatementEdited, undo
from threegrants.remediation.run_store import LeaseHeld, LeaseLost, QuotaExceeded, RunStore
from threegrants.remediation.runs import (
    IN_FORCE,
    Approval,
    Direction,
    Intent,
    OutboxItem,
    OutboxTask,
    Run,
)
from threegrants.remediation.worker import RunProgress, Worker, targets, why

_ATTEMPTS = 4
"""Workers that try to finish a run forward, and again backward."""
_TRIES = 5
_FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class RemediationService:
    """The protocol's parts, given from outside.

    Args:
        store: the incidents.
        run_store: what is kept of runs; on the same table.
        remediation_role: clients with the mender role.
        limits: the guardrails as they are now.
        reexamine: examines the incident's call again, from fresh evidence.
        pause: how to wait between verifications.
        now: seconds since the epoch.
        lifetime: seconds for which a worker holds a run: more than its function may run.
    """

    store: Store
    run_store: RunStore
    remediation_role: RoleClients
    limits: Callable[[], Limits]
    reanalyze: Callable[[Incident], Analysis]
    pause: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
    lifetime: int = 60

    def approve(
        self, incident_id: str, digests: Sequence[str], approver: str, until: float = _FOREVER
    ) -> Result:
        """Apply exactly the patches with these digests, once it is approved by as many as needed.

        Args:
            incident_id: the incident.
            digests: the patches; at most one for each grant and target.
            approver: the ARN that AWS gives of who asks.
            until: the second by which this process must have answered.

        Raises:
            Refused: if it may not or cannot be done; then nothing was written.
            IncidentNotFound: if there is none with this id.
        """
        require_identified(approver)
        incident = self.store.get(incident_id)
        again = self._again(incident, digests, until)
        if again is not None:
            return again
        limits = self.limits()
        patches = select_patches(incident, digests)
        require_not_own_grant(incident, approver, patches)
        check_limits(limits, incident, patches, self.remediation_role)
        first = self._first_of_two(limits, incident, digests, approver)
        if isinstance(first, Result):
            return first
        actors = (first.approver, approver) if first else (approver,)
        expires = first.expires if first else int(self.now()) + limits.approval_seconds
        return self._begin(limits, incident, patches, actors, expires, until)

    def apply_standing(
        self,
        incident_id: str,
        digests: Sequence[str],
        rule: StandingApproval,
        until: float = _FOREVER,
    ) -> Result:
        """Apply patches that a standing approval covers; alerted with the rule's name.

        Raises:
            Refused: if it may not or cannot be done; then nothing was written.
        """
        incident, limits = self.store.get(incident_id), self.limits()
        body = incident.document() or {}
        if rule not in limits.standing_approvals or rule.expires <= self.now():
            raise Refused(HTTPStatus.FORBIDDEN, f"there is no standing approval {rule.name} now")
        if Access(body["request"]["access"]) in limits.four_eyes:
            raise Refused(HTTPStatus.FORBIDDEN, "two people have to approve this kind of access")
        patches = select_patches(incident, digests)
        check_limits(limits, incident, patches, self.remediation_role)
        expires = min(int(rule.expires), int(self.now()) + limits.approval_seconds)
        note = f"applied without a person, by standing approval {rule.name}"
        due = OutboxItem(OutboxTask.ALERT, incident_id, "standing", int(self.now()), note=note)
        actors = (f"standing approval {rule.name}",)
        return self._begin(limits, incident, patches, actors, expires, until, (due,))

    def reject(self, incident_id: str, actor: str) -> Result:
        """Close an incident without a change; it stays quiet until its verdict changes.

        Raises:
            Refused: if it is being worked on, or the denied principal asks.
        """
        incident = self.store.get(incident_id)
        require_not_own_grant(incident, actor, ())
        move = Move(State.REJECTED, actor, "rejected")
        self._retried(incident, lambda now: self.run_store.move(now, move))
        return Result(incident_id, State.REJECTED, "rejected; nothing was changed")

    def rollback(self, incident_id: str, actor: str, until: float = _FOREVER) -> Result:
        """Take back what approvals wrote, in reverse order.

        Also a way out after a crash: a run whose worker is dead is taken over and undone.

        Raises:
            Refused: if there is nothing to take back, our statement was edited since, or a worker
                is at it.
        """
        require_identified(actor)
        incident = self.store.get(incident_id)
        run = self.run_store.last_run(incident_id)
        if run is not None and incident.state in RUN_IN_PROGRESS:
            return self._interrupt(incident, run, actor, until)
        if run is None or not run.runs_in_force:
            raise Refused(HTTPStatus.CONFLICT, f"incident {incident_id} has nothing to roll back")
        intents = self.run_store.intents(incident_id, run.runs_in_force)
        self._undoable(intents)
        mine = dataclasses.replace(
            run,
            id=uuid.uuid4().hex,
            direction=Direction.UNDO,
            worker_id=uuid.uuid4().hex,
            until=int(self.now()) + self.lifetime,
            actors=(actor,),
            attempts=1,
            undoes=run.runs_in_force,
            end=State.ROLLED_BACK,
            back=incident.state,
            why=f"{actor} asked for it",
        )
        move = Move(State.ROLLING_BACK, actor, "rollback started", digests=mine.digests)
        held = targets(intents)
        self._retried(incident, lambda now: self.run_store.begin(now, move, mine, (), held), held)
        return Result.of(incident_id, self._worker(incident_id, mine, until).resume())

    def resume(self, incident_id: str, until: float = _FOREVER) -> Result | None:
        """Go on with a half-done run whose worker is dead; None if there is none.

        An approval that has expired, a guardrail that was set meanwhile, or a run that was tried
        too often: then it only goes back.

        Raises:
            Refused: if the guardrails cannot be checked now; the next sweep tries again.
        """
        incident, run = self.store.get(incident_id), self.run_store.last_run(incident_id)
        if run is None or incident.state not in RUN_IN_PROGRESS or run.until > self.now():
            return None
        objection = self._objection(incident, run)
        try:
            worker = self._take_over(incident_id, run, until)
        except LeaseLost:
            return None
        if worker.run.direction is Direction.UNDO:
            if worker.run.attempts > _ATTEMPTS:
                return Result.of(incident_id, worker.mark_stuck(run.why or "tried too often"))
        elif self.now() >= run.expires:
            return Result.of(incident_id, worker.start_rollback("the approval expired half-way"))
        elif objection is not None:
            return Result.of(incident_id, worker.start_rollback(objection))
        elif worker.run.attempts > _ATTEMPTS:
            why_not = f"not finished by {_ATTEMPTS} workers"
            return Result.of(incident_id, worker.start_rollback(why_not))
        return Result.of(incident_id, worker.resume())

    def _objection(self, incident: Incident, run: Run) -> str | None:
        """What the guardrails say by now against going forward."""
        if run.direction is Direction.UNDO:
            return None
        patches = [i.patch for i in self.run_store.intents(incident.id, (run.id,))]
        try:
            check_limits(self.limits(), incident, patches, self.remediation_role)
        except Refused as refused:
            if refused.status == HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            return refused.detail
        return None

    def expire(self, incident_id: str) -> bool:
        """Take back a first approval that no second followed; whether there was one."""
        incident, first = self.store.get(incident_id), self.run_store.approval(incident_id)
        if incident.state is not State.PROPOSED or (first and first.expires > self.now()):
            return False
        detail = f"the approval by {first.approver} expired" if first else "there is no approval"
        self.run_store.move(incident, Move(State.OPEN, "service", "approval expired", detail))
        return True

    def _again(self, incident: Incident, digests: Sequence[str], until: float) -> Result | None:
        """The answer to an approval that came before: a retry, a second click, a redelivery."""
        if incident.state not in APPROVED:
            return None
        run = self.run_store.last_run(incident.id)
        if run is None or set(run.digests) != set(digests):
            return None
        going_on = self.resume(incident.id, until)
        if going_on is not None:
            return going_on
        detail = "approved already" + (
            "; it is being applied" if incident.state is State.APPLYING else ", and applied"
        )
        intents = tuple(self.run_store.intents(incident.id, (run.id,)))
        return Result.of(incident.id, RunProgress(incident.state, detail, intents))

    def _first_of_two(
        self, limits: Limits, incident: Incident, digests: Sequence[str], approver: str
    ) -> Approval | Result | None:
        """The first approval, if this is the second; the answer, if this is the first of two."""
        body = incident.document() or {}
        if Access(body["request"]["access"]) not in limits.four_eyes:
            return None
        first = self.run_store.approval(incident.id) if incident.state is State.PROPOSED else None
        if (
            first is not None
            and first.expires > self.now()
            and set(first.digests) == set(digests)
            and not same_person(first.approver, approver)
        ):
            return first
        kept = Approval(tuple(digests), approver, int(self.now()) + limits.approval_seconds)
        move = Move(State.PROPOSED, approver, "approved, first of two", digests=kept.digests)
        self._retried(incident, lambda now: self.run_store.propose(now, move, kept))
        detail = "approved; a second person has to approve the same digests"
        return Result(incident.id, State.PROPOSED, detail)

    def _begin(
        self,
        limits: Limits,
        incident: Incident,
        patches: Sequence[Patch],
        actors: tuple[str, ...],
        expires: int,
        until: float,
        outbox: tuple[OutboxItem, ...] = (),
    ) -> Result:
        last = self.run_store.last_run(incident.id)
        run_id = uuid.uuid4().hex
        run = Run(
            id=run_id,
            direction=Direction.APPLY,
            worker_id=uuid.uuid4().hex,
            until=int(self.now()) + self.lifetime,
            digests=tuple(patch.digest for patch in patches),
            actors=actors,
            expires=expires,
            runs_in_force=last.runs_in_force if last else (),
        )
        intents = tuple(Intent(run_id, at, patch) for at, patch in enumerate(patches))
        move = Move(State.APPLYING, actors[-1], "approved", "", run.digests)
        held = targets(intents)
        limit = (limits.patches_an_hour, self.now())
        self._retried(
            incident,
            lambda now: self.run_store.begin(
                now, move, run, intents, held, quota=limit, outbox=outbox
            ),
            held,
        )
        return Result.of(incident.id, self._worker(incident.id, run, until).resume())

    def _interrupt(self, incident: Incident, run: Run, actor: str, until: float) -> Result:
        if run.until > self.now():
            raise Refused(
                HTTPStatus.CONFLICT, f"incident {incident.id} is {incident.state}; try again soon"
            )
        try:
            worker = self._take_over(incident.id, run, until)
        except LeaseLost as error:
            raise Refused(HTTPStatus.CONFLICT, str(error)) from error
        if run.direction is Direction.UNDO:
            return Result.of(incident.id, worker.resume())
        # What earlier approvals wrote has leases of its own: it stays for another rollback.
        end = State.FAILED if run.runs_in_force else State.ROLLED_BACK
        return Result.of(incident.id, worker.start_rollback(f"{actor} asked for it", end, actor))

    def _undoable(self, intents: Sequence[Intent]) -> None:
        """Decide for every patch before anything is written.

        Raises:
            Refused: with all three texts, if a statement of ours was edited.
        """
        try:
            for intent in intents:
                if intent.step in IN_FORCE:
                    undo(intent.patch, read(intent.patch, self.remediation_role))
        except StatementEdited as error:
            raise Refused(HTTPStatus.CONFLICT, f"rollback refused: {error}") from error
        except Exception as error:
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE, f"nothing was changed: {why(error)}"
            ) from error

    def _take_over(self, incident_id: str, run: Run, until: float) -> Worker:
        runs = tuple(dict.fromkeys((*run.undoes, run.id)))
        held = targets(self.run_store.intents(incident_id, runs))
        lease = int(self.now()) + self.lifetime
        mine = self.run_store.take_over(incident_id, run, held, uuid.uuid4().hex, lease)
        return self._worker(incident_id, mine, until)

    def _worker(self, incident_id: str, run: Run, until: float) -> Worker:
        return Worker(
            incident_id,
            run,
            self.store,
            self.run_store,
            self.remediation_role,
            self.reanalyze,
            self.pause,
            self.now,
            until,
        )

    def _retried(
        self,
        incident: Incident,
        change: Callable[[Incident], None],
        wanted: frozenset[str] = frozenset(),
    ) -> None:
        """Change an incident, reading it again if only an event was counted in between.

        Raises:
            Refused: if it is not what it was when it was decided about.
        """
        current = incident
        for _ in range(_TRIES):
            try:
                change(current)
            except LeaseHeld as error:
                raise Refused(HTTPStatus.CONFLICT, self._busy(incident.id, wanted)) from error
            except QuotaExceeded as error:
                raise Refused(HTTPStatus.TOO_MANY_REQUESTS, QUOTA_EXCEEDED) from error
            except Conflict as error:
                before, current = current, self.store.get(incident.id)
                if (
                    current.version == before.version  # nobody interfered: it is not allowed
                    or current.state is not incident.state
                    or current.diagnosis != incident.diagnosis
                ):
                    raise Refused(HTTPStatus.CONFLICT, str(error)) from error
            else:
                return
        raise Refused(
            HTTPStatus.CONFLICT, f"incident {incident.id} is being changed by others; try again"
        )

    def _busy(self, incident_id: str, wanted: frozenset[str]) -> str:
        holders = {target: self.run_store.holder(target) for target in sorted(wanted)}
        held = [f"{t} by incident {h}" for t, h in holders.items() if h not in (None, incident_id)]
        return (
            f"held: {', '.join(held) or 'until a moment ago'}; one incident at a time writes a "
            "policy: try again in a minute"
        )
