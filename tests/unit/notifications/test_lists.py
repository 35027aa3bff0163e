"""Reminders and the daily digest: what is in them, who gets them, when, and when not."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from support.incidents import diagnosed
from threegrants.incidents import AlertReason, IncidentNotFound, Snooze, SnoozeOf, State
from threegrants.incidents.reminders import DueReminder
from threegrants.notifications import send_lists
from threegrants.notifications.alert_policy import (
    DEFAULT,
    AlertMatch,
    AlertPolicy,
    DigestPolicy,
    ReminderPolicy,
    RoutingRule,
)
from threegrants.notifications.digest import DigestEntry, Listing, by_topic, list_alert
from threegrants.notifications.limits import MAX_MESSAGE_BYTES, MAX_SMS_CHARACTERS
from threegrants.notifications.routing import Route
from threegrants.notifications.send_lists import ListSender
from threegrants.notifications.severity import Severity

NOW = datetime(2026, 11, 27, 7, 30, tzinfo=UTC).timestamp()
PAY = "arn:aws:sns:eu-west-1:111111111111:pay"
SAM = "arn:aws:sts::111111111111:assumed-role/on-call/sam"


def one(number=0, **changes):
    incident_id = f"tg-{number:016x}"
    made = diagnosed(id=incident_id, remind_at=int(NOW), **changes)
    return replace(made, diagnosis=replace(made.diagnosis, id=incident_id))


def entry(incident, severity=Severity.WARNING, topics=(DEFAULT,), snoozed=0):
    return DigestEntry(incident, incident.report, Route(severity, topics), snoozed)


# --- the message ----------------------------------------------------------------------------------


def listed(*entries, reason=AlertReason.DIGEST, unread=0, **policy):
    made = list_alert(DEFAULT, entries, Listing(reason, NOW, unread), "prod", AlertPolicy(**policy))
    return made, json.loads(made.message)


def test_a_digest_says_who_is_at_what():
    made, texts = listed(
        entry(one(1, state=State.STUCK), Severity.CRITICAL),
        entry(one(2, acknowledged_by=SAM, assigned_to="Pat"), snoozed=int(NOW) + 3600),
        time_zone="Europe/Berlin",
    )
    assert made.subject == "[digest] 2 incidents open: 1 critical, 1 warning; 1 not acknowledged"
    mail = texts["email"]
    for words in (
        "As of 2026-11-27 07:30:00 UTC (2026-11-27 08:30:00 CET)",
        "CRITICAL tg-0000000000000001  stuck",
        "nobody is at it",
        f"{SAM} is at it; assigned to Pat; snoozed until 2026-11-27 08:30:00 UTC",
        "first 2026-11-24 03:00:00 UTC (2026-11-24 04:00:00 CET)",
        "threegrants incidents --stack prod",
    ):
        assert words in mail
    program = json.loads(texts["sqs"])
    assert (program["schema"], program["count"], program["left_out"]) == (
        "threegrants.digest/1",
        2,
        0,
    )
    assert [row["severity"] for row in program["incidents"]] == ["critical", "warning"]
    assert program["incidents"][1]["acknowledged_by"] == SAM
    assert json.loads(texts["https"])["content"]["title"].startswith("[digest] 2 incidents")
    assert len(texts["sms"]) <= MAX_SMS_CHARACTERS


def test_an_empty_one_says_so():
    assert listed()[0].subject == "[digest] No incident is open"


def test_hundreds_fit_and_what_is_left_out_is_said():
    made, texts = listed(*[entry(one(number)) for number in range(400)], unread=7)
    assert len(made.message.encode()) <= MAX_MESSAGE_BYTES
    assert "… and 307 more" in texts["email"]
    assert json.loads(texts["lambda"])["left_out"] == 307


def test_names_that_callers_chose_forge_no_line():
    evil = one(1, assigned_to="Pat")
    evil = replace(evil, diagnosis=replace(evil.diagnosis, request=replace(
        evil.diagnosis.request, bucket="x\nCRITICAL tg-1 <!channel>")))  # fmt: skip
    _, texts = listed(entry(evil))
    assert "\nCRITICAL tg-1" not in texts["email"]
    assert "<!channel>" not in json.loads(texts["https"])["content"]["description"]


def test_each_topic_gets_its_own_the_gravest_first():
    entries = [
        entry(one(1), topics=(PAY,)),
        entry(one(2), Severity.ERROR, (PAY, DEFAULT)),
        entry(one(3, first_seen="2026-11-01T00:00:00Z")),
        entry(one(4)),
    ]
    found = {
        t: [int(e.incident.id[3:], 16) for e in listed] for t, listed in by_topic(entries).items()
    }
    assert found == {PAY: [2, 1], DEFAULT: [2, 3, 4]}


# --- when, and to whom ------------------------------------------------------------------------------


class World:
    """A store of incidents, reminders that are due, marks of what was told; what was sent."""

    def __init__(self, monkeypatch, *incidents, snoozes=()):
        self.incidents = {one.id: one for one in incidents}
        self.alerts, self.marks, self.done, self.next, self.errors = [], set(), [], [], []
        self.snoozes = snoozes
        self.table, self.events_are_due = None, False
        self.refuses = None
        reminders = SimpleNamespace(due=self.due, again=self.again, done=self.mark_done)
        monkeypatch.setattr(send_lists, "Reminders", lambda *_: reminders)
        monkeypatch.setattr(send_lists, "ToldOnce", lambda *_: self)
        monkeypatch.setattr(send_lists, "ids_in_state", self.ids)

    def ids(self, _table, state):
        return [one.id for one in self.incidents.values() if one.state is state]

    def get(self, incident_id):
        if incident_id not in self.incidents:
            raise IncidentNotFound(incident_id)
        return self.incidents[incident_id]

    def find(self, incident_id):
        return self.incidents.get(incident_id)

    def history(self, _):
        return []

    def covering(self, incident):
        return tuple(one for one in self.snoozes if one.covers(incident))

    def due(self):
        return [DueReminder(f"sk-{one}", one, int(NOW)) for one in self.incidents]

    def again(self, due, incident, minutes, *, told):
        self.next.append((int(incident.id[3:], 16), minutes, told))

    def mark_done(self, due):
        self.done.append(int(due.incident_id[3:], 16))

    def may_tell(self, what, day):
        return (what, day) not in self.marks

    def told(self, what, day):
        self.marks.add((what, day))

    def send(self, alert):
        if alert.topics == (self.refuses,):
            raise RuntimeError("no")
        self.alerts.append(alert)

    def sender(self, now=NOW, **policy):
        return ListSender(self, self, AlertPolicy(**policy), "prod", self.send, lambda: now)

    def remind(self, **policy):
        policy = {"reminders": ReminderPolicy(60, 120), **policy}
        return self.sender(**policy).remind(NOW + 100, lambda *error: self.errors.append(error))

    def digest(self, now=NOW, deadline=100, **policy):
        policy = {"digest": DigestPolicy(8), "time_zone": "Europe/Berlin", **policy}
        return self.sender(now, **policy).send_digest(now + deadline)


@pytest.fixture
def world(monkeypatch):
    def make(*incidents, **more):
        return World(monkeypatch, *incidents, **more)

    return make


def test_people_are_reminded_one_by_one(world):
    here = world(one(1), one(2, state=State.STUCK))
    assert here.remind() == 2
    assert sorted(alert.attributes["incident_id"][-1] for alert in here.alerts) == ["1", "2"]
    assert {alert.attributes["reason"] for alert in here.alerts} == {"reminder"}
    text = json.loads(here.alerts[0].message)["email"]
    assert "nobody has said that they are at it" in text
    assert "threegrants acknowledge tg-" in text
    assert sorted(here.next) == [(1, 120, True), (2, 120, True)]
    assert here.events_are_due


def test_a_stuck_one_is_as_grave_as_its_alert_was(world):
    here = world(one(2, state=State.STUCK))
    here.remind(reminders=ReminderPolicy(60, 120, Severity.CRITICAL))
    [alert] = here.alerts
    assert json.loads(json.loads(alert.message)["sqs"])["alert"]["severity"] == "critical"


NOT_REMINDED = [
    pytest.param(one(1, acknowledged_by=SAM), id="acknowledged"),
    pytest.param(one(1, state=State.VERIFIED), id="closed"),
    pytest.param(one(1, state=State.APPLYING), id="somebody approved"),
    pytest.param(replace(one(1), remind_at=int(NOW) + 5), id="another reminder waits"),
    pytest.param(replace(one(1), diagnosis=None), id="not diagnosed"),
]


@pytest.mark.parametrize("incident", NOT_REMINDED)
def test_nobody_is_reminded_of(world, incident):
    here = world(incident)
    assert here.remind() == 0
    assert (here.alerts, here.next, here.done) == ([], [], [1])


def test_what_is_not_grave_enough_is_not_reminded_of(world):
    here = world(one(1))
    assert here.remind(reminders=ReminderPolicy(60, 120, Severity.ERROR)) == 0
    assert here.done == [1]


def test_a_snooze_puts_a_reminder_off_but_never_of_what_is_stuck(world):
    snooze = Snooze(SnoozeOf.BUCKET, "a-reports", int(NOW) + 7200, SAM, "tg-1", 1)
    here = world(
        one(1), one(2, muted_until=int(NOW) + 61), one(3, state=State.STUCK), snoozes=(snooze,)
    )
    assert here.remind() == 1
    assert [alert.attributes["incident_id"][-1] for alert in here.alerts] == ["3"]
    assert sorted(here.next) == [(1, 120, False), (2, 120, False), (3, 120, True)]


def test_many_at_once_are_one_list(world):
    here = world(*[one(number) for number in range(1, 9)])
    assert here.remind() == 8
    [alert] = here.alerts
    assert alert.subject == "[reminder] 8 incidents that nobody has acknowledged: 8 warning"
    assert alert.attributes == {"reason": "reminder"}


def test_a_topic_that_refuses_stays_due_and_holds_up_no_other(world):
    route = RoutingRule(name="p", when=AlertMatch(reasons=(AlertReason.STUCK,)), topics=(PAY,))
    here = world(one(1), one(2, state=State.FAILED))
    here.refuses = PAY
    rule = replace(route, when=AlertMatch(causes=("*",), reasons=(AlertReason.OPENED,)))
    assert here.remind(routes=(rule,)) == 1
    assert [number for number, *_ in here.next] == [2]
    assert len(here.errors) == 1


DAY = [
    pytest.param(8, {}, 1, id="the hour is over, in Berlin"),
    pytest.param(9, {}, 0, id="not yet"),
    pytest.param(7, {"time_zone": ""}, 1, id="by UTC"),
    pytest.param(8, {"time_zone": ""}, 0, id="not yet by UTC"),
]


@pytest.mark.parametrize(("hour", "policy", "sent"), DAY)
def test_the_digest_has_its_hour(world, hour, policy, sent):
    here = world(one(1))
    here.digest(digest=DigestPolicy(hour), **policy)
    assert len(here.alerts) == sent


def test_the_digest_is_sent_once_a_day(world):
    here = world(one(1), one(2, state=State.PROPOSED), one(3, state=State.VERIFIED))
    assert here.digest() == 2
    assert here.digest() == 0
    assert here.digest(NOW + 86_400) == 2
    assert [alert.subject.split(":")[0] for alert in here.alerts] == [
        "[digest] 2 incidents open"
    ] * 2


@pytest.mark.parametrize(("when_empty", "sent"), [(False, 0), (True, 1)])
def test_nothing_is_said_when_there_is_nothing_unless_it_is_wanted(world, when_empty, sent):
    here = world(one(1, state=State.RESOLVED))
    here.digest(digest=DigestPolicy(8, when_empty))
    assert [alert.subject for alert in here.alerts] == ["[digest] No incident is open"] * sent


def test_without_a_digest_nothing_is_sent(world):
    here = world(one(1))
    assert here.digest(digest=None) == 0
    assert here.alerts == []


def test_what_there_is_no_time_for_is_counted(world):
    here = world(*[one(number) for number in range(3)])
    here.digest(deadline=1)
    [alert] = here.alerts
    assert "3 incidents open" in alert.subject
    assert "… and 3 more" in json.loads(alert.message)["email"]


def test_a_digest_that_could_not_be_sent_is_sent_later(world):
    here = world(one(1))
    here.refuses = DEFAULT
    with pytest.raises(RuntimeError):
        here.digest()
    here.refuses = None
    assert here.digest() == 1
