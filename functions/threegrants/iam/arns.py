"""ARNs: the Resource element, and the ARN condition operators.

A condition's pattern is matched field by field, so its `*` never crosses the first five colons
(docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html,
"Amazon Resource Name (ARN) condition operators"). In the Resource element a `*` that ends a field
may run over the colons behind it, and an incomplete ARN is completed with stars
(…/reference_policies_elements_resource.html).
"""

from collections.abc import Iterable

from threegrants.iam.variables import literal
from threegrants.iam.wildcards import (
    Fits,
    Parts,
    Token,
    Tokens,
    Wild,
    fits_of,
    sorted_out,
    union,
)

FIELDS = 6


def split(arn: str) -> list[str]:
    """The six fields of an ARN; fewer if it is none."""
    return arn.split(":", FIELDS - 1)


def account_of(arn: str) -> str | None:
    """The account field; None if it is empty or this is no ARN."""
    fields = split(arn)
    return fields[4] or None if len(fields) == FIELDS else None


def any_arn(patterns: Iterable[str | Tokens]) -> Fits:
    """One test for the patterns of an ARN condition operator."""
    return union(sorted_out(patterns, _condition, colons=FIELDS - 1))


def any_resource(patterns: Iterable[str | Tokens]) -> Parts:
    """The tests for the patterns of a Resource element."""
    return sorted_out(patterns, _resource, colons=FIELDS - 1)


def _condition(pattern: Tokens) -> Fits:
    """A condition's pattern; one that ends early with a star leaves the other fields open."""
    fields = _fields(pattern)
    if len(fields) < FIELDS and _ends_with_star(fields[-1]):
        fields += [(Wild.ANY,)] * (FIELDS - len(fields))
    return _by_field(fields)


def _resource(pattern: Tokens) -> Fits:
    """A Resource pattern: completed if it is short; a star that ends a field may run on."""
    fields = _fields(pattern)
    completed = fields + [(Wild.ANY,)] * (FIELDS - len(fields))
    by_field = _by_field(completed)
    if any(_stays_inside(one) for one in fields[: FIELDS - 1]):
        return by_field
    if not literal(pattern).startswith(("arn:", "*")):
        return by_field
    across = fits_of(pattern)
    if len(fields) == FIELDS:
        return across  # which takes in all that fits field by field
    return lambda arn: by_field(arn) or across(arn)


def _by_field(fields: list[Tokens]) -> Fits:
    if len(fields) != FIELDS:
        return lambda _arn: False
    if all(isinstance(token, str) for field in fields[:-1] for token in field):
        # No wildcard before the fifth colon: the whole text decides.
        return fits_of(tuple(token for field in fields for token in (*field, ":"))[:-1])
    first, second, third, fourth, fifth, sixth = (fits_of(field) for field in fields)

    def fits(arn: str) -> bool:
        found = arn.split(":", FIELDS - 1)
        return (
            len(found) == FIELDS
            and third(found[2])
            and sixth(found[5])
            and fifth(found[4])
            and fourth(found[3])
            and first(found[0])
            and second(found[1])
        )

    return fits


def _ends_with_star(group: Tokens) -> bool:
    stars = [token for token in group if token != ""]
    return bool(stars) and stars[-1] is Wild.ANY


def _stays_inside(group: Tokens) -> bool:
    """Whether a field has a wildcard that cannot run over the colon behind it."""
    tokens = [token for token in group if token != ""]
    return Wild.ONE in tokens or Wild.ANY in tokens[:-1]


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
