"""Probe requests: who, what and where a careless or widened patch would let in too.

Deterministic: the same patch always gets the same probe requests, seeded by its digest.
"""

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from itertools import product
from typing import Any

from threegrants.aws.arn import Arn, account_in, account_root, is_account_id, parse_arn
from threegrants.aws.policy_json import aws_principals, statement_objects, statements, texts
from threegrants.cloudtrail.operations import S3
from threegrants.diagnosis import GrantName
from threegrants.patches.documents import PatchDocuments
from threegrants.patches.grant_statement import GrantStatement
from threegrants.patches.grantable_actions import GRANT_OPERATIONS

ProbeRequest = tuple[str, str, str]
"""principal, action, resource"""

_SAMPLE_SIZE = 400
"""Probe requests in which everything may differ; those that differ in one thing are all asked."""
_KMS_ADMINISTRATION = (
    "CancelKeyDeletion", "CreateAlias", "CreateGrant", "DeleteAlias", "DisableKey",
    "DisableKeyRotation", "EnableKey", "GetKeyPolicy", "ListGrants", "PutKeyPolicy",
    "ReplicateKey", "RetireGrant", "RevokeGrant", "ScheduleKeyDeletion", "Sign", "TagResource",
)  # fmt: skip
_OTHER_SERVICES = (
    "iam:PassRole",
    "sts:AssumeRole",
    "ec2:RunInstances",
    "s3-object-lambda:GetObject",
)


def probe_requests(
    documents: PatchDocuments, grant_statement: GrantStatement, grantee: str, owner: str
) -> list[ProbeRequest]:
    """What to ask before and after a patch.

    Args:
        documents: the patch; what its documents name is asked about too.
        grant_statement: what it is meant to grant.
        grantee: the ARN of the role or user it is for.
        owner: the account that owns the resource.
    """
    patch = documents.patch
    # Not for secrets: the same patch has to be asked the same questions.
    rng = random.Random(patch.digest)  # noqa: S311
    named = _named_in_document(documents, rng)
    # An identity-based policy is about its holder only.
    one_only = patch.grant == GrantName.IAM_POLICY
    principals = [grantee] if one_only else list(_unique((*_principals(grantee, owner), *named[0])))
    actions = list(
        _unique((*_granted_actions(grant_statement), *_actions(grant_statement, rng), *named[1]))
    )
    on_key = patch.grant == GrantName.KEY_POLICY  # a key policy is about its key only
    resources = (
        [patch.target] if on_key else list(_unique((*_resources(grant_statement, rng), *named[2])))
    )
    granted = list(
        product(
            filter(grant_statement.covers_principal, principals),
            filter(grant_statement.covers_action, actions),
            filter(grant_statement.covers_resource, resources),
        )
    )
    probes: list[ProbeRequest] = []
    for principal, action, resource in _sampled(granted, 4, rng):
        probes += [(other, action, resource) for other in principals]
        probes += [(principal, other, resource) for other in actions]
        probes += [(principal, action, other) for other in resources]
    sampled = (rng.choices(one, k=_SAMPLE_SIZE) for one in (principals, actions, resources))
    probes += zip(*sampled, strict=True)
    return list(
        _unique(
            (
                *_sampled(granted, _SAMPLE_SIZE // 4, rng),
                *_requests_of_new_statements(documents, grantee, rng),
                *probes,
            )
        )
    )


def session_of(role: str) -> str:
    """A session of a role."""
    return str(Arn.parse(role).session("threegrants"))


def _principals(grantee: str, owner: str) -> Iterator[str]:
    arn = Arn.parse(grantee)
    kind, path, name = arn.resource_type, arn.resource_id, arn.name
    folder = path.removesuffix(name)
    yield grantee
    others = [f"{name}2", f"{name}-admin", name[:-1] or "x", name.swapcase(), "Admin"]
    for other in others:
        sibling = str(replace(arn, resource=f"{kind}/{folder}{other}"))
        yield sibling
        if kind == "role":
            yield session_of(sibling)
    if kind == "role":
        yield session_of(grantee)
    yield str(replace(arn, resource=f"{'user' if kind == 'role' else 'role'}/{path}"))
    for elsewhere in (arn.account, owner, _third_account(arn.account, owner)):
        namesake = replace(arn, account=elsewhere)
        yield str(namesake.root())
        if elsewhere != arn.account:
            yield str(namesake)
            yield str(namesake.session("threegrants"))
    yield from ("anonymous", "s3.amazonaws.com", "ec2.amazonaws.com", "logging.s3.amazonaws.com")


def _third_account(account: str, owner: str) -> str:
    """An account that is neither."""
    return next(
        a for a in ("123456789012", "210987654321", "555555555555") if a not in {account, owner}
    )


@lru_cache(maxsize=1_024)
def _known_actions(stem: str = "") -> tuple[str, ...]:
    """Every action of S3 and KMS that this product knows, and some of other services.

    Args:
        stem: how they begin, whatever the case.
    """
    if stem:
        lower = stem.lower()
        return tuple(one for one in _known_actions() if one.lower().startswith(lower))
    s3 = {action for one in S3.values() for action in (*one.actions, *one.versioned)}
    kms = {f"kms:{name}" for name in (*GRANT_OPERATIONS, *_KMS_ADMINISTRATION)}
    return (*sorted(s3), *sorted(kms), *_OTHER_SERVICES)


def _granted_actions(grant_statement: GrantStatement) -> Iterator[str]:
    for pattern in grant_statement.actions:
        yield from _matching_actions(pattern)


def _actions(grant_statement: GrantStatement, rng: random.Random) -> Iterator[str]:
    """Siblings of the actions, what administers, and others."""
    yield from ("s3:PutBucketPolicy", "s3:PutObjectAcl", "s3:DeleteObject", "s3:ListBucket")
    yield from ("kms:PutKeyPolicy", "kms:CreateGrant", "kms:Decrypt", "iam:PassRole")
    for action in grant_statement.actions:
        stem = action.rstrip("*")
        yield f"{stem}Extra"
        # What a star behind the action would let in too, and what one further left would.
        yield from _known_actions(stem)
        yield from _sampled(_known_actions(stem[: len(stem) // 2 + 2]), 4, rng)
    yield from _sampled(_known_actions(), 10, rng)


def _resources(grant_statement: GrantStatement, rng: random.Random) -> Iterator[str]:
    for pattern in grant_statement.resources:
        stem = pattern.rstrip("*")
        yield stem
        if pattern.endswith("*"):
            yield from (f"{stem}a", f"{stem}deep/er/key", f"{stem}{rng.getrandbits(32):x}")
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
            yield from (f"{head}/{key.swapcase()}a", f"{head}/{rng.getrandbits(32):x}/a")


def _named_in_document(
    documents: PatchDocuments, rng: random.Random
) -> tuple[list[str], list[str], list[str]]:
    """Principals, actions and resources that the document after the patch names."""
    listed = statement_objects(documents.after.document or {}) if documents.after else []
    partition = Arn.parse(documents.patch.target).partition
    principals = [_requester(name, partition) for one in listed for name in aws_principals(one)]
    principals += [session_of(name) for name in principals if ":role/" in name]
    accounts = {account_in(name) or "" for name in principals} - {""}
    principals += [
        str(Arn(partition, "iam", "", account, "role/any")) for account in sorted(accounts)
    ]
    actions = [c for one in listed for a in texts(one.get("Action")) for c in _matching_actions(a)]
    resources = [r.replace("*", "any") for one in listed for r in texts(one.get("Resource"))]
    return (
        _sampled(list(_unique(principals)), 8, rng),
        _sampled(list(_unique(actions)), 8, rng),
        _sampled([one for one in _unique(resources) if one.startswith("arn:")], 8, rng),
    )


def _requests_of_new_statements(
    documents: PatchDocuments, grantee: str, rng: random.Random
) -> Iterator[ProbeRequest]:
    """What each statement that is new says of itself, request by request."""
    patch = documents.patch
    before, after = (
        statements(one.document) if one is not None and one.document else []
        for one in (documents.before, documents.after)
    )
    for one in after:
        if one in before or not isinstance(one, dict):
            continue
        names = (
            [grantee]
            if patch.grant == GrantName.IAM_POLICY
            else aws_principals(one) or ["anonymous"]
        )
        partition = Arn.parse(patch.target).partition
        principals = [_requester(name, partition) for name in names]
        actions = [
            action for text in texts(one.get("Action")) for action in _matching_actions(text)
        ]
        resources = [text.replace("*", "any") for text in texts(one.get("Resource"))]
        if patch.grant == GrantName.KEY_POLICY:
            resources = [patch.target]
        yield from product(
            _sampled(principals, 4, rng),
            _sampled(actions, 4, rng),
            _sampled([*resources, patch.target], 4, rng),
        )


def _requester(name: str, partition: str) -> str:
    """Who asks, for a name under a statement's `AWS`: an ARN, an account id, or everyone."""
    if is_account_id(name):
        return account_root(name, partition)
    return name if parse_arn(name) else "anonymous"


def _matching_actions(pattern: str) -> list[str]:
    """An action pattern as actions."""
    if not pattern.endswith("*"):
        return [pattern]
    return list(_known_actions(pattern[:-1])) or [f"{pattern[:-1]}Any"]


def _sampled(listed: Iterable[Any], most: int, rng: random.Random) -> list[Any]:
    known = list(listed)
    return known if len(known) <= most else rng.sample(known, most)


def _unique(listed: Iterable[Any]) -> Iterator[Any]:
    return iter(dict.fromkeys(listed))
