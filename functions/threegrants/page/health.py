"""What the page itself sees of the installation's health: alarms that are raised, accounts that fell silent.

It is a part of what `threegrants doctor` looks at, which also enters the accounts and so is no business of
a function that people reach over the internet.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from threegrants.configuration import Configuration
from threegrants.doctor import kinds
from threegrants.doctor.finding import Finding, Severity

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient

_HOUR = 3600
BESIDE = (
    "This page looks at alarms and at when accounts were last heard of. `threegrants doctor` also looks "
    "into the accounts: trails, rules, roles and trust policies."
)
"""What people should know of how far this goes."""


@dataclass(frozen=True, slots=True)
class Health:
    """What there is to know.

    Args:
        heard: the second since the epoch in which each account was last heard of.
        raised: the alarms that are raised, and why.
        silent_after_hours: after how many hours an account counts as silent; 0 for never.
    """

    heard: Mapping[str, int]
    raised: Mapping[str, str]
    silent_after_hours: int


def findings(health: Health, configuration: Configuration, now: float) -> tuple[Finding, ...]:
    """What is wrong, the worst first.

    Args:
        health: what was read.
        configuration: what operators decided.
        now: seconds since the epoch.
    """
    found = [*_raised(health), *_accounts(health, configuration, now)]
    order = list(Severity)
    return tuple(sorted(found, key=lambda finding: order.index(finding.severity)))


def raised_alarms(client: "CloudWatchClient", stack: str) -> dict[str, str]:
    """The alarms of the stack that are raised, and why.

    Args:
        client: the CloudWatch client.
        stack: the stack's name; CloudFormation begins its alarms' names with it.
    """
    pages = client.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=f"{stack}-", StateValue="ALARM"
    )
    return {
        alarm["AlarmName"]: alarm.get("AlarmDescription") or alarm.get("StateReason", "")
        for page in pages
        for alarm in page["MetricAlarms"]
    }


def _raised(health: Health) -> Iterator[Finding]:
    for name, why in sorted(health.raised.items()):
        yield kinds.ALARM_RAISED.found(f"{name}: {why}")


def _accounts(health: Health, configuration: Configuration, now: float) -> Iterator[Finding]:
    for account, at in sorted(health.heard.items()):
        hours = int((now - at) // _HOUR)
        if health.silent_after_hours and hours > health.silent_after_hours:
            what = f"the last record of account {account} came {hours} hours ago"
            yield kinds.ACCOUNT_SILENT.found(what, account)
    listed = (*configuration.accounts_to_read, *configuration.trusted_accounts)
    for account in dict.fromkeys(listed):
        if account not in health.heard:
            what = f"no record of account {account} has ever come, or none for 60 days"
            yield kinds.ACCOUNT_NEVER_HEARD.found(what, account)
    if not listed:
        yield kinds.NO_ACCOUNTS.found("the configuration names no account")
