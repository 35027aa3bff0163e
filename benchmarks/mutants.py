"""How many small errors in the pure rooms the unit tests notice: a seeded sample of mutmut's mutants.

    python benchmarks/mutants.py [--sample N] [--seed S] [--only GLOB]

mutmut (https://mutmut.readthedocs.io/) makes every mutant of a function at once and chooses one of
them when a test process is forked; it expects the package at the top of the tree. So the package,
the unit tests and the files that tests read are copied to `.build/mutants`, and mutmut runs there.

A mutant is killed if a unit test that runs its function fails, or takes far too long. The score is
killed / sampled; a mutant that no unit test reaches counts as alive. What survived is printed by
name, and written as diffs to `.build/mutants/alive.diff`. mutmut makes no mutants of tables at the
top of a module, of decorated functions (properties, cached functions) and of annotations.
"""

import argparse
import json
import math
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PLACE = Path(os.environ.get("MUTANTS_PLACE", ROOT / ".build" / "mutants"))
MUTMUT = Path(sys.executable).with_name("mutmut")
ROOMS = ("aws", "cloudtrail", "suppression", "iam", "diagnosis", "patches")
"""The rooms without I/O."""
SAMPLE = 240
"""As many as two cores try in about 12 minutes."""
SEED = 20261125
READ_BY_TESTS = (
    "functions", "docs", "events", "template.yaml", "templates", "README.md", "CONTRIBUTING.md",
    "Makefile", "CHANGELOG.md", "LICENSE", "SECURITY.md", "release", "samconfig.toml",
)  # fmt: skip
SETTINGS = """\
[tool.pytest.ini_options]
pythonpath = ["tests", "release", "."]
addopts = "--import-mode=importlib -q -p no:cacheprovider -p start_anew"

[tool.mutmut]
source_paths = ["threegrants"]
only_mutate = [{rooms}]
also_copy = [{read}]
pytest_add_cli_args_test_selection = ["tests/unit"]
use_git_change_detection = false
track_dependencies = false
timeout_constant = 5.0
"""
START_ANEW = '''\
"""mutmut runs the tests once, and then forks a process for each mutant.

What that first run left behind - tables made when a module is loaded, remembered values, policies
that a test module parses at its top - would hide a mutant from the tests. So each process loads the
package and the tests anew.
"""

import sys


def pytest_load_initial_conftests():
    for name in [*sys.modules]:
        if name.partition(".")[0] in {"threegrants", "tests", "unit", "support", "conftest"}:
            del sys.modules[name]
'''
KILLED = frozenset({"killed", "timeout", "segfault"})


def lay_out() -> None:
    """A fresh tree for mutmut: the package at its top, beside the unit tests."""
    shutil.rmtree(PLACE, ignore_errors=True)
    # What the pages say is tested on the whole tree, and kills no mutant.
    forget = shutil.ignore_patterns("__pycache__", "test_docs.py", "benchmarks")
    shutil.copytree(ROOT / "functions" / "threegrants", PLACE / "threegrants", ignore=forget)
    for part in ("unit", "support", "data"):
        if (ROOT / "tests" / part).is_dir():
            shutil.copytree(ROOT / "tests" / part, PLACE / "tests" / part, ignore=forget)
    shutil.copy(ROOT / "tests" / "conftest.py", PLACE / "tests")
    for name in READ_BY_TESTS:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, PLACE / name)
    rooms = ", ".join(f'"threegrants/{room}/*"' for room in ROOMS)
    read = ", ".join(f'"{name}"' for name in (*READ_BY_TESTS, "start_anew.py"))
    (PLACE / "start_anew.py").write_text(START_ANEW)
    (PLACE / "pyproject.toml").write_text(SETTINGS.format(rooms=rooms, read=read))


def mutmut(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run mutmut in its tree; what it says is kept for when it fails."""
    own = {**os.environ, "THREEGRANTS_EXAMPLES": "few", "PYTHONHASHSEED": "0"}
    return subprocess.run(
        [str(MUTMUT), *arguments], cwd=PLACE, env=own, text=True, capture_output=True, check=False
    )


def results() -> dict[str, int | None]:
    """The exit code of each mutant's tests, None for one that was not tried."""
    found: dict[str, int | None] = {}
    for path in sorted((PLACE / "mutants" / "threegrants").rglob("*.meta")):
        found |= json.loads(path.read_text())["exit_code_by_key"]
    return found


def make_mutants() -> list[str]:
    """Every mutant by name; the tests that run each function are known afterwards."""
    # The names are known only once the mutants are made. A name that is none of them stops mutmut
    # right after that, before it tries any.
    said = mutmut("run", "none.of.them")
    names = sorted(results())
    if not names or "nothing matches" not in said.stdout + said.stderr:
        raise SystemExit(f"mutmut made no mutants:\n{said.stdout[-3000:]}\n{said.stderr[-3000:]}")
    return names


def room_of(name: str) -> str:
    return name.split(".")[1]


def margin(killed: int, tried: int) -> float:
    """Half the width of the 95 % interval of the score, in percent (normal approximation)."""
    share = killed / tried
    return 196 * math.sqrt(share * (1 - share) / tried)


def show(status: dict[str, str], everything: int, minutes: float) -> None:
    tried = Counter(map(room_of, status))
    killed = Counter(room_of(name) for name, said in status.items() if said in KILLED)
    for room in (room for room in ROOMS if tried[room]):
        share = 100 * killed[room] / tried[room]
        print(f"{room:<12} {killed[room]:>4} of {tried[room]:>4} killed  {share:3.0f} %")
    alive = sorted(name for name, said in status.items() if said not in KILLED)
    diffs = []
    for name in alive:
        print(f"alive ({status[name]}): {name}")
        diffs.append(mutmut("show", name).stdout)
    (PLACE / "alive.diff").write_text("\n".join(diffs))
    total = killed.total()
    print(
        f"{total} of {len(status)} killed: {100 * total / len(status):.1f} % "
        f"(± {margin(total, len(status)):.1f}), sampled from {everything} mutants "
        f"in {minutes:.1f} minutes; the survivors as diffs: {PLACE / 'alive.diff'}"
    )


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--sample", type=int, default=SAMPLE, help="how many are tried")
    options.add_argument("--seed", type=int, default=SEED, help="which ones are tried")
    options.add_argument("--only", default="*", help="a glob of names: 'threegrants.iam.*'")
    options.add_argument("--least", type=float, default=0, help="fail below this score")
    given = options.parse_args()
    started = time.monotonic()
    lay_out()
    every = [name for name in make_mutants() if fnmatch(name, given.only)]
    chosen = random.Random(given.seed).sample(every, min(given.sample, len(every)))
    said = mutmut("run", *chosen)
    found = results()
    untried = [name for name in chosen if found[name] is None]
    if untried:
        raise SystemExit(f"mutmut tried only some:\n{said.stdout[-3000:]}\n{said.stderr[-3000:]}")
    from mutmut.stats import status_by_exit_code  # noqa: PLC0415 - only where mutmut is installed

    status = {name: status_by_exit_code[found[name]] for name in chosen}
    show(status, len(every), (time.monotonic() - started) / 60)
    score = 100 * sum(said in KILLED for said in status.values()) / len(status)
    return int(score < given.least)


if __name__ == "__main__":
    sys.exit(main())
