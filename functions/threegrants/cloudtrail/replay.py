"""Whether a person fed a record in: then it is that person's word, not CloudTrail's. Pure."""

from collections.abc import Mapping
from typing import Any

REPLAY_SOURCE = "threegrants.replay"
"""The `source` of events that are fed in. Nobody but AWS can send events whose source begins with
`aws.`: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html"""


def is_replayed(event: Mapping[str, Any]) -> bool:
    """Whether an event, as the queue delivered it, was fed in by a person."""
    return "detail-type" in event and event.get("source") == REPLAY_SOURCE
