"""`threegrants doctor`: what makes the deployed service blind or unable, each thing with its fix."""

from collections import Counter
from typing import Any

import boto3
import click
from botocore.exceptions import ClientError

from threegrants.cli.failure import Failure, Unreachable
from threegrants.cli.installation import STACK
from threegrants.cli.options import FORMAT, account_option
from threegrants.cli.render import json_text
from threegrants.cloudtrail import strip_control_characters
from threegrants.doctor import Finding, Installation, Severity, findings
from threegrants.doctor.kinds import UNREAD
from threegrants.doctor.reader import StackError, read_installation
from threegrants.evidence import RoleClients

SCHEMA_ID = "threegrants.doctor/1"
_CRITICAL, _CANNOT_BE_TOLD, _WARNING = 1, 3, 5


@click.command()
@STACK
@FORMAT
@click.option(
    "--member-role", metavar="NAME", default=None,
    help="A role that you may assume in the other accounts, to look at their trails and forwarders.",
)  # fmt: skip
@click.option(
    "--account", "accounts", multiple=True, callback=account_option,
    help="Look at this account, instead of all that the service reads; repeatable.",
)  # fmt: skip
def doctor(
    stack: str, output_format: str, member_role: str | None, accounts: tuple[str, ...]
) -> None:
    """Read a live installation, and say what makes it blind or unable, with the fix.

    Sign in to the service's account. Nothing is changed. Exit status: 1 if something critical is found,
    else 3 if something could not be read, else 5 if there are warnings, else 0 (docs/doctor.md).
    """
    if stack.startswith(("https://", "http://")):
        raise Failure(f"{stack}: expected the stack's name; the API does not show the installation")
    try:
        live = _installation(stack, member_role, accounts)
    except StackError as error:
        raise Unreachable(str(error)) from error
    found = tuple(
        one
        for one in findings(live)
        if not accounts or one.account in (None, live.account, *accounts)
    )
    if output_format == "json":
        click.echo(json_text(_json(live, found)))
    else:
        _show(live, found)
    raise click.exceptions.Exit(exit_status(found))


def exit_status(found: tuple[Finding, ...]) -> int:
    """The exit status: by the worst finding."""
    severities = {one.severity for one in found}
    if Severity.CRITICAL in severities:
        return _CRITICAL
    if any(one.code == UNREAD.code for one in found):
        return _CANNOT_BE_TOLD
    return _WARNING if Severity.WARNING in severities else 0


def _counted(severity: Severity, count: int) -> str:
    plural = "s" if count > 1 and severity is not Severity.CRITICAL else ""
    return f"{count} {severity.value}{plural}"


def _installation(stack: str, member_role: str | None, accounts: tuple[str, ...]) -> Installation:
    session = boto3.Session()
    region = session.region_name
    if not region:
        raise Failure("no Region; name the service's with --region")
    try:
        account = session.client("sts").get_caller_identity()["Account"]
    except ClientError as error:
        raise Unreachable(f"AWS does not know these credentials: {error}") from error
    clients = RoleClients(member_role or "", own_account=account)
    return read_installation(
        stack, clients, account, region, members=member_role is not None, only=accounts
    )


def _json(live: Installation, found: tuple[Finding, ...]) -> dict[str, Any]:
    return {
        "schema": SCHEMA_ID,
        "stack": live.stack,
        "account": live.account,
        "region": live.region,
        "accounts": [one.id for one in live.accounts],
        "last_records": dict(live.heard.value_or_none or {}),
        "findings": [one.to_json() for one in found],
    }


def _show(live: Installation, found: tuple[Finding, ...]) -> None:
    for one in found:
        lines = (
            f"{one.severity.value.upper():8}  {one.what}  [{one.code}]",
            f"          {one.why}",
            f"          Fix: {one.fix}",
            f"          {one.link}",
            "",
        )
        # Names of rules, buckets and the like are other people's text.
        click.echo("\n".join(map(strip_control_characters, lines)))
    counts = Counter(one.severity for one in found)
    said = ", ".join(_counted(one, counts[one]) for one in Severity if counts[one])
    where = f"stack {live.stack} in account {live.account}, {live.region}"
    click.echo(f"{where}; {len(live.accounts)} account(s): {said or 'nothing found'}")
