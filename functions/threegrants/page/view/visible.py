"""Strings that somebody else chose, as text that shows everything it holds; pure.

Whoever made the call chose its object key, session name and user agent. HTML's escaping keeps them text;
this keeps them honest: a control character, a mark that turns the direction of writing, or one without
width is shown by its name instead of doing what it does. See https://www.unicode.org/reports/tr36/ and
https://trojansource.codes/.
"""

import unicodedata

_CONTROL_PICTURES = 0x2400
_C0 = 0x20
_DEL = 0x7F
_STACKED = 2
"""So many combining marks on one letter are writing; more are there to paint over the line above."""


def visible(text: object) -> str:
    """One line in which every character is seen: `␊` for a line feed, `⟪U+202E⟫` for a mark.

    Args:
        text: anything; what it is as `str`.
    """
    line = str(text)
    if line.isascii() and line.isprintable():
        return line
    found: list[str] = []
    marks = 0
    for char in line:
        marks = marks + 1 if unicodedata.combining(char) else 0
        found.append(_named(char) if marks > _STACKED else _shown(char))
    return "".join(found)


def _shown(char: str) -> str:
    code = ord(char)
    if code < _C0:
        return chr(_CONTROL_PICTURES + code)
    if code == _DEL:
        return "␡"
    return char if char.isprintable() and not _is_invisible(char) else _named(char)


def _is_invisible(char: str) -> bool:
    """Letters that Python calls printable and that leave no ink: Hangul fillers, variation selectors."""
    return (
        char in "\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0"
        or "\ufe00" <= char <= "\ufe0f"
        or ("\U000e0100" <= char <= "\U000e01ef")
    )


def _named(char: str) -> str:
    return f"⟪U+{ord(char):04X}⟫"


def shortened(text: object, most: int = 160) -> str:
    """The text itself, or its beginning and its end around `…`; what is cut stands elsewhere in full.

    Args:
        text: what it is as `str`.
        most: characters to keep, at least 3.
    """
    whole = visible(text)
    if len(whole) <= most:
        return whole
    end = (most - 1) // 3
    return f"{whole[: most - 1 - end]}…{whole[len(whole) - end :]}"


def cells(text: str) -> int:
    """How many columns of a fixed-width font the text takes: wide letters take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def fitted(text: object, columns: int) -> str:
    """The text cut to so many columns, with `…` in its middle; for a picture, where nothing wraps."""
    whole = visible(text)
    most = columns
    while cells(whole) > columns and most > 1:
        most -= 1
        whole = shortened(text, max(3, most))
        if most <= 3:  # noqa: PLR2004 - `…` and a letter on each side
            break
    return whole
