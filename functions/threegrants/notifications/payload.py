"""The SNS message of an incident: one payload for each channel; pure.

The message is a JSON object with one string for each protocol (`MessageStructure=json`). People
get text (`default`, `email`), a phone gets one SMS (`sms`), programs get the report (`sqs`, `lambda`),
and `https` is for Amazon Q Developer, which subscribes by it.

Source: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from threegrants.cloudtrail import strip_control_characters, strip_lines
from threegrants.incidents import AlertReason
from threegrants.notifications.alert_policy import DEFAULT, NOTHING_DECIDED, AlertPolicy
from threegrants.notifications.chat import amazon_q_body
from threegrants.notifications.content import CERTAINTY_TEXT, AlertContent, content_of
from threegrants.notifications.limits import MAX_MESSAGE_BYTES
from threegrants.notifications.neutralize import plain_line
from threegrants.notifications.phone import phone_text
from threegrants.notifications.routing import Route, route_of
from threegrants.notifications.routing_fields import routing_fields
from threegrants.notifications.shorten import cut_to_bytes, encoded_bytes
from threegrants.notifications.subject import subject_line
from threegrants.notifications.templating import rendered
from threegrants.notifications.thread import NOBODY, Thread
from threegrants.report import SCHEMA, Report

__all__ = ["CERTAINTY_TEXT", "REPLAYED_NOTE", "Alert", "build_alert", "mail_text", "program_json"]

MAX_NOTE_CHARACTERS = 60_000
"""Two policies of the greatest size, and some words."""
REPLAYED_NOTE = (
    "Replayed: a person fed records of this incident in by hand. What they say is that person's word, "
    "and no standing approval covers it."
)
_MAX_TEXT_BYTES = 40_000
"""Of the text of a report that does not fit."""
_MARK_BYTES = 1_000
"""Room that a shortened note needs at least."""


@dataclass(frozen=True, slots=True)
class Alert:
    """What goes to `sns:Publish`.

    Args:
        subject: one line of ASCII, at most 99 characters.
        message: a JSON object with one string for each protocol, at most 250,000 bytes of UTF-8.
        attributes: strings that a subscription's filter policy can select by.
        topics: the ARNs of the topics that it goes to, or `default` for the stack's own.
    """

    subject: str
    message: str
    attributes: Mapping[str, str]
    topics: tuple[str, ...] = (DEFAULT,)

    def to_topic(self, topic: str) -> "Alert":
        """The same alert to this topic alone."""
        return replace(self, topics=(topic,))

    def saying_first(self, line: str) -> "Alert":
        """The same alert with one more line above its text; as it is if that does not fit.

        Args:
            line: the line.
        """
        protocols = json.loads(self.message)
        for people in ("default", "email"):
            protocols[people] = f"{plain_line(line)}\n\n{protocols[people]}"
        message = json.dumps(protocols, ensure_ascii=False)
        return replace(self, message=message) if _fits(message) else self


@dataclass(frozen=True, slots=True)
class _Told:
    """What all payloads of one alert are made from."""

    report: Report
    stack: str
    reason: AlertReason
    policy: AlertPolicy
    thread: Thread
    routing: Mapping[str, str]

    def content(self, report: Report, note: str = "") -> AlertContent:
        policy = self.policy
        return content_of(
            report, self.stack, self.reason, note, policy.zone, self.thread, policy.page
        )

    @property
    def mark(self) -> str:
        """What says that something was shortened, and where the whole is."""
        return (
            f"… (shortened: threegrants show {self.report.id} --stack {self.stack} has the whole)"
        )


def build_alert(
    report: Report,
    stack: str,
    reason: AlertReason,
    note: str = "",
    policy: AlertPolicy = NOTHING_DECIDED,
    thread: Thread = NOBODY,
    route: Route | None = None,
) -> Alert:
    """The alert about one report.

    Args:
        report: the incident's report.
        stack: the stack's name, for the commands that are shown.
        reason: why it is sent.
        note: what happened, for people, before everything else.
        policy: what the operator decided about alerts.
        thread: what people have said and done.
        route: where it goes; None for where the policy says.
    """
    route = route or route_of(report, reason, policy)
    routing = routing_fields(report, reason, route.severity)
    told = _Told(report, stack, reason, policy, thread, routing)
    return Alert(
        subject=subject_line(told.content(report)),
        message=_message(told, strip_lines(note[:MAX_NOTE_CHARACTERS])),
        attributes={
            "incident_id": report.id,
            "outcome": report.outcome.value,
            "reason": reason.value,
        },
        topics=route.topics,
    )


def mail_text(content: AlertContent) -> str:
    """What people read in a mail: what happened, the grants, what to do and by which commands."""
    return rendered("mail.txt.j2", content, plain_line)


def program_json(report: Report, routing: Mapping[str, str]) -> str:
    """What a program reads: the report's JSON (`threegrants.diagnosis/1`), and under `alert` the routing.

    A lone surrogate, which a record may hold and UTF-8 may not, becomes `?`.
    """
    return _encodable(report.to_json() | {"alert": dict(routing)})


def _message(told: _Told, note: str) -> str:
    """The message in full, or in the least shortened form that SNS takes."""
    content = told.content(told.report, note)
    resources = [one for one in (told.report.request.resource, told.report.principal.arn) if one]
    small = {
        "sms": phone_text(content),
        "https": _encodable(amazon_q_body(content, dict(told.routing), resources)),
    }
    program = message = ""
    for shown in _shorter_and_shorter(told.report):
        program = program_json(shown, told.routing)
        message = _protocols(mail_text(content), program, small)
        if _fits(message):
            return message
    # What is left to shorten: the note and the text, which stand in two of the strings, and at
    # last what programs get. Each says that it was shortened, and where the whole is.
    without_note = told.content(told.report)
    spare = MAX_MESSAGE_BYTES - len(_protocols(mail_text(without_note), program, small).encode())
    if note and spare > _MARK_BYTES:
        short = cut_to_bytes(note, spare // 2 - encoded_bytes("…\n\n"))
        return _protocols(mail_text(told.content(told.report, f"{short}…")), program, small)
    text = cut_to_bytes(mail_text(content), _MAX_TEXT_BYTES) + told.mark
    message = _protocols(text, program, small)
    return message if _fits(message) else _protocols(text, _least_json(told), small)


def _fits(message: str) -> bool:
    return len(message.encode()) <= MAX_MESSAGE_BYTES


def _least_json(told: _Told) -> str:
    """What programs get of a report that does not fit: its name, outcome and routing, and the mark."""
    report = told.report
    summary = cut_to_bytes(strip_control_characters(report.summary), _MAX_TEXT_BYTES)
    return _encodable(
        {
            "schema": SCHEMA,
            "id": report.id,
            "outcome": report.outcome.value,
            "certainty": report.certainty.value,
            "summary": summary + told.mark,
            "shortened": True,
            "alert": dict(told.routing),
        }
    )


def _shorter_and_shorter(report: Report) -> Iterator[Report]:
    """The report in full, without the policies' texts, and without code too."""
    yield report
    short = report.without_policy_texts()
    yield short
    yield short.without_snippets()


def _protocols(text: str, program: str, small: Mapping[str, str]) -> str:
    """The message: one string for each protocol; `default` is for those not named."""
    protocols = {"default": text, "email": text, "sqs": program, "lambda": program, **small}
    return json.dumps(protocols, ensure_ascii=False)


def _encodable(value: Any) -> str:
    """A value as JSON that UTF-8 can hold."""
    return json.dumps(value, ensure_ascii=False).encode(errors="replace").decode()
