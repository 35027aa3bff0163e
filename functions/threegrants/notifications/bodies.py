"""The bodies of one alert for the channels that EventBridge calls: Slack, Teams, PagerDuty; pure."""

from datetime import tzinfo
from typing import Any

from threegrants.cloudtrail import strip_lines
from threegrants.incidents import AlertReason
from threegrants.notifications.chat import slack_body, teams_body
from threegrants.notifications.content import content_of
from threegrants.notifications.pager import pagerduty_body
from threegrants.notifications.routing_fields import routing_fields
from threegrants.notifications.severity import pager_action, severity_of
from threegrants.report import Report

_MAX_NOTE_CHARACTERS = 4_000
"""Of a note in a chat: what it says first is what matters."""


def incident_bodies(
    report: Report,
    stack: str,
    reason: AlertReason,
    note: str = "",
    zone: tzinfo | None = None,
) -> dict[str, dict[str, Any]]:
    """The JSON bodies for `slack`, `teams` and `pagerduty`, each within its channel's limits.

    Args:
        report: the incident's report.
        stack: the stack's name, for the commands.
        reason: why the alert is sent.
        note: what happened, for people.
        zone: the people's time zone, beside UTC.
    """
    severity = severity_of(reason, report.outcome, report.request.count)
    routing = routing_fields(report, reason, severity)
    content = content_of(report, stack, reason, strip_lines(note[:_MAX_NOTE_CHARACTERS]), zone)
    action = pager_action(reason, report.outcome)
    return {
        "slack": slack_body(content),
        "teams": teams_body(content, severity),
        "pagerduty": pagerduty_body(content, action, severity, routing, report.request.last_seen),
    }
