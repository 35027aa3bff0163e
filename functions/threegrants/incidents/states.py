"""The states of an incident and who may move it where.

open ──approve──▶ applying ──▶ verified ──rollback──▶ rolled_back
 │  ▲                │  ▲                                  │
 │  └── new denial ──┼──┼──── (any quiet state) ◀──────────┘
 │                   ▼  │
 ├──reject──▶ rejected  └── failed (undone, may be approved again)
 └──allowed by now──▶ resolved
"""

from enum import StrEnum


class State(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    APPLYING = "applying"
    VERIFIED = "verified"
    FAILED = "failed"
    REJECTED = "rejected"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    RESOLVED = "resolved"


MOVES: dict[State, frozenset[State]] = {
    State.OPEN: frozenset({State.APPLYING, State.REJECTED, State.RESOLVED}),
    State.APPLYING: frozenset({State.VERIFIED, State.FAILED, State.ROLLING_BACK}),
    State.VERIFIED: frozenset({State.ROLLING_BACK, State.OPEN}),
    State.FAILED: frozenset({State.APPLYING, State.ROLLING_BACK, State.REJECTED, State.OPEN}),
    State.REJECTED: frozenset({State.OPEN, State.RESOLVED}),
    State.ROLLING_BACK: frozenset(
        {State.ROLLED_BACK, State.VERIFIED, State.FAILED, State.ROLLING_BACK}
    ),
    State.ROLLED_BACK: frozenset({State.OPEN, State.RESOLVED}),
    State.RESOLVED: frozenset({State.OPEN}),
}
"""From each state, the states it may move to; the store refuses every other move."""

CLOSED = frozenset({State.VERIFIED, State.REJECTED, State.ROLLED_BACK, State.RESOLVED})
"""Closed incidents expire (DynamoDB TTL) after their retention."""
