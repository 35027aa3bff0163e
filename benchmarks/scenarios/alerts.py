"""What the alert of a diagnosed scenario must say, by its outcome, and that it fits every channel."""

import json
from collections.abc import Iterator
from typing import Any

from threegrants.diagnosis import Outcome, Verdict
from threegrants.incidents import AlertReason
from threegrants.notifications import build_alert, incident_bodies
from threegrants.notifications.limits import (
    MAX_CHAT_CHARACTERS,
    MAX_DEDUP_KEY_CHARACTERS,
    MAX_PAGE_BYTES,
    MAX_PAGE_CHARACTERS,
    MAX_SLACK_BLOCKS,
    MAX_SLACK_CHARACTERS,
    MAX_TEAMS_BYTES,
    MAX_TITLE_CHARACTERS,
)
from threegrants.report import GrantReport, Report

SNS_BYTES = 262_144
"""https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""
STACK = "threegrants"


def wrong_in_alerts(report: Report) -> list[str]:
    """What an alert about a report, in any channel, lacks or has too much of; empty if nothing."""
    alert = build_alert(report, STACK, AlertReason.OPENED)
    message = json.loads(alert.message)
    bodies = incident_bodies(report, STACK, AlertReason.OPENED)
    found = list(_over_the_limits(alert.subject, alert.message, message, bodies))
    for channel, text in (("mail", message["email"]), ("default", message["default"])):
        found += [f"{channel} lacks {one!r}" for one in must_say(report) if one not in text]
    found += [
        f"SMS lacks {one!r}: {message['sms']}" for one in sms_must_say(report, message["sms"])
    ]
    texts = {
        "Amazon Q": message["https"],
        "Slack": json.dumps(bodies["slack"]),
        "Teams": json.dumps(bodies["teams"]),
        "PagerDuty": json.dumps(bodies["pagerduty"]),
        "program": message["sqs"],
    }
    found += [
        f"{name} does not name the incident"
        for name, text in texts.items()
        if report.id not in text
    ]
    return found


def must_say(report: Report) -> Iterator[str]:
    """What a mail must say in full: causes, who decides, what to do, statements, what lacks."""
    yield from (report.summary, report.id, report.principal.name, report.outcome.value)
    for grant in _legs(report):
        for reason in grant.reasons:
            yield reason.detail
            if grant.verdict in (Verdict.MISSING, Verdict.DENIED):
                yield reason.sid or ""
    for blocker in report.blockers:
        yield from (blocker.detail, blocker.kind_in_words, blocker.owner)
    for unknown in report.unknowns:
        yield from (unknown.what, unknown.why, unknown.needs)
    if report.is_fixable:
        yield from (f"approve {report.id}", "  Digest: ")
    yield from _BY_OUTCOME.get(report.outcome, ())
    if report.outcome in (Outcome.FIXABLE, Outcome.HANDOFF):
        for patch in report.proposed_patches:
            yield from (patch.says, patch.digest, patch.target)
    if report.outcome is Outcome.HANDOFF:
        yield from _handed_off(report)


_BY_OUTCOME = {
    Outcome.DO_NOT_PATCH: ("Blocked by    ", "Who decides   ", "The caller    "),
    Outcome.UNKNOWN: ("Not known\n", "    Needs: "),
}


def _legs(report: Report) -> list[GrantReport]:
    """Every verdict of a report, the IAM policy's by its legs, and of a copy those of its source."""
    both = [report.grants, *([report.copy_source.grants] if report.copy_source else [])]
    return [
        leg
        for grants in both
        for leg in (
            grants.bucket_policy,
            grants.key_policy,
            grants.iam_policy.bucket,
            grants.iam_policy.key,
        )
    ]


def _handed_off(report: Report) -> Iterator[str]:
    """The statement to send; where this service may suggest none, who decides and why."""
    if report.proposed_patches or report.handoffs:
        yield "To send       account "
    elif not any("is not the reading" in one.why for one in report.unknowns):
        yield "Talk to the owner"
    for patch in report.proposed_patches:
        for statement in patch.statements or (patch.statement,):
            yield from (f'"Sid": "{statement["Sid"]}"',) if "Sid" in statement else ()
    for handoff in report.handoffs:
        yield from (handoff.target, handoff.why)
        if handoff.statement:
            yield f'"Sid": "{handoff.statement["Sid"]}"'


def sms_must_say(report: Report, sms: str) -> Iterator[str]:
    """What a phone must show: the missing action or what blocks first, and the id last."""
    if not sms.endswith(report.id):
        yield "the id at its end"
    missing = [leg for leg in _legs(report) if leg.verdict is Verdict.MISSING]
    lacks = [action for leg in missing for action in leg.actions]
    if report.outcome is Outcome.FIXABLE and not any(action in sms for action in lacks):
        yield "a missing action"
    if report.outcome is Outcome.UNKNOWN and "not known" not in sms and "caller only" not in sms:
        yield "what is not known"
    if report.outcome is Outcome.DO_NOT_PATCH:
        if not any(word in sms for word in ("blocked by", "denies", "not met")):
            yield "what blocks"
        if "; ask " not in sms:
            yield "who decides"


def _over_the_limits(
    subject: str, raw: str, message: dict[str, str], bodies: dict[str, dict[str, Any]]
) -> Iterator[str]:
    if not (subject.isascii() and subject.isprintable()):
        yield f"subject {subject!r}"
    notification = json.loads(message["https"])["content"]
    sections = [block["text"]["text"] for block in bodies["slack"]["blocks"]]
    page = bodies["pagerduty"]
    sizes = (
        ("subject", len(subject), 99),
        ("SNS message", len(raw.encode()), SNS_BYTES),
        ("SMS", len(message["sms"]), 140),
        ("Amazon Q title", len(notification["title"]), MAX_TITLE_CHARACTERS),
        ("Amazon Q description", len(notification["description"]), MAX_CHAT_CHARACTERS),
        ("Slack blocks", len(sections), MAX_SLACK_BLOCKS),
        ("Slack section", max(map(len, sections)), MAX_CHAT_CHARACTERS),
        ("Slack message", sum(map(len, sections)), MAX_SLACK_CHARACTERS),
        ("Teams", _bytes(bodies["teams"]), MAX_TEAMS_BYTES),
        ("PagerDuty", _bytes(page), MAX_PAGE_BYTES),
        ("PagerDuty summary", len(page["payload"]["summary"]), MAX_PAGE_CHARACTERS),
        ("PagerDuty dedup_key", len(page["dedup_key"]), MAX_DEDUP_KEY_CHARACTERS),
    )
    for name, size, most in sizes:
        if not 0 < size <= most:
            yield f"{name}: {size}, at most {most}"


def _bytes(body: dict[str, Any]) -> int:
    return len(json.dumps(body, ensure_ascii=False).encode(errors="replace"))
