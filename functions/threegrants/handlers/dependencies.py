"""What the remediate and the sweep function share: the remedy, built from their environment."""

import os
import time
from collections.abc import Callable
from http import HTTPStatus

import boto3
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError
from aws_lambda_powertools.utilities.typing import LambdaContext

from threegrants.analysis import Analysis, analyze
from threegrants.cloudtrail import DeniedCall, parse_record
from threegrants.handlers.settings import settings
from threegrants.incidents import AlertReason, Incident, with_incident_facts
from threegrants.notifications import build_alert, publish
from threegrants.remediation import Limits, LimitsError, Refused, RemediationService
from threegrants.remediation.limits import from_env
from threegrants.remediation.run_store import RunStore

_RESPONSE_SECONDS = 1.5
"""Seconds kept for the answer itself."""
_LIMITS_TTL_SECONDS = 60
"""Seconds for which the guardrails' SSM parameter is kept."""


def current_limits() -> Limits:
    """The guardrails as they are now: the parameters of the stack, and the SSM parameter, if any.

    Raises:
        Refused: if they cannot be read or are wrong; then nothing is applied.
    """
    name = os.environ.get("GUARDRAILS_PARAMETER")
    try:
        found = from_env(os.environ)
        if not name:
            return found
        return found.with_more(str(parameters.get_parameter(name, max_age=_LIMITS_TTL_SECONDS)))
    except (LimitsError, GetParameterError) as error:
        raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, f"nothing is applied: {error}") from error


def remediation_service(lifetime: int) -> RemediationService:
    """The remedy; `lifetime` is how long a worker of this function holds a run, in seconds."""
    config = settings()
    run_store = RunStore(boto3.resource("dynamodb").Table(config.table))
    return RemediationService(
        config.store,
        run_store,
        config.remediation_role,
        current_limits,
        reanalyze,
        lifetime=lifetime,
    )


def reanalyze(incident: Incident) -> Analysis:
    """Examine an incident's newest record again, from fresh evidence."""
    config = settings()
    call = parse_record(config.store.record(incident.id))
    if not isinstance(call, DeniedCall):
        raise Refused(HTTPStatus.CONFLICT, f"the record of {incident.id} is no denial any more")
    return analyze(
        with_incident_facts(call, incident),
        config.reader,
        config.analysis_options,
        incident.prefix,
        fresh=True,
    )


def alert(incident_id: str, why: str, note: str) -> None:
    """Publish an alert about an incident."""
    config = settings()
    report = config.store.get(incident_id).report
    if report is not None:
        sent = build_alert(report, config.stack, AlertReason(why), note)
        publish(config.sns, config.topic, sent)


def deadline(context: LambdaContext, now: Callable[[], float] = time.time) -> float:
    """The second by which this invocation must have answered."""
    return now() + context.get_remaining_time_in_millis() / 1000 - _RESPONSE_SECONDS
