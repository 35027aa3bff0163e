"""When people are reminded of an incident that nobody is at.

The items are one partition of the table of incidents, sorted by the second from which they are due. Only
that one counts which the incident itself names (`remind_at`), so that an incident never has two. The
sweep sends what is due: there is no schedule of its own.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from threegrants.incidents.incident import Incident
from threegrants.incidents.items import META, SECONDS_A_DAY, item_key, put_write
from threegrants.incidents.moves import Move, event_of_move
from threegrants.incidents.table import Conflict, due_items, transact, update_if

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

_PARTITION = "reminders"
_MOST = 100
"""Reminders of one sweep; the others follow with the next ones, within minutes."""
REMINDED = "reminded"
"""What an event calls it."""


@dataclass(frozen=True, slots=True)
class DueReminder:
    """A reminder whose time has come.

    Args:
        sk: the sort key of its item.
        incident_id: the incident that it is about.
        at: from when on it is due, in seconds since the epoch.
    """

    sk: str
    incident_id: str
    at: int


class Reminders:
    """The reminders that wait.

    Args:
        table: the boto3 Table of incidents.
        clock: seconds since the epoch.
    """

    def __init__(self, table: "Table", clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock

    def start(self, incident: Incident, minutes: int) -> None:
        """Have people reminded so many minutes from now, unless a reminder waits already."""
        now = int(self._clock())
        if incident.remind_at > now:
            return
        at = now + minutes * 60
        free = "attribute_exists(pk) AND (attribute_not_exists(remind_at) OR remind_at <= :now)"
        try:
            transact(self._table, self._writes(incident.id, at, free, {":now": now}))
        except Conflict:
            return  # another worker was faster, or the incident is gone

    def due(self) -> list[DueReminder]:
        """Those whose time has come, the longest waiting first; at most 100."""
        due = due_items(self._table, _PARTITION, self._clock(), "done")
        return [
            DueReminder(str(one["sk"]), str(one["incident"]), int(str(one["sk"])[:12]))
            for one in islice(due, _MOST)
        ]

    def again(self, due: DueReminder, incident: Incident, minutes: int, *, told: bool) -> None:
        """Have people reminded once more, so many minutes from now.

        Args:
            due: the reminder that was due.
            incident: its incident.
            minutes: how many.
            told: whether people were reminded now; then other systems are told too.
        """
        at = int(self._clock()) + minutes * 60
        writes = self._writes(incident.id, at, "remind_at = :due", {":due": due.at})
        if told:
            writes.append(event_of_move(incident, Move(incident.state, "service", REMINDED)))
        try:
            transact(self._table, writes)
        except Conflict as conflict:
            if not conflict.refused:
                return  # it stays due
            # Another sweep was faster, or the incident was opened anew.
        self.done(due)

    def done(self, due: DueReminder) -> None:
        """Note that a reminder was sent, or is not wanted any more."""
        key = {"pk": _PARTITION, "sk": due.sk}
        update_if(self._table, key, "SET done = :yes", "attribute_exists(pk)", yes=True)

    def _writes(
        self, incident_id: str, at: int, condition: str, values: dict[str, Any]
    ) -> list[dict[str, Any]]:
        item = {
            "pk": _PARTITION,
            "sk": f"{at:012}#{incident_id}",
            "incident": incident_id,
            "done": False,
            "expires_at": at + 7 * SECONDS_A_DAY,
        }
        mark = {
            "Key": item_key(incident_id, META),
            "UpdateExpression": "SET remind_at = :at",
            "ConditionExpression": condition,
            "ExpressionAttributeValues": {":at": at, **values},
        }
        return [mark, put_write(item)]
