"""The elements of statements as compiled tests: the fast twin of their methods `include` and `holds`.

The same Action, Resource and Condition stand in policy after policy, so tables keep what was
compiled. The tables stand here, beside the values, which hold nothing but what a policy says.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from threegrants.aws.arn import FIELDS
from threegrants.iam.arns import compile_arn_pattern, compile_resource_pattern
from threegrants.iam.conditions import Comparison, Condition, Operator
from threegrants.iam.elements import Actions, Resources
from threegrants.iam.memo import BoundedMemo
from threegrants.iam.variables import ContextValues, literal, resolved
from threegrants.iam.wildcards import Matcher, Pattern, Tokens, compile_pattern, plain_tokens

Predicate = Callable[[str, ContextValues], bool]
"""A test of the resource's ARN and of the context's values."""

_MOST = 8_192
"""How many compiled elements of each kind are kept."""


class PatternPartition(NamedTuple):
    """Patterns by what testing them costs."""

    exact: frozenset[str]
    """patterns without wildcards"""
    prefixes: tuple[str, ...]
    """what stands before the only wildcard, a star at the end"""
    others: tuple[Matcher, ...]


def partition_patterns(
    patterns: Iterable[Pattern], other: Callable[[Tokens], Matcher], colons: int = 0
) -> PatternPartition:
    """Sort patterns by what testing them costs.

    Args:
        patterns: as written, or taken apart.
        other: compiles what is neither an exact text nor a prefix.
        colons: how many colons an exact text or a prefix has to hold.
    """
    exact: set[str] = set()
    prefixes: list[str] = []
    others: list[Matcher] = []
    for pattern in patterns:
        if not isinstance(pattern, str):
            others.append(other(pattern))
            continue
        star, question = pattern.find("*"), "?" in pattern
        if star < 0 and not question and pattern.count(":") >= colons:
            exact.add(pattern)
        elif star == len(pattern) - 1 and not question and pattern.count(":") >= colons:
            prefixes.append(pattern[:-1])
        else:
            others.append(other(plain_tokens(pattern)))
    return PatternPartition(frozenset(exact), tuple(prefixes), tuple(others))


def any_of(partition: PatternPartition) -> Matcher:
    """One test for several patterns: the shortest that does the work."""
    exact, prefixes, others = partition
    if not prefixes and not others:
        return exact.__contains__
    if not others:
        if exact:
            return lambda text: text in exact or text.startswith(prefixes)
        return lambda text: text.startswith(prefixes)
    if len(others) == 1 and not exact and not prefixes:
        return others[0]

    def fits(text: str) -> bool:
        if text in exact or text.startswith(prefixes):
            return True
        for other in others:  # noqa: SIM110 - any() costs a generator in the hottest loop
            if other(text):
                return True
        return False

    return fits


# Actions


def _action_matcher(actions: Actions) -> Matcher:
    return any_of(partition_patterns(actions.texts, compile_pattern))


_ACTION_MATCHERS = BoundedMemo(_action_matcher, _MOST)

ACTIONS_INCLUDE: BoundedMemo[str, BoundedMemo[Actions, bool]] = BoundedMemo(
    lambda action: BoundedMemo(
        lambda actions: _ACTION_MATCHERS[actions](action) is not actions.inverted, 4_096
    ),
    128,
)
"""By action, in lower case: whether an Action or NotAction element means it."""


# Resources


def _partition(resources: Resources) -> PatternPartition | None:
    if resources.inverted or any(one.parts is not None for one in resources.texts):
        return None
    return _resource_partition(one.text for one in resources.texts)


def _resource_partition(patterns: Iterable[Pattern]) -> PatternPartition:
    return partition_patterns(patterns, compile_resource_pattern, colons=FIELDS - 1)


RESOURCE_PARTITIONS = BoundedMemo(_partition, _MOST)
"""By Resource element: its patterns, where neither variables nor a negation are in the way."""

_RESOLVED_RESOURCES: BoundedMemo[tuple[Pattern, ...], Matcher] = BoundedMemo(
    lambda patterns: any_of(_resource_partition(patterns)), _MOST
)


def _resource_predicate(resources: Resources) -> Predicate:
    partition = RESOURCE_PARTITIONS[resources]
    if partition is not None:
        return resource_predicate(partition)
    texts, inverted = resources.texts, resources.inverted
    if any(one.parts is not None for one in texts):
        resolve = _RESOLVED_RESOURCES
        return lambda arn, values: resolve[resolved(texts, values)](arn) is not inverted
    fits = any_of(_resource_partition(one.text for one in texts))
    return lambda arn, _: not fits(arn)


RESOURCE_PREDICATES = BoundedMemo(_resource_predicate, _MOST)
"""By Resource or NotResource element: the test of a request's resource."""


def resource_predicate(partition: PatternPartition) -> Predicate:
    """A test of the resource's ARN alone, in the fewest calls: nearly every statement has one."""
    exact, prefixes, others = partition
    if others:
        fits = any_of(partition)
        return lambda arn, _: fits(arn)
    if not exact:
        return lambda arn, _: arn.startswith(prefixes)
    if not prefixes:
        return lambda arn, _: arn in exact
    return lambda arn, _: arn in exact or arn.startswith(prefixes)


# Conditions


def _matcher(operator: Operator, policy_values: tuple[Pattern, ...]) -> Matcher:
    """One test for the values of a condition, before any negation."""
    match operator.comparison:
        case Comparison.STRING:
            return frozenset(literal(one) for one in policy_values).__contains__
        case Comparison.STRING_IGNORING_CASE:
            lowered = frozenset(literal(one).lower() for one in policy_values)
            return lambda actual: actual.lower() in lowered
        case Comparison.STRING_PATTERN:
            return any_of(partition_patterns(policy_values, compile_pattern))
        case Comparison.ARN_PATTERN:
            return any_of(partition_patterns(policy_values, compile_arn_pattern, colons=FIELDS - 1))
        case Comparison.VALUE:
            matches = operator.matches
            return lambda actual: any(matches(one, actual) for one in policy_values)


_RESOLVED_VALUES: BoundedMemo[tuple[Operator, tuple[Pattern, ...]], Matcher] = BoundedMemo(
    lambda key: _matcher(*key), _MOST
)


def _condition_predicate(condition: Condition) -> Predicate:
    key, operator, texts = condition.key, condition.operator, condition.policy_values
    if operator is None:
        return lambda _arn, values: condition.holds(values)
    negated, without_value = operator.negated, condition.holds_without_value
    together = all if condition.needs_all else any
    if any(one.parts is not None for one in texts):

        def resolving(_arn: str, values: ContextValues) -> bool:
            value = values.get(key)
            if value is None or (value.__class__ is not str and not value):
                return without_value
            fits = _RESOLVED_VALUES[operator, resolved(texts, values)]
            listed = (value,) if isinstance(value, str) else value
            return together(fits(one) is not negated for one in listed)

        return resolving
    fits = _matcher(operator, tuple(one.text for one in texts))

    def test(_arn: str, values: ContextValues) -> bool:
        value = values.get(key)
        if value.__class__ is str:
            return fits(value) is not negated
        return together(fits(one) is not negated for one in value) if value else without_value

    return test


CONDITION_PREDICATES: BoundedMemo[tuple[Condition, ...], tuple[Predicate, ...]] = BoundedMemo(
    lambda conditions: tuple(_condition_predicate(one) for one in conditions), _MOST
)
"""By all conditions of a statement: their tests."""
