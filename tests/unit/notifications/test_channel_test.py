"""A test of the channels: marked as one in each, sent where alerts go, and what became of it."""

import json

import pytest

from threegrants.incidents import AlertReason
from threegrants.incidents.channel_tests import Channel, ChannelTest
from threegrants.notifications import build_alert, incident_bodies
from threegrants.notifications.alert_policy import DEFAULT, AlertPolicy, RoutingRule
from threegrants.notifications.channel_test import ChannelTester
from threegrants.notifications.publish import Topics
from threegrants.notifications.sample_report import TEST_INCIDENT, sample_report
from unit.notifications.test_incident_event import VALIDATOR

OWN, PAY = (f"arn:aws:sns:eu-west-1:111111111111:{name}" for name in ("own", "pay"))
SAM = "arn:aws:sts::111111111111:assumed-role/on-call/sam"
POLICY = AlertPolicy(routes=(RoutingRule(name="p", topics=(PAY,), channels=("team",)),))


def subscribed(protocol, *, confirmed=True):
    return {
        "Protocol": protocol,
        "SubscriptionArn": f"{OWN}:1" if confirmed else "PendingConfirmation",
    }


class Sns:
    """A client with subscriptions; keeps what is published."""

    def __init__(self, *subscriptions, error=None):
        self.subscriptions, self.error = list(subscriptions), error
        self.published = []

    def list_subscriptions_by_topic(self, TopicArn, NextToken="0"):  # noqa: N803 - as boto3 has it
        at = int(NextToken)
        page = {"Subscriptions": self.subscriptions[at : at + 2]}
        return page | ({"NextToken": str(at + 2)} if at + 2 < len(self.subscriptions) else {})

    def publish(self, **given):
        if self.error:
            raise self.error
        self.published.append(given)
        return {"MessageId": "m-1"}


def sent(channel, sns, events=None, policy=POLICY):
    def put(detail):
        if isinstance(events, Exception):
            raise events
        events.append(json.loads(detail))

    topics = Topics(lambda _: sns, OWN, lambda *_: None)
    tester = ChannelTester(topics, None if events is None else put, "default", policy, "prod")
    results = tester.send(ChannelTest("at-1", channel, SAM, 1_795_000_000))
    return [(one.place, one.sent, one.detail) for one in results]


def test_every_topic_of_the_rules_gets_it():
    sns = Sns(
        subscribed("email"),
        subscribed("email"),
        subscribed("sms"),
        subscribed("https", confirmed=False),
    )
    found = sent(Channel.SNS, sns)
    said = "message m-1 goes to 2 by email, 1 by sms; not confirmed yet: 1 by https"
    assert found == [(OWN, True, said), (PAY, True, said)]
    assert [one["TopicArn"] for one in sns.published] == [OWN, PAY]
    assert sns.published[0]["Subject"] == "[test] threegrants -> your-channels: nothing was denied"


NOT_SENT = [
    pytest.param(Channel.SMS, (subscribed("email"),), "nobody subscribes by sms", id="no phone"),
    pytest.param(
        Channel.EMAIL,
        (subscribed("email", confirmed=False),),
        "1 are not confirmed yet",
        id="not confirmed",
    ),
    pytest.param(Channel.CHAT, (subscribed("sms"),), "nobody subscribes by https", id="no chat"),
]


@pytest.mark.parametrize(("channel", "subscriptions", "words"), NOT_SENT)
def test_nothing_is_sent_where_nobody_listens(channel, subscriptions, words):
    sns = Sns(*subscriptions)
    [(_, went, detail)] = sent(channel, sns, policy=AlertPolicy())
    assert not went
    assert words in detail
    assert sns.published == []


def test_what_sns_refuses_is_said():
    [(_, went, detail)] = sent(
        Channel.SNS, Sns(error=RuntimeError("AuthorizationError: no")), policy=AlertPolicy()
    )
    assert (went, detail) == (False, "RuntimeError: AuthorizationError: no")


def test_a_topic_without_subscriptions_reaches_nobody_and_says_so():
    [(_, _, detail)] = sent(Channel.SNS, Sns(), policy=AlertPolicy())
    assert "nobody, for there is no confirmed subscription" in detail


EVENTS = [
    pytest.param(Channel.PAGER, ["pagerduty"], 0, id="pager"),
    pytest.param(Channel.WEBHOOK, ["slack", "teams"], 0, id="webhook"),
    pytest.param(Channel.ALL, ["pagerduty", "slack", "teams"], 2, id="all"),
]


@pytest.mark.parametrize(("channel", "bodies", "messages"), EVENTS)
def test_the_bus_gets_an_event_for_the_bodies_that_are_meant(channel, bodies, messages):
    sns, events = Sns(subscribed("email")), []
    *_, (place, went, detail) = sent(channel, sns, events)
    assert (place, went) == ("default", True)
    assert ", ".join(bodies) in detail
    [event] = events
    VALIDATOR.validate(event)
    assert event["for"] == bodies
    assert event["channels"] == [DEFAULT, "team"]
    assert event["alert"]["reason"] == event["what"] == "test"
    assert event["pagerduty"]["event_action"] == "trigger"
    assert len(sns.published) == messages


def test_without_a_bus_and_with_one_that_refuses():
    [(_, went, detail)] = sent(Channel.PAGER, Sns())
    assert (went, detail) == (False, "nothing was sent: the stack's IncidentEventBus is empty")
    [(_, went, detail)] = sent(Channel.PAGER, Sns(), RuntimeError("no such bus"))
    assert (went, detail) == (False, "RuntimeError: no such bus")


def test_it_is_marked_in_every_channel():
    made = sample_report(SAM, 1_795_000_000)
    texts = json.loads(build_alert(made, "prod", AlertReason.TEST).message)
    for text in texts.values():
        assert "test" in text.lower()
    assert "Nothing was denied" in texts["email"]
    assert SAM in texts["email"]
    for body in incident_bodies(made, "prod", AlertReason.TEST).values():
        assert "[test]" in json.dumps(body)
    assert made.id == TEST_INCIDENT
