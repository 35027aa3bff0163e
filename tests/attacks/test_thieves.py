"""What a thief of each role can do: the table of docs/threat-model.md, by our own evaluator.

Both columns are worked out: *before* from the roles' policies as they were on 27 November 2026
(`roles_before.json`), *now* from the templates as they are, with the session policy that the service
asks for. What the embedded AWS enforces of it stands in `tests/service/test_stolen_roles.py`.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support.attacks import Ends, attack
from support.deployed_roles import DeployedRole, allowed, deployed_role, member, service, trusted
from support.names import BUCKET_ARN, REGION, A, B
from support.records import ROLE, denied, s3
from threegrants.diagnosis import GrantName
from threegrants.evidence.session_scope import reading_scope
from threegrants.iam import Policy
from threegrants.patches import Patch, PatchOperation
from threegrants.remediation.remediation_roles import patch_policy

ROOT = Path(__file__).parents[2]
STRANGER = "999999999999"
KEY = f"arn:aws:kms:{REGION}:{A}:key/11111111-2222-3333-4444-555555555555"
ANOTHER_KEY = f"arn:aws:kms:{REGION}:{A}:key/99999999-2222-3333-4444-555555555555"
ANOTHER_ROLE = f"arn:aws:iam::{B}:role/admin"
TAGGED = {"aws:ResourceTag/threegrants:patchable": "true"}
SERVICE, MEMBER = service(), member(ReadObjects="true")
OWNER = member(A, ReadObjects="true")


def before(name, account=B):
    """A role as it was."""
    found = json.loads((Path(__file__).parent / "roles_before.json").read_text())[name]
    texts = [json.dumps(one).replace(B, account) if account != B else json.dumps(one)
             for one in found["policies"]]  # fmt: skip
    arn = found["arn"].replace(B, account)
    policies = tuple(Policy.parse(text, name) for text in texts)
    return DeployedRole(arn, policies, policies[0], tuple(texts))


def from_function(name):
    return {"lambda:SourceFunctionArn": f"arn:aws:lambda:{REGION}:{A}:function:threegrants-{name}"}


@dataclass(frozen=True)
class Deed:
    """What a thief tries.

    Args:
        text: in words.
        action: the IAM action.
        resource: the ARN; where another resource has that meaning now, `now`.
        then: whether it could be done before.
        can: whether it can be done now.
        why: what stops it now, or why it is left open.
        context: condition keys.
        account: the account of the resource, where its ARN names none.
        now: the resource as it is now.
    """

    text: str
    action: str
    resource: str
    then: bool
    can: bool
    why: str
    context: dict = field(default_factory=dict)
    account: str | None = None
    now: str | None = None


@dataclass(frozen=True)
class Thief:
    """A stolen role or session."""

    name: str
    was: DeployedRole
    role: DeployedRole
    session: str | None
    context: dict
    deeds: tuple[Deed, ...]


def patch(operation, target, account=A, **changes):
    return Patch(
        GrantName.BUCKET_POLICY, account, REGION, target, operation, None, "{}", {}, **changes
    )


def of_member(prefix, account):
    return f"arn:aws:iam::{account}:role/threegrants-{prefix}"


PROFILE = f"arn:aws:appconfig:{REGION}:{A}:application/app1234/configurationprofile/pro1234"
INCIDENTS = SERVICE.arn("IncidentTable")
RUNS = SERVICE.arn("RemediationTable")
ASSUME = "sts:AssumeRole"
OTHER = from_function("somebody-elses")
LISTED = "only accounts of `AccountsToRead` and `TrustedAccounts`"
ONLY_WORKER = "only the worker's role may"
SCOPED = "the session policy names one target"
READ = "the session policy names the incident's bucket, object and principal"


def readers(then=True):
    return (
        Deed("enter the reader of a trusted account", ASSUME, of_member("reader", B), then, True,
             "its task"),
        Deed("enter a stranger's reader, and tell the stranger our ExternalId", ASSUME,
             of_member("reader", STRANGER), then, False, LISTED),
        Deed("the same with the role given to a function of the thief's own", ASSUME,
             of_member("reader", B), then, False, "`lambda:SourceFunctionArn`", OTHER),
    )  # fmt: skip


def configuring():
    return Deed("deploy another configuration", "appconfig:StartDeployment", PROFILE, False, False,
                "no role of the service may: they read it, and no more")  # fmt: skip


def writers(can):
    why = "its task; the session policy is the service's choice, so a thief does without it" if can \
        else ONLY_WORKER  # fmt: skip
    return Deed("enter the remediation role of a trusted account", ASSUME, of_member("mender", B), True,
                can, why, now=of_member("remediation-bucket", B))  # fmt: skip


THIEVES = (
    Thief("diagnose role", before("DiagnoseRole"), deployed_role(SERVICE, "DiagnoseRole"), None,
          from_function("diagnose"), (
        *readers(),
        Deed("write a run or an approval", "dynamodb:PutItem", INCIDENTS, True, False,
             "a table of their own", now=RUNS),
        Deed("enter a remediation role", ASSUME, of_member("mender", B), False, False, ONLY_WORKER,
             now=of_member("remediation-key", B)),
        Deed("seal an approval", "kms:GenerateMac", SERVICE.arn("ApprovalMacKey"), False, False,
             "only the API's role may"),
        configuring(),
    )),
    Thief("API's role", before("RemediateRole"), deployed_role(SERVICE, "ApproveRole"), None,
          from_function("remediate"), (
        *readers(),
        writers(can=False),
        Deed("seal an approval, and so have an offered patch applied", "kms:GenerateMac",
             SERVICE.arn("ApprovalMacKey"), False, True,
             "its task: whoever has this role is an approver"),
        Deed("erase history", "dynamodb:DeleteItem", INCIDENTS, False, False, "no role may"),
        configuring(),
    )),
    Thief("worker's role", before("RemediateRole"), deployed_role(SERVICE, "WorkerRole"), None,
          from_function("worker"), (
        writers(can=True),
        Deed("enter a stranger's role of that name", ASSUME, of_member("mender", STRANGER), True, False,
             "only `TrustedAccounts`", now=of_member("remediation-iam", STRANGER)),
        Deed("the same with the role given to a function of the thief's own", ASSUME,
             of_member("mender", B), True, False, "`lambda:SourceFunctionArn`", OTHER,
             now=of_member("remediation-bucket", B)),
        Deed("seal an approval", "kms:GenerateMac", SERVICE.arn("ApprovalMacKey"), False, False,
             "only the API's role may"),
        configuring(),
    )),
    Thief("sweep's role", before("RemediateRole"), deployed_role(SERVICE, "SweepRole"), None,
          from_function("sweep"), (
        *readers(),
        writers(can=False),
        Deed("write a run or an approval", "dynamodb:PutItem", INCIDENTS, True, False,
             "it may only read that table", now=RUNS),
        configuring(),
    )),
    Thief("reader session", before("ReaderRole", A), deployed_role(OWNER, "ReaderRole"),
          reading_scope(denied(s3()), "tg-0123456789abcdef", objects=True).policy, {}, (
        Deed("read the policy of the incident's bucket", "s3:GetBucketPolicy", BUCKET_ARN, True, True,
             "its task", account=A),
        Deed("read the policy of another bucket", "s3:GetBucketPolicy", "arn:aws:s3:::a-secret", True,
             False, READ, account=A),
        Deed("read another object of the bucket (`ReadObjects`)", "s3:GetObject",
             f"{BUCKET_ARN}/2026/other.csv", True, False, READ, account=A),
        Deed("read the policies of another role", "iam:GetRolePolicy",
             f"arn:aws:iam::{A}:role/admin", True, False, READ),
        Deed("list all roles of the account", "iam:ListRoles", "*", True, False, READ),
        Deed("read the policy of any KMS key", "kms:GetKeyPolicy", ANOTHER_KEY, True, True,
             "which key it is, the bucket and the object say"),
    )),
    Thief("session for a bucket policy", before("MenderRole", A),
          deployed_role(OWNER, "BucketRemediationRole"),
          patch_policy(patch(PatchOperation.PUT_BUCKET_POLICY, BUCKET_ARN)), {}, (
        Deed("write the policy of the run's bucket", "s3:PutBucketPolicy", BUCKET_ARN, True, True,
             "its task", account=A),
        Deed("write the policy of another bucket", "s3:PutBucketPolicy", "arn:aws:s3:::a-secret", True,
             False, SCOPED, account=A),
        Deed("write a key policy", "kms:PutKeyPolicy", KEY, True, False, "a role for each kind"),
        Deed("write a role's policy", "iam:PutRolePolicy", f"arn:aws:iam::{A}:role/admin", True, False,
             "a role for each kind", TAGGED),
    )),
    Thief("session for a key policy", before("MenderRole", A), deployed_role(OWNER, "KeyRemediationRole"),
          patch_policy(patch(PatchOperation.PUT_KEY_POLICY, KEY)), {}, (
        Deed("write the policy of the run's key", "kms:PutKeyPolicy", KEY, True, True, "its task"),
        Deed("write the policy of another key", "kms:PutKeyPolicy", ANOTHER_KEY, True, False, SCOPED),
        Deed("make a KMS grant of the run's key", "kms:CreateGrant", KEY, True, False,
             "the session policy names the run's kind of write",
             {"kms:GrantOperations": ["Decrypt"]}),
        Deed("use the key", "kms:Decrypt", KEY, False, False, "no role may"),
    )),
    Thief("session for an inline policy", before("MenderRole"),
          deployed_role(MEMBER, "IamRemediationRole"),
          patch_policy(patch(PatchOperation.PUT_ROLE_POLICY, ROLE, B)), {}, (
        Deed("write the policies of the run's role, which is tagged", "iam:PutRolePolicy", ROLE, True,
             True, "its task", TAGGED),
        Deed("the same of a role that is not tagged", "iam:PutRolePolicy", ROLE, True, False,
             "the tag `threegrants:patchable=true`"),
        Deed("write the policies of another tagged role", "iam:PutRolePolicy", ANOTHER_ROLE, True, False,
             SCOPED, TAGGED),
        Deed("make and attach a managed policy", "iam:CreatePolicy",
             f"arn:aws:iam::{B}:policy/threegrants-x", True, False,
             "the session policy names the run's kind of write"),
    )),
)  # fmt: skip

CASES = [
    pytest.param(thief, deed, id=f"{thief.name}: {deed.text}")
    for thief in THIEVES
    for deed in thief.deeds
]


@attack(
    "13.3",
    "a thief of each role tries what its own task does not need",
    "another role's task is done, or another target is reached",
    Ends.DENIED_BY_AWS,
    embedded="test_roles.py::test_a_session_of_a_run_reaches_one_target",
)
@pytest.mark.parametrize(("thief", "deed"), CASES)
def test_what_a_thief_can_do(thief, deed):
    context = {**thief.context, **deed.context}
    then = allowed(thief.was, deed.action, deed.resource, context, account=deed.account)
    can = allowed(
        thief.role,
        deed.action,
        deed.now or deed.resource,
        context,
        session=thief.session,
        account=deed.account,
    )
    assert (then, can) == (deed.then, deed.can)


def test_the_threat_model_shows_this_table():
    page = (ROOT / "docs" / "threat-model.md").read_text()
    words = {True: "yes", False: "no"}
    rows = [
        f"| {thief.name} | {deed.text} | {words[deed.then]} | {words[deed.can]} | {deed.why} |"
        for thief in THIEVES
        for deed in thief.deeds
    ]
    start = page.index("| stolen | deed |")
    assert page[start:].split("\n\n", 1)[0].split("\n")[2:] == rows


@attack(
    "13.4",
    "a thief of the worker's role with another account's ExternalId, or without an incident",
    "a remediation role is entered",
    Ends.DENIED_BY_AWS,
)
@pytest.mark.parametrize(
    "logical", ["BucketRemediationRole", "KeyRemediationRole", "IamRemediationRole"]
)
@pytest.mark.parametrize(
    ("caller", "context", "enters"),
    [
        ("WorkerRole", {"sts:ExternalId": "a-long-secret", "sts:RoleSessionName": "tg-01"}, True),
        ("WorkerRole", {"sts:ExternalId": "another", "sts:RoleSessionName": "tg-01"}, False),
        ("WorkerRole", {"sts:RoleSessionName": "tg-01"}, False),
        ("WorkerRole", {"sts:ExternalId": "a-long-secret", "sts:RoleSessionName": "me"}, False),
        ("ApproveRole", {"sts:ExternalId": "a-long-secret", "sts:RoleSessionName": "tg-01"}, False),
        ("SweepRole", {"sts:ExternalId": "a-long-secret", "sts:RoleSessionName": "tg-01"}, False),
        ("DiagnoseRole", {"sts:ExternalId": "a-long-secret", "sts:RoleSessionName": "tg-01"}, False),
    ],
)  # fmt: skip
def test_who_enters_a_remediation_role(logical, caller, context, enters):
    role = deployed_role(MEMBER, logical)
    assert trusted(role, SERVICE.arn(caller), ASSUME, context) is enters


def test_a_run_may_be_the_source_identity():
    worker = SERVICE.arn("WorkerRole")
    for logical in ("BucketRemediationRole", "KeyRemediationRole", "IamRemediationRole"):
        role = deployed_role(MEMBER, logical)
        assert trusted(role, worker, "sts:SetSourceIdentity", {})
        assert not trusted(role, SERVICE.arn("ApproveRole"), "sts:SetSourceIdentity", {})
        own = deployed_role(SERVICE, "WorkerRole")
        assert allowed(own, "sts:SetSourceIdentity", role.arn, from_function("worker"))


ORGANIZATION = service(OrganizationId="o-0123456789", AccountsToRead="333333333333")


@pytest.mark.parametrize(
    ("account", "organization", "reads", "writes"),
    [
        (B, "o-0123456789", True, True),
        (B, None, True, False),
        ("333333333333", None, True, False),
        ("444444444444", "o-0123456789", True, False),
        ("444444444444", "o-9999999999", False, False),
        (STRANGER, None, False, False),
    ],
)
def test_which_accounts_are_entered_in_an_organisation(account, organization, reads, writes):
    context = from_function("worker")
    if organization:
        context["aws:ResourceOrgID"] = organization
    worker, diagnose = (deployed_role(ORGANIZATION, f"{one}Role") for one in ("Worker", "Diagnose"))
    reader = of_member("reader", account)
    assert allowed(diagnose, ASSUME, reader, {**context, **from_function("diagnose")}) is reads
    for kind in ("bucket", "key", "iam"):
        target = of_member(f"remediation-{kind}", account)
        assert allowed(worker, ASSUME, target, context) is writes


@pytest.mark.parametrize(
    ("parameters", "context", "can"),
    [
        ({}, {}, False),
        ({}, TAGGED, True),
        ({"RequirePatchableTag": "false"}, {}, True),
        ({"RequiredBoundaryArn": f"arn:aws:iam::{B}:policy/edge"}, TAGGED, False),
        (
            {"RequiredBoundaryArn": f"arn:aws:iam::{B}:policy/edge"},
            {**TAGGED, "iam:PermissionsBoundary": f"arn:aws:iam::{B}:policy/edge"},
            True,
        ),
        (
            {
                "RequirePatchableTag": "false",
                "RequiredBoundaryArn": f"arn:aws:iam::{B}:policy/edge",
            },
            {"iam:PermissionsBoundary": f"arn:aws:iam::{B}:policy/another"},
            False,
        ),
        ({}, {**TAGGED, "aws:ResourceTag/threegrants:protected": "true"}, False),
    ],
)
def test_which_roles_the_iam_role_writes_to(parameters, context, can):
    role = deployed_role(member(**parameters), "IamRemediationRole")
    for action in ("iam:PutRolePolicy", "iam:DeleteRolePolicy"):
        assert allowed(role, action, ROLE, context) is can
    attach = {**context, "iam:PolicyARN": f"arn:aws:iam::{B}:policy/threegrants-x"}
    for action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
        assert allowed(role, action, ROLE, attach) is can
    user = f"arn:aws:iam::{B}:user/sam"
    for action in ("iam:PutUserPolicy", "iam:DeleteUserPolicy"):
        assert allowed(role, action, user, context) is can


@pytest.mark.parametrize("kind", ["Bucket", "Key", "Iam"])
def test_each_role_can_be_left_out(kind):
    without = member(**{f"With{kind}Remediation": "false"})
    assert [one for one in ("Bucket", "Key", "Iam") if without.has(f"{one}RemediationRole")] == [
        one for one in ("Bucket", "Key", "Iam") if one != kind
    ]
