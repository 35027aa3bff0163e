"""The estimate: what a month costs, what each part is, and that the template has what is counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.deployed_roles import Deployed
from support.names import A
from support.strict.stack import Stack
from support.templates import ROOT
from threegrants.cost import PRICES, PriceError, Usage, estimate, with_prices
from threegrants.cost import month as made

COUNTS = st.integers(0, 10**12)
USAGES = st.builds(Usage, COUNTS, COUNTS, st.integers(0, 5000), st.integers(0, 100))
SERVICE = Stack(Deployed("template.yaml", A))
TRAIL = Stack(Deployed("templates/trail.yaml", A, ObjectArnPrefixes="arn:aws:s3:::reports/"))


def line(usage, what):
    [found] = [one for one in estimate(usage).lines if one.what == what]
    return round(found.usd, 6)


LINES = [
    pytest.param(Usage(), "keys for alerts and seals", 3.0, id="keys"),
    pytest.param(Usage(accounts=100), "keys of the accounts' trails", 100.0, id="trails' keys"),
    pytest.param(Usage(), "alarms", 1.6, id="alarms"),
    pytest.param(Usage(), "empty queues that Lambda reads", 0.7884, id="polling"),
    pytest.param(Usage(data_events=100_000), "trails: data events", 0.1, id="data events"),
    pytest.param(Usage(data_events=10**9), "trails: data events", 1000.0, id="all calls"),
    pytest.param(Usage(10**6), "denials sent to the service's bus", 1.0, id="bus"),
    pytest.param(Usage(10**6), "queue: sent, and read and deleted in batches", 0.48, id="queue"),
    pytest.param(Usage(10**6), "diagnosis, time", 2.66668, id="diagnosis"),
    pytest.param(Usage(10**6), "incidents, writes", 3.75, id="writes"),
    pytest.param(Usage(10**6), "logs", 1.25, id="logs"),
    pytest.param(Usage(10), "alerts, by e-mail", 0.0002, id="few alerts"),
    pytest.param(Usage(10**9), "alerts, by e-mail", 0.876, id="alerts are limited"),
    pytest.param(Usage(10**9, emails=0), "alerts, by e-mail", 0.0, id="nobody subscribed"),
]


@pytest.mark.parametrize(("usage", "what", "usd"), LINES)
def test_a_line(usage, what, usd):
    assert line(usage, what) == usd


def test_nothing_is_used_without_denials():
    assert estimate(Usage()).used == 0
    assert 5 < estimate(Usage()).idle < 30


@given(USAGES)
def test_idle_is_the_same_whatever_happens(usage):
    assert estimate(usage).idle == estimate(Usage(accounts=usage.accounts)).idle


@given(USAGES, st.integers(1, 10**6))
def test_more_never_costs_less(usage, more):
    grown = Usage(usage.denials + more, usage.data_events, usage.accounts, usage.emails)
    assert estimate(grown).used >= estimate(usage).used


def function_events(stack, name):
    return dict(stack.functions())[name]["Events"].values()


def test_what_stands_still_is_what_the_templates_have():
    def number(stack, *types):
        return len(list(stack.of(*types)))

    assert number(SERVICE, "AWS::CloudWatch::Alarm") == made.ALARMS
    assert number(SERVICE, "AWS::CloudWatch::Dashboard") == made.DASHBOARDS
    assert number(SERVICE, "AWS::KMS::Key") == made.KEYS
    assert number(TRAIL, "AWS::KMS::Key") == made.TRAIL_KEYS
    assert number(SERVICE, "AWS::SecretsManager::Secret") == made.SECRETS
    sources = list(SERVICE.queue_sources())
    assert len(sources) == made.QUEUES_READ
    assert {batch for name, _, batch in sources if name == "DiagnoseFunction"} == {
        made.DENIALS_A_BATCH
    }
    with_replay = Stack(Deployed("template.yaml", A, AllowReplay="true"))
    limits = [
        *(event["Properties"] for event in function_events(with_replay, "DiagnoseFunction")),
        *(one for _, one in with_replay.of("AWS::Lambda::EventSourceMapping")),
    ]
    at_once = sum(one["ScalingConfig"]["MaximumConcurrency"] for one in limits)
    assert at_once == made.DIAGNOSES_AT_ONCE
    parameters = SERVICE.deployed.template["Parameters"]
    assert int(parameters["AlertsPerHour"]["Default"].split(",")[2]) == made.ALERTS_AN_HOUR
    memory = {name: one["MemorySize"] for name, one in SERVICE.functions()}
    assert memory["SweepFunction"] == memory["DiagnoseFunction"] == made.FUNCTION_GB * 1024
    schedules = [one["ScheduleExpression"] for _, one in SERVICE.of("AWS::Scheduler::Schedule")]
    assert schedules == ["rate(5 minutes)"]
    assert made.SWEEPS_A_MONTH == made.HOURS_A_MONTH * 60 / 5


def test_every_price_is_used_and_has_its_page():
    used = {id(one.price) for one in estimate(Usage(1, 1)).lines}
    assert used == {id(price) for price in PRICES.values()}
    assert all(one.source.startswith("https://aws.amazon.com/") for one in PRICES.values())


def test_prices_of_ones_own_take_the_places_of_ours():
    assert with_prices("{}") == PRICES
    own = with_prices('{"kms_keys": 2, "alarms": 0.2}')
    assert line(Usage(), "alarms") == 1.6
    found = {one.what: one.usd for one in estimate(Usage(), own).lines}
    assert found["alarms"] == pytest.approx(3.2)
    assert found["keys for alerts and seals"] == 6.0
    assert own["logs"] == PRICES["logs"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("{", "no JSON", id="no JSON"),
        pytest.param("[" * 100_000, "no JSON", id="nested"),
        pytest.param("[]", "wanted a JSON object", id="a list"),
        pytest.param('{"keys": 1}', "there is no price 'keys'; there are cloudtrail", id="unknown"),
        pytest.param('{"logs": "1"}', "logs is '1'; wanted US dollars for 1", id="text"),
        pytest.param('{"logs": true}', "logs is True", id="a truth value"),
        pytest.param('{"logs": -1}', "logs is -1", id="negative"),
        pytest.param('{"sqs_requests": NaN}', "sqs_requests is nan.*1,000,000", id="NaN"),
    ],
)
def test_wrong_prices_are_named(text, why):
    with pytest.raises(PriceError, match=why):
        with_prices(text)


def test_the_documentation_gives_the_figures_of_the_command():
    page = (ROOT / "docs" / "deploy.md").read_text()
    idle = estimate(Usage()).idle
    million = estimate(Usage(1_000_000)).used
    data = estimate(Usage(0, 10_000_000)).used
    for usd in (idle, million, data):
        assert f"${usd:,.2f}" in page
