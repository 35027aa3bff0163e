"""Bucket owners: which account a bucket belongs to, learnt from the owner's own copy of a record.

The caller's copy of a denial across accounts does not name the owner; the owner's copy does. Nothing
is learnt from a record that a person fed in, nor from what one account says of another.

Source: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-receive-logs-from-multiple-accounts.html
"""

from typing import TYPE_CHECKING

from threegrants.incidents.table import update_if

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

_CACHE_SIZE = 10_000


class BucketOwners:
    """The owners, in partition `bucket#NAME` of the table and in the worker's memory.

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
        """The account that owns a bucket, 12 digits; None if no record named it."""
        if bucket not in self._cache:
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
