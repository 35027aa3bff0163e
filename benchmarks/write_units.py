"""Write units: what DynamoDB bills for a write, worked out from the items before and after it.

The rules, each from AWS's page:

- An item's size is that of its names and values
  (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html).
- A write is one unit for each kilobyte begun, of the larger of the items before and after it; an update
  of one attribute is billed for the whole item; a condition that is false is billed as well
  (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html).
- In a transaction each write costs twice as much, also where it is cancelled
  (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html).
- An index takes one write if a projected attribute changes, two if its key does
  (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html). AWS does not say whether
  these count twice in a transaction; here they do.

Items are in DynamoDB's own JSON: `{"name": {"S": "text"}}`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Item = Mapping[str, Mapping[str, Any]]
KILOBYTE = 1024


@dataclass(frozen=True, slots=True)
class Index:
    """A global secondary index.

    Args:
        keys: the attributes of its key; an item that lacks one is not in it.
        projected: the other attributes that it has.
    """

    keys: tuple[str, ...]
    projected: tuple[str, ...]


def item_size(item: Item) -> int:
    """The size of an item in bytes, as DynamoDB bills it."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    [(kind, content)] = value.items()
    match kind:
        case "S":
            return len(str(content).encode())
        case "B":
            return len(content)
        case "N":
            return _number_size(str(content))
        case "NULL" | "BOOL":
            return 1
        case "L":
            return 3 + sum(1 + _value_size(one) for one in content)
        case "M":
            return 3 + sum(
                1 + len(name.encode()) + _value_size(one) for name, one in content.items()
            )
        case "SS" | "NS" | "BS":
            return sum(_value_size({kind[0]: one}) for one in content)
        case _:
            raise ValueError(f"no type of DynamoDB: {kind}")


def _number_size(text: str) -> int:
    """One byte for two significant digits, and one more; a sign is one more too."""
    digits = text.lstrip("-").partition("E")[0].replace(".", "").strip("0")
    return math.ceil(len(digits) / 2) + 1 + text.startswith("-")


def write_units(
    before: Item | None, after: Item | None, *, transaction: bool, indexes: Sequence[Index] = ()
) -> int:
    """What one write costs, in write units.

    Args:
        before: the item before it; None if there was none.
        after: the item after it, or as it would have been if a condition had been true; None if it
            is gone.
        transaction: whether it is one of a transaction.
        indexes: the table's indexes; pass none for a write whose condition was false.
    """
    size = max(item_size(item) if item else 0 for item in (before, after))
    table = max(1, math.ceil(size / KILOBYTE))
    return (table + sum(index_units(before, after, index) for index in indexes)) * (
        2 if transaction else 1
    )


def index_units(before: Item | None, after: Item | None, index: Index) -> int:
    """What a write costs an index, outside a transaction."""
    old, new = (_entry(item, index) for item in (before, after))
    if old == new:
        return 0
    if old and new and all(old[name] == new[name] for name in index.keys):
        return _entry_units(old, new)
    return sum(_entry_units(entry) for entry in (old, new) if entry)


def _entry_units(*entries: Item) -> int:
    return max(1, *(math.ceil(item_size(entry) / KILOBYTE) for entry in entries))


def _entry(item: Item | None, index: Index) -> Item | None:
    """An item as it stands in an index; None if it does not."""
    if item is None or any(name not in item for name in index.keys):
        return None
    wanted = ("pk", "sk", *index.keys, *index.projected)
    return {name: item[name] for name in wanted if name in item}
