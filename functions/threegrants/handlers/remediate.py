"""RemediateFunction: the API by which people look at, approve, reject, roll back, mute and replay."""

import json
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import BadRequestError
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from threegrants.configuration import ConfigurationError
from threegrants.handlers import people_routes
from threegrants.handlers.api_caller import is_from_the_api, is_rest_event
from threegrants.handlers.api_requests import NO_CALLER, actor_of, body_of
from threegrants.handlers.dependencies import api_secret, dependencies, time_of
from threegrants.handlers.incident_routes import router
from threegrants.handlers.observability import logger, metrics
from threegrants.handlers.page_requests import (
    PageRequest,
    acting,
    breaks_glass,
    is_page_request,
    parse_page_request,
    require_may_ask,
    require_may_extend,
    rest_event,
    sign_in,
)
from threegrants.handlers.replay_requests import ReplayError, replay_messages, send
from threegrants.incidents import Incident, IncidentNotFound, MuteError, mute, parse_hours
from threegrants.incidents.states import RUN_IN_PROGRESS
from threegrants.remediation import Refused, RemediationService, Result
from threegrants.remediation.approval import require_not_own_grant
from threegrants.remediation.approval_request import ApprovalRequest, RequestError, request_of

app = APIGatewayRestResolver()
app.include_router(router)
app.include_router(people_routes.router)


@cache
def _service() -> RemediationService:
    return dependencies().remediation_service()


def _actor() -> str:
    return actor_of(app.current_event)


def _body() -> dict[str, Any]:
    return body_of(app.current_event)


def _asked() -> ApprovalRequest:
    """What the body says of a decision: `reason`, `ticket`, `for`.

    Raises:
        BadRequestError: naming the field that is wrong.
    """
    try:
        return request_of(_body())
    except RequestError as error:
        raise BadRequestError(str(error)) from error


def _respond(result: Result) -> Response[str] | dict[str, Any]:
    """The answer: 202 while the worker is at it, with where to see how it goes."""
    metrics.add_metric(name=f"Remedy_{result.state.value}", unit=MetricUnit.Count, value=1)
    logger.info("remediation", extra={"state": result.state.value, "detail": result.detail})
    if result.state not in RUN_IN_PROGRESS:
        return result.to_json()
    body = {**result.to_json(), "poll": f"/incidents/{result.id}"}
    return Response(
        status_code=int(HTTPStatus.ACCEPTED),
        content_type=content_types.APPLICATION_JSON,
        body=body,  # type: ignore[arg-type]
    )


@app.get("/incidents/<incident_id>")
def show(incident_id: str) -> dict[str, Any]:
    """One incident with its diagnosis and history, and how its last run goes."""
    _actor()
    store = dependencies().store
    incident = store.get(incident_id)
    return {
        **_overview(incident),
        "diagnosis": incident.report.to_json() if incident.report else None,
        "history": store.history(incident_id),
        "run": _service().progress(incident.id),
    }


@app.post("/incidents/<incident_id>/approve")
def approve(incident_id: str) -> Response[str] | dict[str, Any]:
    """Approve the patches whose digests the body names; the worker applies them."""
    actor = _actor()
    logger.set_correlation_id(incident_id)
    digests = _body().get("digests")
    if not isinstance(digests, list) or not all(isinstance(d, str) for d in digests):
        raise BadRequestError('the body must be {"digests": ["sha256:…"]}')
    request = replace(_asked(), break_glass=breaks_glass(_body()))
    return _respond(_service().approve(incident_id, digests, actor, request))


@app.post("/incidents/<incident_id>/reject")
def reject(incident_id: str) -> Response[str] | dict[str, Any]:
    """Close the incident without a change."""
    logger.set_correlation_id(incident_id)
    return _respond(_service().reject(incident_id, _actor(), _asked().reason))


@app.post("/incidents/<incident_id>/rollback")
def rollback(incident_id: str) -> Response[str] | dict[str, Any]:
    """Have taken back what an approval wrote."""
    logger.set_correlation_id(incident_id)
    return _respond(_service().rollback(incident_id, _actor(), _asked().reason))


@app.post("/incidents/<incident_id>/extend")
def extend(incident_id: str) -> Response[str] | dict[str, Any]:
    """Have what is in force end later: `{"for": "8h", "reason": "…"}`; a new approval."""
    logger.set_correlation_id(incident_id)
    asked = _service().extend(incident_id, _actor(), _asked(), require_may_extend)
    return _respond(asked)


@app.post("/incidents/<incident_id>/mute")
def mute_alerts(incident_id: str) -> dict[str, Any]:
    """Send no alerts of the incident for some hours; 0 ends that."""
    actor = _actor()
    logger.set_correlation_id(incident_id)
    hours_asked = _body().get("hours")
    store = dependencies().store
    try:
        hours = parse_hours(hours_asked)
    except MuteError as error:
        raise BadRequestError(str(error)) from error
    require_not_own_grant(store.get(incident_id), actor, ())
    detail = mute(store, incident_id, hours, actor)
    logger.info("mute", extra={"detail": detail, "actor": actor})
    people_routes.tell_others(incident_id)
    return {"id": incident_id, "state": store.get(incident_id).state.value, "detail": detail}


@app.post("/replay")
def replay() -> dict[str, Any]:
    """Take in the records of the body, as if their events arrived now; marked as replayed."""
    actor = _actor()
    queue = dependencies().settings.replay_queue_url
    if not queue:
        raise Refused(HTTPStatus.FORBIDDEN, "replay is off: deploy the stack with AllowReplay=true")
    try:
        messages = replay_messages(_body())
    except ReplayError as error:
        raise BadRequestError(str(error)) from error
    sent = send(dependencies().sqs, queue, messages)
    logger.info("replay", extra={"records": sent, "actor": actor})
    metrics.add_metric(name="RecordsReplayed", unit=MetricUnit.Count, value=sent)
    if sent < len(messages):
        raise Refused(
            HTTPStatus.BAD_GATEWAY,
            f"SQS took {sent} of {len(messages)} records; send them again",
        )
    return {"sent": sent}


def _overview(incident: Incident) -> dict[str, Any]:
    report = incident.diagnosis
    return {
        "id": incident.id,
        "state": incident.state.value,
        "count": incident.count,
        "first_seen": incident.first_seen,
        "last_seen": incident.last_seen,
        "outcome": report.outcome.value if report else None,
        "summary": report.summary if report else None,
        "muted_until": incident.muted_until or None,
        "open_until": incident.open_until or None,
        "replayed": incident.replayed,
        **people_routes.people_fields(incident),
    }


@app.exception_handler(Refused)
def _refused(error: Refused) -> Response[str]:
    return _problem(error.status, error.detail)


@app.exception_handler(ConfigurationError)
def _unconfigured(error: ConfigurationError) -> Response[str]:
    return _problem(HTTPStatus.SERVICE_UNAVAILABLE, f"nothing is done: {error}")


@app.exception_handler(IncidentNotFound)
def _missing(error: IncidentNotFound) -> Response[str]:
    return _problem(HTTPStatus.NOT_FOUND, str(error))


def _problem(status: int, detail: str) -> Response[str]:
    metrics.add_metric(name="RequestsRefused", unit=MetricUnit.Count, value=1)
    logger.warning("refused", extra={"status": int(status), "detail": detail})
    return Response(
        status_code=int(status),
        content_type=content_types.APPLICATION_JSON,
        body={"statusCode": int(status), "message": detail},  # type: ignore[arg-type]
    )


def _for_the_page(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Do what the page asks in a person's name, once the person's own token says who that is."""
    try:
        asked = parse_page_request(event)
        who = sign_in(asked, dependencies().in_force().page)
        logger.info(
            "page", extra={"actor": str(who.person), "asks": f"{asked.method} {asked.path}"}
        )
        require_may_ask(who, asked, _asked_about(asked))
    except (Refused, ConfigurationError, IncidentNotFound) as error:
        return _refusal(error)
    with acting(who):
        return app.resolve(rest_event(asked), context)


def _asked_about(asked: PageRequest) -> Incident | None:
    return dependencies().store.get(asked.incident_id) if asked.incident_id else None


def _refusal(error: Exception) -> dict[str, Any]:
    """A refusal before any route was found, as a route would give it."""
    status = HTTPStatus.SERVICE_UNAVAILABLE
    if isinstance(error, Refused):
        status = HTTPStatus(error.status)
    elif isinstance(error, IncidentNotFound):
        status = HTTPStatus.NOT_FOUND
    answer = _problem(status, str(error))
    return {"statusCode": int(status), "body": json.dumps(answer.body)}


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """REST API event in, response out; or a request of the page, which carries a person's ID token."""
    with time_of(context):
        if is_page_request(event):
            return _for_the_page(event, context)
        if not is_rest_event(event) or not is_from_the_api(event, api_secret()):
            return {
                "statusCode": int(HTTPStatus.FORBIDDEN),
                "body": json.dumps({"message": NO_CALLER}),
            }
        return app.resolve(event, context)
