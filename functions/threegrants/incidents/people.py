"""Who is at an incident: acknowledged by whom, assigned to whom. Both with their line of history.

They are attributes of `meta` that change by conditional writes of their own, without a new version of
the incident. Whoever is told of changes is told of these too (`state_events.py`).
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from threegrants.incidents.incident import Incident
from threegrants.incidents.items import META, item_key
from threegrants.incidents.moves import Move, told_writes
from threegrants.incidents.states import CLOSED
from threegrants.incidents.store import Store
from threegrants.incidents.table import Conflict, back_off, transact

MAX_NAME_CHARACTERS = 100
"""Of the name that an incident is assigned to."""
ACKNOWLEDGED, NOT_ACKNOWLEDGED = "acknowledged", "acknowledgement taken back"
ASSIGNED = "assigned"
"""What the history calls them."""
_MAX_ATTEMPTS = 5


class AssigneeError(ValueError):
    """An incident cannot be assigned to such a name: what is wanted instead."""


class ClosedError(RuntimeError):
    """The incident is closed: nobody has to see to it."""


def parse_name(value: Any) -> str:
    """The name that an incident is to be assigned to; empty for nobody.

    Raises:
        AssigneeError: if it is no text of at most 100 characters that can be printed.
    """
    if not isinstance(value, str) or len(value) > MAX_NAME_CHARACTERS or not _is_printable(value):
        raise AssigneeError(
            f'the body must be {{"to": "a name of at most {MAX_NAME_CHARACTERS} characters"}}; '
            '"" assigns it to nobody'
        )
    return value.strip()


def _is_printable(value: str) -> bool:
    return all(ch.isprintable() for ch in value)


def acknowledge(
    store: Store,
    incident_id: str,
    actor: str,
    *,
    on: bool = True,
    clock: Callable[[], float] = time.time,
) -> str:
    """Say that somebody is at an incident, or take that back. It ends when the incident is closed.

    Args:
        store: the store of incidents.
        incident_id: the incident's id.
        actor: the ARN of who is at it.
        on: False takes it back, whoever had said it.
        clock: seconds since the epoch.

    Returns:
        What became of it, for people. What was so before stays so, and is said.

    Raises:
        IncidentNotFound: if there is none with this id.
        ClosedError: if it is closed: there is nothing to be at.
        Conflict: if too many others change it.
    """

    def change(incident: Incident) -> _Change | str:
        by = incident.acknowledged_by
        if on and by:
            return f"acknowledged before, by {by}"
        if not (on or by):
            return "not acknowledged"
        at = int(clock())
        if on:
            update = "SET acknowledged_by = :actor, acknowledged_at = :at"
            values = {":actor": actor, ":at": at, ":nobody": ""}
            same = "(attribute_not_exists(acknowledged_by) OR acknowledged_by = :nobody)"
            return update, same, values, Move(incident.state, actor, ACKNOWLEDGED)
        move = Move(incident.state, actor, NOT_ACKNOWLEDGED, f"it was {by}'s")
        same = "acknowledged_by = :by"
        return "REMOVE acknowledged_by, acknowledged_at", same, {":by": by}, move

    return _changed(store, incident_id, change)


def assign(store: Store, incident_id: str, to: str, actor: str) -> str:
    """Say who is to see to an incident; the latest word counts.

    Args:
        store: the store of incidents.
        incident_id: the incident's id.
        to: a person's name, as `parse_name` gave it; empty for nobody.
        actor: the ARN of who says so.

    Returns:
        What became of it, for people.

    Raises:
        IncidentNotFound: if there is none with this id.
        ClosedError: if it is closed.
        Conflict: if too many others change it.
    """

    def change(incident: Incident) -> _Change | str:
        before = incident.assigned_to
        if before == to:
            return f"assigned to {to} before" if to else "assigned to nobody"
        same = "(attribute_not_exists(assigned_to) OR assigned_to = :before)"
        values = {":to": to, ":before": before}
        move = Move(incident.state, actor, ASSIGNED, f"to {to or 'nobody'}")
        return "SET assigned_to = :to", same, values, move

    return _changed(store, incident_id, change)


_Change = tuple[str, str, Mapping[str, Any], Move]
"""The update of `meta`, its condition, the values of both, and the line of history."""


def _changed(store: Store, incident_id: str, change: Callable[[Incident], "_Change | str"]) -> str:
    """Make one change of `meta` together with its line of history and its event."""
    for attempt in range(_MAX_ATTEMPTS):
        incident = store.get(incident_id)
        if incident.state in CLOSED:
            raise ClosedError(
                f"incident {incident.id} is {incident.state}: nobody has to see to it"
            )
        made = change(incident)
        if isinstance(made, str):
            return made
        update, same, values, move = made
        write = {
            "Key": item_key(incident.id, META),
            "UpdateExpression": update,
            "ConditionExpression": f"#state = :state AND {same}",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {**values, ":state": incident.state.value},
        }
        try:
            transact(store.table, [write, *told_writes(incident, move)])
        except Conflict:
            back_off(attempt)
            continue
        store.events_are_due = True
        return f"{move.what} {move.detail}".strip()
    raise Conflict(f"incident {incident_id} is being changed by too many others; try again")
