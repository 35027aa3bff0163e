"""Moved to `support.harness`."""

from support.harness import (
    APPROVER,
    EVERYTHING,
    SECOND,
    TRUSTED,
    Harness,
    bucket_policy,
)
from support.harness import die_at_write as dying
from support.harness import event_history as history_of
from support.names import A, B
from support.wire import Died

__all__ = ["APPROVER", "SECOND", "STATEMENT", "TRUSTED", "Died", "approve", "bucket_policy",
           "dying", "history_of", "later", "moves", "opened", "sweep"]  # fmt: skip
STATEMENT = {
    "name": "analysts",
    "owner": A,
    "caller": B,
    "bucket": "a-*",
    "access": ["read"],
    "scope": "prefix",
    "expires": "2099-01-01T00:00:00Z",
}


def opened(aws):
    aws.world(iam=EVERYTHING)
    found = Harness(aws)
    found.stop_clock()
    return found


def approve(desk, *given, **more):
    return desk.approve(*given, **more)


def sweep(desk, **more):
    return desk.sweep(**more)


def later(desk, seconds):
    desk.later(seconds)


def moves(desk, identity):
    return desk.moves(identity)
