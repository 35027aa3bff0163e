"""The one cache of this package: what AWS answered a short while ago, and when.

A storm of one denial asks for the same things again and again; they are read once a minute. What is
cached here says when it was read, and a diagnosis shows the age of its oldest part.
"""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

SECONDS = 60.0
"""How long a value is used again, if nothing else is said. Verification after a change uses none."""
MAX_ENTRIES = 1_024
"""The value that was read first makes room for one more."""


class _Entry(NamedTuple):
    value: Any
    at: str
    until: float


class TtlCache:
    """Values with the time they were read at; safe to use from several threads.

    Two threads that ask for the same value at the same moment may both read it. That costs a call,
    and both get a right answer.
    """

    def __init__(
        self,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
        most: int = MAX_ENTRIES,
    ) -> None:
        self.seconds = seconds
        self._most = most
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()

    def get(
        self,
        key: Hashable,
        read: Callable[[], T],
        *,
        fresh: bool = False,
        seconds: float | None = None,
        keep: Callable[[T], bool] = lambda _: True,
    ) -> tuple[T, str]:
        """The value and when it was read (ISO 8601, UTC).

        Args:
            key: what the value is of.
            read: reads the value; what it raises goes to the caller, and nothing is kept.
            fresh: read it anew, whatever is in the cache.
            seconds: how long this value is used again; by default as the cache says.
            keep: whether a value that was read is used again at all.
        """
        with self._lock:
            entry = self._entries.get(key)
        if entry is not None and not fresh and entry.until > self._clock():
            value: T = entry.value
            return value, entry.at
        at = now()
        until = self._clock() + (self.seconds if seconds is None else seconds)
        value = read()
        if keep(value):
            self._keep(key, _Entry(value, at, until))
        return value, at

    def put(self, key: Hashable, value: Any) -> None:
        """Keep a value that was read with another and never changes."""
        self._keep(key, _Entry(value, now(), math.inf))

    def _keep(self, key: Hashable, entry: _Entry) -> None:
        with self._lock:
            self._entries[key] = entry
            self._entries.move_to_end(key)
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)


def now() -> str:
    """The present moment, as CloudTrail writes times."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
