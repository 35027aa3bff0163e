"""When people are reminded, tests of channels, and what is told once a day: each once."""

import pytest

from support.incidents import ID
from threegrants.incidents import Reminders
from threegrants.incidents.channel_tests import Channel, ChannelResult, ChannelTests
from threegrants.incidents.open_incidents import ids_in_state
from threegrants.incidents.state_events import due_events
from threegrants.incidents.states import State
from threegrants.incidents.told_once import ToldOnce


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def reminders(table, clock):
    return Reminders(table, clock)


def test_one_reminder_waits_whoever_starts_it(reminders, incidents, diagnosed, clock):
    reminders.start(diagnosed, 60)
    reminders.start(diagnosed, 30)
    reminders.start(incidents.get(ID), 30)
    assert reminders.due() == []
    clock.now += 3600
    [due] = reminders.due()
    assert (due.incident_id, due.at) == (ID, 1_003_600)
    assert incidents.get(ID).remind_at == due.at


def test_again_and_told(reminders, incidents, diagnosed, clock, table):
    reminders.start(diagnosed, 60)
    clock.now += 3600
    [due] = reminders.due()
    reminders.again(due, incidents.get(ID), 240, told=True)
    reminders.again(due, incidents.get(ID), 999, told=True)
    assert reminders.due() == []
    assert [one.what for one in due_events(table, 4e9)].count("reminded") == 1, (
        "a second sweep was too late"
    )
    clock.now += 240 * 60
    assert [one.at for one in reminders.due()] == [1_003_600 + 240 * 60]


def test_without_telling_nobody_is_told(reminders, incidents, diagnosed, clock, table):
    reminders.start(diagnosed, 60)
    clock.now += 3600
    [due] = reminders.due()
    reminders.again(due, incidents.get(ID), 5, told=False)
    assert "reminded" not in [one.what for one in due_events(table, 4e9)]


def test_what_is_done_is_not_due(reminders, diagnosed, clock):
    reminders.start(diagnosed, 60)
    clock.now += 3600
    [due] = reminders.due()
    reminders.done(due)
    assert reminders.due() == []


def test_an_incident_that_is_gone_is_not_reminded_of(reminders, clock, diagnosed):
    from dataclasses import replace  # noqa: PLC0415 - beside what it is for

    reminders.start(replace(diagnosed, id="tg-gone"), 5)
    clock.now += 600
    assert reminders.due() == []


def test_the_ids_of_a_state(table, diagnosed):
    assert list(ids_in_state(table, State.OPEN)) == [ID]
    assert list(ids_in_state(table, State.STUCK)) == []


def test_told_once_a_day_and_by_one(table, clock):
    marks = ToldOnce(table, clock)
    assert marks.may_tell("digest", "2026-11-27")
    assert not marks.may_tell("digest", "2026-11-27"), "somebody is telling it"
    clock.now += 200
    assert marks.may_tell("digest", "2026-11-27"), "who told it died"
    marks.told("digest", "2026-11-27")
    clock.now += 200
    assert not marks.may_tell("digest", "2026-11-27")
    assert marks.may_tell("digest", "2026-11-28")


def test_a_test_is_sent_once(table, clock):
    tests = ChannelTests(table, clock)
    asked = tests.ask(Channel.SMS, "sam")
    assert tests.find(asked.id) == asked
    assert asked.to_json()["results"] is None
    assert tests.find("at-0") is None
    assert not tests.take("at-0")
    assert tests.take(asked.id)
    assert not tests.take(asked.id)
    tests.sent(asked.id, [ChannelResult(Channel.SMS, "arn", sent=True, detail="1 by sms")])
    clock.now += 500
    assert not tests.take(asked.id)
    [result] = tests.find(asked.id).to_json()["results"]
    assert result == {"channel": "sms", "place": "arn", "sent": True, "detail": "1 by sms"}
