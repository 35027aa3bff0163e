"""Questions next to a grant: who, what and where a careless or widened patch would let in too.

Deterministic: the same patch is always asked the same questions, seeded by its digest.
"""

import json
import random
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import product
from typing import Any

from threegrants.cloudtrail.operations import S3
from threegrants.patches.alternatives import GRANT_OPERATIONS
from threegrants.patches.grant_statement import Face, principals_of, statements, texts
from threegrants.patches.patch import Patch

Question = tuple[str, str, str]
"""principal, action, resource"""

_SAMPLE = 400
"""Questions in which everything may differ; those that differ in one thing are all asked."""
_KMS_ADMINISTRATION = (
    "CancelKeyDeletion", "CreateAlias", "CreateGrant", "DeleteAlias", "DisableKey",
    "DisableKeyRotation", "EnableKey", "GetKeyPolicy", "ListGrants", "PutKeyPolicy",
    "ReplicateKey", "RetireGrant", "RevokeGrant", "ScheduleKeyDeletion", "Sign", "TagResource",
)  # fmt: skip
_ELSEWHERE = ("iam:PassRole", "sts:AssumeRole", "ec2:RunInstances", "s3-object-lambda:GetObject")


def questions(patch: Patch, face: Face, grantee: str, owner: str) -> list[Question]:
    """What to ask before and after a patch.

    Args:
        patch: the patch; what its documents name is asked about too.
        face: what it is meant to grant.
        grantee: the ARN of the role or user it is for.
        owner: the account that owns the resource.
    """
    # Not for secrets: the same patch has to be asked the same questions.
    chance = random.Random(patch.digest)  # noqa: S311
    named = _named(patch, chance)
    one_only = patch.grant == "iam_policy"  # an identity-based policy is about its holder only
    who = [grantee] if one_only else list(_unique((*_principals(grantee, owner), *named[0])))
    what = list(_unique((*_meant(face), *_actions(face, chance), *named[1])))
    on_key = patch.grant == "key_policy"  # a key policy is about its key only
    where = [patch.target] if on_key else list(_unique((*_resources(face, chance), *named[2])))
    meant = list(
        product(filter(face.reaches, who), filter(face.allows, what), filter(face.is_on, where))
    )
    near: list[Question] = []
    for principal, action, resource in _some(meant, 4, chance):
        near += [(other, action, resource) for other in who]
        near += [(principal, other, resource) for other in what]
        near += [(principal, action, other) for other in where]
    for _ in range(_SAMPLE):
        near.append((chance.choice(who), chance.choice(what), chance.choice(where)))
    return list(
        _unique((*_some(meant, _SAMPLE // 4, chance), *_written(patch, grantee, chance), *near))
    )


def session_of(role: str) -> str:
    """A session of a role."""
    _, partition, _, _, account, path = role.split(":", 5)
    return f"arn:{partition}:sts::{account}:assumed-role/{path.rsplit('/', 1)[-1]}/threegrants"


def _principals(grantee: str, owner: str) -> Iterator[str]:
    _, partition, _, _, account, resource = grantee.split(":", 5)
    kind, _, path = resource.partition("/")
    folder, _, name = path.rpartition("/")
    yield grantee
    others = [f"{name}2", f"{name}-admin", name[:-1] or "x", name.swapcase(), "Admin"]
    for other in others:
        arn = f"arn:{partition}:iam::{account}:{kind}/{folder + '/' if folder else ''}{other}"
        yield arn
        if kind == "role":
            yield session_of(arn)
    if kind == "role":
        yield session_of(grantee)
    yield f"arn:{partition}:iam::{account}:{'user' if kind == 'role' else 'role'}/{path}"
    for elsewhere in (account, owner, _other(account, owner)):
        yield f"arn:{partition}:iam::{elsewhere}:root"
        if elsewhere != account:
            yield f"arn:{partition}:iam::{elsewhere}:{resource}"
            yield f"arn:{partition}:sts::{elsewhere}:assumed-role/{name}/threegrants"
    yield from ("anonymous", "s3.amazonaws.com", "ec2.amazonaws.com", "logging.s3.amazonaws.com")


def _other(account: str, owner: str) -> str:
    """An account that is neither."""
    return next(
        a for a in ("123456789012", "210987654321", "555555555555") if a not in {account, owner}
    )


@cache
def _vocabulary() -> tuple[str, ...]:
    """Every action of S3 and KMS that this product knows, and some of other services."""
    s3 = {action for one in S3.values() for action in (*one.actions, *one.versioned)}
    kms = {f"kms:{name}" for name in (*GRANT_OPERATIONS, *_KMS_ADMINISTRATION)}
    return (*sorted(s3), *sorted(kms), *_ELSEWHERE)


def _meant(face: Face) -> Iterator[str]:
    for pattern in face.actions:
        yield from _concrete(pattern)


def _actions(face: Face, chance: random.Random) -> Iterator[str]:
    """Siblings of the actions, what administers, and others."""
    yield from ("s3:PutBucketPolicy", "s3:PutObjectAcl", "s3:DeleteObject", "s3:ListBucket")
    yield from ("kms:PutKeyPolicy", "kms:CreateGrant", "kms:Decrypt", "iam:PassRole")
    for action in face.actions:
        stem = action.rstrip("*")
        yield f"{stem}Extra"
        # What a star behind the action would let in too, and what one further left would.
        yield from [one for one in _vocabulary() if one.startswith(stem)]
        wider = [one for one in _vocabulary() if one.startswith(stem[: len(stem) // 2 + 2])]
        yield from _some(wider, 4, chance)
    yield from _some(_vocabulary(), 10, chance)


def _resources(face: Face, chance: random.Random) -> Iterator[str]:
    for pattern in face.resources:
        stem = pattern.rstrip("*")
        yield stem
        if pattern.endswith("*"):
            yield from (f"{stem}a", f"{stem}deep/er/key", f"{stem}{chance.getrandbits(32):x}")
        head, slash, key = stem.partition("/")
        yield from (
            head,
            f"{head}/",
            f"{stem}x" if slash else f"{stem}-2/x",
            f"{head}2",
            f"{head}-copy/{key}",
        )
        yield from (f"{head[:-1]}/{key}x", "*", f"{stem[:-1]}", f"{stem.rstrip('/')}-old/a")
        if key:
            parent = key.rstrip("/").rpartition("/")[0]
            yield from (f"{head}/{parent}", f"{head}/{parent}/other", f"{head}/x/{key}a")
            yield from (f"{head}/{key.swapcase()}a", f"{head}/{chance.getrandbits(32):x}/a")


def _named(patch: Patch, chance: random.Random) -> tuple[list[str], list[str], list[str]]:
    """Whom, what and where the document after the patch names, as questions."""
    loaded: Any = json.loads(patch.after)
    listed = [one for one in statements(loaded) if isinstance(one, dict)]
    who = [_asker(name) for one in listed for name in principals_of(one)]
    who += [session_of(name) for name in who if ":role/" in name]
    accounts = {name.split(":")[4] for name in who if name.startswith("arn:")}
    who += [f"arn:aws:iam::{account}:role/any" for account in sorted(accounts) if account]
    what = [c for one in listed for a in texts(one.get("Action")) for c in _concrete(a)]
    where = [r.replace("*", "any") for one in listed for r in texts(one.get("Resource"))]
    return (
        _some(list(_unique(who)), 8, chance),
        _some(list(_unique(what)), 8, chance),
        _some([one for one in _unique(where) if one.startswith("arn:")], 8, chance),
    )


def _written(patch: Patch, grantee: str, chance: random.Random) -> Iterator[Question]:
    """What each statement that is new says of itself, question by question."""
    old = [] if patch.before is None else statements(json.loads(patch.before))
    for one in statements(json.loads(patch.after)):
        if one in old or not isinstance(one, dict):
            continue
        names = [grantee] if patch.grant == "iam_policy" else principals_of(one) or ["anonymous"]
        who = [_asker(name) for name in names]
        what = [action for text in texts(one.get("Action")) for action in _concrete(text)]
        where = [text.replace("*", "any") for text in texts(one.get("Resource"))]
        if patch.grant == "key_policy":
            where = [patch.target]
        yield from product(
            _some(who, 4, chance), _some(what, 4, chance), _some([*where, patch.target], 4, chance)
        )


def _asker(name: str) -> str:
    """Who asks, for a name under a statement's `AWS`: an ARN, an account id, or everyone."""
    if len(name) == 12 and name.isdigit():  # noqa: PLR2004
        return f"arn:aws:iam::{name}:root"
    return name if name.startswith("arn:") else "anonymous"


def _concrete(pattern: str) -> list[str]:
    """An action pattern as actions."""
    if not pattern.endswith("*"):
        return [pattern]
    stem = pattern[:-1].lower()
    return [one for one in _vocabulary() if one.lower().startswith(stem)] or [f"{pattern[:-1]}Any"]


def _some(listed: Iterable[Any], most: int, chance: random.Random) -> list[Any]:
    known = list(listed)
    return known if len(known) <= most else chance.sample(known, most)


def _unique(listed: Iterable[Any]) -> Iterator[Any]:
    return iter(dict.fromkeys(listed))
