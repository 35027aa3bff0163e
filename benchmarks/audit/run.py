"""What each offered patch opens, asked of an independent engine (iam-simulate), before and after.

    python benchmarks/audit/run.py FOLDER [--worlds N] [--seed N] [--pairs N]

FOLDER holds node_modules with @cloud-copilot/iam-simulate (`make audit` installs it there). Every
patch that is offered for a random denied call is asked some hundred questions, with two surroundings:
everything else as it is with the other proposed patches in place, and everything else allowed. A
request that is allowed after and not before, and that the patch's stated scope does not cover, is a
widening: it is printed, and the exit status is 1. Then each condition of each patch is taken away
alone; how many more requests that opens is what the condition keeps out.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "functions"), str(ROOT / "benchmarks")]

from audit.questions import Question, Stated, is_own, questions
from audit.surroundings import (
    GRANT,
    SURROUNDINGS,
    Case,
    Surroundings,
    actions_of,
    conditions_of,
    policies,
    without,
)
from audit.worlds import World, worlds

from threegrants.analysis import Analysis, analyze_evidence
from threegrants.diagnosis import Outcome
from threegrants.patches import Patch

ENGINE = ROOT / "benchmarks" / "differential" / "engine.mjs"
COMMON = {
    "aws:SecureTransport": "true",
    "aws:SourceIp": "198.51.100.7",
    "aws:CurrentTime": "2026-11-24T03:00:00Z",
    "s3:signatureversion": "AWS4-HMAC-SHA256",
}


@dataclass
class Kind:
    """What was found of one kind of patch."""

    patches: int = 0
    questions: int = 0
    widening: int = 0
    """patches with a widening"""
    stated: int = 0
    """patches in AWS's published form, which open more than the call by the operator's choice"""
    kept_out: Counter[str] = field(default_factory=Counter)
    """requests that one condition alone keeps out, by the condition's key"""
    carried: Counter[str] = field(default_factory=Counter)
    """patches that carry a condition, by its key"""


@dataclass(frozen=True, slots=True)
class Asked:
    """One patch with its questions, and where their answers will stand."""

    world: World
    patch: Patch
    stated: Stated
    listed: tuple[Question, ...]
    mends: bool
    """whether the call is said to be allowed with the proposed patches"""


def kind_of(patch: Patch, world: World) -> str:
    """The kind of patch, as the table names it."""
    name = str(patch.grant).replace("_", " ").replace("iam", "IAM")
    services = {one.partition(":")[0] for one in actions_of(patch)}
    if patch.operation == GRANT:
        name = "KMS grant"
    elif patch.grant == "iam_policy":
        halves = [
            half for service, half in (("s3", "bucket"), ("kms", "key")) if service in services
        ]
        name += f", {' and '.join(halves)}"
    if patch.grant != "key_policy" and world.call.access == "list":
        name += ", list"
    article = "kms" in services and Stated(world, patch).article
    return f"{name}{', article' if article else ''}"


class Engine:
    """Collects cases with many requests each, and asks them all in one go."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cases: list[str] = []

    def add(self, case: Case, listed: list[dict[str, Any]]) -> int:
        """The number of a case; its answers stand under it."""
        self.cases.append(json.dumps({**case, "requests": listed}))
        return len(self.cases) - 1

    def answers(self) -> list[list[bool]]:
        """Whether each request of each case is allowed."""
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            file.write("\n".join(self.cases))
            file.flush()
            command = ["node", str(ENGINE), str(self.folder), file.name, "many"]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
        return [json.loads(line) for line in done.stdout.splitlines()]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The cases before and after, with the questions that both were asked."""

    asked: Asked
    listed: tuple[Question, ...]
    before: int
    after: int
    around: Surroundings
    removed: str = ""
    """the condition that was taken away"""


def compare(engine: Engine, asked: Asked, analysis: Analysis) -> list[Comparison]:
    """Put every question about one patch to the engine; with the patch whole, and without each condition."""
    world, patch = asked.world, asked.patch
    variants = [("", patch.after)]
    variants += [(place[2], without(patch, place)) for place in conditions_of(patch)]
    found = []
    for around in SURROUNDINGS:
        for of_key in (False, True):
            for own in (True, False):
                listed = tuple(
                    one
                    for one in asked.listed
                    if one.action.startswith("kms:") is of_key
                    and own is is_own(one.principal, world)
                )
                if not listed:
                    continue
                requests = [
                    one.to_json(world, {**COMMON, "aws:RequestedRegion": world.region})
                    for one in listed
                ]

                def add(
                    text: str | None,
                    around: Surroundings = around,
                    of_key: bool = of_key,  # noqa: FBT001
                    own: bool = own,  # noqa: FBT001
                    requests: list[dict[str, Any]] = requests,
                ) -> int:
                    chosen = policies(
                        world,
                        analysis.patches,
                        patch,
                        text,
                        around=around,
                        of_key=of_key,
                        own=own,
                    )
                    return engine.add(chosen, requests)

                before = add(patch.before)
                for removed, text in variants[: None if around is SURROUNDINGS[1] else 1]:
                    found.append(Comparison(asked, listed, before, add(text), around, removed))
    return found


def opened(comparison: Comparison, answers: list[list[bool]]) -> list[Question]:
    """The questions that are allowed after and were not before, and that nobody said would be."""
    pairs = zip(
        comparison.listed, answers[comparison.before], answers[comparison.after], strict=True
    )
    return [
        one
        for one, before, after in pairs
        if after and not before and not comparison.asked.stated.covers(one)
    ]


def useless(comparison: Comparison, answers: list[list[bool]]) -> bool:
    """Whether the denied call itself is not allowed with the patches: then nothing was tested."""
    if comparison.around is not Surroundings.AS_IT_IS or not comparison.asked.mends:
        return False
    after = answers[comparison.after]
    own = [n for n, one in enumerate(comparison.listed) if not one.other]
    return bool(own) and not all(after[n] for n in own)


def label_of(question: Question) -> str:
    """What of a request is other than in the denied call, in words."""
    return " + ".join(question.other) or "the denied call"


@dataclass(frozen=True, slots=True)
class Widening:
    """A request that a patch opens beside its stated scope."""

    comparison: Comparison
    question: Question

    def __str__(self) -> str:
        patch, question = self.comparison.asked.patch, self.question
        return (
            f"world {self.comparison.asked.world.number}: {patch.operation} {patch.scope or ''} on "
            f"{patch.target} lets {question.principal} {question.action} on {question.resource} "
            f"{dict(question.context)} ({self.comparison.around})"
        )


def judge(
    comparisons: list[Comparison], answers: list[list[bool]], kinds: dict[str, Kind]
) -> tuple[list[Widening], list[Comparison]]:
    """The widenings, and the comparisons whose denied call stays denied; counts go into the kinds.

    Args:
        comparisons: all of them.
        answers: whether each request of each case is allowed.
        kinds: the counts by kind of patch.
    """
    widenings: list[Widening] = []
    idle: list[Comparison] = []
    for one in comparisons:
        asked = one.asked
        kind = kinds[kind_of(asked.patch, asked.world)]
        found = opened(one, answers)
        if one.removed:
            kind.kept_out[one.removed] += len(found)
            continue
        widenings += [Widening(one, question) for question in found]
        if useless(one, answers):
            idle.append(one)
    for name, kind in kinds.items():
        bad = {w.comparison.asked.patch.digest for w in widenings if _kind(w.comparison) == name}
        kind.widening = len(bad)
    return widenings, idle


def _kind(comparison: Comparison) -> str:
    return kind_of(comparison.asked.patch, comparison.asked.world)


def report(kinds: dict[str, Kind], widenings: list[Widening], shown: int = 12) -> list[str]:
    """The tables, as lines.

    Args:
        kinds: the counts by kind of patch.
        widenings: what was found.
        shown: how many examples are printed.
    """
    lines = [
        "| kind of patch | patches | questions | with a widening | says that it opens more |",
        "|---|---|---|---|---|",
    ]
    for name, kind in sorted(kinds.items()):
        lines.append(
            f"| {name} | {kind.patches} | {kind.questions:,} | {kind.widening} | {kind.stated} |"
        )
    lines += [
        "",
        "| kind of patch | condition | on patches | requests that it alone keeps out |",
        "|---|---|---|---|",
    ]
    for name, kind in sorted(kinds.items()):
        if not kind.carried:
            lines.append(f"| {name} | none | | |")
        for key, count in sorted(kind.carried.items()):
            lines.append(f"| {name} | {key} | {count} | {kind.kept_out[key]:,} |")
    grouped: dict[tuple[str, str], list[Widening]] = {}
    for widening in widenings:
        grouped.setdefault((_kind(widening.comparison), label_of(widening.question)), []).append(
            widening
        )
    if grouped:
        lines += ["", "| kind of patch | widening | requests | patches |", "|---|---|---|---|"]
    for (name, label), found in sorted(grouped.items()):
        if not _is_plain(name, label, grouped):
            continue
        digests = {one.comparison.asked.patch.digest for one in found}
        lines.append(f"| {name} | {label} | {len(found):,} | {len(digests)} |")
    plain = [
        found[0] for (name, label), found in grouped.items() if _is_plain(name, label, grouped)
    ]
    return [*lines, "", *(str(one) for one in plain[:shown])]


def _is_plain(name: str, label: str, grouped: Mapping[tuple[str, str], object]) -> bool:
    """Whether no part of what is other is a widening of this kind by itself."""
    parts = label.split(" + ")
    return len(parts) == 1 or not any((name, one) in grouped for one in parts)


@dataclass
class Audit:
    """What was found in some worlds."""

    kinds: dict[str, Kind]
    widenings: list[Widening]
    idle: list[Comparison]
    """of patches that are said to mend their call, and do not"""
    with_patches: int
    answers: int


def audit(listed: Iterable[World], folder: Path, seed: int, pairs: int) -> Audit:
    """Ask about every patch that is offered in some worlds.

    Args:
        listed: the worlds.
        folder: where the engine is installed.
        seed: of the choice of questions with two things other.
        pairs: how many of those a patch gets for each action.
    """
    engine = Engine(folder)
    comparisons: list[Comparison] = []
    kinds: dict[str, Kind] = {}
    with_patches = 0
    for world in listed:
        analysis = analyze_evidence(world.call, world.evidence, world.options)
        with_patches += bool(analysis.offered)
        for patch in analysis.offered:
            r = random.Random(f"{seed}-{patch.digest}")
            asked = Asked(
                world,
                patch,
                Stated(world, patch),
                tuple(questions(world, patch, r, pairs)),
                analysis.diagnosis.outcome is not Outcome.UNKNOWN and patch.operation != GRANT,
            )
            kind = kinds.setdefault(kind_of(patch, world), Kind())
            kind.patches += 1
            kind.questions += len(asked.listed)
            kind.stated += asked.stated.says_more
            kind.carried.update({key for _, _, key in conditions_of(patch)})
            comparisons += compare(engine, asked, analysis)
    answers = engine.answers()
    widenings, idle = judge(comparisons, answers, kinds)
    return Audit(kinds, widenings, idle, with_patches, sum(len(one) for one in answers))


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("folder", type=Path)
    options.add_argument("--worlds", type=int, default=330)
    options.add_argument("--seed", type=int, default=20261125)
    options.add_argument("--pairs", type=int, default=80, help="questions with two things other")
    given = options.parse_args()
    found = audit(worlds(given.worlds, given.seed), given.folder, given.seed, given.pairs)
    print("\n".join(report(found.kinds, found.widenings)))
    asked = sum(kind.questions for kind in found.kinds.values())
    patches = sum(kind.patches for kind in found.kinds.values())
    print(
        f"\n{given.worlds} worlds (seed {given.seed}), {found.with_patches} with patches; "
        f"{patches} patches; {asked:,} questions, each before and after and with two surroundings; "
        f"{found.answers:,} answers"
    )
    bad = sum(kind.widening for kind in found.kinds.values())
    print(f"{len(found.widenings):,} widenings, of {bad} patches")
    for comparison in found.idle[:5]:
        patch = comparison.asked.patch
        number = comparison.asked.world.number
        print(f"still denied with its patch, world {number}: {patch.operation}")
    return int(bool(found.widenings or found.idle))


if __name__ == "__main__":
    sys.exit(main())
