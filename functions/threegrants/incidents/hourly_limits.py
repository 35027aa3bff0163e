"""Limits of one clock hour: how many incidents are opened and alerts sent for whom.

Whoever can cause denials can cause as many as they like, in other people's names too. So new incidents
and alerts are counted for each principal, for each account whose trail has the record, and for all
together. What a limit holds back is told once an hour, by one alert. The counts are conditions of
transactions, so a limit is exact, whatever number of workers there is.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from threegrants.incidents.items import SECONDS_A_DAY
from threegrants.incidents.table import Conflict, back_off, transact, update_if

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

_MAX_ATTEMPTS = 12
_TELLING_SECONDS = 60
"""As long as the function that sends the alert may run."""


class Counted(StrEnum):
    """What is counted."""

    INCIDENTS = "new incidents"
    ALERTS = "alerts"


class CountedFor(StrEnum):
    """For whom it is counted, from the narrowest."""

    PRINCIPAL = "principal"
    ACCOUNT = "account"
    EVERYONE = "everyone"


@dataclass(frozen=True, slots=True)
class HourlyLimit:
    """The most in one clock hour.

    Args:
        principal: for one principal.
        account: for one account whose trail has the records.
        everyone: for all together.
    """

    principal: int
    account: int
    everyone: int


@dataclass(frozen=True, slots=True)
class HourlyLimits:
    """The limits of new incidents and of alerts."""

    incidents: HourlyLimit = HourlyLimit(20, 200, 1000)
    alerts: HourlyLimit = HourlyLimit(10, 30, 60)


DEFAULT_LIMITS = HourlyLimits()
"""As `template.yaml` has them."""


@dataclass(frozen=True, slots=True)
class Counter:
    """One count of one hour.

    Args:
        counted: what is counted.
        counted_for: for whom: the kind.
        name: for whom: the principal or account; empty for everyone.
        most: the limit.
        hour: the clock hour, in UTC.
    """

    counted: Counted
    counted_for: CountedFor
    name: str
    most: int
    hour: str

    @property
    def key(self) -> dict[str, str]:
        """Its item's key. A name that a caller chose is hashed: it may be long, or no Unicode."""
        digest = hashlib.sha256(self.name.encode(errors="replace")).hexdigest()[:32]
        return {"pk": f"limit#{self.counted}#{self.counted_for}#{digest}", "sk": self.hour}

    def count_write(self, now: float) -> dict[str, Any]:
        """One more, if there is room: a write of a transaction."""
        return {
            "Key": self.key,
            "UpdateExpression": "SET #n = if_not_exists(#n, :zero) + :one, expires_at = :gone",
            "ConditionExpression": "attribute_not_exists(#n) OR #n < :most",
            "ExpressionAttributeNames": {"#n": "counted"},
            "ExpressionAttributeValues": {
                ":zero": 0,
                ":one": 1,
                ":most": self.most,
                ":gone": int(now) + 2 * SECONDS_A_DAY,
            },
        }


class LimitReached(Exception):
    """A limit of this hour is reached, so nothing was written.

    Args:
        counter: the widest that is full.
    """

    def __init__(self, counter: Counter) -> None:
        super().__init__(
            f"{counter.most} {counter.counted} in one hour for {counter.counted_for} {counter.name}"
        )
        self.counter = counter


def counters(
    counted: Counted, limits: HourlyLimits, principal: str, account: str, now: float
) -> tuple[Counter, ...]:
    """What one more of something is counted into, from the narrowest. Pure.

    Args:
        counted: what is counted.
        limits: the limits.
        principal: who was denied, as the record says.
        account: the account whose trail has the record.
        now: seconds since the epoch.
    """
    limit = limits.incidents if counted is Counted.INCIDENTS else limits.alerts
    hour = time.strftime("%Y-%m-%dT%HZ", time.gmtime(now))
    return (
        Counter(counted, CountedFor.PRINCIPAL, principal, limit.principal, hour),
        Counter(counted, CountedFor.ACCOUNT, account, limit.account, hour),
        Counter(counted, CountedFor.EVERYONE, "", limit.everyone, hour),
    )


class HourlyCounts:
    """The counts, on the table of incidents.

    Args:
        table: the boto3 Table of incidents.
        clock: seconds since the epoch.
    """

    def __init__(self, table: "Table", clock: Callable[[], float] = time.time) -> None:
        self._table = table
        self._clock = clock

    def take(self, wanted: Sequence[Counter]) -> None:
        """Count one more into each of these, or into none.

        Raises:
            LimitReached: if one of them is full.
            Conflict: if too many others count at once.
        """
        for attempt in range(_MAX_ATTEMPTS):
            try:
                transact(self._table, [one.count_write(self._clock()) for one in wanted])
            except Conflict as conflict:
                if conflict.refused:
                    raise LimitReached(wanted[max(conflict.refused)]) from conflict
                back_off(attempt)
            else:
                return
        raise Conflict("too many others count at once; try again")

    def may_tell(self, counter: Counter) -> bool:
        """Whether this worker is the one to tell that a limit is reached; `told` says it did."""
        now = int(self._clock())
        return update_if(
            self._table,
            counter.key,
            "SET telling = :end",
            "attribute_not_exists(told) AND (attribute_not_exists(telling) OR telling <= :now)",
            now=now,
            end=now + _TELLING_SECONDS,
        )

    def told(self, counter: Counter) -> None:
        """Note that the alert about a limit went out."""
        update_if(
            self._table, counter.key, "SET told = :yes", "attribute_not_exists(told)", yes=True
        )
