"""The evaluator against iam-simulate's own engine, over thousands of generated cases.

    python benchmarks/differential/run.py FOLDER [--cases N] [--seed N]

FOLDER holds node_modules with @cloud-copilot/iam-simulate (`make differential` installs it there).
Every disagreement is made as small as it gets, and must then fall under a rule of EXPLAINED, each of
which names the AWS page that decides it (docs/evaluator.md tells them in prose). The exit status is
1 if one does not; it is printed whole.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "functions"), str(ROOT / "benchmarks")]

from differential.generate import cases
from differential.shrink import Case, at, paths, shrink

from threegrants.cli.cases import answer_case

ENGINE = Path(__file__).with_name("engine.mjs")
_IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"


def _text(case: Case) -> str:
    return json.dumps({name: part for name, part in case.items() if name != "request"})


def _principal(case: Case) -> str:
    return case["request"]["principal"]


def _old_variable(case: Case) -> bool:
    documents = [at(case, path) for path in paths(case)]
    return any(d["Version"] == "2008-10-17" and "${" in json.dumps(d) for d in documents)


EXPLAINED: dict[str, tuple[str, Callable[[Case], bool]]] = {
    "variables are plain text in Version 2008-10-17": (
        _IAM + "reference_policies_variables.html",
        _old_variable,
    ),
    "a variable without a value equals nothing, also under NotResource and negated operators": (
        _IAM + "reference_policies_variables.html#policy-vars-no-value",
        lambda case: "${aws:" in _text(case),
    ),
    "the root user may do what its account may": (
        _IAM + "id_root-user.html",
        lambda case: _principal(case).endswith(":root"),
    ),
    "a federated user without a session policy has no permissions of its own": (
        "https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html",
        lambda case: ":federated-user/" in _principal(case) and not case["sessionPolicy"],
    ),
    "NotPrincipal spares only who is listed with session, role and account": (
        _IAM + "reference_policies_elements_notprincipal.html",
        lambda case: "NotPrincipal" in _text(case),
    ),
    "a grant to a session, a user or everyone is free of implicit denies in the same account": (
        _IAM + "reference_policies_evaluation-logic_policy-eval-denyallow.html",
        lambda case: bool(
            case["resourcePolicy"] and (case["sessionPolicy"] or case["permissionBoundaries"])
        ),
    ),
    "0.0.0.0/0 is every IPv4 address": (
        _IAM + "reference_policies_elements_condition_operators.html#Conditions_IPAddress",
        lambda case: "0.0.0.0/0" in _text(case),
    ),
    "an address of the other IP version is outside of a range": (
        _IAM + "reference_policies_elements_condition_operators.html#Conditions_IPAddress",
        lambda case: (
            "IpAddress" in _text(case) and ":" in case["request"]["context"]["aws:SourceIp"]
        ),
    ),
    "epoch seconds are a date": (
        _IAM + "reference_policies_elements_condition_operators.html#Conditions_Date",
        lambda case: "1767225600" in _text(case),
    ),
    "a pattern without six fields is like no ARN, so ArnNotLike holds": (
        _IAM + "reference_policies_elements_condition_operators.html#Conditions_ARN",
        lambda case: bool(re.search(r'"ArnNot[^}]*"(arn:)?\*"', _text(case))),
    ),
    "a key without values is absent": (
        _IAM + "reference_policies_elements_condition_operators.html#Conditions_Null",
        lambda case: case["request"]["context"].get("aws:TagKeys") == [],
    ),
}


def answers(folder: Path) -> Callable[[list[Case]], list[tuple[str, str]]]:
    """What decides lists of cases: our decision and theirs for each."""

    def decide(asked: list[Case]) -> list[tuple[str, str]]:
        if not asked:
            return []
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            file.write("\n".join(json.dumps(case) for case in asked))
            file.flush()
            command = ["node", str(ENGINE), str(folder), file.name, "answers"]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
        theirs = [json.loads(line)["decision"] for line in done.stdout.splitlines()]
        return [
            (answer_case(case)["decision"], their)
            for case, their in zip(asked, theirs, strict=True)
        ]

    return decide


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("folder", type=Path)
    options.add_argument("--cases", type=int, default=10_000)
    options.add_argument("--seed", type=int, default=2026)
    given = options.parse_args()
    decide = answers(given.folder)
    asked = cases(given.cases, given.seed)
    decided = decide(asked)
    apart = [case for case, (ours, theirs) in zip(asked, decided, strict=True) if ours != theirs]
    small = shrink(apart, decide)
    counted: Counter[str] = Counter()
    left = []
    for case, pair in zip(small, decide(small), strict=True):
        rule = next((name for name, (_, fits) in EXPLAINED.items() if fits(case)), None)
        if rule:
            counted[rule] += 1
        else:
            left.append((case, pair))
    kinds = Counter(ours for ours, _ in decided)
    print(f"{given.cases:,} cases (seed {given.seed}): {dict(kinds)}")
    print(f"{given.cases - len(apart):,} alike, {len(apart)} apart, of which")
    for rule, count in counted.most_common():
        print(f"{count:>6}  {rule}\n        {EXPLAINED[rule][0]}")
    print(f"{len(left):>6}  unexplained")
    for case, (ours, theirs) in left:
        print(f"\nwe: {ours}, they: {theirs}\n{json.dumps(case)}")
    return bool(left)


if __name__ == "__main__":
    sys.exit(main())
