"""`ApprovalRequest`: what a person says with a decision: why, by which ticket, for how long. Pure.

All of it is the approver's own word. It is kept and shown, and decides nothing but the end.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from threegrants.cloudtrail import strip_lines

UNTIL_REVOKED = 0
"""The `seconds` of a grant that has no end."""
UNTIL_REVOKED_TEXT = "until-revoked"
"""How people and programs ask for that."""
MAX_REASON = 500
"""Characters of a reason."""
MAX_TICKET = 100
"""Characters of a ticket."""
_HOUR = 3600
_UNITS = {"h": _HOUR, "d": 24 * _HOUR}
_DURATION = re.compile(r"([1-9][0-9]{0,3})([hd])", re.ASCII)


class RequestError(ValueError):
    """What a person asked for is not of the form that it must have; the text says of which."""


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """What a person says with a decision.

    Args:
        reason: why; at most `MAX_REASON` characters, on one line.
        ticket: what it belongs to elsewhere; at most `MAX_TICKET` characters.
        seconds: for how long the grant is wanted; `UNTIL_REVOKED` for one without an end, None for what
            the configuration says.
        break_glass: whether the person approves alone where two are wanted.
    """

    reason: str = ""
    ticket: str = ""
    seconds: int | None = None
    break_glass: bool = False


def request_of(body: Mapping[str, Any]) -> ApprovalRequest:
    """What the JSON of a request says: `reason`, `ticket` and `for`, each of which may be left out.

    Raises:
        RequestError: naming the field that is wrong, and what is wanted.
    """
    return ApprovalRequest(
        reason=text_of(body, "reason", MAX_REASON),
        ticket=text_of(body, "ticket", MAX_TICKET),
        seconds=seconds_of(body["for"]) if body.get("for") is not None else None,
    )


def text_of(body: Mapping[str, Any], name: str, most: int) -> str:
    """A text of a request, on one line; empty if there is none.

    Args:
        body: the JSON object.
        name: the field.
        most: how many characters it may have.

    Raises:
        RequestError: if it is no text, or too long.
    """
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > most:
        raise RequestError(f"{name} must be a text of at most {most} characters")
    return " ".join(strip_lines(value).encode(errors="replace").decode().split())


def seconds_of(duration: Any) -> int:
    """The seconds of a duration as people write it: `8h`, `3d` or `until-revoked`.

    Raises:
        RequestError: if it is none.
    """
    if duration == UNTIL_REVOKED_TEXT:
        return UNTIL_REVOKED
    found = _DURATION.fullmatch(duration) if isinstance(duration, str) else None
    if found is None:
        raise RequestError(
            f"for must be whole hours or days, such as 8h or 3d, or {UNTIL_REVOKED_TEXT}"
        )
    return int(found[1]) * _UNITS[found[2]]


def duration_text(seconds: int) -> str:
    """A duration as people write it: `8h`, `3d`; the reverse of `seconds_of` for whole hours."""
    if seconds == UNTIL_REVOKED:
        return UNTIL_REVOKED_TEXT
    day = _UNITS["d"]
    return f"{seconds // day}d" if seconds % day == 0 else f"{-(-seconds // _HOUR)}h"
