"""What other systems are told of an incident: one event for each change, due from the transaction that makes it.

An item of the partition `agenda#events` is written with the change and with its line of history. Who sends
it marks it as done; a crash in between sends it twice, never not at all, so each has an id of its own by
which a receiver knows it again (`notifications/incident_event.py`).
"""

import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from threegrants.incidents.fitting import fitting_detail
from threegrants.incidents.items import SECONDS_A_DAY, put_write
from threegrants.incidents.table import due_items, update_if

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

PARTITION = "agenda#events"
_KEPT_DAYS = 7
"""For so long an event that nobody could be told of is kept, and one that was sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateEvent:
    """One change of an incident: another state, or in the same state another diagnosis.

    Args:
        id: names this event, however often it is sent.
        incident_id: the incident.
        at: when it happened, ISO 8601 in UTC.
        before: the state before; empty for a new incident.
        after: the state after.
        what: what the history calls it.
        actor: who made it: an ARN, or `service`.
        detail: what people should know.
        digests: the digests of the patches it is about.
        reason: why, in the words of the person who decided.
        ticket: what it belongs to elsewhere, as that person said.
        sk: the sort key of the stored item; empty until it is read back.
    """

    id: str
    incident_id: str
    at: str
    before: str
    after: str
    what: str
    actor: str
    detail: str = ""
    digests: tuple[str, ...] = ()
    reason: str = ""
    ticket: str = ""
    sk: str = ""

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> "StateEvent":
        """Read back what `event_write` wrote.

        Raises:
            KeyError: if an attribute is absent.
        """
        return cls(
            id=str(item["event"]),
            incident_id=str(item["incident"]),
            at=str(item["at"]),
            before=str(item["from"]),
            after=str(item["to"]),
            what=str(item["what"]),
            actor=str(item["actor"]),
            detail=str(item["detail"]),
            digests=tuple(str(digest) for digest in item["digests"]),
            reason=str(item.get("reason", "")),
            ticket=str(item.get("ticket", "")),
            sk=str(item["sk"]),
        )


def event_write(event: StateEvent) -> dict[str, Any]:
    """The write that makes an event due at once, as part of the transaction of its change."""
    seconds = int(time.time())
    return put_write(
        {
            "pk": PARTITION,
            "sk": f"{seconds:012}#{event.id}",
            "event": event.id,
            "incident": event.incident_id,
            "at": event.at,
            "from": event.before,
            "to": event.after,
            "what": event.what,
            "actor": event.actor,
            "detail": fitting_detail(event.detail),
            "digests": list(event.digests),
            "reason": event.reason or None,
            "ticket": event.ticket or None,
            "done": False,
            "expires_at": seconds + _KEPT_DAYS * SECONDS_A_DAY,
        }
    )


def new_event_id() -> str:
    """A name for an event: `te-` and 32 hex digits."""
    return f"te-{uuid.uuid4().hex}"


def due_events(table: "Table", now: float) -> Iterator[StateEvent]:
    """The events that nobody was told of yet, the oldest first.

    Args:
        table: the table of incidents.
        now: seconds since the epoch.
    """
    for item in due_items(table, PARTITION, now, "done"):
        try:
            yield StateEvent.from_item(item)
        except (KeyError, TypeError):
            continue  # none of ours: it must not keep the others from being sent


def mark_sent(table: "Table", event: StateEvent) -> None:
    """Note that an event was sent; false alarms of a second sender do no harm."""
    key = {"pk": PARTITION, "sk": event.sk}
    update_if(table, key, "SET done = :yes", "attribute_exists(pk)", yes=True)
