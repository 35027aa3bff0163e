"""How much of a bucket an object grant covers: the object, its prefix, or the whole bucket."""

from dataclasses import dataclass
from enum import StrEnum

from threegrants.cloudtrail import DeniedCall
from threegrants.cloudtrail.operations import is_object_action


class Scope(StrEnum):
    """The choice at approval; the prefix ends at a slash."""

    OBJECT = "object"
    PREFIX = "prefix"
    BUCKET = "bucket"


@dataclass(frozen=True, slots=True)
class ScopedPattern:
    """One scope of one call.

    `scope` says what is covered, whatever was asked for: a prefix that is empty covers the bucket,
    and is called so, because rules on scopes rely on the name. `pattern` is the key pattern below
    the bucket (`reports/2026/*`), None where the call's actions are on the bucket itself.
    """

    scope: Scope
    pattern: str | None
    default: bool = False


_LOWEST, _HIGHEST = 0x20, 0xFF
"""Characters AWS accepts in a policy document. Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""


def scopes_for(
    call: DeniedCall, wanted: Scope, prefix: str | None = None
) -> tuple[ScopedPattern, ...]:
    """The scopes that differ, the narrowest first; exactly one is the default.

    Args:
        call: the denied call.
        wanted: the scope asked for.
        prefix: the common prefix of all denied keys, if more than this call's key is known.

    A key is chosen by whoever made the call: characters that mean something in a policy (`*`, `?`,
    `$`), or that a policy cannot hold, end the literal part, and the pattern is cut at the slash
    before them.
    """
    if not any(is_object_action(action) for action in call.s3_actions):
        return (ScopedPattern(Scope.BUCKET, None, True),)
    key = call.object_key
    patterns = {Scope.BUCKET: "*"}
    literal = _literal_part(key or "")
    folder = folder_of(literal if prefix is None else _literal_part(prefix))
    if folder:
        patterns[Scope.PREFIX] = f"{folder}*"
    if key and literal == key:
        patterns[Scope.OBJECT] = key
    default = _default(wanted, patterns, widened=folder_of(literal) != folder)
    return tuple(
        ScopedPattern(scope, patterns[scope], scope is default)
        for scope in Scope
        if scope in patterns
    )


def _default(wanted: Scope, patterns: dict[Scope, str], *, widened: bool) -> Scope:
    """The scope asked for, else the narrowest that covers what was denied.

    A key at the top of a bucket has no prefix but the bucket; nobody asked for that much. Where
    keys of several folders were denied, nothing narrower would do.
    """
    if wanted in patterns:
        return wanted
    if wanted is Scope.OBJECT and Scope.PREFIX in patterns:
        return Scope.PREFIX
    return Scope.OBJECT if Scope.OBJECT in patterns and not widened else Scope.BUCKET


def folder_of(key: str) -> str:
    """The key up to and with its last slash; empty at the top of the bucket."""
    return key[: key.rfind("/") + 1]


def common_prefix(one: str, other: str) -> str:
    """The longest common folder of two keys or folders."""
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return folder_of(one[:length])


def _literal_part(key: str) -> str:
    for index, char in enumerate(key):
        if char in "*?$" or not _LOWEST <= ord(char) <= _HIGHEST:
            return key[:index]
    return key
