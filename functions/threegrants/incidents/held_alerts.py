"""Alerts that a limit of the hour or a snooze held back, to be sent when that is over.

Without them an alert would wait for the next denied call of its incident, which may never come. The
items are one partition of the table of incidents, sorted by the second from which they are due.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from threegrants.incidents.items import SECONDS_A_DAY
from threegrants.incidents.table import due_items

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

_PARTITION = "held alerts"
_SECONDS_AN_HOUR = 3600
_MOST = 50
"""Alerts of one sweep; the others follow with the next ones, within minutes."""


@dataclass(frozen=True, slots=True)
class HeldAlert:
    """An alert whose time has come.

    Args:
        sk: the sort key of its item.
        incident_id: the incident that it is about.
    """

    sk: str
    incident_id: str


class HeldAlerts:
    """The incidents whose alert waits for the end of an hour, or of a snooze.

    Args:
        table: the boto3 Table of incidents.
        clock: seconds since the epoch.
    """

    def __init__(self, table: "Table", clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock

    def hold(self, incident_id: str) -> None:
        """Have an incident's alert sent after this clock hour (UTC); held twice, it is sent once."""
        now = int(self._clock())
        self.hold_until(incident_id, now - now % _SECONDS_AN_HOUR + _SECONDS_AN_HOUR)

    def hold_until(self, incident_id: str, due: int) -> None:
        """Have an incident's alert sent from a second since the epoch on; held twice, it is sent once."""
        self._table.put_item(
            Item={
                "pk": _PARTITION,
                "sk": f"{due:012}#{incident_id}",
                "incident": incident_id,
                "sent": False,
                "expires_at": due + SECONDS_A_DAY,
            }
        )

    def due(self) -> list[HeldAlert]:
        """Those whose time has come, the longest waiting first; at most 50."""
        due = due_items(self._table, _PARTITION, self._clock(), "sent")
        return [HeldAlert(str(one["sk"]), str(one["incident"])) for one in islice(due, _MOST)]

    def done(self, held: HeldAlert) -> None:
        """Note that an alert was sent, was not due any more, or waits for another time."""
        self._table.update_item(
            Key={"pk": _PARTITION, "sk": held.sk},
            UpdateExpression="SET sent = :yes",
            ExpressionAttributeValues={":yes": True},
        )
