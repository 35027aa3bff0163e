"""Waiting for the end of a run, as `approve` and `rollback` do."""

import pytest

from threegrants.cli.waiting import wait_for_end
from threegrants.remediation.worker import PATIENCE_SECONDS

BEGUN = {"id": "tg-1", "state": "applying", "detail": "Approved.", "patches": [{"written": False}]}


def run(state, written=0, *, waits=False, detail=""):
    patches = [{"written": number < written} for number in range(2)]
    return {"run": {"state": state, "waits": waits, "detail": detail, "patches": patches}}


ENDS = [
    ("nothing was begun", {**BEGUN, "state": "proposed"}, [], "proposed", "Approved.", []),
    ("it ends", BEGUN,
     [run("applying"), run("applying", 1), run("applying", 1), run("verified", 2, detail="Allowed.")],
     "verified", "Allowed.", ["applying: 0 of 2 patch(es) in force", "applying: 1 of 2 patch(es) in force"]),
    ("it ends badly", BEGUN, [run("failed", detail="Nothing was written.")],
     "failed", "Nothing was written.", []),
    ("it goes on later", BEGUN, [run("rolling_back", 1, waits=True, detail="Not visible yet.")],
     "rolling_back", "Not visible yet.", []),
    ("one who may not look", BEGUN, [{}], "applying", "Approved.", []),
    ("what is kept is not genuine", BEGUN, [{"run": {"state": None}}], "applying", "Approved.", []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "reads", "state", "detail", "told"), [c[1:] for c in ENDS], ids=[c[0] for c in ENDS]
)
def test_how_it_ends(answer, reads, state, detail, told):
    left, heard = list(reads), []
    end = wait_for_end(answer, lambda: left.pop(0), heard.append, lambda _: None)
    assert (end["state"], end["detail"], heard) == (state, detail, told)
    assert not left


def test_patience_has_an_end():
    clock = [0.0]
    end = wait_for_end(
        BEGUN,
        lambda: run("applying"),
        lambda _: None,
        lambda seconds: clock.__setitem__(0, clock[0] + seconds),
        lambda: clock[0],
    )
    assert end["state"] == "applying"
    assert clock[0] == PATIENCE_SECONDS
