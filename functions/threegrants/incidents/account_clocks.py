"""Account clocks: when an account was last heard of, so that one that falls silent is noticed.

An account whose trail, rule or forwarder is taken away sends nothing any more, and nothing else says so.
Only what a rule delivered counts, never what a person fed in.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Key

from threegrants.incidents.table import update_if

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

_PARTITION = "accounts"
_COARSE_SECONDS = 3600
"""A clock is written once an hour at most: it is read in hours."""
_FORGOTTEN_SECONDS = 60 * 86_400
"""Seconds after which an account that sends nothing is no longer asked about."""


class AccountClocks:
    """The clocks, in partition `accounts` of the table, an item for each account.

    Args:
        table: the boto3 Table of incidents.
        now: seconds since the epoch.
    """

    def __init__(self, table: "Table", now: Callable[[], float]) -> None:
        self._table = table
        self._now = now
        self._written: dict[str, float] = {}

    def heard(self, account: str) -> None:
        """A record of this account's trail has come."""
        now = self._now()
        if now - self._written.get(account, 0) < _COARSE_SECONDS:
            return
        update_if(
            self._table,
            {"pk": _PARTITION, "sk": account},
            "SET heard_at = :now, expires_at = :end",
            "attribute_not_exists(pk) OR heard_at < :now",
            now=int(now),
            end=int(now) + _FORGOTTEN_SECONDS,
        )
        self._written[account] = now

    def all(self) -> dict[str, int]:
        """Each account, and the second since the epoch in which it was last heard of (to the hour)."""
        found: dict[str, int] = {}
        start: dict[str, Any] = {}
        while True:
            page = self._table.query(KeyConditionExpression=Key("pk").eq(_PARTITION), **start)
            found |= {str(item["sk"]): int(str(item["heard_at"])) for item in page["Items"]}
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def silent(self, hours: int) -> list[str]:
        """The accounts that were heard of, but not for this many hours; none for 0 hours."""
        since = self._now() - hours * 3600
        return sorted(one for one, at in self.all().items() if at < since) if hours else []
