"""The handlers on moto: their environment, and messages as the queue delivers them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from support.aws import Aws
from support.configured import Deployed, accounts, configured
from support.harness import EVERYTHING
from support.incidents import stored_incidents
from support.names import A, B
from support.runs import mac_keys, runs_table
from threegrants.handlers import diagnose, remediate, worker
from threegrants.handlers.dependencies import dependencies
from threegrants.remediation.seals import Signer


@dataclass(frozen=True)
class Served:
    """What the handlers use: the table, SQS, the addresses of the three queues, the configuration."""

    table: Any
    sqs: Any
    waiting: str
    replays: str
    dead: str
    configuration: Deployed


def serving(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, trusted: tuple[str, ...] = ()
) -> Iterator[Served]:
    """The handlers' environment, configuration, queues, topic and both tables, until the test ends.

    Args:
        aws: the accounts.
        monkeypatch: pytest's.
        trusted: the trusted accounts; A and B may be read.
    """
    aws.world(iam=EVERYTHING)
    table = aws.table()
    sqs = boto3.client("sqs")
    waiting, replays, dead = (
        sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("waiting", "replays", "dead")
    )
    topic = boto3.client("sns").create_topic(Name="alerts")["TopicArn"]
    runs, keys = runs_table(table), mac_keys()
    boto3.client("secretsmanager").create_secret(Name="api-secret", SecretString=API_SECRET)
    environment = {
        "API_SECRET": "api-secret",
        "REMEDIATION_TABLE_NAME": runs.name,
        "RUN_QUEUE_URL": sqs.create_queue(QueueName="run-queue")["QueueUrl"],
        "APPROVAL_MAC_KEY": keys[Signer.APPROVER],
        "RUN_MAC_KEY": keys[Signer.WORKER],
        "TABLE_NAME": table.name,
        "TOPIC_ARN": topic,
        "WAIT_QUEUE_URL": waiting,
        "REPLAY_QUEUE_URL": replays,
        "REPLAY_QUEUE_ARN": f"{QUEUES}:replays",
        "DEAD_LETTER_QUEUE_URL": dead,
        "AWS_REGION": "eu-west-1",
        "READER_ROLE_NAME": "threegrants-reader",
        "KMS_WAIT_SECONDS": "0",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    configuration = configured(
        monkeypatch,
        accounts=accounts(read=(A, B), trusted=trusted),
        never_diagnose=["bucket=scratch-*", f"principal=arn:aws:iam::{B}:role/chaos-*"],
    )
    caches = (
        dependencies,
        remediate._service,
        worker._service,
    )
    for cached in caches:
        cached.cache_clear()
    yield Served(table, sqs, waiting, replays, dead, configuration)
    for cached in caches:
        cached.cache_clear()


QUEUES = f"arn:aws:sqs:eu-west-1:{A}"
API_SECRET = "known-to-the-stage-and-to-the-function"
CONTEXT: Any = SimpleNamespace(
    function_name="diagnose",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-west-1:111111111111:function:diagnose",
    aws_request_id="r-1",
    get_remaining_time_in_millis=lambda: 60_000,
)


def sent_by(account: str, record: Any) -> dict[str, Any]:
    """The event by which an account's record arrives, as its rule sends it."""
    service = str(record.get("eventSource", "s3")).partition(".")[0]
    return {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "source": f"aws.{service}",
        "detail-type": "AWS API Call via CloudTrail",
        "account": account,
        "time": "2026-01-01T00:00:00Z",
        "region": record.get("awsRegion", "eu-west-1"),
        "resources": [],
        "detail": record,
    }


def deliver(
    *bodies: Any,
    message: str = "m-1",
    attributes: dict[str, Any] | None = None,
    queue: str = "queue",
    received: int = 1,
) -> list[dict[str, str]]:
    """What a queue delivers, as one batch; the messages that it shall deliver again.

    Args:
        bodies: texts, events, or bare records, which arrive as their recipient's (or A's) events.
        message: the beginning of the messages' ids.
        attributes: the messages' attributes.
        queue: `queue`, or `replays`.
        received: how often they were delivered, this time included.
    """
    records = [
        {
            "messageId": f"{message}-{number}",
            "receiptHandle": "h",
            "body": _text(body),
            "attributes": {"ApproximateReceiveCount": str(received)},
            "messageAttributes": attributes or {},
            "eventSource": "aws:sqs",
            "eventSourceARN": f"{QUEUES}:{queue}",
            "awsRegion": "eu-west-1",
        }
        for number, body in enumerate(bodies)
    ]
    failed: Any = diagnose.handler({"Records": records}, CONTEXT)["batchItemFailures"]
    return list(failed)


def _text(body: Any) -> str:
    if isinstance(body, str):
        return body
    if isinstance(body, dict) and "detail-type" not in body:
        body = sent_by(body.get("recipientAccountId") or A, body)
    return json.dumps(body)


def api_event(method: str, path: str, body: Any, actor: str | None, **changes: Any) -> Any:
    """What the REST API hands over after it checked a signature.

    Args:
        method: the HTTP method.
        path: the path, without the stage.
        body: the body, as JSON if it is no text.
        actor: the ARN of who signed; None if nobody did.
        changes: other fields of the event.
    """
    signed = {"userArn": actor, "accountId": actor.split(":")[4]} if actor and ":" in actor else {}
    if actor is not None and not signed:
        signed = {"userArn": actor}
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": {"content-type": "application/json"},
        "multiValueHeaders": {"content-type": ["application/json"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": {"secret": API_SECRET},
        "requestContext": {
            "accountId": A,
            "apiId": "a1b2c3d4e5",
            "requestId": "r-1",
            "stage": "v1",
            "path": f"/v1{path}",
            "resourcePath": path,
            "httpMethod": method,
            "identity": {"sourceIp": "198.51.100.7", "userAgent": "test", **signed},
        },
        "body": body if isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
        **changes,
    }


def metas(service: Served) -> list[dict[str, Any]]:
    """The incidents, as they are stored."""
    return stored_incidents(service.table)
