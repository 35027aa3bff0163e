"""How grave an alert is, where no rule of the operator says another, and what it means to a pager; pure."""

from collections.abc import Mapping
from enum import StrEnum

from threegrants.diagnosis import Outcome
from threegrants.incidents import AlertReason

_MANY = 100
"""From so many denials on, an open incident is an error and not a warning."""


class Severity(StrEnum):
    """The severities of PagerDuty's Events API v2, which other channels translate; the gravest first."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    def is_at_least(self, other: "Severity") -> bool:
        """Whether it is as grave as another, or graver."""
        order = list(Severity)
        return order.index(self) <= order.index(other)


class PagerAction(StrEnum):
    """What a pager does with an incident."""

    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


_BY_REASON: Mapping[AlertReason, Severity] = {
    AlertReason.STUCK: Severity.CRITICAL,
    AlertReason.FORGED: Severity.CRITICAL,
    AlertReason.BREAK_GLASS: Severity.CRITICAL,
    AlertReason.OVERWRITTEN: Severity.CRITICAL,
    AlertReason.FAILED: Severity.ERROR,
    AlertReason.WINDOW: Severity.WARNING,
    AlertReason.TEST: Severity.WARNING,
    AlertReason.STANDING: Severity.INFO,
    AlertReason.VERIFIED: Severity.INFO,
    AlertReason.ROLLED_BACK: Severity.INFO,
    AlertReason.RESOLVED: Severity.INFO,
    AlertReason.REJECTED: Severity.INFO,
    AlertReason.APPLYING: Severity.INFO,
    AlertReason.ROLLING_BACK: Severity.INFO,
    AlertReason.ENDING: Severity.INFO,
    AlertReason.ENDED: Severity.INFO,
    AlertReason.ACKNOWLEDGED: Severity.INFO,
    AlertReason.ASSIGNED: Severity.INFO,
    AlertReason.SNOOZED: Severity.INFO,
}
_RESOLVES = frozenset(
    {AlertReason.VERIFIED, AlertReason.ROLLED_BACK, AlertReason.RESOLVED, AlertReason.REJECTED}
    | {AlertReason.ENDED}
)
_TAKEN = frozenset(
    {AlertReason.STANDING, AlertReason.PROPOSED, AlertReason.APPLYING, AlertReason.ROLLING_BACK}
    | {AlertReason.ENDING, AlertReason.ACKNOWLEDGED, AlertReason.SNOOZED}
)
"""Somebody is at it."""


def severity_of(reason: AlertReason, outcome: Outcome, count: int) -> Severity:
    """The severity of an alert, where no rule of the operator says another.

    Args:
        reason: why it is sent.
        outcome: the report's outcome.
        count: how many calls were denied.
    """
    if reason in _BY_REASON:
        return _BY_REASON[reason]
    if outcome is Outcome.ALREADY_ALLOWED:
        return Severity.INFO
    return Severity.ERROR if count >= _MANY else Severity.WARNING


def pager_action(reason: AlertReason, outcome: Outcome) -> PagerAction:
    """Whether a pager wakes somebody, is told that somebody is at it, or that it is over.

    Args:
        reason: why the alert is sent.
        outcome: the report's outcome.
    """
    if reason in _RESOLVES:
        return PagerAction.RESOLVE
    if reason is AlertReason.CHANGED and outcome is Outcome.ALREADY_ALLOWED:
        return PagerAction.RESOLVE
    return PagerAction.ACKNOWLEDGE if reason in _TAKEN else PagerAction.TRIGGER
