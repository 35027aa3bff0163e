"""The findings of many records as one table."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from threegrants.cli.findings import Finding
from threegrants.cli.render import coloured, console, plain
from threegrants.report import Report


def show_overview(findings: Sequence[Finding], total: int, noise: Sequence[Finding] = ()) -> None:
    """A line for each finding, before their details.

    Args:
        findings: the findings that are shown.
        total: how many there are in all, beside noise.
        noise: what is not examined, because it is noise.
    """
    out = console()
    calls = sum(finding.count for finding in findings)
    shown = f"{len(findings)} of {total}" if total > len(findings) else str(total)
    held = sum(finding.count for finding in noise)
    beside = f"; beside them {held} denied call(s) that are noise" if held else ""
    out.print(plain(f"{shown} finding(s), {calls} denied call(s){beside}", "bold"))
    table = _table("#", "calls", "last seen", "action", "on", "principal")
    for number, finding in enumerate(findings, 1):
        table.add_row(*[plain(cell) for cell in _cells(number, finding)])
    out.print(table)
    out.print()


def noise_lines(noise: Sequence[Finding]) -> Iterator[str]:
    """A line for each preset that held something back: how much, what it is, and the first of it."""
    held: dict[str, list[Finding]] = {}
    for finding in noise:
        held.setdefault(finding.noise.name if finding.noise else "", []).append(finding)
    for name, findings in held.items():
        calls = sum(finding.count for finding in findings)
        what = findings[0].noise.what if findings[0].noise else ""
        first = findings[0]
        example = f"{first.action} on {first.target or '?'} by {first.principal}"
        more = f" and {len(findings) - 1} more" if len(findings) > 1 else ""
        yield (
            f"noise: {calls} denied call(s) held back by the preset {name} ({what}): {example}{more}; "
            "--all examines them"
        )


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
    noise = f" (noise: {finding.noise.name})" if finding.noise else ""
    target = finding.target or "?"
    who = finding.principal
    last = finding.last_seen or "?"
    return str(number), str(finding.count), last, f"{finding.action}{noise}", target, who


def _table(*headings: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in headings:
        table.add_column(heading, no_wrap=heading in {"#", "calls", "last seen"}, overflow="fold")
    return table
