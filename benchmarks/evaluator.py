"""How fast the evaluator is: on the test cases, and as policies grow.

Run as `python benchmarks/evaluator.py`; figures are of this machine and this run.
"""

import gzip
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "functions"))

from threegrants.cases import answer, load
from threegrants.iam import Policies, Policy, Request, evaluate

CASES = ROOT / "tests" / "unit" / "iam" / "cases" / "random.jsonl.gz"
SIZES = (1, 10, 100, 1_000, 10_000)


def best(work: Callable[[], object], times: int = 5) -> float:
    """Seconds of the fastest of several runs, after one to warm up."""
    work()
    found = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return min(found)


def on_the_cases() -> None:
    with gzip.open(CASES, "rt") as lines:
        cases = [json.loads(line) for line in lines]
    loaded = [load(case) for case in cases]
    parse = len(cases) / best(lambda: [answer(case) for case in cases])
    compiled = len(cases) / best(lambda: [evaluate(*one) for one in loaded])
    print(f"cases, parse + evaluate   {parse:>10,.0f} a second")
    print(f"cases, policies compiled  {compiled:>10,.0f} a second")


def by_size() -> None:
    request = Request(
        "arn:aws:iam::111111111111:user/u", "s3:GetObject", "arn:aws:s3:::last/k", "111111111111"
    )
    first = 0.0
    for size in SIZES:
        statements = [
            {"Effect": "Allow", "Action": "s3:Get*", "Resource": f"arn:aws:s3:::bucket-{n}/*"}
            for n in range(size)
        ]
        policies = Policies(
            identity=(Policy.parse({"Version": "2012-10-17", "Statement": statements}, "p"),)
        )
        seconds = best(lambda policies=policies: evaluate(request, policies))
        first = first or seconds
        print(f"{size:>6} statements  {seconds * 1e6:>10,.0f} µs  {seconds / first:>8.1f}×")


if __name__ == "__main__":
    on_the_cases()
    by_size()
