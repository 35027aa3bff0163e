"""No alert about any report breaks a limit of its channel, and a filter policy finds the routing fields."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.sns.utils import FilterPolicyMatcher
from scenarios.alerts import wrong_in_alerts

from support.examples import examples
from threegrants.incidents import AlertReason
from threegrants.notifications import build_alert, incident_bodies
from threegrants.notifications.limits import LIMITS
from unit.report.values import BY_OUTCOME, REPORTS, report

SNS_BYTES = 262_144
POLICY_UNITS = st.sampled_from(["p", '"', "\\", "\n", "\u00e9", "\U0001f510", "\x01"])
SIZES = st.integers(0, 40_000)
"""Beyond the greatest policy: a key policy has 32 KB, a bucket policy 20 KB."""
HOSTILE = "<!channel>\n[x](https://e.example)\u202e\ud800```" * 4


def attributes_bytes(alert):
    return sum(len(name) + len("String") + len(value.encode(errors="replace"))
               for name, value in alert.attributes.items())  # fmt: skip


def over(name, size, most):
    return [] if size <= most else [f"{name}: {size}"]


def broken(made, reason, note=""):
    """Which limits the alert about a report breaks."""
    alert = build_alert(made, "x", reason, note)
    bodies = incident_bodies(made, "x", reason, note)
    message = json.loads(alert.message)
    teams = len(json.dumps(bodies["teams"], ensure_ascii=False).encode(errors="replace"))
    return [
        *over("message", len(alert.message.encode()) + attributes_bytes(alert), SNS_BYTES),
        *over("subject", len(alert.subject), 99),
        *over("sms", len(message["sms"]), 140),
        *over("teams", teams, 28_000),
        *over("pagerduty", len(json.dumps(bodies["pagerduty"])), 512_000),
        *over("slack", max(len(b["text"]["text"]) for b in bodies["slack"]["blocks"]), 3_000),
        *([] if alert.subject.isascii() and alert.subject.isprintable() else ["subject"]),
    ]


@examples(40)
@given(REPORTS, st.sampled_from([one for one in AlertReason if one is not AlertReason.LIMIT]))
def test_an_alert_about_any_report_can_be_sent(made, reason):
    assert broken(made, reason) == []


@examples(30)
@given(POLICY_UNITS, SIZES, SIZES, POLICY_UNITS, st.integers(0, 80_000))
def test_the_largest_policies_and_notes_fit(unit, before, after, note_unit, note):
    made = report()
    patches = [
        replace(patch, before=unit * before, after=unit * after, says=unit * (after // 20))
        for patch in made.patches
    ]
    assert broken(replace(made, patches=tuple(patches)), AlertReason.OPENED, note_unit * note) == []


@pytest.mark.parametrize("outcome", BY_OUTCOME)
def test_hostile_strings_everywhere_break_no_limit(outcome):
    made = BY_OUTCOME[outcome]()
    made = replace(
        made,
        summary=HOSTILE * 50,
        principal=replace(made.principal, arn=HOSTILE),
        request=replace(made.request, bucket=HOSTILE, resource=HOSTILE, object_key=HOSTILE),
        unknowns=tuple(replace(one, what=HOSTILE * 9, needs=HOSTILE) for one in made.unknowns),
    )
    assert broken(made, AlertReason.OPENED, HOSTILE * 100) == []


@pytest.mark.parametrize("outcome", BY_OUTCOME)
def test_each_outcome_says_what_it_must(outcome):
    assert wrong_in_alerts(BY_OUTCOME[outcome]()) == []


FILTERS = [
    pytest.param({"alert": {"outcome": ["fixable"]}}, True, id="by outcome"),
    pytest.param({"alert": {"severity": ["critical"]}}, False, id="another severity"),
    pytest.param(
        {"alert": {"bucket_account": ["111111111111"], "status": ["open", "stuck"]}}, True,
        id="by account and status",
    ),
    pytest.param({"alert": {"bucket": [{"prefix": "a-"}]}}, True, id="by the start of a name"),
    pytest.param({"alert": {"reason": [{"anything-but": ["count"]}]}}, True, id="all but counts"),
    pytest.param({"outcome": ["handoff"]}, False, id="by a field of the report itself"),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "matches"), FILTERS)
@pytest.mark.parametrize("protocol", ["sqs", "lambda"])
def test_a_filter_policy_on_the_body_selects(policy, matches, protocol):
    body = json.loads(build_alert(report(), "x", AlertReason.OPENED).message)[protocol]
    matcher = FilterPolicyMatcher(policy, "MessageBody")
    assert matcher.matches({}, body) is matches


def test_a_filter_policy_on_the_notification_for_a_chat_selects():
    body = json.loads(build_alert(report(), "x", AlertReason.OPENED).message)["https"]
    policy = {"metadata": {"additionalContext": {"severity": ["warning"]}}}
    assert FilterPolicyMatcher(policy, "MessageBody").matches({}, body)


def test_every_limit_has_its_source():
    assert all(limit.source.startswith("https://") and limit.kept > 0 for limit in LIMITS)
    assert len({(limit.channel, limit.part) for limit in LIMITS}) == len(LIMITS)
