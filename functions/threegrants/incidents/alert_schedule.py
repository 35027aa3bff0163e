"""When an alert about an incident is due. Pure.

An alert is due when a report says something new (`alert_due`, kept in the transaction that keeps the
report), and when the count reaches 10, 100, 1,000, … A mute holds it back; it is still due
afterwards. `IncidentLeases` notes what was sent.
"""

from threegrants.incidents.alert_reason import AlertReason
from threegrants.incidents.incident import Incident
from threegrants.incidents.states import ALERTED_BY_COUNT

FIRST_THRESHOLD = 10
"""The first count that is alerted by itself."""


def due_alert(incident: Incident) -> AlertReason | None:
    """Why an alert is due now: `OPENED`, `CHANGED` or `COUNT`; None if none is.

    A count that jumped over a threshold makes the alert due all the same.
    """
    if incident.diagnosis is None:
        return None
    if incident.alert_due:
        return AlertReason.CHANGED if incident.alerted_count else AlertReason.OPENED
    if incident.state not in ALERTED_BY_COUNT or not incident.alerted_count:
        return None
    reached = count_threshold(incident.count) > incident.alerted_count
    return AlertReason.COUNT if reached else None


def is_muted(incident: Incident, now: float) -> bool:
    """Whether alerts are held back at a time, in seconds since the epoch."""
    return incident.muted_until > now


def suppressed_alert(incident: Incident, reason: AlertReason) -> str:
    """The name of an alert that a mute holds back, so that it is noted once.

    Alerts about a count have one name a threshold, alerts about a report one name a report.
    """
    if reason is AlertReason.COUNT:
        return f"{reason} {count_threshold(incident.count)}"
    return f"{reason} {incident.alert_fingerprint}"


def alerted_count_after(incident: Incident) -> int:
    """What `alerted_count` is once the alert of an incident went out: at least 1."""
    return max(1, count_threshold(incident.count))


def count_threshold(count: int) -> int:
    """The highest threshold (10, 100, 1,000, …) up to a count; 0 below the first."""
    return 10 ** (len(str(count)) - 1) if count >= FIRST_THRESHOLD else 0
