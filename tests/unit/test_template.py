"""Least privilege, read from the templates themselves."""

import fnmatch

import pytest

from support.templates import MEMBER, ROLES, SERVICE, actions, statements, template
from threegrants.cloudtrail.envelope import DETAIL_TYPE, SOURCES
from threegrants.incidents.hourly_limits import DEFAULT_LIMITS

API_ROLE = "RemediateRole"


@pytest.mark.parametrize("name", sorted(ROLES))
def test_no_wildcard_action(name):
    assert not [action for action in actions(name) if "*" in action]


def test_no_one_who_remedies_may_delete_history():
    assert "dynamodb:DeleteItem" not in actions("RemediateRole")
    assert "dynamodb:BatchWriteItem" not in actions("RemediateRole")


def test_a_worker_holds_a_run_for_longer_than_its_function_runs():
    from threegrants.handlers import remediate, sweep  # noqa: PLC0415 - its resolver is heavy

    for module, function in ((remediate, "RemediateFunction"), (sweep, "SweepFunction")):
        assert SERVICE[function]["Properties"]["Timeout"] * 2 <= module._LEASE_SECONDS


WRITES = ("Put", "Delete", "Create", "Update", "Attach", "Detach", "Set", "Tag")


@pytest.mark.parametrize("name", ["DiagnoseRole", "RemediateRole", "ReaderRole"])
def test_no_write_on_any_policy(name):
    writes = {a for a in actions(name) if a.split(":")[1].startswith(WRITES)}
    allowed = ("dynamodb:", "logs:", "xray:", "sqs:")
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


def test_only_remediate_may_assume_the_remediation_role():
    def assumed(name):
        return str([s["Resource"] for s in statements(name) if s["Action"] == "sts:AssumeRole"])

    assert "MenderRoleName" not in assumed("DiagnoseRole")
    assert "MenderRoleName" in assumed("RemediateRole")
    trust = str(MEMBER["MenderRole"]["Properties"]["AssumeRolePolicyDocument"])
    assert "RemediateRoleArn" in trust
    assert "DiagnoseRoleArn" not in trust


@pytest.mark.parametrize("name", ["ReaderRole", "MenderRole"])
def test_member_roles_want_the_external_id(name):
    [trust] = MEMBER[name]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}


def test_the_remediation_role_keeps_off_protected_things():
    denied = {s["Sid"] for s in statements("MenderRole") if s["Effect"] == "Deny"}
    assert denied == {
        "NeverWithoutLockoutCheck",
        "NeverProtectedBuckets",
        "NeverGrantsOfServices",
        "NeverProtectedKeys",
        "NeverProtectedPrincipals",
        "NeverTheseRoles",
    }


API = SERVICE["Api"]["Properties"]
OPERATIONS = {
    f"{method.upper()}{path}".replace("{id}", "tg-0123456789abcdef"): operation
    for path, methods in API["DefinitionBody"]["paths"].items()
    for method, operation in methods.items()
}


def test_every_method_wants_iam():
    schemes = API["DefinitionBody"]["components"]["securitySchemes"]
    assert {name: scheme["x-amazon-apigateway-authtype"] for name, scheme in schemes.items()} == {
        "sigv4": "awsSigv4"
    }
    assert len(OPERATIONS) == 7
    assert all(operation["security"] == [{"sigv4": []}] for operation in OPERATIONS.values())


ASKED = {
    "GET/incidents": "ViewerPolicy",
    "GET/incidents/tg-0123456789abcdef": "ViewerPolicy",
    "POST/incidents/tg-0123456789abcdef/approve": "ApproverPolicy",
    "POST/incidents/tg-0123456789abcdef/reject": "ApproverPolicy",
    "POST/incidents/tg-0123456789abcdef/rollback": "ApproverPolicy",
    "POST/incidents/tg-0123456789abcdef/mute": "MuterPolicy",
    "POST/replay": "ReplayerPolicy",
}
APPROVERS = template("templates/approvers.yaml")["Resources"]


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("resources", [SERVICE, APPROVERS], ids=["template", "approvers"])
def test_each_method_has_one_of_four_permissions(resources, asked):
    allowed = []
    for name in sorted(set(ASKED.values())):
        [statement] = resources[name]["Properties"]["PolicyDocument"]["Statement"]
        assert statement["Action"] == "execute-api:Invoke"
        named = statement["Resource"]
        listed = named if isinstance(named, list) else [named]
        paths = [one["Fn::Sub"].partition("/v1/")[2] for one in listed]
        if any(fnmatch.fnmatchcase(asked, path) for path in paths):
            allowed.append(name)
    assert allowed == [ASKED[asked]]


def test_every_method_is_among_them():
    assert set(OPERATIONS) == set(ASKED)
    assert API["StageName"] == "v1"


def test_the_api_allows_nobody_of_its_own_account_and_denies_every_other():
    """Or everybody in the account could call it: an Allow of either policy is enough there.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
    """
    allow, deny = API["DefinitionBody"]["x-amazon-apigateway-policy"]["Statement"]
    allow = allow["Fn::If"][1]
    own = {"Ref": "AWS::AccountId"}
    assert (allow["Effect"], deny["Effect"]) == ("Allow", "Deny")
    assert allow["Principal"] == {"AWS": {"Fn::Split": [",", {"Ref": "ApproverAccounts"}]}}
    assert allow["Condition"] == {"StringNotEquals": {"aws:PrincipalAccount": own}}
    assert deny["Principal"] == "*"
    [(operator, condition)] = deny["Condition"].items()
    assert operator == "StringNotEquals"
    assert condition["aws:PrincipalAccount"]["Fn::If"][2] == own
    assert API["AlwaysDeploy"] is True, "a resource policy counts from the next deployment on"


def bus_statements():
    listed = SERVICE["DenialBus"]["Properties"]["Policy"]["Fn::If"][1]["Statement"]
    return [statement["Fn::If"][1] for statement in listed]


def test_the_bus_takes_denials_of_members_only():
    for statement in bus_statements():
        assert (statement["Effect"], statement["Action"]) == ("Allow", "events:PutEvents")
        condition = statement["Condition"]
        assert condition["ForAllValues:StringEquals"] == {"events:source": list(SOURCES)}
        assert condition["Null"] == {"events:source": "false"}
        assert condition["StringEquals"]["events:detail-type"] == DETAIL_TYPE
    listed, organization = bus_statements()
    assert listed["Principal"] == {"AWS": {"Fn::Split": [",", {"Ref": "MemberAccounts"}]}}
    assert organization["Principal"] == "*"
    assert organization["Condition"]["StringEquals"]["aws:PrincipalOrgID"] == {
        "Ref": "OrganizationId"
    }


def test_every_rule_lets_the_same_events_through():
    forwarder = template("templates/forwarder.yaml")["Resources"]
    rules = [SERVICE["DenialRule"], SERVICE["OwnDenialRule"], forwarder["DenialRule"]]
    patterns = [rule["Properties"]["EventPattern"] for rule in rules]
    assert patterns[0] == patterns[1] == patterns[2]
    assert patterns[0]["source"] == list(SOURCES)
    assert patterns[0]["detail-type"] == [DETAIL_TYPE]


def test_only_the_api_and_the_intake_send_into_the_replay_queue():
    [deny] = SERVICE["ReplayQueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (deny["Effect"], deny["Principal"], deny["Action"]) == ("Deny", "*", "sqs:SendMessage")
    roles = [one["Fn::GetAtt"][0] for one in deny["Condition"]["ArnNotEquals"]["aws:PrincipalArn"]]
    assert roles == [API_ROLE, "DiagnoseRole"]
    for name in ("ReplayQueue", "ReplayQueuePolicy", "ReplaySource"):
        assert SERVICE[name]["Condition"] == "Replay"


def test_the_limits_of_the_template_are_those_of_the_code():
    parameters = template("template.yaml")["Parameters"]
    for name, limit in (
        ("NewIncidentsPerHour", DEFAULT_LIMITS.incidents),
        ("AlertsPerHour", DEFAULT_LIMITS.alerts),
    ):
        assert parameters[name]["Default"] == f"{limit.principal},{limit.account},{limit.everyone}"
    assert parameters["AllowReplay"]["Default"] == "false"
