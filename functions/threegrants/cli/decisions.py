"""Options of the commands that decide: why, by which ticket, for how long; and what the service is sent."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from threegrants.remediation.approval_request import (
    MAX_REASON,
    MAX_TICKET,
    UNTIL_REVOKED_TEXT,
    RequestError,
    duration_text,
    seconds_of,
)

_Callback = Callable[[click.Context, click.Parameter, Any], Any]


def _duration(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """A duration in one form; a usage error if it is none."""
    if value is None:
        return None
    try:
        return duration_text(seconds_of(value))
    except RequestError as error:
        wanted = f"whole hours or days (8h, 3d) or {UNTIL_REVOKED_TEXT}"
        raise click.BadParameter(f"{value!r} is not {wanted}") from error


def _of_at_most(most: int) -> _Callback:
    """A text of at most so many characters; a usage error if it is longer."""

    def checked(_: click.Context, __: click.Parameter, value: str) -> str:
        if len(value) > most:
            raise click.BadParameter(f"it has {len(value)} characters; at most {most}")
        return value

    return checked


REASON = click.option(
    "--reason",
    callback=_of_at_most(MAX_REASON),
    default="",
    help="Why; it is kept, and told to everybody.",
)
TICKET = click.option(
    "--ticket", callback=_of_at_most(MAX_TICKET), default="", help="The ticket it is for."
)
FOR = click.option(
    "--for", "duration", callback=_duration, default=None,
    help="For how long: 8h, 3d or until-revoked; else what the configuration says.",
)  # fmt: skip


def decided(*, grants: bool = False) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command the options of a decision; it gets what was said as `said`, the request's fields.

    Only what was said is among them, so that an older service takes it too.

    Args:
        grants: whether it grants something: then also by which ticket, and for how long.
    """

    def with_options(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(
            *args: Any, reason: str, ticket: str = "", duration: str | None = None, **options: Any
        ) -> None:
            said = {"reason": reason, "ticket": ticket, "for": duration or ""}
            command(*args, said={name: text for name, text in said.items() if text}, **options)

        found = REASON(run)
        return FOR(TICKET(found)) if grants else found

    return with_options
