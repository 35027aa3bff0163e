"""Change a JSON document as text: one member more, one less, and every other byte stays.

A policy belongs to whoever wrote it. Parsing and printing it again would change the indentation and
the escapes of statements that are not ours, so the place is found in the text and only that place
is written.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")


@dataclass(frozen=True, slots=True)
class _Span:
    """Where a value stands in the text: its first character, and one past its last."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Style:
    """How a document is written: what follows a comma and a colon, the step of its indentation."""

    comma: str
    colon: str
    step: str


def append(text: str, path: Path, value: Any) -> str:
    """The document with `value` as the last member of the list at `path`.

    What stands there and is no list becomes the list's first member: AWS writes a list of one
    without its brackets.

    Args:
        text: the document.
        path: the names and list positions that lead to the list.
        value: the new member.

    Raises:
        ValueError: if the text is not JSON, or has nothing at that path.
    """
    style, span = _style(text), _find(text, path)
    inline = " " if "\n" in style.comma else style.comma
    if text[span.start] != "[":
        new = _serialized(value, style, _indentation(text, span.start))
        return (
            f"{text[: span.start]}[{text[span.start : span.end]},{inline}{new}]{text[span.end :]}"
        )
    members = _members(text, span)
    if not members:
        new = _serialized(value, style, _indentation(text, span.start))
        return f"{text[: span.start]}[{new}]{text[span.end :]}"
    last = members[-1]
    # What stands before the last member stands before the new one: a space, or a fresh line.
    if len(members) > 1:
        lead = text[members[-2].end : last.start].split(",", 1)[1]
    else:
        lead = text[span.start + 1 : last.start] or inline
    new = _serialized(value, style, _indentation(text, last.start))
    return f"{text[: last.end]},{lead}{new}{text[last.end :]}"


def remove(text: str, path: Path) -> str:
    """The document without the member at `path`, whose last part is its place in a list.

    Raises:
        ValueError: if the text is not JSON, or has no such member.
    """
    parent, place = _find(text, path[:-1]), path[-1]
    if text[parent.start] != "[":
        raise ValueError(f"there is no list at {path[:-1]}")
    members = _members(text, parent)
    if not isinstance(place, int) or not 0 <= place < len(members):
        raise ValueError(f"there is no member at {path}")
    if len(members) == 1:
        return text[: parent.start] + "[]" + text[parent.end :]
    if place == 0:
        return text[: members[0].start] + text[members[1].start :]
    return text[: members[place - 1].end] + text[members[place].end :]


def _find(text: str, path: Path) -> _Span:
    """Where the value at a path stands; in an object the last of several equal keys counts."""
    span = _value(text, _skip_whitespace(text, 0))
    if _skip_whitespace(text, span.end) != len(text):
        raise ValueError("the document goes on behind its end")
    for part in path:
        opened = text[span.start]
        if isinstance(part, int) and opened == "[" and part < len(found := _members(text, span)):
            span = found[part]
        elif isinstance(part, str) and opened == "{" and part in (named := _fields(text, span)):
            span = named[part]
        else:
            raise ValueError(f"there is nothing at {part!r}")
    return span


def _value(text: str, start: int) -> _Span:
    """The span of the value that starts here."""
    try:
        _, end = _DECODER.raw_decode(text, start)
    except RecursionError as error:
        raise ValueError("the document is nested too deeply") from error
    return _Span(start, end)


def _members(text: str, span: _Span) -> list[_Span]:
    found: list[_Span] = []
    at = _skip_whitespace(text, span.start + 1)
    while text[at] != "]":
        found.append(_value(text, at))
        at = _skip_whitespace(text, found[-1].end)
        at = _skip_whitespace(text, at + 1) if text[at] == "," else at
    return found


def _fields(text: str, span: _Span) -> dict[str, _Span]:
    found: dict[str, _Span] = {}
    at = _skip_whitespace(text, span.start + 1)
    while text[at] != "}":
        name = _value(text, at)
        start = _skip_whitespace(text, _skip_whitespace(text, name.end) + 1)
        found[json.loads(text[name.start : name.end])] = _value(text, start)
        at = _skip_whitespace(text, _value(text, start).end)
        at = _skip_whitespace(text, at + 1) if text[at] == "," else at
    return found


def _skip_whitespace(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _style(text: str) -> _Style:
    """The style of a document, read off its first member."""
    opened = _skip_whitespace(text, 0) + 1
    lead = text[opened : _skip_whitespace(text, opened)]
    first = _skip_whitespace(text, opened)
    if text[first : first + 1] != '"':
        return _Style(" ", " ", "")
    colon = _skip_whitespace(text, _value(text, first).end) + 1
    gap = text[colon : _skip_whitespace(text, colon)]
    if "\n" in lead:
        return _Style("\n", gap, lead.rsplit("\n", 1)[1] or "  ")
    fields = list(_fields(text, _Span(opened - 1, len(text))).values())
    if len(fields) < 2:  # noqa: PLR2004 - no comma to look at
        return _Style(gap, gap, "")
    comma = text.index(",", fields[0].end) + 1
    return _Style(text[comma : _skip_whitespace(text, comma)], gap, "")


def _indentation(text: str, at: int) -> str:
    """The indentation of the line on which a place stands."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _serialized(value: Any, style: _Style, indentation: str) -> str:
    """A value in the style of the document it goes into."""
    if "\n" not in style.comma:
        between = (f",{style.comma}", f":{style.colon}")
        return json.dumps(value, ensure_ascii=False, separators=between)
    lines = json.dumps(
        value, ensure_ascii=False, indent=style.step, separators=(",", f":{style.colon}")
    ).split("\n")
    return f"\n{indentation}".join(lines)
