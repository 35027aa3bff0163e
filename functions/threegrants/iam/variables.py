"""Policy variables: `${key}`, `${key, 'default'}`, and the literals `${*}`, `${?}`, `${$}`.

Only in Version 2012-10-17; multivalued keys cannot be used. A value is put in as literal text: a
`*` in a session name is no wildcard.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from threegrants.iam.wildcards import Pattern, Wildcard, plain_tokens

ContextValues = Mapping[str, str | Sequence[str]]
"""Condition keys, in lower case, to their values; a sequence for a multivalued key."""


class Variable(NamedTuple):
    """A reference to a condition key, with the default that stands in for a missing one."""

    key: str
    """in lower case"""
    default: str | None
    key_as_written: str

    def value(self, values: ContextValues) -> str | None:
        """The one value of the key, else the default; None if there is neither."""
        found = values.get(self.key, ())
        if isinstance(found, str):
            return found
        return None if found else self.default


class Template(NamedTuple):
    """A policy string: fixed, or with variables that are resolved for each request."""

    text: str
    parts: tuple[str | Wildcard | Variable, ...] | None = None
    """None if there are no variables; then `text` is the pattern."""

    def resolve(self, values: ContextValues) -> Pattern | None:
        """The pattern for one request; None if a variable has no value."""
        if self.parts is None:
            return self.text
        tokens: list[str | Wildcard] = []
        for part in self.parts:
            if not isinstance(part, Variable):
                tokens.append(part)
            elif (value := part.value(values)) is None:
                return None
            else:
                tokens.append(value)
        return tuple(tokens)


def resolved(templates: Iterable[Template], values: ContextValues) -> tuple[Pattern, ...]:
    """The patterns for one request, without those that have an unresolved variable."""
    found = (template.resolve(values) for template in templates)
    return tuple(pattern for pattern in found if pattern is not None)


def literal(pattern: Pattern) -> str:
    """The string of a pattern, for operators that know no wildcards."""
    if isinstance(pattern, str):
        return pattern
    return "".join(token if isinstance(token, str) else token.value for token in pattern)


def template(text: str, *, variables: bool) -> Template:
    """Parse a policy string; without `variables` (Version 2008-10-17), `${…}` is plain text."""
    if not variables or "${" not in text:
        return Template(text)
    parts: list[str | Wildcard | Variable] = []
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
        return _variable(key, value[1:-1])
    return _variable(inner, None)


def _variable(key: str, default: str | None) -> Variable:
    return Variable(key.strip().lower(), default, key.strip())
