"""ARNs: the patterns of the Resource element and of the ARN condition operators.

A condition's pattern is matched field by field. So its `*` never crosses the first five colons, and
a pattern with fewer fields matches nothing:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN

In the Resource element a `*` that ends a field may run over the colons behind it, and an incomplete
ARN is completed with stars:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
"""

from threegrants.aws.arn import FIELDS, split
from threegrants.iam.wildcards import (
    Matcher,
    Pattern,
    Token,
    Tokens,
    Wildcard,
    compile_pattern,
    tokens_of,
)


def matches_arn_pattern(pattern: Pattern, arn: str) -> bool:
    """Whether a pattern of an ARN condition operator fits an ARN."""
    return compile_arn_pattern(tokens_of(pattern))(arn)


def matches_resource_pattern(pattern: Pattern, arn: str) -> bool:
    """Whether a pattern of a Resource element fits an ARN."""
    return compile_resource_pattern(tokens_of(pattern))(arn)


def compile_arn_pattern(pattern: Tokens) -> Matcher:
    """The test of one pattern of an ARN condition operator: field by field."""
    return _by_field(_fields(pattern))


def compile_resource_pattern(pattern: Tokens) -> Matcher:
    """The test of one Resource pattern: completed if it is short; a star that ends a field runs on."""
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
