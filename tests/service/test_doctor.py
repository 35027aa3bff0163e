"""`threegrants doctor` on the deployed installation, run by somebody who has OnCallPolicy and nothing else."""

import json
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from service.embedded import (
    CALLER,
    FORWARDER,
    MEMBERS,
    OTHER_REGION,
    REGION,
    SERVICE,
    STACK,
    wait_for,
)
from service.people import OnCall
from service.world import build
from threegrants.cli import main

pytestmark = pytest.mark.xdist_group("service")  # one embedded AWS for all

AUDITOR = "auditor"
LOOKS = (
    "s3:ListAllMyBuckets",
    "cloudtrail:DescribeTrails",
    "cloudtrail:GetTrailStatus",
    "cloudtrail:GetEventSelectors",
    "events:ListRuleNamesByTarget",
    "events:DescribeRule",
    "events:ListTargetsByRule",
    "cloudwatch:GetMetricData",
    "iam:GetRole",
)
"""What docs/doctor.md says the role in the members needs."""
GAPS = {("sweep_stale", SERVICE): "it runs no schedules, and counts no runs of functions"}
"""Findings that are the embedded AWS's, not the installation's: by code and account, with the reason."""


def role(embedded, account, name, trusted, *statements):
    """A role with exactly these statements."""
    iam = embedded.client("iam", account)
    trust = {"Effect": "Allow", "Principal": {"AWS": trusted}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.fixture(scope="module")
def doctor(embedded, on_call: OnCall):
    """Runs the doctor as a role with OnCallPolicy; members have trails, and a role to look in."""
    enter = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Resource": f"arn:aws:iam::*:role/{AUDITOR}",
    }
    role(embedded, SERVICE, "doctors-friend", SERVICE, enter)
    embedded.client("iam").attach_role_policy(
        RoleName="doctors-friend", PolicyArn=embedded.outputs["OnCallPolicyArn"]
    )
    for account in MEMBERS:
        looks = {"Effect": "Allow", "Action": list(LOOKS), "Resource": "*"}
        role(embedded, account, AUDITOR, SERVICE, looks)
        trails = embedded.client("cloudtrail", account)
        bucket = f"trail-{account}"
        embedded.client("s3", account).create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        trails.create_trail(Name="all", S3BucketName=bucket, IsMultiRegionTrail=True)
        trails.put_event_selectors(TrailName="all", AdvancedEventSelectors=[
            {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]},
            {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]},
                                {"Field": "resources.type", "Equals": ["AWS::S3::Object"]}]},
        ])  # fmt: skip
        trails.start_logging(Name="all")
    world = build(
        embedded, "doctor", bucket_policy=False, key_policy=True, iam_policy=True,
        region=OTHER_REGION,
    )  # fmt: skip
    world.send(world.callers_copy())
    world.send(world.owners_copy())
    on_call.alert(world.bucket)

    def heard():
        listed = embedded.client("dynamodb").query(
            TableName=embedded.outputs["TableName"],
            KeyConditionExpression="pk = :accounts",
            ExpressionAttributeValues={":accounts": {"S": "accounts"}},
        )
        return {one["sk"]["S"] for one in listed["Items"]} >= set(MEMBERS)

    wait_for("both accounts' records", heard, 60)
    # What other tests left there on purpose.
    embedded.client("sqs").purge_queue(QueueUrl=embedded.outputs["DeadLetterQueueUrl"])

    def run():
        session = embedded.role_session(SERVICE, "doctors-friend")
        with embedded.shell(session):
            ran = CliRunner().invoke(
                main, ["doctor", "--stack", STACK, "--member-role", AUDITOR, "--format", "json"]
            )
        assert ran.output.startswith("{"), ran.output
        return json.loads(ran.output)

    return run


def told(answer):
    """The findings that ask for something, beside the gaps of the embedded AWS: code, account, Region."""
    return {
        (one["code"], one["account"], one["region"])
        for one in answer["findings"]
        if (one["code"], one["account"]) not in GAPS and one["severity"] != "note"
    }


def test_a_sound_installation(doctor):
    answer = doctor()
    assert set(MEMBERS) <= set(answer["accounts"])
    assert told(answer) == set(), json.dumps(answer, indent=1)


@contextmanager
def rule_state(embedded, account, pattern, state, region=REGION, bus="default"):
    """A rule in another state, and as it was afterwards."""
    rules = embedded.client("events", account, region=region)
    found = rules.list_rules(EventBusName=bus)["Rules"]
    [name] = [one["Name"] for one in found if pattern in one["Name"]]
    rule = rules.describe_rule(Name=name, EventBusName=bus)
    asked = {"Name": name, "EventBusName": bus, "EventPattern": rule["EventPattern"]}
    rules.put_rule(**asked, State=state)
    try:
        yield
    finally:
        rules.put_rule(**asked, State=rule["State"])


def test_the_services_rule_is_disabled(doctor, embedded):
    with rule_state(embedded, SERVICE, "DenialRule", "DISABLED", bus=STACK):
        assert told(doctor()) == {("rule_disabled", SERVICE, REGION)}


def test_a_forwarder_is_missing_in_one_region(doctor, embedded):
    rules = embedded.client("events", CALLER, region=OTHER_REGION)
    [name] = [one["Name"] for one in rules.list_rules()["Rules"] if FORWARDER in one["Name"]]
    targets = rules.list_targets_by_rule(Rule=name)["Targets"]
    rules.remove_targets(Rule=name, Ids=[one["Id"] for one in targets])
    try:
        assert told(doctor()) == {("forwarder_missing", CALLER, OTHER_REGION)}
    finally:
        rules.put_targets(Rule=name, Targets=targets)


def test_a_role_cannot_be_assumed(doctor, embedded):
    iam = embedded.client("iam", CALLER)
    trust = iam.get_role(RoleName="threegrants-reader")["Role"]["AssumeRolePolicyDocument"]
    broken = json.dumps(trust).replace(SERVICE, "444444444444")
    iam.update_assume_role_policy(RoleName="threegrants-reader", PolicyDocument=broken)
    try:
        found = told(doctor())
        assert {account for _, account, _ in found} == {CALLER}
        assert {code for code, _, _ in found} == {"trust_broken"}
    finally:
        iam.update_assume_role_policy(
            RoleName="threegrants-reader", PolicyDocument=json.dumps(trust)
        )
