"""The operator's brake, on moto: limits from the configuration and from the SSM parameter."""

import json

import boto3
import pytest

from support.configured import PLACE, accounts, configured
from support.harness import SECOND, bucket_policy
from support.names import A, B
from threegrants.cloudtrail import Access
from threegrants.handlers import kept_values
from threegrants.handlers.dependencies import Dependencies
from threegrants.handlers.settings import Settings
from threegrants.incidents import State
from threegrants.remediation import Refused

NAME = "/threegrants/limits"
ENV = {
    "TABLE_NAME": "t",
    "TOPIC_ARN": "arn:topic",
    "READER_ROLE_NAME": "r",
    "CONFIGURATION": PLACE,
    "AWS_REGION": "eu-west-1",
}


@pytest.fixture
def harness(harness, monkeypatch):
    """The harness, whose limits are read as the functions read them."""
    harness.configuration = configured(monkeypatch, accounts=accounts(trusted=(A, B)))
    kept_values.forget()
    harness.read_limits = functions().current_limits
    yield harness
    kept_values.forget()


def functions(guardrails=NAME):
    """What the functions are made of, with a parameter of guardrails."""
    settings = Settings.from_env({**ENV, "GUARDRAILS_PARAMETER": guardrails})
    return Dependencies(settings)


def put(text):
    boto3.client("ssm").put_parameter(Name=NAME, Value=text, Type="String", Overwrite=True)
    kept_values.forget()


BRAKES = [
    ("a protected bucket", '{"protected": ["a-reports"]}', 403, "a-reports is protected"),
    ("fewer patches an hour", '{"patches_an_hour": 1}', 429, "MaxPatchesPerHour"),
    ("no JSON", "protected: a-reports", 503, "nothing is applied: .*JSON object"),
    ("a word it does not know", '{"protect": ["a-reports"]}', 503, r"nothing is applied: .*\$\.protect"),
    ("not there", None, 503, "nothing is applied"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "status", "words"), [c[1:] for c in BRAKES],
                         ids=[c[0] for c in BRAKES])  # fmt: skip
def test_the_parameter_stops_an_approval(harness, aws, text, status, words):
    incident_id = harness.handle().id
    if text is not None:
        put(text)
    with pytest.raises(Refused, match=words) as refused:
        harness.approve(incident_id)
    assert refused.value.status == status
    assert harness.store.get(incident_id).state is State.OPEN
    assert bucket_policy(aws) is None


def test_the_parameter_asks_for_two_people(harness, aws):
    incident_id = harness.handle().id
    put('{"four_eyes": ["read"]}')
    assert harness.read_limits().four_eyes == {Access.READ}
    assert harness.approve(incident_id).state is State.PROPOSED
    assert bucket_policy(aws) is None
    assert harness.approve(incident_id, SECOND).state is State.VERIFIED


def test_the_parameter_approves_without_a_person(harness):
    incident_id = harness.handle().id
    put(json.dumps({"standing": [harness.standing(incident_id)]}))
    assert harness.sweep()["standing: verified"] == 1
    assert harness.store.get(incident_id).state is State.VERIFIED


def test_an_empty_parameter_leaves_the_configurations_limits(harness):
    incident_id = harness.handle().id
    put("{}")
    assert harness.read_limits().trusted == {A, B}
    assert harness.approve(incident_id).state is State.VERIFIED


def test_without_a_parameter_ssm_is_not_asked(harness):
    put('{"protected": ["a-reports"]}')
    assert functions(guardrails="").current_limits().protected == ()


def test_a_wrong_configuration_stops_everything(harness, aws):
    incident_id = harness.handle().id
    put("{}")
    harness.configuration.put(limits={"approval_hours": "soon"})
    with pytest.raises(
        Refused, match=r"nothing is applied: .*\$\.limits\.approval_hours"
    ) as refused:
        harness.approve(incident_id)
    assert refused.value.status == 503
    assert bucket_policy(aws) is None
