"""Accounts and Regions: whose denials arrive at the service, by which forwarder, and whose do not."""

import json
from contextlib import contextmanager

import pytest

from service.embedded import CALLER, FORWARDER, OTHER_REGION, OWNER, REGION, wait_for
from service.thieves import refused
from service.world import build
from support.attacks import Ends, attack

STRANGER = "333333333333"
pytestmark = pytest.mark.xdist_group("service")  # one embedded AWS for all


@contextmanager
def forwarder_in(embedded, account, state, region=REGION):
    """A forwarder's rule in another state, and as it was afterwards."""
    rules = embedded.client("events", account, region=region)
    [name] = [one["Name"] for one in rules.list_rules()["Rules"] if FORWARDER in one["Name"]]
    rule = rules.describe_rule(Name=name)
    asked = {"Name": name, "EventPattern": rule["EventPattern"]}
    rules.put_rule(**asked, State=state)
    try:
        yield
    finally:
        rules.put_rule(**asked, State=rule["State"])


def direct(world):
    """KMS's record of a call that the role made of KMS itself: it waits for no record of S3."""
    record = world.kms_record()
    del record["userIdentity"]["invokedBy"]
    return record


def arrived(on_call, world):
    """The one incident about a world's role."""

    def found():
        listed = on_call.api("GET", "/incidents")["incidents"]
        return [one for one in listed if one["summary"] and world.role in one["summary"]]

    [incident] = wait_for("the incident", found, 60)
    return incident


@attack(
    "12.1",
    "a member's administrator puts events on the service's bus: directly, with other sources, by a "
    "rule without a role, by one of another kind of event",
    "they reach the queue",
    Ends.DENIED_BY_AWS,
)
def test_a_member_speaks_for_itself_only(embedded, on_call):
    """What EventBridge itself refuses; what it would let through is refused by the intake."""
    world = build(embedded, "speaks", bucket_policy=False, key_policy=True, iam_policy=True)
    bus = embedded.outputs["EventBusArn"]
    role = embedded.stack_output(CALLER, FORWARDER, "SenderRoleArn")
    events = embedded.client("events", CALLER)
    entry = {
        "DetailType": "AWS API Call via CloudTrail",
        "Detail": json.dumps(world.record()),
        "EventBusName": bus,
    }
    for source in ("threegrants.replay", "b.s3", "aws.iam"):
        assert refused(events.put_events, Entries=[{**entry, "Source": source}])
    as_s3 = events.put_events(Entries=[{**entry, "Source": "aws.s3"}])
    assert as_s3["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"
    before = embedded.waiting_and_dead()
    pattern = json.dumps({"detail-type": ["AWS API Call via CloudTrail", "Forged"]})
    events.put_rule(Name="forged", EventPattern=pattern)
    target = {"Id": "bus", "Arn": bus, "RoleArn": role}
    events.put_targets(Rule="forged", Targets=[target])
    own = {**entry, "EventBusName": "default"}
    for source, kind in (
        ("threegrants.replay", entry["DetailType"]),
        ("b.s3", entry["DetailType"]),
        ("b.s3", "Forged"),
    ):
        sent = events.put_events(Entries=[{**own, "Source": source, "DetailType": kind}])
        assert sent["FailedEntryCount"] == 0, "onto its own bus it may put them"
    events.remove_targets(Rule="forged", Ids=["bus"])
    assert embedded.waiting_and_dead() == before
    world.send(world.callers_copy())
    assert on_call.alert(world.bucket), "the same record, from its own account, arrives"


@attack(
    "12.1",
    "an account that the bus's policy does not list deploys the forwarder and sends its denials",
    "they reach the queue",
    Ends.DENIED_BY_AWS,
)
def test_an_account_that_is_not_listed_is_refused(embedded, on_call):
    """The bus refuses; what was refused waits in the forwarder's own dead-letter queue, with the reason."""
    world = build(embedded, "unlisted", bucket_policy=False, key_policy=True, iam_policy=True)
    made = embedded.forward_from(STRANGER)
    record = {**world.record(), "recipientAccountId": STRANGER}
    world.send(record)
    [message] = embedded.client("sqs", STRANGER).receive_message(
        QueueUrl=made["DeadLetterQueueUrl"], MessageAttributeNames=["All"]
    )["Messages"]
    assert json.loads(message["Body"])["detail"]["eventID"] == record["eventID"]
    said = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert (said["ERROR_CODE"], said["TARGET_ARN"]) == (
        "NO_PERMISSIONS",
        embedded.outputs["EventBusArn"],
    )
    world.send(world.callers_copy())
    assert on_call.alert(world.bucket), "a listed account's copy arrives"


def test_a_key_denial_arrives_from_the_callers_account(embedded, on_call):
    """KMS denials across accounts are logged in the caller's account only: its forwarder sends them."""
    world = build(embedded, "key-only", bucket_policy=True, key_policy=False, iam_policy=True)
    world.send(direct(world))
    assert "kms:Decrypt" in arrived(on_call, world)["summary"]


def test_the_accounts_and_the_regions_each_have_a_forwarder_of_their_own(embedded, on_call):
    """Without the forwarder of its Region a denial is not seen; with it, the incident is in the service's Region."""
    world = build(
        embedded,
        "elsewhere",
        bucket_policy=False,
        key_policy=True,
        iam_policy=True,
        region=OTHER_REGION,
    )
    with forwarder_in(embedded, OWNER, "DISABLED", OTHER_REGION):
        world.send(world.owners_copy())
    world.send(world.owners_copy())
    _, body = on_call.alert(world.bucket)
    assert arrived(on_call, world)["count"] == 1, "the first was not seen"
    assert body["request"]["region"] == OTHER_REGION


def test_a_rule_without_reads_drops_the_keys_denials(embedded, on_call):
    """ENABLED alone leaves out read-only management events, and KMS Decrypt is one."""
    world = build(embedded, "reads", bucket_policy=True, key_policy=False, iam_policy=True)
    with forwarder_in(embedded, CALLER, "ENABLED"):
        world.send(direct(world))
    world.send(direct(world))
    assert arrived(on_call, world)["count"] == 1
