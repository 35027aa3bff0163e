"""How much of a bucket an object grant covers: the object, its prefix, or the whole bucket."""

from enum import StrEnum

from threegrants.records import DeniedCall


class Scope(StrEnum):
    """The choice at approval; the prefix ends at a slash."""

    OBJECT = "object"
    PREFIX = "prefix"
    BUCKET = "bucket"


_LOWEST, _HIGHEST = 0x20, 0xFF
"""Characters AWS accepts in a policy document (IAM user guide, "IAM and STS quotas")."""


def narrow(call: DeniedCall, scope: Scope, prefix: str | None = None) -> str | None:
    """The key pattern below the bucket, None if the call is on no object.

    A key is chosen by whoever made the call: characters that mean something in a policy (`*`, `?`,
    `$`), or that a policy cannot hold, end the literal part, and the pattern is cut at the slash
    before them.
    """
    key = call.object_key
    if key is None:
        return None
    if scope is Scope.BUCKET:
        return "*"
    safe = _literal(key)
    if scope is Scope.OBJECT and safe == key:
        return key
    folder = folder_of(safe if prefix is None else _literal(prefix))
    return f"{folder}*"


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


def _literal(key: str) -> str:
    for place, char in enumerate(key):
        if char in "*?$" or not _LOWEST <= ord(char) <= _HIGHEST:
            return key[:place]
    return key
