"""The audit: who decided what, as a page, as CSV and as JSON; pure."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, tzinfo
from typing import Any
from urllib.parse import urlencode

from threegrants.cloudtrail.sanitize import without_lone_surrogates
from threegrants.incidents import Incident
from threegrants.page.view.inputs import AuditFacts, AuditLine
from threegrants.page.view.times import ShownTime, shown_time
from threegrants.page.view.visible import shortened, visible

PAGE_SIZE = 50
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet take a cell for a formula, if it stands first; the full-width forms too.
Source: https://owasp.org/www-community/attacks/CSV_Injection"""
SCHEMA = "threegrants.audit/1"
"""The `schema` of the export as JSON."""


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One line of the audit.

    Args:
        at: when.
        incident_id: the incident.
        actor: who.
        what: what was done.
        reason: why, as the person wrote it.
        ticket: the ticket they named.
        until: when it ends; None without an end.
        detail: what the history says beside that.
        digests: the patches, shortened.
        about: principal and bucket.
    """

    at: ShownTime
    incident_id: str
    actor: str
    what: str
    reason: str
    ticket: str
    until: ShownTime | None
    detail: str
    digests: tuple[str, ...]
    about: str


@dataclass(frozen=True, slots=True)
class AuditView:
    """What the audit's page says.

    Args:
        rows: the lines of this page.
        search: what is searched for.
        total: how many fit.
        page: from 1.
        pages: how many there are.
        previous: the page before; empty if there is none.
        following: the next page; empty if there is none.
        csv_href: the same as CSV.
        json_href: the same as JSON.
        truncated: whether there are more than were read.
    """

    rows: tuple[AuditRow, ...]
    search: str
    total: int
    page: int
    pages: int
    previous: str
    following: str
    csv_href: str
    json_href: str
    truncated: bool


def audit_lines(
    incident: Incident, history: Iterable[Mapping[str, Any]], *, service_too: bool = False
) -> tuple[AuditLine, ...]:
    """The lines of an incident's history that belong into the audit, oldest first.

    Args:
        incident: the incident.
        history: its history, as the store has it.
        service_too: whether what this service did by itself is among them.
    """
    report = incident.diagnosis
    principal = report.principal.name if report else ""
    found = []
    for line in history:
        actor = str(line.get("actor", ""))
        if actor == "service" and not service_too:
            continue
        found.append(
            AuditLine(
                at=str(line.get("at", "")),
                incident_id=incident.id,
                actor=actor,
                what=str(line.get("what", "")),
                state=str(line.get("to", "")),
                digests=tuple(str(one) for one in line.get("digests") or ()),
                reason=str(line.get("reason", "") or ""),
                ticket=str(line.get("ticket", "") or ""),
                until=_until(line.get("until")),
                detail=str(line.get("detail", "") or ""),
                principal=principal,
                bucket=incident.bucket or "",
            )
        )
    return tuple(found)


def _until(value: Any) -> str:
    """The end of what was approved, ISO 8601; the store has it so, or as seconds since the epoch."""
    if value is None or value in ("", 0):
        return ""
    text = str(value)
    if text.isascii() and text.isdigit():
        return shown_time(int(text), datetime.fromtimestamp(0).astimezone()).iso
    return text


def found_lines(lines: Sequence[AuditLine], search: str) -> tuple[AuditLine, ...]:
    """The lines that have every word that is searched for.

    Args:
        lines: some lines.
        search: words; empty for all lines.
    """
    words = search.lower().split()
    if not words:
        return tuple(lines)
    return tuple(
        line
        for line in lines
        for text in (" ".join(map(str, asdict(line).values())).lower(),)
        if all(word in text for word in words)
    )


def audit_view(facts: AuditFacts) -> AuditView:
    """The audit as its form asks for it."""
    found = found_lines(facts.lines, facts.search)
    pages = max(1, -(-len(found) // PAGE_SIZE))
    page = min(max(1, facts.page), pages)
    begin = (page - 1) * PAGE_SIZE
    query = {"q": facts.search} if facts.search else {}
    tail = f"?{urlencode(query, errors='replace')}" if query else ""
    return AuditView(
        rows=tuple(
            audit_row(one, facts.now, facts.zone) for one in found[begin : begin + PAGE_SIZE]
        ),
        search=facts.search,
        total=len(found),
        page=page,
        pages=pages,
        previous=_page_href(query, page - 1) if page > 1 else "",
        following=_page_href(query, page + 1) if page < pages else "",
        csv_href=f"/audit.csv{tail}",
        json_href=f"/audit.json{tail}",
        truncated=facts.truncated,
    )


def audit_row(line: AuditLine, now: datetime, zone: tzinfo | None = None) -> AuditRow:
    """One line as it is shown.

    Args:
        line: the line.
        now: with a time zone.
        zone: the people's own time zone, beside UTC.
    """
    about = " on ".join(shortened(one, 120) for one in (line.principal, line.bucket) if one)
    return AuditRow(
        at=shown_time(line.at, now, zone),
        incident_id=line.incident_id,
        actor=shortened(line.actor, 200),
        what=shortened(line.what, 120),
        reason=shortened(line.reason, 500),
        ticket=shortened(line.ticket, 100),
        until=shown_time(line.until, now, zone) if line.until else None,
        detail=shortened(line.detail, 300),
        digests=tuple(one[:19] for one in line.digests),
        about=about,
    )


def _page_href(query: Mapping[str, str], page: int) -> str:
    return f"/audit?{urlencode({**query, 'page': str(page)}, errors='replace')}"


COLUMNS = tuple(one.name for one in fields(AuditLine))
"""The columns of the CSV, and the fields of a line of the JSON."""


def audit_csv(lines: Iterable[AuditLine]) -> str:
    """The lines as CSV (RFC 4180), with a byte order mark so that spreadsheets read UTF-8.

    A cell that a spreadsheet would take for a formula begins with `'`. Control characters are shown by
    name. Several digests stand in one cell, with a space between them.

    Args:
        lines: what is exported.
    """
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    table.writerow(COLUMNS)
    for line in lines:
        table.writerow([_cell(getattr(line, name)) for name in COLUMNS])
    return "\ufeff" + written.getvalue()


def _cell(value: object) -> str:
    text = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    is_formula = text.lstrip(" \u00a0").startswith(_FORMULA)
    shown = visible(text)
    return f"'{shown}" if is_formula else shown


def audit_json(lines: Iterable[AuditLine], *, truncated: bool = False) -> str:
    """The lines as JSON: `{"schema": "threegrants.audit/1", "truncated": false, "lines": […]}`.

    Args:
        lines: what is exported.
        truncated: whether there are more than were read.
    """
    body = {
        "schema": SCHEMA,
        "truncated": truncated,
        "lines": [without_lone_surrogates(asdict(one)) for one in lines],
    }
    return json.dumps(body, indent=2)
