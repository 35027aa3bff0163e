"""How fast the evaluator is: against iam-simulate's own engine, and as policies grow.

    python benchmarks/evaluator.py                      our own figures
    python benchmarks/evaluator.py --against FOLDER     with ratios; FOLDER holds node_modules with
                                                        @cloud-copilot/iam-simulate (make bench)

Every figure is of this machine and this run. The two engines run in turns, one process each, both
warmed, over the same cases, and the best of five rounds of each counts (whatever else runs on the
machine only slows them). The ratios of CPU time hold on a busy machine too, those of wall time only
on an idle one. Policies and requests are JSON objects at the start of "parse and evaluate", and
ready-made values in the other rows.
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
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
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
    """The cases, read as one text: `json` keeps each name in a text once, as V8 always does."""
    with gzip.open(CASES, "rt") as lines:
        return json.loads(f"[{','.join(lines)}]")


@dataclass(frozen=True)
class Figures:
    """What an evaluation cost: evaluations a second of wall time, microseconds of CPU for each.

    The CPU time is that of all threads of the process; other programs on the machine hardly
    change it, while they may halve what is done in a second.
    """

    wall: float
    cpu: float

    @classmethod
    def best(cls, rounds: Iterable["Figures"]) -> "Figures":
        listed = list(rounds)
        return cls(max(one.wall for one in listed), min(one.cpu for one in listed))


class Meter:
    """Adds up what is done, and what it costs; the twin of engine.mjs."""

    def __init__(self) -> None:
        self.spent, self.cpu, self.done = 0.0, 0.0, 0

    def time(self, work: Callable[[], int]) -> None:
        start, before = time.perf_counter(), time.process_time()
        self.done += work()
        self.cpu += time.process_time() - before
        self.spent += time.perf_counter() - start

    def figures(self) -> Figures:
        return Figures(self.done / self.spent, self.cpu / self.done * 1e6)


def measured(work: Callable[[], int], seconds: float) -> Figures:
    def until(limit: float) -> Figures:
        meter = Meter()
        while meter.spent < limit:
            meter.time(work)
        return meter.figures()

    until(seconds / 2)
    return until(seconds)


def ours(seconds: float) -> dict[str, Figures]:
    """Our side, the twin of engine.mjs."""
    read = cases()

    def first_sight() -> int:
        for case in read:
            CompiledPolicies(load_policies(case)).decide(load_request(case["request"]))
        return len(read)

    first = Meter()
    first.time(first_sight)
    parse = measured(first_sight, seconds)
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

    sweep = measured(once_each, seconds)
    specified = measured(specification, seconds)
    return {
        "parse": parse, "backfill": back_fill(read), "sweep": sweep, "first": first.figures(),
        "specified": specified,
    }  # fmt: skip


def back_fill(read: list[dict]) -> Figures:
    """Decisions where many objects are asked about under the same policies."""
    meter = Meter()
    for case in read:
        policies, asked = CompiledPolicies(load_policies(case)), case["request"]
        arn = asked["resource"]["arn"]
        requests = []
        for number in range(OBJECTS):
            suffix = f"-{number}" if "/" in arn else ""
            resource = {**asked["resource"], "arn": arn + suffix}
            requests.append(load_request({**asked, "resource": resource}))
        everything = partial(decide_all, policies, requests)
        everything()
        meter.time(everything)
    return meter.figures()


def decide_all(policies: CompiledPolicies, requests: list[Request]) -> int:
    for request in requests:
        policies.decide(request)
    return len(requests)


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


def side(command: list[str]) -> dict[str, Figures]:
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return {row: Figures(**found) for row, found in json.loads(done.stdout).items()}


def compare(folder: Path, python: str, seconds: float) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        with gzip.open(CASES, "rt") as lines:
            file.write(lines.read())
        file.flush()
        theirs = ["node", str(ENGINE), str(folder), file.name, "speed", str(seconds)]
        own = [python, __file__, "--side", "--seconds", str(seconds)]
        rounds = [(side(theirs), side(own)) for _ in range(ROUNDS)]
    print(f"{'evaluations a second':<62}{'iam-simulate':>14}{'threegrants':>14}{'ratio':>8}")
    costs = []
    for row, (label, goal) in ROWS.items():
        they, we = (Figures.best(pair[n][row] for pair in rounds) for n in (0, 1))
        print(f"{label:<62}{they.wall:>14,.0f}{we.wall:>14,.0f}{ratio(we.wall, they.wall)}")
        shown = f"≥{goal}×" if goal else ""
        costs.append(
            f"{label:<62}{they.cpu:>14,.1f}{we.cpu:>14,.1f}{ratio(they.cpu, we.cpu)}{shown:>7}"
        )
    print(
        f"\n{'CPU time for each, µs':<62}{'iam-simulate':>14}{'threegrants':>14}{'ratio':>8}{'goal':>7}"
    )
    print("\n".join(costs))
    print()
    show_own(OURS, {row: Figures.best(own[row] for _, own in rounds) for row in OURS})


def ratio(one: float, other: float) -> str:
    return f"{one / other:.1f}×".rjust(8)


def show_own(labels: Mapping[str, str], own: Mapping[str, Figures]) -> None:
    for row, label in labels.items():
        print(f"{label:<62}{own[row].wall:>14,.0f} a second{own[row].cpu:>10,.1f} µs of CPU each")


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
        print(json.dumps({row: asdict(found) for row, found in ours(given.seconds).items()}))
        return
    python = given.python or fastest()
    version = subprocess.run([python, "-V"], check=True, capture_output=True, text=True).stdout
    print(f"our side runs on {version.strip()}")
    if given.against:
        compare(given.against, python, given.seconds)
    else:
        own = side([python, __file__, "--side", "--seconds", str(given.seconds)])
        show_own({**{row: label for row, (label, _) in ROWS.items()}, **OURS}, own)
    by_size()
    by_wildcards()
    by_import(python)


if __name__ == "__main__":
    main()
