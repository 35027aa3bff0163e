"""What is wrong with an installation: every check in order, and what could not be looked at. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from threegrants.doctor import alert_checks, kinds, record_checks, service_checks, trust_checks
from threegrants.doctor.finding import Finding, Severity
from threegrants.doctor.installation import Account, Installation
from threegrants.evidence.snapshot import Read, Unread


def unread(live: Installation) -> Iterator[Finding]:
    """What could not be read, told once for each reason and account, with the permission that is lacking."""
    parts: dict[tuple[str | None, str, str], list[str]] = {}
    for account, path, item in _unread_in(live, None, ""):
        names = parts.setdefault((account, item.why, item.needs), [])
        names.append(path)
    for (account, why, needs), names in parts.items():
        what = f"{', '.join(dict.fromkeys(names))} not read: {why}"
        yield kinds.UNREAD.found(what, account or live.account, fix=f"Needed: {needs}")


def _unread_in(
    value: Any, account: str | None, path: str
) -> Iterator[tuple[str | None, str, Unread]]:
    if isinstance(value, Unread):
        yield account, path, value
    elif isinstance(value, Read):
        yield from _unread_in(value.value, account, path)
    elif isinstance(value, tuple):
        for one in value:
            yield from _unread_in(one, account, path)
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _unread_in(one, account, f"{path} {name}")
    elif is_dataclass(value):
        if isinstance(value, Account):
            account, path = value.id, ""
        else:
            named = getattr(value, "logical_id", "") or getattr(value, "name", "")
            path = f"{path} {named}".strip()
        for one in fields(value):
            below = f"{path} {one.name.replace('_', ' ')}".strip()
            yield from _unread_in(getattr(value, one.name), account, below)


CHECKS: tuple[Callable[[Installation], Iterator[Finding]], ...] = (
    service_checks.configuration,
    service_checks.readers,
    service_checks.writers,
    trust_checks.trusts,
    record_checks.trails,
    record_checks.buckets,
    record_checks.own_rules,
    record_checks.forwarders,
    record_checks.bus,
    record_checks.clocks,
    service_checks.functions,
    service_checks.queues,
    service_checks.sweep,
    service_checks.keys,
    alert_checks.subscriptions,
    alert_checks.deliveries,
    alert_checks.muted,
    alert_checks.alarms,
    unread,
)
"""All checks, in the order in which a record passes what they look at."""

_ORDER = tuple(Severity)


def findings(live: Installation) -> tuple[Finding, ...]:
    """Everything that is wrong, the worst first, otherwise in the order of the checks."""
    found = [one for check in CHECKS for one in check(live)]
    return tuple(sorted(found, key=lambda one: _ORDER.index(one.severity)))
