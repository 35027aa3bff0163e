"""`threegrants alert test`: a marked test message by the way that alerts go."""

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import click

from threegrants.cli.api import call_api
from threegrants.cli.failure import Failure
from threegrants.cli.installation import STACK
from threegrants.cli.options import FORMAT
from threegrants.cli.render import json_text
from threegrants.cloudtrail import strip_control_characters
from threegrants.incidents.channel_tests import Channel

_PATIENCE_SECONDS = 60.0
_PAUSE_SECONDS = 2.0


@click.group()
def alert() -> None:
    """Try out how people are told."""


@alert.command("test")
@click.option(
    "--channel", type=click.Choice([one.value for one in Channel]), default=Channel.ALL.value,
    show_default=True, help="What to try out.",
)  # fmt: skip
@STACK
@FORMAT
def test(channel: str, stack: str, output_format: str) -> None:
    """Send a test message, and say what was sent where. For approvers.

    It goes to each topic and bus that an alert may go to, sent by the service itself. A message to a
    topic reaches all who subscribe to it, whichever of its channels is tried out.
    """
    asked = call_api(stack, "POST", "/alerts/test", {"channel": channel})
    found = wait_for_results(lambda: call_api(stack, "GET", asked["poll"]))
    if output_format == "json":
        click.echo(json_text(found))
    else:
        for one in found["results"]:
            mark = "sent    " if one["sent"] else "NOT SENT"
            line = f"{mark}  {one['channel']}: {one['place']}: {one['detail']}"
            click.echo(strip_control_characters(line))
    if not all(one["sent"] for one in found["results"]):
        sys.exit(1)


def wait_for_results(
    read: Callable[[], Mapping[str, Any]],
    pause: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> Mapping[str, Any]:
    """Read a test until the service has sent it.

    Args:
        read: reads the test, as the API shows it.
        pause: waits for so many seconds.
        now: seconds on any clock.

    Raises:
        Failure: if it takes longer than a minute.
    """
    until = now() + _PATIENCE_SECONDS
    while True:
        found = read()
        if found["results"] is not None:
            return found
        if now() >= until:
            raise Failure(
                f"the worker has not sent test {found['id']} within {_PATIENCE_SECONDS:.0f} s: look at its "
                "log, at the run queue and its dead letters (threegrants doctor)"
            )
        pause(_PAUSE_SECONDS)
