"""What happens when a run or an approval in the table was not written by the service: nothing, loudly.

Nothing is written to any policy. The incident's state says so, and one alert goes out. A person has to find
out who else can write the table: docs/remediation.md.
"""

import contextlib
import math

from threegrants.incidents import AlertReason, Conflict, Move, State, Store
from threegrants.remediation.outbox import OutboxItem, OutboxTask
from threegrants.remediation.run_store import RunStore
from threegrants.remediation.seals import NotGenuine


def forged_text(forged: NotGenuine) -> str:
    """What people are told."""
    return (
        f"Refused: what is kept of this incident's approvals was not written by this service ({forged}). "
        "Nothing was changed because of it. Find out who else can write the tables, and compare the "
        "policies with the patches of the incident"
    )


def refuse_forged(
    store: Store,
    run_store: RunStore,
    incident_id: str,
    forged: NotGenuine,
    now: float,
    *,
    to: State = State.STUCK,
) -> str:
    """Stop an incident at what is not genuine, with one alert; what people are told.

    Args:
        store: the incidents.
        run_store: what is kept of runs.
        incident_id: the incident.
        forged: what is not genuine.
        now: seconds since the epoch.
        to: where the incident goes: `open` if nothing but a first approval is concerned.
    """
    incident, detail = store.get(incident_id), forged_text(forged)
    if incident.state not in (State.STUCK, to):
        alert = OutboxItem(
            OutboxTask.ALERT, incident_id, AlertReason.FORGED.value, math.floor(now), note=detail
        )
        move = Move(to, "service", "refused what is not genuine", detail)
        with contextlib.suppress(Conflict):  # someone else moved it meanwhile: perhaps for the same
            run_store.move(incident, move, [alert])
    return detail
