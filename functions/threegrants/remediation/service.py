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
from threegrants.incidents import Conflict, Incident, State, Store
from threegrants.incidents.states import HELD
from threegrants.patches import Patch
from threegrants.remediation.approval import EXHAUSTED, may_decide, offered, person, within
from threegrants.remediation.approvers import same_person
from threegrants.remediation.limits import Guardrails, Standing
from threegrants.remediation.policy_io import read
from threegrants.remediation.results import Refused, Result
from threegrants.remediation.rollback import Edited, undo
from threegrants.remediation.run_store import Busy, Exhausted, Ledger, Lost, Move
from threegrants.remediation.runs import STANDING, Approval, Due, Intent, Task, Way, Work
from threegrants.remediation.worker import Outcome, Worker, targets, why

_ATTEMPTS = 4
"""Workers that try to finish a run forward, and again backward."""
_TRIES = 5
_FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Remedy:
    """The protocol's parts, given from outside.

    Args:
        store: the incidents.
        ledger: what is kept of runs; on the same table.
        mender: clients with the mender role.
        rails: the guardrails as they are now.
        reexamine: examines the incident's call again, from fresh evidence.
        pause: how to wait between verifications.
        now: seconds since the epoch.
        lifetime: seconds for which a worker holds a run: more than its function may run.
    """

    store: Store
    ledger: Ledger
    mender: RoleClients
    rails: Callable[[], Guardrails]
    reanalyze: Callable[[Incident], Analysis]
    pause: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
    lifetime: int = 60

    def approve(
        self, identity: str, digests: Sequence[str], approver: str, until: float = _FOREVER
    ) -> Result:
        """Apply exactly the patches with these digests, once it is approved by as many as needed.

        Args:
            identity: the incident.
            digests: the patches; at most one for each grant and target.
            approver: the ARN that AWS gives of who asks.
            until: the second by which this process must have answered.

        Raises:
            Refused: if it may not or cannot be done; then nothing was written.
            IncidentNotFound: if there is none with this id.
        """
        person(approver)
        incident = self.store.get(identity)
        again = self._again(incident, digests, until)
        if again is not None:
            return again
        rails = self.rails()
        patches = offered(incident, digests)
        may_decide(incident, approver, patches)
        within(rails, incident, patches, self.mender)
        first = self._first_of_two(rails, incident, digests, approver)
        if isinstance(first, Result):
            return first
        actors = (first.approver, approver) if first else (approver,)
        expires = first.expires if first else int(self.now()) + rails.approval_seconds
        return self._begin(rails, incident, patches, actors, expires, until)

    def apply_standing(
        self, identity: str, digests: Sequence[str], rule: Standing, until: float = _FOREVER
    ) -> Result:
        """Apply patches that a standing approval covers; alerted with the rule's name.

        Raises:
            Refused: if it may not or cannot be done; then nothing was written.
        """
        incident, rails = self.store.get(identity), self.rails()
        body = incident.document() or {}
        if rule not in rails.standing or rule.expires <= self.now():
            raise Refused(HTTPStatus.FORBIDDEN, f"there is no standing approval {rule.name} now")
        if Access(body["request"]["access"]) in rails.four_eyes:
            raise Refused(HTTPStatus.FORBIDDEN, "two people have to approve this kind of access")
        patches = offered(incident, digests)
        within(rails, incident, patches, self.mender)
        expires = min(int(rule.expires), int(self.now()) + rails.approval_seconds)
        note = f"applied without a person, by standing approval {rule.name}"
        due = Due(Task.ALERT, identity, "standing", int(self.now()), note=note)
        actors = (f"standing approval {rule.name}",)
        return self._begin(rails, incident, patches, actors, expires, until, (due,))

    def reject(self, identity: str, actor: str) -> Result:
        """Close an incident without a change; it stays quiet until its verdict changes.

        Raises:
            Refused: if it is being worked on, or the denied principal asks.
        """
        incident = self.store.get(identity)
        may_decide(incident, actor, ())
        move = Move(State.REJECTED, actor, "rejected")
        self._retried(incident, lambda now: self.ledger.move(now, move))
        return Result(identity, State.REJECTED, "rejected; nothing was changed")

    def rollback(self, identity: str, actor: str, until: float = _FOREVER) -> Result:
        """Take back what approvals wrote, in reverse order.

        Also a way out after a crash: a run whose worker is dead is taken over and undone.

        Raises:
            Refused: if there is nothing to take back, our statement was edited since, or a worker
                is at it.
        """
        person(actor)
        incident = self.store.get(identity)
        work = self.ledger.work(identity)
        if work is not None and incident.state in HELD:
            return self._interrupt(incident, work, actor, until)
        if work is None or not work.standing:
            raise Refused(HTTPStatus.CONFLICT, f"incident {identity} has nothing to roll back")
        intents = self.ledger.intents(identity, work.standing)
        self._undoable(intents)
        mine = dataclasses.replace(
            work,
            run=uuid.uuid4().hex,
            way=Way.UNDO,
            worker=uuid.uuid4().hex,
            until=int(self.now()) + self.lifetime,
            actors=(actor,),
            attempts=1,
            undoes=work.standing,
            end=State.ROLLED_BACK,
            back=incident.state,
            why=f"{actor} asked for it",
        )
        move = Move(State.ROLLING_BACK, actor, "rollback started", digests=mine.digests)
        held = targets(intents)
        self._retried(incident, lambda now: self.ledger.begin(now, move, mine, (), held), held)
        return Result.of(identity, self._worker(identity, mine, until).go_on())

    def resume(self, identity: str, until: float = _FOREVER) -> Result | None:
        """Go on with a half-done run whose worker is dead; None if there is none.

        An approval that has expired, a guardrail that was set meanwhile, or a run that was tried
        too often: then it only goes back.

        Raises:
            Refused: if the guardrails cannot be checked now; the next sweep tries again.
        """
        incident, work = self.store.get(identity), self.ledger.work(identity)
        if work is None or incident.state not in HELD or work.until > self.now():
            return None
        objection = self._objection(incident, work)
        try:
            worker = self._take_over(identity, work, until)
        except Lost:
            return None
        if worker.work.way is Way.UNDO:
            if worker.work.attempts > _ATTEMPTS:
                return Result.of(identity, worker.give_up(work.why or "tried too often"))
        elif self.now() >= work.expires:
            return Result.of(identity, worker.turn_back("the approval expired half-way"))
        elif objection is not None:
            return Result.of(identity, worker.turn_back(objection))
        elif worker.work.attempts > _ATTEMPTS:
            why_not = f"not finished by {_ATTEMPTS} workers"
            return Result.of(identity, worker.turn_back(why_not))
        return Result.of(identity, worker.go_on())

    def _objection(self, incident: Incident, work: Work) -> str | None:
        """What the guardrails say by now against going forward."""
        if work.way is Way.UNDO:
            return None
        patches = [i.patch for i in self.ledger.intents(incident.id, (work.run,))]
        try:
            within(self.rails(), incident, patches, self.mender)
        except Refused as refused:
            if refused.status == HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            return refused.detail
        return None

    def expire(self, identity: str) -> bool:
        """Take back a first approval that no second followed; whether there was one."""
        incident, first = self.store.get(identity), self.ledger.approval(identity)
        if incident.state is not State.PROPOSED or (first and first.expires > self.now()):
            return False
        detail = f"the approval by {first.approver} expired" if first else "there is no approval"
        self.ledger.move(incident, Move(State.OPEN, "service", "approval expired", detail))
        return True

    def _again(self, incident: Incident, digests: Sequence[str], until: float) -> Result | None:
        """The answer to an approval that came before: a retry, a second click, a redelivery."""
        if incident.state not in (State.APPLYING, State.VERIFIED):
            return None
        work = self.ledger.work(incident.id)
        if work is None or set(work.digests) != set(digests):
            return None
        going_on = self.resume(incident.id, until)
        if going_on is not None:
            return going_on
        detail = "approved already" + (
            "; it is being applied" if incident.state is State.APPLYING else ", and applied"
        )
        intents = tuple(self.ledger.intents(incident.id, (work.run,)))
        return Result.of(incident.id, Outcome(incident.state, detail, intents))

    def _first_of_two(
        self, rails: Guardrails, incident: Incident, digests: Sequence[str], approver: str
    ) -> Approval | Result | None:
        """The first approval, if this is the second; the answer, if this is the first of two."""
        body = incident.document() or {}
        if Access(body["request"]["access"]) not in rails.four_eyes:
            return None
        first = self.ledger.approval(incident.id) if incident.state is State.PROPOSED else None
        if (
            first is not None
            and first.expires > self.now()
            and set(first.digests) == set(digests)
            and not same_person(first.approver, approver)
        ):
            return first
        kept = Approval(tuple(digests), approver, int(self.now()) + rails.approval_seconds)
        move = Move(State.PROPOSED, approver, "approved, first of two", digests=kept.digests)
        self._retried(incident, lambda now: self.ledger.propose(now, move, kept))
        detail = "approved; a second person has to approve the same digests"
        return Result(incident.id, State.PROPOSED, detail)

    def _begin(
        self,
        rails: Guardrails,
        incident: Incident,
        patches: Sequence[Patch],
        actors: tuple[str, ...],
        expires: int,
        until: float,
        agenda: tuple[Due, ...] = (),
    ) -> Result:
        last = self.ledger.work(incident.id)
        run = uuid.uuid4().hex
        work = Work(
            run=run,
            way=Way.APPLY,
            worker=uuid.uuid4().hex,
            until=int(self.now()) + self.lifetime,
            digests=tuple(patch.digest for patch in patches),
            actors=actors,
            expires=expires,
            standing=last.standing if last else (),
        )
        intents = tuple(Intent(run, at, patch) for at, patch in enumerate(patches))
        move = Move(State.APPLYING, actors[-1], "approved", "", work.digests)
        held = targets(intents)
        limit = (rails.patches_an_hour, self.now())
        self._retried(
            incident,
            lambda now: self.ledger.begin(
                now, move, work, intents, held, quota=limit, agenda=agenda
            ),
            held,
        )
        return Result.of(incident.id, self._worker(incident.id, work, until).go_on())

    def _interrupt(self, incident: Incident, work: Work, actor: str, until: float) -> Result:
        if work.until > self.now():
            raise Refused(
                HTTPStatus.CONFLICT, f"incident {incident.id} is {incident.state}; try again soon"
            )
        try:
            worker = self._take_over(incident.id, work, until)
        except Lost as error:
            raise Refused(HTTPStatus.CONFLICT, str(error)) from error
        if work.way is Way.UNDO:
            return Result.of(incident.id, worker.go_on())
        # What earlier approvals wrote has leases of its own: it stays for another rollback.
        end = State.FAILED if work.standing else State.ROLLED_BACK
        return Result.of(incident.id, worker.turn_back(f"{actor} asked for it", end, actor))

    def _undoable(self, intents: Sequence[Intent]) -> None:
        """Decide for every patch before anything is written.

        Raises:
            Refused: with all three texts, if a statement of ours was edited.
        """
        try:
            for intent in intents:
                if intent.step in STANDING:
                    undo(intent.patch, read(intent.patch, self.mender))
        except Edited as error:
            raise Refused(HTTPStatus.CONFLICT, f"rollback refused: {error}") from error
        except Exception as error:
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE, f"nothing was changed: {why(error)}"
            ) from error

    def _take_over(self, identity: str, work: Work, until: float) -> Worker:
        runs = tuple(dict.fromkeys((*work.undoes, work.run)))
        held = targets(self.ledger.intents(identity, runs))
        lease = int(self.now()) + self.lifetime
        mine = self.ledger.take_over(identity, work, held, uuid.uuid4().hex, lease)
        return self._worker(identity, mine, until)

    def _worker(self, identity: str, work: Work, until: float) -> Worker:
        return Worker(
            identity,
            work,
            self.store,
            self.ledger,
            self.mender,
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
            except Busy as error:
                raise Refused(HTTPStatus.CONFLICT, self._busy(incident.id, wanted)) from error
            except Exhausted as error:
                raise Refused(HTTPStatus.TOO_MANY_REQUESTS, EXHAUSTED) from error
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

    def _busy(self, identity: str, wanted: frozenset[str]) -> str:
        holders = {target: self.ledger.holder(target) for target in sorted(wanted)}
        held = [f"{t} by incident {h}" for t, h in holders.items() if h not in (None, identity)]
        return (
            f"held: {', '.join(held) or 'until a moment ago'}; one incident at a time writes a "
            "policy: try again in a minute"
        )
