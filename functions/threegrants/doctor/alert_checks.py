"""Checks: is somebody told? Subscriptions, deliveries, muted incidents, alarms. Pure."""

from collections.abc import Iterator

from threegrants.doctor import kinds
from threegrants.doctor.finding import Finding
from threegrants.doctor.installation import Installation

_SHOWN = 10


def subscriptions(live: Installation) -> Iterator[Finding]:
    """Somebody gets the alerts."""
    found = live.subscriptions.value_or_none
    if found is None:
        return
    if not any(one.confirmed for one in found):
        what = f"nobody has a confirmed subscription to the alerts of stack {live.stack}"
        yield kinds.NOBODY_TOLD.found(what, live.account, live.region)
    for one in found:
        if not one.confirmed:
            what = f"a subscription by {one.protocol} is not confirmed"
            yield kinds.SUBSCRIPTION_PENDING.found(what, live.account, live.region)


def deliveries(live: Installation) -> Iterator[Finding]:
    """No alert failed to arrive."""
    if failed := live.failed_alerts.value_or_none:
        what = f"SNS could not deliver {failed:g} alert(s) in the last day"
        yield kinds.ALERTS_FAIL.found(what, live.account, live.region)


def muted(live: Installation) -> Iterator[Finding]:
    """Whose alerts are held back."""
    held = [one.id for one in live.incidents.value_or_none or () if one.muted_until > live.at]
    if held:
        more = f" and {len(held) - _SHOWN} more" if len(held) > _SHOWN else ""
        what = f"{len(held)} open incident(s) muted: {', '.join(sorted(held)[:_SHOWN])}{more}"
        yield kinds.ALERTS_MUTED.found(what, live.account, live.region)


def alarms(live: Installation) -> Iterator[Finding]:
    """No alarm is silent, and none has gone off."""
    for one in live.alarms.value_or_none or ():
        if not one.tells:
            what = f"alarm {one.logical_id} of stack {live.stack} tells nobody"
            yield kinds.ALARM_SILENT.found(what, live.account, live.region)
        if one.state == "ALARM":
            what = f"alarm {one.logical_id}: {one.description}"
            yield kinds.ALARM_RAISED.found(what, live.account, live.region)
