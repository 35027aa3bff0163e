"""What the functions share: the limits of the moment, the clients, alerts, the deadline."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from types import SimpleNamespace

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from support.configured import APPROVAL, PLACE, accounts, configured
from support.incidents import diagnosed, incident
from threegrants.cloudtrail import Access
from threegrants.configuration import ConfigurationError, ConfigurationUnreadableError
from threegrants.evidence import AccountError
from threegrants.evidence.time_left import OWN_CALL_SECONDS, bound_default_session, within
from threegrants.evidence.ttl_cache import TtlCache
from threegrants.handlers import dependencies as module
from threegrants.handlers.configuration_source import MAX_AGE_SECONDS, ConfigurationSource
from threegrants.handlers.dependencies import Dependencies, deadline
from threegrants.handlers.kept_values import forget, secret, ssm_parameter
from threegrants.handlers.settings import ConfigurationPlace, Settings
from threegrants.incidents import AlertReason
from threegrants.notifications import Alert
from threegrants.remediation import Refused

ENV = {
    "AWS_REGION": "eu-west-1",
    "TABLE_NAME": "t",
    "TOPIC_ARN": "arn:aws:sns:eu-west-1:1:alerts",
    "READER_ROLE_NAME": "reader",
    "REMEDIATION_ROLE_PREFIX": "fix",
    "EXTERNAL_ID_PARAMETER": "/external-id",
    "CONFIGURATION": PLACE,
    "GUARDRAILS_PARAMETER": "/limits",
    "ORGANIZATIONS_ACCOUNT": "333333333333",
    "READ_OBJECTS": "true",
    "STACK_NAME": "prod",
}


@pytest.fixture
def ssm(monkeypatch):
    """The operator's SSM parameter: what it holds, and what was asked."""
    state = SimpleNamespace(text="{}", error=None, asked=[])

    def ssm_parameter(name, max_age, *, decrypt=False):
        state.asked.append((name, max_age, "decrypted") if decrypt else (name, max_age))
        if state.error:
            raise state.error
        return state.text

    monkeypatch.setattr(module, "ssm_parameter", ssm_parameter)
    return state


# --- the operator's brake -------------------------------------------------------------------------


def test_the_ssm_parameter_makes_the_limits_stricter(ssm, built):
    ssm.text = json.dumps({"protected": ["secret-*"], "four_eyes": ["write"], "patches_an_hour": 1})
    found = built.current_limits()
    assert found.protects("arn:aws:s3:::secret-plans") == "secret-*"
    assert found.four_eyes == {Access.WRITE}
    assert found.patches_an_hour == 1
    assert found.trusted == {"111111111111"}
    assert ssm.asked == [("/limits", 60)]


def test_without_a_parameter_the_configuration_decides(ssm, configuration):
    configuration.put(protected={"resources": ["secret-*"]})
    alone = Dependencies(Settings.from_env({**ENV, "GUARDRAILS_PARAMETER": ""}))
    assert alone.current_limits().protected == ("secret-*",)
    assert ssm.asked == []


BROKEN = [
    ("no JSON", "{", None),
    ("a limit that does not exist", '{"protectd": []}', None),
    ("a wrong limit", '{"patches_an_hour": "many"}', None),
    ("it cannot be read", "{}", GetParameterError("AccessDenied")),
]


@pytest.mark.parametrize(("text", "error"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_limits_that_cannot_be_read_let_nothing_through(ssm, built, text, error):
    ssm.text, ssm.error = text, error
    with pytest.raises(Refused, match="nothing is applied") as refused:
        built.current_limits()
    assert refused.value.status == 503


def test_a_wrong_configuration_lets_nothing_through(ssm, built, configuration):
    configuration.put(accounts={"trusted": ["everyone"]})
    with pytest.raises(Refused, match=r"nothing is applied: .*\$\.accounts\.trusted\[0\]"):
        built.current_limits()


# --- what is built --------------------------------------------------------------------------------


@pytest.fixture
def configuration(monkeypatch):
    return configured(monkeypatch, accounts=accounts(trusted=("111111111111",)))


@pytest.fixture
def built(monkeypatch, configuration):
    for name, value in {**ENV, "AWS_DEFAULT_REGION": "eu-west-1"}.items():
        monkeypatch.setenv(name, value)
    return Dependencies(Settings.from_env(ENV))


def test_the_clients_have_the_roles_of_the_settings(built):
    reader = built.reader
    assert (reader.role_name, reader.organizations) == ("reader", "333333333333")
    assert reader is built.reader
    worker = built.worker_service(print, 60)
    assert worker.remediation_roles.names == {"fix-bucket", "fix-key", "fix-iam"}
    assert worker.reader is reader
    assert worker.lease_seconds == 60
    assert worker.store is built.store
    assert built.remediation_service().reader is reader
    assert built.store.table.name == "t"
    assert built.sqs.meta.service_model.service_name == "sqs"


def test_the_external_id_comes_from_a_secure_string(built, ssm):
    ssm.text = "a-long-secret"
    assert built.external_id() == "a-long-secret"
    assert ssm.asked == [("/external-id", 600, "decrypted")]
    ssm.error = GetParameterError("AccessDenied on\n /external-id")
    with pytest.raises(
        AccountError, match="SSM parameter /external-id: AccessDenied on /external-id"
    ):
        built.external_id()


def test_without_a_parameter_no_external_id_is_sent(ssm):
    env = {**ENV, "EXTERNAL_ID_PARAMETER": ""}
    assert Dependencies(Settings.from_env(env)).external_id() == ""
    assert ssm.asked == []


def test_who_may_be_entered(built):
    """Trusted accounts and those to read by the reader; only the trusted ones to write."""
    assert built.reader.members.listed == {"111111111111", "333333333333"}
    assert built.remediation_roles.clients.members.listed == {"111111111111"}
    with pytest.raises(AccountError, match="not in AccountsToRead"):
        built.reader.client("222222222222", "s3")
    with pytest.raises(AccountError, match="not in TrustedAccounts"):
        built.remediation_roles.clients.client("333333333333", "s3")


# --- the configuration ----------------------------------------------------------------------------


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(built):
    built._kept = TtlCache(MAX_AGE_SECONDS, found := Clock())
    return found


def test_the_configuration_is_read_once_a_minute(built, clock, configuration):
    first = built.in_force()
    configuration.put(accounts=accounts(trusted=("222222222222",)))
    clock.now = 59.9
    assert built.in_force() is first
    assert configuration.asked == 1
    clock.now = 60.0
    assert built.in_force().limits.trusted == {"222222222222"}
    assert configuration.asked == 2


def test_threads_read_it_once_between_them(built, clock, configuration, monkeypatch):
    real, gate = configuration.read, Barrier(8)

    def slow(*_):
        time.sleep(0)  # another thread's turn
        return real()

    monkeypatch.setattr(ConfigurationSource, "read", slow)

    def use(_):
        gate.wait()
        return built.reader.members

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(use, range(8)))
    assert configuration.asked == 1
    assert len({id(one) for one in found}) == 1


def test_what_is_built_of_a_configuration_stays_as_long_as_it_does(built, clock, configuration):
    first = built.ingest(print)
    clock.now = 60.0
    assert built.ingest(print) is first
    configuration.put(accounts=accounts(read=("111111111111",)))
    clock.now = 120.0
    second = built.ingest(print)
    assert second is not first
    assert second.analysis_options.writable == frozenset()


def test_the_last_good_configuration_counts_for_a_minute_only(built, clock, configuration):
    built.in_force()
    configuration.error = ConfigurationUnreadableError("AppConfig says no")
    clock.now = 59.9
    assert built.in_force().limits.trusted == {"111111111111"}
    clock.now = 60.0
    for use in (built.in_force, lambda: built.ingest(print)):
        with pytest.raises(ConfigurationError, match="AppConfig says no"):
            use()
    with pytest.raises(ConfigurationError, match="AppConfig says no"):
        built.reader.client("111111111111", "s3")
    with pytest.raises(ConfigurationError, match="AppConfig says no"):
        built.remediation_roles.clients.client("111111111111", "s3")
    with pytest.raises(Refused, match="nothing is applied: AppConfig says no"):
        built.current_limits()


def test_an_account_that_is_taken_out_is_not_entered_again(built, clock, configuration):
    """Also not by a session that was opened while it still was in."""
    clients = built.remediation_roles.clients
    key = clients._session_key("111111111111")
    until = datetime.now(UTC) + timedelta(minutes=10)
    clients._clients[(key, "s3", None)] = ("a client", until)
    assert clients.client("111111111111", "s3") == "a client"
    configuration.put(accounts=accounts(read=("111111111111",)))
    clock.now = 60.0
    with pytest.raises(AccountError, match="not in TrustedAccounts"):
        clients.client("111111111111", "s3")


def test_the_sweep_asks_for_open_incidents_if_something_is_approved_in_advance(configuration):
    def standing(guardrails=""):
        env = {**ENV, "GUARDRAILS_PARAMETER": guardrails, "AWS_DEFAULT_REGION": "eu-west-1"}
        return Dependencies(Settings.from_env(env))._may_be_approved_in_advance()

    assert not standing()
    assert standing("/limits")
    configuration.put(standing_approvals=[APPROVAL])
    assert standing()
    configuration.error = ConfigurationUnreadableError("AppConfig says no")
    assert standing(), "the worker, who is asked then, refuses by itself"


# --- alerts and records -----------------------------------------------------------------------------


def test_ingest_publishes_what_it_sends(built, monkeypatch):
    sent, held = published(monkeypatch), []
    ingest = built.ingest(held.append)
    assert (ingest.stack, ingest.analysis_options) == ("prod", built.in_force().analysis_options)
    assert ingest.alert_policy is built.in_force().alerts
    ingest.send(Alert("s", "{}", {}))
    ingest.on_suppressed_alert("incident")
    assert sent == [("eu-west-1", ENV["TOPIC_ARN"], Alert("s", "{}", {}))]
    assert held == ["incident"]


def test_an_alert_says_why_and_what(built, monkeypatch):
    sent = published(monkeypatch)
    monkeypatch.setattr(type(built.store), "get", lambda _, which: KNOWN[which])
    monkeypatch.setattr(type(built.store), "history", lambda *_: [APPROVED])
    built.alert("tg-known", AlertReason.STUCK, "look at the bucket")
    built.alert("tg-new", AlertReason.STUCK, "never analyzed")
    [(_, _, alert)] = sent
    assert alert.attributes["reason"] == "stuck"
    assert "Approved by sam" in json.loads(alert.message)["default"]
    assert "look at the bucket" in json.loads(alert.message)["default"]
    assert "--stack prod" in json.loads(alert.message)["default"]


APPROVED = {
    "what": "approved",
    "actor": "sam",
    "at": "2026-11-24T04:00:00Z",
    "from": "open",
    "to": "applying",
}


def published(monkeypatch):
    """What is published: the client's Region, the topic, the alert."""
    sent = []

    def publish(sns, topic, alert):
        sent.append((sns.meta.region_name, topic, alert))

    monkeypatch.setattr(sys.modules["threegrants.notifications.publish"], "publish", publish)
    return sent


KNOWN = {"tg-known": diagnosed(), "tg-new": incident()}


def test_a_record_that_is_no_denial_is_not_analyzed_again(built, monkeypatch):
    monkeypatch.setattr(type(built.store), "record", lambda *_: {"eventName": "GetObject"})
    with pytest.raises(Refused, match="no denial any more") as refused:
        built.reanalyze(incident())
    assert refused.value.status == 409


def test_a_record_is_analyzed_again_with_what_its_incident_knows(built, monkeypatch):
    from support.records import s3  # noqa: PLC0415 - beside what it is for

    asked = []
    monkeypatch.setattr(type(built.store), "record", lambda *_: s3("e-1", owner=""))
    monkeypatch.setattr(module, "analyze", lambda *given, **options: asked.append((given, options)))
    built.reanalyze(incident(folders=("2026/",)))
    [((denied, reader, options, folders), how)] = asked
    assert denied.bucket_account == "111111111111"
    assert options == built.in_force().analysis_options
    assert (reader.cache, reader.scope.name) == (built.reader.cache, incident().id)
    assert (folders, how) == (("2026/",), {"fresh": True})


def test_the_dependencies_are_built_once(monkeypatch):
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    module.dependencies.cache_clear()
    assert module.dependencies() is module.dependencies()
    assert module.dependencies().settings.stack_name == "prod"
    module.dependencies.cache_clear()


def test_an_answer_is_due_before_the_function_ends():
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 29_000)
    assert deadline(context, lambda: 100.0) == 100 + 29 - (OWN_CALL_SECONDS + 2)


@pytest.mark.parametrize("read", [
    pytest.param(lambda: ssm_parameter("/limits", 60), id="an SSM parameter"),
    pytest.param(lambda: secret("api", 60), id="a secret"),
    pytest.param(lambda: ConfigurationSource(ConfigurationPlace.parse(PLACE)).read(), id="the configuration"),
])  # fmt: skip
def test_no_read_begins_that_could_outlast_the_function(read, monkeypatch):
    """Powertools' own clients would not be held to it."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    forget()
    bound_default_session()
    with within(1), pytest.raises((GetParameterError, ConfigurationUnreadableError)) as failed:
        read()
    assert "its function ends in" in str(failed.value)
    forget()
