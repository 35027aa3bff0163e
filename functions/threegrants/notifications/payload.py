"""The SNS message of an incident; pure.

`MessageStructure=json`: one string for each protocol, `default` for people. The subject is ASCII,
one line, under 100 characters (SNS API reference, Publish).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from threegrants.cloudtrail import strip_control_characters

_MAX_SUBJECT_CHARACTERS = 99
_MAX_MESSAGE_BYTES = 250_000
"""Bytes; SNS takes 256 KiB with attributes."""
_MAX_NOTE_CHARACTERS = 60_000
"""Characters; two policies of the greatest size, and some words."""

_GRANTS = (
    ("bucket policy", "bucket_policy"),
    ("key policy", "key_policy"),
    ("IAM policy", "iam_policy"),
)
CERTAINTY_TEXT = {
    "confirmed": "AWS's own message says the same",
    "evaluated": "from the policies; AWS's message says nothing",
    "contradicted": "AWS's own message says otherwise: look before you act",
}
"""How sure a diagnosis is, in words."""
_NEXT_STEP = {
    "fixable": "Look, then approve or reject",
    "handoff": "Send the statement to the owner of that account",
    "do_not_patch": "Do not patch; talk to the owner of what blocks",
    "already_allowed": "Nothing to do if the next call works",
    "unknown": "Supply what is lacking, then replay",
}


@dataclass(frozen=True, slots=True)
class Alert:
    """What goes to `sns:Publish`."""

    subject: str
    message: str
    attributes: Mapping[str, str]


def build_alert(
    report: Mapping[str, Any], stack: str, reason: str = "opened", note: str = ""
) -> Alert:
    """The alert of one diagnosis document.

    Args:
        report: the document (`threegrants.diagnosis/1`).
        stack: the stack's name, for the command that is shown.
        reason: `opened`, `changed` or `count`; of a remediation `failed`, `stuck`, `verified`,
            `standing`, `overwritten`, …
        note: what happened, for people, before everything else.
    """
    people_text = _text(report, stack, reason)
    if note:
        people_text = "\n".join(
            [
                *(
                    strip_control_characters(line)
                    for line in note[:_MAX_NOTE_CHARACTERS].split("\n")
                ),
                "",
                people_text,
            ]
        )
    program_text = json.dumps(report, ensure_ascii=False)
    if len(people_text.encode()) * 2 + len(program_text.encode()) * 2 > _MAX_MESSAGE_BYTES:
        short = [
            {name: value for name, value in patch.items() if name not in ("before", "after")}
            for patch in report["patches"]
        ]
        program_text = json.dumps({**report, "patches": short}, ensure_ascii=False)
    protocols = {
        "default": people_text,
        "email": people_text,
        "sqs": program_text,
        "lambda": program_text,
        "sms": _sms(report, note),
    }
    return Alert(
        subject=_subject(report),
        message=json.dumps(protocols, ensure_ascii=False),
        attributes={
            "incident_id": str(report["id"]),
            "outcome": str(report["outcome"]),
            "reason": reason,
        },
    )


def _subject(report: Mapping[str, Any]) -> str:
    request = report["request"]
    line = (
        f"Access denied: {request['access']} {request['bucket'] or 'KMS key'} - {report['outcome']}"
    )
    plain = "".join(ch if " " <= ch <= "~" else "?" for ch in line)
    return plain[:_MAX_SUBJECT_CHARACTERS]


def _sms(report: Mapping[str, Any], note: str) -> str:
    return strip_control_characters(f"{report['id']}: {note or report['summary']}")[:140]


def _text(report: Mapping[str, Any], stack: str, reason: str) -> str:
    request, grants = report["request"], report["grants"]
    lines = [
        str(report["summary"]),
        "",
        f"Incident   {report['id']} ({reason}; {request['count']} events)",
        f"Principal  {report['principal']['arn'] or report['principal']['account']}",
        f"Request    {request['action']} on {request['resource']}",
        f"Outcome    {report['outcome']} ({CERTAINTY_TEXT[report['certainty']]})",
        "",
        *(f"{label:<14}{grants[name]['verdict']}" for label, name in _GRANTS),
    ]
    if source := report["copy_source"]:
        lines.append(f"Copy source   s3://{source['bucket']}: {source['summary']}")
    for blocker in report["blockers"]:
        lines.append(f"Blocked by    {blocker['kind'].replace('_', ' ')}: {blocker['detail']}")
        lines.append(f"Who decides   {blocker['owner']}")
    lines += [
        "",
        f"{_NEXT_STEP[str(report['outcome'])]}:",
        f"  threegrants show {report['id']} --stack {stack}",
    ]
    if report["outcome"] == "fixable":
        lines.append(f"  threegrants approve {report['id']} --stack {stack}")
    return "\n".join(strip_control_characters(line) for line in lines)
