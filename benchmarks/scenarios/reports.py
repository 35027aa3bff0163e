"""One stored report for each cause: what docs/alerts.md shows the alerts of.

    python benchmarks/scenarios/run.py --reports

writes them anew. What moto makes up (ids of keys, roles and sessions, times) is replaced, so that the file
changes only when an answer does.
"""

import gzip
import itertools
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from threegrants.report import Report

FILE = Path(__file__).resolve().parents[2] / "tests" / "data" / "alert_reports.jsonl.gz"
TIME = "2026-11-24T03:01:00Z"
_MADE_UP = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|A[RI][OD]A[A-Z0-9]{16,17}|\bo-[a-z0-9]{10}\b"
)
_TIMES = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|\+00:00)")


def normal(report: Report) -> dict[str, Any]:
    """A report's JSON without the policies' texts, the alternatives, and what differs from run to run."""
    shown = report.without_policy_texts()
    written = shown.to_json()
    written["patches"] = [patch.to_json() for patch in shown.proposed_patches]
    written |= {"evidence_age_seconds": 0}
    text = json.dumps(written, ensure_ascii=False, sort_keys=True)
    numbers = itertools.count(1)
    known: dict[str, str] = {}
    text = _MADE_UP.sub(lambda found: known.setdefault(found[0], _fixed(found[0], numbers)), text)
    text = re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", text)
    text = re.sub(r"Threegrants([A-Z][a-z]+)[0-9a-f]{12}", r"Threegrants\g<1>000000000000", text)
    found: dict[str, Any] = json.loads(_TIMES.sub(TIME, text))
    return found


def _fixed(made_up: str, numbers: Iterable[int]) -> str:
    number = next(iter(numbers))
    if made_up.startswith("o-"):
        return f"o-{number:010d}"
    if "-" in made_up:
        return f"{number:08d}-0000-4000-8000-000000000000"
    return f"{made_up[:4]}{number:0{len(made_up) - 4}d}"


def causes_of(report: dict[str, Any]) -> list[str]:
    """The codes of docs/causes.md that a report has."""
    codes = dict.fromkeys(cause.rpartition(".")[2] for cause in report["causes"])
    return [code for code in codes if not code.startswith("allowed")]


def first_of_each_cause(reports: Iterable[tuple[str, Report]]) -> list[dict[str, Any]]:
    """For each cause the first scenario that has it: its id, the cause, the report."""
    found: dict[str, dict[str, Any]] = {}
    for scenario, report in reports:
        written = normal(report)
        for cause in causes_of(written):
            found.setdefault(cause, {"scenario": scenario, "cause": cause, "report": written})
    return [found[cause] for cause in sorted(found)]


def write(rows: list[dict[str, Any]]) -> None:
    """Keep the reports; the same reports make the same file."""
    text = "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows)
    FILE.write_bytes(gzip.compress(text.encode(), mtime=0))


def stored() -> list[dict[str, Any]]:
    """The reports as they are kept."""
    return [json.loads(line) for line in gzip.decompress(FILE.read_bytes()).decode().splitlines()]
