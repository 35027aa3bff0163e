"""Diagnose every scenario in a world of its own on moto, and compare with the labels.

    python benchmarks/scenarios/run.py [--only TEXT] [--reports]

Each scenario runs the whole way: CloudTrail record → denied call → evidence read through boto3 in
every account → diagnosis → the alert of every channel. The exit status is 1 if one verdict is wrong,
or if one alert breaks a limit or does not say what it must (`alerts.py`).
"""

import argparse
import gzip
import json
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "functions"), str(ROOT / "benchmarks")]

from scenarios import reports
from scenarios.alerts import wrong_in_alerts
from scenarios.words import A, B
from scenarios.worlds import READER, aws, build, filled

from threegrants.analysis import Analysis, AnalysisOptions, analyze
from threegrants.cloudtrail import DeniedCall, parse_record
from threegrants.diagnosis import Diagnosis, causes
from threegrants.evidence import MemberAccounts, RoleClients
from threegrants.report import Report, report_for

FILE = Path(__file__).with_name("scenarios.jsonl.gz")
_INCIDENT = "tg-0123456789abcdef"
GRANTS = ("bucket_policy", "key_policy", "iam_bucket", "iam_key")


def answer(scenario: dict[str, Any]) -> dict[str, Any]:
    """The diagnosis of one scenario, in the shape of its label, and what is wrong in its alerts."""
    analysis = analysis_of(scenario)
    report = report_for(analysis, _INCIDENT)
    return {**labelled(analysis.diagnosis), "alerts": wrong_in_alerts(report)}


def report_of(scenario: dict[str, Any]) -> tuple[str, Report]:
    """The id of a scenario, and its report."""
    return scenario["id"], report_for(analysis_of(scenario), _INCIDENT)


def analysis_of(scenario: dict[str, Any]) -> Analysis:
    """One scenario analysed in a world of its own on moto."""
    world = scenario["world"]
    with aws():
        call = parse_record(json.loads(filled(scenario["record"], build(whole_world(scenario)))))
        assert isinstance(call, DeniedCall)
        manager = world.get("organization", {}).get("manager")
        listed = frozenset(world.get("listed", ()))
        accounts = RoleClients(
            READER,
            members=MemberAccounts(listed, "AccountsToRead") if listed else None,
            candidate_owners=tuple(world.get("known", (A, B))),
            organizations=manager,
            objects=looks_at_objects(scenario),
        )
        rules = AnalysisOptions(writable=frozenset(world.get("writable", (A, B))))
        return analyze(call, accounts, rules)


UNSEEN = frozenset({"Bucket Key: a read of an object nobody looked at"})
"""Scenarios of version 2 whose cause says that nobody may look at the object."""


def looks_at_objects(scenario: dict[str, Any]) -> bool:
    """Whether the readers may look at objects (`ReadObjects`).

    A world says it (`"reads_objects"`). Those of version 2 do not: what they are about is grants,
    so the object is there, as the bucket's default encryption makes it, and may be looked at.
    """
    seen: bool = scenario["world"].get("reads_objects", not scenario["cause"].startswith(*UNSEEN))
    return seen


def whole_world(scenario: dict[str, Any]) -> dict[str, Any]:
    """The world, with the object of the call in it where the scenario says nothing of one."""
    world: dict[str, Any] = scenario["world"]
    if "object" in world or "holds" in world:
        return world
    source = world.get("source")
    there = {"source": {"holds": ["2025/q3.csv"], **source}} if source else {}
    return {"holds": ["2026/q3.csv"], **world, **there}


def labelled(found: Diagnosis) -> dict[str, Any]:
    """A diagnosis in the shape of a scenario's label."""
    iam = found.iam_policy
    verdicts = (found.bucket_policy, found.key_policy, iam.bucket, iam.key)
    return {
        **{name: grant.verdict.value for name, grant in zip(GRANTS, verdicts, strict=True)},
        "outcome": found.outcome.value,
        "blockers": [blocker.kind for blocker in found.blockers],
        "certainty": found.certainty.value,
        "codes": list(causes(found)),
        "summary": found.summary,
        "unknowns": [item.what for item in found.unknowns],
        "needs": " ".join(item.needs for item in found.unknowns),
    }


def apart(expected: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """Where an answer is not as labelled: (label, said).

    Of codes and unknowns, those named must be there; of the summary and of what is needed, the words. What
    a name that ends in `_without` has must not be there.
    """
    found = {}
    for name, label in expected.items():
        answer = said[name.removesuffix("_without")]
        right = answer == label
        if name in ("codes", "unknowns"):
            right = set(label) <= set(answer)
        elif name in ("summary", "needs"):
            right = label in answer
        elif name == "unknowns_without":
            right = not set(label) & set(answer)
        elif name == "summary_without":
            right = label not in answer
        if not right:
            found[name] = (label, answer)
    return found


def scenarios() -> list[dict[str, Any]]:
    with gzip.open(FILE, "rt") as lines:
        return [json.loads(line) for line in lines]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--only", default="", help="only ids and causes with this text")
    options.add_argument(
        "--reports", action="store_true", help="only write the reports that docs/alerts.md shows"
    )
    given = options.parse_args()
    if given.reports:
        with ProcessPoolExecutor() as workers:
            reports.write(
                reports.first_of_each_cause(workers.map(report_of, scenarios(), chunksize=4))
            )
        return 0
    listed = [s for s in scenarios() if given.only in f"{s['id']} {s['cause']}"]
    with ProcessPoolExecutor() as workers:
        found = list(workers.map(answer, listed, chunksize=4))
    confusion: Counter[tuple[str, str, str]] = Counter()
    wrong = []
    for scenario, said in zip(listed, found, strict=True):
        for part in (*GRANTS, "outcome"):
            confusion[part, scenario["expected"][part], said[part]] += 1
        if apart(scenario["expected"], said) or said["alerts"]:
            wrong.append((scenario, said))
    show(confusion)
    causes = {scenario["cause"] for scenario in listed}
    right = len(listed) - len(wrong)
    print(
        f"\n{len(listed)} scenarios (to version {max(s['version'] for s in listed)}), {len(causes)} causes: {right} right"
    )
    for scenario, said in wrong:
        differs = apart(scenario["expected"], said)
        print(f"{scenario['id']}  {scenario['cause']}: (label, said) {differs} {said['alerts']}")
    return bool(wrong)


def show(confusion: Counter[tuple[str, str, str]]) -> None:
    for part in (*GRANTS, "outcome"):
        cells = {(w, s): n for (p, w, s), n in confusion.items() if p == part}
        words = sorted({word for pair in cells for word in pair})
        print(f"\n{part + ': label ↓, said →':<34}" + "".join(f"{word:>16}" for word in words))
        for wanted in words:
            row = "".join(f"{cells.get((wanted, said), 0) or '·':>16}" for said in words)
            print(f"{wanted:<34}{row}")


if __name__ == "__main__":
    sys.exit(main())
