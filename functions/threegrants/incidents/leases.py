"""Leases by which one worker at a time analyzes an incident, and one alerts about it.

They are attributes of `meta` that change by conditional writes of their own, without a new version
of the incident. A lease that its holder lost in a crash runs out.
"""

import time
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from threegrants.incidents.alert_reason import AlertReason
from threegrants.incidents.alert_schedule import alerted_count_after, suppressed_alert
from threegrants.incidents.incident import Incident
from threegrants.incidents.items import item_key
from threegrants.incidents.table import update_if

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

LEASE_SECONDS = 60
"""As long as the function that holds a lease may run."""


class Lease(StrEnum):
    """What one worker at a time does; the attribute that keeps until when."""

    ANALYSIS = "examining_until"
    ALERT = "alerting_until"


class IncidentLeases:
    """Leases on incidents, and the marks of what was alerted.

    Args:
        table: the boto3 Table of incidents.
        clock: seconds since the epoch.
    """

    def __init__(self, table: "Table", clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock

    def acquire(self, incident_id: str, lease: Lease) -> bool:
        """Take a lease for `LEASE_SECONDS`; False if another worker holds it."""
        now = int(self._clock())
        free = f"attribute_exists(pk) AND (attribute_not_exists({lease}) OR {lease} <= :now)"
        return update_if(
            self._table,
            item_key(incident_id, "meta"),
            f"SET {lease} = :end",
            free,
            now=now,
            end=now + LEASE_SECONDS,
        )

    def release(self, incident_id: str, lease: Lease) -> None:
        """Give a lease back before its time; `Store.save_diagnosis` gives the analysis back too."""
        self._table.update_item(
            Key=item_key(incident_id, "meta"),
            UpdateExpression=f"REMOVE {lease}",
            ConditionExpression="attribute_exists(pk)",
        )

    def alert_sent(self, incident: Incident) -> None:
        """Note that the alert of an incident, as it is here, went out; gives the lease back.

        An alert that became due meanwhile, about another report, stays due.
        """
        key = item_key(incident.id, "meta")
        values: dict[str, Any] = {"count": alerted_count_after(incident)}
        if incident.alert_due:
            sent = f"SET alerted_count = :count, alert_due = :no REMOVE {Lease.ALERT}"
            same = "signature = :sent"
            values_too = {"no": False, "sent": incident.alert_fingerprint}
            if update_if(self._table, key, sent, same, **values, **values_too):
                return
        sent = f"SET alerted_count = :count REMOVE {Lease.ALERT}"
        update_if(self._table, key, sent, "attribute_exists(pk)", **values)

    def note_suppressed_alert(self, incident: Incident, reason: AlertReason) -> bool:
        """Note that a mute held an alert back; False if this one was noted before."""
        what = suppressed_alert(incident, reason)
        if incident.suppressed_alert == what:
            return False
        return update_if(
            self._table,
            item_key(incident.id, "meta"),
            "SET held = :what",
            "attribute_exists(pk) AND (attribute_not_exists(held) OR held <> :what)",
            what=what,
        )
