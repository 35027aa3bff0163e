"""The policies that are in force around a patch, before it and after it, as the engine reads them."""

import json
from enum import StrEnum
from typing import Any

from audit.worlds import World

from threegrants.patches import Patch

Case = dict[str, Any]
Document = dict[str, Any]
_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
_VERSION = "2012-10-17"
GRANT = "kms:CreateGrant"


class Surroundings(StrEnum):
    """What the other side says."""

    AS_IT_IS = "as it is, with the other proposed patches"
    ALL_ALLOWED = "everything else allowed"


SURROUNDINGS = tuple(Surroundings)


def document(*listed: Document) -> Document:
    """A policy document."""
    return {"Version": _VERSION, "Statement": list(listed)}


def policies(
    world: World,
    proposed: tuple[Patch, ...],
    patch: Patch,
    after: str | None,
    *,
    around: Surroundings,
    of_key: bool,
    own: bool,
) -> Case:
    """The policies that decide requests of one kind, as a case without its requests.

    Args:
        world: the denied call and its evidence.
        proposed: the proposed patches, of which those of other grants are in place.
        patch: the patch that is asked about.
        after: what stands in its place: the text it writes, or its `before`.
        around: what the other side says.
        of_key: whether the requests are for the key; else for the bucket.
        own: whether the denied principal asks; of others nothing is known, so they may all.
    """
    documents = {"bucket_policy": _bucket(world), "key_policy": _key(world)}
    texts = {one.name: one.document for one in world.evidence.caller.policies.value_or_none or ()}
    grants: list[Document] = []
    for one in (*(p for p in proposed if p.grant != patch.grant), patch):
        text = after if one is patch else one.after
        if one.operation == GRANT:
            grants += [grant_statement(text)] if text else []
        elif one.grant == "iam_policy":
            name = one.policy_name or ""
            texts.pop(name, None)
            if text is not None:
                texts[name] = text
        else:
            documents[str(one.grant)] = text
    of_iam = patch.grant == "iam_policy"
    resource = _read(documents["key_policy" if of_key else "bucket_policy"])
    identity = [json.loads(text) for text in texts.values()]
    if around is Surroundings.ALL_ALLOWED and of_iam:
        accounts = sorted(
            {world.account, world.bucket_owner, *([_owner(world.key)] if world.key else [])}
        )
        resource = document(
            {**_ALL, "Principal": {"AWS": [f"arn:aws:iam::{one}:root" for one in accounts]}}
        )
        identity = [_allows(json.loads(after))] if after else []
    elif around is Surroundings.ALL_ALLOWED or not own:
        identity = [document(_ALL)]
    if around is Surroundings.ALL_ALLOWED and resource:
        resource = _allows(resource)
    if grants and of_key:
        resource = document(*_statements(resource), *grants)
    return {
        "identityPolicies": [{"name": f"p{n}", "policy": one} for n, one in enumerate(identity)],
        "resourcePolicy": resource,
    }


def grant_statement(text: str) -> Document:
    """A KMS grant as the statement of a key policy that would allow the same."""
    grant = json.loads(text)
    limits = grant.get("Constraints", {})
    wanted = limits.get("EncryptionContextSubset") or limits.get("EncryptionContextEquals") or {}
    condition = {f"kms:EncryptionContext:{name}": value for name, value in wanted.items()}
    return {
        "Effect": "Allow",
        "Principal": {"AWS": grant["GranteePrincipal"]},
        "Action": [f"kms:{one}" for one in grant["Operations"]],
        "Resource": "*",
        **({"Condition": {"StringEquals": condition}} if condition else {}),
    }


Place = tuple[int, str, str]
"""Where a condition stands: the number of its statement, operator and key."""


def conditions_of(patch: Patch) -> list[Place]:
    """The conditions of what a patch adds."""
    if patch.operation == GRANT:
        return [(0, "Constraints", name) for name in json.loads(patch.after).get("Constraints", {})]
    return [
        (number, operator, key)
        for number, one in added(patch)
        for operator, block in one.get("Condition", {}).items()
        for key in block
    ]


def added(patch: Patch) -> list[tuple[int, Document]]:
    """The statements that a patch adds or changes, by their number in what it writes."""
    if patch.operation == GRANT:
        return [(0, grant_statement(patch.after))]
    before = _statements(_read(patch.before))
    return [
        (number, one)
        for number, one in enumerate(_statements(_read(patch.after)))
        if one not in before
    ]


def actions_of(patch: Patch) -> list[str]:
    """The actions of what it adds."""
    stated = [one["Action"] for _, one in added(patch)]
    return [one for text in stated for one in ([text] if isinstance(text, str) else text)]


def without(patch: Patch, place: Place) -> str:
    """What the patch writes, without one of its conditions."""
    number, operator, key = place
    whole = json.loads(patch.after)
    if patch.operation == GRANT:
        del whole["Constraints"][key]
        return json.dumps(whole)
    condition = _statements(whole)[number]["Condition"]
    del condition[operator][key]
    if not condition[operator]:
        del condition[operator]
    return json.dumps(whole)


def _bucket(world: World) -> str | None:
    bucket = world.evidence.bucket
    return bucket.policy.value_or_none if bucket else None


def _key(world: World) -> str | None:
    key = world.evidence.key.value_or_none
    return key.policy.value_or_none if key else None


def _owner(arn: str) -> str:
    return arn.split(":")[4]


def _read(text: str | None) -> Document | None:
    return json.loads(text) if text else None


def _statements(policy: Document | None) -> list[Document]:
    listed = (policy or {}).get("Statement", [])
    return listed if isinstance(listed, list) else [listed]


def _allows(policy: Document) -> Document:
    return document(*(one for one in _statements(policy) if one["Effect"] == "Allow"))
