"""Alerts that are due: sent, and marked after each went out."""

from collections.abc import Callable

from threegrants.remediation.outbox import Outbox, OutboxTask

Alert = Callable[[str, str, str], None]
"""Sends an alert: incident, reason, note."""


def send_due_alerts(
    outbox: Outbox, alert: Alert, now: float, incident_id: str | None = None
) -> int:
    """Send the alerts that are due; how many were sent. One that cannot be sent holds up no other.

    Args:
        outbox: the outbox of alerts.
        alert: sends an alert.
        now: seconds since the epoch.
        incident_id: only those of this incident; None for all.

    Raises:
        Exception: what went wrong with the first that could not be sent; it stays due.
    """
    sent, first_error = 0, None
    for item in outbox.due(now):
        if item.task is not OutboxTask.ALERT or incident_id not in (None, item.incident):
            continue
        try:
            alert(item.incident, item.subject, item.note)
            outbox.mark_done(item)
        except Exception as error:  # noqa: BLE001 - raised when the others are done
            first_error = first_error or error
        else:
            sent += 1
    if first_error is not None:
        raise first_error
    return sent
