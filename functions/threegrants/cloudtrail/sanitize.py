"""Strings of a record are chosen by whoever made the call."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_MAX_ID_CHARACTERS = 200
"""Of an id or a time in a key of DynamoDB, which holds 1,024 bytes; CloudTrail's have up to 36."""


def strip_control_characters(text: object) -> str:
    """The text without control characters: it cannot move a cursor, colour, or forge a line."""
    return "".join(ch if ch.isprintable() else "\ufffd" for ch in str(text))


def strip_lines(text: str) -> str:
    """The text without control characters; its lines stay lines."""
    return "\n".join(strip_control_characters(line) for line in text.split("\n"))


def without_lone_surrogates(value: Any) -> Any:
    r"""JSON in which every string can be stored and sent.

    JSON may spell half of a character (`"\ud800"`); UTF-8 has no bytes for it, so no table and no
    topic takes it. It becomes U+FFFD, the replacement character.
    """
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {without_lone_surrogates(k): without_lone_surrogates(v) for k, v in value.items()}
    if isinstance(value, list):
        return [without_lone_surrogates(one) for one in value]
    return value


def fitting_id(known: str, most: int = _MAX_ID_CHARACTERS) -> str:
    """An id or a time that fits into a key: itself, or a digest of it if it has more characters."""
    if len(known) <= most:
        return known
    return "sha256:" + hashlib.sha256(known.encode(errors="replace")).hexdigest()
