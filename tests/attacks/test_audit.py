"""7: an independent engine finds nothing that a patch opens beside the call and its stated scope."""

import shutil
from pathlib import Path

import pytest
from audit.run import audit
from audit.worlds import worlds

from support.attacks import Ends, attack

FOLDER = Path(__file__).parents[2] / ".build" / "iam-simulate"


@attack(
    "7",
    "a patch is approved, and the principal asks for more than the denied call",
    "a key is used directly or for other buckets, another prefix listed, another principal let in",
    Ends.NARROW,
)
@pytest.mark.skipif(
    not (FOLDER / ".ready").exists() or shutil.which("node") is None,
    reason="needs node, and the simulator that `make audit` installs",
)
def test_a_sample_of_the_audit():
    found = audit(worlds(24, 20261125), FOLDER, seed=1, pairs=10)
    assert found.with_patches > 10
    assert [str(one) for one in found.widenings[:3]] == []
    assert not found.idle
