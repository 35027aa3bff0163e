"""`threegrants incidents`, `recheck` and `reopen`: what there is, a fresh look, and open again."""

import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import click

from threegrants.cli.api import call_api, report_of
from threegrants.cli.incident_list import show_incidents
from threegrants.cli.installation import STACK
from threegrants.cli.options import FORMAT, account_option
from threegrants.cli.render import json_text, say, show_diagnosis, show_result, verbatim
from threegrants.cli.selection import TimeError, parse_time
from threegrants.incidents.listing import MOST_ROWS, USUAL_ROWS
from threegrants.incidents.states import State

_WATCH_SECONDS = 5


def _since(_context: click.Context, option: click.Parameter, text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return parse_time(text, datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except TimeError as error:
        raise click.BadParameter(str(error), param=option) from error


@click.command()
@STACK
@click.option(
    "--state", "states", multiple=True, type=click.Choice([one.value for one in State]),
    metavar="STATE", help=f"Only incidents in this state; repeatable. One of {', '.join(State)}.",
)  # fmt: skip
@click.option(
    "--account", callback=account_option, help="Only where the principal or the bucket is of it."
)
@click.option("--bucket", help="Only this bucket or key; wildcards.")
@click.option("--principal", help="Only this principal: ARN, name or name@account; wildcards.")
@click.option("--since", callback=_since, help="Only denied from this time on: 2026-11-20, 6h, 2d.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=USUAL_ROWS, show_default=True,
    help="How many at most; as many pages are asked for as it takes.",
)  # fmt: skip
@click.option("--next", "token", metavar="TOKEN", help="Go on where the list before ended.")
@click.option("--watch", is_flag=True, help="List again every five seconds, until Ctrl-C.")
@FORMAT
def incidents(  # noqa: PLR0913, PLR0917 - click passes each option so
    stack: str,
    states: tuple[str, ...],
    account: str | None,
    bucket: str | None,
    principal: str | None,
    since: str | None,
    limit: int,
    token: str | None,
    watch: bool,  # noqa: FBT001 - click passes flags so
    output_format: str,
) -> None:
    """List the incidents, the latest denied first: a line for each.

    Where the output is no terminal, nothing is cut to its width. With --format json it is the API's
    list. Where there are more, the option that goes on is said on stderr.
    """
    asked = {
        "state": ",".join(states),
        "account": account,
        "bucket": bucket,
        "principal": principal,
        "since": since,
    }
    query = {name: value for name, value in asked.items() if value}
    if watch:
        _watch(lambda: _rows(stack, query, limit, None)[0], output_format)
        return
    found, following = _rows(stack, query, limit, token)
    _print(found, output_format)
    if following:
        click.echo(f"there are more: the same with --next {following}", err=True)


def _rows(
    stack: str, query: dict[str, str], limit: int, token: str | None
) -> tuple[list[Any], str | None]:
    """As many incidents as are asked for, page by page, and the token of what comes then."""
    found: list[Any] = []
    while True:
        asked = dict(query)
        wanted = limit - len(found)
        if wanted != USUAL_ROWS:
            asked["limit"] = str(min(wanted, MOST_ROWS))
        if token:
            asked["next"] = token
        path = "/incidents" + (f"?{urlencode(asked)}" if asked else "")
        answer = call_api(stack, "GET", path)
        found += answer["incidents"]
        token = answer.get("next")
        if answer.get("complete") is False:
            click.echo(
                "incidents of an earlier release are still being listed: ask again in some minutes",
                err=True,
            )
        if not token or len(found) >= limit:
            return found, token


def _print(found: list[Any], output_format: str) -> None:
    if output_format == "json":
        click.echo(json_text(found))
    else:
        show_incidents(found, datetime.now(UTC), wide=not sys.stdout.isatty())


def _watch(read: Callable[[], list[Any]], output_format: str) -> None:
    """List again and again; where the output is no terminal, only what is new or otherwise."""
    shown: dict[str, Any] = {}
    for _ in _turns():
        found = read()
        if sys.stdout.isatty() and output_format == "text":
            click.clear()
            _print(found, output_format)
            continue
        news = [one for one in found if shown.get(one["id"]) != one]
        if news or not shown:
            _print(news, output_format)
            sys.stdout.flush()
        shown = {one["id"]: one for one in found}


def _turns(pause: Callable[[float], None] = time.sleep) -> Iterator[None]:
    try:
        while True:
            yield
            pause(_WATCH_SECONDS)
    except KeyboardInterrupt:
        return


@click.command()
@click.argument("incident_id", metavar="ID")
@STACK
@FORMAT
def recheck(incident_id: str, stack: str, output_format: str) -> None:
    """Examine an incident anew, from fresh evidence, and say what is otherwise.

    The new report is kept. Where the call is allowed by now, the incident is resolved.
    """
    answer = call_api(stack, "POST", f"/incidents/{incident_id}/recheck", {})
    if output_format == "json":
        click.echo(json_text(answer))
        return
    report = report_of(answer)
    show_result(answer)
    for change in answer["changes"]:
        verbatim(f"  {change['what']}: {change['before'] or '-'} → {change['after'] or '-'}")
    if report and answer["changes"]:
        verbatim("")
        show_diagnosis(report)
    elif report:
        say(report.summary)


@click.command()
@click.argument("incident_id", metavar="ID")
@STACK
@click.option("--reason", default="", help="Why; the history keeps it.")
def reopen(incident_id: str, stack: str, reason: str) -> None:
    """Open an incident again that was rejected, rolled back or resolved.

    It can be approved or rejected once more. Recheck it before: its diagnosis is as old as it was.
    """
    body = {"reason": reason} if reason else {}
    show_result(call_api(stack, "POST", f"/incidents/{incident_id}/reopen", body))
