"""`Configuration`: the configuration as a frozen value, and as JSON again. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from threegrants.cloudtrail import Access
from threegrants.configuration.alerts import alert_sections
from threegrants.incidents.hourly_limits import DEFAULT_LIMITS, HourlyLimit, HourlyLimits
from threegrants.notifications.alert_policy import NOTHING_DECIDED, AlertPolicy
from threegrants.remediation import StandingApproval
from threegrants.remediation.grant_hours import GrantHours
from threegrants.remediation.page_access import NOBODY, PageAccess
from threegrants.suppression import BY_DEFAULT, NeverDiagnoseRule

SCHEMA_ID = "threegrants.config/1"
"""What a document of this form calls itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What operators decide, and what may grow.

    Args:
        accounts_to_read: the accounts that may be read, and may own a bucket, beside the trusted ones.
        trusted_accounts: the accounts that may be written to, and whose principals may be granted
            something.
        protected_resources: names or ARNs that are never patched; `*` and `?` are wild.
        protecting_tags: tags (name and value) of what is never patched, beside our own.
        presets: the names of the presets of noise that make no incident.
        never_diagnose: callers and buckets that are never diagnosed.
        owner_tags: tags (`NAME` or `NAME=VALUE`) of what infrastructure code owns.
        four_eyes: kinds of access that two people have to approve.
        approval_hours: for how many hours an approval holds.
        patches_per_hour: the most patches in one clock hour.
        grant_hours: for how long approvals grant, by account and kind of access.
        hourly_limits: the most new incidents and alerts in one clock hour.
        alerts: where alerts go, how grave they are, when people are reminded.
        standing_approvals: what is applied without a person.
        page: who may do what on the approval page.
    """

    accounts_to_read: tuple[str, ...] = ()
    trusted_accounts: tuple[str, ...] = ()
    protected_resources: tuple[str, ...] = ()
    protecting_tags: tuple[tuple[str, str], ...] = ()
    presets: tuple[str, ...] = tuple(preset.name for preset in BY_DEFAULT)
    never_diagnose: tuple[NeverDiagnoseRule, ...] = ()
    owner_tags: tuple[str, ...] = ()
    four_eyes: frozenset[Access] = frozenset()
    approval_hours: int = 24
    patches_per_hour: int = 20
    grant_hours: tuple[GrantHours, ...] = ()
    hourly_limits: HourlyLimits = DEFAULT_LIMITS
    alerts: AlertPolicy = NOTHING_DECIDED
    standing_approvals: tuple[StandingApproval, ...] = ()
    page: PageAccess = NOBODY

    def to_json(self) -> dict[str, Any]:
        """The document, complete: what `parse_configuration` makes this value of."""
        return {
            "schema": SCHEMA_ID,
            "accounts": {
                "read": list(self.accounts_to_read),
                "trusted": list(self.trusted_accounts),
            },
            "protected": {
                "resources": list(self.protected_resources),
                "tags": dict(self.protecting_tags),
            },
            "suppress": list(self.presets),
            "never_diagnose": [f"{rule.field}={rule.pattern}" for rule in self.never_diagnose],
            "owner_tags": list(self.owner_tags),
            "limits": {
                "four_eyes_access": sorted(self.four_eyes),
                "approval_hours": self.approval_hours,
                "patches_per_hour": self.patches_per_hour,
                "grant_hours": [_hours(rule) for rule in self.grant_hours],
                "new_incidents_per_hour": _limit(self.hourly_limits.incidents),
                "alerts_per_hour": _limit(self.hourly_limits.alerts),
            },
            **alert_sections(self.alerts),
            "standing_approvals": [_approval(one) for one in self.standing_approvals],
            "page": _page(self.page),
        }


def _limit(limit: HourlyLimit) -> dict[str, int]:
    return {
        "principal": limit.principal,
        "account": limit.account,
        "everyone": limit.everyone,
    }


def _page(page: PageAccess) -> dict[str, Any]:
    return {
        "viewers": sorted(page.viewers),
        "approvers": [
            {
                "group": right.group,
                "accounts": sorted(right.accounts),
                "access": sorted(right.access),
            }
            for right in page.approvers
        ],
        "break_glass": sorted(page.break_glass),
        "person_claims": list(page.person_claims),
        "must_be_told": sorted(page.must_be_told),
    }


def _hours(rule: GrantHours) -> dict[str, Any]:
    said: dict[str, Any] = {
        "accounts": sorted(rule.accounts),
        "access": sorted(rule.access),
        "default": rule.default,
    }
    found = {name: value for name, value in said.items() if value}
    return found | {"longest": rule.longest, "until_revoked": rule.until_revoked}


def _approval(approval: StandingApproval) -> dict[str, Any]:
    return {
        "name": approval.name,
        "owner": approval.owner,
        "principals": sorted(approval.principals),
        "bucket": approval.bucket,
        "prefix": approval.prefix,
        "keys": sorted(approval.keys),
        "actions": sorted(approval.actions),
        **({"hours": approval.hours} if approval.hours else {}),
        "starts": datetime.fromtimestamp(approval.starts, UTC).isoformat(),
        "expires": datetime.fromtimestamp(approval.expires, UTC).isoformat(),
    }
