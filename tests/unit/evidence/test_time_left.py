"""No call begins that could outlast its function."""

import time

import boto3
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse

from threegrants.evidence import Read, Unread
from threegrants.evidence.calls import call_or_unread
from threegrants.evidence.time_left import NoTimeLeft, hold_to_time_left, within


class Sent:
    """Counts what would go over the network, and answers it."""

    def __init__(self, client, status=200):
        self.count, self.status = 0, status
        client.meta.events.register("before-send", self)

    def __call__(self, request, **_):
        self.count += 1
        return AWSResponse(request.url, self.status, {}, Raw())


class Raw:
    """An empty answer."""

    def stream(self):
        return [b"{}"]


@pytest.fixture
def held():
    core = botocore.session.Session()
    core.set_credentials("x", "y")
    hold_to_time_left(core, 8)
    return boto3.Session(botocore_session=core, region_name="eu-west-1").client("sqs")


def test_a_call_with_time_enough_is_made(held):
    sent = Sent(held)
    with within(9):
        held.list_queues()
    held.list_queues()
    assert sent.count == 2


def test_a_call_that_could_outlast_the_function_is_not_tried(held):
    sent = Sent(held)
    with (
        within(7.5),
        pytest.raises(NoTimeLeft, match=r"sqs.ListQueues was not tried: .* ends in 7"),
    ):
        held.list_queues()
    assert sent.count == 0


def test_a_retry_is_held_to_it_too(held, monkeypatch):
    """The first try has time enough; AWS is slow to say that it is unwell."""
    sent, now = Sent(held, status=503), [time.time()]
    monkeypatch.setattr(time, "time", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda _: now.__setitem__(0, now[0] + 5))
    with within(12), pytest.raises(NoTimeLeft):
        held.list_queues()
    assert sent.count == 1


def test_evidence_that_there_is_no_time_for_is_unread(held):
    with within(1):
        found = call_or_unread(held.list_queues, "sqs:ListQueues")
    assert isinstance(found, Unread)
    assert "its function ends in" in found.why
    Sent(held)
    assert isinstance(call_or_unread(held.list_queues, "sqs:ListQueues"), Read)
