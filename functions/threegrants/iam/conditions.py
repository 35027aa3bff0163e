"""The Condition element: operators as one table, and the rules of missing keys and many values.

Operators, IfExists, Null, and what holds where a key is missing:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html

Several values in the policy are joined by OR, under a negated operator by NOR:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html

Several values in the request, ForAllValues and ForAnyValue:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html

Only string and ARN operators take policy variables:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from threegrants.iam.arns import matches_arn_pattern
from threegrants.iam.errors import PolicyError
from threegrants.iam.memo import BoundedMemo
from threegrants.iam.texts import Texts, listed
from threegrants.iam.values import address_range, base64_bytes, epoch_seconds, number, within
from threegrants.iam.variables import ContextValues, Template, literal, resolved, template
from threegrants.iam.wildcards import Pattern, matches

V = TypeVar("V")


class Comparison(Enum):
    """What an operator compares, whether or not it is negated."""

    STRING = "StringEquals"
    STRING_IGNORING_CASE = "StringEqualsIgnoreCase"
    STRING_PATTERN = "StringLike"
    ARN_PATTERN = "ArnLike"
    VALUE = "numbers, dates, truth values, bytes and addresses"


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """A row of the table of condition operators.

    Args:
        name: as AWS writes it.
        matches: whether a value of the request fits a value of the policy, before any negation.
        comparison: what is compared, for those who compile it.
        negated: whether the operator turns the answer around (`StringNotEquals`).
        variables: whether its values may hold policy variables.
    """

    name: str
    matches: Callable[[Pattern, str], bool]
    comparison: Comparison = Comparison.VALUE
    negated: bool = False
    variables: bool = False


def _compare(
    read: Callable[[str], V | None], holds: Callable[[V, V], bool]
) -> Callable[[Pattern, str], bool]:
    """Compare values that are read from text; what cannot be read matches nothing."""

    def matches_value(policy_value: Pattern, actual: str) -> bool:
        stated, found = read(literal(policy_value)), read(actual)
        return stated is not None and found is not None and holds(found, stated)

    return matches_value


def _equal(one: object, other: object) -> bool:
    return one == other


def _rows() -> tuple[Operator, ...]:
    texts = (
        ("StringEquals", "StringNotEquals", Comparison.STRING, _compare(str, _equal)),
        ("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", Comparison.STRING_IGNORING_CASE,
         _compare(str.lower, _equal)),
        ("StringLike", "StringNotLike", Comparison.STRING_PATTERN, matches),
        # ArnEquals is the same as ArnLike: both take wildcards.
        ("ArnEquals", "ArnNotEquals", Comparison.ARN_PATTERN, matches_arn_pattern),
        ("ArnLike", "ArnNotLike", Comparison.ARN_PATTERN, matches_arn_pattern),
    )  # fmt: skip

    def ordered(kind: str, read: Callable[[str], float | None]) -> list[Operator]:
        same = _compare(read, _equal)
        return [
            Operator(f"{kind}Equals", same),
            Operator(f"{kind}NotEquals", same, negated=True),
            Operator(f"{kind}LessThan", _compare(read, lambda one, other: one < other)),
            Operator(f"{kind}LessThanEquals", _compare(read, lambda one, other: one <= other)),
            Operator(f"{kind}GreaterThan", _compare(read, lambda one, other: one > other)),
            Operator(f"{kind}GreaterThanEquals", _compare(read, lambda one, other: one >= other)),
        ]

    return (
        *(Operator(name, fits, compared, variables=True) for name, _, compared, fits in texts),
        *(
            Operator(name, fits, compared, negated=True, variables=True)
            for _, name, compared, fits in texts
        ),
        *ordered("Numeric", number),
        *ordered("Date", epoch_seconds),
        Operator("Bool", _compare(str.lower, _equal), Comparison.STRING_IGNORING_CASE),
        Operator("BinaryEquals", _compare(base64_bytes, _equal)),
        Operator("IpAddress", _compare(address_range, within)),
        Operator("NotIpAddress", _compare(address_range, within), negated=True),
    )


OPERATORS = {row.name.lower(): row for row in _rows()}
_NULL = "null"


class SetOperator(Enum):
    """How several values of one key in the request are taken together."""

    NONE = ""
    FOR_ALL_VALUES = "forallvalues:"
    FOR_ANY_VALUE = "foranyvalue:"


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """One key under one operator; all conditions of a statement must hold.

    Compared by identity: the same text, read again, is the same object, and what is worked out for
    it is found under it.
    """

    text: str
    """the operator as written"""
    key: str
    """in lower case"""
    key_as_written: str
    operator: Operator | None
    """None for `Null`"""
    set_operator: SetOperator
    if_exists: bool
    policy_values: tuple[Template, ...]

    @property
    def holds_without_value(self) -> bool:
        """Whether the condition holds where the key is missing or has no values.

        A negated operator holds then, and so do IfExists and ForAllValues; ForAnyValue does not,
        with IfExists neither.
        """
        if self.set_operator is SetOperator.NONE:
            return self.if_exists or (self.operator is not None and self.operator.negated)
        return self.set_operator is SetOperator.FOR_ALL_VALUES

    @property
    def needs_all(self) -> bool:
        """Whether all values of the request have to fit, where it has several; else any."""
        negated = self.operator is not None and self.operator.negated
        return self.set_operator is SetOperator.FOR_ALL_VALUES or (
            self.set_operator is SetOperator.NONE and negated
        )

    def holds(self, values: ContextValues) -> bool:
        """Whether a request with these context values meets the condition."""
        found = context_value(values, self.key)
        if self.operator is None:  # Null: "true" wants the key away, "false" wants it there
            return (not found) in {one.text.lower() == "true" for one in self.policy_values}
        if not found:
            return self.holds_without_value
        operator = self.operator
        wanted = resolved(self.policy_values, values)
        answers = [
            any(operator.matches(one, actual) for one in wanted) is not operator.negated
            for actual in found
        ]
        return all(answers) if self.needs_all else any(answers)


def context_value(values: ContextValues, key: str) -> tuple[str, ...]:
    """The values of a key, none if it is missing; an empty text is a value."""
    found = values.get(key)
    if found is None:
        return ()
    return (found,) if isinstance(found, str) else tuple(found)


_Key = tuple[Any, ...]
"""Operator, condition key and wanted values of each condition, one after the other: a whole
Condition element."""


def conditions_reader(*, variables: bool) -> Callable[[Any], tuple[Condition, ...]]:
    """What reads a Condition element; the same elements stand in policy after policy.

    It raises PolicyError with the path below the element.
    """
    of_text: BoundedMemo[_Key, Condition] = BoundedMemo(
        lambda key: _condition(*key, variables=variables), 8_192
    )
    known: BoundedMemo[_Key, tuple[Condition, ...]] = BoundedMemo(
        lambda key: tuple(of_text[key[at : at + 3]] for at in range(0, len(key), 3)), 8_192
    )

    def read(stated: Any) -> tuple[Condition, ...]:
        if stated.__class__ is not dict and not isinstance(stated, Mapping):
            raise PolicyError("", "is not an object")
        key: _Key = ()
        for operator, block in stated.items():
            if block.__class__ is not dict and not isinstance(block, Mapping):
                raise PolicyError(operator, "is not an object")
            for name, wanted in block.items():
                key += (operator, name, tuple(wanted) if wanted.__class__ is list else wanted)
        try:
            found = known.get(key)
        except TypeError:  # an object or a list among the values, for which there is no text
            found = None
        # Only texts are kept: as keys, the number 1 and the truth value true are the same.
        return known[_in_texts(key)] if found is None else found

    return read


def _in_texts(key: _Key) -> _Key:
    """The same conditions with their values as text; raises PolicyError for other values."""
    texts: _Key = ()
    for at in range(0, len(key), 3):
        operator, name, wanted = key[at : at + 3]
        found = tuple(_text(one, operator, name) for one in listed(wanted))
        texts += (operator, name, wanted if isinstance(wanted, str) else found)
    return texts


def _condition(operator: str, key: str, wanted: Texts, *, variables: bool) -> Condition:
    row, set_operator, if_exists = _operator(operator)
    takes = variables and row is not None and row.variables
    templates = tuple(template(one, variables=takes) for one in listed(wanted))
    return Condition(operator, key.lower(), key, row, set_operator, if_exists, templates)


def _operator(operator: str) -> tuple[Operator | None, SetOperator, bool]:
    name, set_operator = operator.lower(), SetOperator.NONE
    for kind in (SetOperator.FOR_ALL_VALUES, SetOperator.FOR_ANY_VALUE):
        if name.startswith(kind.value):
            name, set_operator = name.removeprefix(kind.value), kind
    if_exists = name.endswith("ifexists")
    name = name.removesuffix("ifexists")
    if name == _NULL and if_exists:
        raise PolicyError(operator, "Null takes no IfExists")
    if name != _NULL and name not in OPERATORS:
        raise PolicyError(operator, f"unknown condition operator {operator}")
    return OPERATORS.get(name), set_operator, if_exists


def _text(value: Any, operator: str, key: str) -> str:
    """A value of a condition as text; numbers and truth values may stand without quotes."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    place = f"{operator}.{key}"
    raise PolicyError(place, f"a condition value is text, not {type(value).__name__}")
