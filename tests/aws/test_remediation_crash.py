"""The crash table: every AWS call of an approval and of a rollback, with every fault, then the sweep.

Each runs in two functions, as deployed: the one behind the API begins it, sealed, and sends a message;
the worker function, which gets the message, carries it out.

The calls are recorded from a run without faults, so the table grows by itself when a call is added.
Afterwards everything is applied or nothing is, the incident says which, and no lease is held.

CRASH_TABLE=all runs every combination, CRASH_TABLE=calls every call with one fault. Without it a sample
is run, the same every time: of each operation the first call, the last, and every eighth between them. The
faults of an operation come in turn.
"""

import itertools
import json
import os
import random
import time
from collections import Counter
from functools import partial

import pytest
from botocore.exceptions import ReadTimeoutError

from aws.crash_case import APPROVER, Case, approve, crash_world
from support.staleness import Staleness
from support.wire import Died, refusal
from threegrants.incidents import State
from threegrants.remediation.approval_request import ApprovalRequest


def dies_before(call, operation):
    raise Died


def dies_after(call, operation):
    call()
    raise Died


def throttled(call, operation):
    raise refusal(operation, "ThrottlingException", 400)


def broken(call, operation):
    raise refusal(operation, "InternalError", 500)


def timed_out(call, operation):
    call()  # it had its effect; nobody heard of it
    raise ReadTimeoutError(endpoint_url="https://example.com")


def refused(call, operation):
    raise refusal(operation)


def malformed(call, operation):
    answer = call()
    return {"ResponseMetadata": answer.get("ResponseMetadata", {})}


FAULTS = [dies_before, dies_after, throttled, broken, timed_out, refused, malformed]
EXTENT = os.environ.get("CRASH_TABLE", "sample")
EVERYTHING, EVERY_CALL = EXTENT == "all", EXTENT in ("all", "calls")
SEED = 11
TOTAL = Counter()


EVERY = 8
"""Of the calls of one operation the sample takes every so manieth, beside the first and the last."""


def sampled(calls):
    """The calls of the sample, if it is one: no operation is missing."""
    if EVERY_CALL:
        return calls
    last = dict(calls)
    return [(name, n) for name, n in calls if n in (1, last[name]) or n % EVERY == 0]


def combinations(calls):
    """Calls and faults: all of them, or a sample."""
    if EVERYTHING:
        return list(itertools.product(calls, FAULTS))
    calls = sampled(calls)
    chance = random.Random(SEED)
    turns = {}
    chosen = []
    for name, number in calls:
        if name not in turns:
            turns[name] = itertools.cycle(chance.sample(FAULTS, len(FAULTS)))
        chosen.append(((name, number), next(turns[name])))
    return chosen


def attempt(run):
    """Run what may die or be refused, as the function would."""
    try:
        run()
    except (Died, Exception):  # noqa: BLE001 - as Lambda's runtime does
        return


@pytest.fixture(scope="module")
def wire():
    with crash_world() as wire:
        yield wire


def calls_of(wire, case, run):
    """The names of the calls, each with its number, in a cold run without faults."""
    wire.listen()
    run(case, cold=True)
    seen = wire.seen
    wire.listen()
    return [(name, n) for name in seen for n in range(1, seen[name] + 1)]


def nothing(case):
    pass


def roll_back(case, *, cold=False):
    case.api(cold=cold).rollback(case.id, APPROVER)
    case.work(cold=cold)


def with_grant(case):
    """A KMS grant in place of the key policy's statement."""
    chosen = {p.grant: p for p in case.patches if p.default}
    [grant] = [p for p in case.patches if p.operation == "kms:CreateGrant"]
    case.digests = [p.digest for p in (chosen | {"key_policy": grant}).values()]


def granted(case):
    with_grant(case)
    approve(case)


HOURS = 8


def approve_for_hours(case):
    approve(case, seconds=HOURS * 3600)


def grant_for_hours(case):
    with_grant(case)
    approve_for_hours(case)


def end(case, *, cold=False):
    """The grant's end comes: the sweep sees it, and the worker takes it back."""
    case.look(HOURS * 3600)
    case.work(cold=cold)


def extend(case, *, cold=False):
    """An hour before the end, a person puts it off."""
    case.clock += (HOURS - 1) * 3600
    case.api(cold=cold).extend(case.id, APPROVER, ApprovalRequest(seconds=HOURS * 3600))
    case.work(cold=cold)


OF_ENDS = (
    "dynamodb:TransactWriteItems",
    "dynamodb:UpdateItem",
    "sqs:SendMessage",
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
    "iam:PutRolePolicy",
)
"""What a grant's end adds to a rollback, and an extension to an approval, is in these."""
OF_GRANTS = ("kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant")
OF_MANAGED = (
    "iam:CreatePolicy",
    "iam:AttachRolePolicy",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
    "iam:ListAttachedRolePolicies",
    "iam:DetachRolePolicy",
    "iam:DeletePolicy",
)
TABLE = [
    ("approval", nothing, approve, {State.VERIFIED}, {State.OPEN, State.FAILED}, ()),
    ("rollback", approve, roll_back, {State.VERIFIED}, {State.ROLLED_BACK}, ()),
    ("KMS grant", with_grant, approve, {State.VERIFIED}, {State.FAILED}, OF_GRANTS),
    ("KMS grant taken back", granted, roll_back, {State.VERIFIED}, {State.ROLLED_BACK}, OF_GRANTS),
    ("managed policy", nothing, approve, {State.VERIFIED}, {State.FAILED}, OF_MANAGED),
    ("managed policy taken back", approve, roll_back, {State.VERIFIED}, {State.ROLLED_BACK},
     OF_MANAGED),
    ("end of a grant", approve_for_hours, end, {State.VERIFIED}, {State.ROLLED_BACK}, OF_ENDS),
    ("end of a KMS grant", grant_for_hours, end, {State.VERIFIED}, {State.ROLLED_BACK}, OF_GRANTS),
    ("extension", approve_for_hours, extend, {State.VERIFIED}, set(), OF_ENDS),
]  # fmt: skip
"""What is run, from where, where it may end, and which of its calls are disturbed (all, if none)."""


@pytest.mark.parametrize(
    ("name", "prepare", "run", "applied", "undone", "only"), TABLE, ids=[row[0] for row in TABLE]
)
def test_crash_table(wire, capsys, name, prepare, run, applied, undone, only):
    started = time.process_time()
    case = Case(full=only is OF_MANAGED)
    prepare(case)
    held = case.held()
    calls = [at for at in calls_of(wire, case, run) if not only or at[0] in only]
    case.settled(applied, undone)
    ends, wrong = Counter(), []
    chosen = combinations(calls)
    assert {at for at, _ in chosen} == set(sampled(calls))
    assert {name for (name, _), _ in chosen} == {name for name, _ in calls}
    for at, fault in chosen:
        case.put_back(held)
        wire.listen(fault, at)
        attempt(partial(run, case, cold=at[0] == "sts:AssumeRole"))
        case.errors.clear()  # what the fault did; the sweep and its workers meet none
        assert wire.met, at
        wire.listen()
        case.sweep()
        ends[case.store.get(case.id).state.value] += 1
        try:
            case.settled(applied, undone)
        except AssertionError as error:
            wrong.append((at, fault.__name__, str(error)[:300]))
    TOTAL["combinations"] += len(calls) * len(FAULTS)
    TOTAL["run"] += len(chosen)
    with capsys.disabled():
        print(
            f"\n{name}: {len(calls)} calls x {len(FAULTS)} faults = {len(calls) * len(FAULTS)} "
            f"combinations, {len(chosen)} run, {time.process_time() - started:.0f} s of one core; "
            f"ends {json.dumps(ends)}"
        )
        if name == TABLE[-1][0]:
            print(f"crash table: {TOTAL['run']} of {TOTAL['combinations']} combinations run")
    assert not wrong


STALE = (1, 2, 3, 6, 9, 14, 20, 50) if not EVERYTHING else tuple(range(1, 51))
"""How many reads in a row are answered as they were before the last write."""


@pytest.mark.parametrize(
    ("name", "prepare", "run", "applied", "undone", "only"), TABLE, ids=[row[0] for row in TABLE]
)
def test_stale_reads(wire, capsys, name, prepare, run, applied, undone, only):
    """After any number of stale reads, at any read, everything is applied or nothing is."""
    started = time.process_time()
    case = Case(full=only is OF_MANAGED)
    wire.staleness = Staleness()
    prepare(case)
    before = dict(wire.staleness.older)  # a rollback may see the state before its approval
    held = case.held()
    calls = [at for at in calls_of(wire, case, run) if at[0] in wire.reads]
    calls = [at for at in calls if not only or at[0] in only]
    ends, wrong = Counter(), []
    turns = itertools.cycle(STALE)
    if EVERYTHING:
        chosen = list(itertools.product(calls, STALE))
    else:
        chosen = [(at, next(turns)) for at in sampled(calls)]
    for at, number in chosen:
        case.put_back(held)
        wire.staleness.older = dict(before)
        wire.listen(at=at, stale=number)
        attempt(partial(run, case))
        case.errors.clear()
        assert wire.met, at
        case.sweep_to_the_end()
        wire.listen()
        ends[case.store.get(case.id).state.value] += 1
        try:
            case.settled(applied, undone)
        except AssertionError as error:
            wrong.append((at, number, str(error)[:300]))
    with capsys.disabled():
        print(
            f"\n{name}: {len(calls)} reads, {len(chosen)} of {len(calls) * 50} stale runs, "
            f"{time.process_time() - started:.0f} s of one core; ends {json.dumps(ends)}"
        )
    assert not wrong
