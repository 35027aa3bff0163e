"""A person opens an incident again that was rejected, taken back or resolved."""

from http import HTTPStatus

from threegrants.incidents import Move, State, Store
from threegrants.incidents.states import REOPENED_BY_PERSON
from threegrants.remediation.approval import require_identified, require_not_own_grant
from threegrants.remediation.incident_changes import change_or_refuse
from threegrants.remediation.results import Refused, Result
from threegrants.remediation.run_store import RunStore

MOST_CHARACTERS = 500
"""Of a reason."""


def reopen(
    store: Store, run_store: RunStore, incident_id: str, actor: str, reason: str = ""
) -> Result:
    """Open an incident again, so that it can be approved or rejected once more.

    Args:
        store: the incidents.
        run_store: what is kept of runs.
        incident_id: the incident.
        actor: the ARN that AWS gives of who asks.
        reason: why, in that person's words.

    Raises:
        Refused: if the incident is in no state that a person may open again, or if the denied
            principal asks.
        IncidentNotFound: if there is none with this id.
    """
    require_identified(actor)
    incident = store.get(incident_id)
    require_not_own_grant(incident, actor, ())
    if incident.state not in REOPENED_BY_PERSON:
        wanted = ", ".join(sorted(REOPENED_BY_PERSON))
        raise Refused(
            HTTPStatus.CONFLICT,
            f"incident {incident.id} is {incident.state}: only one that is {wanted} can be opened again",
        )
    move = Move(State.OPEN, actor, "reopened", reason)
    change_or_refuse(store, run_store, incident, lambda current: run_store.move(current, move))
    detail = "Open again. Its diagnosis is as old as it was: recheck it before you decide."
    return Result(incident.id, State.OPEN, detail)
