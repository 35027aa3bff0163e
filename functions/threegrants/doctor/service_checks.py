"""Checks: is what arrives handled? Configuration, roles in the members, functions, queues, the sweep, keys. Pure."""

from collections.abc import Iterator, Mapping

from threegrants.configuration import problems_of
from threegrants.doctor import kinds
from threegrants.doctor.finding import Finding, Kind
from threegrants.doctor.installation import Entry, Installation
from threegrants.doctor.places import listed_accounts
from threegrants.doctor.trust_checks import distrust
from threegrants.evidence.snapshot import Item, Read

SWEEP = "SweepFunction"
"""What `template.yaml` calls the function that must run every five minutes."""
LATE_SECONDS = 3600
"""From when on a waiting message is late: a KMS record waits 15 minutes at most, a failed batch hides for six."""
_SHOWN = 3
_USABLE = ("Enabled", "Creating", "Updating")
"""States of a key: https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html"""


def configuration(live: Installation) -> Iterator[Finding]:
    """A valid configuration is deployed, and names accounts."""
    if not isinstance(live.configuration, Read):
        return
    text = live.configuration.value
    if not text:
        yield kinds.CONFIGURATION_MISSING.found("no configuration is deployed", live.account)
        return
    problems = problems_of(text)
    if problems:
        more = f" | and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        what = "the deployed configuration is not valid: " + " | ".join(map(str, problems[:_SHOWN]))
        yield kinds.CONFIGURATION_INVALID.found(what + more, live.account)
    elif not listed_accounts(live):
        yield kinds.NO_ACCOUNTS.found("the configuration names no account", live.account)


def readers(live: Installation) -> Iterator[Finding]:
    """The service can read each account; what its trust policy explains is said of that."""
    explained = distrust(live)
    for account, entry in _refused(live.readers):
        if (account, entry.role) not in explained:
            yield _entry(kinds.READER_REFUSED, account, entry)


def writers(live: Installation) -> Iterator[Finding]:
    """The service can write to each trusted account, unless a role is left out there."""
    explained = distrust(live)
    for account, entry in _refused(live.writers):
        if (account, entry.role) not in explained:
            yield _entry(kinds.WRITER_REFUSED, account, entry)
        elif explained[account, entry.role] is None:
            what = f"there is no role {entry.role} in trusted account {account}"
            yield kinds.WRITER_MISSING.found(what, account)


def _refused(found: Item[Mapping[str, tuple[Entry, ...]]]) -> Iterator[tuple[str, Entry]]:
    for account, entries in sorted((found.value_or_none or {}).items()):
        yield from ((account, one) for one in entries if one.refused)


def _entry(kind: Kind, account: str, entry: Entry) -> Finding:
    fix = f"{kind.fix} Needed: {entry.needs}." if entry.needs else ""
    return kind.found(f"{entry.role} in account {account}: {entry.refused}", account, fix=fix)


def functions(live: Installation) -> Iterator[Finding]:
    """The functions can run, are fed, and neither fail nor are throttled."""
    for one in live.functions:

        def of(kind: Kind, what: str, name: str = one.name) -> Finding:
            return kind.found(f"function {name} {what}", live.account, live.region)

        state = one.state.value_or_none
        if state not in (None, "Active", "Inactive", "Pending"):
            yield of(kinds.FUNCTION_DOWN, f"is in state {state}")
        if one.concurrency.value_or_none == 0:
            yield of(kinds.FUNCTION_DOWN, "may not run: its reserved concurrency is 0")
        for source in one.sources.value_or_none or ():
            if source.state.startswith("Disabl"):
                yield of(kinds.SOURCE_DISABLED, f"takes nothing from {source.queue_arn}")
        if errors := one.errors.value_or_none:
            yield of(kinds.FUNCTION_FAILS, f"failed {errors:g} time(s) in the last hour")
        if throttles := one.throttles.value_or_none:
            yield of(
                kinds.FUNCTION_THROTTLED, f"was throttled {throttles:g} time(s) in the last hour"
            )


def sweep(live: Installation) -> Iterator[Finding]:
    """The sweep runs every five minutes."""
    if live.schedule.value_or_none == "DISABLED":
        what = f"the schedule of the sweep of stack {live.stack} is disabled"
        yield kinds.SWEEP_STALE.found(what, live.account, live.region)
        return
    for one in live.functions:
        if one.logical_id == SWEEP and one.invocations.value_or_none == 0:
            what = f"function {one.name} has not run for half an hour"
            yield kinds.SWEEP_STALE.found(what, live.account, live.region)


def queues(live: Installation) -> Iterator[Finding]:
    """No message waits long, and none is a dead letter."""
    for one in live.queues:
        waiting, oldest = one.waiting.value_or_none, one.oldest_seconds.value_or_none
        if one.for_dead_letters:
            if waiting:
                what = f"{waiting} message(s) in {one.name}"
                yield kinds.DEAD_LETTERS.found(what, live.account, live.region)
        elif oldest is not None and oldest >= LATE_SECONDS:
            what = f"the oldest message of {one.name} waits for {int(oldest // 60)} minutes"
            yield kinds.QUEUE_LATE.found(what, live.account, live.region)


def keys(live: Installation) -> Iterator[Finding]:
    """The keys of the stack can be used."""
    for one in live.keys:
        state = one.state.value_or_none
        if state not in (None, *_USABLE):
            what = f"key {one.logical_id} of stack {live.stack} is {state}"
            yield kinds.KEY_UNUSABLE.found(what, live.account, live.region)
