"""Owners: which account a bucket belongs to, learnt from records that say so.

The caller's copy of a denial across accounts has no owner (CloudTrail user guide, "Receiving log
files from multiple accounts"); the owner's copy has.
"""

from typing import TYPE_CHECKING

from threegrants.incidents.table import update_if

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

_CACHE_SIZE = 10_000


class BucketOwners:
    """Partition `bucket#NAME` of the table; what is known is kept in memory too.

    Args:
        table: the boto3 Table of incidents.
    """

    def __init__(self, table: "Table") -> None:
        self._table = table
        self._cache: dict[str, str] = {}

    def learn(self, bucket: str, account: str) -> None:
        """Keep what a record says; a bucket that was made anew elsewhere has another owner."""
        if self._cache.get(bucket) == account:
            return
        update_if(
            self._table,
            _key(bucket),
            "SET account = :account",
            "attribute_not_exists(pk) OR account <> :account",
            account=account,
        )
        self._remember(bucket, account)

    def owner_of(self, bucket: str) -> str | None:
        """The account, if any record ever named it."""
        if bucket in self._cache:
            return self._cache[bucket]
        item = self._table.get_item(Key=_key(bucket)).get("Item")
        if not item:
            return None
        self._remember(bucket, str(item["account"]))
        return self._cache[bucket]

    def _remember(self, bucket: str, account: str) -> None:
        if len(self._cache) >= _CACHE_SIZE:
            self._cache.clear()
        self._cache[bucket] = account


def _key(bucket: str) -> dict[str, str]:
    return {"pk": f"bucket#{bucket}", "sk": "owner"}
