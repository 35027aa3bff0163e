"""docs/recordings.md: what three users see on the terminal, from real runs on moto.

`make recordings` writes the page. What is of the moment (times, ids that AWS chooses, digests of them) is replaced by
the same word everywhere, so that a test can hold the page against a run.
"""

import importlib
import json
import re
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner

from support.aws import Aws, mocked
from support.handlers import CONTEXT, api_event, deliver, metas, serving
from support.names import A, B
from support.records import s3
from support.wire import answer_calls, refusal
from threegrants.cli import main
from threegrants.cli.service import ServiceClient, ServiceError
from threegrants.evidence import RoleClients
from threegrants.handlers import remediate, worker

PAGE = Path(__file__).parents[2] / "docs" / "recordings.md"
SAM = f"arn:aws:sts::{A}:assumed-role/on-call/sam"
KIM = f"arn:aws:sts::{A}:assumed-role/security-lead/kim"
_STABLE = (
    (re.compile(r"key/[0-9a-f]{8}-[0-9a-f-]{27}"), "key/KEY-ID"),
    (re.compile(r"sha256:[0-9a-f]{64}"), "sha256:DIGEST"),
    (re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z"), "TIME"),
    (re.compile(r", \d+ s before the diagnosis"), ""),
    (re.compile(r"(?m)^(tg-[0-9a-f]{16}  \w+ +)(?:now|\d+[smhd]) +"), r"\1AGE  "),
)
_HEAD = """# Three users at the terminal

Real runs of the command line, recorded by `make recordings` on an emulated AWS; a test holds this page against a new
run. Account {a} owns the bucket, {b} is the caller's. Times, key ids and digests are replaced by a word.
"""


class InProcess:
    """The deployed API, in this process: the function behind it, asked by one person; the worker follows."""

    def __init__(self, actor: str, queue: Callable[[], list[str]]) -> None:
        self.actor, self._queue = actor, queue

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """As `ServiceClient.call`."""
        with redirect_stdout(StringIO()):  # what Lambda takes for logs and metrics
            return self._call(method, path, body)

    def _call(self, method: str, path: str, body: Any) -> Any:
        route, _, query = path.partition("?")
        asked = dict(one.split("=") for one in query.split("&") if one)
        given = {"queryStringParameters": asked or None}
        answer = remediate.handler(api_event(method, route, body, self.actor, **given), CONTEXT)
        said = json.loads(answer["body"])
        if answer["statusCode"] not in {200, 202}:
            raise ServiceError(f"{method} {route}: {answer['statusCode']}: {said['message']}")
        for text in self._queue():
            worker.handler({"Records": [_message(text)]}, CONTEXT)
        return said


def _message(body: str) -> dict[str, Any]:
    return {"messageId": "m-1", "receiptHandle": "h", "body": body, "attributes": {},
            "messageAttributes": {}, "eventSource": "aws:sqs", "awsRegion": "eu-west-1",
            "eventSourceARN": f"arn:aws:sqs:eu-west-1:{A}:run-queue"}  # fmt: skip


class Recorder:
    """A terminal: commands, and what they print, without what is of the moment."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def tell(self, text: str) -> None:
        """A line between two commands."""
        self.lines += ["", text, ""]

    def run(self, *arguments: str, shown: str = "", status: int = 0, **options: Any) -> None:
        """One command with its output; `shown` is how it is typed, where that is otherwise."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "No application metrics")
            done = CliRunner().invoke(main, arguments, **options)
        assert done.exit_code == status, done.output
        typed = shown or " ".join(["threegrants", *arguments])
        text = "\n".join(line.rstrip() for line in done.output.splitlines())
        self.lines += ["```", f"$ {typed}", *stable(text).strip("\n").split("\n")]
        self.lines += [f"(exit status {status})", "```"] if status else ["```"]

    @property
    def text(self) -> str:
        """Everything so far."""
        return "\n".join(self.lines)


def stable(text: str) -> str:
    """A text without what is of the moment."""
    for pattern, word in _STABLE:
        text = pattern.sub(word, text)
    return text


def recorded() -> str:
    """The page, from three runs."""
    parts = [_on_call_and_lead(), _developer()]
    return _HEAD.format(a=A, b=B) + "\n".join(parts).rstrip() + "\n"


def _on_call_and_lead() -> str:
    found = Recorder()
    patch = pytest.MonkeyPatch()
    with mocked() as aws:
        patch.setattr("time.sleep", lambda _: None)
        aws.remediation_roles()
        try:
            for service in serving(aws, patch, trusted=(A, B)):
                deliver(s3())
                _on_call(found, patch, _queue(), str(metas(service)[0]["id"]))
        finally:
            patch.undo()
    return found.text


def _queue() -> Callable[[], list[str]]:
    sqs = boto3.client("sqs", region_name="eu-west-1")
    url = sqs.get_queue_url(QueueName="run-queue")["QueueUrl"]

    def take() -> list[str]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for one in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return [one["Body"] for one in found]

    return take


def _on_call(
    found: Recorder, patch: pytest.MonkeyPatch, queue: Callable[[], list[str]], incident: str
) -> None:
    patch.setattr(ServiceClient, "for_stack", lambda _: InProcess(SAM, queue))
    found.lines.append("\n## The on-call, at three in the morning")
    found.tell("An alert has come. What is open, and what is it about?")
    found.run("incidents", "--state", "open")
    found.run("show", incident)
    found.tell("The patches are what is wanted. They are approved as shown:")
    found.run("approve", incident, "--yes")
    found.run("show", incident)
    patch.setattr(ServiceClient, "for_stack", lambda _: InProcess(KIM, queue))
    found.lines.append("\n## The security lead, in the morning")
    found.tell("What was opened in the night, by whom? It is taken back.")
    found.run("incidents", "--state", "verified", "--account", B)
    found.run("rollback", incident)
    found.run("show", incident)
    found.tell("The team has explained it since: it is opened again, looked at anew, and decided.")
    found.run("reopen", incident, "--reason", "agreed with the team", shown=(
        f'threegrants reopen {incident} --reason "agreed with the team"'))  # fmt: skip
    found.run("recheck", incident)
    found.run("show", incident, "--format", "cli")
    found.run("recheck", "tg-0000000000000000", status=2)


def _developer() -> str:
    found = Recorder()
    found.lines.append("\n## A developer of account B")
    found.tell("They have B's credentials and B's copy of the record, and may read nothing of A.")
    patch = pytest.MonkeyPatch()
    with mocked() as aws:
        try:
            _seen_from_b(aws, patch)
            record = {**s3(), "recipientAccountId": B, "resources": [
                {"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::a-reports", "accountId": ""}]}  # fmt: skip
            given = json.dumps(record)
            found.run("diagnose", "-", shown="threegrants diagnose record.json", input=given)
        finally:
            patch.undo()
    return found.text


def _seen_from_b(aws: Aws, patch: pytest.MonkeyPatch) -> None:
    """B's role may get the object; S3 and A's reader role refuse whoever asks from B."""
    own = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a-reports/*"}
    aws.world(iam=[own])

    def answer(call: Any) -> Any:
        into_a = call.operation == "AssumeRole" and A in call.parameters["RoleArn"]
        if into_a or call.service in {"s3", "s3control"}:
            raise refusal(call.operation)
        return call.proceed()

    diagnose = importlib.import_module("threegrants.cli.diagnose")
    clients = RoleClients("threegrants-reader")
    patch.setattr(diagnose, "role_clients", lambda *_, **__: clients)
    answer_calls(patch, answer)


if __name__ == "__main__":
    PAGE.write_text(recorded(), encoding="utf-8")
