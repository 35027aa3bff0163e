"""Turns: which worker examines an incident, and which one alerts. Leases and marks on `meta`.

None of them changes the incident's version. A lease that its holder lost in a crash runs out.
"""

import time
from collections.abc import Callable
from typing import Any

from threegrants.incidents.items import Incident, item_key
from threegrants.incidents.states import ALERTED_BY_COUNT
from threegrants.incidents.table import update_if

LEASE_SECONDS = 60
"""Seconds; as long as the function that holds it may run."""
_FIRST_THRESHOLD = 10


class IncidentLeases:
    """Leases on incidents.

    Args:
        table: the boto3 Table of incidents.
        clock: seconds since the epoch.
    """

    def __init__(self, table: Any, clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock

    def acquire_analysis(self, incident_id: str) -> bool:
        """Whether it is this worker that examines now."""
        return self._acquire(incident_id, "examining_until")

    def release_analysis(self, incident_id: str) -> None:
        """Let the next one examine, after a failure: a diagnosis that is kept ends the turn too."""
        self._release(incident_id, "examining_until")

    def acquire_alert(self, incident_id: str) -> bool:
        """Whether it is this worker that alerts now."""
        return self._acquire(incident_id, "alerting_until")

    def release_alert(self, incident_id: str) -> None:
        """Let the next one alert."""
        self._release(incident_id, "alerting_until")

    def alert_sent(self, incident: Incident) -> None:
        """The alert of `incident` as it is here went out; ends the turn.

        An alert that became due meanwhile, for another verdict, stays due.
        """
        key = item_key(incident.id, "meta")
        done = "SET alerted_count = :count REMOVE alerting_until"
        values: dict[str, Any] = {"count": max(1, _threshold(incident.count))}
        if incident.alert_due:
            paid = done.replace(" REMOVE", ", alert_due = :no REMOVE")
            same = "signature = :sent"
            if update_if(self._table, key, paid, same, no=False, sent=incident.signature, **values):
                return
        update_if(self._table, key, done, "attribute_exists(pk)", **values)

    def note_suppressed_alert(self, incident: Incident, why: str) -> bool:
        """Note that an alert was held back; False if this one was noted before."""
        what = f"{why} {_threshold(incident.count) if why == 'count' else incident.signature}"
        if incident.held == what:
            return False
        key = item_key(incident.id, "meta")
        new = "attribute_exists(pk) AND (attribute_not_exists(held) OR held <> :what)"
        return update_if(self._table, key, "SET held = :what", new, what=what)

    def _acquire(self, incident_id: str, name: str) -> bool:
        now = int(self._clock())
        free = f"attribute_exists(pk) AND (attribute_not_exists({name}) OR {name} <= :now)"
        key = item_key(incident_id, "meta")
        return update_if(
            self._table, key, f"SET {name} = :end", free, now=now, end=now + LEASE_SECONDS
        )

    def _release(self, incident_id: str, name: str) -> None:
        self._table.update_item(
            Key=item_key(incident_id, "meta"), UpdateExpression=f"REMOVE {name}",
            ConditionExpression="attribute_exists(pk)",
        )  # fmt: skip


def due_alert(incident: Incident) -> str | None:
    """The alert that is owed: `opened`, `changed`, `count` (at 10, 100, 1,000, …), or none.

    A count that jumped over a power of ten owes it all the same.
    """
    if incident.diagnosis is None:
        return None
    if incident.alert_due:
        return "changed" if incident.alerted_count else "opened"
    reached = _threshold(incident.count)
    growing = incident.state in ALERTED_BY_COUNT and incident.alerted_count
    return "count" if growing and reached > incident.alerted_count else None


def _threshold(count: int) -> int:
    """The highest power of ten up to `count`, from 10 on; 0 below."""
    return 10 ** (len(str(count)) - 1) if count >= _FIRST_THRESHOLD else 0
