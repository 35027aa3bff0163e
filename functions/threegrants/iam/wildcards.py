"""`*` and `?`: matching without backtracking into exponential time.

IAM user guide, "IAM JSON policy elements: Resource" and "… Condition operators": `*` stands for any
number of characters (also `/` and line breaks), `?` for exactly one.

A pattern is cut at its stars; each piece is searched once, leftmost first, which suffices because
an earlier place for a piece never spoils a later one. The cost is at most pattern times text.
"""

from enum import Enum


class Wild(Enum):
    """The two wildcards, as tokens apart from literal text."""

    ANY = "*"
    ONE = "?"


Token = str | Wild
Tokens = tuple[Token, ...]


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
        compiled = [_piece(piece) for piece in pieces]
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


def _piece(tokens: list[Token]) -> _Piece:
    return _Piece(tokens)


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


_CACHE: dict[str, Matcher] = {}
_CACHE_SIZE = 20_000


def matcher(pattern: str) -> Matcher:
    """The matcher of a pattern without variables, compiled once."""
    found = _CACHE.get(pattern)
    if found is None:
        if len(_CACHE) >= _CACHE_SIZE:
            _CACHE.clear()
        found = _CACHE[pattern] = Matcher(plain_tokens(pattern))
    return found
