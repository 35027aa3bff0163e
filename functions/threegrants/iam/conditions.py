"""Condition operators: one table, and the rules of missing keys and many values.

Source: IAM user guide, "IAM JSON policy elements: Condition operators", "Conditions with multiple
context keys or values", "Single-valued vs. multivalued context keys".
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from threegrants.iam.arns import matches as arn_matches
from threegrants.iam.errors import PolicyError
from threegrants.iam.values import address_in, moment, number, same_bytes
from threegrants.iam.variables import Context, Template, template

Test = Callable[[Template, str, Context], bool]


def _equals(wanted: Template, actual: str, context: Context) -> bool:
    return wanted.literal(context) == actual


def _equals_ignoring_case(wanted: Template, actual: str, context: Context) -> bool:
    text = wanted.literal(context)
    return text is not None and text.lower() == actual.lower()


def _like(wanted: Template, actual: str, context: Context) -> bool:
    pattern = wanted.matcher(context)
    return pattern is not None and pattern.matches(actual)


def _arn(wanted: Template, actual: str, context: Context) -> bool:
    return arn_matches(wanted, actual, context)


def _boolean(wanted: Template, actual: str, context: Context) -> bool:
    return (wanted.literal(context) or "").lower() == actual.lower()


def _binary(wanted: Template, actual: str, context: Context) -> bool:
    return same_bytes(wanted.literal(context), actual)


def _address(wanted: Template, actual: str, context: Context) -> bool:
    return address_in(actual, wanted.literal(context))


def _ordered(read: Callable[[str], float | None], holds: Callable[[float, float], bool]) -> Test:
    def test(wanted: Template, actual: str, context: Context) -> bool:
        text = wanted.literal(context)
        limit = None if text is None else read(text)
        value = read(actual)
        return limit is not None and value is not None and holds(value, limit)

    return test


def _is(one: float, other: float) -> bool:
    return one == other


def _less(one: float, other: float) -> bool:
    return one < other


def _at_most(one: float, other: float) -> bool:
    return one <= other


def _more(one: float, other: float) -> bool:
    return one > other


def _at_least(one: float, other: float) -> bool:
    return one >= other


@dataclass(frozen=True, slots=True)
class Operator:
    """A row of the table: how one value is tested, and whether the answer is turned around."""

    name: str
    test: Test
    negated: bool = False


_ROWS = (
    Operator("StringEquals", _equals),
    Operator("StringNotEquals", _equals, negated=True),
    Operator("StringEqualsIgnoreCase", _equals_ignoring_case),
    Operator("StringNotEqualsIgnoreCase", _equals_ignoring_case, negated=True),
    Operator("StringLike", _like),
    Operator("StringNotLike", _like, negated=True),
    Operator("NumericEquals", _ordered(number, _is)),
    Operator("NumericNotEquals", _ordered(number, _is), negated=True),
    Operator("NumericLessThan", _ordered(number, _less)),
    Operator("NumericLessThanEquals", _ordered(number, _at_most)),
    Operator("NumericGreaterThan", _ordered(number, _more)),
    Operator("NumericGreaterThanEquals", _ordered(number, _at_least)),
    Operator("DateEquals", _ordered(moment, _is)),
    Operator("DateNotEquals", _ordered(moment, _is), negated=True),
    Operator("DateLessThan", _ordered(moment, _less)),
    Operator("DateLessThanEquals", _ordered(moment, _at_most)),
    Operator("DateGreaterThan", _ordered(moment, _more)),
    Operator("DateGreaterThanEquals", _ordered(moment, _at_least)),
    Operator("Bool", _boolean),
    Operator("BinaryEquals", _binary),
    Operator("IpAddress", _address),
    Operator("NotIpAddress", _address, negated=True),
    Operator("ArnEquals", _arn),
    Operator("ArnLike", _arn),
    Operator("ArnNotEquals", _arn, negated=True),
    Operator("ArnNotLike", _arn, negated=True),
)
OPERATORS = {row.name.lower(): row for row in _ROWS}
_NULL = "null"
_SETS = {"forallvalues:": "all", "foranyvalue:": "any"}


@dataclass(frozen=True, slots=True)
class Condition:
    """One key under one operator; all conditions of a statement must hold."""

    text: str
    """the operator as written"""
    key: str
    """in lower case"""
    shown_key: str
    operator: Operator | None
    """None for `Null`"""
    over: str
    """'' | all | any: the set operator"""
    if_exists: bool
    wanted: tuple[Template, ...]

    def holds(self, context: Context) -> bool:
        """Whether the condition is met."""
        values = context.get(self.key)
        if self.operator is None:
            absent = not values
            return any((w.text.lower() == "true") == absent for w in self.wanted)
        if not values:
            if self.if_exists or self.over == "all":
                return True
            return self.operator.negated and self.over != "any"
        if self.over == "all":
            return all(self._one(value, context) for value in values)
        if self.over == "any":
            return any(self._one(value, context) for value in values)
        if self.operator.negated:
            return all(self._one(value, context) for value in values)
        return any(self._one(value, context) for value in values)

    def _one(self, value: str, context: Context) -> bool:
        operator = self.operator
        if operator is None:
            return False
        met = any(operator.test(wanted, value, context) for wanted in self.wanted)
        return met is not operator.negated


def compile_condition(
    operator: str, key: str, wanted: Any, where: str, *, variables: bool
) -> Condition:
    """Compile one key of one operator.

    Raises:
        PolicyError: for an operator AWS does not know, or values of a wrong type.
    """
    name, over = operator.lower(), ""
    for prefix, kind in _SETS.items():
        if name.startswith(prefix):
            name, over = name[len(prefix) :], kind
    if_exists = name.endswith("ifexists")
    name = name.removesuffix("ifexists")
    place = where.rpartition(f".{key}")[0] or where
    if name == _NULL and if_exists:
        raise PolicyError(place, "Null takes no IfExists")
    if name != _NULL and name not in OPERATORS:
        raise PolicyError(place, f"unknown condition operator {operator}")
    listed = wanted if isinstance(wanted, list) else [wanted]
    return Condition(
        operator,
        key.lower(),
        key,
        OPERATORS.get(name),
        over,
        if_exists,
        tuple(template(_text(value, where), variables=variables) for value in listed),
    )


def _text(value: Any, where: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise PolicyError(where, f"a condition value is text, not {type(value).__name__}")
