"""`threegrants fetch`: prints the commands that fetch denied calls; runs nothing."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import click

from threegrants.cli.failure import Failure
from threegrants.cli.fetch_commands import (
    FetchError,
    TrailSetup,
    athena_commands,
    cloudwatch_commands,
    find_trail_commands,
    history_commands,
    s3_commands,
)
from threegrants.cli.selection import TimeError, parse_time

_Make = Callable[[TrailSetup], Iterator[str]]
_WAYS: dict[str, tuple[tuple[str, _Make], ...]] = {
    "s3": (("Copy the trail's files and diagnose them", s3_commands),),
    "athena": (("Athena: a table over the trail's files, and a query", athena_commands),),
    "cloudwatch": (("CloudWatch Logs", cloudwatch_commands),),
    "history": (
        (
            "CloudTrail's event history: no trail needed, no calls on objects in it",
            history_commands,
        ),
    ),
}
_NEEDS = {"s3": "trail_bucket", "athena": "trail_bucket", "cloudwatch": "log_group"}


@click.command()
@click.argument("way", type=click.Choice([*_WAYS]), required=False)
@click.option("--trail-bucket", default="", help="The bucket that the trail writes to.")
@click.option("--prefix", default="", help="The trail's prefix in that bucket.")
@click.option("--organization", default="", help="o-…, if it is the organisation's trail.")
@click.option("--account", "accounts", multiple=True, help="An account to look in; repeatable.")
@click.option("--region", "regions", multiple=True, help="A Region to look in; repeatable.")
@click.option("--from", "first", default="1d", show_default=True, help="2026-11-20, or 2d ago.")
@click.option("--to", "last", default="0d", show_default=True, help="The last day.")
@click.option("--log-group", default="", help="The trail's group in CloudWatch Logs.")
@click.option("--results", default="", help="s3://…, where Athena writes; else the workgroup's.")
@click.option("--bucket", default="", help="Only calls on this bucket, and KMS.")
@click.option("--table", default="cloudtrail_denials", show_default=True, help="Athena's table.")
def fetch(  # noqa: PLR0913, PLR0917 - click passes each option so
    way: str | None,
    trail_bucket: str,
    prefix: str,
    organization: str,
    accounts: tuple[str, ...],
    regions: tuple[str, ...],
    first: str,
    last: str,
    log_group: str,
    results: str,
    bucket: str,
    table: str,
) -> None:
    """Print the commands that fetch denied calls from your own trail, and diagnose them.

    WAY is one of s3, athena, cloudwatch, history; without it, all for which enough is given. Nothing
    is run.
    """
    now = datetime.now(UTC)
    try:
        days = parse_time(first, now).date(), parse_time(last, now + timedelta(0)).date()
        setup = TrailSetup(
            accounts, regions, *days, trail_bucket, prefix, organization, log_group, results,
            bucket, table,
        )  # fmt: skip
        ways = [way] if way else _possible(setup)
        for name in ways:
            for title, make in _WAYS[name]:
                _show(title, make(setup))
    except (FetchError, TimeError) as error:
        raise Failure(f"fetch {way}: {error}" if way else str(error)) from error
    if not trail_bucket and not log_group:
        _show("Where your trails write to (--trail-bucket, --log-group)", find_trail_commands())


def _possible(setup: TrailSetup) -> list[str]:
    if not setup.regions:
        return []
    return [
        name
        for name in _WAYS
        if getattr(setup, _NEEDS.get(name, "regions"))
        and (setup.accounts or name in {"cloudwatch", "history"})
    ]


def _show(title: str, lines: Iterator[str]) -> None:
    text = "\n".join(lines)
    click.echo(f"# {title}\n{text}\n")
