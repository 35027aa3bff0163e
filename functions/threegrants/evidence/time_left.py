"""No call to AWS begins that could outlast what its function has left.

A call may try several times, each time up to its two timeouts. So before each try it is asked whether one
more, at its longest, still ends within the invocation. If not, the call fails as one that found no answer
does: evidence is unread with that reason, a message is delivered again.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError

_BACKOFF_SECONDS = 4
"""What botocore waits at most before the last of four tries."""
_CONNECT_SECONDS = 2
_READ_SECONDS = 6
MEMBER_CALLS = Config(
    retries={"mode": "adaptive", "max_attempts": 4},
    connect_timeout=_CONNECT_SECONDS,
    read_timeout=_READ_SECONDS,
    max_pool_connections=64,
    user_agent_extra="threegrants",
)
"""Of calls in the member accounts: IAM and AWS Organizations throttle early, so the client slows down."""
MEMBER_CALL_SECONDS = _CONNECT_SECONDS + _READ_SECONDS + _BACKOFF_SECONDS
"""One try at its longest, with the wait before the next."""

_OWN_CONNECT_SECONDS = 1
_OWN_READ_SECONDS = 3
_OWN_CALLS = Config(
    retries={"mode": "standard", "max_attempts": 4},
    connect_timeout=_OWN_CONNECT_SECONDS,
    read_timeout=_OWN_READ_SECONDS,
)
OWN_CALL_SECONDS = _OWN_CONNECT_SECONDS + _OWN_READ_SECONDS + _BACKOFF_SECONDS
"""The same of calls in the service's own account and Region, which answer within milliseconds."""


class NoTimeLeft(BotoCoreError):
    """A call was not tried (again), because its function ends too soon."""

    fmt = "{operation} was not tried: its function ends in {left:.1f} s, and a try may take {longest} s"


_ends_at = math.inf
"""The second since the epoch at which the function ends. Lambda runs one event at a time in a process."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """While this runs, no call begins that could last longer than so many seconds from now."""
    global _ends_at  # noqa: PLW0603 - threads of a pool have no context of their own
    before, _ends_at = _ends_at, time.time() + seconds
    try:
        yield
    finally:
        _ends_at = before


def hold_to_time_left(session: botocore.session.Session, longest: float) -> None:
    """Hold all clients of a session to the time that is left.

    Args:
        session: the botocore session; clients that it made before are not held.
        longest: how long one try may take, in seconds.
    """

    def check(**sent: Any) -> None:
        left = _ends_at - time.time()
        if left < longest:
            operation = str(sent["event_name"]).removeprefix("before-send.")
            raise NoTimeLeft(operation=operation, left=left, longest=longest)

    session.register("before-send", check)


def bound_default_session() -> None:
    """Bound the calls of boto3's default session, which the libraries use that are not told of another."""
    core = botocore.session.Session()
    core.set_default_client_config(_OWN_CALLS)
    hold_to_time_left(core, OWN_CALL_SECONDS)
    boto3.setup_default_session(botocore_session=core)
