"""Alerts to several topics: what one refuses, the stack's own takes."""

import json

import pytest

from threegrants.incidents import AlertReason
from threegrants.notifications.alert_policy import DEFAULT
from threegrants.notifications.limits import MAX_MESSAGE_BYTES
from threegrants.notifications.payload import Alert, build_alert
from threegrants.notifications.publish import Topics
from unit.report.values import report

OWN, PAY, GONE = (f"arn:aws:sns:eu-west-1:111111111111:{name}" for name in ("own", "pay", "gone"))


class Sns:
    """Keeps what is published; refuses for the topics that it does not know."""

    def __init__(self, *known):
        self.known = known
        self.published = []

    def publish(self, **given):
        if given["TopicArn"] not in self.known:
            raise RuntimeError("NotFound: Topic does not exist")
        self.published.append((given["TopicArn"], given["Message"]))
        return {"MessageId": "m"}


def sent(sns, *topics):
    refused = []
    alert = build_alert(report(), "x", AlertReason.OPENED)
    alert = Alert(alert.subject, alert.message, alert.attributes, topics)
    Topics(lambda _: sns, OWN, lambda topic, _: refused.append(topic)).publish(alert)
    return [topic for topic, _ in sns.published], refused


CASES = [
    pytest.param((DEFAULT,), [OWN], [], id="the stack's own"),
    pytest.param((PAY,), [PAY], [], id="another"),
    pytest.param((PAY, DEFAULT), [PAY, OWN], [], id="both"),
    pytest.param((OWN, DEFAULT), [OWN], [], id="the same by its ARN"),
    pytest.param((GONE,), [OWN], [GONE], id="one that is gone"),
    pytest.param((GONE, PAY), [PAY, OWN], [GONE], id="one that is gone and one that is there"),
]


@pytest.mark.parametrize(("topics", "reached", "refused"), CASES)
def test_where_an_alert_arrives(topics, reached, refused):
    assert sent(Sns(OWN, PAY), *topics) == (reached, refused)


def test_the_stacks_own_topic_says_who_did_not_take_it():
    sns = Sns(OWN)
    sent(sns, GONE)
    [(_, message)] = sns.published
    first = json.loads(message)["email"].splitlines()[0]
    assert first == f"{GONE} did not take this alert: NotFound: Topic does not exist"


def test_what_the_stacks_own_topic_refuses_is_tried_again():
    with pytest.raises(RuntimeError, match="does not exist"):
        sent(Sns(PAY), PAY, DEFAULT)


def test_a_line_that_does_not_fit_is_left_out():
    filled = Alert("s", json.dumps({"default": "x" * (MAX_MESSAGE_BYTES // 2 - 60),
                                    "email": "x" * (MAX_MESSAGE_BYTES // 2 - 60)}), {})  # fmt: skip
    assert filled.saying_first("y" * 200) == filled
    assert json.loads(filled.saying_first("hi").message)["email"].startswith("hi\n\nxx")
