"""Condition operators: one table, and the rules of missing keys and many values.

See docs.aws.amazon.com/IAM/latest/UserGuide/ for each rule:
reference_policies_elements_condition_operators.html (the operators, IfExists, Null, missing keys),
reference_policies_condition-logic-multiple-context-keys-or-values.html (several values: OR; under a
negated operator: NOR), reference_policies_condition-single-vs-multi-valued-context-keys.html (set
operators), reference_policies_variables.html (string and ARN operators take variables).
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from threegrants.iam.arns import compile_arn_patterns
from threegrants.iam.errors import PolicyError
from threegrants.iam.memo import BoundedMemo
from threegrants.iam.values import address_range, base64_bytes, epoch_seconds, number, within
from threegrants.iam.variables import ContextValues, Template, literal, resolved, template
from threegrants.iam.wildcards import Matcher, Pattern, compile_patterns

Predicate = Callable[[str, ContextValues], bool]
"""What is left to test of a statement for each request, by the resource's ARN and the values."""

PolicyValues = tuple[Pattern, ...]
"""The values a policy wants for one key."""


def _equals(policy_values: PolicyValues) -> Matcher:
    return frozenset(literal(pattern) for pattern in policy_values).__contains__


def _equals_ignoring_case(policy_values: PolicyValues) -> Matcher:
    lowered = frozenset(literal(pattern).lower() for pattern in policy_values)
    return lambda actual: actual.lower() in lowered


def _binary(policy_values: PolicyValues) -> Matcher:
    stored = frozenset(base64_bytes(literal(pattern)) for pattern in policy_values)
    return lambda actual: base64_bytes(actual) in stored


def _address(policy_values: PolicyValues) -> Matcher:
    read = [address_range(literal(pattern)) for pattern in policy_values]
    ranges = [found for found in read if found is not None]

    def fits(actual: str) -> bool:
        inner = address_range(actual)
        return inner is not None and any(within(inner, outer) for outer in ranges)

    return fits


def _ordered(
    read: Callable[[str], float | None], holds: Callable[[float, float], bool]
) -> Callable[[PolicyValues], Matcher]:
    def compiled(policy_values: PolicyValues) -> Matcher:
        limits = [
            limit for pattern in policy_values if (limit := read(literal(pattern))) is not None
        ]

        def fits(actual: str) -> bool:
            value = read(actual)
            return value is not None and any(holds(value, limit) for limit in limits)

        return fits

    return compiled


class Operator(NamedTuple):
    """A row of the table: how the wanted values become a test, and whether it is turned around."""

    name: str
    compiled: Callable[[PolicyValues], Matcher]
    negated: bool = False
    variables: bool = False


def _rows() -> tuple[Operator, ...]:
    def comparisons(kind: str, read: Callable[[str], float | None]) -> list[Operator]:
        same = _ordered(read, lambda one, other: one == other)
        return [
            Operator(f"{kind}Equals", same),
            Operator(f"{kind}NotEquals", same, negated=True),
            Operator(f"{kind}LessThan", _ordered(read, lambda one, other: one < other)),
            Operator(f"{kind}LessThanEquals", _ordered(read, lambda one, other: one <= other)),
            Operator(f"{kind}GreaterThan", _ordered(read, lambda one, other: one > other)),
            Operator(f"{kind}GreaterThanEquals", _ordered(read, lambda one, other: one >= other)),
        ]

    texts = (
        ("StringEquals", "StringNotEquals", _equals),
        ("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", _equals_ignoring_case),
        ("StringLike", "StringNotLike", compile_patterns),
        (
            "ArnEquals",
            "ArnNotEquals",
            compile_arn_patterns,
        ),  # the same as ArnLike: both take wildcards
        ("ArnLike", "ArnNotLike", compile_arn_patterns),
    )
    return (
        *(Operator(name, compiled, variables=True) for name, _, compiled in texts),
        *(Operator(name, compiled, negated=True, variables=True) for _, name, compiled in texts),
        *comparisons("Numeric", number),
        *comparisons("Date", epoch_seconds),
        Operator("Bool", _equals_ignoring_case),
        Operator("BinaryEquals", _binary),
        Operator("IpAddress", _address),
        Operator("NotIpAddress", _address, negated=True),
    )


OPERATORS = {row.name.lower(): row for row in _rows()}
_NULL = "null"
_NOTHING: tuple[Any, ...] = (None, (), [])
"""A key that is missing, or has no values; an empty text is a value."""
_SETS = {"forallvalues:": "all", "foranyvalue:": "any"}


class Condition(NamedTuple):
    """One key under one operator; all conditions of a statement must hold."""

    text: str
    """the operator as written"""
    key: str
    """in lower case"""
    key_as_written: str
    operator: Operator | None
    """None for `Null`"""
    set_operator: str
    """'' | all | any: the set operator"""
    if_exists: bool
    policy_values: tuple[Template, ...]
    test: Predicate
    """whether a request meets the condition"""


def _presence(key: str, policy_values: Iterable[Template]) -> Predicate:
    """`Null`: "true" wants the key away, "false" wants it there."""
    wants = {one.text.lower() == "true" for one in policy_values}
    return lambda _arn, values: (values.get(key) in _NOTHING) in wants


def _test(
    key: str,
    operator: Operator,
    set_operator: str,
    policy_values: tuple[Template, ...],
    *,
    if_exists: bool,
) -> Predicate:
    negated = operator.negated
    # The answer where the key is missing or has no values; the set operators have their own.
    without_value = set_operator == "all" or (set_operator == "" and (if_exists or negated))
    # How the answers for several actual values are put together.
    together = all if set_operator == "all" or (set_operator == "" and negated) else any
    if any(one.parts is not None for one in policy_values):
        return _resolving(key, operator, policy_values, together, without_value=without_value)
    fits = operator.compiled(tuple(one.text for one in policy_values))

    def test(_arn: str, values: ContextValues) -> bool:
        value = values.get(key)
        if value.__class__ is str:
            return fits(value) is not negated
        return together(fits(one) is not negated for one in value) if value else without_value

    return test


def _resolving(
    key: str,
    operator: Operator,
    policy_values: tuple[Template, ...],
    together: Callable[[Iterable[bool]], bool],
    *,
    without_value: bool,
) -> Predicate:
    """The test of a condition whose wanted values hold policy variables."""
    fits_for, negated = BoundedMemo(operator.compiled, 256), operator.negated

    def test(_arn: str, values: ContextValues) -> bool:
        value = values.get(key)
        if value in _NOTHING:
            return without_value
        fits = fits_for[resolved(policy_values, values)]
        listed = (value,) if isinstance(value, str) else value or ()
        return together(fits(one) is not negated for one in listed)

    return test


ConditionKey = tuple[str, str, str | tuple[str, ...]]
"""Operator, condition key, wanted value or values."""


def conditions_table(*, variables: bool) -> BoundedMemo[ConditionKey, Condition]:
    """Conditions compiled; the same ones stand in policy after policy.

    Looking up raises PolicyError for an operator AWS does not know.
    """

    def compiled(key: ConditionKey) -> Condition:
        text, key_as_written, policy_values = key
        row, set_operator, if_exists = _operator(text)
        takes = variables and row is not None and row.variables
        listed = (policy_values,) if isinstance(policy_values, str) else policy_values
        templates = tuple(template(one, variables=takes) for one in listed)
        name = key_as_written.lower()
        if row is None:
            test = _presence(name, templates)
        else:
            test = _test(name, row, set_operator, templates, if_exists=if_exists)
        return Condition(text, name, key_as_written, row, set_operator, if_exists, templates, test)

    return BoundedMemo(compiled, 8_192)


def condition_texts(policy_values: Any, operator: str, key: str) -> tuple[str, ...]:
    """The values of a condition as text; numbers and truth values may stand without quotes.

    Raises:
        PolicyError: for values of a wrong type.
    """
    listed = policy_values if isinstance(policy_values, list) else [policy_values]
    return tuple([one if one.__class__ is str else _text(one, operator, key) for one in listed])


def _operator(operator: str) -> tuple[Operator | None, str, bool]:
    name, set_operator = operator.lower(), ""
    for prefix, kind in _SETS.items():
        if name.startswith(prefix):
            name, set_operator = name[len(prefix) :], kind
    if_exists = name.endswith("ifexists")
    name = name.removesuffix("ifexists")
    if name == _NULL and if_exists:
        raise PolicyError(operator, "Null takes no IfExists")
    if name != _NULL and name not in OPERATORS:
        raise PolicyError(operator, f"unknown condition operator {operator}")
    return OPERATORS.get(name), set_operator, if_exists


def _text(value: Any, operator: str, key: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    place = f"{operator}.{key}"
    raise PolicyError(place, f"a condition value is text, not {type(value).__name__}")
