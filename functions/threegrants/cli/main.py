"""The commands of `threegrants`.

`check`, `config`, `cost`, `diagnose`, `explain`, `fetch` and `evaluate` work alone, `doctor` asks AWS, the
others ask the service.
"""

import gzip
import json
import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

import click

from threegrants import __version__
from threegrants.cli.acknowledge import acknowledge
from threegrants.cli.alert import alert
from threegrants.cli.api import call_api, failure, raw_of, report_of, service_client
from threegrants.cli.assign import assign
from threegrants.cli.cases import answer_cases
from threegrants.cli.check import check
from threegrants.cli.chosen_patches import NOT_BOTH, ChoiceError, chosen_patches
from threegrants.cli.config import config
from threegrants.cli.cost import cost
from threegrants.cli.decisions import decided, end_lines
from threegrants.cli.diagnose import diagnose
from threegrants.cli.doctor import doctor
from threegrants.cli.explain import explain
from threegrants.cli.failure import Failure
from threegrants.cli.fetch import fetch
from threegrants.cli.group import Commands
from threegrants.cli.incidents import incidents, recheck, reopen
from threegrants.cli.installation import STACK, configure
from threegrants.cli.options import REPORT_FORMAT, SNIPPETS
from threegrants.cli.records import parse_records
from threegrants.cli.render import (
    Tool,
    json_text,
    show_incident,
    show_patch,
    show_result,
)
from threegrants.cli.service import ServiceError
from threegrants.cli.snooze import snooze, snoozes
from threegrants.cli.standing import dry_run, limits_in, recent_incidents
from threegrants.cli.waiting import wait_for_end
from threegrants.cloudtrail import DeniedCall, detail_of, strip_control_characters
from threegrants.configuration import ConfigurationError
from threegrants.diagnosis import GrantName
from threegrants.incidents.states import UNSUCCESSFUL, State
from threegrants.patches import Scope
from threegrants.remediation import LimitsError


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="threegrants")
def main() -> None:
    """Which of the three grants is missing: bucket policy, KMS key policy or IAM policy."""


main.add_command(acknowledge)
main.add_command(alert)
main.add_command(assign)
main.add_command(check)
main.add_command(config)
main.add_command(configure)
main.add_command(cost)
main.add_command(diagnose)
main.add_command(doctor)
main.add_command(explain)
main.add_command(fetch)
main.add_command(snooze)
main.add_command(snoozes)
main.add_command(incidents)
main.add_command(recheck)
main.add_command(reopen)


@main.command()
@click.argument("cases", type=click.Path(exists=True, dir_okay=False))
@click.option("--explain", is_flag=True, help="Say what each policy type decides, and why.")
def evaluate(cases: str, explain: bool) -> None:  # noqa: FBT001 - click passes flags so
    """Answer each authorization question in CASES (JSON Lines, also .gz), one JSON line each."""
    opener = gzip.open if cases.endswith(".gz") else open
    try:
        with opener(cases, "rt", encoding="utf-8") as lines:
            for answer in answer_cases(lines, explain=explain):
                if explain:
                    click.echo(strip_control_characters(answer["id"]))
                    click.echo(
                        "\n".join(f"  {strip_control_characters(line)}" for line in answer["trace"])
                    )
                else:
                    click.echo(json.dumps(answer))
    except (ValueError, OSError) as error:
        raise Failure(f"{cases}: {error}") from error


@main.command()
@click.argument("incident_id", metavar="ID")
@STACK
@REPORT_FORMAT
@SNIPPETS
def show(incident_id: str, stack: str, output_format: str, tool: Tool | None) -> None:
    """Show one incident: diagnosis, patches as diffs, history."""
    incident = call_api(stack, "GET", f"/incidents/{incident_id}")
    if output_format == "json":
        click.echo(json_text(incident))
    elif output_format == "text":
        show_incident(incident, report_of(incident), tool)
    else:
        click.echo(raw_of(incident, output_format), nl=False)


@main.command()
@click.argument("incident_id", metavar="ID")
@STACK
@click.option("--digest", "digests", multiple=True, help="A patch to apply; repeatable.")
@click.option(
    "--scope", type=click.Choice([one.value for one in Scope]), default=None,
    help="The bucket's and the IAM patch in this scope, instead of the proposed one.",
)  # fmt: skip
@click.option(
    "--only", "grants", type=click.Choice([one.value for one in GrantName]), multiple=True,
    help="Only the patch of this grant; repeatable.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask.")
@decided(grants=True)
def approve(
    incident_id: str,
    stack: str,
    digests: tuple[str, ...],
    scope: str | None,
    grants: tuple[str, ...],
    yes: bool,  # noqa: FBT001
    said: dict[str, str],
) -> None:
    """Apply patches of an incident: those named by --digest, else the proposed ones, as shown.

    What is to be applied is shown, and applied after a yes. A second person may have to approve the
    same digests; what is not finished at once is finished by the service within minutes.
    """
    if not (digests and yes):  # who may approve need not be one who may look
        incident = call_api(stack, "GET", f"/incidents/{incident_id}")
        report = report_of(incident)
        if not digests:
            show_incident(incident, report)
        try:
            chosen = chosen_patches(report, digests, scope, grants)
        except ChoiceError as error:
            raise Failure(f"incident {incident_id} {error}") from error
        if digests or scope or grants:
            for patch in chosen:
                show_patch(patch)
        if not yes:
            for line in end_lines(said, chosen, time.time()):
                click.echo(strip_control_characters(line))
            click.confirm(f"Apply these {len(chosen)} patch(es)?", abort=True)
        digests = tuple(patch.digest for patch in chosen)
    elif scope or grants:
        raise Failure(NOT_BOTH)
    _show_end(stack, incident_id, "approve", {"digests": list(digests), **said})


@main.command()
@click.argument("incident_id", metavar="ID")
@STACK
@decided()
def reject(incident_id: str, stack: str, said: dict[str, str]) -> None:
    """Close an incident without a change."""
    _show_result(call_api(stack, "POST", f"/incidents/{incident_id}/reject", said))


@main.command()
@click.argument("incident_id", metavar="ID")
@STACK
@decided()
def rollback(incident_id: str, stack: str, said: dict[str, str]) -> None:
    """Take back what approvals wrote: exactly our statements, whatever changed around them."""
    _show_end(stack, incident_id, "rollback", said)


@main.command()
@click.argument("incident_id", metavar="ID")
@STACK
@decided(grants=True)
def extend(incident_id: str, stack: str, said: dict[str, str]) -> None:
    """Have what is in force end later, counted from now: a new approval, by the same rules."""
    _show_end(stack, incident_id, "extend", said)


@main.command()
@click.argument("incident_id", metavar="ID")
@click.option(
    "--hours",
    type=click.IntRange(0, 720),
    required=True,
    help="How long; 0 lets the alerts through again.",
)
@STACK
def mute(incident_id: str, hours: int, stack: str) -> None:
    """Send no alerts of an incident for some hours; it goes on counting."""
    _show_result(call_api(stack, "POST", f"/incidents/{incident_id}/mute", {"hours": hours}))


@main.command()
@click.argument("file", type=click.File(encoding="utf-8"))
@STACK
def standing(file: TextIO, stack: str) -> None:
    """Dry run: what each standing approval in FILE would have done in the last 30 days.

    FILE is the configuration, or holds what the SSM parameter of guardrails holds, or is to hold (`-`
    for standard input). Nothing is applied. The incidents are judged by their last diagnosis.
    """
    try:
        limits = limits_in(file.read())
    except (ConfigurationError, LimitsError) as error:
        raise Failure(str(error)) from error
    listed = [call_api(stack, "GET", f"/incidents?state={state}")["incidents"] for state in State]
    seen = recent_incidents(listed, time.time())
    shown = [call_api(stack, "GET", f"/incidents/{one['id']}") for one in seen.incidents]
    examined = [(one, report_of(one)) for one in shown]
    for line in dry_run(limits, examined, complete=seen.complete):
        click.echo(strip_control_characters(line))


@main.command()
@click.argument("file")
@STACK
def replay(file: str, stack: str) -> None:
    """Feed the records of FILE to the deployed service, as if their events arrived now.

    The stack must allow it (AllowReplay). What comes of them says that they were replayed.
    """
    records = [
        dict(detail_of(record))
        for _, record, call in parse_records(file)
        if isinstance(call, DeniedCall)
    ]
    try:
        sent = service_client(stack).replay(records)
    except ServiceError as error:
        raise failure(error) from error
    click.echo(f"{sent} record(s) sent to the service")


def _show_end(stack: str, incident_id: str, what: str, body: Mapping[str, Any]) -> None:
    """Ask for a run, wait for its end, and show it."""
    path = f"/incidents/{incident_id}"
    answer = call_api(stack, "POST", f"{path}/{what}", body)

    def read() -> Mapping[str, Any]:
        try:
            shown: Mapping[str, Any] = service_client(stack).call("GET", path)
        except ServiceError:
            return {}  # who may approve need not be one who may look: what was answered stands
        return shown

    _show_result(wait_for_end(answer, read, lambda text: click.echo(text, err=True)))


def _show_result(result: Mapping[str, Any]) -> None:
    show_result(result)
    if result["state"] in UNSUCCESSFUL:
        sys.exit(1)
