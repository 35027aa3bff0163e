"""The scenarios of the benchmark as tests: every cause by its name, and every sixth of the rest.

The rest are the subsets of the grants and the owner's copies of the causes; `make bench-scenarios`
runs all of them.
"""

import json
from pathlib import Path

import jsonschema
import pytest
from scenarios import build, run
from scenarios.alerts import wrong_in_alerts
from scenarios.reports import normal, stored

import threegrants
from threegrants.report import Report, report_for

LISTED = run.scenarios()
SCHEMA = Path(threegrants.__file__).parent / "schema" / "diagnosis.schema.json"
SHOWN = {row["scenario"]: row["report"] for row in stored()}
"""The reports whose alerts docs/alerts.md shows: `run.py --reports` writes them anew."""
VALIDATOR = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))


def test_the_file_is_what_the_builder_builds():
    assert build.scenarios() == LISTED


def is_cause(scenario):
    return scenario["id"].startswith("cause-") and "(owner's copy)" not in scenario["cause"]


CAUSES = [scenario for scenario in LISTED if is_cause(scenario)]
SAMPLE = [scenario for scenario in LISTED if not is_cause(scenario)][::6]


def check(scenario):
    """The verdicts are as labelled; the report is as the schema says; its alerts say what they must."""
    analysis = run.analysis_of(scenario)
    assert run.apart(scenario["expected"], run.labelled(analysis.diagnosis)) == {}
    report = report_for(analysis, "tg-0123456789abcdef")
    written = json.loads(json.dumps(report.to_json()))
    VALIDATOR.validate(written)
    assert Report.from_json(written) == report
    assert wrong_in_alerts(report) == []
    if scenario["id"] in SHOWN:
        assert normal(report) == SHOWN[scenario["id"]]


@pytest.mark.parametrize("scenario", CAUSES, ids=lambda s: s["cause"])
def test_cause(scenario):
    check(scenario)


@pytest.mark.parametrize("scenario", SAMPLE, ids=lambda s: f"{s['id']} {s['cause']}")
def test_scenario(scenario):
    check(scenario)
