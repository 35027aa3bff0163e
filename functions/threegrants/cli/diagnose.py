"""`threegrants diagnose`: records from files, examined live, without the deployed service."""

import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from threegrants.analysis import AnalysisOptions, analyze
from threegrants.cli.findings import Finding, Findings
from threegrants.cli.options import (
    ACCOUNTS,
    EXTERNAL_ID,
    READER_ROLE,
    REPORT_FORMAT,
    SNIPPETS,
    account_option,
)
from threegrants.cli.overview import (
    noise_lines,
    show_overview,
    show_summary_line,
    summary_object,
)
from threegrants.cli.records import (
    Leftovers,
    input_files,
    read_calls,
    report_skipped,
    require_readable,
    warn,
)
from threegrants.cli.render import Tool, json_text, show_diagnosis
from threegrants.cli.selection import Selection, TimeError, parse_end, parse_time
from threegrants.cloudtrail import strip_control_characters
from threegrants.evidence import MemberAccounts, RoleClients
from threegrants.evidence.calls import NOT_AWS
from threegrants.patches import GranteeScope, Profile, Scope
from threegrants.report import Report, report_for
from threegrants.report.raw_formats import NothingToWrite, raw

_EXAMINED_AT_ONCE = 6
"""Findings whose evidence is read at the same time; each reads several things at once itself."""
_INCOMPLETE_INPUT = 2
_NOT_EXAMINED = 1


def _time_option(
    _context: click.Context, option: click.Parameter, text: str | None
) -> datetime | None:
    if text is None:
        return None
    parse = parse_end if option.name == "until" else parse_time
    try:
        return parse(text, datetime.now(UTC))
    except TimeError as error:
        raise click.BadParameter(str(error), param=option) from error


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@REPORT_FORMAT
@READER_ROLE
@EXTERNAL_ID
@ACCOUNTS
@click.option(
    "--organizations-account",
    "organizations",
    default=None,
    callback=account_option,
    help="The account whose reader role may read SCPs and RCPs (management or delegated).",
)
@click.option("--objects", is_flag=True, help="Look at the objects themselves (HeadObject).")
@click.option(
    "--profile-kms",
    "profile",
    type=click.Choice([p.value for p in Profile]),
    default=Profile.LEAST.value,
    show_default=True,
    help="KMS actions that a patch grants.",
)
@click.option(
    "--scope",
    type=click.Choice([s.value for s in Scope]),
    default=Scope.PREFIX.value,
    show_default=True,
    help="How much of the bucket the proposed patch covers; the others are shown beside it.",
)
@click.option(
    "--principal",
    type=click.Choice([n.value for n in GranteeScope]),
    default=GranteeScope.PRINCIPAL.value,
    show_default=True,
    help="Whom a bucket or key policy names: the role or user, or every principal of its account.",
)
@click.option(
    "--owner-tag",
    "owner_tags",
    multiple=True,
    help="A tag (KEY or KEY=VALUE) of what infrastructure code owns; repeatable.",
)
@click.option("--analyzer", is_flag=True, help="Ask IAM Access Analyzer about each patch too.")
@SNIPPETS
@click.option(
    "--since", callback=_time_option, help="Only calls from this time on: 2026-11-20, 6h, 2d."
)
@click.option(
    "--until", callback=_time_option, help="Only calls up to this time; a day counts whole."
)
@click.option("--bucket", "buckets", multiple=True, help="Only this bucket; wildcards; repeatable.")
@click.option(
    "--caller",
    "callers",
    multiple=True,
    help="Only calls of this principal: ARN, name or account; wildcards; repeatable.",
)
@click.option(
    "--action",
    "actions",
    multiple=True,
    help="Only this action or operation: s3:GetObject, kms:*; wildcards; repeatable.",
)
@click.option("--top", type=click.IntRange(1), help="Only the findings with the most calls.")
@click.option("--all", "everything", is_flag=True, help="Examine what is known as noise too.")
@click.option("--summary", is_flag=True, help="A line for each finding, without the details.")
@click.option("--strict", is_flag=True, help="Exit with 2 if anything could not be read.")
def diagnose(  # noqa: PLR0913, PLR0917 - click passes each option so
    files: tuple[str, ...],
    output_format: str,
    reader_role: str,
    external_id: str,
    accounts: tuple[str, ...],
    organizations: str | None,
    objects: bool,  # noqa: FBT001 - click passes flags so
    profile: str,
    scope: str,
    principal: str,
    owner_tags: tuple[str, ...],
    analyzer: bool,  # noqa: FBT001
    tool: Tool | None,
    since: datetime | None,
    until: datetime | None,
    buckets: tuple[str, ...],
    callers: tuple[str, ...],
    actions: tuple[str, ...],
    top: int | None,
    everything: bool,  # noqa: FBT001
    summary: bool,  # noqa: FBT001
    strict: bool,  # noqa: FBT001
) -> None:
    """Diagnose each distinct denied access in FILE... (files, folders, `-`), live.

    FILE holds CloudTrail records in any form people keep them: trail files, lookup-events, JSON
    Lines, exports of CloudWatch Logs, Athena, CloudTrail Lake, Security Lake, Splunk, Elastic and
    others, packed or not: docs/formats.md.

    What the service holds back as noise by default is counted with the reason, and not examined
    without --all.

    Exit status: 0 if every denial found was examined (warnings say what could not be read); 1 if a
    finding could not be examined; 2 if nothing could be read, or with --strict if anything could
    not.
    """
    selection = Selection(since, until, buckets, callers, actions)
    leftovers = Leftovers()
    found = _read(files, selection, leftovers)
    if not found:
        require_readable(files[0] if len(files) == 1 else f"{len(files)} files", leftovers)
        click.echo("[]" if output_format == "json" else "", nl=output_format == "json")
        report_skipped(leftovers, 0)
        return
    noise = [] if everything else [one for one in found if one.noise]
    found = found if everything else [one for one in found if not one.noise]
    shown = _most_frequent(found, top) if top else found
    options = AnalysisOptions(
        profile=Profile(profile),
        scope=Scope(scope),
        principal=GranteeScope(principal),
        owner_tags=owner_tags,
        analyzer=analyzer,
    )
    show = _printer(output_format, tool, summary=summary)
    if output_format == "text" and not summary and len(found) + len(noise) > 1 and found:
        show_overview(shown, len(found), noise)
    failed = 0
    with show:
        # Where nothing is examined, nobody is asked who we are.
        reader = (
            role_clients(reader_role, external_id, accounts, organizations, objects=objects)
            if shown
            else RoleClients(reader_role)
        )
        for number, one in enumerate(_examined(shown, reader, options), 1):
            if isinstance(one, _Examined):
                show(number, one.finding, one.report)
            else:
                failed += 1
                click.echo(strip_control_characters(one), err=True)
    for line in noise_lines(noise):
        click.echo(strip_control_characters(line), err=output_format != "text")
    warn(leftovers)
    report_skipped(leftovers, len(found) + len(noise))
    if strict and not leftovers.complete:
        sys.exit(_INCOMPLETE_INPUT)
    if failed:
        sys.exit(_NOT_EXAMINED)


def _read(names: Sequence[str], selection: Selection, leftovers: Leftovers) -> list[Finding]:
    files = input_files(names)
    findings = Findings()
    with _bar("reading", len(files), shown=sys.stderr.isatty()) as advance:
        for place, _, call in read_calls(files, leftovers, progress=lambda *_: advance()):
            if call in selection:
                findings.add(call)
            else:
                findings.learn(call)
                leftovers.skip("not asked for", place)
    return findings.joined()


def _most_frequent(findings: Sequence[Finding], top: int) -> list[Finding]:
    return sorted(findings, key=lambda finding: -finding.count)[:top]


@dataclass(frozen=True, slots=True)
class _Examined:
    finding: Finding
    report: Report


def _examined(
    findings: Sequence[Finding], reader: RoleClients, options: AnalysisOptions
) -> Iterator[_Examined | str]:
    """Each finding's report as soon as it is there, in their order; or why there is none."""
    shown = sys.stderr.isatty() and not sys.stdout.isatty()
    pool = ThreadPoolExecutor(_EXAMINED_AT_ONCE)
    try:
        pending = [(one, pool.submit(_examine, one, reader, options)) for one in findings]
        with _bar("examining", len(findings), shown=shown) as advance:
            while pending:
                finding, future = pending.pop(0)
                yield _result(finding, future)
                advance()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _result(finding: Finding, future: Future[Report]) -> _Examined | str:
    try:
        return _Examined(finding, future.result())
    except Exception as error:  # noqa: BLE001 - one finding must not cost the others
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        on = f"{finding.action} on {finding.target} by {finding.principal}"
        return f"error: {on} could not be examined ({what}); please report it with the record"


def _examine(finding: Finding, reader: RoleClients, options: AnalysisOptions) -> Report:
    analysis = analyze(finding.call, reader, options, finding.folders)
    seen = (finding.first_seen, finding.last_seen)
    return report_for(analysis, finding.incident_id, finding.events, finding.count, seen)


class _Text:
    """Prints each finding as text, as it comes."""

    def __init__(self, tool: Tool | None, *, summary: bool) -> None:
        self._tool, self._summary = tool, summary

    def __enter__(self) -> None:
        """Nothing comes before."""

    def __exit__(self, *_: object) -> None:
        """Nothing comes after."""

    def __call__(self, number: int, finding: Finding, report: Report) -> None:
        if self._summary:
            show_summary_line(number, finding, report)
        else:
            show_diagnosis(report, self._tool)
        sys.stdout.flush()


class _Json:
    """Prints the findings as one JSON list, each as it comes; a whole list whatever happens."""

    def __init__(self, *, summary: bool) -> None:
        self._summary = summary
        self._some = False

    def __enter__(self) -> None:
        """Nothing is printed before the first finding."""

    def __exit__(self, *_: object) -> None:
        click.echo("\n]" if self._some else "[]")

    def __call__(self, _number: int, finding: Finding, report: Report) -> None:
        value = summary_object(finding, report) if self._summary else report.to_json()
        click.echo(",\n" if self._some else "[\n", nl=False)
        click.echo(textwrap.indent(json_text(value), "  "), nl=False)
        sys.stdout.flush()
        self._some = True


class _Raw:
    """Prints each finding in a form that is copied; what has nothing to copy is said on stderr."""

    def __init__(self, form: str) -> None:
        self._form, self._some = form, False

    def __enter__(self) -> None:
        """Nothing comes before."""

    def __exit__(self, *_: object) -> None:
        """Nothing comes after."""

    def __call__(self, _number: int, _finding: Finding, report: Report) -> None:
        try:
            text = raw(report, self._form)
        except NothingToWrite as error:
            click.echo(strip_control_characters(error), err=True)
            return
        between = "---\n" if self._form in _WITH_RULES else "\n"
        click.echo((between if self._some else "") + text, nl=False)
        sys.stdout.flush()
        self._some = True


_WITH_RULES = ("cloudformation", "letter", "markdown")
"""Forms in which a line of three dashes parts one document from the next."""


def _printer(output_format: str, tool: Tool | None, *, summary: bool) -> _Text | _Json | _Raw:
    if output_format == "json":
        return _Json(summary=summary)
    if output_format == "text":
        return _Text(tool, summary=summary)
    return _Raw(output_format)


@contextmanager
def _bar(what: str, total: int, *, shown: bool) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr; nothing where stderr is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not shown) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)


def role_clients(
    role: str,
    external_id: str,
    known: tuple[str, ...],
    organizations: str | None,
    *,
    objects: bool,
) -> RoleClients:
    """Clients of the member accounts, with the person's own credentials in their own account."""
    own = None
    try:
        own = boto3.client("sts").get_caller_identity()["Account"]
    except (ResponseParserError, LookupError):
        click.echo(f"no AWS credentials: {NOT_AWS}", err=True)
    except (BotoCoreError, ClientError) as error:
        # Without credentials everything is unread, and each diagnosis says so.
        why = strip_control_characters(" ".join(str(error).split())[:300])
        click.echo(f"no AWS credentials: {why}", err=True)
    # Whoever made a denied call chose the account ids in its record: no stranger gets our secret.
    listed = frozenset((*known, *([organizations] if organizations else ())))
    return RoleClients(
        role,
        external_id,
        own_account=own,
        members=MemberAccounts(listed, "--account") if external_id else None,
        candidate_owners=known,
        organizations=organizations,
        objects=objects,
    )
