"""The list of incidents on the terminal: a line for each, as wide as the terminal is; pure but for printing."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from threegrants.aws.arn import is_account_id
from threegrants.cli.render import console, verbatim
from threegrants.cloudtrail import strip_control_characters

_NARROW = 100
"""Columns of a terminal below which one space stands between the columns, not two."""
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
_LEAST = 10
"""Columns that who, where and what have at least, each."""


def show_incidents(
    incidents: Sequence[Mapping[str, Any]], now: datetime, *, wide: bool = False
) -> None:
    """A line for each incident of the API's list, under a line of headings.

    The id is never cut: people copy it. Where the terminal is narrow, who, where and what are cut.

    Args:
        incidents: the API's list.
        now: the time that ages are counted to, in UTC.
        wide: cut nothing, as where the output is no terminal.
    """
    if not incidents:
        verbatim("no incidents")
        return
    for number, line in enumerate(table_lines(incidents, now, None if wide else console().width)):
        verbatim(line, "dim" if not number else "")


def table_lines(
    incidents: Sequence[Mapping[str, Any]], now: datetime, width: int | None
) -> list[str]:
    """The lines of the list, the headings first.

    Args:
        incidents: the API's list.
        now: the time that ages are counted to.
        width: columns; None to cut nothing.
    """
    heads: tuple[str, ...] = ("id", "state", "age", "count")
    rows: list[tuple[str, ...]] = [heads, *(_fixed(one, now) for one in incidents)]
    if any(one.get("open_until") for one in incidents):
        open_for = ["open for", *(_open_for(one, now) for one in incidents)]
        rows = [(*row, cell) for row, cell in zip(rows, open_for, strict=True)]
        heads = rows[0]
    widths = [max(len(row[at]) for row in rows) for at in range(len(heads))]
    gap = " " if width is not None and width < _NARROW else "  "
    left = None if width is None else width - sum(widths) - len(gap) * len(heads)
    last = ["who → where: what", *(_call(one, left) for one in incidents)]
    return [
        gap.join([*(cell.ljust(size) for cell, size in zip(row, widths, strict=True)), text])
        for row, text in zip(rows, last, strict=True)
    ]


def _fixed(incident: Mapping[str, Any], now: datetime) -> tuple[str, str, str, str]:
    return (
        _text(incident["id"]),
        _text(incident["state"]),
        age(str(incident.get("first_seen") or incident.get("last_seen") or ""), now),
        _count(incident.get("count")),
    )


def _open_for(incident: Mapping[str, Any], now: datetime) -> str:
    """For how long what an approval opened stands from now on: `6h`, or `no end`; empty if nothing is open."""
    until = str(incident.get("open_until") or "")
    try:
        ends = datetime.fromisoformat(until)
    except ValueError:
        return "no end" if until else ""
    return age(now.isoformat(), ends)


def _call(incident: Mapping[str, Any], room: int | None) -> str:
    """Who was refused where, and what is missing, in so many columns."""
    who, where, what = (_text(incident.get(name) or "") for name in ("who", "where", "what"))
    if not who:
        what = what or _text(incident.get("summary") or "") or "not examined yet"
    parts = [one for one in (who, where, what) if one]
    between = {2: 3, 3: 5}.get(len(parts), 0)
    if room is not None and sum(map(len, parts)) > room - between:
        if who:
            parts[0] = _short_account(who)
        parts = _fitted(parts, max(room - between, _LEAST))
    if not who:
        return parts[-1] if len(parts) == 1 else ": ".join(parts)
    head = " → ".join(parts[: 2 if where else 1])
    return ": ".join([head, *parts[2 if where else 1 :]])


def _fitted(parts: list[str], room: int) -> list[str]:
    """The parts in so many columns: the longest gives first, and each keeps its beginning."""
    sizes = [len(one) for one in parts]
    while sum(sizes) > room and max(sizes) > 1:
        sizes[sizes.index(max(sizes))] -= 1
    return [
        one if len(one) <= size else one[: size - 1] + "…"
        for one, size in zip(parts, sizes, strict=True)
    ]


def _short_account(who: str) -> str:
    """A principal with the last four digits of its account: `analyst@…2222`."""
    name, at, account = who.rpartition("@")
    return f"{name}@…{account[-4:]}" if at and is_account_id(account) else who


def age(since: str, now: datetime) -> str:
    """How long ago a time was, in one unit: `3h`; empty if it is no time."""
    try:
        time = datetime.fromisoformat(since)
    except ValueError:
        return ""
    seconds = int((now - (time if time.tzinfo else time.replace(tzinfo=UTC))).total_seconds())
    if seconds < 1:
        return "now"
    unit, size = next((unit, size) for unit, size in _UNITS if seconds >= size)
    return f"{seconds // size}{unit}"


_THOUSAND = 1000


def _count(value: Any) -> str:
    """A number in at most four characters: `950`, `12k`, `3M`."""
    number = int(value or 0)
    for unit in ("", "k", "M"):
        if number < _THOUSAND:
            return f"{number}{unit}"
        number //= _THOUSAND
    return f"{number}G"


def _text(value: Any) -> str:
    return strip_control_characters(value)
