"""Attacks as tests: what an attacker does, what must not follow, and what the service answers.

A test in `tests/attacks` or `tests/service` is one row of the table that `make attack` prints:

    @attack("1", "a key ARN in an object key", "the other key is opened", Ends.UNKNOWN)
    def test_a_key_in_an_object_key(harness): ...
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., object])
MARK = "attack"
PROPERTY = "attack"


class Ends(StrEnum):
    """How an attack ends when the service is right; the test asserts it."""

    REFUSED = "refused"
    UNKNOWN = "unknown"
    HANDOFF = "handoff"
    DO_NOT_PATCH = "do not patch"
    DENIED_BY_AWS = "denied by AWS"
    DEAD_LETTER = "dead letter"
    IGNORED = "ignored"
    NEEDS_TWO = "two people"
    NARROW = "narrow patch"
    SHOWN = "shown to people"
    SHORTENED = "shortened"
    BOUNDED = "bounded"
    WAITS = "waits"
    UNDONE = "undone"
    NO_ALERT = "no alert lost"


@dataclass(frozen=True)
class Attack:
    """One row of the table.

    Args:
        item: the number of the kind of attack, as in docs/threat-model.md: `"1"`, or `"1.2"`.
        does: what the attacker does.
        never: what must not follow.
        ends: how it ends instead.
        embedded: where the same is enforced on the embedded AWS: `test_service.py::test_name`.
    """

    item: str
    does: str
    never: str
    ends: str
    embedded: str = ""

    @property
    def order(self) -> tuple[tuple[int, ...], str]:
        """Where the row stands in the table."""
        return tuple(int(part) for part in self.item.split(".")), self.does


def attack(
    item: str, does: str, never: str, ends: Ends | str, *, embedded: str = ""
) -> Callable[[Test], Test]:
    """Marks a test as one attack of the table; a parametrized test is one row with its cases counted.

    Args:
        item: the number in docs/threat-model.md, `"1"` or `"1.2"`.
        does: what the attacker does, in a few words.
        never: what must not follow.
        ends: how it ends when the service is right.
        embedded: `test_service.py::test_name` in tests/service, where IAM itself enforces it.
    """
    row = Attack(item, does, never, str(ends), embedded)
    _ = row.order  # a number that is none fails where it is written
    mark: Any = getattr(pytest.mark, MARK)
    return mark(row)  # type: ignore[no-any-return]


def register(config: pytest.Config) -> None:
    """Tells pytest that the mark exists."""
    config.addinivalue_line("markers", f"{MARK}(row): an attack of docs/threat-model.md")


def attach(items: Iterable[pytest.Item]) -> None:
    """Puts each attack's row where a report of its test, also of another process, carries it."""
    for item in items:
        found = item.get_closest_marker(MARK)
        if found is not None:
            item.user_properties.append((PROPERTY, asdict(found.args[0])))
