"""A bounded table of values that were worked out before."""

from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedMemo(dict[K, V], Generic[K, V]):
    """A dictionary that works out a missing value with `make`, and holds at most `most` of them.

    A full table starts anew. `functools.lru_cache` would keep the order of use instead, which costs
    more in the hottest loops than the look-up itself (measured: docs/evaluator.md). Not for values
    that may change, nor for a function with side effects.

        squares = BoundedMemo(lambda number: number * number, 1_000)
        squares[12]  # 144

    Looking up raises whatever `make` raises, and then keeps nothing.
    """

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
