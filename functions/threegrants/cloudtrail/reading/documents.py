"""JSON values in a text, one after the other, however they are laid out.

One document, JSON Lines, values without anything between them, a list, log lines with a JSON value in
them. A list that is a whole document, or the first field of one (`{"Records": [`), is read element by
element, so a file may be larger than the memory. What cannot be read costs the value or the line it
stands in.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from threegrants.cloudtrail.errors import RecordError
from threegrants.cloudtrail.reading.entries import Unreadable
from threegrants.cloudtrail.reading.text import has_undecodable

MAX_CHARACTERS = 256 << 20
"""The longest value, or line, that is read; a whole trail file has some 50 MB unpacked at most."""
_NEAR_ENOUGH = 4 << 20
"""How far the next element is looked for behind a broken one, as long as its beginning is held."""
_DECODER = json.JSONDecoder()
_NOT_SPACE = re.compile(r"[^\s,\x1e\ufeff\x00]")
"""Between values: white space, commas of a list's fragment, the mark of JSON text sequences."""
_SPACE_OR_COMMA = re.compile(r"[\s,]*")
_LIST = re.compile(
    r'\[|\{\s*"(?P<name>[Rr]ecords|[Ee]vents|logEvents|[Mm]essages|results|QueryResultRows|data|items|'
    r'logs|rows)"\s*:\s*\[(?=\s*[{\[\]"])'
)
"""A list, or an object of a known kind that begins with one; a record may begin with a list too."""
_IN_A_LINE = re.compile(r'\{\s*"|\[\s*\{')
_FIRST_FIELD = re.compile(r'\{\s*"(?:[^"\\]|\\.){1,60}"\s*:')
_BRACKETED_TIME = re.compile(r"\[\s*[^\s{\[\"\]]")
"""How a log line begins that has its time in brackets: no list of objects or strings begins so."""
_ENOUGH_TO_SEE = 4096
"""Characters that are looked at to tell what a value is."""
_OPENING = re.compile(r"\s*\[?\s*")
_WORDS_KEPT = 300
_NEAR_THE_END = 8
"""Characters at the end of the text in which a value that is cut looks like a wrong one."""
_WANTED = "one JSON object a line, or one JSON document"


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON value and where it stands."""

    place: str
    value: Any
    rest: bool = False
    """True for the other fields of an object whose list was read element by element."""


class _Text:
    """The text that was read and not used yet; more comes when it is asked for."""

    def __init__(self, chunks: Iterable[str]) -> None:
        self._chunks = iter(chunks)
        self.text = ""
        self.at = 0
        self.line = 1
        self._counted = 0
        self.ended = False

    def more(self) -> bool:
        """Read on, at least as much again as there is; False at the end."""
        if self.ended:
            return False
        self._count(self.at)
        kept = self.text[self.at :]
        parts, size = [kept], 0
        while size <= len(kept):
            chunk = next(self._chunks, None)
            if chunk is None:
                self.ended = True
                break
            parts.append(chunk)
            size += len(chunk)
        self.text, self.at, self._counted = "".join(parts), 0, 0
        return size > 0

    def _count(self, at: int) -> None:
        self.line += self.text.count("\n", self._counted, at)
        self._counted = at

    def line_at(self) -> int:
        """The number of the line in which the next value begins."""
        self._count(self.at)
        return self.line

    def skip(self, pattern: re.Pattern[str]) -> bool:
        """Go to the next match of a pattern; False if there is none."""
        while True:
            found = pattern.search(self.text, self.at)
            if found:
                self.at = found.start()
                return True
            self.at = len(self.text)
            if not self.more():
                return False

    def find(self, pattern: re.Pattern[str], behind: int) -> bool:
        """Go to the next match of a pattern, so many characters behind here; else stay.

        What is far away is not looked for: everything up to there would be held.
        """
        while True:
            found = pattern.search(self.text, self.at + behind)
            if found:
                self.at = found.start()
                return True
            if len(self.text) - self.at > _NEAR_ENOUGH or not self.more():
                return False

    def line_end(self) -> int:
        """Where the line ends that the next value begins in."""
        searched = self.at
        while (end := self.text.find("\n", searched)) < 0:
            searched = len(self.text) - self.at
            if len(self.text) - self.at > MAX_CHARACTERS or not self.more():
                return len(self.text)
        return end


def read_documents(
    chunks: Iterable[str], skip_line: Callable[[str], bool] = lambda _: False
) -> Iterator[Document | Unreadable | str]:
    """Each value of a text, or why one cannot be read; a line that `skip_line` takes, as its place.

    Args:
        chunks: the text.
        skip_line: says of a line that it need not be read.
    """
    text = _Text(chunks)
    first = True
    while text.skip(_NOT_SPACE):
        line = text.line_at()
        while len(text.text) - text.at < _ENOUGH_TO_SEE and text.more():
            pass
        end = text.text.find("\n", text.at)
        if end >= 0 and skip_line(text.text[text.at : end]):
            text.at = end
            yield f"line {line}"
        elif text.text[text.at] not in "{[" or _BRACKETED_TIME.match(text.text, text.at):
            yield from _log_line(text, first=first)
        elif found := _LIST.match(text.text, text.at):
            yield from _elements(text, "" if first else f"line {line}", found)
        else:
            yield from _value(text, first=first)
        first = False


def _value(text: _Text, *, first: bool) -> Iterator[Document | Unreadable]:
    """One value that begins here."""
    line = text.line_at()
    value, end, error = _decode(text)
    if error is not None:
        yield _broken(text, line, error, first=first)
        return
    undecodable = has_undecodable(text.text[text.at : end])
    text.at = end
    alone = first and not text.skip(_NOT_SPACE)
    yield _checked("$" if alone else f"line {line}", value, undecodable=undecodable)


def _checked(place: str, value: Any, *, undecodable: bool) -> Document | Unreadable:
    if undecodable:
        wrong = RecordError(place, "bytes that are no UTF-8", "JSON text in UTF-8")
        return Unreadable(place, wrong)
    return Document(place, value)


def _decode(text: _Text) -> tuple[Any, int, Exception | None]:
    """The value that begins here and where it ends; or what is wrong with it."""
    while True:
        try:
            value, end = _DECODER.raw_decode(text.text, text.at)
        except json.JSONDecodeError as error:
            cut = error.pos >= len(text.text) - _NEAR_THE_END or "Unterminated" in error.msg
            if cut and len(text.text) - text.at <= MAX_CHARACTERS and text.more():
                continue
            return None, text.at, error
        except (ValueError, RecursionError) as error:
            return None, text.at, error
        return value, end, None


def _broken(text: _Text, line: int, error: Exception, *, first: bool) -> Unreadable:
    """What begins here is no value: go on behind its line, or where the next value begins."""
    end = text.line_end()
    alone = first and text.ended and not text.text[end:].strip()
    wrong = text.text[text.at : end]
    start = text.at
    text.at = end
    if wrong.strip() in {"{", "["} or (isinstance(error, json.JSONDecodeError) and error.pos > end):
        # Written over several lines: the next value begins in a line of its own.
        text.skip(re.compile(r"\n(?=[{\[])"))
    elif inner := _next_like(text.text, start, end, error):
        text.at = inner
    place = "" if alone else f"line {line}"
    return Unreadable(
        place or "$",
        RecordError(
            place or "$",
            f"no JSON ({_one_line(error)})",
            "a CloudTrail record" if alone else _WANTED,
        ),
    )


def _next_like(text: str, start: int, end: int, error: Exception) -> int | None:
    """Where in a line the next value begins: with the field that the broken one began with."""
    first = _FIRST_FIELD.match(text, start, end)
    after = error.pos if isinstance(error, json.JSONDecodeError) else start + 1
    if not first:
        return None
    found = text.find(first[0], max(after, start + 1), end)
    return found if found >= 0 else None


def _elements(text: _Text, where: str, opening: re.Match[str]) -> Iterator[Document | Unreadable]:
    """The elements of a list, one by one, and what stands behind the list in its object."""
    name = opening["name"] or ""
    inside = _OPENING.match(text.text, opening.end())
    first = _FIRST_FIELD.match(text.text, inside.end() if inside else opening.end())
    like = re.compile(re.escape(first[0])) if first else None
    text.at = opening.end()
    index = 0
    while True:
        text.at = _behind_space(text)
        if text.at >= len(text.text):
            yield _cut(f"{where} {name}[{index}]".strip())
            return
        if text.text[text.at] == "]":
            text.at += 1
            break
        place = f"{where} {name}[{index}]".strip()
        value, end, error = _decode(text)
        if error is None:
            undecodable = has_undecodable(text.text[text.at : end])
            text.at = end
            yield _checked(place, value, undecodable=undecodable)
        else:
            wanted = "an element of a list, as JSON"
            yield Unreadable(place, RecordError(place, f"no JSON ({_one_line(error)})", wanted))
            behind = 1
            if isinstance(error, json.JSONDecodeError):
                behind = max(1, min(error.pos, len(text.text)) - text.at)
            if not (
                (like is not None and text.find(like, behind))
                or _behind_element(text)
                or (like is not None and text.skip(like))
            ):
                text.at = text.line_end()
                return
        index += 1
    if name:
        yield from _rest_of_object(text, where)


_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[][{}]', re.DOTALL)
"""A whole text, or a bracket outside of any."""


def _behind_element(text: _Text) -> bool:
    """Go behind the broken element that begins here, if its brackets are whole."""
    depth = 0
    for found in _STRUCTURE.finditer(text.text, text.at):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(found[0], 0)
        if depth <= 0:
            end = found.end() if found.end() - text.at > 1 and depth == 0 else found.start()
            if text.text[end : end + _NEAR_ENOUGH].lstrip()[:1] not in {",", "]"}:
                return False
            text.at = end
            return True
    return False


def _rest_of_object(text: _Text, where: str) -> Iterator[Document | Unreadable]:
    """The other fields of an object that began with a list."""
    text.at = _behind_white(text)
    if text.text[text.at : text.at + 1] == "}":
        text.at += 1
        return
    if text.text[text.at : text.at + 1] != ",":
        yield _cut(where or "$")
        return
    # What is left is an object without its beginning.
    text.text = text.text[: text.at] + '{"":0' + text.text[text.at :]
    value, end, error = _decode(text)
    if error is not None:
        yield Unreadable(where or "$", RecordError(where or "$", _one_line(error), "JSON"))
        text.at = min(len(text.text), text.line_end())
        return
    text.at = end
    del value[""]
    if value:
        yield Document(where or "$", value, rest=True)


def _behind_space(text: _Text) -> int:
    while True:
        at = _SPACE_OR_COMMA.match(text.text, text.at).end()  # type: ignore[union-attr]
        if at < len(text.text) or not text.more():
            return at


def _behind_white(text: _Text) -> int:
    while True:
        rest = text.text[text.at :]
        at = text.at + len(rest) - len(rest.lstrip())
        if at < len(text.text) or not text.more():
            return at


def _cut(place: str) -> Unreadable:
    return Unreadable(place, RecordError(place, "the file ends in the middle", "a whole file"))


def _log_line(text: _Text, *, first: bool) -> Iterator[Document | Unreadable]:
    """A line with words before its JSON value, as `aws logs tail` prints it."""
    line, end = text.line_at(), text.line_end()
    found = _IN_A_LINE.search(text.text, text.at)
    if found and found.start() < end:
        text.at = found.start()
        value, at, error = _decode(text)
        if error is None:
            undecodable = has_undecodable(text.text[text.at : at])
            text.at = at
            text.at = text.line_end()
            yield _checked(f"line {line}", value, undecodable=undecodable)
            return
        text.at = text.line_end()
        yield Unreadable(f"line {line}", _no_json(f"line {line}", _one_line(error)))
        return
    words = text.text[text.at : end]
    alone = first and text.ended and not text.text[end:].strip()
    text.at = end
    place = "$" if alone else f"line {line}"
    wrong = _no_json(place, f"{words.strip()[:60]!r}", alone=alone)
    yield Unreadable(place, wrong, words[:_WORDS_KEPT])


def _no_json(place: str, what: str, *, alone: bool = False) -> RecordError:
    wanted = "a CloudTrail record" if alone else _WANTED
    return RecordError(place, f"no JSON ({what})", wanted)


def _one_line(error: Exception) -> str:
    # A decoder's line and column count from where the text was read.
    text = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
    return " ".join(text.split())[:120] or type(error).__name__
