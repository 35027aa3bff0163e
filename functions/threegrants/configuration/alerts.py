"""The sections of a configuration that are about alerts: `alerts`, `severity` and `routing`. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from threegrants.cloudtrail import Access
from threegrants.configuration.problem import Problem
from threegrants.configuration.schema import resolved, schema, violations
from threegrants.diagnosis import Outcome
from threegrants.incidents import AlertReason
from threegrants.notifications.alert_policy import (
    NOTHING_DECIDED,
    AlertMatch,
    AlertPolicy,
    DigestPolicy,
    ReminderPolicy,
    RoutingRule,
    SeverityRule,
)
from threegrants.notifications.severity import Severity


def alert_policy(document: Mapping[str, Any]) -> AlertPolicy:
    """What a valid document decides about alerts."""
    alerts = document.get("alerts", {})
    digest = alerts.get("digest")
    return AlertPolicy(
        time_zone=alerts.get("time_zone", NOTHING_DECIDED.time_zone),
        severities=tuple(
            SeverityRule(_match(one["when"]), Severity(one["severity"]))
            for one in document.get("severity", ())
        ),
        routes=tuple(map(_route, document.get("routing", ()))),
        reminders=_reminders(alerts.get("reminders")),
        digest=DigestPolicy(digest["hour"], digest.get("when_empty", False)) if digest else None,
        max_snooze_hours=alerts.get("max_snooze_hours", NOTHING_DECIDED.max_snooze_hours),
    )


def alert_problems(document: Mapping[str, Any]) -> Iterator[Problem]:
    """What the schema cannot say of these sections. Nothing is said of a part that does not keep to it."""
    rules = schema()["properties"]
    alerts = document.get("alerts", {})
    if not any(violations(alerts, resolved(rules["alerts"]))):
        yield from _zone(alerts.get("time_zone", ""))
    routing = document.get("routing", ())
    first: dict[str, str] = {}
    for at, one in enumerate(routing if isinstance(routing, list) else ()):
        path = f"$.routing[{at}]"
        if any(violations(one, resolved(rules["routing"]["items"]))):
            continue
        if (before := first.setdefault(one["name"], path)) != path:
            yield Problem(f"{path}.name", f"is also the name of {before}", "give each its own name")
        if not {"topics", "channels", "severity"} & one.keys():
            fix = 'add topics, channels or a severity; a rule to the stack\'s own topic has topics ["default"]'
            yield Problem(path, "decides nothing", fix)
        if not one.get("when") and not one.get("continue") and at < len(routing) - 1:
            fix = "put it last, or say which alerts it is for"
            yield Problem(path, "fits every alert, so that no rule after it is ever asked", fix)


def _zone(name: str) -> Iterator[Problem]:
    try:
        if name:
            ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        fix = "write an IANA name, such as Europe/Berlin or America/New_York"
        yield Problem("$.alerts.time_zone", f"is {json.dumps(name)}, and no time zone", fix)


def _reminders(found: Mapping[str, Any] | None) -> ReminderPolicy:
    default = ReminderPolicy()
    if found is None:
        return default
    return ReminderPolicy(
        found["after_minutes"],
        found.get("every_minutes", default.every_minutes),
        Severity(found.get("from_severity", default.least)),
    )


def _route(found: Mapping[str, Any]) -> RoutingRule:
    severity = found.get("severity")
    return RoutingRule(
        name=found["name"],
        when=_match(found.get("when", {})),
        topics=tuple(found.get("topics", ())),
        channels=tuple(found.get("channels", ())),
        severity=Severity(severity) if severity else None,
        goes_on=found.get("continue", False),
    )


def _match(found: Mapping[str, Any]) -> AlertMatch:
    return AlertMatch(
        owners=tuple(found.get("owner", ())),
        callers=tuple(found.get("caller", ())),
        buckets=tuple(found.get("bucket", ())),
        tags=tuple(found.get("tags", {}).items()),
        access=tuple(map(Access, found.get("access", ()))),
        outcomes=tuple(map(Outcome, found.get("outcome", ()))),
        causes=tuple(found.get("cause", ())),
        reasons=tuple(map(AlertReason, found.get("reason", ()))),
        severities=tuple(map(Severity, found.get("severity", ()))),
        least_count=found.get("count", 0),
    )


def alert_sections(policy: AlertPolicy) -> dict[str, Any]:
    """The sections, complete: what `alert_policy` makes this value of."""
    reminders, digest = policy.reminders, policy.digest
    alerts: dict[str, Any] = {
        "time_zone": policy.time_zone,
        "max_snooze_hours": policy.max_snooze_hours,
    }
    if reminders.after_minutes:
        alerts["reminders"] = {
            "after_minutes": reminders.after_minutes,
            "every_minutes": reminders.every_minutes,
            "from_severity": reminders.least.value,
        }
    if digest:
        alerts["digest"] = {"hour": digest.hour, "when_empty": digest.when_empty}
    return {
        "alerts": alerts,
        "severity": [
            {"when": _matching(one.when), "severity": one.severity.value}
            for one in policy.severities
        ],
        "routing": [_routing(one) for one in policy.routes],
    }


def _routing(rule: RoutingRule) -> dict[str, Any]:
    found = {
        "name": rule.name,
        "when": _matching(rule.when),
        "topics": list(rule.topics),
        "channels": list(rule.channels),
        "severity": rule.severity.value if rule.severity else None,
        "continue": rule.goes_on,
    }
    return {name: value for name, value in found.items() if value not in (None, [], False, {})}


def _matching(match: AlertMatch) -> dict[str, Any]:
    found = {
        "owner": list(match.owners),
        "caller": list(match.callers),
        "bucket": list(match.buckets),
        "tags": dict(match.tags),
        "access": [one.value for one in match.access],
        "outcome": [one.value for one in match.outcomes],
        "cause": list(match.causes),
        "reason": [one.value for one in match.reasons],
        "severity": [one.value for one in match.severities],
        "count": match.least_count,
    }
    return {name: value for name, value in found.items() if value}
