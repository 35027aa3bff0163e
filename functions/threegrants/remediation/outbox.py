"""The outbox: what has to be done after a transaction, at least once, written by that transaction.

This is the transactional outbox pattern (https://microservices.io/patterns/data/transactional-outbox.html).
An item is written in the transaction that makes it due. The sweep, or the worker, does what it says and
marks it as done. A crash in between does it twice, never not at all. The items are one partition,
`agenda`, sorted by the second from which they are due: alerts in the table of incidents, the others in
the table of runs.
"""

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any

from threegrants.incidents.fitting import fitting_detail
from threegrants.incidents.items import SECONDS_A_DAY, put_write
from threegrants.incidents.table import due_items

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

_PARTITION = "agenda"
_RETENTION_SECONDS = 7 * SECONDS_A_DAY
"""An item that was done is kept for a week."""


class OutboxTask(StrEnum):
    """What an outbox item asks for."""

    ALERT = "alert"
    """Send an alert about an incident."""
    WINDOW = "window"
    """Ask CloudTrail who else wrote a policy while a run did."""
    SECOND_LOOK = "second look"
    """Make sure that what was taken back is gone."""
    GRANT_WARNING = "grant warning"
    """Tell people that a grant ends in an hour."""
    GRANT_END = "grant end"
    """Take back what has ended."""


@dataclass(frozen=True, slots=True)
class OutboxItem:
    """One thing to be done: an alert, an overwrite window to look into, a second look.

    Args:
        task: what is to be done.
        incident: the incident's id.
        subject: the reason of an alert; of a window or a second look, the sort key of its intent; of the end
            of a grant, its run.
        at: seconds since the epoch; it is not due before.
        note: the text of an alert.
        opened: of a window, the second of the read before our write.
        closed: of a window, the second of the read after our write.
        tries: how often it was tried without success.
        sk: the sort key of the stored item; empty until it is read back.
    """

    task: OutboxTask
    incident: str
    subject: str
    at: int
    note: str = ""
    opened: int = 0
    closed: int = 0
    tries: int = 0
    sk: str = ""

    def to_item(self) -> dict[str, Any]:
        """The attributes of a new item."""
        return {
            "pk": _PARTITION,
            "sk": f"{self.at:012}#{uuid.uuid4().hex[:12]}",
            "task": self.task.value,
            "incident": self.incident,
            "about": self.subject,
            "note": fitting_detail(self.note),
            "opened": self.opened,
            "closed": self.closed,
            "tries": self.tries,
            "done": False,
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> "OutboxItem":
        """Read back what `to_item` wrote."""
        return cls(
            task=OutboxTask(item["task"]),
            incident=str(item["incident"]),
            subject=str(item["about"]),
            at=int(str(item["sk"])[:12]),
            note=str(item["note"]),
            opened=int(item["opened"]),
            closed=int(item["closed"]),
            tries=int(item["tries"]),
            sk=str(item["sk"]),
        )


def outbox_writes(items: Sequence[OutboxItem]) -> list[dict[str, Any]]:
    """The writes that put items into the outbox, as parts of a transaction."""
    return [put_write(item.to_item()) for item in items]


def done_write(item: OutboxItem) -> dict[str, Any]:
    """The write that marks an item as done, as part of a transaction; refused if it is done already."""
    return {
        "Key": {"pk": _PARTITION, "sk": item.sk},
        "UpdateExpression": "SET done = :yes, expires_at = :gone",
        "ConditionExpression": "done = :no",
        "ExpressionAttributeValues": {
            ":yes": True,
            ":no": False,
            ":gone": int(time.time()) + _RETENTION_SECONDS,
        },
    }


def _read(item: Mapping[str, Any]) -> OutboxItem | None:
    """An item; None if it is none of ours: it must not keep the others from being done."""
    try:
        return OutboxItem.from_item(item)
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None


class Outbox:
    """The outbox of one table.

    Args:
        table: a boto3 DynamoDB Table resource.
    """

    def __init__(self, table: "Table") -> None:
        self._table = table

    def due(self, now: float, limit: int = 50) -> list[OutboxItem]:
        """What is due by now (seconds since the epoch) and not done, the longest due first."""
        items = due_items(self._table, _PARTITION, now, "done")
        return list(islice((due for item in items if (due := _read(item))), limit))

    def mark_done(self, item: OutboxItem) -> None:
        """Mark an item as done; it expires a week later."""
        self._table.update_item(
            Key={"pk": _PARTITION, "sk": item.sk},
            UpdateExpression="SET done = :yes, expires_at = :gone",
            ExpressionAttributeValues={
                ":yes": True,
                ":gone": int(time.time()) + _RETENTION_SECONDS,
            },
        )

    def count_try(self, item: OutboxItem) -> None:
        """Count a try that did not succeed."""
        self._table.update_item(
            Key={"pk": _PARTITION, "sk": item.sk},
            UpdateExpression="SET tries = tries + :one",
            ExpressionAttributeValues={":one": 1},
        )
