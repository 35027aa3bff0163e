"""A person's decision about an incident becomes a transaction, or a refusal that says why."""

from collections.abc import Callable, Sequence
from http import HTTPStatus

from threegrants.incidents import Conflict, Incident, Move, State, Store
from threegrants.patches import Patch
from threegrants.patches.grant_end import end_text
from threegrants.remediation.approval import QUOTA_EXCEEDED
from threegrants.remediation.first_approval import Approval
from threegrants.remediation.grant_ends import end_items
from threegrants.remediation.outbox import OutboxItem
from threegrants.remediation.results import Refused
from threegrants.remediation.run_store import (
    FirstApprovalChanged,
    LeaseHeld,
    QuotaExceeded,
    RunStore,
)
from threegrants.remediation.runs import Intent, Run
from threegrants.remediation.worker import target_arns

_MAX_TRIES = 5
_FIRST_CHANGED = (
    "the first of the two approvals was replaced, used or withdrawn meanwhile, so nothing was "
    "changed: read the incident again"
)


def change_or_refuse(
    store: Store,
    run_store: RunStore,
    incident: Incident,
    change: Callable[[Incident], None],
    targets: frozenset[str] = frozenset(),
) -> None:
    """Change an incident; if only an event was counted in between, read it and try again.

    Args:
        store: the incidents.
        run_store: what is kept of runs.
        incident: as it was when it was decided about.
        change: the transaction, given the incident as it is now.
        targets: the ARNs whose leases the change needs.

    Raises:
        Refused: if the incident is not what it was when it was decided about, if another incident
            holds a lease, if the first of two approvals is another by now, or if the hour's quota
            is used up.
    """
    current = incident
    for _ in range(_MAX_TRIES):
        try:
            change(current)
        except LeaseHeld as error:
            detail = _lease_held(run_store, incident.id, targets)
            raise Refused(HTTPStatus.CONFLICT, detail) from error
        except FirstApprovalChanged as error:
            raise Refused(HTTPStatus.CONFLICT, _FIRST_CHANGED) from error
        except QuotaExceeded as error:
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, QUOTA_EXCEEDED) from error
        except Conflict as error:
            before, current = current, store.get(incident.id)
            if (
                current.version == before.version  # nobody interfered: it is not allowed
                or current.state is not incident.state
                or current.diagnosis != incident.diagnosis
            ):
                raise Refused(HTTPStatus.CONFLICT, str(error)) from error
        else:
            return
    raise Refused(
        HTTPStatus.CONFLICT,
        f"incident {incident.id} is being changed by others right now, so nothing was done: try again",
    )


def begin_applying(
    store: Store,
    run_store: RunStore,
    incident: Incident,
    run: Run,
    patches: Sequence[Patch],
    quota: tuple[int, float],
    *,
    outbox: tuple[OutboxItem, ...] = (),
    first: Approval | None = None,
) -> tuple[Intent, ...]:
    """Begin a run that applies patches; its intents. A worker takes it over from there.

    Args:
        store: the incidents.
        run_store: what is kept of runs.
        incident: as it was when it was decided about.
        run: the run.
        patches: what it applies.
        quota: the most patches an hour, and the time.
        outbox: what becomes due with it.
        first: the first of two approvals, which it uses up.

    Raises:
        Refused: as `change_or_refuse`.
    """
    intents = tuple(Intent(run.id, at, patch) for at, patch in enumerate(patches))
    said = run.reasons[-1] if run.reasons else ""
    move = Move(
        State.APPLYING,
        run.actors[-1],
        "extended" if run.extends else "approved",
        f"It ends at {end_text(run.ends_at)}." if run.ends_at else "",
        run.digests,
        reason=said,
        ticket=run.ticket,
    )
    targets = target_arns(intents)
    due = (*outbox, *end_items(incident.id, run))
    change_or_refuse(
        store,
        run_store,
        incident,
        lambda current: run_store.begin(
            current, move, run, intents, targets, quota=quota, outbox=due, first=first
        ),
        targets,
    )
    return intents


def _lease_held(run_store: RunStore, incident_id: str, targets: frozenset[str]) -> str:
    """Which incident holds which target, for the person who has to wait."""
    holders = {target: run_store.lease_holder(target) for target in sorted(targets)}
    held = [
        f"{target} is being written for incident {holder}"
        for target, holder in holders.items()
        if holder not in (None, incident_id)
    ]
    return (
        f"{'; '.join(held) or 'a policy was being written for another incident'}. Only one incident "
        "at a time may write a policy: try again in a minute"
    )
