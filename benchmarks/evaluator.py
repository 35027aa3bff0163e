"""How fast the evaluator is: against iam-simulate's own engine, and as policies grow.

    python benchmarks/evaluator.py                      our own figures
    python benchmarks/evaluator.py --against FOLDER     with ratios; FOLDER holds node_modules with
                                                        @cloud-copilot/iam-simulate (make bench)

Every figure is of this machine and this run. The two engines run in turns, one process each, both
warmed, over the same cases, and the best of five rounds of each counts (whatever else runs on the
machine only slows them); policies and requests are JSON objects at the start of "parse and
evaluate", and ready-made values in the other rows.
"""

import argparse
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "functions"))
# The reader of cases without the rest of its package, which loads the terminal's libraries: the
# fastest Python need not have them.
sys.modules["threegrants.cli"] = ModuleType("threegrants.cli")
sys.modules["threegrants.cli"].__path__ = [str(ROOT / "functions" / "threegrants" / "cli")]

from threegrants.cli.cases import load, load_policies, load_request
from threegrants.iam import CompiledPolicies, Policies, Policy, Request, authorize

CASES = ROOT / "tests" / "unit" / "iam" / "cases" / "random.jsonl.gz"
ENGINE = ROOT / "benchmarks" / "differential" / "engine.mjs"
OBJECTS = 50
ROUNDS = 5
ROWS = {
    "parse": ("parse and evaluate, case after case", 5),
    "backfill": (f"policies compiled once, {OBJECTS} objects each (back-fill)", 40),
    "sweep": ("policies compiled once, each case once in turn", None),
}
OURS = {
    "first": "parse and evaluate at first sight, nothing read before",
    "specified": "the specification, policies parsed once",
}


def cases() -> list[dict]:
    with gzip.open(CASES, "rt") as lines:
        return [json.loads(line) for line in lines]


def per_second(work: Callable[[], int], seconds: float) -> float:
    def until(limit: float) -> float:
        done, start = 0, time.perf_counter()
        while time.perf_counter() - start < limit:
            done += work()
        return done / (time.perf_counter() - start)

    until(seconds / 2)
    return until(seconds)


def ours(seconds: float) -> dict[str, float]:
    """Our side, the twin of engine.mjs."""
    read = cases()

    def first_sight() -> int:
        for case in read:
            CompiledPolicies(load_policies(case)).decide(load_request(case["request"]))
        return len(read)

    start = time.perf_counter()
    first = first_sight() / (time.perf_counter() - start)
    parse = per_second(first_sight, seconds)
    loaded = [load(case) for case in read]
    engines = [(request, CompiledPolicies(policies)) for request, policies in loaded]

    def once_each() -> int:
        for request, policies in engines:
            policies.decide(request)
        return len(engines)

    def specification() -> int:
        for request, policies in loaded:
            authorize(request, policies)
        return len(loaded)

    sweep = per_second(once_each, seconds)
    specified = per_second(specification, seconds)
    return {
        "parse": parse, "backfill": back_fill(read), "sweep": sweep, "first": first,
        "specified": specified,
    }  # fmt: skip


def back_fill(read: list[dict]) -> float:
    """Decisions a second where many objects are asked about under the same policies."""
    spent, done = 0.0, 0
    for case in read:
        policies, asked = CompiledPolicies(load_policies(case)), case["request"]
        arn = asked["resource"]["arn"]
        requests = []
        for number in range(OBJECTS):
            suffix = f"-{number}" if "/" in arn else ""
            resource = {**asked["resource"], "arn": arn + suffix}
            requests.append(load_request({**asked, "resource": resource}))
        for request in requests:
            policies.decide(request)
        start = time.perf_counter()
        for request in requests:
            policies.decide(request)
        spent += time.perf_counter() - start
        done += len(requests)
    return done / spent


_LOOP = """
import sys, time
if sys.version_info < (3, 11):
    sys.exit(1)
def call(number):
    return number
best = 9e9
for _ in range(9):
    start = time.perf_counter()
    for number in range(200_000):
        call(number)
    best = min(best, time.perf_counter() - start)
print(best)
"""


def fastest() -> str:
    """The fastest Python from 3.11 on that is installed.

    Node comes optimised; a Python that was built from source without profile-guided optimisation
    would not be its match, nor what Lambda runs. (--python chooses another.)
    """
    found: dict[float, str] = {}
    folders = [str(Path(sys.executable).parent), *os.get_exec_path()]
    for name in ("python3.13", "python3.12", "python3.11"):
        for folder in dict.fromkeys(folders):
            path = shutil.which(name, path=folder)
            if path:
                done = subprocess.run([path, "-c", _LOOP], check=False, capture_output=True)
                if not done.returncode:
                    found[float(done.stdout)] = path
    return found[min(found)] if found else sys.executable


def side(command: list[str]) -> dict[str, float]:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def compare(folder: Path, python: str, seconds: float) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        with gzip.open(CASES, "rt") as lines:
            file.write(lines.read())
        file.flush()
        theirs = ["node", str(ENGINE), str(folder), file.name, "speed", str(seconds)]
        own = [python, __file__, "--side", "--seconds", str(seconds)]
        rounds = [(side(theirs), side(own)) for _ in range(ROUNDS)]
    print(
        f"{'evaluations a second':<62}{'iam-simulate':>14}{'threegrants':>14}{'ratio':>8}{'goal':>7}"
    )
    for row, (label, goal) in ROWS.items():
        theirs_best, ours_best = (max(pair[n][row] for pair in rounds) for n in (0, 1))
        shown = f"≥{goal}×" if goal else ""
        ratio = f"{ours_best / theirs_best:.1f}×"
        print(f"{label:<62}{theirs_best:>14,.0f}{ours_best:>14,.0f}{ratio:>8}{shown:>7}")
    for row, label in OURS.items():
        print(f"{label:<62}{'':>14}{max(own[row] for _, own in rounds):>14,.0f}")


def best(work: Callable[[], object], times: int = 7) -> float:
    """Seconds of the fastest of several runs, after one to warm up; short work is repeated."""
    work()
    found = []
    for _ in range(times):
        count, start = 0, time.perf_counter()
        while (spent := time.perf_counter() - start) < 0.01 or not count:
            work()
            count += 1
        found.append(spent / count)
    return min(found)


ASKED = Request(
    "arn:aws:iam::111111111111:user/u", "s3:GetObject", "arn:aws:s3:::last/k", "111111111111"
)


def policy(statements: list[dict]) -> CompiledPolicies:
    document = {"Version": "2012-10-17", "Statement": statements}
    return CompiledPolicies(Policies(identity=(Policy.parse(document, "p"),)))


def by_size() -> None:
    def other_buckets(size: int) -> list[dict]:
        return [
            {"Effect": "Allow", "Action": "s3:Get*", "Resource": f"arn:aws:s3:::bucket-{n}/*"}
            for n in range(size)
        ]

    def with_conditions(size: int) -> list[dict]:
        return [
            {**statement, "Condition": {"StringEquals": {"aws:PrincipalTag/team": f"t{n}"}}}
            for n, statement in enumerate(other_buckets(size))
        ]

    print(
        f"\n{'one evaluation, compiled, by statements':<46}{'resources alone':>17}{'conditions':>17}"
    )
    for size in (1, 10, 100, 1_000, 10_000):
        shown = ""
        for shape in (other_buckets, with_conditions):
            policies = policy(shape(size))
            seconds = best(partial(policies.decide, ASKED))
            shown += f"{seconds * 1e6:>14,.1f} µs"
        print(f"{size:>12,}{'':<34}{shown}")
    size = 1
    while len(json.dumps(policy_document(with_conditions(size)))) < 20_000:
        size += 1
    policies = policy(with_conditions(size))
    seconds = best(lambda: policies.decide(ASKED))
    first = best(lambda: CompiledPolicies(policies.policies).decide(ASKED))
    print(
        f"a policy of 20 KB ({size} statements with conditions): {seconds * 1e6:,.0f} µs, "
        f"the first request of its kind {first * 1e6:,.0f} µs"
    )


def policy_document(statements: list[dict]) -> dict:
    return {"Version": "2012-10-17", "Statement": statements}


def by_wildcards() -> None:
    print("\na*a*…b* against a…ac, and a?*a?*…b?c* against a…ac: time by pattern × text")
    for stars, length in ((10, 1_000), (100, 1_000), (100, 10_000), (400, 40_000)):
        shown = ""
        for pattern in ("a*" * stars + "b*", "a?*" * stars + "b?c*"):
            statement = {"Effect": "Allow", "Action": "*", "Resource": f"arn:aws:s3:::b/{pattern}"}
            policies, key = policy([statement]), "a" * length + "c"
            request = Request(ASKED.principal, ASKED.action, f"arn:aws:s3:::b/{key}", "1" * 12)
            seconds = best(partial(policies.decide, request), 3)
            step = seconds * 1e9 / (len(pattern) * length)
            shown += f"{seconds * 1e6:>12,.1f} µs{step:>9.3f} ns a step"
        print(f"{stars:>8} stars × {length:<8,}{shown}")


def by_import(python: str) -> None:
    bare = [python, "-c", "import sys; sys.path.insert(0, sys.argv[1])", str(ROOT / "functions")]
    loaded = [*bare[:2], bare[2] + "; import threegrants.iam", bare[3]]
    with tempfile.TemporaryDirectory() as folder:
        compiled = {**os.environ, "PYTHONPYCACHEPREFIX": folder, "PYTHONDONTWRITEBYTECODE": ""}
        source = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        print()
        for label, settings in (("bytecode, as installed", compiled), ("source", source)):
            times: dict[int, list[float]] = {0: [], 1: []}
            for _ in range(21):
                for which, command in enumerate((bare, loaded)):
                    start = time.perf_counter()
                    subprocess.run(command, check=True, env=settings)
                    times[which].append(time.perf_counter() - start)
            beyond = statistics.median(times[1]) - statistics.median(times[0])
            print(f"import from {label}: {beyond * 1e3:.1f} ms beyond a bare interpreter")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--against", type=Path, help="folder with node_modules")
    options.add_argument("--seconds", type=float, default=3, help="of measuring, for each row")
    options.add_argument("--python", help="interpreter of our side")
    options.add_argument("--side", action="store_true", help="measure one side, print JSON")
    given = options.parse_args()
    if given.side:
        print(json.dumps(ours(given.seconds)))
        return
    python = given.python or fastest()
    version = subprocess.run([python, "-V"], check=True, capture_output=True, text=True).stdout
    print(f"our side runs on {version.strip()}")
    if given.against:
        compare(given.against, python, given.seconds)
    else:
        own = side([python, __file__, "--side", "--seconds", str(given.seconds)])
        for row, label in {**{row: label for row, (label, _) in ROWS.items()}, **OURS}.items():
            print(f"{label:<62}{own[row]:>14,.0f} a second")
    by_size()
    by_wildcards()
    by_import(python)


if __name__ == "__main__":
    main()
