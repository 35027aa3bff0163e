"""Whether a person fed a record in: then it is that person's word, not CloudTrail's. Pure."""

from collections.abc import Mapping
from typing import Any

from threegrants.cloudtrail.envelope import DETAIL_TYPE

REPLAY_SOURCE = "threegrants.replay"
"""The `source` of what is fed in. Only the service writes it; on the event bus it is refused."""


def is_replayed(event: Mapping[str, Any]) -> bool:
    """Whether an event was fed in by a person."""
    return "detail-type" in event and event.get("source") == REPLAY_SOURCE


def as_replayed(record: Mapping[str, Any]) -> dict[str, Any]:
    """The event of a record that a person feeds in: it is marked, and comes from no account."""
    return {"source": REPLAY_SOURCE, "detail-type": DETAIL_TYPE, "detail": record}
