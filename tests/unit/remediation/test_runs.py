"""Runs, intents and approvals as they are stored: attribute names are data that stays readable."""

import json
from dataclasses import replace

import pytest

from support.worlds import BUCKET, ROLE, A, allow, policy
from threegrants.incidents import State
from threegrants.patches import Patch
from threegrants.remediation.live_policy import NO_IDS, AwsIds, LivePolicy
from threegrants.remediation.runs import Approval, Direction, Intent, Run, Step

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
)
STORED_RUN = {
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


def test_a_run_that_did_not_come_from_anywhere():
    run = replace(RUN, from_state=None)
    assert run.to_item()["back"] == ""
    assert Run.from_item(run.to_item()) == run


def test_an_intent_is_stored_under_these_names():
    assert INTENT.to_item() == STORED_INTENT
    assert Intent.from_item(STORED_INTENT) == INTENT
    assert INTENT.sk == "intent#r-1#07"


NEWER = {"aws_ids", "acknowledged", "undo_begun", "undo_acknowledged", "second_looks"}


def test_an_intent_of_an_earlier_version_has_no_ids_and_no_times():
    old = {name: value for name, value in STORED_INTENT.items() if name not in NEWER}
    assert Intent.from_item(old) == Intent("r-1", 7, PATCH, Step.WRITING, 3, 4, NO_IDS)
    assert Run.from_item({n: v for n, v in STORED_RUN.items() if n != "waits"}).waits == 0


def test_an_intent_whose_patch_was_changed_is_refused():
    body = PATCH.to_json() | {"after": policy(allow("*"))}
    with pytest.raises(ValueError, match="do not match"):
        Intent.from_item(STORED_INTENT | {"patch": json.dumps(body)})


def test_an_approval_is_stored_under_these_names():
    approval = Approval(("d-1",), "sam", 1000)
    stored = {"digests": ["d-1"], "approver": "sam", "expires": 1000}
    assert approval.to_item() == stored
    assert Approval.from_item(stored) == approval


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
