"""What a pager gets of an alert: PagerDuty's Events API v2, through an EventBridge API destination; pure.

The routing key is not ours to know: the EventBridge connection adds it to each request
(`templates/webhooks.yaml`). Source: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
"""

from typing import Any

from threegrants.notifications.content import AlertContent
from threegrants.notifications.limits import (
    MAX_DEDUP_KEY_CHARACTERS,
    MAX_PAGE_CHARACTERS,
)
from threegrants.notifications.neutralize import plain_line
from threegrants.notifications.severity import PagerAction, Severity
from threegrants.notifications.shorten import cut_line, cut_to_bytes
from threegrants.notifications.templating import rendered

_TEXT_BYTES = 30_000


def pagerduty_body(
    content: AlertContent,
    action: PagerAction,
    severity: Severity,
    routing: dict[str, str],
    at: str | None,
) -> dict[str, Any]:
    """An event of the Events API v2, without the routing key; the incident's id is the dedup key.

    Args:
        content: what the alert says.
        action: trigger, acknowledge or resolve.
        severity: how grave it is.
        routing: the routing fields.
        at: when the last call was denied, ISO 8601; None if not known.
    """
    title = f"[{content.status}] {content.who} -> {content.where}: {content.cause}"
    text = rendered("mail.txt.j2", content, plain_line)
    payload = {
        "summary": cut_line(plain_line(title), MAX_PAGE_CHARACTERS),
        "source": cut_line(plain_line(content.where), MAX_PAGE_CHARACTERS),
        "severity": severity.value,
        **({"timestamp": plain_line(at)} if at else {}),
        "component": cut_line(plain_line(content.who), MAX_PAGE_CHARACTERS),
        "group": routing["bucket_account"],
        "class": content.outcome.value,
        "custom_details": {**routing, "text": cut_to_bytes(text, _TEXT_BYTES)},
    }
    return {
        "event_action": action.value,
        "dedup_key": content.incident_id[:MAX_DEDUP_KEY_CHARACTERS],
        "client": "threegrants",
        "payload": payload,
    }
