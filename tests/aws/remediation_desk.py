"""Moved to `support.harness`."""

from datetime import UTC, datetime

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
from support.names import A
from support.records import ROLE
from support.wire import Died

__all__ = ["APPROVER", "SECOND", "TRUSTED", "Died", "approve", "bucket_policy",
           "dying", "history_of", "later", "moves", "opened", "standing", "sweep"]  # fmt: skip


def standing(desk, identity, **changes):
    """A standing approval for an incident's proposed patches, valid from an hour ago on."""

    def at(seconds):
        return datetime.fromtimestamp(desk.clock() + seconds, UTC).isoformat()

    patches = desk.store.get(identity).report.proposed_patches
    return {
        "name": "analysts",
        "owner": A,
        "principals": [ROLE],
        "bucket": "a-reports",
        "prefix": "*",
        "keys": [patch.target for patch in patches if patch.grant == "key_policy"],
        "actions": ["s3:GetObject", "kms:Decrypt"],
        "starts": at(-3600),
        "expires": at(86_400),
    } | changes


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
