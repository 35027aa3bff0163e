"""The commands."""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError

from threegrants import __version__
from threegrants.analysis import AnalysisOptions, analyze
from threegrants.cli.cases import answers
from threegrants.cli.render import console, show_diagnosis, show_incident, show_incidents
from threegrants.cli.service import Service, ServiceError
from threegrants.cloudtrail import (
    DeniedCall,
    RecordError,
    Skipped,
    detail_of,
    parse_record,
    read_trail_file,
    strip_control_characters,
)
from threegrants.evidence import RoleClients
from threegrants.incidents import incident_id_of
from threegrants.patches import GranteeScope, Profile, Scope
from threegrants.report import document

_STACK = click.option(
    "--stack", default="threegrants", show_default=True, help="The deployed stack's name."
)
_FORMAT = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
)


_SNIPPETS = click.option(
    "--snippets",
    "tool",
    type=click.Choice(["terraform", "cloudformation"]),
    default=None,
    help="Show what is handed off as this tool's code.",
)


class Failure(click.ClickException):
    """One clear line on stderr, exit code 2."""

    exit_code = 2


@click.group()
@click.version_option(__version__, prog_name="threegrants")
def main() -> None:
    """Which of the three grants is missing: bucket policy, KMS key policy or IAM policy."""


@main.command()
@click.argument("file")
@_FORMAT
@click.option(
    "--reader-role",
    default="threegrants-reader",
    show_default=True,
    help="Role to assume in every account other than your own.",
)
@click.option("--external-id", default="", help="ExternalId that role's trust policy wants.")
@click.option(
    "--account",
    "accounts",
    multiple=True,
    help="An account that may own the bucket, when the record does not say; repeatable.",
)
@click.option(
    "--organizations-account",
    "organizations",
    default=None,
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
@_SNIPPETS
def diagnose(  # noqa: PLR0913, PLR0917 - click passes each option so
    file: str,
    form: str,
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
    tool: str | None,
) -> None:
    """Diagnose each distinct denied access in FILE (`-` for standard input), live.

    FILE holds CloudTrail records: one record, an EventBridge event, a trail file (also .gz), the
    output of `aws cloudtrail lookup-events`, or JSON Lines of these.
    """
    groups, skipped = _group(file)
    if not groups:
        click.echo("[]" if form == "json" else "", nl=form == "json")
        _say_skipped(skipped, 0)
        return
    options = AnalysisOptions(
        profile=Profile(profile),
        scope=Scope(scope),
        principal=GranteeScope(principal),
        owner_tags=owner_tags,
        analyzer=analyzer,
    )
    reader = _reader(reader_role, external_id, accounts, organizations, objects=objects)
    documents = []
    for identity, calls in groups.items():
        newest = max(calls, key=lambda call: call.time)
        analysis = analyze(newest, reader, options)
        times = sorted(call.time for call in calls)
        events = list(dict.fromkeys(call.event_id for call in calls if call.event_id))[:20]
        documents.append(document(analysis, identity, events, len(calls), (times[0], times[-1])))
    if form == "json":
        click.echo(json.dumps(documents, indent=2, ensure_ascii=False))
    else:
        for body in documents:
            show_diagnosis(body, tool)
    _say_skipped(skipped, sum(len(calls) for calls in groups.values()))


def _group(file: str) -> tuple[dict[str, list[DeniedCall]], dict[str, list[str]]]:
    groups: dict[str, list[DeniedCall]] = {}
    skipped: dict[str, list[str]] = {}
    seen: set[str] = set()
    for position, _, call in _parsed(file):
        if isinstance(call, Skipped):
            skipped.setdefault(call.why, []).append(position)
            continue
        event = call.shared_event_id or call.event_id
        if event and event in seen:
            continue
        seen.add(event)
        groups.setdefault(incident_id_of(call), []).append(call)
    return groups, skipped


def _parsed(file: str) -> Iterator[tuple[str, Any, DeniedCall | Skipped]]:
    for position, record in _feed(file):
        try:
            yield position, record, parse_record(record)
        except RecordError as error:
            raise Failure(_at(file, position, error)) from error


def _at(file: str, position: str, error: RecordError) -> str:
    return f"{file}: {error}" if position == "$" else f"{file}: {position}: {error}"


def _say_skipped(skipped: dict[str, list[str]], denied: int) -> None:
    for why, positions in skipped.items():
        where = ", ".join(positions[:3]) + (", …" if len(positions) > 3 else "")  # noqa: PLR2004
        click.echo(f"skipped {len(positions)}: {why} ({where})", err=True)
    if not denied:
        click.echo("no S3 or KMS denial found", err=True)


def _feed(file: str) -> Iterator[tuple[str, Any]]:
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Failure(f"{file}: cannot be read: {error.strerror}; expected a file or -") from error
    try:
        yield from read_trail_file(data, file)
    except RecordError as error:
        raise Failure(f"{file}: {error}" if file not in str(error) else str(error)) from error


def _reader(
    role: str,
    external_id: str,
    known: tuple[str, ...],
    organizations: str | None,
    *,
    objects: bool,
) -> RoleClients:
    own = None
    try:
        own = boto3.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        # Without credentials everything is unread, and each diagnosis says so.
        click.echo(f"no AWS credentials: {' '.join(str(error).split())}", err=True)
    return RoleClients(
        role,
        external_id,
        own_account=own,
        candidate_owners=known,
        organizations=organizations,
        objects=objects,
    )


@main.command()
@click.argument("cases", type=click.Path(exists=True, dir_okay=False))
@click.option("--explain", is_flag=True, help="Say what each layer decides, and why.")
def evaluate(cases: str, explain: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Answer each authorization question in CASES (JSON Lines, also .gz), one JSON line each."""
    opener = gzip.open if cases.endswith(".gz") else open
    try:
        with opener(cases, "rt", encoding="utf-8") as lines:
            for answer in answers(lines, explain=explain):
                if explain:
                    click.echo(answer["id"])
                    click.echo(
                        "\n".join(f"  {strip_control_characters(line)}" for line in answer["trace"])
                    )
                else:
                    click.echo(json.dumps(answer))
    except (ValueError, OSError) as error:
        raise Failure(f"{cases}: {error}") from error


@main.command()
@_STACK
@click.option("--state", default=None, help="Only incidents in this state.")
@_FORMAT
def incidents(stack: str, state: str | None, form: str) -> None:
    """List the incidents, the latest first."""
    query = f"?state={state}" if state else ""
    found = _call(stack, "GET", f"/incidents{query}")["incidents"]
    if form == "json":
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        show_incidents(found)


@main.command()
@click.argument("identity", metavar="ID")
@_STACK
@_FORMAT
@_SNIPPETS
def show(identity: str, stack: str, form: str, tool: str | None) -> None:
    """Show one incident: diagnosis, patches as diffs, history."""
    incident = _call(stack, "GET", f"/incidents/{identity}")
    if form == "json":
        click.echo(json.dumps(incident, indent=2, ensure_ascii=False))
    else:
        show_incident(incident, tool)


@main.command()
@click.argument("identity", metavar="ID")
@_STACK
@click.option("--digest", "digests", multiple=True, help="A patch to apply; repeatable.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def approve(identity: str, stack: str, digests: tuple[str, ...], yes: bool) -> None:  # noqa: FBT001
    """Apply patches of an incident: those named by --digest, else the proposed ones, as shown.

    One patch for each grant. A second person may have to approve the same digests; what is not
    finished at once is finished by the service within minutes.
    """
    if not digests:
        incident = _call(stack, "GET", f"/incidents/{identity}")
        show_incident(incident)
        offered = (incident["diagnosis"] or {}).get("patches", [])
        digests = tuple(patch["digest"] for patch in offered if patch.get("default", True))
        if not digests:
            raise Failure(f"incident {identity} has no patch to approve")
        if not yes:
            click.confirm(f"Apply these {len(digests)} patch(es)?", abort=True)
    _result(_call(stack, "POST", f"/incidents/{identity}/approve", {"digests": list(digests)}))


@main.command()
@click.argument("identity", metavar="ID")
@_STACK
def reject(identity: str, stack: str) -> None:
    """Close an incident without a change."""
    _result(_call(stack, "POST", f"/incidents/{identity}/reject", {}))


@main.command()
@click.argument("identity", metavar="ID")
@_STACK
def rollback(identity: str, stack: str) -> None:
    """Take back what approvals wrote: exactly our statements, whatever changed around them."""
    _result(_call(stack, "POST", f"/incidents/{identity}/rollback", {}))


@main.command()
@click.argument("identity", metavar="ID")
@click.option(
    "--hours",
    type=click.IntRange(0, 720),
    required=True,
    help="How long; 0 lets the alerts through again.",
)
@_STACK
def mute(identity: str, hours: int, stack: str) -> None:
    """Send no alerts of an incident for some hours; it goes on counting."""
    _result(_call(stack, "POST", f"/incidents/{identity}/mute", {"hours": hours}))


@main.command()
@click.argument("file")
@_STACK
def replay(file: str, stack: str) -> None:
    """Feed the records of FILE to the deployed service, as if their events arrived now."""
    records = [
        dict(detail_of(record)) for _, record, call in _parsed(file) if isinstance(call, DeniedCall)
    ]
    try:
        sent = _service(stack).replay(records)
    except ServiceError as error:
        raise Failure(str(error)) from error
    click.echo(f"{sent} record(s) sent to the event bus")


def _service(stack: str) -> Service:
    try:
        return Service.of_stack(stack)
    except ServiceError as error:
        raise Failure(str(error)) from error


def _call(stack: str, method: str, path: str, body: Any = None) -> Any:
    try:
        return _service(stack).call(method, path, body)
    except ServiceError as error:
        raise Failure(str(error)) from error


def _result(result: dict[str, Any]) -> None:
    console().print(f"[bold]{result['id']}[/bold] {result['state']}", highlight=False)
    console().print(strip_control_characters(result["detail"]), markup=False, highlight=False)
    if result["state"] in ("failed", "stuck"):
        sys.exit(1)
