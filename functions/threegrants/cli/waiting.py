"""Waiting for a run: the service answers an approval at once, and a person wants to see how it ends."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from threegrants.incidents.states import RUN_IN_PROGRESS
from threegrants.remediation.worker import PATIENCE_SECONDS

_PAUSE_SECONDS = 2.0


def wait_for_end(
    answer: Mapping[str, Any],
    read: Callable[[], Mapping[str, Any]],
    tell: Callable[[str], None],
    pause: Callable[[float], None] = time.sleep,
    now: Callable[[], float] = time.monotonic,
) -> Mapping[str, Any]:
    """Read an incident until its run has ended, goes on later, or takes too long; the last answer.

    Args:
        answer: what the service answered at once.
        read: reads the incident, as the API shows it.
        tell: tells a person how far it is, when that changes.
        pause: waits for so many seconds.
        now: seconds on any clock.
    """
    until, told = now() + PATIENCE_SECONDS, ""
    while answer["state"] in RUN_IN_PROGRESS and now() < until:
        pause(_PAUSE_SECONDS)
        run = read().get("run")
        if not run or run["state"] is None:
            break
        detail = run["detail"] or answer["detail"]
        answer = {**answer, "state": run["state"], "detail": detail, "patches": run["patches"]}
        if run["waits"]:
            break
        progress = _progress(answer)
        if answer["state"] in RUN_IN_PROGRESS and progress != told:
            tell(progress)
            told = progress
    return answer


def _progress(answer: Mapping[str, Any]) -> str:
    written = sum(1 for patch in answer["patches"] if patch["written"])
    return f"{answer['state']}: {written} of {len(answer['patches'])} patch(es) in force"
