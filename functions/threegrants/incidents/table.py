"""DynamoDB transactions and conditional updates, and what it means when one is refused.

Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

_REFUSED = "ConditionalCheckFailed"
_BUSY = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
"""Reasons of a cancelled transaction that say nothing about its conditions: it is tried again."""
_MAX_TRIES = 8


class Conflict(RuntimeError):
    """The incident is not in the state that was expected, or someone else just changed it.

    Args:
        why: what happened, for people.
        refused: the positions of the writes whose own condition was false.
    """

    def __init__(self, why: str, refused: frozenset[int] = frozenset()) -> None:
        super().__init__(why)
        self.refused = refused


def due_items(
    table: "Table", partition: str, now: float, done_attribute: str
) -> Iterator[Mapping[str, Any]]:
    """The items of a partition that are due and not done, the longest due first; read as asked for.

    Args:
        table: the table.
        partition: the partition's key; its sort keys begin with the second from which each is due,
            in twelve digits.
        now: seconds since the epoch.
        done_attribute: the attribute that is false until an item is done.
    """
    start: dict[str, Any] = {}
    while True:
        page = table.query(
            KeyConditionExpression=Key("pk").eq(partition) & Key("sk").lte(f"{int(now):012}~"),
            FilterExpression=Attr(done_attribute).eq(False),
            ConsistentRead=True,
            **start,
        )
        yield from page["Items"]
        if "LastEvaluatedKey" not in page:
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def transact(table: "Table", items: Sequence[Mapping[str, Any]]) -> None:
    """Write all or nothing: an item with a `Key` is an Update, one without a Put.

    A transaction that only met another one is tried again: no condition of it was false.

    Args:
        table: the table of every item that names no other as its `TableName`.
        items: the writes.

    Raises:
        Conflict: if a condition is false, or other transactions have one of the items all the time.
    """
    # A resource's client serialises by itself, so plain values stand where the stubs want
    # DynamoDB's typed ones.
    writes: Any = [
        {"Update" if "Key" in item else "Put": {"TableName": table.name, **item}} for item in items
    ]
    for left in reversed(range(_MAX_TRIES)):
        try:
            table.meta.client.transact_write_items(TransactItems=writes)
        except ClientError as error:
            if error_code(error) not in {
                "TransactionCanceledException",
                "TransactionConflictException",
            }:
                raise
            reasons = [
                str(why.get("Code")) for why in error.response.get("CancellationReasons", ())
            ]
            if left and _only_busy(reasons):
                back_off(_MAX_TRIES - left)
                continue
            refused = (index for index, why in enumerate(reasons) if why == _REFUSED)
            raise Conflict(
                "the incident was changed by someone else; read it again", frozenset(refused)
            ) from error
        return


def _only_busy(reasons: Sequence[str]) -> bool:
    """Whether a transaction was cancelled for nothing but others at the same items."""
    told = {why for why in reasons if why not in ("None", "")}
    return told <= _BUSY


def update_if(
    table: "Table", key: Mapping[str, str], update: str, condition: str, **values: Any
) -> bool:
    """One conditional update.

    Args:
        table: the boto3 Table.
        key: the item's key.
        update: the update expression.
        condition: the condition expression.
        values: the values of both, by their names without the colon.

    Returns:
        False if the condition was false.
    """
    try:
        table.update_item(
            Key=dict(key),
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        )
    except ClientError as error:
        if error_code(error) == "ConditionalCheckFailedException":
            return False
        raise
    return True


def error_code(error: ClientError) -> str:
    """The code of an error that DynamoDB answered; empty if it has none."""
    return str(error.response.get("Error", {}).get("Code", ""))


def back_off(attempt: int) -> None:
    """Wait a little, longer after each attempt, each worker differently."""
    time.sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 6)))  # noqa: S311 - no secret
