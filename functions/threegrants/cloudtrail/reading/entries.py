"""What can be found in a file of records. Values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from threegrants.cloudtrail.errors import RecordError


@dataclass(frozen=True, slots=True)
class Found:
    """A CloudTrail record, or an EventBridge event around one.

    `place` is a position in the file: `$`, `line 3`, `Records[7]`.
    """

    place: str
    record: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An entry that cannot be read; the others can. `words` is how a line without JSON begins."""

    place: str
    error: RecordError
    words: str = ""


@dataclass(frozen=True, slots=True)
class Incomplete:
    """An entry in a form that is known, which does not hold what a diagnosis needs.

    Args:
        place: its position.
        form: the form's name, for people.
        missing: what it does not hold.
        advice: where to get the full record.
    """

    place: str
    form: str
    missing: tuple[str, ...]
    advice: str


@dataclass(frozen=True, slots=True)
class Irrelevant:
    """Records that were not looked into: none of them has the words of a denial."""

    place: str
    count: int


Entry = Found | Unreadable | Incomplete | Irrelevant
