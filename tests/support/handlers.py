"""The handlers on moto: their environment, and messages as the queue delivers them."""

import json
from types import SimpleNamespace

import boto3

from support.harness import EVERYTHING
from support.names import B
from threegrants.handlers import diagnose, remediate
from threegrants.handlers.dependencies import dependencies


def serving(aws, monkeypatch):
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
    environment = {
        "TABLE_NAME": table.name,
        "SEEN_TABLE_NAME": "seen",
        "TOPIC_ARN": topic,
        "QUEUE_URL": queue,
        "DEAD_LETTER_QUEUE_URL": dead,
        "READER_ROLE_NAME": "threegrants-reader",
        "MENDER_ROLE_NAME": "threegrants-mender",
        "NEVER_DIAGNOSE": f"bucket=scratch-*,principal=arn:aws:iam::{B}:role/chaos-*",
        "KMS_WAIT_SECONDS": "0",
        "POWERTOOLS_TRACE_DISABLED": "true",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    caches = (dependencies, diagnose._ingest, diagnose._delivery_store, remediate._service)
    for cached in caches:
        cached.cache_clear()
    yield SimpleNamespace(table=table, sqs=sqs, queue=queue, dead=dead)
    for cached in caches:
        cached.cache_clear()


CONTEXT = SimpleNamespace(
    function_name="diagnose",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-west-1:111111111111:function:diagnose",
    aws_request_id="r-1",
    get_remaining_time_in_millis=lambda: 60_000,
)


def deliver(*bodies, message="m-1", attributes=None):
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
    return diagnose.handler({"Records": records}, CONTEXT)["batchItemFailures"]


def metas(service):
    return [i for i in service.table.scan()["Items"] if i["sk"] == "meta"]
