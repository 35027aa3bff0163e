"""Owners: which account a bucket belongs to, learnt from records that say so.

The caller's copy of a denial across accounts has no owner (CloudTrail user guide, "Receiving log
files from multiple accounts"); the owner's copy has.
"""

from typing import Any

from threegrants.incidents.table import update_if

_KEPT = 10_000


class Owners:
    """Partition `bucket#NAME` of the table; what is known is kept in memory too.

    Args:
        table: the boto3 Table of incidents.
    """

    def __init__(self, table: Any) -> None:
        self._table = table
        self._known: dict[str, str] = {}

    def learn(self, bucket: str, account: str) -> None:
        """Keep what a record says; a bucket that was made anew elsewhere has another owner."""
        if self._known.get(bucket) == account:
            return
        update_if(
            self._table,
            _key(bucket),
            "SET account = :account",
            "attribute_not_exists(pk) OR account <> :account",
            account=account,
        )
        self._keep(bucket, account)

    def of(self, bucket: str) -> str | None:
        """The account, if any record ever named it."""
        if bucket in self._known:
            return self._known[bucket]
        item = self._table.get_item(Key=_key(bucket)).get("Item")
        if not item:
            return None
        self._keep(bucket, str(item["account"]))
        return self._known[bucket]

    def _keep(self, bucket: str, account: str) -> None:
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[bucket] = account


def _key(bucket: str) -> dict[str, str]:
    return {"pk": f"bucket#{bucket}", "sk": "owner"}
