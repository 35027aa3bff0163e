"""`RemediationService`: what people ask for: approve, reject, roll back, and see how it goes.

It decides, and begins runs, sealed; it writes no policy and has no role that could. The worker carries
runs out (`worker_service.py`). The protocol is written down in docs/remediation.md; `approval.py` says
what an approval must fulfil.
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, TypeVar

from threegrants.evidence import RoleClients
from threegrants.incidents import AlertReason, Incident, Move, State, Store
from threegrants.incidents.states import APPROVED, RUN_IN_PROGRESS
from threegrants.patches import Patch
from threegrants.patches.grant_end import holds_end
from threegrants.remediation.approval import (
    check_limits,
    granted,
    needs_two_people,
    require_identified,
    require_not_own_grant,
    require_report,
    select_patches,
    with_ends,
)
from threegrants.remediation.approval_request import ApprovalRequest
from threegrants.remediation.approvers import completes
from threegrants.remediation.break_glass import everybody_is_told, seconds_alone
from threegrants.remediation.extending import later_ends, runs_to_extend
from threegrants.remediation.extension import Extension
from threegrants.remediation.first_approval import Approval
from threegrants.remediation.forgery import forged_text, refuse_forged
from threegrants.remediation.grant_ends import with_extended
from threegrants.remediation.incident_changes import begin_applying, change_or_refuse
from threegrants.remediation.limits import Limits
from threegrants.remediation.outbox import OutboxItem, OutboxTask
from threegrants.remediation.policy_io import read
from threegrants.remediation.remediation_roles import reader_of
from threegrants.remediation.results import Refused, Result, shown_patches
from threegrants.remediation.rollback import StatementEdited, undo
from threegrants.remediation.run_store import RunStore
from threegrants.remediation.runs import (
    IN_FORCE,
    Asked,
    Direction,
    Intent,
    Run,
    content_of,
    run_to_apply,
    run_to_undo,
)
from threegrants.remediation.seals import NotGenuine
from threegrants.remediation.wording import (
    end_words,
    first_approval_note,
    lasting,
    said_by_both,
    until_words,
)
from threegrants.remediation.worker import error_text, target_arns
from threegrants.report import Report

_Kept = TypeVar("_Kept")
NOTHING_ASKED = ApprovalRequest()


@dataclass(frozen=True, slots=True)
class RemediationService:
    """What people may ask for.

    Args:
        store: the incidents.
        run_store: what is kept of runs; it seals as the approving role.
        reader: clients of the reader role: what limits need to know, and what stands now.
        limits: what the operators set, as it is now.
        ask: tells the worker that an incident wants attention. The incident is all it says.
        now: seconds since the epoch.
    """

    store: Store
    run_store: RunStore
    reader: RoleClients
    limits: Callable[[], Limits]
    ask: Callable[[str], None]
    now: Callable[[], float] = time.time

    def approve(
        self,
        incident_id: str,
        digests: Sequence[str],
        approver: str,
        request: ApprovalRequest = NOTHING_ASKED,
    ) -> Result:
        """Have exactly the patches with these digests applied, once enough people have approved them.

        It is answered at once: the worker applies them.

        Args:
            incident_id: the incident.
            digests: the patches; at most one for each grant and target.
            approver: the ARN that AWS gives of who asks.
            request: what that person says with it: why, by which ticket, for how long.

        Raises:
            Refused: if it may not or cannot be done; then nothing was written.
            IncidentNotFound: if there is none with this id.
        """
        require_identified(approver)
        incident = self.store.get(incident_id)
        repeated = self._repeated_approval(incident, digests)
        if repeated is not None:
            return repeated
        limits = self.limits()
        offered, report, now = (
            select_patches(incident, digests),
            require_report(incident),
            self.now(),
        )
        require_not_own_grant(incident, approver, offered)
        first, wanted = None, request.seconds
        two_people = needs_two_people(limits, report, offered)
        alone = two_people and request.break_glass
        if alone:
            two_people, wanted = False, seconds_alone(report, offered, request)
            first = self._first_approval(incident)
        elif two_people:
            first = self._first_approval(incident)
            if wanted is None and first is not None and set(first.digests) == set(digests):
                wanted = first.seconds
        patches, ends = with_ends(limits, report, offered, wanted, now)
        check_limits(limits, incident, patches, self.reader)
        actors: tuple[str, ...] = (approver,)
        asked = replace(ends, reasons=(request.reason,), ticket=request.ticket, break_glass=alone)
        expires = int(now) + limits.approval_seconds
        if two_people:
            contents = tuple(content_of(patch) for patch in offered)
            seconds = granted(limits, report, offered, wanted)
            if (
                first is None
                or set(first.contents) != set(contents)
                or first.seconds != seconds
                or not completes(first, digests, approver, now)
            ):
                mine = Approval(
                    tuple(digests),
                    contents,
                    approver,
                    int(now),
                    expires,
                    request.reason,
                    request.ticket,
                    seconds,
                )
                return self._keep_first(incident, mine)
            actors, expires = (first.approver, approver), first.expires
            asked = said_by_both(first, asked)
        last = self._last_run(incident)
        run = run_to_apply(patches, actors, at=now, expires=expires, last=last, asked=asked)
        quota = (limits.patches_an_hour, self.now())
        told = everybody_is_told(incident.id, run, now)
        intents = begin_applying(
            self.store, self.run_store, incident, run, patches, quota, outbox=told, first=first
        )
        return self._asked(
            incident.id, State.APPLYING, f"Approved. {end_words(run)}".strip(), intents
        )

    def reject(self, incident_id: str, actor: str, reason: str = "") -> Result:
        """Close an incident without a change; it stays quiet until its verdict changes.

        Args:
            incident_id: the incident.
            actor: the ARN that AWS gives of who asks.
            reason: why, in that person's words.

        Raises:
            Refused: if a run is in progress, or the denied principal asks.
        """
        incident = self.store.get(incident_id)
        require_not_own_grant(incident, actor, ())
        move = Move(State.REJECTED, actor, "rejected", reason=reason)
        alert = OutboxItem(
            OutboxTask.ALERT, incident_id, AlertReason.REJECTED.value, int(self.now())
        )
        change_or_refuse(
            self.store,
            self.run_store,
            incident,
            lambda current: self.run_store.move(current, move, [alert]),
        )
        self._tell(incident_id)
        return Result(incident_id, State.REJECTED, "Rejected. No policy was changed.")

    def rollback(self, incident_id: str, actor: str, reason: str = "") -> Result:
        """Have taken back what approvals wrote, in reverse order.

        Also a way out after a crash: of a run whose worker is dead, the next worker is told.

        Args:
            incident_id: the incident.
            actor: the ARN that AWS gives of who asks.
            reason: why, in that person's words.

        Raises:
            Refused: if there is nothing to take back, if our statement was edited since, or if a
                worker is carrying out a run of the incident now.
        """
        require_identified(actor)
        incident = self.store.get(incident_id)
        run = self._last_run(incident)
        if run is not None and incident.state in RUN_IN_PROGRESS:
            return self._roll_back_half_done(incident, run, actor)
        if run is None or not run.runs_in_force:
            raise Refused(
                HTTPStatus.CONFLICT,
                f"incident {incident_id} has nothing to roll back: no patch of it is in force",
            )
        intents = self._intents(incident, run.runs_in_force)
        self._require_undoable(incident_id, intents)
        undo_all = run_to_undo(
            run,
            (actor,),
            run.runs_in_force,
            at=self.now(),
            end_state=State.ROLLED_BACK,
            from_state=incident.state,
            reason=f"{actor} asked for it",
            said=reason,
        )
        move = Move(
            State.ROLLING_BACK, actor, "rollback started", digests=undo_all.digests, reason=reason
        )
        targets = target_arns(intents)
        change_or_refuse(
            self.store,
            self.run_store,
            incident,
            lambda current: self.run_store.begin(current, move, undo_all, (), targets),
            targets,
        )
        return self._asked(incident.id, State.ROLLING_BACK, "Being taken back.", intents)

    def extend(
        self,
        incident_id: str,
        approver: str,
        request: ApprovalRequest,
        require: Callable[[Report, Sequence[Patch]], None] = lambda *_: None,
    ) -> Result:
        """Have what is in force end later: a new approval, with new exact bytes, by the same rules.

        Args:
            incident_id: the incident.
            approver: the ARN that AWS gives of who asks.
            request: for how long from now on, and why.
            require: what else has to hold of the approver, given the report and all that is in force.

        Raises:
            Refused: if it may not or cannot be done; then nothing was written.
            IncidentNotFound: if there is none with this id.
        """
        require_identified(approver)
        incident, now = self.store.get(incident_id), self.now()
        last = self._last_run(incident)
        if last is not None and incident.state is State.APPLYING and last.extends:
            known = self._intents(incident, (last.id,))
            detail = f"An extension{until_words(last)} was approved before and is being written."
            return self._asked(incident.id, State.APPLYING, detail, known)
        heads = self._genuine(incident, lambda: runs_to_extend(self.run_store, incident, last, now))
        limits, report = self.limits(), require_report(incident)
        written = self._intents(incident, [run.id for run in heads])
        everything = self._genuine(
            incident, lambda: with_extended(self.run_store, incident.id, heads)
        )
        of_grants = self._intents(incident, [run.id for run in everything])
        judged = tuple(intent.patch for intent in of_grants if intent.step in IN_FORCE)
        require_not_own_grant(incident, approver, judged)
        require(report, judged)
        extension = Extension(heads, written)
        two_people = any(run.two_people for run in heads) or needs_two_people(
            limits, report, judged, extends=True
        )
        first = self._first_extension(incident, extension) if two_people else None
        wanted = request.seconds
        if wanted is None and first is not None:
            wanted = first.seconds
        seconds = granted(limits, report, judged, wanted)
        ends_at = extension.later_end(now, seconds)
        new = later_ends(self.reader, incident.id, extension, ends_at, int(now))
        kept = (patch for patch in judged if not holds_end(patch))
        check_limits(limits, incident, (*new, *kept), self.reader)
        asked = Asked((request.reason,), request.ticket, ends_at, extends=extension.run_ids)
        actors: tuple[str, ...] = (approver,)
        expires = int(now) + limits.approval_seconds
        if two_people:
            if first is None or first.seconds != seconds or not completes(first, (), approver, now):
                mine = Approval(
                    (), (), approver, int(now), expires, request.reason, request.ticket, seconds,
                    extension.run_ids,
                )  # fmt: skip
                return self._keep_first(incident, mine)
            actors, expires = (first.approver, approver), first.expires
            asked = said_by_both(first, asked)
        run = run_to_apply(new, actors, at=now, expires=expires, last=last, asked=asked)
        quota = (limits.patches_an_hour, now)
        intents = begin_applying(self.store, self.run_store, incident, run, new, quota, first=first)
        return self._asked(incident.id, State.APPLYING, f"Extended. {end_words(run)}", intents)

    def _first_extension(self, incident: Incident, extension: Extension) -> Approval | None:
        """The first approval of the same extension, if there is one."""
        first = self._genuine(
            incident, lambda: self.run_store.first_approval(incident.id, extension=True)
        )
        return first if first is not None and first.extends == extension.run_ids else None

    def progress(self, incident_id: str) -> dict[str, Any] | None:
        """What there is to know of the incident's last run, for people who wait; None if there is none.

        Its `state` is the incident's by this run, `waits` says that it goes on later, by itself.
        """
        try:
            run = self.run_store.last_run(incident_id)
            if run is None:
                return None
            ended = self.run_store.ended(incident_id, run.id)
            runs = run.runs_to_undo or (run.id,)
            intents = self.run_store.intents(incident_id, runs)
        except NotGenuine as forged:
            return {"state": None, "waits": False, "detail": forged_text(forged), "patches": []}
        forward = run.direction is Direction.APPLY
        state = ended.state if ended else State.APPLYING if forward else State.ROLLING_BACK
        return {
            "id": run.id,
            "state": state.value,
            "waits": not (ended or run.is_fresh or run.lease_until > self.now()),
            "detail": ended.detail if ended else run.progress,
            "patches": list(shown_patches(intents)),
        }

    def _repeated_approval(self, incident: Incident, digests: Sequence[str]) -> Result | None:
        """The answer to an approval that came before: a retry, a second click, a redelivery."""
        if incident.state not in APPROVED:
            return None
        run = self._last_run(incident)
        if run is None or set(run.offered or run.digests) != set(digests):
            return None
        intents = self._intents(incident, (run.id,))
        before = f"These patches were approved before{until_words(run)} and"
        if incident.state is State.APPLYING:
            return self._asked(incident.id, State.APPLYING, f"{before} are being applied.", intents)
        detail = f"{before} are in force."
        return Result(incident.id, incident.state, detail, shown_patches(intents))

    def _first_approval(self, incident: Incident) -> Approval | None:
        if incident.state is not State.PROPOSED:
            return None
        try:
            return self.run_store.first_approval(incident.id)
        except NotGenuine as forged:
            detail = refuse_forged(
                self.store, self.run_store, incident.id, forged, self.now(), to=State.OPEN
            )
            raise Refused(HTTPStatus.CONFLICT, detail) from forged

    def _keep_first(self, incident: Incident, approval: Approval) -> Result:
        to = State.VERIFIED if approval.extends else State.PROPOSED
        move = Move(
            to,
            approval.approver,
            f"{'extended' if approval.extends else 'approved'}, first of two",
            digests=approval.digests,
            reason=approval.reason,
            ticket=approval.ticket,
        )
        note = first_approval_note(approval)
        alert = OutboxItem(
            OutboxTask.ALERT, incident.id, AlertReason.PROPOSED.value, int(self.now()), note=note
        )
        change_or_refuse(
            self.store,
            self.run_store,
            incident,
            lambda current: self.run_store.save_first_approval(current, move, approval, [alert]),
        )
        self._tell(incident.id)
        same = "extension" if approval.extends else "digests"
        detail = (
            f"Approved by one of two{lasting(approval.seconds)}. A second person has to approve the same "
            f"{same}."
        )
        return Result(incident.id, to, detail)

    def _roll_back_half_done(self, incident: Incident, run: Run, actor: str) -> Result:
        if run.lease_until > self.now():
            raise Refused(
                HTTPStatus.CONFLICT,
                f"incident {incident.id} is {incident.state}: a worker is still carrying the run out. "
                "Try again in a minute",
            )
        if run.direction is Direction.APPLY:
            self.run_store.ask_rollback(incident.id, run, actor)
        intents = self._intents(incident, run.runs_to_undo or (run.id,))
        return self._asked(incident.id, incident.state, "Being taken back.", intents)

    def _asked(
        self, incident_id: str, state: State, detail: str, intents: Sequence[Intent]
    ) -> Result:
        """Tell the worker, and answer at once; if that fails, the sweep tells it."""
        try:
            self.ask(incident_id)
        except Exception as error:  # noqa: BLE001 - the run has begun, and the sweep finds it
            detail = f"{detail} It begins within five minutes ({error_text(error)})."
        detail = f"{detail} Read the incident again to see how it goes."
        return Result(incident_id, state, detail, shown_patches(intents))

    def _tell(self, incident_id: str) -> None:
        """Have everybody told now; if the worker cannot be asked, the sweep tells them within minutes."""
        with contextlib.suppress(Exception):
            self.ask(incident_id)

    def _last_run(self, incident: Incident) -> Run | None:
        return self._genuine(incident, lambda: self.run_store.last_run(incident.id))

    def _intents(self, incident: Incident, runs: Sequence[str]) -> list[Intent]:
        return self._genuine(incident, lambda: self.run_store.intents(incident.id, runs))

    def _genuine(self, incident: Incident, read_it: Callable[[], _Kept]) -> _Kept:
        """What is kept of a run; if the service did not write it, the incident stops there.

        Raises:
            Refused: then.
        """
        try:
            return read_it()
        except NotGenuine as forged:
            detail = refuse_forged(self.store, self.run_store, incident.id, forged, self.now())
            raise Refused(HTTPStatus.CONFLICT, detail) from forged

    def _require_undoable(self, incident_id: str, intents: Sequence[Intent]) -> None:
        """Decide for every patch before anything is written.

        Raises:
            Refused: with all three texts, if a statement of ours was edited.
        """
        try:
            for intent in intents:
                if intent.step in IN_FORCE:
                    reader = reader_of(self.reader, intent.patch, incident_id)
                    live = read(intent.patch, reader, intent.aws_ids)
                    undo(intent.patch, live, intent.aws_ids)
        except StatementEdited as error:
            raise Refused(HTTPStatus.CONFLICT, f"nothing was rolled back: {error}") from error
        except Exception as error:
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"nothing was rolled back, because a policy could not be read: {error_text(error)}",
            ) from error
