"""Where alerts go and how grave they are: rules of operators, on what callers chose."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.names import A, B
from threegrants.cloudtrail import Access
from threegrants.diagnosis import Outcome
from threegrants.incidents import AlertReason, State
from threegrants.notifications.alert_policy import (
    DEFAULT,
    AlertMatch,
    AlertPolicy,
    ReminderPolicy,
    RoutingRule,
    SeverityRule,
)
from threegrants.notifications.routing import reason_by_state, route_of
from threegrants.notifications.severity import Severity, severity_of
from threegrants.notifications.wording import OWN_TROUBLE
from unit.report.values import REPORTS, report

TOPIC = f"arn:aws:sns:eu-west-1:{A}:payments"
OTHER = f"arn:aws:sns:eu-west-1:{A}:others"
OPENED = AlertReason.OPENED


def about(**request):
    made = report()
    return replace(made, request=replace(made.request, **request))


TAGGED = about(bucket_tags={"team": "payments", "env": "prod"}, count=12)
MATCHES = [
    pytest.param(AlertMatch(), True, id="nothing named"),
    pytest.param(AlertMatch(owners=(B, A)), True, id="owner"),
    pytest.param(AlertMatch(owners=(B,)), False, id="another owner"),
    pytest.param(AlertMatch(callers=(B,)), True, id="caller"),
    pytest.param(AlertMatch(callers=(A,)), False, id="another caller"),
    pytest.param(AlertMatch(buckets=("x", "a-*")), True, id="bucket"),
    pytest.param(AlertMatch(buckets=("A-*",)), False, id="case counts"),
    pytest.param(AlertMatch(tags=(("team", "pay*"),)), True, id="tag"),
    pytest.param(AlertMatch(tags=(("team", "pay*"), ("env", "dev"))), False, id="one of two tags"),
    pytest.param(AlertMatch(tags=(("cost", "*"),)), False, id="a tag that is not there"),
    pytest.param(AlertMatch(access=(Access.READ,)), True, id="access"),
    pytest.param(AlertMatch(access=(Access.WRITE,)), False, id="another access"),
    pytest.param(AlertMatch(outcomes=(Outcome.FIXABLE,)), True, id="outcome"),
    pytest.param(AlertMatch(outcomes=(Outcome.HANDOFF,)), False, id="another outcome"),
    pytest.param(AlertMatch(causes=("bucket_policy.*",)), True, id="cause"),
    pytest.param(AlertMatch(causes=("blocked.*",)), False, id="another cause"),
    pytest.param(AlertMatch(reasons=(OPENED,)), True, id="reason"),
    pytest.param(AlertMatch(reasons=(AlertReason.COUNT,)), False, id="another reason"),
    pytest.param(AlertMatch(severities=(Severity.WARNING,)), True, id="severity"),
    pytest.param(AlertMatch(severities=(Severity.ERROR,)), False, id="another severity"),
    pytest.param(AlertMatch(least_count=12), True, id="count"),
    pytest.param(AlertMatch(least_count=13), False, id="too few"),
    pytest.param(AlertMatch(owners=(A,), callers=(A,)), False, id="all that is named has to fit"),
]


@pytest.mark.parametrize(("match", "fits"), MATCHES)
def test_which_alerts_a_rule_is_for(match, fits):
    assert match.fits(TAGGED, OPENED, Severity.WARNING) is fits


def test_what_is_not_known_fits_no_pattern():
    unknown = about(bucket=None, bucket_account=None, bucket_tags={})
    for match in (
        AlertMatch(buckets=("*",)),
        AlertMatch(owners=(A,)),
        AlertMatch(tags=(("team", "*"),)),
    ):
        assert not match.fits(unknown, OPENED, Severity.WARNING)


def rule(name, *topics, **more):
    return RoutingRule(name=name, topics=topics, **more)


PAYMENTS = AlertMatch(buckets=("a-*",))
NOTHING = AlertMatch(buckets=("z-*",))
ROUTES = [
    pytest.param((), (DEFAULT,), (), id="no rules"),
    pytest.param((rule("p", TOPIC, when=NOTHING),), (DEFAULT,), (), id="none fits"),
    pytest.param((rule("p", TOPIC, when=PAYMENTS), rule("o", OTHER)), (TOPIC,), ("p",), id="the first that fits"),
    pytest.param((rule("p", TOPIC, goes_on=True), rule("o", OTHER)), (TOPIC, OTHER), ("p", "o"), id="continue"),
    pytest.param((rule("p", TOPIC, goes_on=True), rule("n", OTHER, when=NOTHING), rule("d", DEFAULT)),
                 (TOPIC, DEFAULT), ("p", "d"), id="continue over one that does not fit"),
    pytest.param((rule("p", TOPIC, DEFAULT),), (TOPIC, DEFAULT), ("p",), id="another topic and the stack's own"),
    pytest.param((rule("s", severity=Severity.ERROR),), (DEFAULT,), ("s",), id="a severity alone"),
    pytest.param((rule("c", channels=("team",)),), (DEFAULT,), ("c",), id="a channel alone"),
]  # fmt: skip


@pytest.mark.parametrize(("routes", "topics", "names"), ROUTES)
def test_which_rules_count(routes, topics, names):
    found = route_of(report(), OPENED, AlertPolicy(routes=routes))
    assert (found.topics, found.rules) == (topics, names)


def test_channels_of_rules_are_added_up_and_default_is_for_the_rest():
    routes = (rule("a", channels=("x",), goes_on=True), rule("b", channels=("y", "x")))
    assert route_of(report(), OPENED, AlertPolicy(routes=routes)).channels == ("x", "y")
    assert route_of(report(), OPENED).channels == (DEFAULT,)


def test_severity_by_its_own_table_then_by_the_route():
    table = (
        SeverityRule(AlertMatch(buckets=("z-*",)), Severity.CRITICAL),
        SeverityRule(AlertMatch(access=(Access.READ,)), Severity.ERROR),
        SeverityRule(AlertMatch(), Severity.INFO),
    )
    grave = rule("grave", TOPIC, when=AlertMatch(severities=(Severity.ERROR,)))
    found = route_of(report(), OPENED, AlertPolicy(severities=table, routes=(grave,)))
    assert (found.severity, found.topics) == (Severity.ERROR, (TOPIC,))
    louder = replace(grave, severity=Severity.CRITICAL)
    found = route_of(report(), OPENED, AlertPolicy(severities=table, routes=(louder,)))
    assert found.severity is Severity.CRITICAL


HUSH = AlertPolicy(
    severities=(SeverityRule(AlertMatch(), Severity.INFO),),
    routes=(
        RoutingRule(name="hush", topics=(OTHER,), channels=("quiet",), severity=Severity.INFO),
    ),
)
"""Everything of no weight, to where nobody looks."""


@pytest.mark.parametrize("reason", sorted(OWN_TROUBLE))
def test_what_this_service_did_is_never_hushed(reason):
    found = route_of(report(), reason, HUSH)
    assert DEFAULT in found.topics
    assert DEFAULT in found.channels
    assert found.severity is severity_of(reason, Outcome.FIXABLE, 1)


def texts():
    return st.text(max_size=8)


def matches():
    return st.builds(
        AlertMatch,
        owners=st.lists(texts(), max_size=2).map(tuple),
        buckets=st.lists(texts() | st.just("*"), max_size=2).map(tuple),
        tags=st.lists(st.tuples(texts(), texts()), max_size=1).map(tuple),
        causes=st.lists(st.just("*") | texts(), max_size=1).map(tuple),
        reasons=st.lists(st.sampled_from(AlertReason), max_size=2).map(tuple),
        least_count=st.integers(0, 3),
    )


POLICIES = st.builds(
    AlertPolicy,
    severities=st.lists(st.builds(SeverityRule, matches(), st.sampled_from(Severity)), max_size=2).map(tuple),
    routes=st.lists(
        st.builds(RoutingRule, name=texts(), when=matches(), topics=st.lists(st.sampled_from([TOPIC, OTHER, DEFAULT]),
                  max_size=2).map(tuple), channels=st.lists(texts(), max_size=2).map(tuple), goes_on=st.booleans()),
        max_size=3,
    ).map(tuple),
)  # fmt: skip


@given(REPORTS, st.sampled_from(AlertReason), POLICIES)
def test_no_event_routes_itself_to_nowhere(made, reason, policy):
    found = route_of(made, reason, policy)
    assert found.topics
    assert found.channels
    assert set(found.topics) <= set(policy.topics)
    if not found.rules or reason in OWN_TROUBLE:
        assert DEFAULT in found.topics


@pytest.mark.parametrize("state", [State.OPEN, State.FAILED, State.PROPOSED, State.STUCK])
def test_a_reminder_goes_where_the_alert_went(state):
    reason = reason_by_state(state)
    assert reason.value == {"open": "opened"}.get(state.value, state.value)


def test_who_is_reminded_of_what():
    never, some = ReminderPolicy(), ReminderPolicy(60, least=Severity.ERROR)
    assert [one for one in Severity if never.wants(one)] == []
    assert [one for one in Severity if some.wants(one)] == [Severity.CRITICAL, Severity.ERROR]


def test_only_tags_that_rules_ask_for_are_kept():
    policy = AlertPolicy(
        severities=(SeverityRule(AlertMatch(tags=(("env", "prod"),)), Severity.ERROR),),
        routes=(rule("p", TOPIC, when=AlertMatch(tags=(("team", "*"),))),),
    )
    assert policy.tag_names == {"env", "team"}
    assert policy.topics == (DEFAULT, TOPIC)
