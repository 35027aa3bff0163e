"""The table of condition operators, and how a Condition element and its values are read."""

import pytest

from threegrants.iam import PolicyError
from threegrants.iam.conditions import OPERATORS, Comparison, conditions_reader
from threegrants.iam.variables import template
from threegrants.iam.wildcards import Wildcard

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
NEGATIONS = {
    "StringEquals": "StringNotEquals",
    "StringEqualsIgnoreCase": "StringNotEqualsIgnoreCase",
    "StringLike": "StringNotLike",
    "NumericEquals": "NumericNotEquals",
    "DateEquals": "DateNotEquals",
    "IpAddress": "NotIpAddress",
    "ArnEquals": "ArnNotEquals",
    "ArnLike": "ArnNotLike",
}
ALONE = {
    f"{kind}{order}{equals}"
    for kind in ("Numeric", "Date")
    for order in ("LessThan", "GreaterThan")
    for equals in ("", "Equals")
} | {"Bool", "BinaryEquals"}


def test_every_operator_of_the_guide_stands_in_the_table_as_aws_writes_it():
    names = {*NEGATIONS, *NEGATIONS.values(), *ALONE}
    assert {row.name for row in OPERATORS.values()} == names
    assert OPERATORS.keys() == {name.lower() for name in names}


@pytest.mark.parametrize(("plain", "negated"), NEGATIONS.items(), ids=list(NEGATIONS))
def test_a_negated_operator_compares_what_the_plain_one_compares(plain, negated):
    one, other = OPERATORS[plain.lower()], OPERATORS[negated.lower()]
    assert (one.comparison, one.variables) == (other.comparison, other.variables)
    assert (one.negated, other.negated) == (False, True)
    takes_variables = plain.startswith(("String", "Arn"))
    assert one.variables is takes_variables
    assert (one.comparison is not Comparison.VALUE) is takes_variables


def texts_of(stated, *, variables=True):
    return [
        (condition.text, condition.key, [value.text for value in condition.policy_values])
        for condition in conditions_reader(variables=variables)(stated)
    ]


READ = [
    ("no condition", {}, []),
    ("an operator without a key", {"Bool": {}}, []),
    ("one text", {"Bool": {"aws:X": "y"}}, [("Bool", "aws:x", ["y"])]),
    ("several keys and operators", {"Bool": {"a": "1", "b": ["2", "3"]}, "Null": {"c": "true"}},
     [("Bool", "a", ["1"]), ("Bool", "b", ["2", "3"]), ("Null", "c", ["true"])]),
    ("numbers and truth values", {"Bool": {"a": True, "b": [False, 1, 2.5, "x"]}},
     [("Bool", "a", ["true"]), ("Bool", "b", ["false", "1", "2.5", "x"])]),
    ("an empty list", {"Bool": {"a": []}}, [("Bool", "a", [])]),
]  # fmt: skip


@pytest.mark.parametrize(("stated", "found"), [r[1:] for r in READ], ids=[r[0] for r in READ])
def test_a_condition_element(stated, found):
    assert texts_of(stated) == found


def test_what_is_equal_as_a_key_is_not_taken_for_the_same_value():
    """In Python the number 1, the number 1.0 and the truth value are equal, and hash alike."""
    read = conditions_reader(variables=True)
    for values, texts in (([1], ["1"]), ([True], ["true"]), ([1.0], ["1.0"]), (["1"], ["1"])):
        for stated in (values, values[0]):
            for _ in range(2):
                [condition] = read({"StringEquals": {"k": stated}})
                assert [value.text for value in condition.policy_values] == texts


def test_the_same_element_read_again_is_the_same_object():
    read = conditions_reader(variables=True)
    one, other = (read({"Bool": {"a": ["true", "false"]}}) for _ in range(2))
    assert one is other


@pytest.mark.parametrize("value", [None, {}, [None], [["x"]], ["x", {}]], ids=repr)
def test_a_value_for_which_there_is_no_text(value):
    read = conditions_reader(variables=True)
    with pytest.raises(PolicyError) as error:
        read({"Bool": {"ok": "true"}, "StringLike": {"aws:x": value}})
    assert error.value.path == "StringLike.aws:x"


def test_variables_only_where_the_version_and_the_operator_take_them():
    stated = {"StringEquals": {"k": "${aws:username}"}, "Bool": {"k": "${aws:username}"}}
    with_parts = [
        [value.parts is not None for one in conditions_reader(variables=variables)(stated)
         for value in one.policy_values]
        for variables in (True, False)
    ]  # fmt: skip
    assert with_parts == [[True, False], [False, False]]


VALUES = {"aws:username": "u*", "aws:tagkeys": ["a"]}
TEMPLATES = [
    ("no variable", "a*", "a*"),
    ("one that is known", "home/${aws:UserName}/*", ("home/", "u*", "/", Wildcard.ANY, "")),
    ("one that is not", "${aws:other}", None),
    ("its default", "${aws:other, 'none'}", ("none", "")),
    ("no default where it is known", "${aws:username,'none'}", ("u*", "")),
    ("an empty default", "x${aws:other, ''}", ("x", "", "")),
    ("a default without quotes is part of the name", "${aws:username, none}", None),
    ("a default of one quote", "${aws:username, '}", None),
    ("several values", "${aws:TagKeys, 'none'}", None),
    ("a literal star", "${*}", ("*", "")),
    ("a brace that is not closed", "a${aws:username", "a${aws:username"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "pattern"), [t[1:] for t in TEMPLATES],
                         ids=[t[0] for t in TEMPLATES])  # fmt: skip
def test_variable(text, pattern):
    assert without_empty(template(text, variables=True).resolve(VALUES)) == without_empty(pattern)
    assert template(text, variables=False).resolve(VALUES) == text


def without_empty(pattern):
    """A pattern without its empty literals, which stand for nothing."""
    return tuple(one for one in pattern if one != "") if isinstance(pattern, tuple) else pattern
