"""How a command fails."""

import click

from threegrants.cloudtrail import strip_control_characters


class Failure(click.ClickException):
    """A command that cannot go on: one clear line on stderr, exit code 2."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(strip_control_characters(message))


class Unreachable(Failure):
    """AWS or the service cannot be asked: no credentials, no network, no answer; exit code 4."""

    exit_code = 4
