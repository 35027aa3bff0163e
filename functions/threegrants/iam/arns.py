"""ARNs: the Resource element, and the ARN condition operators.

A condition's pattern is matched field by field, so its `*` never crosses the first five colons, and
a pattern with fewer fields matches nothing (docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html,
"Amazon Resource Name (ARN) condition operators"). In the Resource element a `*` that ends a field
may run over the colons behind it, and an incomplete ARN is completed with stars
(…/reference_policies_elements_resource.html).
"""

from collections.abc import Iterable

from threegrants.aws.arn import FIELDS, split
from threegrants.iam.wildcards import (
    Matcher,
    Pattern,
    PatternPartition,
    Token,
    Tokens,
    Wildcard,
    any_of,
    compile_pattern,
    partition_patterns,
)


def compile_arn_patterns(patterns: Iterable[Pattern]) -> Matcher:
    """One test for the patterns of an ARN condition operator."""
    return any_of(
        partition_patterns(patterns, lambda pattern: _by_field(_fields(pattern)), colons=FIELDS - 1)
    )


def partition_resources(patterns: Iterable[Pattern]) -> PatternPartition:
    """The tests for the patterns of a Resource element."""
    return partition_patterns(patterns, _resource, colons=FIELDS - 1)


def _resource(pattern: Tokens) -> Matcher:
    """A Resource pattern: completed if it is short; a star that ends a field may run on."""
    fields = _fields(pattern)
    by_field = _by_field(fields + [(Wildcard.ANY,)] * (FIELDS - len(fields)))
    if any(_stays_inside(field) for field in fields[: FIELDS - 1]):
        return by_field
    across = compile_pattern(pattern)
    if len(fields) == FIELDS:
        return across  # which takes in all that fits field by field
    return lambda arn: by_field(arn) or across(arn)


def _by_field(fields: list[Tokens]) -> Matcher:
    """The test of a pattern field by field; one without six fields fits nothing."""
    if len(fields) != FIELDS:
        return lambda _arn: False
    if all(isinstance(token, str) for field in fields[:-1] for token in field):
        # No wildcard before the fifth colon: the whole text decides.
        return compile_pattern(tuple(token for field in fields for token in (*field, ":"))[:-1])
    tests = [compile_pattern(field) for field in fields]

    def fits(arn: str) -> bool:
        found = split(arn)
        return len(found) == FIELDS and all(
            test(field) for test, field in zip(tests, found, strict=True)
        )

    return fits


def _stays_inside(field: Tokens) -> bool:
    """Whether a field has a wildcard that cannot run over the colon behind it."""
    tokens = [token for token in field if token != ""]
    return Wildcard.ONE in tokens or Wildcard.ANY in tokens[:-1]


def _fields(tokens: Tokens) -> list[Tokens]:
    """Tokens by ARN field."""
    groups: list[list[Token]] = [[]]
    for token in tokens:
        if not isinstance(token, str):
            groups[-1].append(token)
            continue
        rest = token
        while len(groups) < FIELDS and ":" in rest:
            head, _, rest = rest.partition(":")
            groups[-1].append(head)
            groups.append([])
        groups[-1].append(rest)
    return [tuple(group) for group in groups]
