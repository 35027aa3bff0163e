"""What a configuration says about alerts: read, refused with a fix, and nothing lost on the way back."""

import json

import pytest

from support.names import A, B
from threegrants.cloudtrail import Access
from threegrants.configuration import SCHEMA_ID, Configuration, parse_configuration, problems_of
from threegrants.diagnosis import Outcome
from threegrants.incidents import AlertReason
from threegrants.notifications.alert_policy import (
    AlertMatch,
    AlertPolicy,
    DigestPolicy,
    ReminderPolicy,
    RoutingRule,
    SeverityRule,
)
from threegrants.notifications.severity import Severity

TOPIC = f"arn:aws:sns:eu-west-1:{A}:payments"
FULL = {
    "alerts": {
        "time_zone": "Europe/Berlin",
        "reminders": {"after_minutes": 60, "every_minutes": 120, "from_severity": "error"},
        "digest": {"hour": 8, "when_empty": True},
        "max_snooze_hours": 24,
    },
    "severity": [{"when": {"tags": {"env": "prod"}, "access": ["write"]}, "severity": "critical"}],
    "routing": [
        {
            "name": "payments",
            "when": {
                "owner": [A],
                "caller": [B],
                "bucket": ["pay-*"],
                "outcome": ["fixable"],
                "cause": ["blocked.*"],
                "reason": ["opened", "rolled back"],
                "severity": ["critical"],
                "count": 10,
            },
            "topics": ["default", TOPIC],
            "channels": ["payments"],
            "severity": "error",
            "continue": True,
        },
        {"name": "the rest", "topics": ["default"]},
    ],
}
POLICY = AlertPolicy(
    time_zone="Europe/Berlin",
    severities=(
        SeverityRule(AlertMatch(tags=(("env", "prod"),), access=(Access.WRITE,)), Severity.CRITICAL),
    ),
    routes=(
        RoutingRule(
            name="payments",
            when=AlertMatch(
                owners=(A,), callers=(B,), buckets=("pay-*",), outcomes=(Outcome.FIXABLE,),
                causes=("blocked.*",), reasons=(AlertReason.OPENED, AlertReason.ROLLED_BACK),
                severities=(Severity.CRITICAL,), least_count=10,
            ),
            topics=("default", TOPIC),
            channels=("payments",),
            severity=Severity.ERROR,
            goes_on=True,
        ),
        RoutingRule(name="the rest", topics=("default",)),
    ),
    reminders=ReminderPolicy(60, 120, Severity.ERROR),
    digest=DigestPolicy(8, when_empty=True),
    max_snooze_hours=24,
)  # fmt: skip


def text(**sections):
    return json.dumps({"schema": SCHEMA_ID, **sections})


def test_everything_is_read_and_written_back():
    found = parse_configuration(text(**FULL))
    assert found.alerts == POLICY
    assert parse_configuration(json.dumps(found.to_json())) == found
    assert {name: found.to_json()[name] for name in FULL} == FULL | {
        "routing": [FULL["routing"][0], {"name": "the rest", "topics": ["default"]}]
    }


def test_what_is_left_out_is_as_it_was():
    assert parse_configuration(text()).alerts == Configuration().alerts == AlertPolicy()
    less = parse_configuration(
        text(alerts={"reminders": {"after_minutes": 5}, "digest": {"hour": 0}})
    )
    assert less.alerts == AlertPolicy(reminders=ReminderPolicy(5), digest=DigestPolicy(0))


def routed(**rule):
    return {"routing": [{"name": "r", "topics": ["default"], **rule}]}


WRONG = [
    pytest.param({"alerts": {"time_zone": "Europe/Bonn"}}, "$.alerts.time_zone", "no time zone", id="no such zone"),
    pytest.param({"alerts": {"time_zone": "../etc/passwd"}}, "$.alerts.time_zone", "IANA", id="a path"),
    pytest.param({"alerts": {"digest": {"hour": 24}}}, "$.alerts.digest.hour", "0 to 23", id="hour 24"),
    pytest.param({"alerts": {"digest": {"hour": 8, "when_empty": "yes"}}}, "$.alerts.digest.when_empty",
                 "true or false", id="no boolean"),
    pytest.param({"alerts": {"reminders": {}}}, "$.alerts.reminders.after_minutes", "is missing", id="no minutes"),
    pytest.param({"alerts": {"reminders": {"after_minutes": 1}}}, "$.alerts.reminders.after_minutes", "5 to", id="too soon"),
    pytest.param({"alerts": {"max_snooze_hours": 721}}, "$.alerts.max_snooze_hours", "1 to 720", id="a year of silence"),
    pytest.param({"severity": [{"severity": "error"}]}, "$.severity[0].when", "is missing", id="severity of what"),
    pytest.param({"severity": [{"when": {"severity": ["info"]}, "severity": "error"}]}, "$.severity[0].when.severity",
                 "is not known", id="severity by severity"),
    pytest.param(routed(topics=[]), "$.routing[0].topics", "is empty", id="no topic"),
    pytest.param(routed(topics=["payments"]), "$.routing[0].topics[0]", "ARN", id="a topic's name"),
    pytest.param(routed(when={"owner": ["1"]}), "$.routing[0].when.owner[0]", "12 digits", id="no account"),
    pytest.param(routed(when={"bukket": ["x"]}), "$.routing[0].when.bukket", "is not known", id="no such field"),
    pytest.param(routed(when={"reason": ["test"]}), "$.routing[0].when.reason[0]", "one of", id="no such reason"),
    pytest.param(routed(**{"continue": 1}), "$.routing[0].continue", "true or false", id="continue 1"),
    pytest.param({"routing": [{"name": "r"}]}, "$.routing[0]", "decides nothing", id="no decision"),
    pytest.param({"routing": [{"name": "r", "severity": "info", "continue": True}] * 2}, "$.routing[1].name",
                 "also the name", id="two of a name"),
    pytest.param({"routing": [{"name": "a", "topics": ["default"]}, {"name": "b", "topics": [TOPIC]}]},
                 "$.routing[0]", "no rule after it", id="never asked"),
]  # fmt: skip


@pytest.mark.parametrize(("sections", "path", "words"), WRONG)
def test_what_is_wrong_is_said_where_it_is(sections, path, words):
    found = [one for one in problems_of(text(**sections)) if one.path == path]
    assert found, problems_of(text(**sections))
    assert words in str(found[0])


@pytest.mark.parametrize(
    "sections", [{"alerts": 1}, {"routing": 1}, {"routing": [1]}, {"severity": {}}], ids=str
)
def test_what_is_of_another_kind_is_one_problem(sections):
    assert len(problems_of(text(**sections))) == 1


def test_everybody_of_these_may_be_named():
    """The schema lists the reasons by which a rule may choose: all that name an incident, but reminders and tests."""
    none = {AlertReason.LIMIT, AlertReason.DIGEST, AlertReason.TEST, AlertReason.REMINDER}
    wanted = [one.value for one in AlertReason if one not in none]
    assert not problems_of(text(**routed(when={"reason": wanted})))
    for one in none:
        assert problems_of(text(**routed(when={"reason": [one.value]})))
