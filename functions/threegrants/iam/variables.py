"""Policy variables: `${key}`, `${key, 'default'}`, and the literals `${*}`, `${?}`, `${$}`.

Only in Version 2012-10-17; multivalued keys cannot be used. A value is put in as literal text: a
`*` in a session name is no wildcard. Source: IAM user guide, "IAM policy elements: Variables and
tags".
"""

from collections.abc import Mapping
from dataclasses import dataclass

from threegrants.iam.wildcards import Matcher, Tokens, Wild, matcher, plain_tokens

Context = Mapping[str, tuple[str, ...]]
"""Condition keys in lower case to their values."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A reference to a condition key, with the default that stands in for a missing one."""

    key: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Template:
    """A policy string: fixed, or with variables that are resolved for each request."""

    text: str
    parts: tuple[str | Wild | Variable, ...] | None = None
    """None if there are no variables; then `text` is the pattern."""

    def tokens(self, context: Context) -> Tokens | None:
        """The tokens for one request; None if a variable cannot be resolved."""
        if self.parts is None:
            return plain_tokens(self.text)
        tokens: list[str | Wild] = []
        for part in self.parts:
            if isinstance(part, Variable):
                value = resolve(part, context)
                if value is None:
                    return None
                tokens.append(value)
            else:
                tokens.append(part)
        return tuple(tokens)

    def matcher(self, context: Context) -> Matcher | None:
        """The compiled pattern for one request; None if a variable cannot be resolved."""
        if self.parts is None:
            return matcher(self.text)
        tokens = self.tokens(context)
        return None if tokens is None else Matcher(tokens)

    def literal(self, context: Context) -> str | None:
        """The string for operators that know no wildcards; None if it cannot be resolved."""
        if self.parts is None:
            return self.text
        tokens = self.tokens(context)
        if tokens is None:
            return None
        return "".join(t.value if isinstance(t, Wild) else t for t in tokens)


def resolve(variable: Variable, context: Context) -> str | None:
    """The value of a variable: exactly one value of its key, else its default."""
    values = context.get(variable.key)
    if values is not None and len(values) == 1:
        return values[0]
    return variable.default if not values else None


def template(text: str, *, variables: bool) -> Template:
    """Parse a policy string; without `variables` (Version 2008-10-17), `${…}` is plain text."""
    if not variables or "${" not in text:
        return Template(text)
    parts: list[str | Wild | Variable] = []
    rest = text
    found = False
    while rest:
        start = rest.find("${")
        end = rest.find("}", start)
        if start < 0 or end < 0:
            break
        parts += plain_tokens(rest[:start])
        parts.append(_reference(rest[start + 2 : end]))
        found = True
        rest = rest[end + 1 :]
    parts += plain_tokens(rest)
    return Template(text, tuple(parts)) if found else Template(text)


def _reference(inner: str) -> str | Variable:
    if inner in ("*", "?", "$"):
        return inner
    key, comma, default = inner.partition(",")
    value = default.strip()
    if comma and len(value) > 1 and value[0] == value[-1] == "'":
        return Variable(key.strip().lower(), value[1:-1])
    return Variable(key.strip().lower() if comma else inner.strip().lower(), None)
