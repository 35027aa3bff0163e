"""Answers for a pull request: Markdown for its comment, SARIF for its annotations.

SARIF 2.1.0: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from collections.abc import Iterator, Sequence
from typing import Any

from threegrants import __version__
from threegrants.access_check.answer import Access, Answer
from threegrants.cloudtrail import strip_control_characters
from threegrants.diagnosis import Verdict
from threegrants.report import GrantReport
from threegrants.report.markdown_text import cell, code

_SARIF = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json"
_FINE = (Verdict.GRANTED, Verdict.NOT_NEEDED)
_LEVELS = {Verdict.UNKNOWN: "warning"}
_RULES = {
    "bucket_policy": "The bucket policy must allow the principal",
    "key_policy": "The KMS key policy must allow the principal",
    "iam_policy": "The principal's IAM policies must allow the action, and the use of the key",
    "blocked": "Nothing beside the three grants may refuse the call",
}
_MARKS = {Access.ALLOWED: "allowed", Access.NOT_ALLOWED: "**refused**", Access.UNKNOWN: "unknown"}


def as_markdown(answers: Sequence[Answer]) -> str:
    """The answers as Markdown: a table of the grants for each question, then what is not known."""
    lines = ["### Access check", ""]
    for answer in answers:
        lines += [f"{_MARKS[answer.access]}: {code(answer.sentence.rpartition(': ')[0])}", ""]
        lines += ["| grant | verdict | why |", "|---|---|---|"]
        for name, grant in answer.report.grants.rows:
            why = "; ".join(cell(one.detail) for one in grant.reasons)
            lines.append(f"| {name} | {grant.verdict.value} | {why} |")
        lines += ["", *(f"- {cell(text)}" for text in _notes(answer)), ""]
    return "\n".join(lines).rstrip() + "\n"


def as_sarif(answers: Sequence[Answer]) -> dict[str, Any]:
    """The answers as one SARIF run: a result for each grant that is not in place, and each blocker."""
    return {
        "$schema": _SARIF,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "threegrants",
                        "version": __version__,
                        "rules": [
                            {"id": name, "shortDescription": {"text": text}}
                            for name, text in _RULES.items()
                        ],
                    }
                },
                "results": [result for answer in answers for result in _results(answer)],
            }
        ],
    }


def _results(answer: Answer) -> Iterator[dict[str, Any]]:
    for grant, found in _by_rule(answer).items():
        if found.verdict in _FINE:
            continue
        why = "; ".join(reason.detail for reason in found.reasons) or found.verdict.value
        text = f"{answer.sentence}. {grant.replace('_', ' ')} {found.verdict.value}: {why}"
        yield _result(grant, _LEVELS.get(found.verdict, "error"), text, answer.places.get(grant))
    for blocker in answer.report.blockers:
        yield _result("blocked", "error", f"{answer.sentence}. {blocker.detail}", None)


def _result(rule: str, level: str, text: str, place: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "ruleId": rule,
        "level": level,
        "message": {"text": strip_control_characters(text)},
    }
    if place:
        file, _, address = place.partition(": ")
        location: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": file}}}
        if address:
            location["logicalLocations"] = [{"fullyQualifiedName": address}]
        found["locations"] = [location]
    return found


def _by_rule(answer: Answer) -> dict[str, GrantReport]:
    grants = answer.report.grants
    reasons = (*grants.iam_policy.bucket.reasons, *grants.iam_policy.key.reasons)
    return {
        "bucket_policy": grants.bucket_policy,
        "key_policy": grants.key_policy,
        "iam_policy": GrantReport(grants.iam_policy.verdict, reasons),
    }


def _notes(answer: Answer) -> Iterator[str]:
    yield from (blocker.detail for blocker in answer.report.blockers)
    for unknown in answer.report.unknowns:
        yield f"not known: {unknown.words}"
    yield from (f"taken for granted: {text}" for text in answer.supposed)
