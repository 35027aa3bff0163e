"""Nothing that comes in ends with an exception: mutated records and policies through everything pure.

`make test` tries 2,000 cases, `make fuzz` 100,000 (`FUZZ`, from `FUZZ_SEED` on). A case that failed is
tried again by its seed: `fuzz(SEED)`.
"""

import os
import resource
import time
from collections import Counter

from support.fuzz import fuzz

CASES = int(os.environ.get("FUZZ", "2000"))
FIRST = int(os.environ.get("FUZZ_SEED", "0"))
MOST_SECONDS = 5.0
"""CPU time of the slowest case; a usual one takes some milliseconds."""
MOST_GROWTH = 200
"""MB that the process may grow while the cases run."""

FAILED_BEFORE: tuple[int, ...] = ()
"""Cases that once ended with an exception, by their seeds, where no test of its own holds them."""


def test_no_case_ends_with_an_exception():
    kinds, outcomes, failures = Counter(), Counter(), []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    slowest = (0.0, 0)
    for seed in [*FAILED_BEFORE, *range(FIRST, FIRST + CASES)]:
        start = time.process_time()
        try:
            found = fuzz(seed)
        except Exception as error:  # noqa: BLE001 - that is what is looked for
            failures.append(f"fuzz({seed}): {type(error).__name__}: {str(error)[:200]}")
            continue
        slowest = max(slowest, (time.process_time() - start, seed))
        kinds[found.kind] += 1
        outcomes[found.outcome] += 1
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"\n{CASES} cases; {dict(kinds)}; {dict(outcomes)}")
    print(f"slowest: {slowest[0]:.2f} s (seed {slowest[1]}); grown by {grown:.0f} MB")
    assert failures[:20] == []
    assert slowest[0] < MOST_SECONDS, slowest
    assert grown < MOST_GROWTH
    # A fuzzer that reaches nothing finds nothing.
    assert kinds["call"] > CASES / 3
    assert kinds["error"] > CASES / 100
    assert "no place" not in kinds
    assert len(outcomes) > 4
