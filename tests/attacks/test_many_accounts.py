"""1,000 accounts: what the roles' own policies hold a configuration to, and that everything still fits.

A configuration lists more accounts than a role's policy or a function's environment takes. So with a
configuration of the operators' own the roles are bounded by the organisation, and the code by the list.
"""

import json

import pytest

from support.attacks import Ends, attack
from support.configured import PLACE
from support.deployed_roles import SERVICE_ACCOUNT, Deployed, allowed, deployed_role, service
from support.names import REGION, A, B
from threegrants.configuration import Configuration, parse_configuration
from threegrants.handlers.in_force import in_force
from threegrants.handlers.settings import Settings

STRANGER = "999999999999"
ORGANIZATION = "o-0123456789"
MANY = tuple(str(200_000_000_000 + at) for at in range(1_000))
SOME = MANY[:150]
"""as many as a role's policy takes"""
ROLES = ("DiagnoseRole", "ApproveRole", "WorkerRole", "SweepRole")
FUNCTIONS = {
    "DiagnoseRole": "diagnose",
    "ApproveRole": "remediate",
    "WorkerRole": "worker",
    "SweepRole": "sweep",
}
OF_PARAMETERS = service(TrustedAccounts=",".join(SOME[:75]), AccountsToRead=",".join(SOME[75:]))
OF_OUR_OWN = service(OwnConfiguration="true", OrganizationId=ORGANIZATION, TrustedAccounts="")
BOUND_TWICE = service(OwnConfiguration="true", OrganizationId=ORGANIZATION, TrustedAccounts=A)
WITHOUT_ORGANIZATION = service(OwnConfiguration="true", TrustedAccounts=A, AccountsToRead=B)


def context(role, organization=None):
    arn = f"arn:aws:lambda:{REGION}:{SERVICE_ACCOUNT}:function:threegrants-{FUNCTIONS[role]}"
    return {
        "lambda:SourceFunctionArn": arn,
        **({"aws:ResourceOrgID": organization} if organization else {}),
    }


def may_enter(stack, role, kind, account, organization=None):
    """Whether a role's own policy lets it assume a member's role."""
    target = f"arn:aws:iam::{account}:role/threegrants-{kind}"
    return allowed(
        deployed_role(stack, role), "sts:AssumeRole", target, context(role, organization)
    )


# --- what fits ------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("stack", [OF_PARAMETERS, OF_OUR_OWN], ids=["parameters", "own"])
def test_a_roles_policy_fits(stack, role):
    """IAM takes 10,240 characters of inline policies a role, spaces not counted."""
    assert deployed_role(stack, role).size < 10_240


@pytest.mark.parametrize("role", ROLES)
def test_with_a_configuration_of_ones_own_no_policy_grows(role):
    texts = deployed_role(OF_OUR_OWN, role).documents
    assert not [account for account in MANY if any(account in text for text in texts)]


class LongNames(Deployed):
    """A stack whose resources have names as long as they become."""

    REGION = "ap-southeast-4"
    LENGTHS = {  # noqa: RUF012 - a table
        "AWS::SQS::Queue": len(f"https://sqs.{REGION}.amazonaws.com/{A}/") + 80,
        "AWS::DynamoDB::Table": 90,
        "AWS::SNS::Topic": len(f"arn:aws:sns:{REGION}:{A}:") + 90,
        "AWS::KMS::Key": len(f"arn:aws:kms:{REGION}:{A}:key/") + 36,
        "AWS::SecretsManager::Secret": len(f"arn:aws:secretsmanager:{REGION}:{A}:secret:") + 90,
    }

    def _attribute(self, name):
        kind = self.template["Resources"][name.partition(".")[0]]["Type"]
        if kind.startswith("AWS::AppConfig::"):
            return "x" * 7
        return "x" * self.LENGTHS[kind] if kind in self.LENGTHS else super()._attribute(name)


ENVIRONMENTS = {
    "parameters": {
        "TrustedAccounts": ",".join(MANY[:315]),
        "AccountsToRead": ",".join(MANY[315:630]),
    },
    "own": {"OwnConfiguration": "true", "TrustedAccounts": ""},
}
"""CloudFormation takes 4,096 bytes a parameter, so 315 accounts."""
LONG = {
    "OrganizationId": f"o-{'0' * 32}",
    "OrganizationsAccount": A,
    "ReaderRoleName": "r" * 64,
    "RemediationRolePrefix": "p" * 57,
    "ExternalIdParameter": f"/{'e' * 99}",
    "GuardrailsParameter": f"/{'g' * 99}",
    "ProtectedResources": ",".join(f"arn:aws:s3:::protected-{at}" for at in range(100)),
    "NeverDiagnose": ",".join(f"bucket=scratch-{at}" for at in range(100)),
    "OwnerTags": ",".join(f"team=number-{at}" for at in range(100)),
    "AllowReplay": "true",
}


@pytest.mark.parametrize("parameters", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_an_environment_stays_under_two_kilobytes(parameters):
    """Names and values, at 1,000 accounts; Lambda takes 4,096 bytes, so half is left to grow."""
    stack = LongNames("template.yaml", A, **LONG, **parameters)
    common = stack.template["Globals"]["Function"]["Environment"]["Variables"]
    sizes = {}
    for logical, resource in stack.template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            own = resource["Properties"].get("Environment", {}).get("Variables", {})
            found = {**stack.resolved(common), **stack.resolved(own)}
            assert not [one for one in MANY if one in str(found)]
            sizes[logical] = sum(len(name) + len(str(value)) for name, value in found.items())
    assert len(sizes) == 5
    assert max(sizes.values()) < 2_048, sizes


def test_a_configuration_takes_them_all():
    document = Configuration(trusted_accounts=MANY, accounts_to_read=MANY).to_json()
    text = json.dumps(document, indent=2)
    assert parse_configuration(text).trusted_accounts == MANY
    assert len(text.encode()) < 60_000, "AppConfig takes 1,048,576 bytes"


# --- what the stack's parameters make ---------------------------------------------------------------


def made(**parameters):
    """The configuration that the stack makes of its parameters."""
    stack = Deployed("template.yaml", A, **parameters)
    content = stack.template["Resources"]["ConfigurationVersion"]["Properties"]["Content"]
    return parse_configuration(stack.resolved(content))


def test_without_parameters_the_stack_makes_the_default_configuration():
    assert made() == Configuration()
    assert made(Suppress="").presets == ()


def test_every_parameter_is_in_the_configuration():
    found = made(
        AccountsToRead=f"{A},{B}",
        TrustedAccounts=B,
        ProtectedResources="secret-*,arn:aws:s3:::plans/secret/*",
        FourEyesAccess="write,delete",
        ApprovalHours="2",
        MaxPatchesPerHour="3",
        OwnerTags="iac,team=the net",
        Suppress="log-delivery,service-probe",
        NeverDiagnose="bucket=scratch-*,principal=arn:aws:iam::*:role/chaos-*",
        NewIncidentsPerHour="1,2,3",
        AlertsPerHour="4,5,6",
        TimeZone="Europe/Berlin",
        DigestHour="7",
        Reminders="30,60,error",
        PageViewers="all,dev",
        PageApprovers="lead",
        PageBreakGlass="glass",
    ).to_json()
    assert found == {
        "schema": "threegrants.config/1",
        "accounts": {"read": [A, B], "trusted": [B]},
        "protected": {"resources": ["secret-*", "arn:aws:s3:::plans/secret/*"], "tags": {}},
        "suppress": ["log-delivery", "service-probe"],
        "never_diagnose": ["bucket=scratch-*", "principal=arn:aws:iam::*:role/chaos-*"],
        "owner_tags": ["iac", "team=the net"],
        "limits": {
            "four_eyes_access": ["delete", "write"],
            "approval_hours": 2,
            "patches_per_hour": 3,
            "grant_hours": [],
            "new_incidents_per_hour": {"principal": 1, "account": 2, "everyone": 3},
            "alerts_per_hour": {"principal": 4, "account": 5, "everyone": 6},
        },
        "alerts": {
            "time_zone": "Europe/Berlin",
            "max_snooze_hours": 72,
            "reminders": {"after_minutes": 30, "every_minutes": 60, "from_severity": "error"},
            "digest": {"hour": 7, "when_empty": False},
        },
        "severity": [],
        "routing": [],
        "standing_approvals": [],
        "page": {
            "viewers": ["all", "dev"],
            "approvers": [{"group": "lead", "accounts": [], "access": []}],
            "break_glass": ["glass"],
            "person_claims": ["email", "preferred_username"],
            "must_be_told": [],
        },
    }


@pytest.mark.parametrize("own", ["true", "false"])
def test_whose_the_configuration_is(own):
    stack = Deployed("template.yaml", A, OwnConfiguration=own)
    for resource in ("ConfigurationVersion", "ConfigurationDeployment"):
        assert stack.has(resource) is (own == "false")
    for resource in (
        "ConfigurationApplication",
        "ConfigurationEnvironment",
        "ConfigurationProfile",
    ):
        assert stack.has(resource)


# --- who is entered -------------------------------------------------------------------------------

ENTERED = [
    pytest.param(
        OF_OUR_OWN, MANY[999], ORGANIZATION, True, True, id="an account of the organisation"
    ),
    pytest.param(OF_OUR_OWN, STRANGER, "o-9999999999", False, False, id="of another organisation"),
    pytest.param(OF_OUR_OWN, STRANGER, None, False, False, id="of none"),
    pytest.param(BOUND_TWICE, A, ORGANIZATION, True, True, id="listed, and of the organisation"),
    pytest.param(BOUND_TWICE, B, ORGANIZATION, True, False, id="not listed, of the organisation"),
    pytest.param(WITHOUT_ORGANIZATION, A, None, True, True, id="trusted by the stack's parameters"),
    pytest.param(
        WITHOUT_ORGANIZATION, B, None, True, False, id="to read by the stack's parameters"
    ),
    pytest.param(WITHOUT_ORGANIZATION, MANY[0], None, False, False, id="in the document alone"),
    pytest.param(OF_PARAMETERS, SOME[0], None, True, True, id="trusted, as ever"),
    pytest.param(OF_PARAMETERS, SOME[149], None, True, False, id="to read, as ever"),
    pytest.param(OF_PARAMETERS, MANY[999], None, False, False, id="not listed, as ever"),
]


@attack(
    "13.9",
    "a configuration that trusts a stranger's account, or one of another organisation",
    "a role is assumed there, and the stranger told our ExternalId",
    Ends.DENIED_BY_AWS,
)
@pytest.mark.parametrize(("stack", "account", "organization", "reads", "writes"), ENTERED)
def test_a_configuration_opens_no_account_beyond_the_roles_bound(
    stack, account, organization, reads, writes
):
    """Whatever the document says: what the roles' own policies do not allow, AWS refuses."""
    for role in ROLES:
        assert may_enter(stack, role, "reader", account, organization) is reads, role
        for kind in ("bucket", "key", "iam"):
            entered = may_enter(stack, role, f"remediation-{kind}", account, organization)
            assert entered is (writes and role == "WorkerRole"), (role, kind)


@attack(
    "13.9",
    "an account of the organisation that the configuration does not trust",
    "it is written to, since the worker's role is bounded by the organisation alone",
    Ends.REFUSED,
)
def test_within_the_organisation_the_list_decides_who_is_written_to():
    assert may_enter(OF_OUR_OWN, "WorkerRole", "remediation-bucket", B, ORGANIZATION)
    env = {
        "TABLE_NAME": "t",
        "TOPIC_ARN": "a",
        "READER_ROLE_NAME": "r",
        "CONFIGURATION": PLACE,
        "AWS_REGION": "eu-west-1",
    }
    settings = Settings.from_env({**env, "ORGANIZATION_ID": ORGANIZATION})
    found = in_force(settings, Configuration(trusted_accounts=(A, *MANY)))
    assert found.writable.refusal(MANY[999]) is None
    refusal = found.writable.refusal(B)
    assert refusal is not None
    assert "not in TrustedAccounts" in refusal.why
    assert B not in found.limits.trusted
    assert found.readable.refusal(B) is None


def test_a_role_given_to_another_function_enters_no_account_of_the_organisation():
    stranger = f"arn:aws:lambda:{REGION}:{A}:function:somebody-elses"
    worker = deployed_role(OF_OUR_OWN, "WorkerRole")
    keys = {"lambda:SourceFunctionArn": stranger, "aws:ResourceOrgID": ORGANIZATION}
    for kind in ("reader", "remediation-bucket"):
        target = f"arn:aws:iam::{MANY[0]}:role/threegrants-{kind}"
        assert not allowed(worker, "sts:AssumeRole", target, keys)


PROFILE = f"arn:aws:appconfig:{REGION}:{SERVICE_ACCOUNT}:application/ConfigurationApplication/environment/ConfigurationEnvironment/configuration/ConfigurationProfile"
READS = {"appconfig:StartConfigurationSession", "appconfig:GetLatestConfiguration"}
WRITES = {
    "appconfig:CreateHostedConfigurationVersion",
    "appconfig:DeleteHostedConfigurationVersion",
    "appconfig:StartDeployment",
    "appconfig:StopDeployment",
    "appconfig:UpdateConfigurationProfile",
    "ssm:PutParameter",
}


@attack(
    "13.9",
    "a thief of any of the service's roles deploys a configuration of the thief's own",
    "accounts are trusted, or approved for, that operators did not name",
    Ends.DENIED_BY_AWS,
)
@pytest.mark.parametrize("role", ROLES)
def test_the_roles_read_the_configuration_and_nothing_more(role):
    deployed = deployed_role(OF_OUR_OWN, role)
    for action in READS:
        assert allowed(deployed, action, PROFILE, context(role))
        assert not allowed(deployed, action, PROFILE.replace("Profile", "Another"), context(role))
        assert not allowed(
            deployed, action, PROFILE, {"lambda:SourceFunctionArn": "arn:aws:lambda:x"}
        )
    for action in WRITES:
        for resource in (PROFILE, "*", f"arn:aws:ssm:{REGION}:{SERVICE_ACCOUNT}:parameter/x"):
            assert not allowed(deployed, action, resource, context(role))
