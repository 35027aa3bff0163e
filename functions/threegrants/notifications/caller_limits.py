"""The limits of one hour, for whoever causes denials: counted by call, told by one alert each."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from threegrants.cloudtrail import DeniedCall
from threegrants.incidents.hourly_limits import (
    Counted,
    Counter,
    HourlyCounts,
    HourlyLimits,
    counters,
)
from threegrants.notifications.alert_policy import NOTHING_DECIDED, AlertPolicy
from threegrants.notifications.limit_alert import limit_alert
from threegrants.notifications.payload import Alert


@dataclass(frozen=True, slots=True)
class CallerLimits:
    """What one caller, one account and all together may cause in an hour.

    Args:
        counts: where it is counted.
        limits: the limits.
        stack: the stack's name, for the commands that alerts show.
        send: publishes an alert.
        clock: seconds since the epoch.
        policy: what the operator decided about alerts.
    """

    counts: HourlyCounts
    limits: HourlyLimits
    stack: str
    send: Callable[[Alert], None]
    clock: Callable[[], float] = time.time
    policy: AlertPolicy = NOTHING_DECIDED

    def counters(self, counted: Counted, call: DeniedCall, principal: str) -> tuple[Counter, ...]:
        """What one more incident, or alert, of a call is counted into.

        Whoever writes into a trail can forge a caller's name, but not the trail's account.

        Args:
            counted: what is counted.
            call: the denied call.
            principal: who was denied, as far as it is known.
        """
        account = call.recipient_account or call.caller.account or ""
        return counters(counted, self.limits, principal, account, self.clock())

    def take_alert(self, call: DeniedCall, principal: str) -> None:
        """Count one more alert.

        Raises:
            LimitReached: if there is no room for it in this hour.
        """
        self.counts.take(self.counters(Counted.ALERTS, call, principal))

    def tell(self, counter: Counter) -> None:
        """Alert once that a limit of this hour is reached."""
        if self.counts.may_tell(counter):
            self.send(limit_alert(counter, self.stack, self.policy))
            self.counts.told(counter)
