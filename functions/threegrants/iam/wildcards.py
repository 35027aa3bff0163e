"""The wildcards `*` and `?`, and how a pattern is matched without exponential time.

`*` stands for any number of characters (also `/` and line breaks), `?` for exactly one:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_String

A pattern is cut at its stars. Each piece is searched once, leftmost first. That suffices because an
earlier place for a piece never spoils a later one. The cost is at most pattern times text.
"""

from collections.abc import Callable, Iterable
from enum import Enum
from typing import NamedTuple


class Wildcard(Enum):
    """The two wildcards, as tokens apart from literal text."""

    ANY = "*"
    ONE = "?"


Token = str | Wildcard
Tokens = tuple[Token, ...]
"""A pattern taken apart: what a policy variable stood for is literal text, whatever it holds."""

Pattern = str | Tokens
"""A pattern as written, or taken apart where policy variables were put in."""

Matcher = Callable[[str], bool]
"""A compiled pattern: whether one text fits."""


def plain_tokens(text: str) -> Tokens:
    """Tokens of a pattern in which no policy variables are looked for."""
    if "*" not in text and "?" not in text:
        return (text,)
    tokens: list[Token] = []
    literal = ""
    for char in text:
        if char in "*?":
            tokens += [literal, Wildcard.ANY if char == "*" else Wildcard.ONE]
            literal = ""
        else:
            literal += char
    return (*tokens, literal)


class _Piece(NamedTuple):
    """What stands between two stars: literal parts at their offsets, and `?` in the gaps."""

    size: int
    parts: tuple[tuple[int, str], ...]

    @classmethod
    def of(cls, tokens: Iterable[Token]) -> "_Piece":
        parts, place = [], 0
        for token in tokens:
            if isinstance(token, str):
                parts.append((place, token))
                place += len(token)
            else:
                place += 1
        return cls(place, tuple(parts))

    def at(self, text: str, place: int) -> bool:
        return all(text.startswith(part, place + offset) for offset, part in self.parts)

    def find(self, text: str, start: int, end: int) -> int:
        for place in range(start, end - self.size + 1):
            if self.at(text, place):
                return place
        return -1


def matches(pattern: Pattern, text: str) -> bool:
    """Whether a pattern fits the whole text, case-sensitively."""
    return compile_pattern(tokens_of(pattern))(text)


def tokens_of(pattern: Pattern) -> Tokens:
    """A pattern taken apart."""
    return plain_tokens(pattern) if isinstance(pattern, str) else pattern


def compile_pattern(tokens: Tokens) -> Matcher:
    """The test of one pattern: the whole text, case-sensitively."""
    pieces: list[list[Token]] = [[]]
    for token in tokens:
        if token is Wildcard.ANY:
            pieces.append([])
        elif token != "":
            pieces[-1].append(token)
    if Wildcard.ONE in tokens:
        return _with_gaps([_Piece.of(piece) for piece in pieces])
    return _literal(["".join(str(token) for token in piece) for piece in pieces])


def _literal(pieces: list[str]) -> Matcher:
    """The test of a pattern without `?`."""
    first, *rest = pieces
    if not rest:
        return first.__eq__
    *middle, last = rest
    least, head, tail = sum(map(len, pieces)), len(first), len(last)
    between = [(piece, len(piece)) for piece in middle if piece]

    def fits(text: str) -> bool:
        if len(text) < least or not text.startswith(first) or not text.endswith(last):
            return False
        place, end = head, len(text) - tail
        for piece, size in between:
            place = text.find(piece, place, end)
            if place < 0:
                return False
            place += size
        return True

    return fits


def _with_gaps(pieces: list[_Piece]) -> Matcher:
    """The test of a pattern with `?`."""
    first, *rest = pieces
    if not rest:
        return lambda text: len(text) == first.size and first.at(text, 0)
    *middle, last = rest
    least = sum(piece.size for piece in pieces)

    def fits(text: str) -> bool:
        end = len(text) - last.size
        if len(text) < least or not first.at(text, 0) or not last.at(text, end):
            return False
        place = first.size
        for piece in middle:
            place = piece.find(text, place, end)
            if place < 0:
                return False
            place += piece.size
        return True

    return fits
