"""Checks: do the records of denials arrive? Trails, rules, forwarders, the bus, and when each account was last heard of. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from threegrants.aws.arn import bucket_arn, partition_of
from threegrants.doctor import kinds
from threegrants.doctor.finding import Finding
from threegrants.doctor.installation import Installation, Rule, Trail
from threegrants.doctor.places import forwarder_regions, listed_accounts
from threegrants.doctor.trails import logs_kms_reads, logs_objects
from threegrants.evidence.snapshot import Read
from threegrants.iam import Effect, Policies, Policy, PolicyError, PolicyType, Request
from threegrants.iam import authorize_policy_type as answer_of

WITH_READS = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
"""The state of a rule that gets read-only management events too.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail-management.html
"""
DETAIL_TYPE = "AWS API Call via CloudTrail"
SOURCES = ("aws.s3", "aws.kms")
ERROR_CODES = ("AccessDenied", "AccessDeniedException", "VpceAccessDenied")
_HOUR = 3600


def trails(live: Installation) -> Iterator[Finding]:
    """Each account has a trail that logs, and one that logs denied reads of KMS."""
    for account in live.accounts:
        seen = account.trails.value_or_none
        if seen is None:
            continue
        if any(one.logging.value_or_none is None for one in seen):
            continue  # unread: said as such
        logging = [one for one in seen if one.logging.value_or_none]
        if not logging:
            names = ", ".join(one.name for one in seen)
            what = f"no trail logs in account {account.id}" + (f" (off: {names})" if names else "")
            yield kinds.NO_TRAIL.found(what, account.id)
            continue
        for region in sorted(
            forwarder_regions(account.bucket_regions, live.incidents, live.region)
        ):
            here = _of_region(logging, region)
            if not here:
                what = f"no trail of account {account.id} logs in {region}"
                yield kinds.NO_TRAIL.found(what, account.id, region)
            elif _none(here, logs_kms_reads):
                names = ", ".join(one.name for one in here)
                what = f"no trail of account {account.id} logs reads of KMS in {region} ({names})"
                yield kinds.KMS_NOT_LOGGED.found(what, account.id, region)


def buckets(live: Installation) -> Iterator[Finding]:
    """The trail of the owner of each bucket with an open incident logs its data events."""
    accounts = {one.id: one for one in live.accounts}
    wanted = {
        (one.owner, one.bucket, one.region or live.region)
        for one in live.incidents.value_or_none or ()
        if one.bucket and one.owner in accounts
    }
    for owner, bucket, region in sorted(wanted):
        seen = accounts[owner].trails.value_or_none
        if seen is None or any(one.logging.value_or_none is None for one in seen):
            continue
        here = _of_region([one for one in seen if one.logging.value_or_none], region)
        arn = bucket_arn(bucket, region)
        if here and _none(here, lambda selectors, arn=arn: logs_objects(selectors, arn)):
            what = f"no trail of account {owner} logs data events of bucket {bucket}"
            fix = (
                f"Add {arn}/ to ObjectArnPrefixes of templates/trail.yaml in account {owner}, or to "
                "the data events of the trail there."
            )
            yield kinds.BUCKET_NOT_LOGGED.found(what, owner, region, fix)


def _of_region(found: list[Trail], region: str) -> list[Trail]:
    return [one for one in found if one.all_regions or one.region == region]


def _none(found: list[Trail], logs: Any) -> bool:
    """Whether surely none of the trails logs it: what cannot be read may."""
    return all(isinstance(one.selectors, Read) and not logs(one.selectors.value) for one in found)


def own_rules(live: Installation) -> Iterator[Finding]:
    """The rules of the stack are there, enabled for reads, unchanged, and deliver."""
    for own in live.own_rules:
        if not isinstance(own.rule, Read):
            continue
        if own.rule.value is None:
            what = f"rule {own.logical_id} of stack {live.stack} is gone"
            yield kinds.RULE_MISSING.found(what, live.account, live.region)
            continue
        yield from _rule(own.rule.value, live.account, live.region)
        if not own.rule.value.targets:
            what = f"rule {own.rule.value.name} has no target"
            yield kinds.RULE_CHANGED.found(what, live.account, live.region)


def forwarders(live: Installation) -> Iterator[Finding]:
    """Each account has a forwarder in each Region from which records may come."""
    for account in live.accounts:
        for region, rules in sorted(account.forwarders.items()):
            if not isinstance(rules, Read):
                continue
            if not rules.value:
                what = f"account {account.id} sends nothing from {region}: no rule has {live.bus_arn} as its target"
                yield kinds.FORWARDER_MISSING.found(what, account.id, region)
                continue
            # One good rule is enough; without one, each says what is wrong with it.
            said = [list(_rule(rule, account.id, region)) for rule in rules.value]
            if all(said):
                yield from (one for ones in said for one in ones)


def _rule(rule: Rule, account: str, region: str) -> Iterator[Finding]:
    where = f"rule {rule.name} in account {account}, {region}"
    if rule.state == "DISABLED":
        yield kinds.RULE_DISABLED.found(f"{where}, is disabled", account, region)
    elif rule.state != WITH_READS:
        what = f"{where}, gets no read-only management events (state {rule.state})"
        yield kinds.RULE_WITHOUT_READS.found(what, account, region)
    lacking = _lacks(rule.pattern)
    if lacking:
        what = f"{where}, does not match {', '.join(lacking)}"
        yield kinds.RULE_CHANGED.found(what, account, region)
    if failed := rule.failed.value_or_none:
        what = f"{where}, failed to deliver {failed:g} time(s) in the last day"
        yield kinds.RULE_FAILS.found(what, account, region)


def _lacks(pattern: str) -> list[str]:
    """What of our denials an event pattern does not let through."""
    try:
        found = json.loads(pattern)
        codes = found.get("detail", {}).get("errorCode")
        wanted = [
            *((found.get("source"), one) for one in SOURCES),
            (found.get("detail-type"), DETAIL_TYPE),
            *((codes, one) for one in ERROR_CODES),
        ]
        return [value for values, value in wanted if values is not None and value not in values]
    except (ValueError, AttributeError, TypeError):
        return ["anything that is known: its pattern cannot be read"]


def bus(live: Installation) -> Iterator[Finding]:
    """The bus takes events of each account that is listed."""
    if not isinstance(live.bus_policy, Read):
        return
    try:
        policy = Policy.parse(live.bus_policy.value, "bus") if live.bus_policy.value else None
    except PolicyError as error:
        what = f"the policy of {live.bus_arn} cannot be read: {error}"
        yield kinds.BUS_CLOSED.found(what, live.account, live.region)
        return
    for account in listed_accounts(live):
        if account != live.account and not _admits(policy, account, live):
            what = f"{live.bus_arn} takes nothing from account {account}"
            yield kinds.BUS_CLOSED.found(what, account, live.region)


def _admits(policy: Policy | None, account: str, live: Installation) -> bool:
    """Whether a role of an account may send; an account of a stack with an organisation counts as of it."""
    context: Mapping[str, Any] = {
        "events:source": ["aws.s3"],
        "events:detail-type": DETAIL_TYPE,
        "aws:PrincipalAccount": account,
        **({"aws:PrincipalOrgID": live.organization} if live.organization else {}),
    }
    sender = f"arn:{partition_of(live.region)}:iam::{account}:role/forwarder"
    request = Request(sender, "events:PutEvents", live.bus_arn, live.account, context)
    answer = answer_of(request, PolicyType.RESOURCE, Policies(resource=policy))
    return policy is not None and answer.effect is Effect.ALLOW


def clocks(live: Installation) -> Iterator[Finding]:
    """Each account that sent records still does; each that is listed has sent some."""
    heard = live.heard.value_or_none
    if heard is None:
        return
    since = live.at - live.silent_after_hours * _HOUR
    for account, at in sorted(heard.items()):
        if live.silent_after_hours and at < since:
            hours = int((live.at - at) // _HOUR)
            what = f"the last record of account {account} came {hours} hours ago"
            yield kinds.ACCOUNT_SILENT.found(what, account)
    for account in listed_accounts(live):
        if account not in heard:
            what = f"no record of account {account} has ever come, or none for 60 days"
            yield kinds.ACCOUNT_NEVER_HEARD.found(what, account)
