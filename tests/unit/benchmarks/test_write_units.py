"""Write units are worked out as AWS's pages say, with their examples."""

import pytest
from write_units import Index, index_units, item_size, write_units

SIZES = [
    ("a string: its name and its UTF-8", {"name": {"S": "grün"}}, 4 + 5),
    ("a number: a byte for two digits, and one", {"n": {"N": "1234"}}, 1 + 2 + 1),
    ("zeros at both ends do not count", {"n": {"N": "0.0012000"}}, 1 + 1 + 1),
    ("zero", {"n": {"N": "0"}}, 1 + 1),
    ("a negative number", {"n": {"N": "-12"}}, 1 + 1 + 1 + 1),
    ("bytes as they are, not their base64", {"b": {"B": b"\0" * 10}}, 1 + 10),
    ("null and booleans are one byte", {"t": {"BOOL": True}, "n": {"NULL": True}}, 2 + 2),
    ("an empty list is three bytes", {"l": {"L": []}}, 1 + 3),
    (
        "each element is one more",
        {"l": {"L": [{"S": "ab"}, {"N": "1"}]}},
        1 + 3 + (1 + 2) + (1 + 2),
    ),
    ("a map has its names too", {"m": {"M": {"ab": {"S": "c"}}}}, 1 + 3 + 1 + 2 + 1),
    ("a set", {"s": {"SS": ["ab", "c"]}}, 1 + 3),
]


@pytest.mark.parametrize(("item", "size"), [s[1:] for s in SIZES], ids=[s[0] for s in SIZES])
def test_the_size_of_an_item(item, size):
    assert item_size(item) == size


def test_what_is_no_type_of_dynamodb():
    with pytest.raises(ValueError, match="no type of DynamoDB: X"):
        item_size({"a": {"X": 1}})


def item(size: int) -> dict:
    """An item of so many bytes."""
    return {"k": {"S": "x" * (size - 1)}}


KB = 1024
UNITS = [
    ("a new item of 500 bytes", None, item(500), False, 1),
    ("of a kilobyte", None, item(KB), False, 1),
    ("of a byte more", None, item(KB + 1), False, 2),
    ("of 2.5 KB", None, item(2560), False, 3),
    ("an update of a part is billed for the whole", item(3 * KB), item(3 * KB), False, 3),
    ("by the larger of before and after", item(300 * KB), item(310 * KB), False, 310),
    ("also where the item becomes smaller", item(310 * KB), item(1), False, 310),
    ("a delete by what was there", item(3000), None, False, 3),
    ("of what is not there one unit", None, None, False, 1),
    ("twice in a transaction, rounded before", None, item(500), True, 2),
    ("of 1.5 KB in a transaction", None, item(1536), True, 4),
]


@pytest.mark.parametrize(
    ("before", "after", "transaction", "units"), [u[1:] for u in UNITS], ids=[u[0] for u in UNITS]
)
def test_what_a_write_costs(before, after, transaction, units):
    assert write_units(before, after, transaction=transaction) == units


BY_STATE = Index(("state", "last_seen"), ("id",))
OPEN = {name: {"S": name} for name in ("pk", "sk", "state", "last_seen", "id", "other")}


def changed(**values):
    return OPEN | {name: {"S": value} for name, value in values.items()}


INDEXED = [
    ("a new item", None, OPEN, 1),
    ("one that lacks the key", None, {"pk": {"S": "p"}}, 0),
    ("an attribute that the index has not", OPEN, changed(other="x"), 0),
    ("one that is projected", OPEN, changed(id="x"), 1),
    ("its key: out and in", OPEN, changed(state="x"), 2),
    ("a delete", OPEN, None, 1),
    ("the attribute that made it a part of the index", OPEN, {"pk": {"S": "p"}}, 1),
]


@pytest.mark.parametrize(
    ("before", "after", "units"), [i[1:] for i in INDEXED], ids=[i[0] for i in INDEXED]
)
def test_what_a_write_costs_an_index(before, after, units):
    assert index_units(before, after, BY_STATE) == units
    alone = write_units(before, after, transaction=True)
    assert write_units(before, after, transaction=True, indexes=[BY_STATE]) == alone + 2 * units
