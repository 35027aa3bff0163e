"""Reading and writing the one thing a patch is about, with the mender role of its account.

Everything is text: a policy document, or the JSON of a KMS grant. None is "there is none".
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from threegrants.aws.arn import Arn
from threegrants.aws.policy_json import same_policy
from threegrants.evidence import RoleClients
from threegrants.evidence.bucket import read_bucket_policy
from threegrants.evidence.caller import read_inline_policy
from threegrants.evidence.calls import code_of
from threegrants.evidence.key import read_key_policy
from threegrants.patches import Patch

UNATTACHED = "Unattached"
"""Key of the text that stands for a managed policy of ours that exists, but is not attached."""

_GRANT_FIELDS = ("GranteePrincipal", "Operations", "Constraints", "Name")


class Malformed(ValueError):
    """AWS answered with something that is no policy."""


def read(patch: Patch, accounts: RoleClients) -> str | None:
    """The live text, None if there is none.

    Raises:
        AccountError: if the account cannot be entered.
        ClientError: if AWS refuses.
        Malformed: if the answer is no JSON object.
    """
    kind = _KINDS[patch.operation]
    text = kind.read(accounts.client(patch.account, kind.service, patch.region), patch)
    if text is not None and not isinstance(json.loads(text), dict):
        raise Malformed(f"the policy of {patch.target} is not a JSON object")
    return text


def write(patch: Patch, text: str | None, accounts: RoleClients) -> None:
    """Put `text` in its place; None removes it (there was none before).

    Raises:
        AccountError: if the account cannot be entered.
        ClientError: if AWS refuses.
    """
    kind = _KINDS[patch.operation]
    kind.write(accounts.client(patch.account, kind.service, patch.region), patch, text)


def _bucket_name(patch: Patch) -> str:
    return Arn.parse(patch.target).resource


def _holder(patch: Patch) -> tuple[str, str]:
    arn = Arn.parse(patch.target)
    return arn.resource_type, arn.name


def _read_bucket(client: Any, patch: Patch) -> str | None:
    return read_bucket_policy(client, _bucket_name(patch), patch.account)


def _write_bucket(client: Any, patch: Patch, text: str | None) -> None:
    where = {"Bucket": _bucket_name(patch), "ExpectedBucketOwner": patch.account}
    if text is None:
        client.delete_bucket_policy(**where)
    else:
        client.put_bucket_policy(Policy=text, **where)


def _read_key(client: Any, patch: Patch) -> str | None:
    return read_key_policy(client, patch.target)


def _write_key(client: Any, patch: Patch, text: str | None) -> None:
    # BypassPolicyLockoutSafetyCheck is never set: KMS itself keeps the administrators in.
    if text is None:
        raise Malformed(f"key {patch.target} always has a policy: it cannot be removed")
    client.put_key_policy(KeyId=patch.target, PolicyName="default", Policy=text)


def _read_inline(client: Any, patch: Patch) -> str | None:
    kind, holder = _holder(patch)
    return read_inline_policy(client, kind, holder, patch.policy_name or "")


def _write_inline(client: Any, patch: Patch, text: str | None) -> None:
    kind, holder = _holder(patch)
    name = patch.policy_name or ""
    if kind == "user":
        if text is None:
            client.delete_user_policy(UserName=holder, PolicyName=name)
        else:
            client.put_user_policy(UserName=holder, PolicyName=name, PolicyDocument=text)
    elif text is None:
        client.delete_role_policy(RoleName=holder, PolicyName=name)
    else:
        client.put_role_policy(RoleName=holder, PolicyName=name, PolicyDocument=text)


def _grants_of_ours(client: Any, patch: Patch) -> list[dict[str, Any]]:
    """Our grants on the key, found again by the name that marks the patch."""
    name = json.loads(patch.after)["Name"]
    pages = client.get_paginator("list_grants").paginate(KeyId=patch.target)
    return [grant for page in pages for grant in page["Grants"] if grant.get("Name") == name]


def _read_grant(client: Any, patch: Patch) -> str | None:
    found = _grants_of_ours(client, patch)
    if not found:
        return None
    stated = {name: found[0][name] for name in _GRANT_FIELDS if found[0].get(name)}
    return json.dumps(stated, sort_keys=True)


def _write_grant(client: Any, patch: Patch, text: str | None) -> None:
    # With the same name and parameters KMS returns the grant that is there (KMS API reference,
    # CreateGrant, "Name"), so a repeated write makes no second one.
    if text is None:
        for grant in _grants_of_ours(client, patch):
            client.revoke_grant(KeyId=patch.target, GrantId=grant["GrantId"])
        return
    stated = json.loads(text)
    client.create_grant(
        KeyId=patch.target, **{name: stated[name] for name in _GRANT_FIELDS if stated.get(name)}
    )


def _managed_arn(patch: Patch) -> str:
    partition = Arn.parse(patch.target).partition
    return str(Arn(partition, "iam", "", patch.account, f"policy/{patch.policy_name}"))


def _attached(client: Any, patch: Patch) -> bool:
    kind, holder = _holder(patch)
    pages = client.get_paginator(f"list_attached_{kind}_policies").paginate(
        **{f"{kind.title()}Name": holder}
    )
    arn = _managed_arn(patch)
    return any(one["PolicyArn"] == arn for page in pages for one in page["AttachedPolicies"])


def _read_managed(client: Any, patch: Patch) -> str | None:
    arn = _managed_arn(patch)
    try:
        version = client.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        answer = client.get_policy_version(PolicyArn=arn, VersionId=version)
    except ClientError as error:
        if code_of(error) == "NoSuchEntity":
            return None
        raise
    document = answer["PolicyVersion"]["Document"]
    if not isinstance(document, dict):
        raise Malformed(f"the policy {arn} is not a JSON object")
    if _attached(client, patch):
        return json.dumps(document)
    return json.dumps({UNATTACHED: document})


def _write_managed(client: Any, patch: Patch, text: str | None) -> None:
    kind, holder = _holder(patch)
    arn, whom = _managed_arn(patch), {f"{kind.title()}Name": holder}
    if text is None:
        _unless_gone(lambda: getattr(client, f"detach_{kind}_policy")(PolicyArn=arn, **whom))
        _unless_gone(lambda: client.delete_policy(PolicyArn=arn))
        return
    try:
        client.create_policy(PolicyName=patch.policy_name, PolicyDocument=text)
    except ClientError as error:
        live = _read_managed(client, patch) if code_of(error) == "EntityAlreadyExists" else None
        if not half_written(live, text):
            raise
    getattr(client, f"attach_{kind}_policy")(PolicyArn=arn, **whom)


def _unless_gone(call: Callable[[], Any]) -> None:
    try:
        call()
    except ClientError as error:
        if code_of(error) != "NoSuchEntity":
            raise


def half_written(live: str | None, wanted: str) -> bool:
    """Whether a managed policy exists as wanted, but is not attached."""
    found = json.loads(live) if live else {}
    return UNATTACHED in found and same_policy(json.dumps(found[UNATTACHED]), wanted)


@dataclass(frozen=True, slots=True)
class _Kind:
    service: str
    read: Callable[[Any, Patch], str | None]
    write: Callable[[Any, Patch, str | None], None]


_KINDS: dict[str, _Kind] = {
    "s3:PutBucketPolicy": _Kind("s3", _read_bucket, _write_bucket),
    "kms:PutKeyPolicy": _Kind("kms", _read_key, _write_key),
    "kms:CreateGrant": _Kind("kms", _read_grant, _write_grant),
    "iam:PutRolePolicy": _Kind("iam", _read_inline, _write_inline),
    "iam:PutUserPolicy": _Kind("iam", _read_inline, _write_inline),
    "iam:CreatePolicy": _Kind("iam", _read_managed, _write_managed),
}

SHARED_DOCUMENTS = frozenset({"s3:PutBucketPolicy", "kms:PutKeyPolicy"})
"""Operations that replace a document in which others have statements too."""

APPLICABLE_OPERATIONS = frozenset(_KINDS)
"""Operations that can be applied; other patches are for people."""
