"""Which deployed service the commands talk to, as `threegrants configure` keeps it.

The option `--stack` comes first, then the environment (`THREEGRANTS_STACK`), then the file.
"""

import json
from pathlib import Path

import click

from threegrants.cli.failure import Failure

DEFAULT = "threegrants"


def _file() -> Path:
    return Path(click.get_app_dir("threegrants")) / "config.json"


def configured_stack() -> str:
    """The stack's name, or its API's address, that was configured; else the usual name.

    Raises:
        Failure: if the file does not hold what `configure` writes.
    """
    path = _file()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["stack"]
    except FileNotFoundError:
        return DEFAULT
    except (OSError, ValueError, KeyError, TypeError) as error:
        hint = "threegrants configure --stack NAME writes it anew"
        raise Failure(f"{path}: cannot be read ({error}); {hint}") from error
    if not isinstance(found, str) or not found:
        raise Failure(f"{path}: stack: expected a text; threegrants configure writes it anew")
    return found


@click.command()
@click.option(
    "--stack", required=True, metavar="NAME|URL",
    help="The stack's name, or its output ApiUrl: whoever gives that need not read the stack.",
)  # fmt: skip
def configure(stack: str) -> None:
    """Keep which deployed service the other commands talk to."""
    path = _file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"stack": stack}) + "\n", encoding="utf-8")
    except OSError as error:
        raise Failure(f"{path}: cannot be written: {error}") from error
    click.echo(f"{path}: stack {stack}")


STACK = click.option(
    "--stack",
    envvar="THREEGRANTS_STACK",
    default=configured_stack,
    show_default="what `threegrants configure` keeps, else threegrants",
    show_envvar=True,
    metavar="NAME|URL",
    help="The deployed stack's name; from another account its ApiUrl.",
)
