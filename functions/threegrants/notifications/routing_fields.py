"""The fields by which an alert is routed, the same in every body that a program reads; pure.

SNS sends no message attributes with a message that has one text for each protocol
(https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html), so a subscription's filter
policy has to look at the body (`FilterPolicyScope: MessageBody`). All of them are strings.
"""

from threegrants.cloudtrail import strip_control_characters
from threegrants.incidents import AlertReason
from threegrants.notifications import wording
from threegrants.notifications.severity import Severity
from threegrants.report import Report

_MAX_CHARACTERS = 256


def routing_fields(report: Report, reason: AlertReason, severity: Severity) -> dict[str, str]:
    """Who, where, what and how grave, each a string of at most 256 characters.

    Args:
        report: the incident's report.
        reason: why the alert is sent.
        severity: how grave it is.
    """
    request = report.request
    found = {
        "incident_id": report.id,
        "reason": reason.value,
        "status": wording.STATUS[reason],
        "severity": severity.value,
        "outcome": report.outcome.value,
        "access": request.access.value,
        "bucket": request.bucket or "",
        "bucket_account": request.bucket_account or "",
        "principal": report.principal.name,
        "principal_account": report.principal.account or "",
        "region": request.region or "",
        "count": str(request.count),
    }
    return {name: strip_control_characters(text)[:_MAX_CHARACTERS] for name, text in found.items()}
