"""Least privilege, read from the templates themselves."""

import fnmatch
import json
from pathlib import Path

import pytest

import threegrants
from support.templates import MEMBER, ROLES, SERVICE, actions, statements, template
from threegrants.cloudtrail.envelope import DETAIL_TYPE, SOURCES
from threegrants.handlers import diagnose, worker
from threegrants.incidents.hourly_limits import DEFAULT_LIMITS
from threegrants.notifications import incident_event
from threegrants.patches.grantable_actions import GRANT_OPERATIONS

API_ROLE = "ApproveRole"
SCHEMAS = Path(threegrants.__file__).parent / "schema"


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


@pytest.mark.parametrize("queue", ["DenialQueue", "ReplayQueue"])
def test_the_last_delivery_is_known_to_the_function_that_reads_the_queue(queue):
    redrive = SERVICE[queue]["Properties"]["RedrivePolicy"]
    assert redrive["maxReceiveCount"] == diagnose.MAX_RECEIVES


WRITES = ("Put", "Delete", "Create", "Update", "Attach", "Detach", "Set", "Tag")


@pytest.mark.parametrize(
    "name", ["DiagnoseRole", "ApproveRole", "WorkerRole", "SweepRole", "ReaderRole"]
)
def test_no_write_on_any_policy(name):
    writes = {a for a in actions(name) if a.split(":")[1].startswith(WRITES)} - {"events:PutEvents"}
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
        "s3:GetObjectRetention",
        "s3:GetObjectLegalHold",
        "s3:GetObjectTagging",
        "s3:GetObjectVersionTagging",
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
    parameters = template("templates/member.yaml")["Parameters"]
    assert parameters["ReadObjects"]["Default"] == "false"
    assert parameters["ReadOrganization"]["Default"] == "false"
    assert parameters["AccessAnalyzer"]["Default"] == "false"
    assert "kms:Decrypt" not in actions("ReaderRole")


SERVICE_ROLES = ("DiagnoseRole", "ApproveRole", "WorkerRole", "SweepRole")


REMEDIATION_ROLES = ("BucketRemediationRole", "KeyRemediationRole", "IamRemediationRole")


def listed(value):
    return value if isinstance(value, list) else [value]


def account_of(parameter):
    """A trust policy names a role's account, or it would end with the role (condition: the role)."""
    return {"AWS": {"Fn::Select": [4, {"Fn::Split": [":", {"Ref": parameter}]}]}}


def test_only_the_worker_may_assume_a_remediation_role():
    def assumed(name):
        return str([s["Resource"] for s in statements(name) if ASSUME in listed(s["Action"])])

    assert [one for one in SERVICE_ROLES if "RemediationRolePrefix" in assumed(one)] == [
        "WorkerRole"
    ]
    for name in REMEDIATION_ROLES:
        trust = MEMBER[name]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        for one in trust:
            assert one["Principal"] == account_of("WorkerRoleArn")
            assert one["Condition"]["ArnEquals"] == {"aws:PrincipalArn": {"Ref": "WorkerRoleArn"}}


ASSUME = "sts:AssumeRole"


@pytest.mark.parametrize("name", SERVICE_ROLES)
def test_no_role_is_assumed_in_any_account(name):
    for one in statements(name):
        if ASSUME in listed(one["Action"]):
            keys = one["Condition"]["StringEquals"]
            assert {"aws:ResourceAccount", "aws:ResourceOrgID"} & set(keys), one["Sid"]


OUTSIDE_THE_CODE = {
    "TakeFromQueue",
    "EncryptAlerts",
    "EncryptAlertsToOtherTopics",
    "DecryptExternalId",
    "Log",
    "Trace",
}
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
    service, member = (
        template("template.yaml")["Parameters"],
        template("templates/member.yaml")["Parameters"],
    )
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


API = SERVICE["Api"]["Properties"]
OPERATIONS = {
    f"{method.upper()}{path}".replace("{id}", "tg-0123456789abcdef").replace(
        "{test}", "at-0"
    ): operation
    for path, methods in API["DefinitionBody"]["paths"].items()
    for method, operation in methods.items()
}


def test_every_method_wants_iam():
    schemes = API["DefinitionBody"]["components"]["securitySchemes"]
    assert {name: scheme["x-amazon-apigateway-authtype"] for name, scheme in schemes.items()} == {
        "sigv4": "awsSigv4"
    }
    assert len(OPERATIONS) == 16
    assert all(operation["security"] == [{"sigv4": []}] for operation in OPERATIONS.values())


ASKED = {
    "GET/incidents": "ViewerPolicy",
    "GET/incidents/tg-0123456789abcdef": "ViewerPolicy",
    "POST/incidents/tg-0123456789abcdef/recheck": "ViewerPolicy",
    "POST/incidents/tg-0123456789abcdef/approve": "ApproverPolicy",
    "POST/incidents/tg-0123456789abcdef/reopen": "ApproverPolicy",
    "POST/incidents/tg-0123456789abcdef/extend": "ApproverPolicy",
    "POST/incidents/tg-0123456789abcdef/reject": "ApproverPolicy",
    "POST/incidents/tg-0123456789abcdef/rollback": "ApproverPolicy",
    "POST/incidents/tg-0123456789abcdef/mute": "MuterPolicy",
    "POST/incidents/tg-0123456789abcdef/acknowledge": "MuterPolicy",
    "POST/incidents/tg-0123456789abcdef/assign": "MuterPolicy",
    "POST/incidents/tg-0123456789abcdef/snooze": "MuterPolicy",
    "GET/snoozes": "ViewerPolicy",
    "POST/alerts/test": "ApproverPolicy",
    "GET/alerts/test/tg-0123456789abcdef": "ApproverPolicy",
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


@pytest.mark.parametrize("name", ["DiagnoseRole", "WorkerRole", "SweepRole"])
def test_events_of_incidents_go_to_one_bus_under_their_own_name(name):
    [put] = [one for one in statements(name) if one["Action"] == "events:PutEvents"]
    assert put["Resource"]["Fn::Sub"].endswith(":event-bus/${IncidentEventBus}")
    assert put["Condition"]["ForAllValues:StringEquals"] == {
        "events:source": [incident_event.SOURCE],
        "events:detail-type": [incident_event.DETAIL_TYPE],
    }


def test_a_webhook_gets_its_body_out_of_the_event():
    resources = template("templates/webhooks.yaml")["Resources"]
    schema = json.loads((SCHEMAS / "incident.schema.json").read_text())
    for name in ("Slack", "Teams", "PagerDuty"):
        rule = resources[f"{name}Rule"]["Properties"]
        assert rule["EventPattern"]["source"] == [incident_event.SOURCE]
        assert rule["EventPattern"]["detail-type"] == [incident_event.DETAIL_TYPE]
        [target] = rule["Targets"]
        start, detail, body = target["InputPath"].split(".")
        assert (start, detail) == ("$", "detail")
        assert body in schema["required"]
        assert "InputTransformer" not in target
        assert target["DeadLetterConfig"]
    [call] = resources["CallerRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert call["Action"] == "events:InvokeApiDestination"


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
