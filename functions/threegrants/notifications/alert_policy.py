"""`AlertPolicy`: what operators decide about alerts: where they go, how grave they are, when people are reminded; pure.

The configuration's sections `alerts`, `severity` and `routing` (docs/configuration.md, docs/alerts.md).
"""

from dataclasses import dataclass
from datetime import tzinfo
from fnmatch import fnmatchcase
from zoneinfo import ZoneInfo

from threegrants.cloudtrail import Access
from threegrants.diagnosis import Outcome
from threegrants.incidents import AlertReason
from threegrants.incidents.snoozes import DEFAULT_MAX_HOURS
from threegrants.notifications.severity import Severity
from threegrants.report import Report

DEFAULT = "default"
"""The stack's own topic, and the channel of alerts that no rule gives to another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertMatch:
    """Which alerts a rule is for: everything that it names must fit. Naming nothing, it fits every alert.

    Patterns are `fnmatch`'s, with `*` and `?`; case counts. What is not known fits no pattern.

    Args:
        owners: accounts of buckets; one has to be the bucket's.
        callers: accounts of callers; one has to be the caller's.
        buckets: patterns of bucket names; one has to fit.
        tags: names of tags of the bucket with a pattern of their values; all have to fit.
        access: kinds of access.
        outcomes: outcomes.
        causes: patterns of causes such as `blocked.*` (docs/causes.md); one has to fit one of the causes.
        reasons: why the alert is sent.
        severities: how grave it is by the rules of severity.
        least_count: from how many denied calls on.
    """

    owners: tuple[str, ...] = ()
    callers: tuple[str, ...] = ()
    buckets: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    access: tuple[Access, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    causes: tuple[str, ...] = ()
    reasons: tuple[AlertReason, ...] = ()
    severities: tuple[Severity, ...] = ()
    least_count: int = 0

    def fits(self, report: Report, reason: AlertReason, severity: Severity) -> bool:
        """Whether an alert is one of these.

        Args:
            report: the incident's report.
            reason: why the alert is sent.
            severity: how grave it is.
        """
        request = report.request
        named = (
            (self.owners, request.bucket_account),
            (self.callers, report.principal.account),
            (self.access, request.access),
            (self.outcomes, report.outcome),
            (self.reasons, reason),
            (self.severities, severity),
        )
        if any(wanted and found not in wanted for wanted, found in named):
            return False
        if self.buckets and not _one_fits(self.buckets, (request.bucket or "",)):
            return False
        if self.causes and not _one_fits(self.causes, report.causes):
            return False
        tags = request.bucket_tags
        if any(
            name not in tags or not fnmatchcase(tags[name], wanted) for name, wanted in self.tags
        ):
            return False
        return request.count >= self.least_count


def _one_fits(patterns: tuple[str, ...], names: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names if name)


@dataclass(frozen=True, slots=True)
class SeverityRule:
    """How grave some alerts are; of several rules that fit, the first counts."""

    when: AlertMatch
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingRule:
    """Where some alerts go. The first rule that fits counts, and the next ones too if it says so.

    Args:
        name: what alerts call it.
        when: which alerts it is for.
        topics: ARNs of SNS topics, or `default` for the stack's own.
        channels: names by which rules of EventBridge choose.
        severity: how grave they are; None leaves it.
        goes_on: whether the rules after it are asked too.
    """

    name: str
    when: AlertMatch = AlertMatch()
    topics: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    severity: Severity | None = None
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class ReminderPolicy:
    """When people are reminded of what nobody has acknowledged.

    Args:
        after_minutes: after how many minutes first; 0 for never.
        every_minutes: how many minutes later again, and again.
        least: how grave it must be.
    """

    after_minutes: int = 0
    every_minutes: int = 240
    least: Severity = Severity.WARNING

    def wants(self, severity: Severity) -> bool:
        """Whether people are reminded of what is as grave as this."""
        return bool(self.after_minutes) and severity.is_at_least(self.least)


@dataclass(frozen=True, slots=True)
class DigestPolicy:
    """When the daily digest is sent.

    Args:
        hour: from which hour on, 0 to 23, in the configured time zone.
        when_empty: whether it is sent too if nothing is open.
    """

    hour: int
    when_empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPolicy:
    """What operators decide about alerts.

    Args:
        time_zone: the people's time zone, an IANA name; empty for UTC alone.
        severities: how grave alerts are, the first rule that fits first; what fits none is as
            `severity_of` says.
        routes: where alerts go, in this order; what fits none goes to the stack's own topic.
        reminders: when people are reminded.
        digest: when the daily digest is sent; None for never.
        max_snooze_hours: the longest snooze of a bucket or a principal.
        page: the address of the approval page; empty if there is none.
    """

    time_zone: str = ""
    severities: tuple[SeverityRule, ...] = ()
    routes: tuple[RoutingRule, ...] = ()
    reminders: ReminderPolicy = ReminderPolicy()
    digest: DigestPolicy | None = None
    max_snooze_hours: int = DEFAULT_MAX_HOURS
    page: str = ""

    @property
    def zone(self) -> tzinfo | None:
        """The people's time zone; None for UTC alone.

        Raises:
            ZoneInfoNotFoundError: if there is none of this name (the configuration was checked for it).
        """
        return ZoneInfo(self.time_zone) if self.time_zone else None

    @property
    def tag_names(self) -> frozenset[str]:
        """The names of the tags that rules ask for: these alone are kept in reports."""
        matches = (*(one.when for one in self.severities), *(one.when for one in self.routes))
        return frozenset(name for match in matches for name, _ in match.tags)

    @property
    def topics(self) -> tuple[str, ...]:
        """Every topic that rules name, the stack's own first, each once."""
        named = (topic for rule in self.routes for topic in rule.topics)
        return tuple(dict.fromkeys((DEFAULT, *named)))


NOTHING_DECIDED = AlertPolicy()
"""All alerts to the stack's own topic, no reminders, no digest, UTC."""
