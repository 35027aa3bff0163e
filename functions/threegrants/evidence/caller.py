"""The caller's side: identity-based policies, permissions boundary and tags of a role or user."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from threegrants.evidence.accounts import Accounts
from threegrants.evidence.ask import ask, code_of, together
from threegrants.evidence.snapshot import CallerEvidence, Item, NamedPolicy, Read, Unread
from threegrants.records import Caller, CallerType

_NO_POLICIES = frozenset({CallerType.ROOT, CallerType.SERVICE, CallerType.ANONYMOUS})
"""Callers that no identity-based policy can be attached to (IAM user guide, "Policies")."""


def document_text(document: Any) -> str:
    """An IAM policy document as text; botocore has decoded it into a mapping already."""
    return document if isinstance(document, str) else json.dumps(document)


def read_inline_policy(iam: Any, kind: str, holder: str, name: str) -> str | None:
    """The text of an inline policy of a `role` or `user`, None if there is no such policy."""
    try:
        if kind == "user":
            answer = iam.get_user_policy(UserName=holder, PolicyName=name)
        else:
            answer = iam.get_role_policy(RoleName=holder, PolicyName=name)
    except ClientError as error:
        if code_of(error) == "NoSuchEntity":
            return None
        raise
    return document_text(answer["PolicyDocument"])


def read_caller(accounts: Accounts, caller: Caller) -> CallerEvidence:
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

    def iam() -> Any:
        return accounts.client(account, "iam")

    named = _holder(accounts, iam, caller, account)
    if isinstance(named, Unread):
        return _unread(caller, named)
    kind, holder = named.value

    def needs(action: str) -> str:
        return accounts.needs(action, f"{kind} {holder}", account)

    reader = _RolePolicies(iam, holder) if kind == "role" else _UserPolicies(iam, holder)
    about, policies = together(
        [
            lambda: ask(reader.about, needs(reader.about_action)),
            lambda: ask(reader.policies, needs(reader.policies_actions)),
        ]
    )
    if isinstance(about, Unread):
        gone = "NoSuchEntity" in about.why
        found = (
            Unread(f"{kind} {holder} does not exist in account {account} any more", "nothing: gone")
            if gone
            else about
        )
        boundary: Item[NamedPolicy | None] = found
        return CallerEvidence(
            caller.type,
            account,
            Unread(found.why, found.needs) if gone or not caller.arn else Read(caller.arn),
            caller.unique_id,
            policies,
            boundary,
            found,
        )
    facts: Mapping[str, Any] = about.value
    bound = facts.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return CallerEvidence(
        type=caller.type,
        account=account,
        arn=Read(str(facts["Arn"])),
        unique_id=str(facts.get("RoleId") or facts.get("UserId") or "") or caller.unique_id,
        policies=policies,
        boundary=ask(
            lambda: _managed(iam(), bound, "boundary") if bound else None,
            accounts.needs("iam:GetPolicy, iam:GetPolicyVersion", str(bound), account),
        ),
        tags=Read({tag["Key"]: tag["Value"] for tag in facts.get("Tags", ())}),
    )


def _unread(caller: Caller, why: Unread) -> CallerEvidence:
    arn: Item[str | None] = Read(caller.arn) if caller.arn else why
    return CallerEvidence(caller.type, caller.account, arn, caller.unique_id, why, why, why)


def _holder(
    accounts: Accounts, iam: Callable[[], Any], caller: Caller, account: str
) -> Item[tuple[str, str]]:
    """The kind (role or user) and name of who holds the policies, from ARN or unique id."""
    if caller.arn:
        resource = caller.arn.split(":", 5)[-1]
        kind, _, path = resource.partition("/")
        if kind in {"role", "user"} and path:
            return Read((kind, path.rsplit("/", 1)[-1]))
        return Unread(
            f"{caller.arn} is neither a role nor a user", "the caller's own policies, by hand"
        )
    unique = caller.unique_id or ""
    if unique.startswith("AROA"):
        return _by_id(accounts, iam, account, ("role", "list_roles", "Roles", "RoleId", unique))
    if unique.startswith("AIDA"):
        return _by_id(accounts, iam, account, ("user", "list_users", "Users", "UserId", unique))
    return Unread(
        "the record names the caller by account only",
        f"the caller's own copy of the record, from account {account}",
    )


def _by_id(
    accounts: Accounts, iam: Callable[[], Any], account: str, how: tuple[str, str, str, str, str]
) -> Item[tuple[str, str]]:
    """Resolve `AROA…` or `AIDA…`: IAM has no call for it, so the account's list is searched."""
    kind, operation, group, field, unique = how

    def search() -> str | None:
        for page in iam().get_paginator(operation).paginate():
            for entry in page[group]:
                if entry[field] == unique:
                    return str(entry[f"{kind.title()}Name"])
        return None

    found = ask(search, accounts.needs(f"iam:List{kind.title()}s", f"every {kind}", account))
    if isinstance(found, Unread):
        return found
    if found.value is None:
        return Unread(
            f"no {kind} in account {account} has the id {unique} any more", "nothing: gone"
        )
    return Read((kind, found.value))


class _RolePolicies:
    about_action = "iam:GetRole"
    policies_actions = (
        "iam:ListRolePolicies, iam:GetRolePolicy, iam:ListAttachedRolePolicies, iam:GetPolicy and "
        "iam:GetPolicyVersion"
    )

    def __init__(self, iam: Callable[[], Any], name: str) -> None:
        self._iam = iam
        self._name = name

    def about(self) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._iam().get_role(RoleName=self._name)["Role"]
        return answer

    def policies(self) -> tuple[NamedPolicy, ...]:
        iam, name = self._iam(), self._name
        inline, attached = together(
            [
                lambda: _pages(iam, "list_role_policies", "PolicyNames", RoleName=name),
                lambda: _pages(
                    iam, "list_attached_role_policies", "AttachedPolicies", RoleName=name
                ),
            ]
        )
        return _documents(
            iam,
            [
                lambda p=p: NamedPolicy(
                    p,
                    document_text(
                        iam.get_role_policy(RoleName=name, PolicyName=p)["PolicyDocument"]
                    ),
                )
                for p in inline
            ],
            attached,
            "managed",
        )


class _UserPolicies:
    about_action = "iam:GetUser"
    policies_actions = (
        "iam:ListUserPolicies, iam:GetUserPolicy, iam:ListAttachedUserPolicies, "
        "iam:ListGroupsForUser, iam:ListGroupPolicies, iam:GetGroupPolicy, "
        "iam:ListAttachedGroupPolicies, iam:GetPolicy and iam:GetPolicyVersion"
    )

    def __init__(self, iam: Callable[[], Any], name: str) -> None:
        self._iam = iam
        self._name = name

    def about(self) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = self._iam().get_user(UserName=self._name)["User"]
        return answer

    def policies(self) -> tuple[NamedPolicy, ...]:
        iam, name = self._iam(), self._name
        inline, attached, groups = together(
            [
                lambda: _pages(iam, "list_user_policies", "PolicyNames", UserName=name),
                lambda: _pages(
                    iam, "list_attached_user_policies", "AttachedPolicies", UserName=name
                ),
                lambda: _pages(iam, "list_groups_for_user", "Groups", UserName=name),
            ]
        )
        own = _documents(
            iam,
            [
                lambda p=p: NamedPolicy(
                    p,
                    document_text(
                        iam.get_user_policy(UserName=name, PolicyName=p)["PolicyDocument"]
                    ),
                )
                for p in inline
            ],
            attached,
            "managed",
        )
        of_groups = together([lambda g=g: self._group(g["GroupName"]) for g in groups])
        return own + tuple(policy for found in of_groups for policy in found)

    def _group(self, group: str) -> tuple[NamedPolicy, ...]:
        iam = self._iam()
        inline, attached = together(
            [
                lambda: _pages(iam, "list_group_policies", "PolicyNames", GroupName=group),
                lambda: _pages(
                    iam, "list_attached_group_policies", "AttachedPolicies", GroupName=group
                ),
            ]
        )
        return _documents(
            iam,
            [
                lambda p=p: NamedPolicy(
                    f"{group}/{p}",
                    document_text(
                        iam.get_group_policy(GroupName=group, PolicyName=p)["PolicyDocument"]
                    ),
                    "group-inline",
                )
                for p in inline
            ],
            attached,
            "group-managed",
        )


def _pages(iam: Any, operation: str, group: str, **who: str) -> list[Any]:
    return [entry for page in iam.get_paginator(operation).paginate(**who) for entry in page[group]]


def _documents(
    iam: Any, inline: list[Callable[[], NamedPolicy]], attached: list[Any], kind: str
) -> tuple[NamedPolicy, ...]:
    managed = [lambda a=a: _managed(iam, a["PolicyArn"], kind) for a in attached]
    return tuple(together([*inline, *managed]))


def _managed(iam: Any, arn: str, kind: str) -> NamedPolicy:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    answer = iam.get_policy_version(PolicyArn=arn, VersionId=version)
    name = arn.rsplit("/", 1)[-1]
    return NamedPolicy(name, document_text(answer["PolicyVersion"]["Document"]), kind)
