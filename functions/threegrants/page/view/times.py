"""Times and durations as people read them; pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_UNITS = ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"), (1, "second"))


@dataclass(frozen=True, slots=True)
class ShownTime:
    """A moment for people and for machines.

    Args:
        iso: ISO 8601, for the `datetime` attribute; empty if the text is no time.
        text: `24 Nov 2026, 03:00:12 UTC`, and the people's own time beside it.
        ago: `3 minutes ago`, `in 8 hours`; empty if the text is no time.
    """

    iso: str
    text: str
    ago: str = ""


def shown_time(when: str | int | None, now: datetime, zone: tzinfo | None = None) -> ShownTime:
    """A moment as it is shown; a text that is no time is shown as it stands.

    Args:
        when: ISO 8601, or seconds since the epoch; nothing for an unknown time.
        now: with a time zone.
        zone: the people's own time zone, beside UTC.
    """
    if when is None or when == "":
        return ShownTime("", "not known")
    try:
        at = (
            datetime.fromtimestamp(when, UTC)
            if isinstance(when, int)
            else datetime.fromisoformat(when)
        )
        at = at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
        local = f" ({at.astimezone(zone):%H:%M %Z})" if zone else ""
    except (ValueError, OverflowError, OSError):
        return ShownTime("", str(when))
    text = f"{at.day} {at:%b %Y, %H:%M:%S} UTC{local}"
    return ShownTime(at.isoformat().replace("+00:00", "Z"), text, ago(at, now))


def ago(at: datetime, now: datetime) -> str:
    """How long ago, or in how long, by the largest unit that fits."""
    seconds = round((now - at).total_seconds())
    words = duration_words(abs(seconds), parts=1)
    if abs(seconds) < 1:
        return "just now"
    return f"{words} ago" if seconds > 0 else f"in {words}"


def duration_words(seconds: int, parts: int = 2) -> str:
    """`8 hours`, `1 day 2 hours`.

    Args:
        seconds: not negative.
        parts: how many units at most.
    """
    found: list[str] = []
    for size, unit in _UNITS:
        count, seconds = divmod(seconds, size)
        if count and len(found) < parts:
            found.append(f"{count} {unit}{'s' if count > 1 else ''}")
        elif found:
            break
    return " ".join(found) or "0 seconds"


def expiry_words(seconds: int) -> str:
    """How long an approval lasts: `8 hours`; 0 is without an end."""
    return duration_words(seconds) if seconds else "until somebody takes it back"


def expiry_value(seconds: int) -> str:
    """The same as the API takes it: `8h`, `3d`, `until-revoked`."""
    if not seconds:
        return "until-revoked"
    return f"{seconds // _DAY}d" if seconds % _DAY == 0 else f"{-(-seconds // _HOUR)}h"
