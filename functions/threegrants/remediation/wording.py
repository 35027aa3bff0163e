"""What people are told of an approval and its end; pure."""

from dataclasses import replace

from threegrants.patches.grant_end import end_text
from threegrants.remediation.approval_request import UNTIL_REVOKED, duration_text
from threegrants.remediation.first_approval import Approval
from threegrants.remediation.runs import Asked, Run


def end_words(run: Run) -> str:
    """When a grant ends, as a sentence; empty if it has no end."""
    return f"It ends at {end_text(run.ends_at)}." if run.ends_at else ""


def until_words(run: Run) -> str:
    """The same inside a sentence."""
    return f" until {end_text(run.ends_at)}" if run.ends_at else ""


def lasting(seconds: int) -> str:
    """For how long, at the end of a sentence; empty for without an end."""
    return "" if seconds == UNTIL_REVOKED else f", for {duration_text(seconds)}"


def first_approval_note(approval: Approval) -> str:
    """The alert's text about the first of two approvals."""
    what = ", ".join(approval.digests) if not approval.extends else "that it ends later"
    why = f" Why: {approval.reason}." if approval.reason else ""
    ticket = f" Ticket: {approval.ticket}." if approval.ticket else ""
    return f"{approval.approver} approved {what}{lasting(approval.seconds)}.{why}{ticket}"


def said_by_both(first: Approval, second: Asked) -> Asked:
    """What two people said, as one.

    Args:
        first: the first of two approvals.
        second: what the second person said.
    """
    tickets = dict.fromkeys(filter(None, (first.ticket, second.ticket)))
    return replace(second, reasons=(first.reason, *second.reasons), ticket=", ".join(tickets))
