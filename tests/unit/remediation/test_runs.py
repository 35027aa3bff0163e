"""Runs, intents and approvals as they are stored: attribute names are data that stays readable."""

import json
from dataclasses import fields, replace

import pytest

from support.worlds import BUCKET, ROLE, A, allow, policy
from threegrants.incidents import State
from threegrants.incidents.fitting import unpack
from threegrants.patches import Patch
from threegrants.remediation.first_approval import Approval
from threegrants.remediation.live_policy import NO_IDS, AwsIds, LivePolicy
from threegrants.remediation.runs import (
    NOBODY,
    Direction,
    Intent,
    NewerRunError,
    Run,
    Step,
    content_of,
    run_to_apply,
    run_to_undo,
)

OURS = allow(ROLE, Sid="ThreegrantsRead1")
PATCH = Patch(
    "bucket_policy", A, "eu-west-1", BUCKET, "s3:PutBucketPolicy", None, policy(OURS), OURS
)
RUN = Run(
    id="r-1",
    direction=Direction.UNDO,
    worker_id="w-1",
    lease_until=1000,
    digests=("d-1", "d-2"),
    actors=("sam", "kim"),
    expires=2000,
    attempts=3,
    runs_in_force=("r-0", "r-1"),
    runs_to_undo=("r-1",),
    end_state=State.ROLLED_BACK,
    from_state=State.VERIFIED,
    reason="sam asked for it",
    waits=2,
    contents=("c-1", "c-2"),
    approved_at=900,
    two_people=True,
    standing="analysts",
    progress="Not visible yet.",
    offered=("o-1", "o-2"),
    reasons=("to read", "as sam says"),
    ticket="OPS-1",
    ends_at=3000,
    extends=("r-0",),
    break_glass=True,
)
RUN_OF_0_1 = replace(
    RUN, offered=(), reasons=(), ticket="", ends_at=0, extends=(), break_glass=False, schema=1
)
STORED_RUN_OF_0_1 = {
    "run": "r-1",
    "way": "undo",
    "worker": "w-1",
    "until": 1000,
    "digests": ["d-1", "d-2"],
    "actors": ["sam", "kim"],
    "expires": 2000,
    "attempts": 3,
    "standing": ["r-0", "r-1"],
    "undoes": ["r-1"],
    "end": "rolled_back",
    "back": "verified",
    "why": "sam asked for it",
    "waits": 2,
    "contents": ["c-1", "c-2"],
    "approved": 900,
    "two": True,
    "rule": "analysts",
    "says": "Not visible yet.",
}
STORED_RUN = STORED_RUN_OF_0_1 | {
    "schema": 2,
    "offered": ["o-1", "o-2"],
    "reasons": ["to read", "as sam says"],
    "ticket": "OPS-1",
    "ends": 3000,
    "extends": ["r-0"],
    "alone": True,
}
INTENT = Intent("r-1", 7, PATCH, Step.WRITING, 3, 4, AwsIds(grant_id="g-1"), 5, 6, 7, 1)
STORED_INTENT = {
    "run": "r-1",
    "number": 7,
    "patch": json.dumps(PATCH.to_json()),
    "step": "writing",
    "opened": 3,
    "closed": 4,
    "aws_ids": {"grant_id": "g-1"},
    "acknowledged": 5,
    "undo_begun": 6,
    "undo_acknowledged": 7,
    "second_looks": 1,
}


def test_a_run_is_stored_under_these_names():
    assert RUN.to_item() == STORED_RUN
    assert Run.from_item(STORED_RUN) == RUN


def test_a_run_of_the_first_release_stays_as_its_seal_covers_it():
    assert Run.from_item(STORED_RUN_OF_0_1) == RUN_OF_0_1
    assert RUN_OF_0_1.to_item() == STORED_RUN_OF_0_1
    assert "ends" not in replace(RUN_OF_0_1, attempts=4).sealed("tg-1")


def test_a_run_of_a_later_release_is_not_guessed_at():
    with pytest.raises(NewerRunError, match="schema 3; this release reads up to 2"):
        Run.from_item({**STORED_RUN, "schema": 3})


def test_a_run_that_did_not_come_from_anywhere():
    run = replace(RUN, from_state=None)
    assert run.to_item()["back"] == ""
    assert Run.from_item(run.to_item()) == run


def test_an_intent_is_stored_under_these_names():
    stored = INTENT.to_item()
    assert {**stored, "patch": json.dumps(unpack(stored["patch"]))} == STORED_INTENT
    assert Intent.from_item(STORED_INTENT) == Intent.from_item(stored) == INTENT
    assert INTENT.sk == "intent#r-1#07"


OTHERS = {
    "id": "r-2", "direction": Direction.APPLY, "digests": ("d-1",), "actors": ("sam",), "expires": 1,
    "attempts": 0, "runs_in_force": (), "runs_to_undo": (), "end_state": State.FAILED,
    "from_state": None, "reason": "", "waits": 0, "contents": (), "approved_at": 0,
    "two_people": False, "standing": "", "offered": (), "reasons": (), "ticket": "", "ends_at": 0,
    "extends": (), "break_glass": False, "schema": 1,
}  # fmt: skip
LEASE = {"worker_id": "w-2", "lease_until": 0, "progress": ""}


def test_the_seal_of_a_run_covers_all_but_the_lease():
    assert {field.name for field in fields(Run)} == {*OTHERS, *LEASE}
    for name, value in OTHERS.items():
        assert replace(RUN, **{name: value}).sealed("tg-1") != RUN.sealed("tg-1"), name
    assert replace(RUN, **LEASE).sealed("tg-1") == RUN.sealed("tg-1")
    assert RUN.sealed("tg-2") != RUN.sealed("tg-1")


def test_the_seal_of_an_intent_covers_all():
    others = {
        "run_id": "r-2", "number": 0, "step": Step.WRITTEN, "opened": 0, "closed": 0,
        "aws_ids": NO_IDS, "acknowledged": 0, "undo_begun": 0, "undo_acknowledged": 0,
        "second_looks": 0, "patch": replace(PATCH, statement={}),
    }  # fmt: skip
    assert {field.name for field in fields(Intent)} == set(others)
    for name, value in others.items():
        assert replace(INTENT, **{name: value}).sealed("tg-1") != INTENT.sealed("tg-1"), name
        if name not in ("run_id", "number", "patch"):
            assert not replace(Intent("r-1", 7, PATCH), **{name: getattr(INTENT, name)}).is_fresh
    assert INTENT.sealed("tg-2") != INTENT.sealed("tg-1")
    assert Intent("r-1", 7, PATCH).is_fresh


def test_the_content_of_a_patch_is_more_than_its_digest():
    other = replace(PATCH, statement={})
    assert other.digest == PATCH.digest
    assert content_of(other) != content_of(PATCH)


def test_a_new_run_that_applies():
    run = run_to_apply((PATCH,), ("sam", "kim"), at=900.7, expires=2000, last=RUN)
    assert run.is_fresh
    assert (run.worker_id, run.lease_until, run.approved_at) == (NOBODY, 0, 900)
    assert (run.digests, run.contents) == ((PATCH.digest,), (content_of(PATCH),))
    assert run.two_people
    assert run.runs_in_force == RUN.runs_in_force
    assert not run_to_apply((PATCH,), ("sam",), at=1, expires=2, last=None).two_people


def test_a_new_run_that_undoes_has_tried_and_waited_for_nothing():
    """What the last run waited for must not let this one be tried more often."""
    run = run_to_undo(RUN, ("kim",), ("r-0", "r-1"), at=900, end_state=State.FAILED, reason="asked")
    assert run.is_fresh
    assert (run.attempts, run.waits, run.worker_id, run.contents) == (0, 0, NOBODY, ())
    assert (run.runs_to_undo, run.runs_in_force) == (("r-0", "r-1"), RUN.runs_in_force)
    assert run.id != RUN.id


CONTINUED = ["id", "direction", "digests", "contents", "actors", "expires", "approved_at",
             "two_people", "standing", "runs_in_force", "offered", "reasons", "ticket", "ends_at",
             "extends", "break_glass"]  # fmt: skip


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_a_run_continues_only_what_was_approved(name):
    changed = replace(RUN, **{name: OTHERS[name]})
    assert changed.continues(RUN) is (name not in CONTINUED)


def test_an_intent_whose_patch_was_changed_is_refused():
    body = PATCH.to_json() | {"after": policy(allow("*"))}
    with pytest.raises(ValueError, match="do not match"):
        Intent.from_item(STORED_INTENT | {"patch": json.dumps(body)})


def test_an_approval_is_stored_under_these_names():
    old = Approval(("d-1",), ("c-1",), "sam", 900, 1000, schema=1)
    stored = {
        "digests": ["d-1"],
        "contents": ["c-1"],
        "approver": "sam",
        "at": 900,
        "expires": 1000,
    }
    assert old.sealed("tg-1") == {"incident": "tg-1", **stored}
    assert old.to_item() == stored
    assert Approval.from_item(stored) == old, "as release 0.1 wrote it"
    said = {"reason": "to read", "ticket": "OPS-1", "seconds": 3600, "extends": ["r-0"]}
    new = replace(old, schema=2, reason="to read", ticket="OPS-1", seconds=3600, extends=("r-0",))
    assert new.to_item() == {**stored, **said, "schema": 2}
    assert Approval.from_item(new.to_item()) == new


FULL = AwsIds("g-1", "arn:p", "ANPA1", "v1")
MORE = [
    ("nothing is known", NO_IDS, FULL, FULL),
    ("nothing is new", FULL, NO_IDS, FULL),
    ("what is known stays", FULL, AwsIds("g-2", "arn:q", "ANPA2", "v2"), FULL),
    ("half is known", AwsIds(policy_arn="arn:p"), replace(FULL, policy_arn="arn:q"), FULL),
]


@pytest.mark.parametrize(("known", "other", "wanted"), [c[1:] for c in MORE],
                         ids=[c[0] for c in MORE])  # fmt: skip
def test_known_ids_are_never_lost(known, other, wanted):
    assert known.with_more(other) == wanted
    assert AwsIds.from_item(wanted.to_item()) == wanted


LIVE = [
    ("the same", LivePolicy(policy(OURS)), policy(OURS), True, False),
    ("another", LivePolicy(policy()), policy(OURS), False, False),
    ("not attached", LivePolicy(policy(OURS), attached=False), policy(OURS), False, True),
    ("another, not attached", LivePolicy(policy(), attached=False), policy(OURS), False, False),
]


@pytest.mark.parametrize(("live", "wanted", "says", "half"), [c[1:] for c in LIVE],
                         ids=[c[0] for c in LIVE])  # fmt: skip
def test_what_a_live_policy_says(live, wanted, says, half):
    assert live.says(wanted) is says
    assert live.half_written(wanted) is half


def test_no_policy_says_that_there_is_none():
    assert LivePolicy().says(None)
    assert not LivePolicy().says(policy(OURS))
