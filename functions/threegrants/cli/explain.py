"""`threegrants explain`: an error text that somebody has in hand, and nothing else."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError

from threegrants.analysis import AnalysisOptions, analyze
from threegrants.cli.diagnose import role_clients
from threegrants.cli.failure import Failure
from threegrants.cli.options import ACCOUNTS, EXTERNAL_ID, READER_ROLE
from threegrants.cli.render import console, json_text, plain, show_diagnosis
from threegrants.cloudtrail import DeniedCall, strip_control_characters, strip_lines
from threegrants.cloudtrail.identity import from_arn
from threegrants.error_text import (
    Explanation,
    Redaction,
    encoded_messages,
    explain_error,
    find_errors,
    letter_to_owner,
)
from threegrants.evidence import RoleClients
from threegrants.incidents import incident_id_of
from threegrants.report import Report, report_for

Format = Literal["text", "json", "letter"]
Say = Callable[[str], str]
"""Turns a text into what may be printed."""


@click.command()
@click.argument("text", nargs=-1)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json", "letter"]),
    default="text",
    show_default=True,
    help="letter: only the letter to the owner of the bucket and the key.",
)
@click.option(
    "--principal", default=None, metavar="ARN", help="Who called, where AWS does not say."
)
@click.option("--bucket", default=None, help="The bucket, where the text does not say.")
@click.option(
    "--object", "object_key", default=None, help="The object's key, where it is not said."
)
@click.option("--offline", is_flag=True, help="Ask AWS nothing.")
@click.option(
    "--redact", is_flag=True, help="Print no account ids, names or keys; asks AWS nothing."
)
@READER_ROLE
@EXTERNAL_ID
@ACCOUNTS
def explain(  # noqa: PLR0913, PLR0917 - click passes each option so
    text: tuple[str, ...],
    output_format: Format,
    principal: str | None,
    bucket: str | None,
    object_key: str | None,
    offline: bool,  # noqa: FBT001 - click passes flags so
    redact: bool,  # noqa: FBT001
    reader_role: str,
    external_id: str,
    accounts: tuple[str, ...],
) -> None:
    """Explain an AWS error: what it says, what it leaves open, which statements to have.

    TEXT is any part of a terminal, a log or a stack trace; `-`, or nothing, reads standard input.
    With AWS credentials a live diagnosis of the same request follows.

    Exit status: 0 if an error was found, 2 if there is none in the text.
    """
    given = _given(text)
    online = not (offline or redact or output_format == "letter") and _has_credentials()
    if online:
        for message in encoded_messages(given):
            _show_decoded(message)
    errors = find_errors(given)
    if not errors:
        if encoded_messages(given) and online:
            return
        raise Failure(
            "no refusal of S3 or KMS found in the text; expected for example 'An error occurred "
            "(AccessDenied) when calling the GetObject operation: ...'"
        )
    explanations = [
        explain_error(one, principal=principal, bucket=bucket, object_key=object_key)
        for one in errors
    ]
    calls = [one.call for one in explanations if one.call]
    say: Say = Redaction(calls) if redact else str
    if output_format == "json":
        click.echo(say(json_text([one.to_json() for one in explanations])))
        return
    if output_format == "letter":
        _print_letters(explanations, say)
        return
    for one in explanations:
        _show(one, say)
    if online:
        _diagnose(
            explanations, role_clients(reader_role, external_id, accounts, None, objects=False)
        )
    elif not (offline or redact):
        click.echo("no AWS credentials, so nothing was looked at", err=True)


def _given(text: Sequence[str]) -> str:
    if not text and sys.stdin.isatty():
        raise Failure(
            "no text; give it as an argument, or pipe it in: pbpaste | threegrants explain -"
        )
    if text in ((), ("-",)):
        return sys.stdin.buffer.read().decode(errors="replace")
    return " ".join(text)


def _has_credentials() -> bool:
    try:
        return boto3.Session().get_credentials() is not None
    except BotoCoreError:
        return False


def _show(explanation: Explanation, say: Say) -> None:
    out, error = console(), explanation.error
    times = f", {error.count} times" if error.count > 1 else ""
    out.print(plain(f"line {error.line}: {error.form}, {error.code}{times}", "dim"))
    for line in explanation.said:
        out.print(plain(say(line), "bold"))
    out.print()
    if explanation.leaves_open:
        out.print(plain("What this leaves open"))
        for line in explanation.leaves_open:
            out.print(plain(say(f"  - {line}"), "yellow"))
        out.print()
    for number, grant in enumerate(explanation.grants, 1):
        out.print(plain(say(f"{number}. {grant.where}"), "bold"))
        out.print(plain(say(f"   {grant.why}; written by {grant.written_by}")))
        for statement in grant.statements:
            # Copied into a policy: never wrapped, never coloured.
            click.echo(say(strip_lines(json.dumps(statement, indent=2))))
        if not grant.statements:
            out.print(plain("   No statement is proposed: this sets up a bucket or a key."))
        out.print()
    if explanation.placeholders:
        out.print(
            plain(f"Replace what is not known: {', '.join(explanation.placeholders)}", "yellow")
        )
    letter = letter_to_owner(explanation)
    if letter:
        out.print(plain("The letter to the owner's side: the same with --format letter", "dim"))
    out.print()


def _print_letters(explanations: Sequence[Explanation], say: Say) -> None:
    letters = [letter for one in explanations if (letter := letter_to_owner(one))]
    if not letters:
        raise Failure(
            "the text does not say what was called, so there is nothing to ask an owner for"
        )
    click.echo("\n---\n\n".join(say(strip_lines(letter)) for letter in letters), nl=False)


def _show_decoded(message: str) -> None:
    """What an encoded authorization message says, if the credentials may decode it."""
    out = console()
    try:
        decoded = boto3.client("sts").decode_authorization_message(EncodedMessage=message)
    except (BotoCoreError, ClientError) as error:
        why = " ".join(str(error).split())[:300]
        click.echo(
            strip_control_characters(
                f"the encoded message could not be decoded ({why}); needs sts:DecodeAuthorizationMessage"
            ),
            err=True,
        )
        return
    out.print(plain("The encoded authorization message", "bold"))
    try:
        text = json_text(json.loads(decoded["DecodedMessage"]))
    except ValueError:
        text = decoded["DecodedMessage"]
    click.echo(strip_lines(text))


def _diagnose(explanations: Sequence[Explanation], clients: RoleClients) -> None:
    """The live diagnosis of each call that the texts name well enough."""
    if clients.own_account is None:
        return
    for one in explanations:
        call = _with_caller(one.call)
        if call is None or not (call.bucket or call.kms_key):
            lacks = "the bucket (--bucket)" if one.call else "the operation"
            click.echo(f"no live diagnosis: {lacks} is not said", err=True)
            continue
        show_diagnosis(_report(call, clients))


def _with_caller(call: DeniedCall | None) -> DeniedCall | None:
    if call is None or call.caller.arn:
        return call
    me = boto3.client("sts").get_caller_identity()["Arn"]
    click.echo(f"who called is not said: taking you, {me} (--principal names another)", err=True)
    return replace(call, caller=from_arn(me))


def _report(call: DeniedCall, clients: RoleClients) -> Report:
    analysis = analyze(call, clients, AnalysisOptions())
    return report_for(analysis, incident_id_of(call), [], 1, (call.time, call.time))
