"""How much of a bucket a grant covers: the object, its prefix, or the whole bucket."""

from collections.abc import Iterable
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
    and is called so, because rules on scopes rely on the name. `patterns` are key patterns below
    the bucket (`reports/2026/*`): several where keys of several folders were denied. Of a listing
    they are prefixes; none where the call's actions are on the bucket as a whole.
    """

    scope: Scope
    patterns: tuple[str, ...]
    default: bool = False


_LOWEST, _HIGHEST = 0x20, 0xFF
"""Characters AWS accepts in a policy document. Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""


LISTED_BY_PREFIX = frozenset({"s3:ListBucket", "s3:ListBucketVersions"})
"""The actions that know the condition key `s3:prefix`. Source:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html"""


def scopes_for(
    call: DeniedCall, wanted: Scope, folders: Iterable[str] = ()
) -> tuple[ScopedPattern, ...]:
    """The scopes that differ, the narrowest first; exactly one is the default.

    Args:
        call: the denied call.
        wanted: the scope asked for.
        folders: the folders of all denied keys, if more than this call's key is known. Two folders
            that have nothing in common stay two: nobody asked for the whole bucket.

    A key is chosen by whoever made the call: characters that mean something in a policy (`*`, `?`,
    `$`), or that a policy cannot hold, end the literal part, and the pattern is cut at the slash
    before them.
    """
    if not any(is_object_action(action) for action in call.s3_actions):
        return _scopes_of_listing(call, wanted, folders)
    key = call.object_key
    patterns: dict[Scope, tuple[str, ...]] = {Scope.BUCKET: ("*",)}
    literal = _literal_part(key or "")
    # A key at the top of the bucket is in no folder: it is named itself.
    own = folder_of(literal) or (literal if literal == key else "")
    known = _known_folders(folders)
    listed = known if not own or _is_within(own, known) else (*known, own)
    if own and listed != (key,):
        patterns[Scope.PREFIX] = tuple(f"{one}*" if one.endswith("/") else one for one in listed)
    if key and literal == key:
        patterns[Scope.OBJECT] = (key,)
    default = _default(wanted, patterns, widened=bool(known) and known != (own,))
    return tuple(
        ScopedPattern(scope, patterns[scope], scope is default)
        for scope in Scope
        if scope in patterns
    )


def _scopes_of_listing(
    call: DeniedCall, wanted: Scope, folders: Iterable[str]
) -> tuple[ScopedPattern, ...]:
    """Of actions on the bucket: listing below a prefix, or the bucket as a whole."""
    whole = ScopedPattern(Scope.BUCKET, (), True)
    literal = _literal_part(call.prefix or "")
    own = folder_of(literal) or literal
    if not own or not LISTED_BY_PREFIX.issuperset(call.s3_actions):
        return (whole,)
    known = _known_folders(folders)
    listed = known if any(own.startswith(one) for one in known) else (*known, own)
    below = ScopedPattern(
        Scope.PREFIX, tuple(f"{folder}*" for folder in listed), wanted is not Scope.BUCKET
    )
    return (below, ScopedPattern(Scope.BUCKET, (), wanted is Scope.BUCKET))


def _known_folders(folders: Iterable[str]) -> tuple[str, ...]:
    """The folders, and keys at the top of the bucket, as far as a policy can name them."""
    found = (
        folder_of(literal) or (literal if literal == folder else "")
        for folder in folders
        for literal in (_literal_part(folder),)
    )
    return tuple(dict.fromkeys(folder for folder in found if folder))


def _is_within(place: str, folders: Iterable[str]) -> bool:
    """Whether a folder, or a key at the top, is one of these or in one of them."""
    return any(place == one or (one.endswith("/") and place.startswith(one)) for one in folders)


def _default(wanted: Scope, patterns: dict[Scope, tuple[str, ...]], *, widened: bool) -> Scope:
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


MOST_KEY_BYTES = 1_024
"""No object has a longer key. Source:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"""

MOST_FOLDERS = 5
"""How many folders without a common one an incident's patches cover; keys of others stay denied."""


def with_key(folders: tuple[str, ...], key: str) -> tuple[str, ...]:
    """The folders that cover one key more: the common one of two grows, unless it is the bucket.

    Args:
        folders: the folders so far, none inside another; keys at the top of the bucket among them.
        key: the object key, or the prefix that was listed; one that no object can have adds nothing.
    """
    folder = folder_of(key) or key
    if not folder or len(key.encode()) > MOST_KEY_BYTES or _is_within(folder, folders):
        return folders
    shared = next((found for one in folders if (found := common_prefix(one, folder))), "")
    if shared:
        return (*(one for one in folders if not one.startswith(shared)), shared)
    return (*folders, folder) if len(folders) < MOST_FOLDERS else folders


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
