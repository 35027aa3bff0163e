"""The second look, ten minutes after something was taken back: that it is gone.

AWS has acknowledged the undo, or showed nothing to undo. Both may be wrong: a read was stale, or a call
whose answer was lost had its effect late. What is found again is taken back once more, by a run of its
own; what is found a second time is for a person: perhaps other code puts it there.
"""

import dataclasses

from threegrants.incidents import AlertReason, Incident, Move, State, Store
from threegrants.incidents.states import RUN_IN_PROGRESS
from threegrants.remediation.due_alerts import Alert
from threegrants.remediation.outbox import OutboxItem
from threegrants.remediation.policy_io import read
from threegrants.remediation.remediation_roles import RemediationRoles
from threegrants.remediation.rollback import StatementEdited, undo
from threegrants.remediation.run_store import RunStore
from threegrants.remediation.runs import Intent, Run, Step, run_to_undo
from threegrants.remediation.worker import SERVICE, error_text, target_arns

_MAX_LOOKS = 12
"""Looks that fail before a person is told: about an hour."""
_ENDS = {State.ROLLED_BACK: State.ROLLED_BACK, State.VERIFIED: State.VERIFIED}
"""Where a run of the second look ends, by where the incident stood; elsewhere in `failed`."""


def second_look(
    store: Store,
    run_store: RunStore,
    remediation_roles: RemediationRoles,
    item: OutboxItem,
    alert: Alert,
    now: float,
) -> bool:
    """Look once more for what was taken back; whether it was there, and a run takes it back again.

    Args:
        store: the incidents.
        run_store: what is kept of runs.
        remediation_roles: the roles that write in the member accounts.
        item: the outbox item; it stays due while a run of its incident is in progress.
        alert: sends an alert.
        now: seconds since the epoch.

    Raises:
        Conflict: if the incident changed meanwhile, or another one holds the lease of the target.
        NotGenuine: if the intent is not as the worker left it.
        Exception: if the policy cannot be read; the next worker looks again.
    """
    incident, last = store.get(item.incident), run_store.last_run(item.incident)
    if incident.state in RUN_IN_PROGRESS or last is None:
        return False
    intent = next(
        one
        for one in run_store.intents(item.incident, (item.subject.split("#")[1],))
        if one.sk == item.subject
    )
    found = None
    if intent.step is Step.UNDONE and not _wanted_again(run_store, incident, last, intent):
        try:
            clients = remediation_roles.for_patch(intent.patch, incident.id, intent.run_id)
            live = read(intent.patch, clients, intent.aws_ids)
            found = not undo(intent.patch, live).nothing
        except StatementEdited as error:
            alert(incident.id, AlertReason.STUCK, error_text(error))
        except Exception as error:
            if item.tries + 1 < _MAX_LOOKS:
                run_store.outbox.count_try(item)
                raise
            note = (
                f"What was written to {intent.patch.target} was taken back. Whether it is gone could not "
                f"be looked at: {error_text(error)}. Compare the policy with the patch of the incident."
            )
            alert(incident.id, AlertReason.STUCK, note)
    if found and intent.second_looks:
        note = (
            f"What was taken back from {intent.patch.target} is there again, for the second time. "
            "Look who or what writes it: the service does not take it back any more."
        )
        alert(incident.id, AlertReason.STUCK, note)
    elif found:
        _take_back_again(run_store, incident, last, intent, now)
    run_store.outbox.mark_done(item)
    return bool(found)


def _wanted_again(run_store: RunStore, incident: Incident, last: Run, intent: Intent) -> bool:
    """Whether a later approval of the incident has put the same in force."""
    ours = (intent.patch.target, intent.patch.statement.get("Sid"), intent.patch.policy_name)
    return any(
        (one.patch.target, one.patch.statement.get("Sid"), one.patch.policy_name) == ours
        for one in run_store.intents(incident.id, last.runs_in_force)
        if one.step is not Step.UNDONE
    )


def _take_back_again(
    run_store: RunStore, incident: Incident, last: Run, intent: Intent, now: float
) -> None:
    target = intent.patch.target
    reason = f"ten minutes after it was taken back, our patch of {target} was there again"
    run = run_to_undo(
        last,
        (SERVICE,),
        (intent.run_id,),
        at=now,
        end_state=_ENDS.get(incident.state, State.FAILED),
        reason=reason,
    )
    again = dataclasses.replace(
        intent,
        step=Step.WRITTEN,
        undo_begun=0,
        undo_acknowledged=0,
        second_looks=intent.second_looks + 1,
    )
    move = Move(State.ROLLING_BACK, SERVICE, "taking back again", reason, (intent.patch.digest,))
    targets = target_arns(run_store.intents(incident.id, (intent.run_id,)))
    run_store.begin(incident, move, run, (again,), targets)
