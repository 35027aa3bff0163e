"""SCPs and RCPs of every level, root first, through the account that may read them."""

import json

import pytest

from support.names import A, B
from support.policies import policy as document
from support.readers import asked, changed, enforced, refused
from threegrants.evidence import Read, RoleClients, Unread
from threegrants.evidence.organization import TTL_SECONDS, read_organization
from threegrants.evidence.ttl_cache import TtlCache

M = "333333333333"
OTHER = "444444444444"
DENY = document({"Effect": "Deny", "Action": "s3:*", "Resource": "*"})
FULL = "FullAWSAccess"


class Organisation:
    """Root, two OUs below each other, and a member account in the lower one."""

    def __init__(self, aws, management=M):
        self.aws = aws
        self.api = aws.client("organizations", management)
        self.id = self.api.create_organization(FeatureSet="ALL")["Organization"]["Id"]
        [root] = self.api.list_roots()["Roots"]
        self.root = root["Id"]
        self.upper = self.unit("work", self.root)
        self.lower = self.unit("data", self.upper)
        status = self.api.create_account(Email="b@example.com", AccountName="b")
        self.member = status["CreateAccountStatus"]["AccountId"]
        self.api.move_account(
            AccountId=self.member, SourceParentId=self.root, DestinationParentId=self.lower
        )

    def unit(self, name, parent):
        made = self.api.create_organizational_unit(Name=name, ParentId=parent)
        return made["OrganizationalUnit"]["Id"]

    def policy(self, name, target, kind="SERVICE_CONTROL_POLICY", content=DENY):
        made = self.api.create_policy(Name=name, Description="", Type=kind, Content=content)
        policy = made["Policy"]["PolicySummary"]["Id"]
        self.api.attach_policy(PolicyId=policy, TargetId=target)
        return policy

    def levels(self):
        return [self.root, self.upper, self.lower, self.member]


@pytest.fixture
def org(aws):
    return Organisation(aws)


@pytest.fixture
def accounts(aws):
    return RoleClients("threegrants-reader", "external-id")


def names(levels):
    return [(level.name, [policy.name for policy in level.policies]) for level in levels.value]


def test_every_level_root_first(org, accounts):
    org.policy("no-s3", org.upper)
    org.policy("perimeter", org.member, "RESOURCE_CONTROL_POLICY")
    found = read_organization(accounts, M, org.member)
    assert (found.id, found.management_account) == (Read(org.id), Read(M))
    assert found.path == Read(f"{org.id}/{org.root}/{org.upper}/{org.lower}/")
    root, upper, lower, member = org.levels()
    assert names(found.scps) == [
        (root, [FULL]),
        (upper, [FULL, "no-s3"]),
        (lower, [FULL]),
        (member, [FULL]),
    ]
    assert names(found.rcps) == [
        (root, ["RCPFullAWSAccess"]),
        (upper, ["RCPFullAWSAccess"]),
        (lower, ["RCPFullAWSAccess"]),
        (member, ["RCPFullAWSAccess", "perimeter"]),
    ]
    denies = found.scps.value[1].policies[1]
    assert (json.loads(denies.document), denies.kind) == (json.loads(DENY), "scp")
    assert found.rcps.value[3].policies[1].kind == "rcp"
    assert found.at


@pytest.mark.parametrize("ending", ["", "{member}/"])
def test_paths_save_the_climb(org, accounts, ending):
    path = f"{org.id}/{org.root}/{org.upper}/{org.lower}/"
    client = accounts.client(M, "organizations")
    climbed = read_organization(accounts, M, org.member)
    changed(
        client,
        "DescribeAccount",
        lambda parsed: parsed["Account"].update(
            Paths=[path + ending.format(member=org.member)],
        ),
    )
    calls = asked(client)
    found = read_organization(accounts, M, org.member, fresh=True)
    assert (found.path, found.scps, found.rcps) == (climbed.path, climbed.scps, climbed.rcps)
    made = [name for name, _ in calls]
    assert "ListParents" not in made
    # One question for the account, two a level, and one for each document: none is asked twice.
    assert sorted(made) == sorted(
        ["DescribeAccount", *["ListPoliciesForTarget"] * 8, *["DescribePolicy"] * 2]
    )


def test_more_policies_than_one_page(org, accounts):
    for number in range(23):
        org.policy(f"scp-{number:02}", org.lower)
    calls = asked(accounts.client(M, "organizations"))
    found = read_organization(accounts, M, org.member)
    level = found.scps.value[2]
    assert {policy.name for policy in level.policies} == {FULL, *(f"scp-{n:02}" for n in range(23))}
    pages = [asked for name, asked in calls if asked.get("TargetId") == org.lower]
    assert len(pages) == 3  # two of SCPs, one of RCPs


def test_nothing_binds_the_management_account(org, accounts):
    org.policy("no-s3", org.root)
    found = read_organization(accounts, M, M)
    assert (found.id, found.management_account) == (Read(org.id), Read(M))
    assert found.path == Read(f"{org.id}/{org.root}/")
    assert (found.scps, found.rcps) == (Read(()), Read(()))


def test_an_account_in_no_organisation(org, accounts):
    for reader in (M, None):
        found = read_organization(accounts, reader, A)
        assert (found.id, found.path, found.management_account) == (Read(None),) * 3
        assert (found.scps, found.rcps) == (Read(()), Read(()))


def test_an_account_of_another_organisation_is_bound_by_that_one(aws, org, accounts):
    other = Organisation(aws, OTHER)
    found = read_organization(accounts, M, other.member)
    assert (found.id, found.management_account) == (Read(other.id), Read(OTHER))
    for part in (found.path, found.scps, found.rcps):
        assert isinstance(part, Unread)
        assert f"is not in the organisation that account {M} reads" in part.why
        assert other.member in part.needs
    head = read_organization(accounts, M, OTHER)
    assert (head.scps, head.rcps) == (Read(()), Read(()))


def test_an_account_outside_that_we_cannot_enter(aws, org):
    with enforced(aws, M) as entered:
        found = read_organization(entered, M, OTHER)
    for part in (found.id, found.management_account, found.path, found.scps, found.rcps):
        assert isinstance(part, Unread)
        assert OTHER in part.why
    assert "organizations:DescribeOrganization" in found.id.needs


@pytest.mark.parametrize("kind", ["scp", "rcp"])
def test_a_disabled_kind_is_not_in_force(org, accounts, kind):
    full = {"scp": "p-FullAWSAccess", "rcp": "p-RCPFullAWSAccess"}[kind]
    for level in org.levels():
        org.api.detach_policy(PolicyId=full, TargetId=level)
    found = read_organization(accounts, M, org.member)
    assert getattr(found, f"{kind}s") == Read(())
    other = found.rcps if kind == "scp" else found.scps
    assert len(other.value) == 4


def test_a_level_whose_policies_are_all_detached_allows_nothing(org, accounts):
    org.api.detach_policy(PolicyId="p-FullAWSAccess", TargetId=org.lower)
    found = read_organization(accounts, M, org.member)
    assert names(found.scps)[2] == (org.lower, [])


def test_nobody_may_read_the_organisation(org, accounts):
    found = read_organization(accounts, None, org.member)
    assert (found.id, found.management_account) == (Read(org.id), Read(M))
    for part in (found.path, found.scps, found.rcps):
        assert isinstance(part, Unread)
        assert "OrganizationsAccount" in part.needs
        assert "organizations:ListPoliciesForTarget" in part.needs
    assert read_organization(accounts, None, M).scps == Read(())


def test_what_the_reader_has_is_enough(aws, org):
    with enforced(aws, M, org.member) as entered:
        found = read_organization(entered, M, org.member)
    assert [level.name for level in found.scps.value] == org.levels()
    assert [level.name for level in found.rcps.value] == org.levels()


@pytest.mark.parametrize(
    ("action", "unread"),
    [
        ("organizations:DescribeAccount", ("path", "scps", "rcps")),
        ("organizations:ListParents", ("path", "scps", "rcps")),
        ("organizations:ListPoliciesForTarget", ("scps", "rcps")),
        ("organizations:DescribePolicy", ("scps", "rcps")),
        ("organizations:DescribeOrganization", ()),
    ],
)
def test_a_permission_that_lacks_is_named(aws, org, action, unread):
    with enforced(aws, M, org.member, without=[action]) as entered:
        found = read_organization(entered, M, org.member)
    parts = ("id", "management_account", "path", "scps", "rcps")
    assert tuple(part for part in parts if isinstance(getattr(found, part), Unread)) == unread
    for part in unread:
        assert action in getattr(found, part).needs
        assert f"role threegrants-reader in account {M}" in getattr(found, part).needs


def test_one_document_that_cannot_be_read_leaves_its_kind_unknown(org, accounts):
    gone = org.policy("perimeter", org.root, "RESOURCE_CONTROL_POLICY")
    refused(
        accounts.client(M, "organizations"),
        "DescribePolicy",
        "PolicyNotFoundException",
        when=lambda params: gone in str(params["body"]),
    )
    found = read_organization(accounts, M, org.member)
    assert isinstance(found.rcps, Unread)
    assert "PolicyNotFoundException" in found.rcps.why
    assert len(found.scps.value) == 4


def test_what_was_read_is_kept_for_its_time(aws, org, accounts):
    now = [1_000.0]
    accounts.cache = TtlCache(clock=lambda: now[0])

    def read(by=accounts, **how):
        return read_organization(by, M, org.member, **how)

    first = read()
    org.policy("no-s3", org.root)
    calls = asked(accounts.client(M, "organizations"))
    now[0] += TTL_SECONDS - 1
    assert read() is first
    assert not calls
    assert len(read(fresh=True).scps.value[0].policies) == 2
    another = RoleClients("threegrants-remediation-key", "external-id")
    assert read(another) is not first
    now[0] += TTL_SECONDS
    org.policy("no-kms", org.root)
    assert len(read().scps.value[0].policies) == 3


def test_what_could_not_be_read_is_asked_again(org, accounts):
    client = accounts.client(M, "organizations")
    failing = [True]
    refused(client, "ListPoliciesForTarget", "AccessDeniedException", when=lambda _: failing[0])
    assert isinstance(read_organization(accounts, M, org.member).scps, Unread)
    failing.clear()
    failing.append(False)
    assert isinstance(read_organization(accounts, M, org.member).scps, Read)


def test_two_accounts_are_told_apart(aws, org, accounts):
    outside = read_organization(accounts, M, B)
    inside = read_organization(accounts, M, org.member)
    assert (outside.account, inside.account) == (B, org.member)
    assert (outside.id, inside.id) == (Read(None), Read(org.id))
