"""Condition operators: one table, and the rules of missing keys and many values.

See docs.aws.amazon.com/IAM/latest/UserGuide/ for each rule:
reference_policies_elements_condition_operators.html (the operators, IfExists, Null, missing keys),
reference_policies_condition-logic-multiple-context-keys-or-values.html (several values: OR; under a
negated operator: NOR), reference_policies_condition-single-vs-multi-valued-context-keys.html (set
operators), reference_policies_variables.html (string and ARN operators take variables).

A row of the table turns the values a policy wants into one test of one actual value. Binding a
condition to the keys of a request leaves a truth value, where the key is missing, or a test.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from threegrants.iam.arns import any_arn
from threegrants.iam.errors import PolicyError
from threegrants.iam.values import address_range, moment, number, octets, within
from threegrants.iam.variables import Context, Names, Template, literal, template
from threegrants.iam.wildcards import Fits, Tokens, any_fits

Test = Callable[[str, Context], bool]
"""Whether a bound rule holds, given the resource's ARN and the context."""

Patterns = tuple[str | Tokens, ...]


def _equals(wanted: Patterns) -> Fits:
    return frozenset(literal(pattern) for pattern in wanted).__contains__


def _equals_ignoring_case(wanted: Patterns) -> Fits:
    lowered = frozenset(literal(pattern).lower() for pattern in wanted)
    return lambda actual: actual.lower() in lowered


def _binary(wanted: Patterns) -> Fits:
    stored = frozenset(octets(literal(pattern)) for pattern in wanted)
    return lambda actual: octets(actual) in stored


def _address(wanted: Patterns) -> Fits:
    read = [address_range(literal(pattern)) for pattern in wanted]
    ranges = [found for found in read if found is not None]

    def fits(actual: str) -> bool:
        inner = address_range(actual)
        return inner is not None and any(within(inner, outer) for outer in ranges)

    return fits


def _ordered(
    read: Callable[[str], float | None], holds: Callable[[float, float], bool]
) -> Callable[[Patterns], Fits]:
    def compiled(wanted: Patterns) -> Fits:
        limits = [limit for p in wanted if (limit := read(literal(p))) is not None]

        def fits(actual: str) -> bool:
            value = read(actual)
            return value is not None and any(holds(value, limit) for limit in limits)

        return fits

    return compiled


@dataclass(frozen=True, slots=True)
class Operator:
    """A row of the table: how the wanted values become a test, and whether it is turned around."""

    name: str
    compiled: Callable[[Patterns], Fits]
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
        ("StringLike", "StringNotLike", any_fits),
        ("ArnEquals", "ArnNotEquals", any_arn),  # the same as ArnLike: both take wildcards
        ("ArnLike", "ArnNotLike", any_arn),
    )
    return (
        *(Operator(name, compiled, variables=True) for name, _, compiled in texts),
        *(Operator(name, compiled, True, variables=True) for _, name, compiled in texts),
        *comparisons("Numeric", number),
        *comparisons("Date", moment),
        Operator("Bool", _equals_ignoring_case),
        Operator("BinaryEquals", _binary),
        Operator("IpAddress", _address),
        Operator("NotIpAddress", _address, negated=True),
    )


OPERATORS = {row.name.lower(): row for row in _rows()}
_NULL = "null"
_KINDS = 256
"""How many kinds of requests a condition is kept bound for."""
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
    fits: Fits | None
    """the test of one value; None if variables make it another one for every request"""
    variables: tuple[str, ...]
    """the keys its variables refer to"""
    _bound: dict[tuple[str | None, ...], Test | bool] = field(
        default_factory=dict, repr=False, compare=False
    )

    def bind(self, names: Names) -> Test | bool:
        """What is left of the condition once it is known which keys a request has."""
        kind: tuple[str | None, ...] = (names.get(self.key),)
        if self.variables:
            kind += tuple(names.get(variable) for variable in self.variables)
        found = self._bound.get(kind)
        if found is None:
            if len(self._bound) >= _KINDS:
                self._bound.clear()
            found = self._bound[kind] = self._bind(kind[0], names)
        return found

    def _bind(self, spelled: str | None, names: Names) -> Test | bool:
        if spelled is None:
            return self._without_value
        if self.operator is None:
            return self._presence(spelled)
        one = self._one(names)
        several = self._several()
        missing = self._without_value

        def holds(_arn: str, context: Context) -> bool:
            value = context[spelled]
            if isinstance(value, str):
                return one(value, context)
            return several(one, value, context) if value else missing

        if self.fits is None:
            return holds
        fits = self.fits
        if self.operator.negated:

            def differs(arn: str, context: Context) -> bool:
                value = context[spelled]
                return not fits(value) if isinstance(value, str) else holds(arn, context)

            return differs

        def agrees(arn: str, context: Context) -> bool:
            value = context[spelled]
            return fits(value) if isinstance(value, str) else holds(arn, context)

        return agrees

    @property
    def _without_value(self) -> bool:
        """The answer where the key is missing or has no values."""
        if self.operator is None:
            return self._wants_absence(absent=True)
        if self.if_exists or self.over == "all":
            return True
        return self.operator.negated and self.over != "any"

    def _wants_absence(self, *, absent: bool) -> bool:
        return any((wanted.text.lower() == "true") is absent for wanted in self.wanted)

    def _presence(self, spelled: str) -> Test:
        present, empty = self._wants_absence(absent=False), self._wants_absence(absent=True)
        return lambda _arn, context: present if context[spelled] or context[spelled] == "" else empty

    def _one(self, names: Names) -> Callable[[str, Context], bool]:
        """Whether one actual value meets the condition."""
        operator, fits, wanted = self.operator, self.fits, self.wanted
        if operator is None:
            return lambda _value, _context: False
        negated = operator.negated
        if fits is not None:
            return lambda value, _context: fits(value) is not negated
        compiled = lru_cache(maxsize=_KINDS)(operator.compiled)

        def meets(value: str, context: Context) -> bool:
            found = tuple(one for w in wanted if (one := w.resolve(context, names)) is not None)
            return compiled(found)(value) is not negated

        return meets

    def _several(
        self,
    ) -> Callable[[Callable[[str, Context], bool], Sequence[str], Context], bool]:
        """How the answers for several actual values are put together."""
        negated = self.operator is not None and self.operator.negated
        if self.over == "all" or (self.over == "" and negated):
            return lambda one, values, context: all(one(value, context) for value in values)
        return lambda one, values, context: any(one(value, context) for value in values)


_PARSED: dict[str, tuple[Operator | None, str, bool]] = {}
_COMPILED: dict[tuple[bool, str, str, str | tuple[str, ...]], Condition] = {}
_SIZE = 8_192
"""How many conditions are kept compiled: the same ones stand in policy after policy."""


def compile_condition(operator: str, key: str, wanted: Any, *, variables: bool) -> Condition:
    """Compile one key of one operator.

    Raises:
        PolicyError: for an operator AWS does not know, or values of a wrong type.
    """
    values = tuple(wanted) if isinstance(wanted, list) else wanted
    try:
        found = _COMPILED.get((variables, operator, key, values))
    except TypeError:
        found = None  # an unhashable value, which is refused below
    if found is not None:
        return found
    row, over, if_exists = _PARSED.get(operator) or _operator(operator)
    listed = values if isinstance(values, tuple) else (values,)
    texts = tuple(_text(value, f"{operator}.{key}") for value in listed)
    takes = variables and row is not None and row.variables
    templates = tuple(template(text, variables=takes) for text in texts)
    fixed = row is not None and all(wanted.parts is None for wanted in templates)
    condition = Condition(
        operator,
        key.lower(),
        key,
        row,
        over,
        if_exists,
        templates,
        row.compiled(texts) if row is not None and fixed else None,
        tuple(key for one in templates for key in one.keys()),
    )
    if texts == listed:  # not for numbers and truth values: 1 and true are the same dictionary key
        if len(_COMPILED) >= _SIZE:
            _COMPILED.clear()
        _COMPILED[variables, operator, key, values] = condition
    return condition


def _operator(operator: str) -> tuple[Operator | None, str, bool]:
    name, over = operator.lower(), ""
    for prefix, kind in _SETS.items():
        if name.startswith(prefix):
            name, over = name[len(prefix) :], kind
    if_exists = name.endswith("ifexists")
    name = name.removesuffix("ifexists")
    if name == _NULL and if_exists:
        raise PolicyError(operator, "Null takes no IfExists")
    if name != _NULL and name not in OPERATORS:
        raise PolicyError(operator, f"unknown condition operator {operator}")
    found = _PARSED[operator] = OPERATORS.get(name), over, if_exists
    return found


def _text(value: Any, where: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise PolicyError(where, f"a condition value is text, not {type(value).__name__}")
