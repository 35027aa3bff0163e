"""The EventBridge event about one change of an incident (`threegrants.incident/1`); pure.

`schema/incident.schema.json` describes its detail. The bodies for Slack, Teams and PagerDuty are in it, so
that a rule needs no transformer: its target takes `$.detail.slack` (`templates/webhooks.yaml`).

Sources: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html (at least once)
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from threegrants.cloudtrail import strip_control_characters, strip_lines
from threegrants.incidents import AlertReason, Incident, State
from threegrants.incidents.people import ACKNOWLEDGED, ASSIGNED
from threegrants.incidents.reminders import REMINDED
from threegrants.incidents.state_events import StateEvent
from threegrants.notifications.alert_policy import DEFAULT, NOTHING_DECIDED, AlertPolicy
from threegrants.notifications.bodies import incident_bodies
from threegrants.notifications.limits import MAX_EVENT_BYTES
from threegrants.notifications.routing import reason_by_state, route_of
from threegrants.notifications.routing_fields import routing_fields
from threegrants.notifications.thread import NOBODY, Thread
from threegrants.report import Report

EVENT_SCHEMA = "threegrants.incident/1"
SOURCE = "threegrants"
"""Nobody can put events under a source that begins with `aws.`, and rules on those do not match ours."""
DETAIL_TYPE = "threegrants.incident"
ENDED = "ended"
"""What the history calls it when a grant that has ended is taken back, wherever the incident goes."""
_MAX_DETAIL_CHARACTERS = 4_000

_REASONS: Mapping[State, AlertReason] = {
    State.PROPOSED: AlertReason.PROPOSED,
    State.APPLYING: AlertReason.APPLYING,
    State.VERIFIED: AlertReason.VERIFIED,
    State.FAILED: AlertReason.FAILED,
    State.STUCK: AlertReason.STUCK,
    State.REJECTED: AlertReason.REJECTED,
    State.ROLLING_BACK: AlertReason.ROLLING_BACK,
    State.ROLLED_BACK: AlertReason.ROLLED_BACK,
    State.RESOLVED: AlertReason.RESOLVED,
}

_BY_WHAT: Mapping[str, AlertReason] = {
    ACKNOWLEDGED: AlertReason.ACKNOWLEDGED,
    ASSIGNED: AlertReason.ASSIGNED,
    "snoozed": AlertReason.SNOOZED,
    "muted": AlertReason.SNOOZED,
    REMINDED: AlertReason.REMINDER,
}
"""What people said, and what they were reminded of: the state stays."""
EVERY_BODY = ("pagerduty", "slack", "teams")
"""The channels for which an event has a body."""


def reason_of(event: StateEvent) -> AlertReason:
    """What an event tells: what people said, else the state that the incident went to.

    Open and the same state are `changed`.
    """
    if event.before == event.after and event.what in _BY_WHAT:
        return _BY_WHAT[event.what]
    after = State(event.after)
    if event.what == ENDED:
        return AlertReason.ENDED
    if after is State.OPEN:
        return AlertReason.CHANGED if event.before else AlertReason.OPENED
    return AlertReason.CHANGED if event.before == event.after else _REASONS[after]


def event_detail(
    event: StateEvent,
    incident: Incident,
    report: Report,
    stack: str,
    policy: AlertPolicy = NOTHING_DECIDED,
    thread: Thread = NOBODY,
) -> str:
    """The event's detail as JSON of at most 250,000 bytes of UTF-8.

    Args:
        event: the change.
        incident: the incident as it is now.
        report: its report.
        stack: the stack's name, for the commands.
        policy: what the operator decided about alerts.
        thread: what people have said and done.
    """
    reason = reason_of(event)
    note = strip_lines(event.detail[:_MAX_DETAIL_CHARACTERS])
    why = f"Why: {strip_lines(event.reason)}" if event.reason else ""
    said = " ".join(filter(None, (note, why)))
    told = f"{event.actor}: {said}" if event.actor != "service" and said else said
    # A reminder goes where the alert went that it reminds of.
    routed = reason_by_state(incident.state) if reason is AlertReason.REMINDER else reason
    route = route_of(report, routed, policy)
    detail: dict[str, Any] = {
        "schema": EVENT_SCHEMA,
        "id": event.id,
        "at": event.at,
        "stack": stack,
        "incident": {
            "id": incident.id,
            "count": incident.count,
            "first_seen": incident.first_seen,
            "last_seen": incident.last_seen,
            "replayed": incident.replayed,
        },
        "state": {"from": event.before or None, "to": event.after},
        "what": event.what,
        "actor": strip_control_characters(event.actor),
        "note": note,
        "digests": list(event.digests),
        "reason": strip_lines(event.reason),
        "ticket": strip_control_characters(event.ticket),
        "people": {
            "acknowledged_by": strip_control_characters(thread.acknowledged_by) or None,
            "assigned_to": strip_control_characters(thread.assigned_to) or None,
        },
        "routes": list(route.rules),
        "channels": list(route.channels),
        "for": list(EVERY_BODY),
        "alert": routing_fields(report, reason, route.severity),
        **incident_bodies(report, stack, reason, told, policy, thread, route),
    }
    short = report.without_policy_texts().without_snippets()
    for shown in (short, None):
        written = _encodable({**detail, "report": shown.to_json() if shown else None})
        if len(written.encode()) <= MAX_EVENT_BYTES:
            break
    return written


def sample_event_detail(
    event_id: str,
    report: Report,
    actor: str,
    stack: str,
    bodies: Sequence[str],
    policy: AlertPolicy = NOTHING_DECIDED,
) -> str:
    """The detail of the event by which a person tries out channels: of an incident that there is not.

    Args:
        event_id: the event's id.
        report: the report of the test.
        actor: the ARN of who asked for it.
        stack: the stack's name.
        bodies: the channels that are tried out, of `EVERY_BODY`.
        policy: what the operator decided about alerts. Every channel that it names gets the test.
    """
    reason, request = AlertReason.TEST, report.request
    usual = route_of(report, reason)
    channels = dict.fromkeys((DEFAULT, *(name for one in policy.routes for name in one.channels)))
    seen = request.first_seen or ""
    return _encodable(
        {
            "schema": EVENT_SCHEMA,
            "id": event_id,
            "at": seen,
            "stack": stack,
            "incident": {
                "id": report.id,
                "count": request.count,
                "first_seen": seen,
                "last_seen": seen,
                "replayed": False,
            },
            "state": {"from": None, "to": State.OPEN.value},
            "what": reason.value,
            "actor": strip_control_characters(actor),
            "note": "",
            "digests": [],
            "reason": "",
            "ticket": "",
            "people": {"acknowledged_by": None, "assigned_to": None},
            "routes": [],
            "channels": list(channels),
            "for": list(bodies),
            "alert": routing_fields(report, reason, usual.severity),
            **incident_bodies(report, stack, reason, "", policy, route=usual),
            "report": report.to_json(),
        }
    )


def _encodable(value: Mapping[str, Any]) -> str:
    """A value as JSON that UTF-8 can hold."""
    return json.dumps(value, ensure_ascii=False).encode(errors="replace").decode()
