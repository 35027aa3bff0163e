"""Least privilege, read from the templates themselves."""

import fnmatch

import pytest

from support.templates import MEMBER, ROLES, SERVICE, actions, statements, template
from threegrants.handlers import worker
from threegrants.incidents.hourly_limits import DEFAULT_LIMITS
from threegrants.patches.grantable_actions import GRANT_OPERATIONS


@pytest.mark.parametrize("name", sorted(ROLES))
def test_no_wildcard_action(name):
    assert not [action for action in actions(name) if "*" in action]


@pytest.mark.parametrize("name", ["ApproveRole", "WorkerRole", "SweepRole"])
def test_no_one_who_remedies_may_delete_history(name):
    assert "dynamodb:DeleteItem" not in actions(name)
    assert "dynamodb:BatchWriteItem" not in actions(name)


def test_a_worker_holds_a_run_for_longer_than_its_function_runs():
    timeout = SERVICE["WorkerFunction"]["Properties"]["Timeout"]
    assert timeout * 2 <= worker._LEASE_SECONDS
    assert SERVICE["RunQueue"]["Properties"]["VisibilityTimeout"] >= timeout * 6


WRITES = ("Put", "Delete", "Create", "Update", "Attach", "Detach", "Set", "Tag")


@pytest.mark.parametrize(
    "name", ["DiagnoseRole", "ApproveRole", "WorkerRole", "SweepRole", "ReaderRole"]
)
def test_no_write_on_any_policy(name):
    writes = {a for a in actions(name) if a.split(":")[1].startswith(WRITES)}
    allowed = ("dynamodb:", "logs:", "xray:", "sqs:", "sts:")
    assert not {action for action in writes if not action.startswith(allowed)}


def test_what_the_reader_may_only_where_asked():
    optional = {
        action
        for resource in MEMBER.values()
        if resource["Type"] == "AWS::IAM::Policy" and "Condition" in resource
        for statement in resource["Properties"]["PolicyDocument"]["Statement"]
        for action in statement["Action"]
    }
    assert optional == {
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:ListBucket",
        "s3:ListBucketVersions",
        "organizations:DescribeAccount",
        "organizations:ListParents",
        "organizations:ListPoliciesForTarget",
        "organizations:DescribePolicy",
        "access-analyzer:ValidatePolicy",
        "access-analyzer:CheckNoPublicAccess",
    }
    conditional = ("ReaderOfObjects", "ReaderOfOrganization", "ReaderOfOpinions")
    assert [MEMBER[name]["Condition"] for name in conditional] == [
        "Objects",
        "Organization",
        "Analyzer",
    ]
    parameters = template("member.yaml")["Parameters"]
    assert parameters["ReadObjects"]["Default"] == "false"
    assert parameters["ReadOrganization"]["Default"] == "false"
    assert parameters["AccessAnalyzer"]["Default"] == "false"
    assert "kms:Decrypt" not in actions("ReaderRole")


SERVICE_ROLES = ("DiagnoseRole", "ApproveRole", "WorkerRole", "SweepRole")


REMEDIATION_ROLES = ("BucketRemediationRole", "KeyRemediationRole", "IamRemediationRole")


def listed(value):
    return value if isinstance(value, list) else [value]


def test_only_the_worker_may_assume_a_remediation_role():
    def assumed(name):
        return str([s["Resource"] for s in statements(name) if ASSUME in listed(s["Action"])])

    assert [one for one in SERVICE_ROLES if "RemediationRolePrefix" in assumed(one)] == [
        "WorkerRole"
    ]
    for name in REMEDIATION_ROLES:
        trust = MEMBER[name]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert {str(one["Principal"]) for one in trust} == {str({"AWS": {"Ref": "WorkerRoleArn"}})}


ASSUME = "sts:AssumeRole"


@pytest.mark.parametrize("name", SERVICE_ROLES)
def test_no_role_is_assumed_in_any_account(name):
    for one in statements(name):
        if ASSUME in listed(one["Action"]):
            keys = one["Condition"]["StringEquals"]
            assert {"aws:ResourceAccount", "aws:ResourceOrgID"} & set(keys), one["Sid"]


OUTSIDE_THE_CODE = {"TakeFromQueue", "EncryptAlerts", "DecryptExternalId", "Log", "Trace"}
"""What Lambda, SNS and SSM do for a function: those calls do not carry its ARN dependably."""


@pytest.mark.parametrize("name", SERVICE_ROLES)
def test_what_only_the_functions_own_code_may_do(name):
    without = {
        one["Sid"]
        for one in statements(name)
        if "lambda:SourceFunctionArn" not in str(one.get("Condition", ""))
    }
    assert without <= OUTSIDE_THE_CODE
    assert not {one["Sid"] for one in statements(name)} & OUTSIDE_THE_CODE - without


def test_the_external_id_is_in_no_environment():
    parameters = template("template.yaml")["Parameters"]
    assert "ExternalId" not in parameters
    assert not [one for one in parameters.values() if one.get("NoEcho")]
    assert "EXTERNAL_ID'" not in str(template("template.yaml")["Globals"])
    for name in SERVICE_ROLES:
        [read] = [one for one in statements(name) if one["Sid"] == "ReadExternalId"]
        assert read["Action"] == "ssm:GetParameter"


def test_the_key_role_makes_the_grants_that_the_service_makes():
    [grants] = [one for one in statements("KeyRemediationRole") if one["Sid"] == "KeyGrants"]
    allowed = grants["Condition"]["ForAllValues:StringEquals"]["kms:GrantOperations"]
    assert sorted(allowed) == sorted(GRANT_OPERATIONS)


def test_both_templates_name_the_roles_alike():
    service, member = template("template.yaml")["Parameters"], template("member.yaml")["Parameters"]
    for name in ("ReaderRoleName", "RemediationRolePrefix", "RequirePatchableTag"):
        assert service[name]["Default"] == member[name]["Default"]


def may(name, resource):
    """The actions that a role is allowed on a resource of the template."""
    return {
        action
        for one in statements(name)
        if f"'{resource}'" in str(one["Resource"]) or f"{resource}." in str(one["Resource"])
        for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])
    }


READS = {"dynamodb:GetItem", "dynamodb:Query"}
CHANGES = READS | {"dynamodb:PutItem", "dynamodb:UpdateItem"}
SPLIT = [
    ("DiagnoseRole", "RemediationTable", set()),
    ("SweepRole", "RemediationTable", READS),
    ("ApproveRole", "RemediationTable", CHANGES),
    ("WorkerRole", "RemediationTable", CHANGES),
    ("DiagnoseRole", "RunQueue", set()),
    ("SweepRole", "RunQueue", {"sqs:SendMessage"}),
    ("ApproveRole", "RunQueue", {"sqs:SendMessage"}),
    ("DiagnoseRole", "ApprovalMacKey", set()),
    ("SweepRole", "ApprovalMacKey", set()),
    ("ApproveRole", "ApprovalMacKey", {"kms:GenerateMac", "kms:VerifyMac"}),
    ("WorkerRole", "ApprovalMacKey", {"kms:VerifyMac"}),
    ("DiagnoseRole", "RunMacKey", set()),
    ("SweepRole", "RunMacKey", set()),
    ("ApproveRole", "RunMacKey", {"kms:VerifyMac"}),
    ("WorkerRole", "RunMacKey", {"kms:GenerateMac", "kms:VerifyMac"}),
]


@pytest.mark.parametrize(("name", "resource", "wanted"), SPLIT)
def test_who_may_write_and_seal_runs(name, resource, wanted):
    assert may(name, resource) == wanted


SEALS = [("ApprovalMacKey", "approve"), ("RunMacKey", "worker")]


@pytest.mark.parametrize(("key", "role"), SEALS)
def test_one_role_makes_seals_with_each_key(key, role):
    """No IAM policy of another role gives it: the key's policy names the role."""
    makes = [
        one
        for one in SERVICE[key]["Properties"]["KeyPolicy"]["Statement"]
        if {"kms:GenerateMac", "kms:CreateGrant", "kms:*", "*"}
        & set(one["Action"] if isinstance(one["Action"], list) else [one["Action"]])
    ]
    assert len(makes) == 1
    assert makes[0]["Condition"]["ArnEquals"]["aws:PrincipalArn"]["Fn::Sub"].endswith(f"-{role}")


def test_no_role_of_the_service_may_invoke_another_function():
    assert not [name for name in SERVICE_ROLES if "lambda:InvokeFunction" in actions(name)]


@pytest.mark.parametrize("name", ["ReaderRole", *REMEDIATION_ROLES])
def test_member_roles_want_the_external_id(name):
    for trust in MEMBER[name]["Properties"]["AssumeRolePolicyDocument"]["Statement"]:
        if trust["Action"] == ASSUME:
            wanted = trust["Condition"]["StringEquals"]
            assert wanted == {"sts:ExternalId": {"Ref": "ExternalId"}}


PROTECTED = {
    "BucketRemediationRole": {"NeverProtectedBuckets"},
    "KeyRemediationRole": {
        "NeverWithoutLockoutCheck",
        "NeverGrantsOfServices",
        "NeverProtectedKeys",
    },
    "IamRemediationRole": {"NeverProtectedPrincipals", "NeverTheseRoles"},
}


@pytest.mark.parametrize("name", REMEDIATION_ROLES)
def test_the_remediation_roles_keep_off_protected_things(name):
    assert {s["Sid"] for s in statements(name) if s["Effect"] == "Deny"} == PROTECTED[name]


def test_each_remediation_role_writes_one_kind():
    kinds = {
        "BucketRemediationRole": "s3",
        "KeyRemediationRole": "kms",
        "IamRemediationRole": "iam",
    }
    for name, service in kinds.items():
        assert {action.split(":")[0] for action in actions(name)} - {"cloudtrail"} == {service}


def test_every_route_wants_iam():
    routes = [r for r in SERVICE.values() if r["Type"] == "AWS::ApiGatewayV2::Route"]
    assert len(routes) == 6
    assert {route["Properties"]["AuthorizationType"] for route in routes} == {"AWS_IAM"}


ASKED = {
    "GET/incidents": "ViewerPolicy",
    "GET/incidents/tg-0123456789abcdef": "ViewerPolicy",
    "POST/incidents/tg-0123456789abcdef/approve": "ApproverPolicy",
    "POST/incidents/tg-0123456789abcdef/reject": "ApproverPolicy",
    "POST/incidents/tg-0123456789abcdef/rollback": "ApproverPolicy",
    "POST/incidents/tg-0123456789abcdef/mute": "MuterPolicy",
}


@pytest.mark.parametrize("asked", ASKED)
def test_each_route_has_one_of_three_permissions(asked):
    allowed = []
    for name in sorted(set(ASKED.values())):
        [statement] = SERVICE[name]["Properties"]["PolicyDocument"]["Statement"]
        resources = statement["Resource"]
        listed = resources if isinstance(resources, list) else [resources]
        paths = [one["Fn::Sub"].partition("/$default/")[2] for one in listed]
        if any(fnmatch.fnmatchcase(asked, path) for path in paths):
            allowed.append(name)
    assert allowed == [ASKED[asked]]


def test_every_route_is_among_them():
    routes = {
        route["Properties"]["RouteKey"].replace(" ", "").replace("{id}", "tg-0123456789abcdef")
        for route in SERVICE.values()
        if route["Type"] == "AWS::ApiGatewayV2::Route"
    }
    assert routes == set(ASKED)


def test_the_limits_of_the_template_are_those_of_the_code():
    parameters = template("template.yaml")["Parameters"]
    for name, limit in (
        ("NewIncidentsPerHour", DEFAULT_LIMITS.incidents),
        ("AlertsPerHour", DEFAULT_LIMITS.alerts),
    ):
        assert parameters[name]["Default"] == f"{limit.principal},{limit.account},{limit.everyone}"
    assert parameters["AllowReplay"]["Default"] == "false"
