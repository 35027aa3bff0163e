"""Tables of what was worked out before.

`functools.lru_cache` also keeps the order of use, which costs more in the hottest loops than the
look-up itself (measured: docs/evaluator.md); a full table simply starts anew.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedMemo(dict[K, V], Generic[K, V]):
    """`table[key]` is `make(key)`, worked out once; raises whatever `make` raises."""

    __slots__ = ("_make", "_most")

    def __init__(self, make: Callable[[K], V], most: int) -> None:
        super().__init__()
        self._make = make
        self._most = most

    def __missing__(self, key: K) -> V:
        made = self._make(key)
        if len(self) >= self._most:
            self.clear()
        self[key] = made
        return made

    def __eq__(self, other: object) -> bool:
        """What was worked out before is no part of a value: two tables never make a difference."""
        return isinstance(other, BoundedMemo)

    def __hash__(self) -> int:  # type: ignore[override]
        return 0
