"""What was read from AWS a short while ago, so that a storm of one denial is read for once.

Everything kept here says when it was read; a diagnosis shows the age of its oldest part.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

SECONDS = 60.0
"""How long a reading is used again. Verification after a change never uses it."""
_MAX_ENTRIES = 512


class _Reading(NamedTuple):
    value: Any
    at: str
    until: float


class TtlCache:
    """Readings by what they are of; safe to use from several threads.

    Two threads that ask for the same thing at the same moment may both read it: that costs a call
    and is right all the same.
    """

    def __init__(
        self, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._held: OrderedDict[Hashable, _Reading] = OrderedDict()

    def get(self, what: Hashable, read: Callable[[], T], *, fresh: bool = False) -> tuple[T, str]:
        """The value and when it was read (ISO 8601, UTC); `fresh` reads it anew in any case."""
        with self._lock:
            held = self._held.get(what)
        if held is not None and not fresh and held.until > self._clock():
            value: T = held.value
            return value, held.at
        at = now()
        until = self._clock() + self.seconds
        value = read()
        with self._lock:
            self._held[what] = _Reading(value, at, until)
            self._held.move_to_end(what)
            while len(self._held) > _MAX_ENTRIES:
                self._held.popitem(last=False)
        return value, at


def now() -> str:
    """The present moment, as CloudTrail writes times."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
