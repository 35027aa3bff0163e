"""`WorkerService`: gives one incident the attention it wants. The only part that writes policies.

Whoever asks says nothing but which incident. What is done follows from what the approving role and the
worker have sealed, and from the operators' own parameter: a half-done run goes on, what is due is looked
into, a standing approval is applied. So a message in the queue, or an invocation of the function, is
worth nothing by itself.
"""

import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

from threegrants.analysis import Analysis
from threegrants.evidence import RoleClients
from threegrants.incidents import AlertReason, Conflict, Incident, State, Store
from threegrants.incidents.states import RUN_IN_PROGRESS
from threegrants.remediation.approval import (
    check_limits,
    hours_for,
    needs_two_people,
    require_covered,
    require_report,
    select_patches,
    with_ends,
)
from threegrants.remediation.break_glass import key_wants_two
from threegrants.remediation.due_alerts import Alert, send_due_alerts
from threegrants.remediation.forgery import refuse_forged
from threegrants.remediation.grant_ends import begin_end, warn
from threegrants.remediation.grant_hours import still_allowed
from threegrants.remediation.incident_changes import begin_applying
from threegrants.remediation.limits import Limits
from threegrants.remediation.outbox import OutboxItem, OutboxTask
from threegrants.remediation.refresh import refresh
from threegrants.remediation.remediation_roles import RemediationRoles
from threegrants.remediation.results import Refused
from threegrants.remediation.run_store import LeaseLost, RunStore
from threegrants.remediation.runs import Direction, Run, run_to_apply
from threegrants.remediation.seals import NotGenuine
from threegrants.remediation.second_look import second_look
from threegrants.remediation.standing_approvals import find_standing_approval
from threegrants.remediation.standing_parameter import StandingApproval
from threegrants.remediation.windows import look_into_window
from threegrants.remediation.worker import RunProgress, Worker, target_arns

_HOUR = 3600
_MAX_ATTEMPTS = 4
"""Workers that try to finish a run forward, and again backward."""
TASK_SECONDS = 12.0
"""Seconds that one task may take; with less time left, none is begun."""


@dataclass(frozen=True, slots=True)
class WorkerService:
    """What the worker function does.

    Args:
        store: the incidents.
        run_store: what is kept of runs; it seals as the worker.
        reader: clients with the reader role: what limits need to know.
        remediation_roles: the roles that write in the member accounts.
        limits: what the operators set, as it is now.
        reanalyze: examines the incident's call again, from fresh evidence.
        alert: sends an alert.
        on_error: told what went wrong with an incident.
        pause: waits for so many seconds.
        now: seconds since the epoch.
        lease_seconds: for how long a worker holds a run: more than its function may run.
    """

    store: Store
    run_store: RunStore
    reader: RoleClients
    remediation_roles: RemediationRoles
    limits: Callable[[], Limits]
    reanalyze: Callable[[Incident], Analysis]
    alert: Alert
    on_error: Callable[[str, Exception], None]
    pause: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
    lease_seconds: int = 60

    def attend(self, incident_id: str, deadline: float) -> Counter[str]:
        """Do what an incident wants now; how many of what was done, by the names of the metrics.

        Args:
            incident_id: the incident.
            deadline: the second by which this process must have ended.

        Raises:
            IncidentNotFound: if there is none with this id.
            Exception: what went wrong first; the other tasks were tried all the same.
        """
        report: Counter[str] = Counter()
        incident_id = self.store.get(incident_id).id  # it may be named by another name of it
        tasks = (
            partial(self._resume, incident_id, deadline, report),
            partial(self._look_into_what_is_due, incident_id, deadline, report),
            partial(self._apply_standing, incident_id, deadline, report),
            partial(self._renew_patches, incident_id, report),
            partial(self._send_alerts, incident_id, report),
        )
        errors: list[Exception] = []
        for task in tasks:
            if self.now() + TASK_SECONDS > deadline:
                report["left for the next worker"] += 1
                continue
            try:
                task()
            except Conflict:
                report["overtaken"] += 1  # someone else moved it: another worker, an approver
            except NotGenuine as forged:
                refuse_forged(self.store, self.run_store, incident_id, forged, self.now())
                report["not genuine"] += 1
            except Exception as error:  # noqa: BLE001 - raised when the other tasks are done
                report["errors"] += 1
                self.on_error(incident_id, error)
                errors.append(error)
        if errors:
            raise errors[0]
        return report

    def resume(self, incident_id: str, deadline: float) -> RunProgress | None:
        """Carry on a run that no living worker has; None if there is none.

        A run goes only back if its approval has expired, if a limit forbids it by now, if a person
        wants it back, or if it was tried too often.

        Args:
            incident_id: the incident.
            deadline: the second by which this process must have ended.

        Raises:
            NotGenuine: if the run, or what it is to write, is not what was approved.
            Refused: if the limits cannot be checked now; the next worker tries again.
        """
        incident = self.store.get(incident_id)
        incident_id = incident.id
        if incident.state not in RUN_IN_PROGRESS:
            return None
        run = self.run_store.last_run(incident_id)
        if run is None or self.run_store.ended(incident_id, run.id) is not None:
            raise NotGenuine(f"its state is {incident.state}, and no run of it is in progress")
        self.run_store.require_approved(incident_id, run)
        if run.lease_until > self.now():
            return None
        asked_by = self._rollback_asked(incident_id, run)
        objection = None if asked_by else self._objection(incident, run)
        try:
            worker = self._take_over(incident_id, run, deadline)
        except LeaseLost:
            return None
        if worker.run.direction is Direction.UNDO:
            if worker.run.attempts - worker.run.waits > _MAX_ATTEMPTS:
                return worker.mark_stuck(run.reason or "tried too often")
        elif asked_by is not None:
            # What earlier approvals wrote has leases of its own: it stays for another rollback.
            end = State.FAILED if run.runs_in_force else State.ROLLED_BACK
            end = run.end_state if run.extends else end
            return worker.start_rollback(f"{asked_by} asked for it", end, asked_by)
        elif objection is not None:
            return worker.start_rollback(objection)
        return worker.resume()

    def _rollback_asked(self, incident_id: str, run: Run) -> str | None:
        """Who wants the run back; nobody, if the approving role did not write that."""
        if run.direction is Direction.UNDO:
            return None
        try:
            return self.run_store.rollback_asked(incident_id, run)
        except NotGenuine:
            return None

    def _objection(self, incident: Incident, run: Run) -> str | None:
        """What speaks by now against going forward; None if nothing.

        What needs no reading comes first: limits that cannot be read keep no run for ever.
        """
        if run.direction is Direction.UNDO:
            return None
        if self.now() >= run.expires:
            return "the approval expired before the run was finished"
        if run.ends_at and self.now() >= run.ends_at:
            return "the grant's end came before the run was finished"
        if run.attempts - run.waits >= _MAX_ATTEMPTS:
            return f"{_MAX_ATTEMPTS} workers tried to finish the run, and none did"
        patches = [i.patch for i in self.run_store.intents(incident.id, (run.id,))]
        try:
            limits, report = self.limits(), require_report(incident)
            extends = bool(run.extends)
            alone = run.break_glass and not key_wants_two(report, patches)
            enough = run.two_people or alone
            if not enough and needs_two_people(limits, report, patches, extends=extends):
                return "by the limits as they are now, two people have to approve it"
            rules = hours_for(limits, report, patches)
            if found := still_allowed(rules, run.seconds_granted):
                return f"by the limits as they are now: {found}"
            check_limits(limits, incident, patches, self.reader)
        except Refused as refused:
            if refused.status == HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            return refused.detail
        return None

    def _take_over(self, incident_id: str, run: Run, deadline: float) -> Worker:
        run_ids = tuple(dict.fromkeys((*run.runs_to_undo, run.id)))
        targets = target_arns(self.run_store.intents(incident_id, run_ids))
        lease_until = int(self.now()) + self.lease_seconds
        mine = self.run_store.take_over(incident_id, run, targets, uuid.uuid4().hex, lease_until)
        return Worker(
            incident_id,
            mine,
            self.store,
            self.run_store,
            self.remediation_roles,
            self.reanalyze,
            self.pause,
            self.now,
            deadline,
        )

    # --- the tasks ---

    def _resume(self, incident_id: str, deadline: float, report: Counter[str]) -> None:
        result = self.resume(incident_id, deadline)
        if result is not None:
            report[f"resumed: {result.state}"] += 1

    def _look_into_what_is_due(
        self, incident_id: str, deadline: float, report: Counter[str]
    ) -> None:
        errors: list[Exception] = []
        for item in self.run_store.outbox.due(self.now()):
            if item.incident != incident_id or self.now() + TASK_SECONDS > deadline:
                continue
            try:
                self._look_into(item, deadline, report)
            except NotGenuine:
                raise
            except Exception as error:  # noqa: BLE001 - raised when the others were looked into
                errors.append(error)
        if errors:
            raise errors[0]

    def _look_into(self, item: OutboxItem, deadline: float, report: Counter[str]) -> None:
        if item.task is OutboxTask.WINDOW:
            foreign = look_into_window(self.run_store, self.remediation_roles, item, self.alert)
            report["windows with foreign writes"] += foreign
            report["windows looked into"] += 1
        elif item.task is OutboxTask.GRANT_WARNING:
            report["grants end soon"] += warn(self.store, self.run_store, item, self.now())
        elif item.task is OutboxTask.GRANT_END:
            begun = begin_end(self.store, self.run_store, item, self.now())
            report["grants ended"] += begun
            if begun:
                self.resume(item.incident, deadline)
        elif item.task is OutboxTask.SECOND_LOOK:
            found = second_look(
                self.store, self.run_store, self.remediation_roles, item, self.alert, self.now()
            )
            report["second looks"] += 1
            report["found again"] += found
            if found:
                self.resume(item.incident, deadline)

    def _apply_standing(self, incident_id: str, deadline: float, report: Counter[str]) -> None:
        """Apply what a standing approval covers, by an analysis of the worker's own."""
        incident = self.store.get(incident_id)
        if incident.state is not State.OPEN or self._standing(incident) is None:
            return
        incident = refresh(self.store, self.reanalyze, self.now(), incident)
        found = self._standing(incident) if incident.state is State.OPEN else None
        if found is None:
            return
        try:
            self._begin_standing(incident, *found)
        except Refused as refused:
            # The limits hold for standing approvals too; the incident waits for a person.
            report["standing: refused"] += 1
            self.on_error(incident_id, refused)
            return
        result = self.resume(incident_id, deadline)
        if result is not None:
            report[f"standing: {result.state}"] += 1

    def _standing(self, incident: Incident) -> tuple[StandingApproval, tuple[str, ...]] | None:
        if incident.report is None:
            return None
        return find_standing_approval(
            self.limits(), incident.report, self.now(), replayed=incident.replayed
        )

    def _begin_standing(
        self, incident: Incident, approval: StandingApproval, digests: tuple[str, ...]
    ) -> None:
        """Begin a run for a standing approval, sealed by the worker; an alert names it."""
        limits, now = self.limits(), self.now()
        require_covered(approval, incident, digests, limits, now)
        offered = select_patches(incident, digests)
        hours = approval.hours
        patches, asked = with_ends(
            limits, require_report(incident), offered, hours and hours * _HOUR, now
        )
        check_limits(limits, incident, patches, self.reader)
        actor = f"standing approval {approval.name}"
        note = f"Applied without a person, by {actor}."
        alert = OutboxItem(
            OutboxTask.ALERT, incident.id, AlertReason.STANDING.value, int(now), note=note
        )
        run = run_to_apply(
            patches,
            (actor,),
            at=now,
            expires=min(int(approval.expires), int(now) + limits.approval_seconds),
            last=self.run_store.last_run(incident.id),
            standing=approval.name,
            asked=asked,
        )
        quota = (limits.patches_an_hour, now)
        begin_applying(self.store, self.run_store, incident, run, patches, quota, outbox=(alert,))

    def _renew_patches(self, incident_id: str, report: Counter[str]) -> None:
        """A policy that changed since the diagnosis wants new patches, not the same refusal."""
        incident = self.store.get(incident_id)
        ended = incident.state is State.OPEN and report["grants ended"]
        if ended or (incident.state is State.FAILED and report[f"resumed: {State.FAILED}"]):
            refresh(self.store, self.reanalyze, self.now(), incident)

    def _send_alerts(self, incident_id: str, report: Counter[str]) -> None:
        sent = send_due_alerts(self.run_store.alerts, self.alert, self.now(), incident_id)
        report["alerts"] += sent
