"""WorkerFunction: a message of the run queue names an incident, or a test of the channels; it is seen to.

Nothing else of a message is used, and what is done follows from what is sealed in the table. So whoever
can send a message, or invoke the function, gains nothing.
"""

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

from threegrants.handlers.dependencies import deadline, dependencies, time_of
from threegrants.handlers.entry_check import Answer, check_entry, is_entry_check, refused
from threegrants.handlers.observability import logger, metrics
from threegrants.incidents import IncidentNotFound
from threegrants.remediation import WorkerService

processor = BatchProcessor(event_type=EventType.SQS)
_LEASE_SECONDS = 240
"""Twice the function's timeout (template.yaml): when it is over, so is the worker."""


@cache
def _service() -> WorkerService:
    return dependencies().worker_service(_failed, _LEASE_SECONDS)


def _failed(incident_id: str, error: Exception) -> None:
    logger.error(
        "worker: one task failed",
        extra={"incident": incident_id, "error": type(error).__name__, "why": str(error)[:1000]},
    )


def _attend(record: SQSRecord, lambda_context: LambdaContext) -> None:
    test_id = _named(record.body, "channel_test")
    if test_id is not None:
        logger.info("channel test", extra={"results": dependencies().alerting.test(test_id)})
        return
    incident_id = _named(record.body, "incident")
    if incident_id is None:
        logger.error(
            "a message of the run queue names no incident", extra={"body": record.body[:200]}
        )
        return
    logger.set_correlation_id(incident_id)
    try:
        report = _service().attend(incident_id, deadline(lambda_context))
    except IncidentNotFound:
        logger.error("a message of the run queue names an incident that there is not")
        return
    for what, count in report.items():
        metrics.add_metric(
            name="Worker_" + "".join(c if c.isalnum() else "_" for c in what),
            unit=MetricUnit.Count,
            value=count,
        )
    logger.info("attended", extra={"report": dict(report)})


def _named(body: str, what: str) -> str | None:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    named = message.get(what) if isinstance(message, dict) else None
    return named if isinstance(named, str) and named else None


def _check_entry(context: LambdaContext) -> Answer:
    known = dependencies()
    roles = known.remediation_roles
    answer = check_entry(
        roles.clients, lambda: known.in_force().limits.trusted, roles.names, context
    )
    metrics.add_metric(name="WritersRefused", unit=MetricUnit.Count, value=refused(answer))
    return answer


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse | Answer:
    """SQS batch in, partial batch response out: what failed is delivered again.

    Or an entry check in, and which accounts can be written to out.
    """
    if is_entry_check(event):
        return _check_entry(context)
    with time_of(context):
        answer = process_partial_response(
            event=event, record_handler=_attend, processor=processor, context=context
        )
        dependencies().tell_others(deadline(context), _failed)
        return answer
