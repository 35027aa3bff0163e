"""What runs in force have opened, and until when; pure."""

from collections.abc import Sequence

from threegrants.patches.grant_end import end_text
from threegrants.remediation.runs import Run

UNTIL_REVOKED_WORDS = "until revoked"
"""What people are shown of a grant without an end."""


def open_until(runs: Sequence[Run]) -> str:
    """Until when what these runs opened stands: empty, `until revoked`, or the last end, ISO 8601 in UTC.

    Args:
        runs: the runs in force.
    """
    heads = _heads(runs)
    if any(not run.ends_at for run in heads):
        return UNTIL_REVOKED_WORDS
    return end_text(max(run.ends_at for run in heads)) if heads else ""


def ending_runs(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Those of the runs in force that have an end, and that no other one prolongs."""
    return tuple(run for run in _heads(runs) if run.ends_at)


def _heads(runs: Sequence[Run]) -> list[Run]:
    prolonged = {one for run in runs for one in run.extends}
    return [run for run in runs if run.id not in prolonged]
