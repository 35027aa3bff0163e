"""ARNs: the Resource element, and the ARN condition operators.

A condition's pattern is matched field by field, so its `*` never crosses the first five colons
(docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html,
"Amazon Resource Name (ARN) condition operators"). In the Resource element a `*` that ends a field
may run over the colons behind it, and an incomplete ARN is completed with stars
(…/reference_policies_elements_resource.html).
"""

from collections.abc import Callable, Iterable

from threegrants.iam.variables import literal
from threegrants.iam.wildcards import (
    Fits,
    Matcher,
    Token,
    Tokens,
    Wild,
    literal_prefix,
    plain_tokens,
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
    return _compiled(patterns, _by_field)


def any_resource(patterns: Iterable[str | Tokens]) -> Fits:
    """One test for the patterns of a Resource element."""
    return _compiled(patterns, _resource)


def _compiled(patterns: Iterable[str | Tokens], other: Callable[[str | Tokens], Fits]) -> Fits:
    exact: set[str] = set()
    prefixes: list[str] = []
    others: list[Fits] = []
    for pattern in patterns:
        if isinstance(pattern, str):
            if pattern == "*":
                prefixes.append("")
                continue
            if "*" not in pattern and "?" not in pattern and pattern.count(":") >= FIELDS - 1:
                exact.add(pattern)
                continue
            prefix = literal_prefix(pattern)
            # All five colons stand in the prefix, so the star cannot cross any of them.
            if prefix is not None and prefix.count(":") >= FIELDS - 1:
                prefixes.append(prefix)
                continue
        others.append(other(pattern))
    return union(frozenset(exact), tuple(prefixes), tuple(others))


def _by_field(pattern: str | Tokens) -> Fits:
    """An ARN pattern; one that ends early with a star leaves the other fields open."""
    groups = _groups(plain_tokens(pattern) if isinstance(pattern, str) else pattern)
    if len(groups) < FIELDS and _ends_with_star(groups[-1]):
        groups += [(Wild.ANY,)] * (FIELDS - len(groups))
    if len(groups) != FIELDS:
        return lambda _arn: False
    fields = tuple(Matcher(group) for group in groups)

    def fits(arn: str) -> bool:
        found = split(arn)
        return len(found) == FIELDS and all(
            field.matches(text) for field, text in zip(fields, found, strict=True)
        )

    return fits


def _resource(pattern: str | Tokens) -> Fits:
    tokens = plain_tokens(pattern) if isinstance(pattern, str) else pattern
    groups = _groups(tokens)
    if len(groups) < FIELDS:
        groups_done = groups + [(Wild.ANY,)] * (FIELDS - len(groups))
        completed: Tokens = tuple(t for group in groups_done for t in (*group, ":"))[:-1]
        by_field = _by_field(completed)
    else:
        by_field = _by_field(tokens)
    if any(_inner_star(group) for group in groups[: FIELDS - 1]) or not literal(tokens).startswith(
        ("arn:", "*")
    ):
        return by_field
    across = Matcher(tokens).matches
    return lambda arn: by_field(arn) or across(arn)


def _ends_with_star(group: Tokens) -> bool:
    stars = [token for token in group if token != ""]
    return bool(stars) and stars[-1] is Wild.ANY


def _inner_star(group: Tokens) -> bool:
    """Whether a wildcard of a field has something behind it, so that it stays within the field."""
    tokens = [token for token in group if token != ""]
    return Wild.ONE in tokens or Wild.ANY in tokens[:-1]


def _groups(tokens: Tokens) -> list[Tokens]:
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
