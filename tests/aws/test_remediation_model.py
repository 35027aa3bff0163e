"""The protocol against a model: many incidents, workers interleaved at every AWS call, other editors.

The real service and run store run on moto's DynamoDB; buckets and keys are a model, in which every read
and write is seen. Each worker is a thread that stops before each of its AWS calls until it is let go
on, or dies there. After every step the invariants of docs/remediation.md must hold.
"""

import threading
from types import SimpleNamespace

import boto3
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    run_state_machine_as_test,
)

from aws.protocol_machine import Model
from support.examples import examples
from support.names import REGION
from support.protocol_model import (
    BUCKET,
    gate,
    statements,
)
from support.runs import mac_keys
from support.wire import answer_calls
from threegrants.incidents import State


def test_model(monkeypatch, aws):
    def gated(call):
        gate(call.operation)
        return call.proceed()

    answer_calls(monkeypatch, gated)
    monkeypatch.setattr(Model, "resource", boto3.resource("dynamodb", region_name=REGION))
    monkeypatch.setattr(Model, "keys", mac_keys())
    run_state_machine_as_test(
        Model,
        settings=settings(
            examples(4), stateful_step_count=25, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.mark.parametrize("seconds", [None, 8 * 3600])
def test_an_approval_of_the_model_is_applied_and_taken_back(monkeypatch, aws, seconds):
    """Without it the invariants would hold of nothing: what is refused breaks none."""
    monkeypatch.setattr(Model, "resource", boto3.resource("dynamodb", region_name=REGION))
    monkeypatch.setattr(Model, "keys", mac_keys())
    model = Model()
    assert model.approved(0, "sam", seconds) is State.VERIFIED
    model.holds()
    if seconds:
        model.clock += seconds
        model.swept()
    else:
        model.rolled_back(0)
    assert model.store.get("tg-0").state is State.ROLLED_BACK
    assert not statements(model.cloud.texts[BUCKET])
    model.holds()


def test_the_model_sees_what_is_wrong(monkeypatch, aws):
    """The invariants can fail: a worker that writes without comparing loses what others wrote."""
    monkeypatch.setattr(Model, "resource", boto3.resource("dynamodb", region_name=REGION))
    monkeypatch.setattr(Model, "keys", mac_keys())
    model = Model()
    process = SimpleNamespace(label="careless", read_at={BUCKET: model.clock})
    monkeypatch.setattr(threading, "current_thread", lambda: process)
    model.someone_adds(BUCKET)
    process.read_at[BUCKET] = model.clock
    model.cloud.write(BUCKET, None)
    with pytest.raises(AssertionError):
        model.holds()
