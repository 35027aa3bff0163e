"""Logs and metrics: a line carries the invocation's trace, a metric the stack's name."""

import io
import json
import runpy

import pytest
from aws_lambda_powertools import Logger

from threegrants.handlers import observability

TRACE = "1-6748a1b2-0123456789abcdef01234567"


def test_a_line_carries_the_trace_that_lambda_gives(monkeypatch):
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={TRACE};Parent=53995c3f42cd8ad8;Sampled=1")
    out = io.StringIO()
    Logger(service=f"trace-{TRACE}", stream=out).info("joined")
    assert json.loads(out.getvalue())["xray_trace_id"] == TRACE
    assert not hasattr(observability, "tracer")


@pytest.mark.parametrize(
    ("stack", "wanted"),
    [pytest.param("prod", "prod", id="a stack"), pytest.param(None, "threegrants", id="none")],
)
def test_metrics_are_of_one_stack(monkeypatch, stack, wanted):
    if stack:
        monkeypatch.setenv("STACK_NAME", stack)
    else:
        monkeypatch.delenv("STACK_NAME", raising=False)
    metrics = runpy.run_path(observability.__file__)["metrics"]
    try:
        metrics.add_metric(name="Deliveries", unit="Count", value=1)
        written = metrics.serialize_metric_set()
    finally:
        metrics.clear_metrics()
    assert (written["service"], written["_aws"]["CloudWatchMetrics"][0]["Namespace"]) == (
        wanted,
        "threegrants",
    )
