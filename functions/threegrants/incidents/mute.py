"""Mute: no alerts of one incident until a time; what is owed by then is alerted afterwards."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from threegrants.incidents.items import Incident, history_line, item_key, put_write
from threegrants.incidents.store import Store
from threegrants.incidents.table import transact

MAX_HOURS = 720
_HOUR = 3600


class MuteError(ValueError):
    """The hours are not a number from 0 to 720."""


def parse_hours(value: Any) -> int:
    """How long, from a request.

    Raises:
        MuteError: saying what is wanted.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_HOURS:
        raise MuteError(f'the body must be {{"hours": 0 to {MAX_HOURS}}}; 0 ends the silence')
    return value


def mute(
    store: Store, incident_id: str, hours: int, actor: str, clock: Callable[[], float] = time.time
) -> str:
    """Keep an incident quiet for some hours; 0 ends it. What the history then says.

    Raises:
        IncidentNotFound: if there is none with this id.
    """
    incident = store.get(incident_id)
    until = int(clock()) + hours * _HOUR if hours else 0
    said = f"until {datetime.fromtimestamp(until, UTC):%Y-%m-%dT%H:%M:%SZ}" if hours else ""
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
            put_write(history_line(incident.id, actor, what, incident.state, incident.state, said)),
        ],
    )
    return f"{what} {said}".strip()


def is_muted(incident: Incident, now: float) -> bool:
    """Whether the incident is quiet now."""
    return incident.muted_until > now
