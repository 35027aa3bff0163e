"""Reading and writing the one thing a patch is about, as the remediation role of its account.

A table has one row for each kind of write (`_KINDS`). Everything is text: a policy document, or the
JSON of a KMS grant; None stands for "there is none". What AWS answers about the identity of what it
made is handed out at once, so that an undo finds it again (`AwsIds`).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from threegrants.aws.arn import Arn
from threegrants.evidence import RoleClients
from threegrants.evidence.bucket import read_bucket_policy
from threegrants.evidence.caller import read_inline_policy
from threegrants.evidence.calls import code_of
from threegrants.evidence.key import read_key_policy
from threegrants.patches import Patch, PatchOperation
from threegrants.remediation.live_policy import NO_IDS, AwsIds, LivePolicy

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient
    from types_boto3_kms import KMSClient
    from types_boto3_kms.type_defs import GrantListEntryTypeDef
    from types_boto3_s3 import S3Client

_GRANT_FIELDS = ("GranteePrincipal", "Operations", "Constraints", "Name")
_GONE = frozenset({"NoSuchEntity", "NotFoundException"})
"""IAM's and KMS's codes for "there is no such thing (any more)"."""

Answered = Callable[[AwsIds], None]
"""Told what AWS calls the thing that it has just made, before anything else is done."""


class MalformedPolicy(ValueError):
    """AWS answered with something that is no policy, or a policy cannot be removed."""


def read(patch: Patch, clients: RoleClients, known: AwsIds = NO_IDS) -> LivePolicy:
    """What AWS holds now where the patch writes.

    Args:
        patch: names the account, the target and the kind of write.
        clients: clients of the remediation role.
        known: AWS's ids of what this patch made, if it made something.

    Raises:
        AccountError: if the account cannot be entered.
        ClientError: if AWS refuses.
        MalformedPolicy: if the answer is no JSON object.
    """
    kind = _KINDS[patch.operation]
    live = kind.read(kind.client(clients, patch), patch, known)
    if live.text is not None and not isinstance(json.loads(live.text), dict):
        raise MalformedPolicy(f"AWS's policy of {patch.target} is not a JSON object")
    return live


def write(
    patch: Patch,
    text: str | None,
    clients: RoleClients,
    known: AwsIds = NO_IDS,
    answered: Answered = lambda _: None,
) -> None:
    """Put `text` in its place.

    Args:
        patch: names the account, the target and the kind of write.
        text: the new document or grant; None removes what is there.
        clients: clients of the remediation role.
        known: AWS's ids of what this patch made, by which it is removed.
        answered: told AWS's ids as soon as AWS answers with them.

    Raises:
        AccountError: if the account cannot be entered.
        ClientError: if AWS refuses.
    """
    kind = _KINDS[patch.operation]
    kind.write(kind.client(clients, patch), patch, text, known, answered)


# --- bucket policies, key policies, inline policies: AWS answers a write with nothing ---


def _bucket_name(patch: Patch) -> str:
    return Arn.parse(patch.target).resource


def _holder(patch: Patch) -> tuple[str, str]:
    """`role` or `user`, and its name without the path."""
    arn = Arn.parse(patch.target)
    return arn.resource_type, arn.name


def _read_bucket(client: "S3Client", patch: Patch, _: AwsIds) -> LivePolicy:
    return LivePolicy(read_bucket_policy(client, _bucket_name(patch), patch.account))


def _write_bucket(client: "S3Client", patch: Patch, text: str | None, *_: Any) -> None:
    bucket, owner = _bucket_name(patch), patch.account
    if text is None:
        client.delete_bucket_policy(Bucket=bucket, ExpectedBucketOwner=owner)
    else:
        client.put_bucket_policy(Bucket=bucket, Policy=text, ExpectedBucketOwner=owner)


def _read_key(client: "KMSClient", patch: Patch, _: AwsIds) -> LivePolicy:
    return LivePolicy(read_key_policy(client, patch.target))


def _write_key(client: "KMSClient", patch: Patch, text: str | None, *_: Any) -> None:
    # BypassPolicyLockoutSafetyCheck is never set: KMS itself keeps the administrators in.
    if text is None:
        raise MalformedPolicy(f"key {patch.target} always has a policy: it cannot be removed")
    client.put_key_policy(KeyId=patch.target, PolicyName="default", Policy=text)


def _read_inline(client: "IAMClient", patch: Patch, _: AwsIds) -> LivePolicy:
    kind, holder = _holder(patch)
    return LivePolicy(read_inline_policy(client, kind, holder, patch.policy_name or ""))


def _write_inline(client: "IAMClient", patch: Patch, text: str | None, *_: Any) -> None:
    kind, holder = _holder(patch)
    name = patch.policy_name or ""
    if kind == "user":
        if text is None:
            _unless_gone(client.delete_user_policy, UserName=holder, PolicyName=name)
        else:
            client.put_user_policy(UserName=holder, PolicyName=name, PolicyDocument=text)
    elif text is None:
        _unless_gone(client.delete_role_policy, RoleName=holder, PolicyName=name)
    else:
        client.put_role_policy(RoleName=holder, PolicyName=name, PolicyDocument=text)


# --- KMS grants: AWS answers with the grant's id ---


def _our_grants(client: "KMSClient", patch: Patch, known: AwsIds) -> "list[GrantListEntryTypeDef]":
    """Our grants on the key: by the id that AWS answered, else by the name that marks the patch."""
    name = json.loads(patch.after)["Name"]
    pages = client.get_paginator("list_grants").paginate(KeyId=patch.target)
    listed = [
        grant
        for page in pages
        for grant in page["Grants"]
        if grant["GrantId"] == known.grant_id or grant.get("Name") == name
    ]
    return sorted(listed, key=lambda grant: bool(grant["GrantId"] != known.grant_id))


def _read_grant(client: "KMSClient", patch: Patch, known: AwsIds) -> LivePolicy:
    found = _our_grants(client, patch, known)
    if not found:
        return LivePolicy()
    ours: Mapping[str, Any] = found[0]
    stated = {name: ours[name] for name in _GRANT_FIELDS if ours.get(name)}
    text = json.dumps(stated, sort_keys=True)
    return LivePolicy(text, AwsIds(grant_id=str(ours["GrantId"])))


def _write_grant(
    client: "KMSClient", patch: Patch, text: str | None, known: AwsIds, answered: Answered
) -> None:
    if text is None:
        # By the id first: for some minutes after CreateGrant, ListGrants may not show the grant
        # (https://docs.aws.amazon.com/kms/latest/developerguide/grants.html, "eventual consistency").
        listed = [str(grant["GrantId"]) for grant in _our_grants(client, patch, known)]
        for grant_id in dict.fromkeys([known.grant_id, *listed]):
            if grant_id:
                _unless_gone(client.revoke_grant, KeyId=patch.target, GrantId=grant_id)
        return
    # With the same name and parameters KMS returns the grant that is there, so a repeated write
    # makes no second one: https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html
    stated = json.loads(text)
    answer = client.create_grant(
        KeyId=patch.target, **{name: stated[name] for name in _GRANT_FIELDS if stated.get(name)}
    )
    answered(AwsIds(grant_id=str(answer.get("GrantId") or "")))


# --- customer managed policies: AWS answers with ARN, id and version ---


def _managed_arn(patch: Patch, known: AwsIds) -> str:
    """The ARN that AWS answered, else the one that follows from the policy's name."""
    partition = Arn.parse(patch.target).partition
    named = Arn(partition, "iam", "", patch.account, f"policy/{patch.policy_name}")
    return known.policy_arn or str(named)


def _managed_ids(policy: Mapping[str, Any]) -> AwsIds:
    """The ids in IAM's description of a policy, `Policy` in the answers of IAM."""
    return AwsIds(
        policy_arn=str(policy.get("Arn") or ""),
        policy_id=str(policy.get("PolicyId") or ""),
        policy_version=str(policy.get("DefaultVersionId") or ""),
    )


def _attached(client: BaseClient, patch: Patch, arn: str) -> bool:
    kind, holder = _holder(patch)
    pages = client.get_paginator(f"list_attached_{kind}_policies").paginate(
        **{f"{kind.title()}Name": holder}
    )
    return any(one["PolicyArn"] == arn for page in pages for one in page["AttachedPolicies"])


def _read_managed(client: "IAMClient", patch: Patch, known: AwsIds) -> LivePolicy:
    arn = _managed_arn(patch, known)
    try:
        policy = client.get_policy(PolicyArn=arn)["Policy"]
        version = client.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])
    except ClientError as error:
        if code_of(error) in _GONE:
            return LivePolicy()
        raise
    document = version["PolicyVersion"]["Document"]
    if not isinstance(document, dict):
        raise MalformedPolicy(f"AWS's policy {arn} is not a JSON object")
    attached = _attached(client, patch, arn)
    return LivePolicy(json.dumps(document), _managed_ids(policy), attached)


def _write_managed(
    client: "IAMClient", patch: Patch, text: str | None, known: AwsIds, answered: Answered
) -> None:
    kind, holder = _holder(patch)
    arn, whom = _managed_arn(patch, known), {f"{kind.title()}Name": holder}
    if text is None:
        _unless_gone(getattr(client, f"detach_{kind}_policy"), PolicyArn=arn, **whom)
        _unless_gone(client.delete_policy, PolicyArn=arn)
        return
    try:
        answer = client.create_policy(PolicyName=patch.policy_name or "", PolicyDocument=text)
        answered(_managed_ids(answer.get("Policy") or {}))
    except ClientError as error:
        # An SDK that repeats a call whose answer was lost meets the policy that it made.
        if code_of(error) != "EntityAlreadyExists":
            raise
        live = _read_managed(client, patch, known)
        if not live.half_written(text):
            raise
        answered(live.aws_ids)
    getattr(client, f"attach_{kind}_policy")(PolicyArn=arn, **whom)


def _unless_gone(call: Callable[..., Any], **parameters: str) -> None:
    try:
        call(**parameters)
    except ClientError as error:
        if code_of(error) not in _GONE:
            raise


def _s3(clients: RoleClients, patch: Patch) -> "S3Client":
    return clients.client(patch.account, "s3", patch.region)


def _kms(clients: RoleClients, patch: Patch) -> "KMSClient":
    return clients.client(patch.account, "kms", patch.region)


def _iam(clients: RoleClients, patch: Patch) -> "IAMClient":
    return clients.client(patch.account, "iam", patch.region)


_Client = TypeVar("_Client", bound=BaseClient)


@dataclass(frozen=True, slots=True)
class _Kind(Generic[_Client]):
    """How one kind of patch is read and written.

    Args:
        client: makes the client of the patch's account and Region.
        read: client, patch and known ids in; what is there out.
        write: client, patch, text (None removes), known ids, and who is told AWS's ids.
    """

    client: Callable[[RoleClients, Patch], _Client]
    read: Callable[[_Client, Patch, AwsIds], LivePolicy]
    write: Callable[[_Client, Patch, str | None, AwsIds, Answered], None]


_KINDS: dict[str, _Kind[Any]] = {
    PatchOperation.PUT_BUCKET_POLICY: _Kind(_s3, _read_bucket, _write_bucket),
    PatchOperation.PUT_KEY_POLICY: _Kind(_kms, _read_key, _write_key),
    PatchOperation.CREATE_GRANT: _Kind(_kms, _read_grant, _write_grant),
    PatchOperation.PUT_ROLE_POLICY: _Kind(_iam, _read_inline, _write_inline),
    PatchOperation.PUT_USER_POLICY: _Kind(_iam, _read_inline, _write_inline),
    PatchOperation.CREATE_POLICY: _Kind(_iam, _read_managed, _write_managed),
}

SHARED_DOCUMENTS = frozenset({PatchOperation.PUT_BUCKET_POLICY, PatchOperation.PUT_KEY_POLICY})
"""Operations that replace a document in which others have statements too."""
