"""Whatever can fail without a word has an alarm, the alarms reach the on-call, the dashboard shows both."""

import json
import re

import pytest

from support.deployed_roles import Deployed
from support.names import A, B
from support.strict.stack import Stack
from support.templates import ROOT

STACK = Stack(Deployed("template.yaml", A, AllowReplay="true", TrustedAccounts=B))
ALARMS = dict(STACK.of("AWS::CloudWatch::Alarm"))
FUNCTIONS = [name for name, _ in STACK.functions()]
QUEUES = dict(STACK.of("AWS::SQS::Queue"))
DEAD_LETTERS = {
    STACK.named(queue["RedrivePolicy"]["deadLetterTargetArn"])
    for queue in QUEUES.values()
    if "RedrivePolicy" in queue
}
CODE = "\n".join(path.read_text() for path in (ROOT / "functions" / "threegrants").rglob("*.py"))


def watched(metric):
    """The resources whose metric an alarm watches."""
    return [
        STACK.named(str(dimension["Value"]).replace(".QueueName", ""))
        for alarm in ALARMS.values()
        if alarm["MetricName"] == metric
        for dimension in alarm["Dimensions"]
    ]


@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_every_function_has_an_alarm(metric):
    assert sorted(watched(metric)) == sorted(FUNCTIONS)
    assert len(FUNCTIONS) == 4


def test_every_queue_has_an_alarm():
    assert sorted(watched("ApproximateNumberOfMessagesVisible")) == sorted(DEAD_LETTERS)
    assert sorted(watched("ApproximateAgeOfOldestMessage")) == sorted(set(QUEUES) - DEAD_LETTERS)
    assert DEAD_LETTERS


TOPIC = f"arn:aws:sns:eu-west-1:{B}:on-call"


@pytest.mark.parametrize("topic", ["", TOPIC], ids=["without a topic", "with a topic"])
def test_what_a_forwarder_cannot_send_has_an_alarm_where_somebody_is_told(topic):
    bus = f"arn:aws:events:eu-west-1:{A}:event-bus/threegrants"
    deployed = Deployed("templates/forwarder.yaml", B, EventBusArn=bus, AlarmTopicArn=topic)
    stack = Stack(deployed)
    [queue] = [name for name, _ in stack.of("AWS::SQS::Queue")]
    alarms = [one for _, one in stack.of("AWS::CloudWatch::Alarm")]
    found = [(one["AlarmActions"], stack.named(one["Dimensions"][0]["Value"])) for one in alarms]
    assert found == ([([topic], queue)] if topic else [])


def test_the_sweep_and_what_it_watches_have_alarms():
    assert watched("Invocations") == ["SweepFunction"]
    assert ALARMS["SweepStopped"]["TreatMissingData"] == "breaching"
    assert {"RunsStuck", "SilentAccounts"} <= set(ALARMS)


@pytest.mark.parametrize("name", sorted(ALARMS))
def test_an_alarm_reaches_the_on_call_and_says_what_it_means(name):
    assert [STACK.named(one) for one in ALARMS[name]["AlarmActions"]] == ["AlertTopic"]
    assert len(ALARMS[name]["AlarmDescription"]) > 12


def test_an_alarm_of_age_waits_for_what_waits_on_purpose():
    """A KMS record waits; a batch that failed stays hidden and is read again."""
    waits = int(STACK.deployed.template["Parameters"]["KmsWaitSeconds"]["MaxValue"])
    for queue in ("DenialQueue", "ReplayQueue"):
        wait = waits + QUEUES[queue]["VisibilityTimeout"]
        assert ALARMS[f"{queue}Age"]["Threshold"] > wait


def sent():
    """The metrics that the code sends, by the names that CloudWatch has."""
    named = set(re.findall(r'name="(\w+)", unit=MetricUnit', CODE))
    counted = re.findall(r'(?:report\[|\{|, )"([a-z ]+)"(?:\] \+= |: (?:0|len))', CODE)
    return named | {f"Sweep_{words.replace(' ', '_')}" for words in counted}


def test_the_metrics_of_ours_that_are_watched_are_sent():
    body = json.loads(next(STACK.of("AWS::CloudWatch::Dashboard"))[1]["DashboardBody"])
    metrics = [metric for widget in body["widgets"] for metric in widget["properties"]["metrics"]]
    ours = {metric[1] for metric in metrics if metric[0] == "threegrants"}
    ours |= {one["MetricName"] for one in ALARMS.values() if one["Namespace"] == "threegrants"}
    assert len(ours) > 8
    assert ours - sent() == set()
    dimensions = {metric[2] for metric in metrics if metric[0] == "threegrants"}
    assert dimensions == {"service"}


def test_the_dashboard_covers_every_function_and_queue():
    body = next(STACK.of("AWS::CloudWatch::Dashboard"))[1]["DashboardBody"]
    named = [name for name in (*FUNCTIONS, *QUEUES) if name != "ReplayQueue"]
    assert [name for name in named if name not in body] == []
