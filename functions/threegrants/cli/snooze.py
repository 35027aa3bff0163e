"""`threegrants snooze` and `threegrants snoozes`: no alerts about some denials for some hours."""

import re
from typing import Any

import click

from threegrants.cli.api import call_api
from threegrants.cli.installation import STACK
from threegrants.cli.options import FORMAT
from threegrants.cli.render import json_text, show_result
from threegrants.cloudtrail import strip_control_characters

_DURATION = re.compile(r"(0|[1-9][0-9]{0,3})([hd])", re.ASCII)
_HOURS = {"h": 1, "d": 24}


def _hours(_: click.Context, __: click.Parameter, value: str) -> int:
    """The hours of a duration such as `4h` or `2d`; a usage error if it is none."""
    found = _DURATION.fullmatch(value)
    if found is None:
        raise click.BadParameter(f"{value!r} is not whole hours or days, such as 4h or 2d")
    return int(found[1]) * _HOURS[found[2]]


@click.command()
@click.argument("incident_id", metavar="ID")
@click.option(
    "--for", "hours", callback=_hours, required=True, metavar="4h",
    help="How long: whole hours or days; 0h ends it.",
)  # fmt: skip
@click.option("--bucket", "what", flag_value="bucket", help="All denials on the incident's bucket.")
@click.option(
    "--principal", "what", flag_value="principal", help="All denials of the incident's principal."
)
@STACK
def snooze(incident_id: str, hours: int, what: str | None, stack: str) -> None:
    """Send no alerts about an incident's denials for some hours; they are counted all the same.

    What this service wrote is alerted all the same: verified, stuck, overwritten. So are, after the
    snooze, denials that are still news then.
    """
    body = {"what": what or "incident", "hours": hours}
    show_result(call_api(stack, "POST", f"/incidents/{incident_id}/snooze", body))


@click.command()
@STACK
@FORMAT
def snoozes(stack: str, output_format: str) -> None:
    """List what is snoozed now: until when, what, by whom."""
    found: list[dict[str, Any]] = call_api(stack, "GET", "/snoozes")["snoozes"]
    if output_format == "json":
        click.echo(json_text(found))
        return
    for one in found:
        line = f"{one['until']}  {one['of']:9} {one['name']}  by {one['by']}, at {one['incident']}"
        click.echo(strip_control_characters(line))
    if not found:
        click.echo("nothing is snoozed")
