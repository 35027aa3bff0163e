"""What the functions share: the limits of the moment, the clients, alerts, the deadline."""

import json
from types import SimpleNamespace

import pytest
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from support.incidents import diagnosed, incident
from threegrants.cloudtrail import Access
from threegrants.evidence import AccountError
from threegrants.handlers import dependencies as module
from threegrants.handlers.dependencies import Dependencies, current_limits, deadline
from threegrants.handlers.settings import Settings
from threegrants.incidents import AlertReason
from threegrants.remediation import Refused

ENV = {
    "AWS_REGION": "eu-west-1",
    "TABLE_NAME": "t",
    "TOPIC_ARN": "arn:aws:sns:eu-west-1:1:alerts",
    "READER_ROLE_NAME": "reader",
    "REMEDIATION_ROLE_PREFIX": "fix",
    "EXTERNAL_ID_PARAMETER": "/external-id",
    "TRUSTED_ACCOUNTS": "111111111111",
    "ORGANIZATIONS_ACCOUNT": "333333333333",
    "READ_OBJECTS": "true",
    "STACK_NAME": "prod",
}


@pytest.fixture
def ssm(monkeypatch):
    """The operator's SSM parameter: what it holds, and what was asked."""
    state = SimpleNamespace(text="{}", error=None, asked=[])

    def get_parameter(name, max_age, *, decrypt=False):
        state.asked.append((name, max_age, "decrypted") if decrypt else (name, max_age))
        if state.error:
            raise state.error
        return state.text

    monkeypatch.setattr(parameters, "get_parameter", get_parameter)
    monkeypatch.setenv("TRUSTED_ACCOUNTS", "111111111111")
    monkeypatch.setenv("GUARDRAILS_PARAMETER", "/limits")
    return state


# --- the operator's brake -------------------------------------------------------------------------


def test_the_ssm_parameter_makes_the_limits_stricter(ssm):
    ssm.text = json.dumps({"protected": ["secret-*"], "four_eyes": ["write"], "patches_an_hour": 1})
    found = current_limits()
    assert found.protects("arn:aws:s3:::secret-plans") == "secret-*"
    assert found.four_eyes == {Access.WRITE}
    assert found.patches_an_hour == 1
    assert found.trusted == {"111111111111"}
    assert ssm.asked == [("/limits", 60)]


def test_without_a_parameter_the_stack_decides(ssm, monkeypatch):
    monkeypatch.setenv("GUARDRAILS_PARAMETER", "")
    assert current_limits().protected == ()
    assert ssm.asked == []


BROKEN = [
    ("no JSON", "{", None),
    ("a limit that does not exist", '{"protectd": []}', None),
    ("a wrong limit", '{"patches_an_hour": "many"}', None),
    ("it cannot be read", "{}", GetParameterError("AccessDenied")),
]


@pytest.mark.parametrize(("text", "error"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_limits_that_cannot_be_read_let_nothing_through(ssm, text, error):
    ssm.text, ssm.error = text, error
    with pytest.raises(Refused, match="nothing is applied") as refused:
        current_limits()
    assert refused.value.status == 503


def test_a_wrong_variable_lets_nothing_through(ssm, monkeypatch):
    monkeypatch.setenv("TRUSTED_ACCOUNTS", "everyone")
    with pytest.raises(Refused, match="nothing is applied"):
        current_limits()


# --- what is built --------------------------------------------------------------------------------


@pytest.fixture
def built(monkeypatch):
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


def test_ingest_publishes_what_it_sends(built, monkeypatch):
    sent, held = [], []
    monkeypatch.setattr(module, "publish", lambda *alert: sent.append(alert))
    ingest = built.ingest(held.append)
    assert (ingest.stack, ingest.analysis_options) == ("prod", built.settings.analysis_options)
    ingest.send("alert")
    ingest.on_suppressed_alert("incident")
    assert sent == [(built.sns, ENV["TOPIC_ARN"], "alert")]
    assert held == ["incident"]


def test_an_alert_says_why_and_what(built, monkeypatch):
    sent = []
    monkeypatch.setattr(module, "publish", lambda *alert: sent.append(alert[2]))
    monkeypatch.setattr(type(built.store), "get", lambda _, which: KNOWN[which])
    built.alert("tg-known", AlertReason.STUCK, "look at the bucket")
    built.alert("tg-new", AlertReason.STUCK, "never analyzed")
    [alert] = sent
    assert alert.attributes["reason"] == "stuck"
    assert "look at the bucket" in json.loads(alert.message)["default"]
    assert "--stack prod" in json.loads(alert.message)["default"]


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
    assert options == built.settings.analysis_options
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
    assert deadline(context, lambda: 100.0) == 127.5
