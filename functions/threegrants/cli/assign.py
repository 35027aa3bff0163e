"""`threegrants assign`: say who is to see to an incident."""

import click

from threegrants.cli.api import call_api
from threegrants.cli.installation import STACK
from threegrants.cli.render import show_result


@click.command()
@click.argument("incident_id", metavar="ID")
@click.argument("name")
@STACK
def assign(incident_id: str, name: str, stack: str) -> None:
    """Say who is to see to an incident; "" is nobody.

    NAME is any name that your people know. Reminders go on until somebody acknowledges it.
    """
    show_result(call_api(stack, "POST", f"/incidents/{incident_id}/assign", {"to": name}))
