"""Every attack of docs/threat-model.md with its outcome, as a table.

    python benchmarks/attack.py [--embedded] [pytest's arguments]

A row is a test that carries `@attack` (tests/support/attacks.py): those of tests/attacks on moto and,
with --embedded, those of tests/service on the embedded AWS, which enforces IAM itself. A test that
fails is an attack that succeeded: its outcome reads FOLLOWED, and the exit status is 1.
"""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.attacks import MARK, PROPERTY, Attack

MOTO, EMBEDDED = "moto", "embedded AWS"


@dataclass
class Row:
    """One attack, and how its cases ended."""

    attack: Attack
    test: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def outcome(self) -> str:
        """How the attack ended."""
        if self.failed:
            return "FOLLOWED"
        return self.attack.ends if self.passed else "not run"

    @property
    def shown_by(self) -> str:
        """Where it was tried."""
        return EMBEDDED if "tests/service/" in self.test else MOTO


@dataclass(eq=False)  # pytest keeps plugins in sets
class Table:
    """A pytest plugin that keeps what became of each attack."""

    rows: dict[str, Row] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of one test; also of another process's (pytest-xdist)."""
        test = report.nodeid.partition("[")[0]
        if report.when == "call" or report.outcome != "passed":
            self.results[test] = worse(self.results.get(test, "passed"), report.outcome)
        found = dict(report.user_properties).get(PROPERTY)
        if not isinstance(found, dict):
            return
        row = self.rows.setdefault(test, Row(Attack(**found), test))
        if report.outcome == "failed":
            row.failed += 1
        elif report.outcome == "skipped":
            row.skipped += 1
        elif report.when == "call":
            row.passed += 1

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be read hides its attacks: that is a failure too."""
        if report.failed:
            self.broken.append(report.nodeid)


def worse(one: str, other: str) -> str:
    """The worse of two outcomes of pytest."""
    return max(one, other, key=("passed", "skipped", "failed").index)


def embedded(row: Row, results: dict[str, str]) -> str:
    """What the embedded AWS says of an attack that is shown there too."""
    if row.shown_by == EMBEDDED:
        return "this row"
    if not row.attack.embedded:
        return ""
    outcome = results.get(f"tests/service/{row.attack.embedded}")
    said = {"passed": "enforced", "failed": "FOLLOWED", "skipped": "skipped", None: "not run now"}
    return f"{said[outcome]}: {row.attack.embedded.partition('::')[2]}"


def table(rows: Iterable[Row], results: dict[str, str]) -> list[str]:
    """The rows as Markdown, in the order of the page."""
    lines = [
        "| item | the attacker | must not follow | outcome | where | on the embedded AWS |",
        "|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda one: (*one.attack.order, one.test)):
        cases = row.passed + row.failed
        count = f" ({cases} cases)" if cases > 1 else ""
        cells = (
            row.attack.item,
            row.attack.does,
            row.attack.never,
            f"{row.outcome}{count}",
            row.shown_by,
            embedded(row, results),
        )
        escaped = (cell.replace("|", r"\|") for cell in cells)
        lines.append(f"| {' | '.join(escaped)} |")
    return lines


def main(given: list[str], out: TextIO = sys.stdout) -> int:
    """Run the attacks and print the table."""
    folders = ["tests/attacks"]
    if "--embedded" in given:
        given = [one for one in given if one != "--embedded"]
        folders.append("tests/service")
    os.chdir(ROOT)
    found = Table()
    status = pytest.main(["--no-header", "-m", MARK, *given, *folders], plugins=[found])
    rows = found.rows.values()
    print("\n".join(table(rows, found.results)), file=out)
    followed = [row for row in rows if row.outcome == "FOLLOWED"]
    followed += [row for row in rows if "FOLLOWED" in embedded(row, found.results)]
    items = {row.attack.item.partition(".")[0] for row in rows}
    print(
        f"\n{len(rows)} attacks of {len(items)} kinds, "
        f"{sum(row.passed + row.failed for row in rows)} cases: {len(followed)} followed",
        file=out,
    )
    for name in found.broken:
        print(f"cannot be read: {name}", file=out)
    return int(bool(status or not rows or found.broken))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
