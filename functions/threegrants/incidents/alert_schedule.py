"""Turns: which worker examines an incident, and which one alerts. Leases and marks on `meta`.

None of them changes the incident's version. A lease that its holder lost in a crash runs out.
"""

import time
from collections.abc import Callable
from typing import Any

from threegrants.incidents.items import Incident, key_of
from threegrants.incidents.states import State
from threegrants.incidents.table import update_if

LEASE = 60
"""Seconds; as long as the function that holds it may run."""
_GROWING = frozenset({State.OPEN, State.FAILED})
_FIRST_ROUND = 10


class Turns:
    """Leases on incidents.

    Args:
        table: the boto3 Table of incidents.
        clock: seconds since the epoch.
    """

    def __init__(self, table: Any, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock

    def examine(self, identity: str) -> bool:
        """Whether it is this worker that examines now."""
        return self._lease(identity, "examining_until")

    def examined(self, identity: str) -> None:
        """Let the next one examine, after a failure: a diagnosis that is kept ends the turn too."""
        self._end(identity, "examining_until")

    def alert(self, identity: str) -> bool:
        """Whether it is this worker that alerts now."""
        return self._lease(identity, "alerting_until")

    def alert_failed(self, identity: str) -> None:
        """Let the next one alert."""
        self._end(identity, "alerting_until")

    def alerted(self, incident: Incident) -> None:
        """The alert of `incident` as it is here went out; ends the turn.

        An alert that became due meanwhile, for another verdict, stays due.
        """
        key = key_of(incident.id, "meta")
        done = "SET alerted_count = :count REMOVE alerting_until"
        values: dict[str, Any] = {"count": max(1, _round(incident.count))}
        if incident.alert_due:
            paid = done.replace(" REMOVE", ", alert_due = :no REMOVE")
            same = "signature = :sent"
            if update_if(self._table, key, paid, same, no=False, sent=incident.signature, **values):
                return
        update_if(self._table, key, done, "attribute_exists(pk)", **values)

    def hold(self, incident: Incident, why: str) -> bool:
        """Note that an alert was held back; False if this one was noted before."""
        what = f"{why} {_round(incident.count) if why == 'count' else incident.signature}"
        if incident.held == what:
            return False
        key = key_of(incident.id, "meta")
        new = "attribute_exists(pk) AND (attribute_not_exists(held) OR held <> :what)"
        return update_if(self._table, key, "SET held = :what", new, what=what)

    def _lease(self, identity: str, name: str) -> bool:
        now = int(self._clock())
        free = f"attribute_exists(pk) AND (attribute_not_exists({name}) OR {name} <= :now)"
        key = key_of(identity, "meta")
        return update_if(self._table, key, f"SET {name} = :end", free, now=now, end=now + LEASE)

    def _end(self, identity: str, name: str) -> None:
        self._table.update_item(
            Key=key_of(identity, "meta"), UpdateExpression=f"REMOVE {name}",
            ConditionExpression="attribute_exists(pk)",
        )  # fmt: skip


def owed(incident: Incident) -> str | None:
    """The alert that is owed: `opened`, `changed`, `count` (at 10, 100, 1,000, …), or none.

    A count that jumped over a power of ten owes it all the same.
    """
    if incident.diagnosis is None:
        return None
    if incident.alert_due:
        return "changed" if incident.alerted_count else "opened"
    reached = _round(incident.count)
    growing = incident.state in _GROWING and incident.alerted_count
    return "count" if growing and reached > incident.alerted_count else None


def _round(count: int) -> int:
    """The highest power of ten up to `count`, from 10 on; 0 below."""
    return 10 ** (len(str(count)) - 1) if count >= _FIRST_ROUND else 0
