"""The end of a grant: what is due when, what has ended, and the run that takes it back.

A run whose grant ends has two items in the outbox from its beginning: an hour before, people are told; at
the end, a run of its own takes back exactly what was written. The items are hints. What is done follows from
the runs as they were begun, which are sealed. A run that another one prolongs ends with that one.
"""

import dataclasses
from collections.abc import Iterable, Sequence

from threegrants.incidents import AlertReason, Incident, Move, State, Store
from threegrants.incidents.states import AWAITING_DECISION, RUN_IN_PROGRESS
from threegrants.patches.grant_end import end_text
from threegrants.remediation.in_force import ending_runs
from threegrants.remediation.outbox import OutboxItem, OutboxTask
from threegrants.remediation.run_store import RunStore
from threegrants.remediation.runs import Run, run_to_undo
from threegrants.remediation.worker import GRANT_ENDED, target_arns

WARNING_SECONDS = 3600
"""How long before the end people are told."""


def end_items(incident_id: str, run: Run) -> tuple[OutboxItem, ...]:
    """What becomes due for the end of a run's grant; nothing if it has none.

    Args:
        incident_id: the incident.
        run: the new run.
    """
    if not run.ends_at:
        return ()
    end = OutboxItem(OutboxTask.GRANT_END, incident_id, run.id, run.ends_at)
    warn_at = run.ends_at - WARNING_SECONDS
    if warn_at <= run.approved_at:
        return (end,)  # whoever approved has just been told
    return (OutboxItem(OutboxTask.GRANT_WARNING, incident_id, run.id, warn_at), end)


def warn(store: Store, run_store: RunStore, item: OutboxItem, now: float) -> bool:
    """Make the alert due that a grant ends soon; whether it was. Both in one transaction, so once.

    Args:
        store: the incidents.
        run_store: what is kept of runs.
        item: the outbox item.
        now: seconds since the epoch.

    Raises:
        Conflict: if another worker has just done it.
        NotGenuine: if what is kept of a run is not genuine.
    """
    incident = store.get(item.incident)
    run, _ = _ending(run_store, incident, item)
    if run is None or now >= run.ends_at:
        run_store.outbox.mark_done(item)
        return False
    if now < run.ends_at - WARNING_SECONDS:
        return False  # the item is not of the time that was approved
    note = (
        f"The grant ends at {end_text(run.ends_at)}; then it is taken back. A later end is a new "
        f"approval: threegrants extend {incident.id} --for 8h"
    )
    alert = OutboxItem(OutboxTask.ALERT, incident.id, AlertReason.ENDING.value, int(now), note=note)
    run_store.settle(item, [alert])
    return True


def begin_end(store: Store, run_store: RunStore, item: OutboxItem, now: float) -> bool:
    """Begin to take back what has ended; whether a run was begun.

    Args:
        store: the incidents.
        run_store: what is kept of runs.
        item: the outbox item; it stays due while a run of its incident is in progress.
        now: seconds since the epoch.

    Raises:
        Conflict: if the incident changed meanwhile, or another one holds the lease of a target.
        NotGenuine: if what is kept of a run is not genuine.
    """
    incident = store.get(item.incident)
    if incident.state in RUN_IN_PROGRESS:
        return False
    ended, last = _ending(run_store, incident, item)
    if ended is None or last is None:
        run_store.outbox.mark_done(item)
        return False
    if now < ended.ends_at:
        return False  # the item is not of the time that was approved
    runs = with_extended(run_store, incident.id, [ended])
    left = [run_id for run_id in last.runs_in_force if run_id not in {run.id for run in runs}]
    reason = f"the grant ended at {end_text(ended.ends_at)}"
    undo = dataclasses.replace(
        run_to_undo(
            last,
            (GRANT_ENDED,),
            tuple(run.id for run in runs),
            at=now,
            end_state=_end_state(incident.state, left),
            reason=reason,
        ),
        digests=tuple(dict.fromkeys(digest for run in runs for digest in run.digests)),
    )
    move = Move(State.ROLLING_BACK, GRANT_ENDED, "grant ended", reason, undo.digests)
    targets = target_arns(run_store.intents(incident.id, undo.runs_to_undo))
    run_store.begin(incident, move, undo, (), targets)
    run_store.outbox.mark_done(item)
    return True


def with_extended(run_store: RunStore, incident_id: str, runs: Iterable[Run]) -> tuple[Run, ...]:
    """Runs and all that they prolong, the oldest first.

    Args:
        run_store: what is kept of runs.
        incident_id: the incident.
        runs: the runs.
    """
    found: dict[str, Run] = {}
    ahead = list(runs)
    while ahead:
        run = ahead.pop()
        if run.id not in found:
            found[run.id] = run
            ahead += [run_store.begun(incident_id, one) for one in run.extends]
    return tuple(sorted(found.values(), key=lambda run: (run.approved_at, len(run.runs_in_force))))


def _ending(
    run_store: RunStore, incident: Incident, item: OutboxItem
) -> tuple[Run | None, Run | None]:
    """The run that an item is about, if its grant is in force and is not prolonged; and the last run."""
    last = run_store.last_run(incident.id)
    if last is None or item.subject not in last.runs_in_force:
        return None, last
    in_force = [run_store.begun(incident.id, one) for one in last.runs_in_force]
    return next((run for run in ending_runs(in_force) if run.id == item.subject), None), last


def _end_state(state: State, left: Sequence[str]) -> State:
    """Where an incident goes when what has ended is taken back.

    Args:
        state: where it stands.
        left: the runs that stay in force.
    """
    if state in AWAITING_DECISION:
        return State.OPEN
    if not left:
        return State.ROLLED_BACK
    return State.STUCK if state is State.STUCK else State.VERIFIED
