"""Tests of the alert channels that people asked for: asked by the API, sent by the worker, read by the API.

The worker sends them and not the API, because it is the worker's role and its route that are to be tried
out. A message of its queue names a test, and no more; who asked for what stands here.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from threegrants.incidents.items import SECONDS_A_DAY, put_write
from threegrants.incidents.table import transact, update_if

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

_SENDING_SECONDS = 180
"""Longer than the worker may run: then another one may try."""


class Channel(StrEnum):
    """What can be tried out."""

    SNS = "sns"
    EMAIL = "email"
    SMS = "sms"
    CHAT = "chat"
    PAGER = "pager"
    WEBHOOK = "webhook"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class ChannelResult:
    """What became of a test in one place.

    Args:
        channel: the channel.
        place: where it was sent: a topic's ARN or a bus.
        sent: whether AWS took it.
        detail: who gets it from there, or why nobody does.
    """

    channel: Channel
    place: str
    sent: bool
    detail: str

    def to_json(self) -> dict[str, Any]:
        """For the table and the API."""
        return {
            "channel": self.channel.value,
            "place": self.place,
            "sent": self.sent,
            "detail": self.detail,
        }


@dataclass(frozen=True, slots=True)
class ChannelTest:
    """One test.

    Args:
        id: `at-` and 32 hex digits.
        channel: what is tried out.
        actor: the ARN of who asked for it.
        at: when, in seconds since the epoch.
        results: what became of it; None until it was sent.
    """

    id: str
    channel: Channel
    actor: str
    at: int
    results: tuple[Mapping[str, Any], ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """The API's answer."""
        results = None if self.results is None else [dict(one) for one in self.results]
        return {"id": self.id, "channel": self.channel.value, "by": self.actor, "results": results}


class ChannelTests:
    """The tests, on the table of incidents.

    Args:
        table: the boto3 Table of incidents.
        clock: seconds since the epoch.
    """

    def __init__(self, table: "Table", clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock

    def ask(self, channel: Channel, actor: str) -> ChannelTest:
        """Keep what a person asks for; it is forgotten after a day."""
        now = int(self._clock())
        test = ChannelTest(f"at-{uuid.uuid4().hex}", channel, actor, now)
        item = {
            **_key(test.id),
            "channel": channel.value,
            "by": actor,
            "at": now,
            "expires_at": now + SECONDS_A_DAY,
        }
        transact(self._table, [put_write(item, "attribute_not_exists(pk)")])
        return test

    def find(self, test_id: str) -> ChannelTest | None:
        """A test; None if there is none of this id."""
        item = self._table.get_item(Key=_key(test_id), ConsistentRead=True).get("Item")
        if not item:
            return None
        results = item.get("results")
        return ChannelTest(
            test_id,
            Channel(str(item["channel"])),
            str(item["by"]),
            int(str(item["at"])),
            tuple(results) if isinstance(results, list) else None,
        )

    def take(self, test_id: str) -> bool:
        """Whether this worker is the one to send a test; `sent` says that it did."""
        now = int(self._clock())
        return update_if(
            self._table,
            _key(test_id),
            "SET sending = :end",
            "attribute_exists(pk) AND attribute_not_exists(results) "
            "AND (attribute_not_exists(sending) OR sending <= :now)",
            now=now,
            end=now + _SENDING_SECONDS,
        )

    def sent(self, test_id: str, results: Sequence[ChannelResult]) -> None:
        """Keep what became of a test."""
        found = [one.to_json() for one in results]
        update = "SET results = :results"
        update_if(self._table, _key(test_id), update, "attribute_exists(pk)", results=found)


def _key(test_id: str) -> dict[str, str]:
    return {"pk": f"channel-test#{test_id}", "sk": "asked"}
