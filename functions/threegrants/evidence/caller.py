"""The caller's side: identity-based policies, permissions boundary and tags of a role or user."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from threegrants.aws.arn import Arn, parse_arn
from threegrants.cloudtrail import Caller, CallerType
from threegrants.evidence.calls import (
    call_or_unread,
    code_of,
    entries_in_turn,
    in_turn,
    pages_in_turn,
    run_concurrently,
)
from threegrants.evidence.role_clients import RoleClients
from threegrants.evidence.session_scope import resolving_scope
from threegrants.evidence.snapshot import (
    CallerEvidence,
    Deleted,
    Item,
    NamedPolicy,
    PolicyKind,
    Read,
    Unread,
)

if TYPE_CHECKING:
    from types_boto3_iam import IAMClient

_NO_POLICIES = frozenset({CallerType.ROOT, CallerType.SERVICE, CallerType.ANONYMOUS})
"""Callers that no identity-based policy can be attached to. Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html"""


def document_text(document: Any) -> str:
    """An IAM policy document as text; botocore has decoded it into a mapping already."""
    return document if isinstance(document, str) else json.dumps(document)


def read_inline_policy(iam: "IAMClient", kind: str, holder: str, name: str) -> str | None:
    """The text of an inline policy of a `role` or `user`, None if there is no such policy.

    Args:
        iam: an IAM client of the account.
        kind: `role` or `user`.
        holder: the name of that role or user.
        name: the policy's name.
    """
    try:
        return _inline(iam, kind, holder, name).document
    except ClientError as error:
        if code_of(error) == "NoSuchEntity":
            return None
        raise


def read_caller(clients: RoleClients, caller: Caller) -> CallerEvidence:
    """Everything of the caller that decides, read in its own account."""
    if caller.type in _NO_POLICIES:
        return CallerEvidence(
            caller.type,
            caller.account,
            Read(caller.arn),
            caller.unique_id,
            Read(()),
            Read(None),
            Read({}),
        )
    if not caller.account:
        return _unread(
            caller,
            Unread("the record does not say which account called", "a complete CloudTrail record"),
        )
    account = caller.account

    def iam() -> "IAMClient":
        return clients.client(account, "iam")

    named = _holder(clients, caller, account)
    if isinstance(named, Unread):
        return _unread(caller, named)
    kind, holder = named.value

    def needs(action: str) -> str:
        return clients.needs(action, f"{kind} {holder}", account)

    def description_and_boundary() -> tuple[Item[Mapping[str, Any]], Item[NamedPolicy | None]]:
        found = call_or_unread(
            lambda: _describe(iam(), kind, holder), needs(f"iam:Get{kind.title()}")
        )
        if isinstance(found, Unread):
            return found, found
        bound = found.value.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        return found, call_or_unread(
            lambda: _managed(clients, iam(), bound, PolicyKind.BOUNDARY) if bound else None,
            clients.needs("iam:GetPolicy, iam:GetPolicyVersion", str(bound), account),
        )

    (description, boundary), policies = run_concurrently(
        [
            description_and_boundary,
            lambda: call_or_unread(
                lambda: _policies(clients, iam(), kind, holder), needs(_ACTIONS_TO_READ[kind])
            ),
        ]
    )
    if isinstance(description, Unread):
        if "NoSuchEntity" in description.why:
            why = f"{kind} {holder} does not exist in account {account} any more"
            gone = Deleted(
                why, f"a {kind} that exists: create it anew, or let the client use another"
            )
            return CallerEvidence(
                caller.type, account, gone, caller.unique_id, policies, gone, gone
            )
        return replace(_unread(caller, description), policies=policies)
    attributes: Mapping[str, Any] = description.value
    federated = caller.type is CallerType.FEDERATED_USER
    now = str(attributes.get("RoleId") or attributes.get("UserId") or "")
    then = caller.unique_id or ""
    anew = not federated and now and then[:4] in _CALLER_KINDS and then != now
    return CallerEvidence(
        # A caller known by an id alone has turned out to be a role or a user.
        type=caller.type if federated or caller.arn else _CALLER_TYPES[kind],
        account=account,
        # A federated user is its own principal; only its policies are those of its issuer.
        arn=Read(caller.arn if federated else str(attributes["Arn"])),
        unique_id=now or caller.unique_id,
        policies=policies,
        boundary=boundary,
        tags=Read({tag["Key"]: tag["Value"] for tag in attributes.get("Tags", ())}),
        replaced_id=then if anew else None,
    )


_CALLER_KINDS = ("AROA", "AIDA")
"""How the unique ids of roles and users begin; they are never given twice."""


def _unread(caller: Caller, why: Unread) -> CallerEvidence:
    arn: Item[str | None] = Read(caller.arn) if caller.arn else why
    return CallerEvidence(caller.type, caller.account, arn, caller.unique_id, why, why, why)


def _holder(clients: RoleClients, caller: Caller, account: str) -> Item[tuple[str, str]]:
    """The kind (role or user) and name of who holds the policies, from ARN or unique id."""
    known = caller.issuer_arn or caller.arn
    if known:
        arn = parse_arn(known)
        if arn and arn.resource_type in {"role", "user"} and arn.resource_id:
            return Read((arn.resource_type, arn.name))
        return Unread(f"{known} is neither a role nor a user", "the caller's own policies, by hand")
    if has_only_unique_id(caller):
        found = resolve_unique_id(clients, account, caller.unique_id or "")
        if isinstance(found, Unread):
            return found
        arn = Arn.parse(found.value)
        return Read((arn.resource_type, arn.name))
    if caller.type is CallerType.IDENTITY_CENTER_USER:
        return Unread(
            "an IAM Identity Center user acts through trusted identity propagation: S3 Access "
            "Grants and the application's policies decide, which are not read",
            "the S3 Access Grants of the bucket's account, by hand",
        )
    why = (
        f"the record names only the temporary access key {caller.unique_id}"
        if (caller.unique_id or "").startswith("ASIA")
        else "the record names the caller by account only"
    )
    return Unread(why, f"the caller's own copy of the record, from account {account}")


def resolve_unique_id(clients: RoleClients, account: str, unique: str) -> Item[str]:
    """The ARN behind `AROA…` or `AIDA…`: IAM has no call for it, so the account's list is searched.

    A unique id is never given twice, so what was found stays in the cache. Source:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html

    Args:
        clients: clients with the reader role.
        account: the caller's account, 12 digits.
        unique: the id of a role (`AROA…`) or user (`AIDA…`), or a user's access key (`AKIA…`).
    """
    kind, operation, group, field = _UNIQUE_ID_KINDS[unique[:4]]

    def search() -> str | None:
        iam = clients.client(account, "iam")
        if kind == "access key":
            used = in_turn(lambda: iam.get_access_key_last_used(AccessKeyId=unique))
            name = used.get("UserName")
            return str(_describe(iam, "user", name)["Arn"]) if name else None
        for page in pages_in_turn(iam, operation):
            arns = {str(entry[field]): str(entry["Arn"]) for entry in page[group]}
            # A page costs the same for one as for all: who is asked for next is known already.
            for one, arn in arns.items():
                clients.unchanging.put(("unique id", account, one), Read(arn))
            if unique in arns:
                return arns[unique]
        return None

    def look_up() -> Item[str | None]:
        needs = clients.needs(_ACTIONS_TO_RESOLVE[kind], f"every {kind}", account)
        return call_or_unread(search, needs)

    found, _ = clients.unchanging.get(
        ("unique id", account, unique),
        look_up,
        seconds=math.inf,
        keep=lambda read: read.value_or_none is not None,
    )
    if isinstance(found, Unread):
        return found
    if found.value is None:
        return Deleted(
            f"no {kind} in account {account} has the id {unique} any more",
            f"a newer record of the denial: the {kind} of this one was deleted",
        )
    return Read(found.value)


def look_up_unique_id(clients: RoleClients, account: str, unique: str) -> Item[str]:
    """As `resolve_unique_id`, in a session that may do nothing else: there is no incident yet."""
    return resolve_unique_id(clients.within(resolving_scope()), account, unique)


_UNIQUE_ID_KINDS = {
    "AROA": ("role", "list_roles", "Roles", "RoleId"),
    "AIDA": ("user", "list_users", "Users", "UserId"),
    "AKIA": ("access key", "", "", ""),
}
"""Kinds of unique ids, and which list names them. Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html"""
_ACTIONS_TO_RESOLVE = {
    "role": "iam:ListRoles",
    "user": "iam:ListUsers",
    "access key": "iam:GetAccessKeyLastUsed and iam:GetUser",
}
_CALLER_TYPES = {"role": CallerType.ROLE, "user": CallerType.USER}


def has_only_unique_id(caller: Caller) -> bool:
    """Whether the record names the caller by a unique id (or access key id) alone."""
    unique = caller.unique_id or ""
    return not caller.arn and bool(caller.account) and unique[:4] in _UNIQUE_ID_KINDS


_ACTIONS_TO_READ = {
    "role": (
        "iam:ListRolePolicies, iam:GetRolePolicy, iam:ListAttachedRolePolicies, iam:GetPolicy and "
        "iam:GetPolicyVersion"
    ),
    "user": (
        "iam:ListUserPolicies, iam:GetUserPolicy, iam:ListAttachedUserPolicies, "
        "iam:ListGroupsForUser, iam:ListGroupPolicies, iam:GetGroupPolicy, "
        "iam:ListAttachedGroupPolicies, iam:GetPolicy and iam:GetPolicyVersion"
    ),
}
"""What reading all policies of a role or user takes."""


def _describe(iam: "IAMClient", kind: str, name: str) -> Mapping[str, Any]:
    if kind == "user":
        return in_turn(lambda: iam.get_user(UserName=name))["User"]
    return in_turn(lambda: iam.get_role(RoleName=name))["Role"]


def _policies(
    clients: RoleClients, iam: "IAMClient", kind: str, name: str
) -> tuple[NamedPolicy, ...]:
    """Every policy of a role or user, those of a user's groups included."""

    def of_groups() -> list[NamedPolicy]:
        if kind != "user":
            return []
        groups = entries_in_turn(iam, "list_groups_for_user", "Groups", UserName=name)
        found = run_concurrently(
            [partial(_policies_of, clients, iam, "group", group["GroupName"]) for group in groups]
        )
        return [policy for listed in found for policy in listed]

    own, inherited = run_concurrently([lambda: _policies_of(clients, iam, kind, name), of_groups])
    return (*own, *inherited)


def _policies_of(clients: RoleClients, iam: "IAMClient", kind: str, name: str) -> list[NamedPolicy]:
    """The inline and attached policies of one role, user or group."""
    who = {f"{kind.title()}Name": name}
    inline, attached = run_concurrently(
        [
            lambda: list(entries_in_turn(iam, f"list_{kind}_policies", "PolicyNames", **who)),
            lambda: list(
                entries_in_turn(iam, f"list_attached_{kind}_policies", "AttachedPolicies", **who)
            ),
        ]
    )
    managed = PolicyKind.GROUP_MANAGED if kind == "group" else PolicyKind.MANAGED
    return run_concurrently(
        [
            *[partial(_inline, iam, kind, name, policy) for policy in inline],
            *[partial(_managed, clients, iam, policy["PolicyArn"], managed) for policy in attached],
        ]
    )


def _inline(iam: "IAMClient", kind: str, holder: str, policy: str) -> NamedPolicy:
    who = {f"{kind.title()}Name": holder}
    read = getattr(iam, f"get_{kind}_policy")
    answer = in_turn(lambda: read(**who, PolicyName=policy))
    text = document_text(answer["PolicyDocument"])
    if kind == "group":
        return NamedPolicy(f"{holder}/{policy}", text, PolicyKind.GROUP_INLINE)
    return NamedPolicy(policy, text)


def _managed(clients: RoleClients, iam: "IAMClient", arn: str, kind: PolicyKind) -> NamedPolicy:
    """A managed policy as it is in force; a version that was read before is not read again.

    A version never changes. A policy that was deleted and made anew has its ARN and its version ids
    again, but another `PolicyId`. Source:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html
    """
    policy = in_turn(lambda: iam.get_policy(PolicyArn=arn))["Policy"]
    version = policy["DefaultVersionId"]

    def document() -> str:
        answer = in_turn(lambda: iam.get_policy_version(PolicyArn=arn, VersionId=version))
        return document_text(answer["PolicyVersion"]["Document"])

    text, _ = clients.unchanging.get(
        ("policy version", arn, policy["PolicyId"], version), document, seconds=math.inf
    )
    return NamedPolicy(arn.rsplit("/", 1)[-1], text, kind)
