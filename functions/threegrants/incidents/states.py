"""The states of an incident and where each may move; drawn and explained in docs/remediation.md.

open ──approve──▶ applying ──▶ verified ──rollback──▶ rolling_back ──▶ rolled_back
 │  ▲                │                                  ▲   │
 │  │                └── refused, or still denied ──────┘   ├──▶ failed (undone; may be approved again)
 │  └── new denial ── (any quiet state)                     └──▶ stuck (for a person)
 ├──first of two approvals──▶ proposed
 ├──reject──▶ rejected
 └──allowed by now──▶ resolved
"""

from enum import StrEnum


class State(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    PROPOSED = "proposed"
    APPLYING = "applying"
    VERIFIED = "verified"
    FAILED = "failed"
    STUCK = "stuck"
    REJECTED = "rejected"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    RESOLVED = "resolved"


TRANSITIONS: dict[State, frozenset[State]] = {
    State.OPEN: frozenset(
        {State.PROPOSED, State.APPLYING, State.REJECTED, State.RESOLVED, State.ROLLING_BACK}
    ),
    State.PROPOSED: frozenset(
        {State.PROPOSED, State.OPEN, State.APPLYING, State.REJECTED, State.RESOLVED}
    ),
    State.APPLYING: frozenset({State.VERIFIED, State.FAILED, State.ROLLING_BACK}),
    State.VERIFIED: frozenset({State.ROLLING_BACK, State.OPEN}),
    State.FAILED: frozenset(
        {
            State.PROPOSED,
            State.APPLYING,
            State.ROLLING_BACK,
            State.REJECTED,
            State.OPEN,
            State.RESOLVED,
        }
    ),
    State.STUCK: frozenset({State.ROLLING_BACK}),
    State.REJECTED: frozenset({State.OPEN, State.RESOLVED, State.ROLLING_BACK}),
    State.ROLLING_BACK: frozenset({State.ROLLED_BACK, State.VERIFIED, State.FAILED, State.STUCK}),
    State.ROLLED_BACK: frozenset({State.OPEN, State.RESOLVED}),
    State.RESOLVED: frozenset({State.OPEN, State.ROLLING_BACK}),
}
"""From each state, the states it may move to; the store refuses every other move."""

CLOSED = frozenset({State.VERIFIED, State.REJECTED, State.ROLLED_BACK, State.RESOLVED})
"""Closed incidents expire (DynamoDB TTL) after their retention."""

HELD = frozenset({State.APPLYING, State.ROLLING_BACK})
"""While an incident is in one of these, a run of it holds the leases of its targets."""
