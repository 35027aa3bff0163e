"""The states of an incident, the moves between them, and every named set of states. Pure.

Two rules. What depends on an incident's state has its set of states here, by name; no other module
lists states. And a move that is not in `TABLE` does not happen: the store refuses it.

The diagram and the tables in docs/remediation.md are drawn from this module (`make diagrams`).
"""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    """a call is denied, and nobody has decided yet"""
    PROPOSED = "proposed"
    """the first of two people has approved"""
    APPLYING = "applying"
    """an approved run writes its patches"""
    VERIFIED = "verified"
    """the patches are in force, and the call is allowed"""
    FAILED = "failed"
    """an approved run did not help, and everything it wrote is taken back"""
    STUCK = "stuck"
    """something of ours is in force and cannot be taken back: a person has to look"""
    REJECTED = "rejected"
    """a person decided that nothing is changed"""
    ROLLING_BACK = "rolling_back"
    """a run takes back what was written"""
    ROLLED_BACK = "rolled_back"
    """a person had it taken back"""
    RESOLVED = "resolved"
    """the call is allowed, without our doing"""


@dataclass(frozen=True, slots=True)
class Transition:
    """A row of the table: from which states an incident moves to which, by whom, and when."""

    sources: tuple[State, ...]
    target: State
    by: str
    condition: str


TABLE: tuple[Transition, ...] = (
    Transition(
        (State.OPEN, State.FAILED),
        State.PROPOSED,
        "approver",
        "four eyes are wanted for this kind of access, and this is the first approval",
    ),
    Transition(
        (State.PROPOSED,),
        State.PROPOSED,
        "approver",
        "the same person again, or other digests: the newer approval replaces the older",
    ),
    Transition(
        (State.PROPOSED,),
        State.OPEN,
        "sweep, approver",
        "the first approval expired, or this service did not write it",
    ),
    Transition(
        (State.OPEN, State.FAILED, State.PROPOSED),
        State.APPLYING,
        "approver (the second, if proposed), or a standing approval",
        "every rule of [Who may approve](#who-may-approve) holds",
    ),
    Transition(
        (State.VERIFIED,),
        State.APPLYING,
        "approver",
        "an extension: a later end for what is in force, by the same rules",
    ),
    Transition(
        (State.VERIFIED,),
        State.VERIFIED,
        "approver",
        "four eyes are wanted for an extension, and this is the first approval",
    ),
    Transition(
        (State.APPLYING,),
        State.VERIFIED,
        "worker",
        "every patch reads back as written, and the call is allowed by fresh evidence",
    ),
    Transition(
        (State.APPLYING,),
        State.ROLLING_BACK,
        "worker",
        "a write was refused, a policy was not what was approved, or the call stays denied",
    ),
    Transition((State.APPLYING,), State.FAILED, "worker", "the same, and nothing had been written"),
    Transition((State.ROLLING_BACK,), State.FAILED, "worker", "a failed apply is taken back"),
    Transition(
        (State.ROLLING_BACK,),
        State.ROLLED_BACK,
        "worker",
        "what a person asked for is taken back, or what has ended",
    ),
    Transition(
        (State.ROLLING_BACK,),
        State.OPEN,
        "worker",
        "what has ended is taken back, and a denial still waits for a decision",
    ),
    Transition(
        (State.ROLLING_BACK,),
        State.STUCK,
        "worker",
        "it cannot be taken back: our statement was edited, or AWS refused too often",
    ),
    Transition(
        (State.ROLLING_BACK,),
        State.VERIFIED,
        "worker",
        "nothing was taken back yet, and our statement was edited",
    ),
    Transition(
        (
            State.OPEN,
            State.VERIFIED,
            State.FAILED,
            State.STUCK,
            State.REJECTED,
            State.RESOLVED,
        ),
        State.ROLLING_BACK,
        "a person, sweep",
        "an approval's patches are still in force: a person asks, or the end of the grant has come",
    ),
    Transition(
        (State.PROPOSED, State.ROLLED_BACK),
        State.ROLLING_BACK,
        "sweep",
        "what was taken back is there again ten minutes later, or the end of a grant has come",
    ),
    Transition(
        (State.OPEN, State.FAILED, State.PROPOSED),
        State.REJECTED,
        "a person",
        "nothing is to be changed",
    ),
    Transition(
        (State.OPEN, State.FAILED, State.PROPOSED, State.REJECTED, State.ROLLED_BACK),
        State.RESOLVED,
        "sweep, diagnosis",
        "the call is allowed by now",
    ),
    Transition(
        (State.VERIFIED, State.FAILED, State.ROLLED_BACK, State.RESOLVED),
        State.OPEN,
        "diagnosis",
        "a new denial",
    ),
    Transition((State.REJECTED,), State.OPEN, "diagnosis", "a new denial with a new verdict"),
    Transition(
        (State.REJECTED, State.ROLLED_BACK, State.RESOLVED),
        State.OPEN,
        "a person",
        "it is to be decided once more; not by the denied principal",
    ),
    Transition(
        (
            State.OPEN,
            State.PROPOSED,
            State.APPLYING,
            State.VERIFIED,
            State.FAILED,
            State.REJECTED,
            State.ROLLED_BACK,
            State.RESOLVED,
        ),
        State.STUCK,
        "worker, approver",
        "this service did not write what is kept of its run",
    ),
)
"""Every move, in the order of an incident's life."""

TRANSITIONS: dict[State, frozenset[State]] = {
    state: frozenset(row.target for row in TABLE if state in row.sources) for state in State
}
"""From each state, the states it may move to; the store refuses every other move."""

RUN_IN_PROGRESS = frozenset({State.APPLYING, State.ROLLING_BACK})
"""A run holds the leases of its targets. The sweep finishes it; a denial is counted, not analyzed."""

AWAITING_DECISION = frozenset({State.OPEN, State.FAILED, State.PROPOSED})
"""A person may approve or reject. The sweep analyzes these again: the call may be allowed by now."""

APPROVED = frozenset({State.APPLYING, State.VERIFIED})
"""The approved patches are being written, or are in force: the same approval again changes nothing."""

UNSUCCESSFUL = frozenset({State.FAILED, State.STUCK})
"""What was asked for did not happen: the command line exits with an error."""

CLOSED = frozenset({State.VERIFIED, State.REJECTED, State.ROLLED_BACK, State.RESOLVED})
"""Nobody has anything to do. The incident expires (DynamoDB TTL) after its retention, and a KMS
record that waited no longer joins it."""

REOPENED_BY_DENIAL = frozenset({State.VERIFIED, State.ROLLED_BACK, State.RESOLVED, State.FAILED})
"""A new denial opens the incident again, after a look at fresh evidence. A rejected incident is not
among them: only a new verdict opens that."""

REOPENED_BY_PERSON = frozenset({State.REJECTED, State.ROLLED_BACK, State.RESOLVED})
"""A person may open the incident again, without a new denial."""

ALERTED_BY_COUNT = frozenset({State.OPEN, State.FAILED})
"""A growing count is alerted: nobody works on it, and nobody decided to leave it."""

AWAITING_PEOPLE = frozenset({State.OPEN, State.FAILED, State.PROPOSED, State.STUCK})
"""Somebody has to look or to decide: people are reminded, and the daily digest lists it."""

SETS: dict[str, frozenset[State]] = {
    "RUN_IN_PROGRESS": RUN_IN_PROGRESS,
    "AWAITING_DECISION": AWAITING_DECISION,
    "APPROVED": APPROVED,
    "UNSUCCESSFUL": UNSUCCESSFUL,
    "CLOSED": CLOSED,
    "REOPENED_BY_DENIAL": REOPENED_BY_DENIAL,
    "REOPENED_BY_PERSON": REOPENED_BY_PERSON,
    "ALERTED_BY_COUNT": ALERTED_BY_COUNT,
    "AWAITING_PEOPLE": AWAITING_PEOPLE,
}
"""Every named set of states, for the docs and the tests."""


def after_diagnosis(state: State, *, allowed: bool, changed: bool) -> State:
    """Where an incident goes when one of its calls was analyzed.

    Args:
        state: where it stands.
        allowed: whether the call would be allowed by now.
        changed: whether the verdict is another than the one before.
    """
    if allowed:
        return State.RESOLVED if state is State.OPEN else state
    if state in REOPENED_BY_DENIAL or (state is State.REJECTED and changed):
        return State.OPEN
    return state


def asks_people_anew(before: State, after: State) -> bool:
    """Whether a move is news to whoever said before that they are at it: they have to say so again.

    Args:
        before: where the incident stood.
        after: where it goes.
    """
    if after in CLOSED or after is before:
        return False
    return before in CLOSED or after is State.STUCK
