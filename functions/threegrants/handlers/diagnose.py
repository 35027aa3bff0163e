"""DiagnoseFunction: a batch of CloudTrail records from the queue, one incident for each cause.

Every message ends as joined, waiting, suppressed, skipped or refused (a dead letter with its
reason); what fails is delivered again.
"""

import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools.metrics import MetricUnit, single_metric
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.typing import LambdaContext

from threegrants.cloudtrail import (
    DeniedCall,
    RecordError,
    Skipped,
    as_replayed,
    detail_of,
    parse_record,
    require_own_account,
    strip_control_characters,
)
from threegrants.configuration import ConfigurationError
from threegrants.handlers.dependencies import deadline, dependencies
from threegrants.handlers.observability import NAMESPACE, logger, metrics, tracer
from threegrants.incidents import Incident
from threegrants.incidents.hourly_limits import LimitReached
from threegrants.ingest import Ingest

processor = BatchProcessor(event_type=EventType.SQS)
_DELIVERY_RETENTION_SECONDS = 14 * 86_400
"""Seconds a delivery is remembered: SQS keeps a message for at most 14 days."""
MAX_RECEIVES = 5
"""How often the queues deliver a message (template.yaml) before it is a dead letter."""
_WAITED = "waited"
_idempotency = IdempotencyConfig(
    event_key_jmespath="[event, waited]", expires_after_seconds=_DELIVERY_RETENTION_SECONDS
)


class MessageResult(StrEnum):
    """What became of a message that could be read."""

    SUPPRESSED = "suppressed"
    WAITING = "waiting"
    JOINED = "joined"
    OVER_LIMIT = "over limit"


def _ingest() -> Ingest:
    return dependencies().ingest(on_suppressed_alert=_count_suppressed_alert)


@cache
def _delivery_store() -> DynamoDBPersistenceLayer:
    """Where deliveries are remembered: a table of its own, a partition for each delivery."""
    table = dependencies().settings.delivery_table_name
    return DynamoDBPersistenceLayer(table, boto3_client=boto3.client("dynamodb"))


@tracer.capture_method(capture_response=False)
def _handle_message(record: SQSRecord) -> None:
    metrics.add_metric(name="Deliveries", unit=MetricUnit.Count, value=1)
    try:
        event = _event_of(record)
        call = parse_record(event)
    except (RecordError, ValueError) as error:
        _dead_letter(record, str(error))
        return
    if isinstance(call, Skipped):
        metrics.add_metric(name="RecordsSkipped", unit=MetricUnit.Count, value=1)
        logger.info("skipped", extra={"why": call.why, "event_id": call.event_id})
        return
    waited = _WAITED in record.message_attributes
    # Both copies of an S3 record have an id of their own; only the event's marker makes them one.
    # A record that a person feeds in once more is meant to be looked at once more.
    replayed = call.replayed
    known = None if replayed else call.event_id
    delivery = {"event": known or record.message_id, "waited": waited}

    @idempotent_function(
        data_keyword_argument="delivery",
        persistence_store=_delivery_store(),
        config=_idempotency,
        key_prefix="delivery",
    )
    def once(*, delivery: Mapping[str, Any]) -> MessageResult:
        return _process(call, event, record, waited=bool(delivery["waited"]), replayed=replayed)

    try:
        dependencies().in_force()  # before anything is remembered of the delivery
        once(delivery=delivery)
    except ConfigurationError as error:
        _without_configuration(record, error)


def _is_fed_in(message: SQSRecord) -> bool:
    """Whether a message came through the queue into which only the API sends."""
    queue = dependencies().settings.replay_queue_arn
    return bool(queue) and message.event_source_arn == queue


def _event_of(message: SQSRecord) -> Mapping[str, Any]:
    """The event in a message: what people feed in is marked, what a rule delivered is checked.

    Raises:
        RecordError: if it is no event, or speaks of another account than its own.
        ValueError: if it is no JSON.
    """
    event = json.loads(message.body)
    if not _is_fed_in(message):
        require_own_account(event)
        return event  # type: ignore[no-any-return]
    if not isinstance(event, Mapping):
        raise RecordError("$", f"a {type(event).__name__}", "a CloudTrail record (an object)")
    return as_replayed(detail_of(event))


def _process(
    call: DeniedCall,
    event: Mapping[str, Any],
    message: SQSRecord,
    *,
    waited: bool,
    replayed: bool,
) -> MessageResult:
    """Take in one denied call.

    Args:
        call: the denied call.
        event: the message's body, parsed.
        message: the message itself, to be sent again if the call has to wait.
        waited: whether it was sent again before.
        replayed: whether a person fed it in.
    """
    settings, ingest = dependencies().settings, _ingest()
    rules = dependencies().in_force().suppression
    preset = rules.match(call) or rules.match(call, ingest.resolve_caller(call))
    if preset:
        with single_metric(
            name="RecordsSuppressed", unit=MetricUnit.Count, value=1, namespace=NAMESPACE
        ) as metric:
            metric.add_dimension(name="preset", value=preset)
        logger.info("suppressed", extra={"preset": preset, "event_id": call.event_id})
        return MessageResult.SUPPRESSED
    try:
        incident = ingest.handle(call, event, was_parked=waited, replayed=replayed)
    except LimitReached as reached:
        metrics.add_metric(name="RecordsOverLimit", unit=MetricUnit.Count, value=1)
        logger.warning("over limit", extra={"why": str(reached), "event_id": call.event_id})
        return MessageResult.OVER_LIMIT
    if incident is None:
        dependencies().sqs.send_message(
            QueueUrl=settings.replay_queue_url if _is_fed_in(message) else settings.queue_url,
            MessageBody=message.body,
            DelaySeconds=settings.kms_wait_seconds,
            MessageAttributes={_WAITED: {"DataType": "String", "StringValue": "true"}},
        )
        metrics.add_metric(name="RecordsWaiting", unit=MetricUnit.Count, value=1)
        logger.info(
            "waiting", extra={"event_id": call.event_id, "seconds": settings.kms_wait_seconds}
        )
        return MessageResult.WAITING
    metrics.add_metric(name="DeniedCalls", unit=MetricUnit.Count, value=1)
    logger.set_correlation_id(incident.id)
    logger.info(
        "joined",
        extra={
            "event_id": call.event_id,
            "state": incident.state.value,
            "count": incident.count,
            "outcome": incident.diagnosis.outcome.value if incident.diagnosis else None,
        },
    )
    return MessageResult.JOINED


def _count_suppressed_alert(incident: Incident) -> None:
    metrics.add_metric(name="AlertsMuted", unit=MetricUnit.Count, value=1)
    logger.info("alert held back", extra={"incident_id": incident.id})


def _dead_letter(message: SQSRecord, why: str) -> None:
    """Send a message that cannot be read to the dead letters, with its reason.

    Bad input does not get better by retrying.
    """
    metrics.add_metric(name="RecordsRefused", unit=MetricUnit.Count, value=1)
    logger.error("record refused", extra={"why": why, "message_id": message.message_id})
    dependencies().sqs.send_message(
        QueueUrl=dependencies().settings.dead_letter_queue_url,
        MessageBody=message.body,
        MessageAttributes={"reason": {"DataType": "String", "StringValue": _plain(why)}},
    )


def _without_configuration(message: SQSRecord, error: ConfigurationError) -> None:
    """Have a message delivered again; the last time, send it to the dead letters with the reason.

    Raises:
        ConfigurationError: if it is delivered again.
    """
    metrics.add_metric(name="ConfigurationErrors", unit=MetricUnit.Count, value=1)
    logger.error("no configuration is in force", extra={"why": str(error)})
    if int(message.attributes.approximate_receive_count) < MAX_RECEIVES:
        raise error
    _dead_letter(message, str(error))


def _plain(why: str) -> str:
    """A reason that SQS takes as an attribute: no control characters, and not empty."""
    return strip_control_characters(why[:1000]) or "unknown"


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """SQS batch in, partial batch response out: what failed is delivered again."""
    _idempotency.register_lambda_context(context)
    answer = process_partial_response(
        event=event, record_handler=_handle_message, processor=processor, context=context
    )
    if dependencies().store.events_are_due:
        dependencies().tell_others(deadline(context), _not_told)
    return answer


def _not_told(incident_id: str, error: Exception) -> None:
    """Note that other systems were not told; the sweep tells them."""
    logger.error(
        "an event was not sent",
        extra={"incident": incident_id, "error": type(error).__name__, "why": str(error)[:1000]},
    )
