"""Texts cut to a channel's limit, at the end of a line where there is one, and saying so; pure."""

import json
from itertools import accumulate

_FENCE = "```"


def cut_text(text: str, most: int, mark: str) -> str:
    """A text of at most `most` characters; one that is cut ends with a whole line and the mark.

    A code block that the cut opened is closed.

    Args:
        text: the text.
        most: how many characters, more than the mark has.
        mark: what says that it was cut, and where the whole is.
    """
    if len(text) <= most:
        return text
    room = most - len(mark) - len(f"\n{_FENCE}\n")
    kept = text[:room]
    kept = kept[: kept.rfind("\n")] if "\n" in kept else kept
    closing = f"\n{_FENCE}" if kept.count(_FENCE) % 2 else ""
    return f"{kept}{closing}\n{mark}"


def cut_line(text: str, most: int) -> str:
    """A line of at most `most` characters; one that is cut ends with three dots."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def cut_to_bytes(text: str, limit: int) -> str:
    """The longest start of a text that stands in JSON with at most `limit` bytes of UTF-8."""
    sizes = accumulate(encoded_bytes(character) for character in text)
    return text[: sum(size <= limit for size in sizes)]


def encoded_bytes(text: str) -> int:
    """How many bytes of UTF-8 a text takes inside a JSON string, escapes included."""
    return len(json.dumps(text, ensure_ascii=False).encode()) - len('""')
