"""`AlertContent`: what an alert says, as values that each channel writes in its own way; pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from threegrants.aws.arn import parse_arn
from threegrants.diagnosis import Certainty, Outcome, Verdict
from threegrants.incidents import AlertReason
from threegrants.notifications import wording
from threegrants.notifications.caller_steps import step_for_blocker, step_for_denial
from threegrants.notifications.thread import NOBODY, Decision, Thread
from threegrants.report import (
    GrantReport,
    GrantsReport,
    PatchReport,
    Report,
    UnknownReport,
    headline,
    policy_diff,
)

MAX_DIFF_LINES = 60
"""Of one patch in one alert; the command line has the whole."""

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
class GrantLine:
    """One of the three grants: its verdict, and why; for a missing one the near miss.

    Args:
        name: which policy.
        verdict: in words.
        why: a line for each reason: policy, Sid, what it wants and what the call had.
    """

    name: str
    verdict: str
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decider:
    """What stops the call beside a missing grant, and who decides about it.

    Args:
        what: the statement or the setting: `bucket policy DenyPlain`.
        detail: its condition, and the value that the call had.
        owner: who decides.
        caller: what the caller can do.
    """

    what: str
    detail: str
    owner: str
    caller: str


@dataclass(frozen=True, slots=True)
class PatchText:
    """One proposed patch as people judge it."""

    heading: str
    says: str
    opens: tuple[str, ...]
    diff: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class StatementText:
    """One statement, or piece of code, to send to somebody else."""

    to: str
    why: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertContent:
    """What an alert about one report says. Strings are as the record has them: channels neutralise them.

    Args:
        incident_id: the incident's id.
        reason: why the alert is sent.
        status: the same as the subject has it in brackets.
        who: the caller, short.
        where: the bucket or key, short.
        cause: what stops the call, in a few words.
        lacks: which policies lack which actions; empty if none does.
        happened: the lines that say what happened: the event, the note, the summary.
        facts: label and text of each fact: principal, request, times, Region.
        grants: the three grants.
        copy_source: of a copy, what its source's read says.
        deciders: what stops the call, gravest first.
        lacking: what is not known, what decides first.
        patches: the proposed patches; none once it is settled.
        statements: what is to be sent to others.
        next_step: what to do now.
        commands: the commands for it.
    """

    incident_id: str
    reason: AlertReason
    status: str
    outcome: Outcome
    who: str
    where: str
    cause: str
    lacks: str
    happened: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    grants: tuple[GrantLine, ...]
    copy_source: str
    deciders: tuple[Decider, ...]
    lacking: tuple[UnknownReport, ...]
    patches: tuple[PatchText, ...]
    statements: tuple[StatementText, ...]
    next_step: str
    commands: tuple[str, ...]


def content_of(
    report: Report,
    stack: str,
    reason: AlertReason,
    note: str = "",
    zone: tzinfo | None = None,
    thread: Thread = NOBODY,
    page: str = "",
) -> AlertContent:
    """What an alert about a report says.

    Args:
        report: the incident's report.
        stack: the stack's name, for the commands.
        reason: why the alert is sent.
        note: what happened; its lines stay lines.
        zone: the people's own time zone; times are given in UTC, and in this one beside it.
        thread: what people have said and done.
        page: the address of the approval page; empty if there is none.
    """
    settled = reason in wording.SETTLED
    event = wording.HAPPENED[reason].format(count=report.request.count)
    since = [f"Since then: {report.since_denial.words}"] if report.since_denial else []
    lines = (
        *([event] if event else []),
        *(note.split("\n") if note else []),
        *(_decision(one, zone) for one in thread.decisions),
        report.summary,
        *since,
    )
    of_an_incident = reason is not AlertReason.TEST
    by_hand = report.outcome in (Outcome.HANDOFF, Outcome.FIXABLE) and not settled
    return AlertContent(
        incident_id=report.id,
        reason=reason,
        status=wording.STATUS[reason],
        outcome=report.outcome,
        who=headline.who(report),
        where=headline.where(report),
        cause="nothing was denied" if reason is AlertReason.TEST else headline.cause(report),
        lacks=headline.lacks(report),
        happened=lines,
        facts=(
            *_facts(report, reason, zone),
            *_people(thread, zone),
            *([("Page", f"{page}/incidents/{report.id}")] if page and of_an_incident else []),
        ),
        grants=tuple(_grant_lines(report)),
        copy_source=_copy_source(report),
        deciders=tuple(_deciders(report)),
        lacking=headline.lacking(report),
        patches=() if settled else tuple(_patch_text(one) for one in report.proposed_patches),
        statements=tuple(_statements(report)) if by_hand else (),
        next_step=_next_step(report, reason),
        commands=tuple(_commands(report, stack, reason, settled=settled)),
    )


def _facts(report: Report, reason: AlertReason, zone: tzinfo | None) -> Iterator[tuple[str, str]]:
    request = report.request
    yield "Incident", f"{report.id} ({reason}; {request.count} events)"
    yield "Principal", report.principal.name
    yield "Request", request.words
    if request.bucket_account:
        yield "Owner", f"account {request.bucket_account}"
    if request.region:
        yield "Region", request.region
    if request.kms_key:
        source = str(request.kms_key_source).replace("_", " ")
        yield "Key", f"{request.kms_key} (known from: {source})"
    first, last = request.first_seen, request.last_seen
    if first:
        more = f" to {in_zone(last, zone)}" if last and last != first else ""
        yield "Denied", f"{in_zone(first, zone)}{more}"
    yield "Outcome", f"{report.outcome} ({CERTAINTY_TEXT[report.certainty]})"


def _people(thread: Thread, zone: tzinfo | None) -> Iterator[tuple[str, str]]:
    if thread.acknowledged_by:
        at = datetime.fromtimestamp(thread.acknowledged_at, UTC).isoformat()
        yield "At it", f"{thread.acknowledged_by}, since {in_zone(at, zone)}"
    if thread.assigned_to:
        yield "Assigned", f"to {thread.assigned_to}"


def _decision(one: Decision, zone: tzinfo | None) -> str:
    """Who decided what, when and why: `Approved by … at …: month end (TICKET-7)`."""
    reason = f": {one.reason}" if one.reason else ""
    ticket = f" ({one.ticket})" if one.ticket else ""
    return f"{one.what} by {one.actor} at {in_zone(one.at, zone)}{reason}{ticket}"


def in_zone(time: str, zone: tzinfo | None) -> str:
    """A time of a record in UTC, and in a zone beside it; as it stands if it is no time.

    Args:
        time: ISO 8601.
        zone: a time zone; None for UTC alone.
    """
    try:
        at = datetime.fromisoformat(time)
        at = at.replace(tzinfo=at.tzinfo or UTC).astimezone(UTC)
        local = f" ({at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z})" if zone else ""
    except (ValueError, OverflowError):
        return time
    return f"{at:%Y-%m-%d %H:%M:%S} UTC{local}"


def _grant_lines(report: Report) -> Iterator[GrantLine]:
    """The three grants, and of a copy those of its source."""
    yield from _lines_of("", report.grants)
    if report.copy_source:
        yield from _lines_of("source's ", report.copy_source.grants)


def _lines_of(whose: str, grants: GrantsReport) -> Iterator[GrantLine]:
    yield _line(f"{whose}bucket policy", grants.bucket_policy)
    yield _line(f"{whose}key policy", grants.key_policy)
    iam = grants.iam_policy
    whys = dict.fromkeys((*_why(iam.bucket), *_why(iam.key)))
    yield GrantLine(f"{whose}IAM policy", _in_words(iam.verdict), tuple(whys))


def _line(name: str, grant: GrantReport) -> GrantLine:
    return GrantLine(name, _in_words(grant.verdict), _why(grant))


def _in_words(verdict: Verdict) -> str:
    return verdict.value.replace("_", " ")


def _why(grant: GrantReport) -> tuple[str, ...]:
    """A line for each reason; a missing grant says which actions it lacks."""
    found = []
    for reason in grant.reasons:
        place = " ".join(part for part in (reason.policy, reason.sid) if part)
        found.append(f"{place}: {reason.detail}" if place else reason.detail)
    if grant.verdict is Verdict.MISSING and grant.actions:
        found.insert(0, f"lacks {headline.joined(grant.actions)}")
    return tuple(found)


def _copy_source(report: Report) -> str:
    source = report.copy_source
    return f"s3://{source.bucket}: {source.summary}" if source else ""


def _deciders(report: Report) -> Iterator[Decider]:
    """What stops the call, where no statement of ours would help."""
    for blocker in report.blockers:
        named = " ".join(part for part in (blocker.policy, blocker.sid) if part)
        what = f"{blocker.kind_in_words} {named}".strip()
        owner = blocker.owner or "not known: ask the owner of the bucket"
        yield Decider(what, blocker.detail, owner, step_for_blocker(blocker.kind))
    owners = _owners(report)
    for name, grant in headline.named_grants(report):
        for reason in grant.reasons:
            denied = grant.verdict is Verdict.DENIED
            if not denied and not (grant.verdict is Verdict.MISSING and reason.advice):
                continue
            what = " ".join(part for part in (reason.policy or name, reason.sid) if part)
            caller = reason.advice or step_for_denial(reason.code)
            yield Decider(what, reason.detail, owners[name], caller)


def _owners(report: Report) -> dict[str, str]:
    """Who decides about each policy."""
    request = report.request
    key = parse_arn(request.kms_key) if request.kms_key else None
    owner, source = request.bucket_account, report.copy_source
    return {
        "bucket policy": f"the owner of bucket {request.bucket}"
        + (f", account {owner}" if owner else ""),
        "key policy": f"the owner of the key, account {key.account}" if key else "the key's owner",
        "source's bucket policy": f"the owner of bucket {source.bucket if source else ''}",
        "source's key policy": "the owner of the source's key",
        "IAM policy": f"the administrators of account {report.principal.account or '(not known)'}",
    }


def _patch_text(patch: PatchReport) -> PatchText:
    name = f" ({patch.policy_name})" if patch.policy_name else ""
    scope = f", scope {patch.scope}" if patch.scope else ""
    diff = _diff(patch)
    if len(diff) > MAX_DIFF_LINES:
        diff = (*diff[:MAX_DIFF_LINES], f"… and {len(diff) - MAX_DIFF_LINES} more lines")
    return PatchText(
        f"{patch.operation} {patch.target}{name}{scope}",
        patch.says,
        patch.opened_of_bucket,
        tuple(diff),
        patch.digest,
    )


def _diff(patch: PatchReport) -> tuple[str, ...]:
    """The change; empty of a report without texts, or where a stored text is no JSON."""
    try:
        return policy_diff(patch.before, patch.after) if patch.after else ()
    except (ValueError, RecursionError):
        return ()


def _statements(report: Report) -> Iterator[StatementText]:
    """What others have to write: the hand-offs, and of a handed-off patch the statements."""
    if report.outcome is Outcome.HANDOFF:
        for patch in report.proposed_patches:
            for statement in patch.statements or (patch.statement,):
                yield StatementText(_recipient(patch.account, patch.target), "", _lines(statement))
    for handoff in report.handoffs:
        to = _recipient(handoff.account, handoff.target)
        code = handoff.snippets.cloudformation.rstrip("\n").split("\n")
        lines = _lines(handoff.statement) if handoff.statement else tuple(code)
        yield StatementText(to, handoff.why, lines)


def _recipient(account: str, target: str) -> str:
    return f"account {account or '(not known)'}, for the policy of {target}"


def _lines(statement: Mapping[str, Any]) -> tuple[str, ...]:
    text = json.dumps(dict(statement), indent=2, ensure_ascii=False)
    return tuple(text.split("\n"))


def _next_step(report: Report, reason: AlertReason) -> str:
    if reason is AlertReason.TEST:
        return "Nothing to do: this is a test"
    if reason in wording.SETTLED:
        return "Nothing to do; what was done is kept with the incident"
    if reason in wording.OWN_TROUBLE:
        return "Look at what was done, and at the policy as it is now"
    step = _NEXT_STEP[report.outcome]
    if report.outcome is Outcome.HANDOFF and not (report.proposed_patches or report.handoffs):
        step = (
            "Talk to the owner of what blocks: there is no statement that this service may suggest"
        )
    if report.is_fixable_by_two:
        step += f"; or two people who know that {report.request.kms_key} is meant approve by digest"
    return step


def _commands(report: Report, stack: str, reason: AlertReason, *, settled: bool) -> Iterator[str]:
    if reason is AlertReason.TEST:
        yield f"threegrants incidents --stack {stack}"
        return
    yield f"threegrants show {report.id} --stack {stack}"
    if settled:
        return
    if reason is AlertReason.REMINDER:
        yield f"threegrants acknowledge {report.id} --stack {stack}"
    if report.is_fixable_by_two:
        yield f"threegrants approve {report.id} --stack {stack} --digest DIGEST (one for each grant)"
    if report.is_fixable:
        yield f"threegrants approve {report.id} --stack {stack}"
        yield f"threegrants reject {report.id} --stack {stack}"
