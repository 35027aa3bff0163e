"""Without a configuration: nothing is entered or written, nothing is lost, and people see why."""

import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError

from support.attacks import Ends, attack
from support.configured import accounts
from support.handlers import CONTEXT, api_event, deliver, metas, serving
from support.harness import bucket_policy
from support.names import A, B
from support.records import s3
from threegrants.configuration import ConfigurationUnreadableError
from threegrants.evidence.ttl_cache import TtlCache
from threegrants.handlers import diagnose, remediate, sweep
from threegrants.handlers.dependencies import dependencies
from threegrants.incidents import Store

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")
SAM = f"arn:aws:sts::{A}:assumed-role/on-call/sam"
WRONG: dict[str, Any] = {"accounts": {"trusted": ["everyone"]}}


@pytest.fixture
def service(aws, monkeypatch):
    aws.remediation_roles()
    yield from serving(aws, monkeypatch, trusted=(A, B))


def expire():
    """A minute has passed."""
    dependencies()._kept = TtlCache()


def unreadable(service):
    service.configuration.error = ConfigurationUnreadableError(
        "AppConfig does not give it: no role"
    )


def not_valid(service):
    service.configuration.put(**WRONG)


BROKEN = [
    pytest.param(unreadable, "AppConfig does not give it: no role", id="unreadable"),
    pytest.param(not_valid, '$.accounts.trusted[0] is "everyone"', id="not valid"),
]


def dead(service):
    """The dead letters, and their reasons."""
    answer = service.sqs.receive_message(
        QueueUrl=service.dead, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
    )
    return [
        (
            json.loads(one["Body"])["detail"]["eventID"],
            one["MessageAttributes"]["reason"]["StringValue"],
        )
        for one in answer.get("Messages", ())
    ]


@attack(
    "15.3",
    "a configuration that cannot be read, or that trusts `everyone`",
    "an event is lost, or diagnosed by what counted before",
    Ends.DEAD_LETTER,
)
@pytest.mark.parametrize(("broken", "why"), BROKEN)
def test_without_a_configuration_an_event_is_tried_again_and_is_then_a_dead_letter(
    service, broken, why
):
    broken(service)
    for received in (1, diagnose.MAX_RECEIVES - 1):
        with pytest.raises(BatchProcessingError):  # the whole batch is delivered again
            deliver(s3("e-1"), received=received)
    assert dead(service) == metas(service) == []
    assert deliver(s3("e-1"), received=diagnose.MAX_RECEIVES) == []
    [(event, reason)] = dead(service)
    assert event == "e-1"
    assert why in reason
    assert metas(service) == []


@pytest.mark.parametrize(("broken", "why"), BROKEN)
def test_an_event_counts_once_the_configuration_is_back(service, broken, why):
    """Nothing is remembered of a delivery that found none."""
    broken(service)
    with pytest.raises(BatchProcessingError):
        deliver(s3("e-1"))
    service.configuration.error = None
    service.configuration.put(accounts=accounts(read=(A, B)))
    assert deliver(s3("e-1"), received=2) == []
    [meta] = metas(service)
    assert meta["count"] == 1


@attack(
    "15.3",
    "an approval while the configuration cannot be read, or trusts `everyone`",
    "an account is entered, or a policy written",
    Ends.REFUSED,
)
@pytest.mark.parametrize(("broken", "why"), BROKEN)
def test_without_a_configuration_nobody_approves_and_everybody_may_look(service, aws, broken, why):
    deliver(s3("e-1"))
    [meta] = metas(service)
    report = Store(service.table).get(meta["id"]).report
    assert report is not None
    broken(service)
    expire()
    digests = [patch.digest for patch in report.patches]
    asked = api_event("POST", f"/incidents/{meta['id']}/approve", {"digests": digests}, SAM)
    answer = remediate.handler(asked, CONTEXT)
    assert answer["statusCode"] == 503
    assert why in json.loads(answer["body"])["message"]
    assert bucket_policy(aws) is None
    shown = remediate.handler(api_event("GET", f"/incidents/{meta['id']}", None, SAM), CONTEXT)
    assert shown["statusCode"] == 200


@pytest.mark.parametrize(("broken", "why"), BROKEN)
def test_without_a_configuration_the_sweep_fails_and_its_alarm_goes_off(service, broken, why):
    broken(service)
    with pytest.raises(ValueError, match=r"AppConfig|not valid"):
        sweep.handler({}, CONTEXT)
