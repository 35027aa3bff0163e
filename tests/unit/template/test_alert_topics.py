"""Who may publish alerts, and to which topics: exactly those that the stack names."""

import json

import pytest

from support.deployed_roles import STACK, allowed, deployed_role, service
from support.names import A, B
from threegrants.configuration import parse_configuration
from threegrants.notifications.alert_policy import AlertPolicy, DigestPolicy, ReminderPolicy
from threegrants.notifications.severity import Severity

PAY, FAR = f"arn:aws:sns:eu-west-1:{A}:payments", f"arn:aws:sns:us-east-1:{B}:others"
KEY = f"arn:aws:kms:eu-west-1:{A}:key/11111111-2222-3333-4444-555555555555"
PUBLISHING = {"DiagnoseRole": "diagnose", "WorkerRole": "worker", "SweepRole": "sweep"}
OWN = "AlertTopic"


def may(role, action, topic, stack, **context):
    function = f"arn:aws:lambda:eu-west-1:{A}:function:{STACK}-{PUBLISHING.get(role, 'remediate')}"
    keys = {"lambda:SourceFunctionArn": function, **context}
    resource = stack.arn(topic) if topic == OWN else topic
    return allowed(deployed_role(stack, role), action, resource, keys)


CASES = [
    pytest.param("", OWN, True, id="the stack's own"),
    pytest.param("", PAY, False, id="no other without AlertTopics"),
    pytest.param(f"{PAY},{FAR}", OWN, True, id="the stack's own still"),
    pytest.param(f"{PAY},{FAR}", PAY, True, id="one that is named"),
    pytest.param(f"{PAY},{FAR}", FAR, True, id="one of another account and Region"),
    pytest.param(f"{PAY},{FAR}", PAY + "2", False, id="one that begins alike"),
    pytest.param(PAY, FAR, False, id="one that is not named"),
]


@pytest.mark.parametrize("role", PUBLISHING)
@pytest.mark.parametrize(("topics", "topic", "yes"), CASES)
def test_alerts_are_published_to_these_topics_and_no_others(role, topics, topic, yes):
    assert may(role, "sns:Publish", topic, service(AlertTopics=topics)) is yes
    for other in (
        "sns:Subscribe",
        "sns:DeleteTopic",
        "sns:SetTopicAttributes",
        "sns:AddPermission",
    ):
        assert not may(role, other, topic, service(AlertTopics=topics))


def test_who_approves_publishes_nothing():
    assert not may("ApproveRole", "sns:Publish", OWN, service(AlertTopics=PAY))
    assert not may("ApproveRole", "sns:Publish", PAY, service(AlertTopics=PAY))


def test_only_the_worker_counts_subscribers():
    stack = service(AlertTopics=PAY)
    for role in (*PUBLISHING, "ApproveRole"):
        counts = may(role, "sns:ListSubscriptionsByTopic", PAY, stack)
        assert counts is (role == "WorkerRole")


@pytest.mark.parametrize("role", PUBLISHING)
def test_a_key_encrypts_alerts_to_the_topics_and_nothing_else(role):
    stack = service(AlertTopics=PAY, AlertTopicKeys=KEY)
    for topic, yes in ((PAY, True), (FAR, False)):
        context = {"kms:EncryptionContext:aws:sns:topicArn": topic}
        assert may(role, "kms:GenerateDataKey", KEY, stack, **context) is yes
    assert not may(role, "kms:GenerateDataKey", KEY, stack)
    assert not may(role, "kms:GenerateDataKey", KEY, service(AlertTopics=PAY))


def test_the_parameters_make_a_configuration():
    stack = service(TimeZone="Europe/Berlin", DigestHour="8", Reminders="60,240,error")
    content = stack.resolved(
        stack.template["Resources"]["ConfigurationVersion"]["Properties"]["Content"]
    )
    assert parse_configuration(content).alerts == AlertPolicy(
        time_zone="Europe/Berlin",
        digest=DigestPolicy(8),
        reminders=ReminderPolicy(60, 240, Severity.ERROR),
    )
    plain = service()
    content = plain.resolved(
        plain.template["Resources"]["ConfigurationVersion"]["Properties"]["Content"]
    )
    assert parse_configuration(content).alerts == AlertPolicy()
    assert json.loads(content)["alerts"] == {"time_zone": ""}
