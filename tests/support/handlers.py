"""The handlers on moto: their environment, and messages as the queue delivers them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from support.aws import Aws
from support.harness import EVERYTHING
from support.names import A, B
from support.runs import mac_keys, runs_table
from threegrants.handlers import diagnose, remediate, worker
from threegrants.handlers.dependencies import dependencies
from threegrants.remediation.seals import Signer


@dataclass(frozen=True)
class Served:
    """What the handlers use: the table of incidents, SQS, and the two queues' addresses."""

    table: Any
    sqs: Any
    queue: str
    dead: str


def serving(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """The handlers' environment, queues, topic and both tables, until the test ends."""
    aws.world(iam=EVERYTHING)
    table = aws.table()
    boto3.client("dynamodb").create_table(
        TableName="seen",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    sqs = boto3.client("sqs")
    queue, dead = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("queue", "dead"))
    topic = boto3.client("sns").create_topic(Name="alerts")["TopicArn"]
    runs, keys = runs_table(table), mac_keys()
    environment = {
        "REMEDIATION_TABLE_NAME": runs.name,
        "RUN_QUEUE_URL": sqs.create_queue(QueueName="run-queue")["QueueUrl"],
        "APPROVAL_MAC_KEY": keys[Signer.APPROVER],
        "RUN_MAC_KEY": keys[Signer.WORKER],
        "TABLE_NAME": table.name,
        "SEEN_TABLE_NAME": "seen",
        "TOPIC_ARN": topic,
        "QUEUE_URL": queue,
        "DEAD_LETTER_QUEUE_URL": dead,
        "READER_ROLE_NAME": "threegrants-reader",
        "ACCOUNTS_TO_READ": f"{A},{B}",
        "NEVER_DIAGNOSE": f"bucket=scratch-*,principal=arn:aws:iam::{B}:role/chaos-*",
        "KMS_WAIT_SECONDS": "0",
        "POWERTOOLS_TRACE_DISABLED": "true",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    caches = (
        dependencies,
        diagnose._ingest,
        diagnose._delivery_store,
        remediate._service,
        worker._service,
    )
    for cached in caches:
        cached.cache_clear()
    yield Served(table, sqs, queue, dead)
    for cached in caches:
        cached.cache_clear()


CONTEXT: Any = SimpleNamespace(
    function_name="diagnose",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-west-1:111111111111:function:diagnose",
    aws_request_id="r-1",
    get_remaining_time_in_millis=lambda: 60_000,
)


def deliver(
    *bodies: Any, message: str = "m-1", attributes: dict[str, Any] | None = None
) -> list[dict[str, str]]:
    """What the queue delivers, as one batch; the messages that it shall deliver again."""
    records = [
        {
            "messageId": f"{message}-{number}",
            "receiptHandle": "h",
            "body": body if isinstance(body, str) else json.dumps(body),
            "attributes": {},
            "messageAttributes": attributes or {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:111111111111:queue",
            "awsRegion": "eu-west-1",
        }
        for number, body in enumerate(bodies)
    ]
    failed: Any = diagnose.handler({"Records": records}, CONTEXT)["batchItemFailures"]
    return list(failed)


def metas(service: Served) -> list[dict[str, Any]]:
    """The incidents, as they are stored."""
    return [i for i in service.table.scan()["Items"] if i["sk"] == "meta"]
