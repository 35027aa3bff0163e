"""The configuration in the functions, on moto: what happens without one, and diagnosis only."""

import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError

from support.configured import accounts
from support.handlers import CONTEXT, api_event, deliver, metas, serving
from support.names import A, B
from support.records import ROLE, s3
from support.wire import answer_calls, refusal
from threegrants.configuration.problem import ConfigurationUnreadableError
from threegrants.evidence.ttl_cache import TtlCache
from threegrants.handlers import diagnose, remediate, sweep
from threegrants.handlers.dependencies import dependencies
from threegrants.incidents import Store

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")
SAM = f"arn:aws:sts::{A}:assumed-role/on-call/sam"
WRONG: dict[str, Any] = {"accounts": {"trusted": ["everyone"]}}


@pytest.fixture
def service(aws, monkeypatch):
    yield from serving(aws, monkeypatch)


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


@pytest.mark.parametrize(("broken", "why"), BROKEN)
def test_without_a_configuration_nobody_approves_and_everybody_may_look(service, broken, why):
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
    shown = remediate.handler(api_event("GET", f"/incidents/{meta['id']}", None, SAM), CONTEXT)
    assert shown["statusCode"] == 200


@pytest.mark.parametrize(("broken", "why"), BROKEN)
def test_without_a_configuration_the_sweep_fails_and_its_alarm_goes_off(service, broken, why):
    broken(service)
    with pytest.raises(ValueError, match=r"AppConfig|not valid"):
        sweep.handler({}, CONTEXT)


def test_a_change_is_in_force_without_a_deployment_of_the_functions(service):
    deliver(s3("e-1"))
    assert len(metas(service)) == 1
    service.configuration.put(accounts=accounts(read=(A, B)), never_diagnose=["bucket=b-*"])
    expire()
    deliver(s3("e-2", bucket="b-anything"))
    assert len(metas(service)) == 1


# --- diagnosis only ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("read", "owner", "outcome"),
    [
        pytest.param((A, B), A, "handoff", id="the owner may be read"),
        pytest.param((B,), None, "unknown", id="it may not"),
    ],
)
def test_with_diagnosis_only_the_callers_copy_without_an_owner_is_solved(
    service, monkeypatch, read, owner, outcome
):
    """B's copy says nothing of whose bucket it is; nobody is trusted; A is one of those to read."""

    def strict(call):
        """S3, which refuses everybody who expects another owner; moto does not look."""
        if call.parameters.get("ExpectedBucketOwner", A) != A:
            raise refusal(call.operation)
        return call.proceed()

    answer_calls(monkeypatch, strict)
    service.configuration.put(accounts=accounts(read=read))
    copy = s3("e-1", owner="", recipientAccountId=B)
    assert [one.get("accountId") for one in copy["resources"] if "accountId" in one] == [""]
    assert deliver(copy) == []
    [meta] = metas(service)
    report = Store(service.table).get(meta["id"]).report
    assert report is not None
    assert report.request.bucket_account == owner
    assert report.outcome == outcome
    assert report.principal.arn == ROLE
    if owner:
        assert report.grants.bucket_policy.verdict == "missing"
        digests = [patch.digest for patch in report.proposed_patches]
        asked = api_event("POST", f"/incidents/{meta['id']}/approve", {"digests": digests}, SAM)
        assert remediate.handler(asked, CONTEXT)["statusCode"] in (403, 409)
