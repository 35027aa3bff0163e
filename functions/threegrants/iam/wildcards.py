"""`*` and `?`: matching without backtracking into exponential time.

`*` stands for any number of characters (also `/` and line breaks), `?` for exactly one; see
docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html and
…/reference_policies_elements_condition_operators.html#Conditions_String.

A pattern is cut at its stars; each piece is searched once, leftmost first, which suffices because
an earlier place for a piece never spoils a later one. The cost is at most pattern times text.
"""

from collections.abc import Callable, Iterable
from enum import Enum


class Wild(Enum):
    """The two wildcards, as tokens apart from literal text."""

    ANY = "*"
    ONE = "?"


Token = str | Wild
Tokens = tuple[Token, ...]
Fits = Callable[[str], bool]
"""Whether one text fits."""


class Matcher:
    """A compiled pattern; `matches(text)` is the whole interface."""

    __slots__ = ("exact", "first", "last", "least", "middle", "only_any")

    def __init__(self, tokens: Tokens) -> None:
        pieces: list[list[Token]] = [[]]
        for token in tokens:
            if token is Wild.ANY:
                pieces.append([])
            elif token != "":
                pieces[-1].append(token)
        compiled = [_Piece(piece) for piece in pieces]
        self.exact = compiled[0] if len(compiled) == 1 else None
        self.first = compiled[0]
        self.last = compiled[-1]
        self.middle = tuple(piece for piece in compiled[1:-1] if piece.size)
        self.least = sum(piece.size for piece in compiled)
        self.only_any = self.exact is None and self.least == 0

    def matches(self, text: str) -> bool:
        """Whether the whole text fits the pattern, case-sensitively."""
        if self.only_any:
            return True
        size = len(text)
        if self.exact is not None:
            return size == self.exact.size and self.exact.at(text, 0)
        if size < self.least or not self.first.at(text, 0):
            return False
        end = size - self.last.size
        if not self.last.at(text, end):
            return False
        place = self.first.size
        for piece in self.middle:
            place = piece.find(text, place, end)
            if place < 0:
                return False
            place += piece.size
        return place <= end


class _Piece:
    """Text between two stars; `text` is set if there is no `?` in it."""

    __slots__ = ("parts", "size", "text")

    def __init__(self, tokens: list[Token]) -> None:
        self.parts: list[tuple[int, str]] = []
        place = 0
        for token in tokens:
            if isinstance(token, str):
                self.parts.append((place, token))
                place += len(token)
            else:
                place += 1
        self.size = place
        plain = all(isinstance(token, str) for token in tokens)
        self.text = "".join(text for _, text in self.parts) if plain else None

    def at(self, text: str, place: int) -> bool:
        if self.text is not None:
            return text.startswith(self.text, place)
        return all(text.startswith(part, place + offset) for offset, part in self.parts)

    def find(self, text: str, start: int, end: int) -> int:
        if self.text is not None:
            return text.find(self.text, start, end)
        for place in range(start, end - self.size + 1):
            if self.at(text, place):
                return place
        return -1


def plain_tokens(text: str) -> Tokens:
    """Tokens of a pattern in which no policy variables are looked for."""
    if "*" not in text and "?" not in text:
        return (text,)
    tokens: list[Token] = []
    literal = ""
    for char in text:
        if char in "*?":
            tokens += [literal, Wild.ANY if char == "*" else Wild.ONE]
            literal = ""
        else:
            literal += char
    return (*tokens, literal)


def literal_prefix(pattern: str) -> str | None:
    """The text before the one star at the end of a pattern; None for patterns of another form."""
    if pattern.endswith("*") and pattern.find("*") == len(pattern) - 1 and "?" not in pattern:
        return pattern[:-1]
    return None


def fits_of(tokens: Tokens) -> Fits:
    """The cheapest test of one pattern."""
    compiled = Matcher(tokens)
    pieces = (compiled.first, *compiled.middle, compiled.last)
    if compiled.exact is not None or any(piece.text is None for piece in pieces):
        return compiled.matches
    first, last = compiled.first.text or "", compiled.last.text or ""
    middle = tuple(piece.text or "" for piece in compiled.middle)
    least, head, tail = compiled.least, len(first), len(last)

    def fits(text: str) -> bool:
        if not text.startswith(first) or not text.endswith(last) or len(text) < least:
            return False
        place, end = head, len(text) - tail
        for piece in middle:
            place = text.find(piece, place, end)
            if place < 0:
                return False
            place += len(piece)
        return place <= end

    return fits


Parts = tuple[frozenset[str], tuple[str, ...], tuple[Fits, ...]]
"""Patterns by what they cost: texts, prefixes before one star, and tests of their own."""


def any_fits(patterns: Iterable[str | Tokens]) -> Fits:
    """One test for several patterns."""
    return union(sorted_out(patterns, fits_of))


def sorted_out(
    patterns: Iterable[str | Tokens], other: Callable[[Tokens], Fits], colons: int = 0
) -> Parts:
    """The parts of several patterns; a text or prefix has to hold a number of colons."""
    exact: set[str] = set()
    prefixes: list[str] = []
    others: list[Fits] = []
    for pattern in patterns:
        if not isinstance(pattern, str):
            others.append(other(pattern))
        elif "*" not in pattern and "?" not in pattern and pattern.count(":") >= colons:
            exact.add(pattern)
        elif pattern == "*" or (
            (prefix := literal_prefix(pattern)) is not None and prefix.count(":") >= colons
        ):
            prefixes.append(pattern[:-1])
        else:
            others.append(other(plain_tokens(pattern)))
    return frozenset(exact), tuple(prefixes), tuple(others)


def union(parts: Parts) -> Fits:
    """One test out of parts: the shortest that does the work."""
    exact, prefixes, others = parts
    if not prefixes and not others:
        return exact.__contains__
    if not others:
        if exact:
            return lambda text: text in exact or text.startswith(prefixes)
        return lambda text: text.startswith(prefixes)
    if len(others) == 1 and not exact and not prefixes:
        return others[0]

    def fits(text: str) -> bool:
        if text in exact or text.startswith(prefixes):
            return True
        for other in others:  # noqa: SIM110 - any() costs a generator in the hottest loop
            if other(text):
                return True
        return False

    return fits
