"""The alert that says a limit is reached."""

import json

import pytest

from threegrants.incidents.hourly_limits import DEFAULT_LIMITS, Counted, counters
from threegrants.notifications import limit_alert

HOSTILE = "arn:aws:iam::222222222222:role/\x1b[2J\ud800" + "x" * 5000


@pytest.mark.parametrize("counted", list(Counted))
@pytest.mark.parametrize("name", ["arn:aws:iam::222222222222:role/analyst", HOSTILE, ""])
def test_it_can_be_sent_whatever_the_caller_is_called(counted, name):
    for counter in counters(counted, DEFAULT_LIMITS, name, "111111111111", 1_795_000_000.0):
        alert = limit_alert(counter, "threegrants")
        assert len(alert.subject) < 100
        assert alert.subject.isascii()
        assert alert.attributes == {"reason": "limit"}
        message = json.loads(alert.message)
        assert str(counter.most) in message["email"]
        assert "\x1b" not in message["email"]
        assert len(message["sms"]) <= 140
        assert json.loads(message["lambda"])["counted"] == counted.value
        assert len(alert.message.encode()) < 10_000
        assert len(counter.key["pk"]) < 100
