"""The SNS message of an incident; pure.

`MessageStructure=json`: one string for each protocol, `default` for people. The subject is ASCII,
one line, under 100 characters (SNS API reference, Publish).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from threegrants.cloudtrail import strip_control_characters

_SUBJECT = 99
_MESSAGE = 250_000
"""Bytes; SNS takes 256 KiB with attributes."""
_NOTE = 60_000
"""Characters; two policies of the greatest size, and some words."""

_GRANTS = (
    ("bucket policy", "bucket_policy"),
    ("key policy", "key_policy"),
    ("IAM policy", "iam_policy"),
)
CERTAINTY = {
    "confirmed": "AWS's own message says the same",
    "evaluated": "from the policies; AWS's message says nothing",
    "contradicted": "AWS's own message says otherwise: look before you act",
}
"""How sure a diagnosis is, in words."""
_NEXT = {
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


def alert_for(body: Mapping[str, Any], stack: str, why: str = "opened", note: str = "") -> Alert:
    """The alert of one diagnosis document.

    Args:
        body: the document (`threegrants.diagnosis/1`).
        stack: the stack's name, for the command that is shown.
        why: `opened`, `changed` or `count`; of a remediation `failed`, `stuck`, `verified`,
            `standing`, `overwritten`, …
        note: what happened, for people, before everything else.
    """
    text = _text(body, stack, why)
    if note:
        text = "\n".join(
            [*(strip_control_characters(line) for line in note[:_NOTE].split("\n")), "", text]
        )
    data = json.dumps(body, ensure_ascii=False)
    if len(text.encode()) * 2 + len(data.encode()) * 2 > _MESSAGE:
        short = [
            {name: value for name, value in patch.items() if name not in ("before", "after")}
            for patch in body["patches"]
        ]
        data = json.dumps({**body, "patches": short}, ensure_ascii=False)
    protocols = {
        "default": text,
        "email": text,
        "sqs": data,
        "lambda": data,
        "sms": _sms(body, note),
    }
    return Alert(
        subject=_subject(body),
        message=json.dumps(protocols, ensure_ascii=False),
        attributes={
            "incident_id": str(body["id"]),
            "outcome": str(body["outcome"]),
            "reason": why,
        },
    )


def _subject(body: Mapping[str, Any]) -> str:
    request = body["request"]
    line = (
        f"Access denied: {request['access']} {request['bucket'] or 'KMS key'} - {body['outcome']}"
    )
    plain = "".join(ch if " " <= ch <= "~" else "?" for ch in line)
    return plain[:_SUBJECT]


def _sms(body: Mapping[str, Any], note: str) -> str:
    return strip_control_characters(f"{body['id']}: {note or body['summary']}")[:140]


def _text(body: Mapping[str, Any], stack: str, why: str) -> str:
    request, grants = body["request"], body["grants"]
    lines = [
        str(body["summary"]),
        "",
        f"Incident   {body['id']} ({why}; {request['count']} events)",
        f"Principal  {body['principal']['arn'] or body['principal']['account']}",
        f"Request    {request['action']} on {request['resource']}",
        f"Outcome    {body['outcome']} ({CERTAINTY[body['certainty']]})",
        "",
        *(f"{label:<14}{grants[name]['verdict']}" for label, name in _GRANTS),
    ]
    if source := body["copy_source"]:
        lines.append(f"Copy source   s3://{source['bucket']}: {source['summary']}")
    for blocker in body["blockers"]:
        lines.append(f"Blocked by    {blocker['kind'].replace('_', ' ')}: {blocker['detail']}")
        lines.append(f"Who decides   {blocker['owner']}")
    lines += [
        "",
        f"{_NEXT[str(body['outcome'])]}:",
        f"  threegrants show {body['id']} --stack {stack}",
    ]
    if body["outcome"] == "fixable":
        lines.append(f"  threegrants approve {body['id']} --stack {stack}")
    return "\n".join(strip_control_characters(line) for line in lines)
