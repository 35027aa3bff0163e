"""Mute: no alerts about one incident until a time. What is due by then is alerted afterwards."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from threegrants.incidents.items import item_key
from threegrants.incidents.moves import Move, told_writes
from threegrants.incidents.snoozes import Snooze, SnoozeOf, snooze_put
from threegrants.incidents.store import Store
from threegrants.incidents.table import transact

MAX_HOURS = 720
"""The longest mute: 30 days."""
_SECONDS_AN_HOUR = 3600


class MuteError(ValueError):
    """The hours are not a whole number from 0 to 720."""


def parse_hours(value: Any) -> int:
    """The hours of a request; 0 ends a mute.

    Raises:
        MuteError: saying what is wanted.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_HOURS:
        raise MuteError(f'the body must be {{"hours": 0 to {MAX_HOURS}}}; 0 ends the silence')
    return value


def mute(
    store: Store,
    incident_id: str,
    hours: int,
    actor: str,
    clock: Callable[[], float] = time.time,
) -> str:
    """Hold back the alerts of an incident for some hours.

    Args:
        store: the store of incidents.
        incident_id: the incident's id.
        hours: for how long; 0 ends a mute.
        actor: who asks, for the history.
        clock: seconds since the epoch.

    Returns:
        What the history says: `muted until …`, or `unmuted`.

    Raises:
        IncidentNotFound: if there is none with this id.
    """
    incident = store.get(incident_id)
    now = int(clock())
    until = now + hours * _SECONDS_AN_HOUR if hours else 0
    detail = f"until {datetime.fromtimestamp(until, UTC):%Y-%m-%dT%H:%M:%SZ}" if hours else ""
    what = "muted" if hours else "unmuted"
    transact(
        store.table,
        [
            {
                "Key": item_key(incident.id, "meta"),
                "UpdateExpression": "SET muted_until = :until",
                "ConditionExpression": "attribute_exists(pk)",
                "ExpressionAttributeValues": {":until": until},
            },
            snooze_put(Snooze(SnoozeOf.INCIDENT, incident.id, until, actor, incident.id, now)),
            *told_writes(incident, Move(incident.state, actor, what, detail)),
        ],
    )
    store.events_are_due = True
    return f"{what} {detail}".strip()
