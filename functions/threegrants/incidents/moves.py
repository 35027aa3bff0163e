"""Moves of an incident between states, the lines of its history, and the events about them.

Every move is written together with its line (time, actor, from, to, digests, detail), and with the event
that tells other systems.
"""

import time
import uuid
from dataclasses import dataclass, replace
from typing import Any

from threegrants.incidents.fitting import fitting_detail
from threegrants.incidents.incident import Incident
from threegrants.incidents.items import change_writes, expiry_of, item_key, put_write
from threegrants.incidents.state_events import StateEvent, event_write, new_event_id
from threegrants.incidents.states import TRANSITIONS, State
from threegrants.incidents.table import Conflict


@dataclass(frozen=True, slots=True)
class Move:
    """A move of an incident to another state, with its line of history.

    Args:
        to: the new state.
        actor: who made it: an ARN, or `service`.
        what: what the history calls it.
        detail: what people should know.
        digests: the digests of the patches it is about.
        reason: why, in the words of the person who decided.
        ticket: what it belongs to elsewhere, as that person said.
        open_until: what is open by it, and until when (`Incident.open_until`); None if that stays.
    """

    to: State
    actor: str
    what: str
    detail: str = ""
    digests: tuple[str, ...] = ()
    reason: str = ""
    ticket: str = ""
    open_until: str | None = None


def move_writes(incident: Incident, move: Move) -> list[dict[str, Any]]:
    """The writes of a move: the incident's new state first, and the line of history last.

    Raises:
        Conflict: if the table in `states.py` does not have the move.
    """
    if move.to not in TRANSITIONS[incident.state]:
        raise Conflict(f"incident {incident.id} is {incident.state}: it cannot be {move.what}")
    opened = incident.open_until if move.open_until is None else move.open_until
    moved = replace(incident, state=move.to, version=incident.version + 1, open_until=opened)
    return [
        *change_writes(incident, moved, expires_at=expiry_of(move.to, opened)),
        *told_writes(incident, move),
    ]


def history_write(incident: Incident, move: Move) -> dict[str, Any]:
    """The line of history of a move that starts at the incident's state."""
    return _history_write(incident.id, incident.state.value, move)


def told_writes(incident: Incident, move: Move) -> list[dict[str, Any]]:
    """The line of history of a move that starts at the incident's state, and the event about it."""
    return [history_write(incident, move), event_of_move(incident, move)]


def opened_write(incident: Incident) -> dict[str, Any]:
    """The first line of an incident's history. Its event follows with the first diagnosis."""
    return _history_write(incident.id, "", Move(incident.state, "service", "opened"))


def event_of_move(incident: Incident, move: Move) -> dict[str, Any]:
    """The event of a move that starts at the incident's state; of the first diagnosis, at none."""
    return event_write(
        StateEvent(
            id=new_event_id(),
            incident_id=incident.id,
            at=_now(),
            before=incident.state.value if incident.alert_fingerprint else "",
            after=move.to.value,
            what=move.what,
            actor=move.actor,
            detail=move.detail,
            digests=move.digests,
            reason=move.reason,
            ticket=move.ticket,
        )
    )


def _now() -> str:
    # One instant for both parts: the lines are sorted by it.
    seconds, rest = divmod(time.time_ns(), 10**9)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:09d}Z"


def _history_write(incident_id: str, before: str, move: Move) -> dict[str, Any]:
    at = _now()
    return put_write(
        {
            **item_key(incident_id, f"history#{at}#{uuid.uuid4().hex[:8]}"),
            "at": at,
            "actor": move.actor,
            "what": move.what,
            "from": before,
            "to": move.to.value,
            "detail": fitting_detail(move.detail),
            "digests": list(move.digests),
            "reason": move.reason or None,
            "ticket": move.ticket or None,
        }
    )
