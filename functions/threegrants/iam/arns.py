"""ARNs: matched field by field, so that a wildcard never crosses the first five colons.

Source: IAM user guide, "IAM JSON policy elements: Resource", "Amazon Resource Name (ARN) condition
operators".
"""

from threegrants.iam.variables import Context, Template
from threegrants.iam.wildcards import Matcher, Token, Tokens, matcher

FIELDS = 6
_COMPILED: dict[str, tuple[Matcher, ...] | None] = {}
_SIZE = 20_000


def split(arn: str) -> list[str]:
    """The six fields of an ARN; fewer if it is none."""
    return arn.split(":", FIELDS - 1)


def is_arn(text: str) -> bool:
    """Whether a text has the six fields of an ARN."""
    return text.startswith("arn:") and len(split(text)) == FIELDS


def matches(pattern: Template, arn: str, context: Context) -> bool:
    """Whether an ARN fits a pattern; an unresolved variable matches nothing."""
    if pattern.parts is None:
        text = pattern.text
        if text == "*":
            return True
        if "*" not in text and "?" not in text:
            return text == arn
        compiled = _COMPILED.get(text)
        if compiled is None and text not in _COMPILED:
            if len(_COMPILED) >= _SIZE:
                _COMPILED.clear()
            compiled = _COMPILED[text] = _compile(text)
        return compiled is not None and _fields_match(compiled, arn)
    tokens = pattern.tokens(context)
    if tokens is None:
        return False
    groups = _split_tokens(tokens)
    if len(groups) != FIELDS:
        return len(groups) == 1 and Matcher(groups[0]).only_any
    return _fields_match(tuple(Matcher(tuple(group)) for group in groups), arn)


def _compile(text: str) -> tuple[Matcher, ...] | None:
    """The fields of a pattern; one that ends early with a star leaves the other fields open."""
    fields = split(text)
    if len(fields) < FIELDS and text.endswith("*"):
        fields += ["*"] * (FIELDS - len(fields))
    return tuple(matcher(field) for field in fields) if len(fields) == FIELDS else None


def _fields_match(compiled: tuple[Matcher, ...], arn: str) -> bool:
    fields = split(arn)
    return len(fields) == FIELDS and all(
        one.matches(field) for one, field in zip(compiled, fields, strict=True)
    )


def _split_tokens(tokens: Tokens) -> list[Tokens]:
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
