"""DiagnoseFunction: a batch of CloudTrail records from the queue, one incident for each cause.

Every message ends as joined, waiting, suppressed, skipped or refused (a dead letter with its
reason); what fails is delivered again. A delivery that comes twice is known by the marker of its event
(incidents/store.py), so it changes and writes nothing.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit, single_metric
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
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
from threegrants.handlers.dependencies import deadline, dependencies, time_of
from threegrants.handlers.observability import NAMESPACE, logger, metrics
from threegrants.incidents import Event, Incident
from threegrants.incidents.hourly_limits import LimitReached
from threegrants.ingest import Ingest
from threegrants.suppression import SuppressionRules

processor = BatchProcessor(event_type=EventType.SQS)
MAX_RECEIVES = 5
"""How often the queues deliver a message (template.yaml) before it is a dead letter."""
_WAITED = "waited"


def _ingest() -> Ingest:
    return dependencies().ingest(on_suppressed_alert=_count_suppressed_alert)


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
    if not call.replayed and call.recipient_account:
        dependencies().account_clocks.heard(call.recipient_account)
    try:
        _process(call, event, record, waited=waited, replayed=call.replayed)
    except ConfigurationError as error:
        _without_configuration(record, error)


def _countable(messages: list[dict[str, Any]]) -> Iterator[Event]:
    """The denied calls of a batch that become part of an incident."""
    rules = dependencies().in_force().suppression
    for message in messages:
        try:
            event = _event_of(SQSRecord(message))
            call = parse_record(event)
        except (RecordError, ValueError):
            continue  # a dead letter, when it is its turn
        if isinstance(call, DeniedCall) and not _preset(rules, call):
            yield call, event


def _preset(rules: SuppressionRules, call: DeniedCall) -> str | None:
    """The preset or pattern that suppresses a call; None if none does."""
    return rules.match(call) or rules.match(call, _ingest().resolve_caller(call))


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
) -> None:
    """Take in one denied call.

    Args:
        call: the denied call.
        event: the message's body, parsed.
        message: the message itself, to be sent again if the call has to wait.
        waited: whether it was sent again before.
        replayed: whether a person fed it in.
    """
    settings, ingest = dependencies().settings, _ingest()
    preset = _preset(dependencies().in_force().suppression, call)
    if preset:
        with single_metric(
            name="RecordsSuppressed", unit=MetricUnit.Count, value=1, namespace=NAMESPACE
        ) as metric:
            metric.add_dimension(name="preset", value=preset)
        logger.info("suppressed", extra={"preset": preset, "event_id": call.event_id})
        return
    try:
        incident = ingest.handle(call, event, was_parked=waited, replayed=replayed)
    except LimitReached as reached:
        metrics.add_metric(name="RecordsOverLimit", unit=MetricUnit.Count, value=1)
        logger.warning("over limit", extra={"why": str(reached), "event_id": call.event_id})
        return
    if incident is None:
        dependencies().sqs.send_message(
            QueueUrl=settings.replay_queue_url if _is_fed_in(message) else settings.wait_queue_url,
            MessageBody=message.body,
            DelaySeconds=settings.kms_wait_seconds,
            MessageAttributes={_WAITED: {"DataType": "String", "StringValue": "true"}},
        )
        metrics.add_metric(name="RecordsWaiting", unit=MetricUnit.Count, value=1)
        logger.info(
            "waiting", extra={"event_id": call.event_id, "seconds": settings.kms_wait_seconds}
        )
        return
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
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """SQS batch in, partial batch response out: what failed is delivered again."""
    messages = event["Records"]
    with time_of(context):
        if len(messages) > 1:
            # Without a configuration each message says so, when it is its turn.
            with suppress(ConfigurationError):
                _ingest().expect(_countable(messages))
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
