"""The findings of many records as one table."""

from collections.abc import Sequence

from rich.table import Table

from threegrants.cli.findings import Finding
from threegrants.cli.render import coloured, console, plain
from threegrants.report import Report


def show_overview(findings: Sequence[Finding], total: int) -> None:
    """A line for each finding, before their details.

    Args:
        findings: the findings that are shown.
        total: how many there are in all.
    """
    out = console()
    calls = sum(finding.count for finding in findings)
    shown = f"{len(findings)} of {total}" if total > len(findings) else str(total)
    out.print(plain(f"{shown} finding(s), {calls} denied call(s)", "bold"))
    table = _table("#", "calls", "last seen", "action", "on", "principal")
    for number, finding in enumerate(findings, 1):
        table.add_row(*[plain(cell) for cell in _cells(number, finding)])
    out.print(table)
    out.print()


def show_summary_line(number: int, finding: Finding, report: Report) -> None:
    """A finding with its outcome, in two lines."""
    out = console()
    number_text, calls, seen, action, target, principal = _cells(number, finding)
    table = Table.grid(padding=(0, 2))
    table.add_row(
        plain(number_text),
        coloured(report.outcome),
        plain(f"{calls} call(s), last {seen}"),
        plain(f"{action} on {target} by {principal}"),
    )
    out.print(table)
    out.print(plain(f"   {report.summary}", "dim"))


def summary_object(finding: Finding, report: Report) -> dict[str, object]:
    """A finding with its outcome, for programs."""
    request = report.request
    return {
        "id": report.id,
        "outcome": report.outcome,
        "summary": report.summary,
        "principal": finding.principal,
        "action": finding.action,
        "bucket": request.bucket,
        "bucket_account": request.bucket_account,
        "causes": list(report.causes),
        "count": request.count,
        "first_seen": request.first_seen,
        "last_seen": request.last_seen,
    }


def _cells(number: int, finding: Finding) -> tuple[str, ...]:
    target = finding.target or "?"
    who = finding.principal
    last = finding.last_seen or "?"
    return str(number), str(finding.count), last, finding.action, target, who


def _table(*headings: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        table.add_column(heading, no_wrap=heading in {"#", "calls", "last seen"}, overflow="fold")
    return table
