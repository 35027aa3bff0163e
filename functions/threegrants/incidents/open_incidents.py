"""The incidents of one state, all of them, by the index of states."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Key

from threegrants.incidents.states import State

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table


def ids_in_state(table: "Table", state: State) -> Iterator[str]:
    """The ids of the incidents in a state, the longest unseen first; read as asked for.

    The index follows the table with a short delay, so whoever reads an incident looks at its state again.

    Args:
        table: the boto3 Table of incidents.
        state: the state.
    """
    start: dict[str, Any] = {}
    while True:
        page = table.query(
            IndexName="by_state", KeyConditionExpression=Key("state").eq(state.value), **start
        )
        yield from (str(item["id"]) for item in page["Items"])
        if "LastEvaluatedKey" not in page:
            return
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
