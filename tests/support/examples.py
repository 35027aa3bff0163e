"""How many examples Hypothesis tries of a property, and which.

`THREEGRANTS_EXAMPLES` says it: `same` (or nothing) tries the same ones at each run, `few` the same
but fewer of them (for mutants), `many` other ones at each run, and ten times as many.
"""

import os

from hypothesis import settings

TIMES = {"few": 0.1, "same": 1.0, "many": 10.0}
MODE = os.environ.get("THREEGRANTS_EXAMPLES", "same")


def examples(count: int = 100, at_least: int = 1) -> settings:
    """Settings for about so many examples, never fewer than `at_least`: a decorator of a property."""
    return settings(
        max_examples=max(at_least, round(count * TIMES[MODE])),
        deadline=None,
        derandomize=MODE != "many",
    )
