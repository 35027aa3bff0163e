"""Policy variables: `${key}`, `${key, 'default'}`, and the literals `${*}`, `${?}`, `${$}`.

Only in Version 2012-10-17; multivalued keys cannot be used. A value is put in as literal text: a
`*` in a session name is no wildcard. See
docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from threegrants.iam.wildcards import Tokens, Wild, plain_tokens

Context = Mapping[str, str | tuple[str, ...]]
"""Condition keys, as the request spells them, to their values; a tuple for a multivalued key."""

Names = Mapping[str, str]
"""Condition keys in lower case to the spelling of the request: key names have no case."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A reference to a condition key, with the default that stands in for a missing one."""

    key: str
    default: str | None

    def value(self, context: Context, names: Names) -> str | None:
        """The one value of the key, else the default; None if there is neither."""
        spelled = names.get(self.key)
        found = context[spelled] if spelled is not None else ()
        if isinstance(found, str):
            return found
        return None if found else self.default


@dataclass(frozen=True, slots=True)
class Template:
    """A policy string: fixed, or with variables that are resolved for each request."""

    text: str
    parts: tuple[str | Wild | Variable, ...] | None = None
    """None if there are no variables; then `text` is the pattern."""

    def keys(self) -> tuple[str, ...]:
        """The condition keys that variables refer to, in lower case."""
        return tuple(part.key for part in self.parts or () if isinstance(part, Variable))

    def resolve(self, context: Context, names: Names) -> str | Tokens | None:
        """The pattern for one request; None if a variable has no value."""
        if self.parts is None:
            return self.text
        tokens: list[str | Wild] = []
        for part in self.parts:
            if isinstance(part, Variable):
                value = part.value(context, names)
                if value is None:
                    return None
                tokens.append(value)
            else:
                tokens.append(part)
        return tuple(tokens)


def literal(pattern: str | Tokens) -> str:
    """The string of a pattern, for operators that know no wildcards."""
    if isinstance(pattern, str):
        return pattern
    return "".join(token if isinstance(token, str) else token.value for token in pattern)


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
    return Variable(inner.strip().lower(), None)
