"""`threegrants check`: would it work, before anybody is refused."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError

from threegrants.access_check import (
    Access,
    Answer,
    PolicyFileError,
    PolicySet,
    Question,
    QuestionError,
    answer_from_files,
    answer_of,
    as_markdown,
    as_sarif,
    planned_call,
    policies_of_folder,
    policies_of_plan,
)
from threegrants.analysis import AnalysisOptions, analyze
from threegrants.aws.arn import parse_arn
from threegrants.cli.diagnose import role_clients
from threegrants.cli.failure import Failure, Unreachable
from threegrants.cli.options import ACCOUNTS, EXTERNAL_ID, READER_ROLE, account_option
from threegrants.cli.render import console, json_text, say, show_blockers_and_unknowns, show_grants

Format = Literal["text", "json", "markdown", "sarif"]
_EXIT = {Access.ALLOWED: 0, Access.NOT_ALLOWED: 1, Access.UNKNOWN: 3}
_LARGEST = 50_000_000
"""Bytes of a plan or a policy file."""


@click.command()
@click.option("--principal", required=True, metavar="ARN", help="Role, session, user or root.")
@click.option("--bucket", default=None, help="The bucket's name.")
@click.option("--object", "object_key", default=None, help="The object's key.")
@click.option(
    "--action",
    "actions",
    multiple=True,
    help="s3:… or kms:…; repeatable. [default: s3:GetObject with --object, else s3:ListBucket]",
)
@click.option("--key", "kms_key", default=None, metavar="ARN", help="The object's KMS key.")
@click.option("--region", default=None, help="The Region that is called. [default: the key's]")
@click.option(
    "--context", "stated", multiple=True, metavar="KEY=VALUE",
    help="A condition key of the call, as aws:SourceVpce=vpce-1; repeatable.",
)  # fmt: skip
@click.option(
    "--policies", type=click.Path(exists=True, file_okay=False, path_type=Path), default=None,
    help="A folder of policies, instead of asking AWS.",
)  # fmt: skip
@click.option(
    "--plan", type=click.Path(exists=True, dir_okay=False, path_type=Path, allow_dash=True),
    default=None, help="What `terraform show -json` prints of a plan, instead of asking AWS.",
)  # fmt: skip
@click.option(
    "--bucket-account",
    default=None,
    callback=account_option,
    help="The account that owns the bucket.",
)
@click.option(
    "--read-objects", is_flag=True, help="Look at the object itself: its own key and its owner."
)
@click.option("--strict", is_flag=True, help="Unknown, too, where something was not looked at.")
@click.option(
    "--format", "output_format", type=click.Choice(["text", "json", "markdown", "sarif"]),
    default="text", show_default=True,
)  # fmt: skip
@READER_ROLE
@EXTERNAL_ID
@ACCOUNTS
def check(  # noqa: PLR0913, PLR0917 - click passes each option so
    principal: str,
    bucket: str | None,
    object_key: str | None,
    actions: tuple[str, ...],
    kms_key: str | None,
    region: str | None,
    stated: tuple[str, ...],
    policies: Path | None,
    plan: Path | None,
    bucket_account: str | None,
    read_objects: bool,  # noqa: FBT001
    strict: bool,  # noqa: FBT001
    output_format: Format,
    reader_role: str,
    external_id: str,
    accounts: tuple[str, ...],
) -> None:
    """Say whether a call would work: the three grants, before anybody is refused.

    Asks AWS, or reads a folder of policies (--policies) or a Terraform plan (--plan).

    Exit status: 0 allowed, 1 not allowed, 2 wrong input, 3 unknown, 4 no credentials.
    """
    if policies and plan:
        raise Failure("--policies and --plan are two sources; give one of them")
    named = parse_arn(kms_key)
    questions = [
        Question(
            principal=principal,
            action=action,
            bucket=bucket,
            object_key=object_key,
            kms_key=kms_key,
            region=region or (named.region if named else "") or _region(),
            bucket_account=bucket_account,
            context=_context(stated),
        )
        for action in actions or _default_action(bucket, object_key, kms_key)
    ]
    try:
        calls = [planned_call(one) for one in questions]
        if policies:
            files = _files(policies)
            answers = [
                answer_from_files(one, policies_of_folder(files, one, str(policies)))
                for one in questions
            ]
        elif plan:
            answers = [answer_from_files(one, _of_plan(plan, one)) for one in questions]
        else:
            given = tuple(dict.fromkeys((*accounts, *([bucket_account] if bucket_account else ()))))
            _require_credentials()
            clients = role_clients(reader_role, external_id, given, None, objects=read_objects)
            answers = [
                answer_of(one, analyze(call, clients, AnalysisOptions()))
                for one, call in zip(questions, calls, strict=True)
            ]
    except (QuestionError, PolicyFileError) as error:
        raise Failure(str(error)) from error
    _print(answers, output_format)
    raise SystemExit(max((_exit(one, strict=strict) for one in answers), key=_GRAVITY.index))


_GRAVITY = (0, 3, 1)
"""Exit codes: what is surely refused outweighs what is not known."""


def _exit(answer: Answer, *, strict: bool) -> int:
    if strict and answer.access is Access.ALLOWED and not answer.is_complete:
        return _EXIT[Access.UNKNOWN]
    return _EXIT[answer.access]


def _default_action(
    bucket: str | None, object_key: str | None, kms_key: str | None
) -> tuple[str, ...]:
    if bucket:
        return ("s3:GetObject",) if object_key else ("s3:ListBucket",)
    if kms_key:
        return ("kms:Decrypt",)
    raise Failure("neither --bucket nor --key says what is asked for")


def _region() -> str:
    return boto3.Session().region_name or "us-east-1"


def _context(stated: Sequence[str]) -> dict[str, str | tuple[str, ...]]:
    values: dict[str, list[str]] = {}
    for one in stated:
        name, equals, value = one.partition("=")
        if not equals or ":" not in name:
            raise Failure(f"--context {one!r}: expected KEY=VALUE, as aws:SourceIp=192.0.2.1")
        values.setdefault(name, []).append(value)
    return {name: each[0] if len(each) == 1 else tuple(each) for name, each in values.items()}


def _files(folder: Path) -> dict[str, str]:
    """The JSON files below a folder, and an empty text for each empty folder, by path."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() and not any(path.iterdir()):
            found[f"{name}/"] = ""
        elif path.is_file() and path.suffix == ".json":
            found[name] = _text(path)
    return found


def _text(path: Path) -> str:
    try:
        if str(path) == "-":
            return sys.stdin.buffer.read(_LARGEST).decode("utf-8-sig")
        if path.stat().st_size > _LARGEST:
            raise Failure(f"{path}: larger than {_LARGEST:,} bytes")
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{path}: cannot be read: {error}") from error


def _of_plan(plan: Path, question: Question) -> PolicySet:
    try:
        read: Any = json.loads(_text(plan))
    except ValueError as error:
        hint = "expected JSON; make it with `terraform show -json PLANFILE`"
        raise Failure(f"{plan}: {hint} ({error})") from error
    return policies_of_plan(read, question, str(plan))


def _require_credentials() -> None:
    try:
        boto3.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        why = " ".join(str(error).split())[:200]
        raise Unreachable(
            f"no working AWS credentials ({why}); sign in, or give --policies or --plan"
        ) from error


def _print(answers: Sequence[Answer], output_format: Format) -> None:
    if output_format == "json":
        click.echo(json_text([one.to_json() for one in answers]))
    elif output_format == "sarif":
        click.echo(json_text(as_sarif(answers)))
    elif output_format == "markdown":
        click.echo(as_markdown(answers), nl=False)
    else:
        for one in answers:
            _show(one)


def _show(answer: Answer) -> None:
    report = answer.report
    colour = {Access.ALLOWED: "bold green", Access.NOT_ALLOWED: "bold red"}
    say(answer.sentence, colour.get(answer.access, "bold yellow"))
    show_grants(report.grants)
    show_blockers_and_unknowns(report)
    for text in answer.supposed:
        say(f"taken for granted: {text}", "dim")
    console().print()
