"""Every sixth scenario of the benchmark, so that a wrong verdict is seen before it is measured."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks" / "scenarios"))

import build
import run

LISTED = run.scenarios()


def test_the_file_is_what_the_builder_builds():
    assert [{"version": build.VERSION, **made} for made in build.scenarios()] == LISTED


@pytest.mark.parametrize("scenario", LISTED[::6], ids=lambda s: f"{s['id']} {s['cause']}")
def test_scenario(scenario):
    assert run.apart(scenario["expected"], run.answer(scenario)) == {}
