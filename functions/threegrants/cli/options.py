"""Options that several commands have."""

import click

from threegrants.aws.arn import is_account_id
from threegrants.report.raw_formats import RAW_FORMATS


def account_option(
    _context: click.Context, option: click.Parameter, given: str | tuple[str, ...] | None
) -> str | tuple[str, ...] | None:
    """Account ids as they were given.

    Raises:
        BadParameter: if one of them has not 12 digits.
    """
    for account in (given,) if isinstance(given, str) else given or ():
        if not is_account_id(account):
            why = f"{account!r} is no AWS account id; expected 12 digits"
            raise click.BadParameter(why, param=option)
    return given


FORMAT = click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
)
REPORT_FORMAT = click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json", *RAW_FORMATS]),
    default="text",
    show_default=True,
    help="terraform, cloudformation, cli: the proposed change as code or commands; letter: what to "
    "send to the owner of the other account; markdown: for a ticket. None of them is wrapped or cut.",
)
SNIPPETS = click.option(
    "--snippets",
    "tool",
    type=click.Choice(["terraform", "cloudformation"]),
    default=None,
    help="Show what is handed off as this tool's code.",
)
READER_ROLE = click.option(
    "--reader-role",
    default="threegrants-reader",
    show_default=True,
    help="Role to assume in every account other than your own.",
)
EXTERNAL_ID = click.option(
    "--external-id",
    default="",
    help="ExternalId that role's trust policy wants; only accounts named with --account get it.",
)
ACCOUNTS = click.option(
    "--account",
    "accounts",
    multiple=True,
    callback=account_option,
    help="An account of yours: it may own the bucket, and it gets the ExternalId; repeatable.",
)
