"""The API's routes about people: acknowledge, assign, snooze, and try the alert channels out."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.exceptions import BadRequestError

from threegrants.handlers.api_requests import actor_of, body_of
from threegrants.handlers.dependencies import dependencies
from threegrants.handlers.observability import logger
from threegrants.incidents import (
    AssigneeError,
    ClosedError,
    Conflict,
    Incident,
    SnoozeError,
    SnoozeOf,
    Snoozes,
    acknowledge,
    assign,
    mute,
    parse_hours_of,
    parse_name,
)
from threegrants.incidents.channel_tests import Channel, ChannelTests
from threegrants.incidents.mute import MAX_HOURS
from threegrants.remediation.approval import require_not_own_grant
from threegrants.remediation.results import Refused

router = Router()  # type: ignore[no-untyped-call]


def people_fields(incident: Incident) -> dict[str, Any]:
    """What the API says of who is at an incident."""
    return {
        "acknowledged_by": incident.acknowledged_by or None,
        "acknowledged_at": incident.acknowledged_at or None,
        "assigned_to": incident.assigned_to or None,
    }


def _of_another(incident_id: str, actor: str) -> Incident:
    """The incident, if who asks is not the principal that was denied.

    Raises:
        Refused: if it is, or nobody knows who was denied.
    """
    logger.set_correlation_id(incident_id)
    incident = dependencies().store.get(incident_id)
    require_not_own_grant(incident, actor, ())
    return incident


def _said(incident_id: str, actor: str, detail: str) -> dict[str, Any]:
    """The answer: what became of it; the worker is asked to tell other systems now."""
    logger.info("people", extra={"detail": detail, "actor": actor})
    tell_others(incident_id)
    incident = dependencies().store.get(incident_id)
    shown = {"id": incident.id, "state": incident.state.value, "detail": detail}
    return shown | people_fields(incident)


def tell_others(incident_id: str) -> None:
    """Have the worker tell other systems now; if it cannot be asked, the sweep tells them."""
    try:
        dependencies().ask_worker(incident_id)
    except Exception as error:  # noqa: BLE001 - what was asked for is done
        logger.warning("the worker was not asked", extra={"why": str(error)[:300]})


@router.post("/incidents/<incident_id>/acknowledge")
def acknowledge_incident(incident_id: str) -> dict[str, Any]:
    """Say that you are at it, so that nobody is reminded; `{"on": false}` takes it back."""
    actor, on = actor_of(router.current_event), body_of(router.current_event).get("on", True)
    if not isinstance(on, bool):
        raise BadRequestError('the body must be {"on": true} or {"on": false}')
    incident = _of_another(incident_id, actor)
    store = dependencies().store
    return _said(incident.id, actor, _done(lambda: acknowledge(store, incident.id, actor, on=on)))


@router.post("/incidents/<incident_id>/assign")
def assign_incident(incident_id: str) -> dict[str, Any]:
    """Say who is to see to it; an empty name is nobody."""
    actor, body = actor_of(router.current_event), body_of(router.current_event)
    incident = _of_another(incident_id, actor)
    store = dependencies().store
    return _said(
        incident.id,
        actor,
        _done(lambda: assign(store, incident.id, parse_name(body.get("to")), actor)),
    )


@router.post("/incidents/<incident_id>/snooze")
def snooze_incident(incident_id: str) -> dict[str, Any]:
    """Hold alerts about denials of the incident, its bucket or its principal back for some hours."""
    actor, body = actor_of(router.current_event), body_of(router.current_event)
    wanted = body.get("what", SnoozeOf.INCIDENT.value)
    try:
        of = SnoozeOf(wanted)
    except ValueError as error:
        what = " or ".join(f'"{one}"' for one in SnoozeOf)
        raise BadRequestError(f'the body must be {{"what": {what}, "hours": 4}}') from error
    incident = _of_another(incident_id, actor)
    store = dependencies().store

    def snooze() -> str:
        most = MAX_HOURS
        if of is not SnoozeOf.INCIDENT:
            most = dependencies().alert_policy().max_snooze_hours
        hours = parse_hours_of(of, body.get("hours"), most)
        if of is SnoozeOf.INCIDENT:
            return mute(store, incident.id, hours, actor)
        return Snoozes(store.table).snooze(incident, of, hours, actor)

    return _said(incident.id, actor, _done(snooze))


@router.get("/snoozes")
def snoozes() -> dict[str, Any]:
    """What is snoozed now, by whom and until when; what ends first stands first."""
    actor_of(router.current_event)
    return {"snoozes": [one.to_json() for one in Snoozes(dependencies().store.table).in_force()]}


@router.post("/alerts/test")
def test_channel() -> dict[str, Any]:
    """Have a marked test message sent the way that alerts go; the worker sends it."""
    actor, wanted = (
        actor_of(router.current_event),
        body_of(router.current_event).get("channel", Channel.ALL.value),
    )
    try:
        channel = Channel(wanted)
    except ValueError as error:
        one_of = ", ".join(Channel)
        raise BadRequestError(f'the body must be {{"channel": …}}, one of {one_of}') from error
    test = ChannelTests(dependencies().store.table).ask(channel, actor)
    settings = dependencies().settings
    dependencies().sqs.send_message(
        QueueUrl=settings.run_queue_url, MessageBody=json.dumps({"channel_test": test.id})
    )
    logger.info("channel test", extra={"channel": channel.value, "actor": actor})
    return test.to_json() | {"poll": f"/alerts/test/{test.id}"}


@router.get("/alerts/test/<test_id>")
def tested_channel(test_id: str) -> dict[str, Any]:
    """What became of a test; `results` is null until the worker has sent it."""
    actor_of(router.current_event)
    test = ChannelTests(dependencies().store.table).find(test_id)
    if test is None:
        raise Refused(HTTPStatus.NOT_FOUND, f"no test {test_id}; a test is forgotten after a day")
    return test.to_json()


def _done(task: Callable[[], str]) -> str:
    """What became of it.

    Raises:
        BadRequestError: if the body asks for what there is not.
        Refused: if it cannot be done as things are.
    """
    try:
        return task()
    except (AssigneeError, SnoozeError) as error:
        raise BadRequestError(str(error)) from error
    except (ClosedError, Conflict) as error:
        raise Refused(HTTPStatus.CONFLICT, str(error)) from error
