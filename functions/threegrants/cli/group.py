"""The group of commands: whose credentials, which Region, and how what goes wrong with AWS is said."""

import os
from collections.abc import Callable
from typing import Any

import boto3
import click
from botocore.exceptions import (
    BotoCoreError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from click.exceptions import NoArgsIsHelpError

from threegrants.cli.failure import Failure, Unreachable

_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
_WHAT_TO_DO = {
    NoCredentialsError: "no AWS credentials; sign in (aws sso login), or name a profile (--profile)",
    PartialCredentialsError: "half of the AWS credentials is there; sign in again",
    TokenRetrievalError: "the sign-in has ended; sign in again (aws sso login)",
    SSOError: "the sign-in has ended; sign in again (aws sso login)",
    ProfileNotFound: "there is no such profile; `aws configure list-profiles` lists them",
    EndpointConnectionError: "AWS does not answer; check the network, the Region and the proxy",
    HTTPClientError: "AWS does not answer; check the network and the proxy",
}


def _use_profile(_context: click.Context, option: click.Parameter, name: str | None) -> None:
    if not name:
        return
    profiles = boto3.Session().available_profiles
    if name not in profiles:
        known = ", ".join(sorted(profiles)[:10]) or "none"
        raise click.BadParameter(f"no profile {name!r}; there is: {known}", param=option)
    # Keys in the environment would win over a profile that is named there too.
    for key in _KEYS:
        os.environ.pop(key, None)
    os.environ["AWS_PROFILE"] = name


def _use_region(_context: click.Context, _option: click.Parameter, name: str | None) -> None:
    if name:
        os.environ["AWS_REGION"] = os.environ["AWS_DEFAULT_REGION"] = name


_SHARED: dict[str, Callable[[], click.Option]] = {
    "--profile": lambda: click.Option(
        ["--profile"], expose_value=False, callback=_use_profile, is_eager=True, metavar="NAME",
        help="Whose AWS credentials: a profile of your AWS configuration.",
    ),
    "--region": lambda: click.Option(
        ["--region"], expose_value=False, callback=_use_region, is_eager=True, metavar="REGION",
        help="The Region of the service, and of what names none.",
    ),
}  # fmt: skip


class Commands(click.Group):
    """A group whose commands all take `--profile` and `--region`, and fail in one line.

    Exit codes: 2 for a wrong input, 4 where AWS cannot be asked (docs/cli.md).
    """

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command, with the options that all have and that it has none of its own for."""
        if not isinstance(cmd, click.Group):
            own = {text for one in cmd.params for text in (*one.opts, *one.secondary_opts)}
            cmd.params += [make() for text, make in _SHARED.items() if text not in own]
        super().add_command(cmd, name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a wrong option and what botocore raises for want of an answer become one line."""
        try:
            return super().invoke(ctx)
        except NoArgsIsHelpError:
            raise
        except click.UsageError as error:
            command = error.ctx.command_path if error.ctx else ctx.command_path
            words = " ".join(error.format_message().split())
            raise Failure(f"{words} ({command} -h says what it takes)") from error
        except BotoCoreError as error:
            for kind, what_to_do in _WHAT_TO_DO.items():
                if isinstance(error, kind):
                    raise Unreachable(f"{what_to_do} ({' '.join(str(error).split())})") from error
            raise
