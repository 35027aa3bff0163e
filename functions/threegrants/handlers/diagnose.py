"""DiagnoseFunction: a batch of CloudTrail records from the queue, one incident for each cause."""

import json
from functools import cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from threegrants.alerts import publish
from threegrants.handlers.observability import logger, metrics, tracer
from threegrants.records import RecordError, Skipped, parse_record
from threegrants.settings import settings
from threegrants.watch import Watch

processor = BatchProcessor(event_type=EventType.SQS)


@cache
def _watch() -> Watch:
    own = settings()
    return Watch(
        store=own.store,
        reader=own.reader,
        rules=own.rules,
        stack=own.stack,
        send=lambda alert: publish(own.sns, own.topic, alert),
    )


@tracer.capture_method(capture_response=False)
def _one(record: SQSRecord) -> None:
    try:
        event = json.loads(record.body)
        call = parse_record(event)
    except (RecordError, ValueError) as error:
        _bad(record, str(error))
        return
    if isinstance(call, Skipped):
        metrics.add_metric(name="RecordsSkipped", unit=MetricUnit.Count, value=1)
        logger.info("skipped", extra={"why": call.why, "event_id": call.event_id})
        return
    metrics.add_metric(name="DeniedCalls", unit=MetricUnit.Count, value=1)
    incident = _watch().see(call, event)
    logger.set_correlation_id(incident.id)
    body = incident.diagnosis or {}
    logger.info(
        "diagnosed",
        extra={
            "event_id": call.event_id,
            "state": incident.state.value,
            "count": incident.count,
            "outcome": body.get("outcome"),
        },
    )


def _bad(message: SQSRecord, why: str) -> None:
    """Bad input will not get better by retrying: straight to the dead letters, with its reason."""
    metrics.add_metric(name="RecordsRefused", unit=MetricUnit.Count, value=1)
    logger.error("record refused", extra={"why": why, "message_id": message.message_id})
    own = settings()
    own.sqs.send_message(
        QueueUrl=own.dead_letters,
        MessageBody=message.body,
        MessageAttributes={"reason": {"DataType": "String", "StringValue": why[:1000]}},
    )


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """SQS batch in, partial batch response out: what failed is delivered again."""
    return process_partial_response(
        event=event, record_handler=_one, processor=processor, context=context
    )
