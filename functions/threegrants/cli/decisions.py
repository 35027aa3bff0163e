"""Options of the commands that decide: why, by which ticket, for how long; and what the service is sent."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from typing import Any

import click

from threegrants.patches import PatchOperation
from threegrants.patches.grant_end import end_text
from threegrants.remediation.approval_request import (
    MAX_REASON,
    MAX_TICKET,
    UNTIL_REVOKED,
    UNTIL_REVOKED_TEXT,
    RequestError,
    duration_text,
    seconds_of,
)
from threegrants.report import PatchReport

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


def end_lines(said: Mapping[str, str], chosen: Sequence[PatchReport], now: float) -> Iterator[str]:
    """What a person confirms about the end of patches: when, and how it stands in each of them.

    Args:
        said: the request's fields, as `decided` gives them.
        chosen: the patches.
        now: seconds since the epoch, by this computer; the service's clock decides.
    """
    duration = said.get("for")
    if duration is None:
        yield "They last as long as the service's configuration says (--for says it here)."
        return
    seconds = seconds_of(duration)
    if seconds == UNTIL_REVOKED:
        yield "They last until they are revoked (threegrants rollback)."
        return
    yield (
        f"They end {duration} after the approval, at about {end_text(int(now) + seconds)}; the service's "
        "clock decides, and the answer says the time and the digests of what is written."
    )
    for patch in chosen:
        if patch.operation == PatchOperation.CREATE_GRANT:
            yield f"{patch.target}: a KMS grant cannot state an end; the service revokes it then."
        else:
            yield f"{patch.target}: each statement gets the condition DateLessThan aws:CurrentTime."
