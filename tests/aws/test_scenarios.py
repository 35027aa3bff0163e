"""The scenarios of the benchmark as tests: every cause by its name, and every sixth of the rest.

The rest are the subsets of the grants and the owner's copies of the causes; `make bench-scenarios`
runs all of them.
"""

import pytest
from scenarios import build, run

LISTED = run.scenarios()


def test_the_file_is_what_the_builder_builds():
    assert [{"version": build.VERSION, **made} for made in build.scenarios()] == LISTED


def is_cause(scenario):
    return scenario["id"].startswith("cause-") and "(owner's copy)" not in scenario["cause"]


CAUSES = [scenario for scenario in LISTED if is_cause(scenario)]
SAMPLE = [scenario for scenario in LISTED if not is_cause(scenario)][::6]


@pytest.mark.parametrize("scenario", CAUSES, ids=lambda s: s["cause"])
def test_cause(scenario):
    assert run.apart(scenario["expected"], run.answer(scenario)) == {}


@pytest.mark.parametrize("scenario", SAMPLE, ids=lambda s: f"{s['id']} {s['cause']}")
def test_scenario(scenario):
    assert run.apart(scenario["expected"], run.answer(scenario)) == {}
