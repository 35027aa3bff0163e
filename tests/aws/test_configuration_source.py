"""How the configuration is read from AppConfig: its sessions, tokens and errors.

moto does not play AppConfig's data plane, so its answers are given here as its API describes them; the
deployed service reads its configuration from the embedded AWS (tests/service).
"""

import io
import json

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from support.configured import PLACE
from support.wire import answer_calls, refusal
from threegrants.configuration import ConfigurationError, ConfigurationUnreadableError
from threegrants.handlers.configuration_source import ConfigurationSource
from threegrants.handlers.settings import ConfigurationPlace

A, B = "111111111111", "222222222222"


class AppConfig:
    """AppConfig's data plane: a token is good for one call, and what is known is not sent again."""

    def __init__(self):
        self.put()
        self.calls, self.tokens, self.known, self.error = [], set(), {}, None

    def put(self, **sections):
        self.text = json.dumps({"schema": "threegrants.config/1", **sections}).encode()

    def forget(self):
        """Tokens are good for 24 hours."""
        self.tokens.clear()

    def token(self, known=None):
        name = f"token-{len(self.calls)}"
        self.tokens.add(name)
        self.known[name] = known
        return name

    def __call__(self, call):
        self.calls.append(call.operation)
        if self.error is not None:
            raise self.error
        if call.operation == "StartConfigurationSession":
            self.asked = call.parameters
            return {"InitialConfigurationToken": self.token()}
        token = call.parameters["ConfigurationToken"]
        if token not in self.tokens:
            raise refusal("GetLatestConfiguration", "BadRequestException", 400)
        self.tokens.remove(token)
        sent = b"" if self.known[token] == self.text else self.text
        return {
            "NextPollConfigurationToken": self.token(self.text),
            "NextPollIntervalInSeconds": 60,
            "ContentType": "application/json",
            "Configuration": io.BytesIO(sent),
        }


@pytest.fixture
def appconfig(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    found = AppConfig()
    answer_calls(monkeypatch, found)
    return found


@pytest.fixture
def source(appconfig):
    return ConfigurationSource(ConfigurationPlace.parse(PLACE))


def test_the_deployed_document_is_read(source, appconfig):
    appconfig.put(accounts={"read": [A]})
    assert source.read().accounts_to_read == (A,)
    assert appconfig.asked == {
        "ApplicationIdentifier": "app1234",
        "EnvironmentIdentifier": "env1234",
        "ConfigurationProfileIdentifier": "pro1234",
    }


def test_one_session_serves_all_reads(source, appconfig):
    first = source.read()
    assert source.read() == first, "what is not sent again is what was sent"
    appconfig.put(accounts={"trusted": [B]})
    assert source.read().trusted_accounts == (B,)
    assert appconfig.calls == ["StartConfigurationSession", *["GetLatestConfiguration"] * 3]


def test_a_token_that_is_used_up_begins_another_session(source, appconfig):
    source.read()
    appconfig.forget()
    appconfig.put(accounts={"trusted": [B]})
    assert source.read().trusted_accounts == (B,)
    assert source.read().trusted_accounts == (B,)
    assert appconfig.calls.count("StartConfigurationSession") == 2


UNREADABLE = [
    pytest.param(refusal("StartConfigurationSession", "AccessDeniedException"), "AccessDenied",
                 id="the role may not"),
    pytest.param(refusal("StartConfigurationSession", "ResourceNotFoundException", 404), "NotFound",
                 id="it is gone"),
    pytest.param(refusal("GetLatestConfiguration", "InternalServerException", 500), "InternalServer",
                 id="AppConfig fails"),
    pytest.param(EndpointConnectionError(endpoint_url="https://appconfigdata"), "Could not connect",
                 id="no way there"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "words"), UNREADABLE)
def test_what_cannot_be_read_is_said_with_what_to_do(source, appconfig, error, words):
    source.read()
    appconfig.error = error
    with pytest.raises(ConfigurationUnreadableError, match=words) as refused:
        source.read()
    assert str(refused.value).startswith(f"AppConfig does not give the configuration {PLACE}")
    assert "docs/configuration.md" in str(refused.value)
    appconfig.error = None
    assert source.read().accounts_to_read == ()


def test_nothing_deployed_yet_is_no_configuration(source, appconfig):
    appconfig.text = b""
    with pytest.raises(ConfigurationUnreadableError, match="deploy a document there"):
        source.read()


def test_a_document_that_is_not_valid_is_said_with_everything_wrong(source, appconfig):
    appconfig.put(accounts={"trusted": ["everyone", "1"]}, suppress="noise")
    with pytest.raises(ConfigurationError) as refused:
        source.read()
    assert [problem.path for problem in refused.value.problems] == [
        "$.accounts.trusted[0]",
        "$.accounts.trusted[1]",
        "$.suppress",
    ]


def test_a_read_ends_within_a_functions_time(source, monkeypatch):
    """Whatever AppConfig does: an API's answer is due after 29 seconds."""
    source.read()
    assert source._provider is not None
    config = source._provider.client.meta.config
    tries = config.retries["total_max_attempts"]
    assert tries * (config.connect_timeout + config.read_timeout) < 29
    assert boto3.client("appconfigdata").meta.service_model.service_name == "appconfigdata"
