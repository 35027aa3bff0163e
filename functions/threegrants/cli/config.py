"""`threegrants config`: hold a configuration against its schema, or print the schema."""

import click

from threegrants.cli.options import FORMAT
from threegrants.cli.render import json_text
from threegrants.cloudtrail import strip_control_characters
from threegrants.configuration import Configuration, parse_configuration, problems_of
from threegrants.configuration.schema import schema_text

_INVALID = 2


@click.group()
def config() -> None:
    """The configuration of the deployed service (docs/configuration.md)."""


@config.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@FORMAT
def check(file: str, output_format: str) -> None:
    """Say whether FILE is a configuration that the service takes (`-` for standard input).

    Everything that is wrong is said at once, one line each: where, what, and what to do. Exit status: 0
    if it is valid, 2 if not.
    """
    with click.open_file(file, "rb") as opened:
        text = opened.read()
    problems = problems_of(text)
    if output_format == "json":
        found = {
            "file": file,
            "valid": not problems,
            "problems": [problem.to_json() for problem in problems],
        }
        click.echo(json_text(found))
    else:
        for problem in problems:
            click.echo(strip_control_characters(f"{file}: {problem}"), err=True)
        if not problems:
            click.echo(f"{file}: valid; {_summary(parse_configuration(text))}")
    if problems:
        raise click.exceptions.Exit(_INVALID)


@config.command("schema")
def print_schema() -> None:
    """Print the JSON Schema of the configuration."""
    click.echo(schema_text(), nl=False)


def _summary(found: Configuration) -> str:
    counts = (
        ("account(s) to read", len(found.accounts_to_read)),
        ("trusted account(s)", len(found.trusted_accounts)),
        ("protected resource(s)", len(found.protected_resources)),
        ("standing approval(s)", len(found.standing_approvals)),
    )
    return ", ".join(f"{count} {what}" for what, count in counts)
