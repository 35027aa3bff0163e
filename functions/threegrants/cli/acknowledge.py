"""`threegrants acknowledge`: say that you are at an incident."""

import click

from threegrants.cli.api import call_api
from threegrants.cli.installation import STACK
from threegrants.cli.render import show_result


@click.command()
@click.argument("incident_id", metavar="ID")
@click.option("--undo", is_flag=True, help="Take it back, whoever said it.")
@STACK
def acknowledge(incident_id: str, stack: str, *, undo: bool) -> None:
    """Say that you are at an incident: nobody is reminded of it any more.

    It holds until the incident is closed. Not for the denied principal itself.
    """
    path = f"/incidents/{incident_id}/acknowledge"
    show_result(call_api(stack, "POST", path, {"on": not undo}))
