"""Breaking the glass: one person of a group that may approves alone where two are wanted. Pure.

It is loud and short: everybody is told, a reason is wanted, and the grant ends in four hours at most. It
never opens a key that only the denied call names: that takes two people, whoever they are.
"""

from collections.abc import Sequence
from http import HTTPStatus

from threegrants.incidents import AlertReason
from threegrants.patches import Patch
from threegrants.patches.grant_end import end_text
from threegrants.remediation.approval_request import ApprovalRequest
from threegrants.remediation.outbox import OutboxItem, OutboxTask
from threegrants.remediation.page_access import MAX_BREAK_GLASS_SECONDS
from threegrants.remediation.results import Refused
from threegrants.remediation.runs import Run
from threegrants.report import Report


def key_wants_two(report: Report, patches: Sequence[Patch]) -> bool:
    """Whether two people are wanted for a key that only the denied call names."""
    return report.is_fixable_by_two or any(patch.key_named_by_caller for patch in patches)


def seconds_alone(report: Report, patches: Sequence[Patch], request: ApprovalRequest) -> int:
    """For how many seconds one person may grant these patches alone.

    Args:
        report: the diagnosis report.
        patches: what is approved.
        request: what the person says with it.

    Raises:
        Refused: if it wants two people whatever happens, or the person does not say why.
    """
    if key_wants_two(report, patches):
        raise Refused(
            HTTPStatus.FORBIDDEN,
            f"only the denied call names the key {report.request.kms_key}: two people have to approve "
            "it, and nobody does it alone",
        )
    if not request.reason:
        raise Refused(
            HTTPStatus.BAD_REQUEST, "who approves alone where two are wanted has to say why"
        )
    return min(request.seconds or MAX_BREAK_GLASS_SECONDS, MAX_BREAK_GLASS_SECONDS)


def everybody_is_told(incident_id: str, run: Run, now: float) -> tuple[OutboxItem, ...]:
    """The alert that somebody has approved alone; nothing for another run.

    Args:
        incident_id: the incident.
        run: the run that begins.
        now: seconds since the epoch.
    """
    if not run.break_glass:
        return ()
    who, why = run.actors[-1], run.reasons[-1] if run.reasons else ""
    note = f"{who} approved alone until {end_text(run.ends_at)}, because: {why}"
    reason = AlertReason.BREAK_GLASS.value
    return (OutboxItem(OutboxTask.ALERT, incident_id, reason, int(now), note=note),)
