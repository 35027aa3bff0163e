"""The EventBridge event about one change of an incident (`threegrants.incident/1`); pure.

`schema/incident.schema.json` describes its detail. The bodies for Slack, Teams and PagerDuty are in it, so
that a rule needs no transformer: its target takes `$.detail.slack` (`templates/webhooks.yaml`).

Sources: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html (at least once)
"""

import json
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from threegrants.cloudtrail import strip_control_characters, strip_lines
from threegrants.incidents import AlertReason, Incident, State
from threegrants.incidents.state_events import StateEvent
from threegrants.notifications.bodies import incident_bodies
from threegrants.notifications.limits import MAX_EVENT_BYTES
from threegrants.notifications.routing_fields import routing_fields
from threegrants.notifications.severity import severity_of
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


def reason_of(event: StateEvent) -> AlertReason:
    """What an event tells: by the state that the incident went to; open and the same state are `changed`."""
    after = State(event.after)
    if event.what == ENDED:
        return AlertReason.ENDED
    if after is State.OPEN:
        return AlertReason.CHANGED if event.before else AlertReason.OPENED
    return AlertReason.CHANGED if event.before == event.after else _REASONS[after]


def event_detail(
    event: StateEvent, incident: Incident, report: Report, stack: str, zone: tzinfo | None = None
) -> str:
    """The event's detail as JSON of at most 250,000 bytes of UTF-8.

    Args:
        event: the change.
        incident: the incident as it is now.
        report: its report.
        stack: the stack's name, for the commands.
        zone: the people's time zone, beside UTC.
    """
    reason = reason_of(event)
    note = strip_lines(event.detail[:_MAX_DETAIL_CHARACTERS])
    why = f"Why: {strip_lines(event.reason)}" if event.reason else ""
    said = " ".join(filter(None, (note, why)))
    told = f"{event.actor}: {said}" if event.actor != "service" and said else said
    severity = severity_of(reason, report.outcome, report.request.count)
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
        "alert": routing_fields(report, reason, severity),
        **incident_bodies(report, stack, reason, told, zone),
    }
    short = report.without_policy_texts().without_snippets()
    for shown in (short, None):
        written = _encodable({**detail, "report": shown.to_json() if shown else None})
        if len(written.encode()) <= MAX_EVENT_BYTES:
            break
    return written


def _encodable(value: Mapping[str, Any]) -> str:
    """A value as JSON that UTF-8 can hold."""
    return json.dumps(value, ensure_ascii=False).encode(errors="replace").decode()
