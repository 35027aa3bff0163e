"""Which denied calls a person asked for: by time, bucket, caller and action. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from threegrants.cloudtrail import DeniedCall
from threegrants.incidents.incident_id import principal_of

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_AGO = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class TimeError(ValueError):
    """A text that is no time."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for; empty for everything. Patterns have the wildcards `*` and `?`.

    Args:
        since: the earliest time of a call; None for any.
        until: the latest; None for any.
        buckets: patterns of which one must fit the bucket, access point or key.
        callers: patterns of which one must fit the caller's ARN, session, name or account.
        actions: patterns of which one must fit an action or the operation, in any case.
    """

    since: datetime | None = None
    until: datetime | None = None
    buckets: tuple[str, ...] = ()
    callers: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()

    def __contains__(self, call: DeniedCall) -> bool:
        return (
            self._in_time(call.time)
            and _fits(self.buckets, _targets(call))
            and _fits(self.callers, _names(call))
            and _fits(self.actions, _actions(call), str.lower)
        )

    def _in_time(self, text: str) -> bool:
        if self.since is None and self.until is None:
            return True
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            return False
        time = time if time.tzinfo else time.replace(tzinfo=UTC)
        since, until = self.since or time, self.until or time
        return since <= time <= until


def parse_time(text: str, now: datetime) -> datetime:
    """A time: `2026-11-20`, `2026-11-20T09:00:00Z`, or `90m`, `6h`, `2d`, `1w` ago; UTC.

    Raises:
        TimeError: if the text is none of these.
    """
    number, unit = text[:-1], text[-1:]
    try:
        if unit in _AGO and number.isdecimal():
            return now - timedelta(**{_AGO[unit]: int(number)})
        time = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        wanted = "2026-11-20, 2026-11-20T09:00:00Z, or how long ago: 90m, 6h, 2d"
        raise TimeError(f"{text!r} is no time; expected {wanted}") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def parse_end(text: str, now: datetime) -> datetime:
    """A time up to which calls count; a day counts whole.

    Raises:
        TimeError: if the text is no time.
    """
    time = parse_time(text, now)
    return time + timedelta(days=1, microseconds=-1) if _DAY.fullmatch(text) else time


def _fits(
    patterns: tuple[str, ...],
    names: tuple[str | None, ...],
    spelled: Callable[[str], str] = str,
) -> bool:
    if not patterns:
        return True
    known = [spelled(name) for name in names if name]
    return any(fnmatchcase(name, spelled(pattern)) for pattern in patterns for name in known)


def _targets(call: DeniedCall) -> tuple[str | None, ...]:
    source = call.copy_source.bucket if call.copy_source else None
    return call.bucket, call.access_point_arn, call.kms_key, source


def _names(call: DeniedCall) -> tuple[str | None, ...]:
    caller = call.caller
    name = (caller.arn or "").rpartition("/")[2]
    plain = principal_of(call) if caller.arn else None
    known = (caller.arn, plain, caller.session_arn, name, caller.session_name)
    return (*known, caller.unique_id, caller.account, caller.invoked_by)


def _actions(call: DeniedCall) -> tuple[str | None, ...]:
    return (*call.s3_actions, *call.kms_actions, call.action, call.message.action, call.operation)
