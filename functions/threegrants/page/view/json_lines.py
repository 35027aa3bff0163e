"""JSON as lines that know what they are part of, so that one element of a statement can be marked; pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_STEP = "  "


@dataclass(frozen=True, slots=True)
class JsonLine:
    """One line of pretty-printed JSON.

    Args:
        text: the line.
        path: the keys and positions that lead to it, from the outside.
    """

    text: str
    path: tuple[str | int, ...]


def json_lines(value: Any, indent: int = 0, path: tuple[str | int, ...] = ()) -> list[JsonLine]:
    """A value as `json.dumps(value, indent=2)` writes it, line by line.

    Args:
        value: JSON.
        indent: how deep it stands.
        path: where it stands.
    """
    return list(_lines(value, indent, path, "", ""))


def _lines(
    value: Any, depth: int, path: tuple[str | int, ...], head: str, tail: str
) -> Iterator[JsonLine]:
    pad = _STEP * depth
    if not isinstance(value, (Mapping, list, tuple)) or not value:
        yield JsonLine(f"{pad}{head}{json.dumps(value, ensure_ascii=False)}{tail}", path)
        return
    is_object = isinstance(value, Mapping)
    opened, closed = "{}" if is_object else "[]"
    yield JsonLine(f"{pad}{head}{opened}", path)
    members = list(value.items()) if isinstance(value, Mapping) else list(enumerate(value))
    for position, (name, inner) in enumerate(members):
        comma = "," if position < len(members) - 1 else ""
        label = f"{json.dumps(str(name), ensure_ascii=False)}: " if is_object else ""
        yield from _lines(inner, depth + 1, (*path, name), label, comma)
    yield JsonLine(f"{pad}{closed}{tail}", path)
