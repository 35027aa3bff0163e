"""The bodies of one alert for the channels that EventBridge calls: Slack, Teams, PagerDuty; pure."""

from typing import Any

from threegrants.cloudtrail import strip_lines
from threegrants.incidents import AlertReason
from threegrants.notifications.alert_policy import NOTHING_DECIDED, AlertPolicy
from threegrants.notifications.chat import slack_body, teams_body
from threegrants.notifications.content import content_of
from threegrants.notifications.pager import pagerduty_body
from threegrants.notifications.routing import Route, route_of
from threegrants.notifications.routing_fields import routing_fields
from threegrants.notifications.severity import pager_action
from threegrants.notifications.thread import NOBODY, Thread
from threegrants.report import Report

_MAX_NOTE_CHARACTERS = 4_000
"""Of a note in a chat: what it says first is what matters."""


def incident_bodies(
    report: Report,
    stack: str,
    reason: AlertReason,
    note: str = "",
    policy: AlertPolicy = NOTHING_DECIDED,
    thread: Thread = NOBODY,
    route: Route | None = None,
) -> dict[str, dict[str, Any]]:
    """The JSON bodies for `slack`, `teams` and `pagerduty`, each within its channel's limits.

    Args:
        report: the incident's report.
        stack: the stack's name, for the commands.
        reason: why the alert is sent.
        note: what happened, for people.
        policy: what the operator decided about alerts.
        thread: what people have said and done.
        route: where it goes; None for where the policy says.
    """
    severity = (route or route_of(report, reason, policy)).severity
    routing = routing_fields(report, reason, severity)
    told = strip_lines(note[:_MAX_NOTE_CHARACTERS])
    content = content_of(report, stack, reason, told, policy.zone, thread, policy.page)
    action = pager_action(reason, report.outcome)
    return {
        "slack": slack_body(content),
        "teams": teams_body(content, severity),
        "pagerduty": pagerduty_body(content, action, severity, routing, report.request.last_seen),
    }
