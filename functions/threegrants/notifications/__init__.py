"""One alert for one change: a payload for each protocol, published once.

In: a `Report`. Out: an SNS message that a pager, a mailbox and a program can read.
"""

from threegrants.notifications.bodies import incident_bodies
from threegrants.notifications.caller_limits import CallerLimits
from threegrants.notifications.due_alerts import DueAlerts
from threegrants.notifications.limit_alert import limit_alert
from threegrants.notifications.payload import CERTAINTY_TEXT, REPLAYED_NOTE, Alert, build_alert
from threegrants.notifications.publish import publish
from threegrants.notifications.send_events import IncidentEvents

__all__ = [
    "CERTAINTY_TEXT",
    "REPLAYED_NOTE",
    "Alert",
    "CallerLimits",
    "DueAlerts",
    "IncidentEvents",
    "build_alert",
    "incident_bodies",
    "limit_alert",
    "publish",
]
