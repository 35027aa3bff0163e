"""What the evaluator says of each step, for every documented case and some random ones, word for word.

`make answers` writes them anew.
"""

from pathlib import Path

import pytest

from support.cases import questions
from threegrants.cli.cases import answer_case
from unit.whole.test_answers import WRITE

FILE = Path(__file__).with_name("traces.txt")
CASES = [*questions("documented"), *questions("random")[::60]]


def explained(case):
    lines = answer_case(case, explain=True)["trace"]
    return "\n".join([case["id"], *(f"  {line}" for line in lines), ""])


@pytest.fixture(scope="module")
def kept():
    if WRITE:
        FILE.write_text("\n".join(explained(case) for case in CASES))
    return FILE.read_text()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_trace(kept, case):
    assert explained(case) in kept
