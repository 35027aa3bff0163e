"""The SNS message of an incident: one payload for each channel; pure.

The message is a JSON object with one string for each protocol (`MessageStructure=json`). People
get text (`default`, `email`), a phone gets one line (`sms`), programs get the report
(`sqs`, `lambda`).

Source: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate

from threegrants.cloudtrail import strip_control_characters, strip_lines
from threegrants.diagnosis import Certainty, Outcome
from threegrants.incidents import AlertReason
from threegrants.report import SCHEMA, Report

MAX_SUBJECT_CHARACTERS = 99
"""SNS takes fewer than 100, ASCII, without a line break."""
MAX_MESSAGE_BYTES = 250_000
"""SNS takes 262,144 bytes of message and attributes together, counted as they are sent."""
MAX_NOTE_CHARACTERS = 60_000
"""Two policies of the greatest size, and some words."""
MAX_SMS_CHARACTERS = 140
REPLAYED_NOTE = (
    "Replayed: a person fed records of this incident in by hand. What they say is that person's word, "
    "and no standing approval covers it."
)
_MAX_TEXT_BYTES = 40_000
"""Of the text of a report that does not fit."""
_MARK_BYTES = 1_000
"""Room that a shortened note needs at least."""

CERTAINTY_TEXT: Mapping[Certainty, str] = {
    Certainty.CONFIRMED: "AWS's own message says the same",
    Certainty.EVALUATED: "from the policies; AWS's message says nothing",
    Certainty.CONTRADICTED: "AWS's own message says otherwise: look before you act",
}
"""How sure a diagnosis is, in words."""

_NEXT_STEP: Mapping[Outcome, str] = {
    Outcome.FIXABLE: "Look, then approve or reject",
    Outcome.HANDOFF: "Send the statement to the owner of that account",
    Outcome.DO_NOT_PATCH: "Do not patch; talk to the owner of what blocks",
    Outcome.ALREADY_ALLOWED: "Nothing to do if the next call works",
    Outcome.UNKNOWN: "Supply what is lacking, then replay",
}


@dataclass(frozen=True, slots=True)
class Alert:
    """What goes to `sns:Publish`.

    Args:
        subject: one line of ASCII, at most 99 characters.
        message: a JSON object with one string for each protocol, at most 250,000 bytes of UTF-8.
        attributes: strings that a subscription's filter policy can select by.
    """

    subject: str
    message: str
    attributes: Mapping[str, str]


def build_alert(report: Report, stack: str, reason: AlertReason, note: str = "") -> Alert:
    """The alert about one report.

    Args:
        report: the incident's report.
        stack: the stack's name, for the commands that are shown.
        reason: why it is sent.
        note: what happened, for people, before everything else.
    """
    return Alert(
        subject=subject_line(report),
        message=_message(report, stack, reason, strip_lines(note[:MAX_NOTE_CHARACTERS])),
        attributes={
            "incident_id": report.id,
            "outcome": report.outcome.value,
            "reason": reason.value,
        },
    )


def subject_line(report: Report) -> str:
    """The mail's subject: kind of access, bucket and outcome; what is not ASCII becomes `?`."""
    bucket = report.request.bucket or "KMS key"
    line = f"Access denied: {report.request.access} {bucket} - {report.outcome}"
    plain = "".join(ch if " " <= ch <= "~" else "?" for ch in line)
    return plain[:MAX_SUBJECT_CHARACTERS]


def mail_text(report: Report, stack: str, reason: AlertReason, note: str = "") -> str:
    """What people read: the note, then the report in lines, then the next commands.

    Args:
        report: the incident's report.
        stack: the stack's name, for the commands.
        reason: why the alert is sent.
        note: what happened; its lines stay lines.
    """
    request, grants = report.request, report.grants
    lines = [
        *([*note.split("\n"), ""] if note else []),
        report.summary,
        "",
        f"Incident   {report.id} ({reason}; {request.count} events)",
        f"Principal  {report.principal.name}",
        f"Request    {request.words}",
        f"Outcome    {report.outcome} ({CERTAINTY_TEXT[report.certainty]})",
        "",
        f"bucket policy {grants.bucket_policy.verdict}",
        f"key policy    {grants.key_policy.verdict}",
        f"IAM policy    {grants.iam_policy.verdict}",
    ]
    if source := report.copy_source:
        lines.append(f"Copy source   s3://{source.bucket}: {source.summary}")
    if since := report.since_denial:
        lines.append(f"Since then    {since.words}")
    for blocker in report.blockers:
        lines.append(f"Blocked by    {blocker.kind_in_words}: {blocker.detail}")
        if blocker.owner:
            lines.append(f"Who decides   {blocker.owner}")
    lines += [f"Proposed      {patch.says}" for patch in report.proposed_patches]
    next_step = _NEXT_STEP[report.outcome]
    if report.is_fixable_by_two:
        next_step += f"; or two people who know that {request.kms_key} is meant approve by digest"
    lines += [
        "",
        f"{next_step}:",
        f"  threegrants show {report.id} --stack {stack}",
    ]
    if report.is_fixable_by_two:
        lines.append(
            f"  threegrants approve {report.id} --stack {stack} --digest DIGEST (one for each grant)"
        )
    if report.is_fixable:
        lines.append(f"  threegrants approve {report.id} --stack {stack}")
    return "\n".join(strip_control_characters(line) for line in lines)


def sms_text(report: Report, note: str = "") -> str:
    """What a phone shows: the incident's id and one line, cut at 140 characters."""
    return strip_control_characters(f"{report.id}: {note or report.summary}")[:MAX_SMS_CHARACTERS]


def program_json(report: Report) -> str:
    """What a program reads: the report's JSON (`threegrants.diagnosis/1`).

    A lone surrogate, which a record may hold and UTF-8 may not, becomes `?`.
    """
    written = json.dumps(report.to_json(), ensure_ascii=False)
    return written.encode(errors="replace").decode()


def _message(report: Report, stack: str, reason: AlertReason, note: str) -> str:
    """The message in full, or in the least shortened form that SNS takes."""
    sms, text = sms_text(report, note), mail_text(report, stack, reason, note)
    program = message = ""
    for shown in _shorter_and_shorter(report):
        program = program_json(shown)
        message = _protocols(text, program, sms)
        if len(message.encode()) <= MAX_MESSAGE_BYTES:
            return message
    # What is left to shorten: the note and the text, which stand in two of the five strings, and at
    # last what programs get. Each says that it was shortened, and where the whole is.
    without_note = mail_text(report, stack, reason)
    spare = MAX_MESSAGE_BYTES - len(_protocols(without_note, program, sms).encode())
    if note and spare > _MARK_BYTES:
        note = _cut_to_bytes(note, spare // 2 - _encoded_bytes("…\n\n"))
        return _protocols(mail_text(report, stack, reason, f"{note}…"), program, sms)
    mark = f"… (shortened: threegrants show {report.id} --stack {stack} has the whole)"
    text = _cut_to_bytes(text, _MAX_TEXT_BYTES) + mark
    message = _protocols(text, program, sms)
    if len(message.encode()) <= MAX_MESSAGE_BYTES:
        return message
    return _protocols(text, _least_json(report, mark), sms)


def _least_json(report: Report, mark: str) -> str:
    """What programs get of a report that does not fit: its name and outcome, and the mark."""
    least = {
        "schema": SCHEMA,
        "id": report.id,
        "outcome": report.outcome.value,
        "certainty": report.certainty.value,
        "summary": _cut_to_bytes(strip_control_characters(report.summary), _MAX_TEXT_BYTES) + mark,
        "shortened": True,
    }
    return json.dumps(least, ensure_ascii=False)


def _shorter_and_shorter(report: Report) -> Iterator[Report]:
    """The report in full, without the policies' texts, and without code too."""
    yield report
    short = report.without_policy_texts()
    yield short
    yield short.without_snippets()


def _protocols(text: str, program: str, sms: str) -> str:
    """The message: one string for each protocol; `default` is for those not named."""
    protocols = {"default": text, "email": text, "sqs": program, "lambda": program, "sms": sms}
    return json.dumps(protocols, ensure_ascii=False)


def _cut_to_bytes(text: str, limit: int) -> str:
    """The longest start of a text that stands in JSON with at most `limit` bytes of UTF-8."""
    sizes = accumulate(_encoded_bytes(character) for character in text)
    return text[: sum(size <= limit for size in sizes)]


def _encoded_bytes(text: str) -> int:
    """How many bytes of UTF-8 a text takes inside a JSON string, escapes included."""
    return len(json.dumps(text, ensure_ascii=False).encode()) - len('""')
