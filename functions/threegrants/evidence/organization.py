"""The organisation's side: where an account stands, and the SCPs and RCPs on its way, root first.

Sources:
https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html (`Arn`, `Paths`)
https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListPoliciesForTarget.html
https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html

Three rounds of calls, whatever the number of policies: the account, the lists of all its levels,
the documents.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from threegrants.aws.arn import Arn
from threegrants.evidence.calls import (
    absent_when,
    call_or_unread,
    entries_in_turn,
    in_turn,
    run_concurrently,
)
from threegrants.evidence.role_clients import AccountError, RoleClients
from threegrants.evidence.snapshot import (
    Item,
    LevelEvidence,
    NamedPolicy,
    OrganizationEvidence,
    PolicyKind,
    Read,
    Unread,
)
from threegrants.evidence.ttl_cache import now

if TYPE_CHECKING:
    from types_boto3_organizations import OrganizationsClient

TTL_SECONDS = 300.0
"""Seconds for which an account's place and guardrails are used again; `at` says their age."""

_POLICY_TYPES = {
    PolicyKind.SCP: "SERVICE_CONTROL_POLICY",
    PolicyKind.RCP: "RESOURCE_CONTROL_POLICY",
}
_NOT_MEMBER = absent_when(("AWSOrganizationsNotInUseException",), None)
_NOT_FOUND = absent_when(("AccountNotFoundException",), None)
_ACTIONS = (
    "organizations:DescribeAccount, organizations:ListParents, organizations:ListPoliciesForTarget "
    "and organizations:DescribePolicy"
)
_NO_READER = Unread(
    "no account is named that may read the organisation",
    f"OrganizationsAccount: the management account or a delegated administrator, with {_ACTIONS} "
    "for the reader there (templates/member.yaml, ReadOrganization=true)",
)


@dataclass(frozen=True, slots=True)
class _Membership:
    """An account's organisation, as any member may ask: its id and management account."""

    id: str
    management: str


@dataclass(frozen=True, slots=True)
class _AccountPlace(_Membership):
    """The same with the ids on the account's way, from the root to the last OU."""

    path_ids: tuple[str, ...]


def read_organization(
    clients: RoleClients, organizations_account: str | None, account: str, *, fresh: bool = False
) -> OrganizationEvidence:
    """Where `account` stands and which SCPs and RCPs are in force for it.

    Args:
        clients: clients of the member accounts.
        organizations_account: the management account or a delegated administrator; None if none.
        account: whose place is asked for.
        fresh: read anew, whatever was read within the last `TTL_SECONDS` seconds.
    """
    found, _ = clients.cache.get(
        ("organization", organizations_account, account),
        lambda: _read(clients, organizations_account, account),
        fresh=fresh,
        seconds=TTL_SECONDS,
        # What could not be read is asked again: a permission that was just given shows at once.
        keep=lambda read: isinstance(read.scps, Read) and isinstance(read.rcps, Read),
    )
    return found


def _read(
    clients: RoleClients, organizations_account: str | None, account: str
) -> OrganizationEvidence:
    at = now()
    own: Item[_Membership | None]
    place: Item[_AccountPlace | None]
    own, place = run_concurrently(
        [
            lambda: _membership(clients, account),
            lambda: _place(clients, organizations_account, account),
        ]
    )
    if isinstance(own, Read) and own.value is None:
        nothing: Read[tuple[LevelEvidence, ...]] = Read(())
        return OrganizationEvidence(
            account, Read(None), Read(None), Read(None), nothing, nothing, at
        )
    if isinstance(place, Read) and place.value is not None:
        found = place.value
        scps, rcps = _policies_in_force(clients, organizations_account or "", found, account)
        path = "/".join((found.id, *found.path_ids, ""))
        return OrganizationEvidence(
            account, Read(found.id), Read(found.management), Read(path), scps, rcps, at
        )
    unseen = (
        place if isinstance(place, Unread) else _not_in_organization(account, organizations_account)
    )
    return _seen_by_the_account(clients, account, own, unseen, at)


def _seen_by_the_account(
    clients: RoleClients,
    account: str,
    own: Item[_Membership | None],
    unseen: Unread,
    at: str,
) -> OrganizationEvidence:
    """What the account itself may say of its organisation, where we may not read that one."""
    if isinstance(own, Unread) or own.value is None:
        needs = clients.needs("organizations:DescribeOrganization", "its organisation", account)
        unknown = Unread(unseen.why, f"{needs}, or {unseen.needs}")
        return OrganizationEvidence(account, unknown, unknown, unseen, unseen, unseen, at)
    levels: Item[tuple[LevelEvidence, ...]] = unseen
    if own.value.management == account:
        levels = Read(())
    return OrganizationEvidence(
        account, Read(own.value.id), Read(own.value.management), unseen, levels, levels, at
    )


def _not_in_organization(account: str, organizations_account: str | None) -> Unread:
    return Unread(
        f"account {account} is not in the organisation that account {organizations_account} reads",
        f"the policies of the organisation of account {account}, from its administrators",
    )


def _membership(clients: RoleClients, account: str) -> Item[_Membership | None]:
    """What `account` itself says: every member may call DescribeOrganization, and only members."""

    def fetch() -> _Membership:
        client = clients.client(account, "organizations")
        description = in_turn(client.describe_organization)["Organization"]
        return _Membership(str(description["Id"]), str(description["MasterAccountId"]))

    needs = clients.needs("organizations:DescribeOrganization", "its organisation", account)
    return call_or_unread(fetch, needs, _NOT_MEMBER)


def _place(
    clients: RoleClients, organizations_account: str | None, account: str
) -> Item[_AccountPlace | None]:
    """Where the organisation says `account` is; `Read(None)` if it does not know the account."""
    if not organizations_account:
        return _NO_READER

    def fetch() -> _AccountPlace:
        client = clients.client(organizations_account, "organizations")
        described = in_turn(lambda: client.describe_account(AccountId=account))
        description = described["Account"]
        # arn:aws:organizations::MANAGEMENT:account/o-…/ACCOUNT
        arn = Arn.parse(str(description["Arn"]))
        path_ids = _ids_of_path(description.get("Paths") or ()) or _climb_to_root(client, account)
        organization_id = arn.resource_id.partition("/")[0]
        return _AccountPlace(organization_id, arn.account, path_ids)

    needs = clients.needs(
        "organizations:DescribeAccount and organizations:ListParents",
        f"account {account}",
        organizations_account,
    )
    return call_or_unread(fetch, needs, _NOT_FOUND)


def _ids_of_path(paths: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    """Root and OUs of `o-…/r-…/ou-…/…/[ACCOUNT/]`; an account has one parent, so one path."""
    steps = paths[0].split("/") if paths else ()
    return tuple(step for step in steps if step.startswith(("r-", "ou-")))


def _climb_to_root(client: "OrganizationsClient", account: str) -> tuple[str, ...]:
    """The same from parent to parent, for an answer without `Paths`."""
    path_ids: list[str] = []
    child = account
    while not child.startswith("r-"):
        parents = entries_in_turn(client, "list_parents", "Parents", ChildId=child)
        child = next((str(parent["Id"]) for parent in parents), "")
        if not child or child in path_ids:
            raise AccountError(
                "AWS Organizations shows no way from the account to the root",
                "organizations:ListParents on every OU",
            )
        path_ids.insert(0, child)
    return tuple(path_ids)


def _policies_in_force(
    clients: RoleClients, reader: str, place: _AccountPlace, account: str
) -> tuple[Item[tuple[LevelEvidence, ...]], Item[tuple[LevelEvidence, ...]]]:
    """SCPs and RCPs of every level: all lists at once, then all documents at once."""
    if place.management == account:
        return Read(()), Read(())
    levels = (*place.path_ids, account)

    def client() -> "OrganizationsClient":
        return clients.client(reader, "organizations")

    def attached(kind: str, level: str) -> Item[tuple[tuple[str, str], ...]]:
        def fetch() -> tuple[tuple[str, str], ...]:
            policies = entries_in_turn(
                client(), "list_policies_for_target", "Policies", TargetId=level, Filter=kind
            )
            return tuple((str(policy["Id"]), str(policy["Name"])) for policy in policies)

        return call_or_unread(
            fetch, clients.needs("organizations:ListPoliciesForTarget", level, reader)
        )

    def content(policy: str) -> Item[str]:
        return call_or_unread(
            lambda: str(
                in_turn(lambda: client().describe_policy(PolicyId=policy))["Policy"]["Content"]
            ),
            clients.needs("organizations:DescribePolicy", policy, reader),
        )

    asked = [(kind, level) for kind in _POLICY_TYPES for level in levels]
    answers = run_concurrently(
        [partial(attached, _POLICY_TYPES[kind], level) for kind, level in asked]
    )
    lists = dict(zip(asked, answers, strict=True))
    ids = dict.fromkeys(
        policy for found in answers if isinstance(found, Read) for policy, _ in found.value
    )
    contents = dict(
        zip(ids, run_concurrently([partial(content, policy) for policy in ids]), strict=True)
    )
    scps, rcps = (
        _levels(kind, [(level, lists[kind, level]) for level in levels], contents)
        for kind in _POLICY_TYPES
    )
    return scps, rcps


def _levels(
    kind: PolicyKind,
    lists: list[tuple[str, Item[tuple[tuple[str, str], ...]]]],
    contents: Mapping[str, Item[str]],
) -> Item[tuple[LevelEvidence, ...]]:
    """The levels of one kind of policy; one that could not be read leaves all of them unknown."""
    levels: list[LevelEvidence] = []
    for level, listed in lists:
        if isinstance(listed, Unread):
            return listed
        policies: list[NamedPolicy] = []
        for policy, name in listed.value:
            text = contents[policy]
            if isinstance(text, Unread):
                return text
            policies.append(NamedPolicy(name, text.value, kind))
        levels.append(LevelEvidence(level, tuple(policies)))
    # While a kind is enabled the root has at least one policy of it, and disabling it detaches all
    # (https://docs.aws.amazon.com/organizations/latest/userguide/disable-policy-type.html): none at the root is none in force.
    return Read(tuple(levels) if levels[0].policies else ())
