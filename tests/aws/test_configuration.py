"""The configuration in the functions, on moto: what happens without one, and diagnosis only."""

from typing import Any

import pytest

from support.configured import accounts
from support.handlers import CONTEXT, api_event, deliver, metas, serving
from support.names import A, B
from support.records import ROLE, s3
from support.wire import answer_calls, refusal
from threegrants.evidence.ttl_cache import TtlCache
from threegrants.handlers import remediate
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
