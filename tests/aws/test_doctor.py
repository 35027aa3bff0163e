"""The doctor's reader on moto: what it reads of a stack and of a member, and what becomes of a refusal."""

import json
import time
from typing import Any

import boto3
import pytest

from support.doctor_world import answering, codes, heard
from support.incidents import CALL, ID, READ_AT, RECORD, report
from support.names import BUCKET, REGION, A, B
from threegrants.doctor import findings
from threegrants.doctor.installation import Entry, Source, Subscription
from threegrants.doctor.reader import StackError, read_installation
from threegrants.doctor.record_checks import WITH_READS
from threegrants.evidence import RoleClients
from threegrants.evidence.snapshot import Read, Unread
from threegrants.incidents import State, Store

PARIS = "eu-west-3"


@pytest.fixture(scope="module")
def shared():
    with answering() as made:
        made.member()
        heard(made, B, hours=1)
        yield made


@pytest.fixture
def world(shared):
    """The stack and its member; what a test refuses or lets a function answer is as before after it."""
    entries = dict(shared.entries)
    yield shared
    shared.refused, shared.entries = set(), entries


def test_a_stack_and_a_member_are_read(world):
    live = world.read()
    [account] = live.accounts
    [forwarder] = account.forwarders[REGION].value
    [trail] = account.trails.value
    assert (account.id, account.bucket_regions) == (B, Read((REGION,)))
    assert (trail.name, trail.all_regions, trail.logging) == ("all", True, Read(True))
    assert (forwarder.name, forwarder.state, forwarder.targets) == (
        "forward",
        WITH_READS,
        (world.bus,),
    )
    assert live.bus_arn == world.bus
    assert [one.rule.value.name for one in live.own_rules] == ["of-members", "own"]
    assert {one.logical_id: one.waiting for one in live.queues} == {
        "DenialQueue": Read(0), "DeadLetterQueue": Read(0),
    }  # fmt: skip
    assert live.functions[1].sources == Read(
        (Source(queue_arn="arn:aws:sqs:::runs", state="Enabled"),)
    )
    assert live.schedule == Read("ENABLED")
    assert live.subscriptions == Read((Subscription(protocol="sqs", confirmed=True),))
    assert [one.state for one in live.keys] == [Read("Enabled")]
    assert [(one.logical_id, one.tells) for one in live.alarms.value] == [("DeadLetterAlarm", True)]
    assert (live.silent_after_hours, live.organization) == (24, None)
    assert live.configuration == Read(world.configuration)
    assert live.readers == Read({B: (Entry(role="threegrants-reader"),)})
    # moto's CloudWatch knows of no runs of a function that is not there.
    assert codes(live) == ["sweep_stale", "writer_refused"]


def test_without_a_role_the_members_are_not_entered(world):
    world.asked.clear()
    live = world.read(members=False)
    assert "sts:AssumeRole" not in world.asked
    [unread] = [one for one in findings(live) if one.code == "unread"]
    assert unread.account == B
    assert "--member-role" in unread.fix


def test_a_member_that_cannot_be_entered(world):
    world.refused.add("sts:AssumeRole")
    clients = RoleClients("another", own_account=world.own)
    live = read_installation("threegrants", clients, world.own, REGION, members=True)
    [unread] = [one for one in findings(live) if one.code == "unread"]
    assert unread.account == B
    assert f"arn:aws:iam::{B}:role/another could not be assumed (AccessDenied" in unread.what


@pytest.mark.parametrize("call", [
    "events:DescribeRule", "events:DescribeEventBus", "sqs:GetQueueAttributes", "sns:ListSubscriptionsByTopic",
    "cloudwatch:GetMetricData", "cloudwatch:DescribeAlarms", "kms:DescribeKey", "scheduler:GetSchedule",
    "dynamodb:Query", "lambda:GetFunctionConfiguration", "lambda:Invoke", "appconfigdata:StartConfigurationSession",
])  # fmt: skip
def test_a_refusal_is_a_finding_with_the_permission(world, call):
    world.refused.add(call)
    found = [one for one in findings(world.read(members=False)) if one.code == "unread"]
    action = {
        "lambda:Invoke": "lambda:InvokeFunction",
        "appconfigdata:StartConfigurationSession": "appconfig:StartConfigurationSession",
    }.get(call, call)
    told = [one for one in found if action in one.fix and one.account == world.own]
    assert told
    assert all("AccessDeniedException" in one.what for one in told)


def test_a_function_of_an_older_release_cannot_tell(world):
    world.entries["sweep"] = json.dumps({"rechecked": 0}).encode()
    live = world.read(members=False)
    assert isinstance(live.readers, Unread)
    assert "of a release that cannot" in live.readers.why


def test_no_stack_of_ours(world, monkeypatch):
    with pytest.raises(StackError, match=r"does not exist.*needs cloudformation:DescribeStacks"):
        read_installation("other", world.clients, world.own, REGION, members=False)
    monkeypatch.setattr(world, "resources", {})
    with pytest.raises(StackError, match="is not threegrants"):
        world.read()


def test_a_rule_whose_id_names_no_bus(world, monkeypatch):
    rule = ("AWS::Events::Rule", "of-members")
    monkeypatch.setitem(world.resources, "DenialRule", rule)
    [denial, _] = world.read(members=False).own_rules
    assert (denial.logical_id, denial.rule.value.name) == ("DenialRule", "of-members")


def test_figures_are_of_their_own_time(world):
    now = time.time()
    cloudwatch = boto3.client("cloudwatch")
    for hours, value in ((0.05, 2.0), (0.9, 1.0), (20, 4.0)):
        data: Any = {
            "MetricName": "Errors",
            "Dimensions": [{"Name": "FunctionName", "Value": "sweep"}],
            "Timestamp": now - hours * 3600,
            "Value": value,
        }
        cloudwatch.put_metric_data(Namespace="AWS/Lambda", MetricData=[data])
    sweep = world.read(members=False).functions[0]
    assert (sweep.errors, sweep.throttles) == (Read(3.0), Read(0.0))


def test_incidents_are_read_and_nothing_is_written(world):
    store = Store(world.table)
    first = store.record_event(ID, CALL, RECORD).incident
    store.save_diagnosis(first, report(region=PARIS), State.OPEN, READ_AT, alert_due=False)
    old = {
        "pk": "incident#tg-old",
        "sk": "meta",
        "id": "tg-old",
        "state": "open",
        "last_seen": READ_AT,
    }
    world.table.put_item(Item=old)
    world.asked.clear()
    [found] = world.read(members=False).incidents.value
    assert (found.id, found.bucket, found.owner, found.region, found.muted_until) == (
        ID, BUCKET, A, PARIS, 0,
    )  # fmt: skip
    assert {name for name in world.asked if name.startswith("dynamodb:")} == {"dynamodb:Query"}
    world.table.put_item(Item=old | {"schema": 999})
    incidents = world.read(members=False).incidents
    assert "install the release that wrote it" in incidents.why
    world.table.delete_item(Key={"pk": "incident#tg-old", "sk": "meta"})
