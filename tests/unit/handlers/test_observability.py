"""Each line of the log names its trace, without a library for tracing."""

import json
from pathlib import Path

from threegrants.handlers.observability import logger

REQUIREMENTS = Path(__file__).parents[3] / "functions" / "requirements.txt"


def test_a_line_names_the_trace_that_lambda_gave(monkeypatch, caplog):
    trace = "1-5759e988-bd862e3fe1be46a994272793"
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={trace};Parent=53995c3f42cd8ad8;Sampled=1")
    logger.info("a line")
    line = json.loads(logger.registered_formatter.format(caplog.records[-1]))
    assert (line["message"], line["xray_trace_id"]) == ("a line", trace)


def test_no_library_for_tracing_is_packaged():
    assert "aws-xray-sdk" not in REQUIREMENTS.read_text()
