"""Our templates break none of the rules by which AWS is stricter than an emulator."""

import pytest

from support.deployed_roles import Deployed
from support.names import A, B
from support.strict import refusals
from support.templates import ROOT, template

BUS = f"arn:aws:events:eu-west-1:{A}:event-bus/threegrants"
ROLES = {
    f"{one}RoleArn": f"arn:aws:iam::{A}:role/threegrants-eu-west-1-{one.lower()}"
    for one in ("Diagnose", "Approve", "Sweep", "Worker")
}
MEMBER = {**ROLES, "ExternalId": "a-long-secret"}
EVERYTHING = {
    "AllowReplay": "true",
    "MemberAccounts": B,
    "ApproverAccounts": B,
    "TrustedAccounts": B,
    "OrganizationId": "o-0123456789",
    "AlertEmail": "on-call@example.com",
    "AlertTopics": f"arn:aws:sns:eu-west-1:{A}:payments,arn:aws:sns:us-east-1:{B}:others",
    "AlertTopicKeys": f"arn:aws:kms:eu-west-1:{A}:key/11111111-2222-3333-4444-555555555555",
    "TimeZone": "Europe/Berlin",
    "DigestHour": "8",
    "Reminders": "60,240,error",
}
TEMPLATES = [
    pytest.param("template.yaml", {}, id="template.yaml"),
    pytest.param("template.yaml", EVERYTHING, id="template.yaml with everything"),
    pytest.param("template.yaml", {**EVERYTHING, "ApiLogging": "false"}, id="without API logs"),
    pytest.param("templates/member.yaml", MEMBER, id="member.yaml"),
    pytest.param(
        "templates/member.yaml",
        {**MEMBER, "ReadObjects": "true", "ReadOrganization": "true", "AccessAnalyzer": "true",
         "RequiredBoundaryArn": f"arn:aws:iam::{B}:policy/boundary"},
        id="member.yaml with everything",
    ),
    pytest.param("templates/forwarder.yaml", {"EventBusArn": BUS}, id="forwarder.yaml"),
    pytest.param("templates/forwarder.yaml", {"EventBusArn": BUS, "AlarmTopicArn": f"arn:aws:sns:eu-west-1:{B}:on-call"},
                 id="forwarder.yaml with everything"),
    pytest.param("templates/trail.yaml", {"ObjectArnPrefixes": "arn:aws:s3:::reports/"}, id="trail.yaml"),
    pytest.param("templates/organization.yaml", {**MEMBER, "EventBusArn": BUS, "ForwarderRegions": "eu-west-1",
                  "OrganizationalUnitIds": "ou-ab12-cdefgh34"}, id="organization.yaml"),
    pytest.param("templates/approvers.yaml", {"ServiceAccount": A, "ApiId": "a1b2c3"}, id="approvers.yaml"),
]  # fmt: skip
LISTED = {one.values[0] for one in TEMPLATES}
OTHERS = [
    pytest.param(name, {key: f"a-{key}" for key, one in template(name)["Parameters"].items() if "Default" not in one},
                 id=name)
    for name in sorted(f"templates/{path.name}" for path in (ROOT / "templates").glob("*.yaml"))
    if name not in LISTED
]  # fmt: skip
"""Templates that nobody gave better parameters here."""


@pytest.mark.parametrize(("name", "parameters"), [*TEMPLATES, *OTHERS])
def test_aws_would_take_it_and_do_it(name, parameters):
    assert refusals(Deployed(name, A, **parameters)) == []
