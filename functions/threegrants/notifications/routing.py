"""Where an alert goes, and how grave it is: the operator's rules on one report; pure.

As in Alertmanager's routing tree the first rule that fits counts, and the ones after it too if it says
`continue` (https://prometheus.io/docs/alerting/latest/configuration/#route). Whoever made the denied call
chose much of what rules look at. So no rule can make an alert disappear: what fits none goes to the
stack's own topic, and what is about a change of this service goes there whatever the rules say.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from threegrants.incidents import AlertReason, State
from threegrants.notifications.alert_policy import (
    DEFAULT,
    NOTHING_DECIDED,
    AlertPolicy,
    RoutingRule,
)
from threegrants.notifications.severity import Severity, severity_of
from threegrants.notifications.wording import OWN_TROUBLE
from threegrants.report import Report


@dataclass(frozen=True, slots=True)
class Route:
    """Where one alert goes.

    Args:
        severity: how grave it is.
        topics: ARNs of SNS topics, or `default` for the stack's own; at least one.
        channels: names by which rules of EventBridge choose; at least one.
        rules: the names of the rules that fit.
    """

    severity: Severity
    topics: tuple[str, ...] = (DEFAULT,)
    channels: tuple[str, ...] = (DEFAULT,)
    rules: tuple[str, ...] = ()


def route_of(report: Report, reason: AlertReason, policy: AlertPolicy = NOTHING_DECIDED) -> Route:
    """Where an alert goes by the operator's rules.

    Args:
        report: the incident's report.
        reason: why the alert is sent.
        policy: what the operator decided.
    """
    usual = severity_of(reason, report.outcome, report.request.count)
    severity = next(
        (one.severity for one in policy.severities if one.when.fits(report, reason, usual)), usual
    )
    severity = _not_belittled(severity, usual, reason)
    rules = _fitting(report, reason, severity, policy)
    said = next((one.severity for one in rules if one.severity), severity)
    default = (DEFAULT,) if reason in OWN_TROUBLE else ()
    topics = dict.fromkeys((*default, *(topic for one in rules for topic in one.topics)))
    channels = dict.fromkeys((*default, *(name for one in rules for name in one.channels)))
    return Route(
        _not_belittled(said, usual, reason),
        tuple(topics) or (DEFAULT,),
        tuple(channels) or (DEFAULT,),
        tuple(one.name for one in rules),
    )


_BY_STATE: Mapping[State, AlertReason] = {
    State.FAILED: AlertReason.FAILED,
    State.STUCK: AlertReason.STUCK,
    State.PROPOSED: AlertReason.PROPOSED,
}


def reason_by_state(state: State) -> AlertReason:
    """By which reason a reminder, or an entry of the digest, goes where it goes: that of its state.

    Args:
        state: where the incident stands.
    """
    return _BY_STATE.get(state, AlertReason.OPENED)


def _not_belittled(severity: Severity, usual: Severity, reason: AlertReason) -> Severity:
    """A severity; of an alert about a change of this service no lower one than is usual."""
    if reason in OWN_TROUBLE and not severity.is_at_least(usual):
        return usual
    return severity


def _fitting(
    report: Report, reason: AlertReason, severity: Severity, policy: AlertPolicy
) -> list[RoutingRule]:
    found: list[RoutingRule] = []
    for rule in policy.routes:
        if rule.when.fits(report, reason, severity):
            found.append(rule)
            if not rule.goes_on:
                break
    return found
