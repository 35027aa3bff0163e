"""`IncidentView`: everything an incident's page says, in the order in which it is read; pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from threegrants.aws.arn import parse_arn
from threegrants.cloudtrail import KeySource
from threegrants.diagnosis import Certainty, Outcome
from threegrants.incidents import AlertReason, State
from threegrants.incidents.states import AWAITING_DECISION, CLOSED, RUN_IN_PROGRESS
from threegrants.notifications.content import Decider, content_of
from threegrants.page.view.grants import GrantView, grants_of, sentence
from threegrants.page.view.handoff import Handoff, HandoffText, handoffs_of, letter_of
from threegrants.page.view.history import (
    History,
    RelatedIncident,
    RunView,
    history_of,
    related_to,
    run_of,
)
from threegrants.page.view.inputs import Action, IncidentFacts
from threegrants.page.view.offered_patches import PatchGroup, patch_groups
from threegrants.page.view.picture import Picture, picture_of
from threegrants.page.view.statement_quote import StatementQuote, quote
from threegrants.page.view.times import ShownTime, duration_words, shown_time
from threegrants.page.view.visible import shortened
from threegrants.page.view.words import OUTCOMES, SETTLED, STATES, Word
from threegrants.page.viewer import Viewer
from threegrants.report import Report

_KEY_SOURCES = {
    KeySource.ERROR_MESSAGE: "AWS's error message names it",
    KeySource.REQUEST: "the request names it",
    KeySource.KMS_RECORD: "the KMS record of the same call names it",
    KeySource.OBJECT: "read from the object: it is encrypted with it now",
    KeySource.BUCKET_DEFAULT: "the bucket's default; the object may be encrypted with another",
}
_CERTAINTY = {
    Certainty.CONFIRMED: "AWS says the same as this diagnosis.",
    Certainty.EVALUATED: "AWS's message does not say why; this diagnosis comes from the policies.",
    Certainty.CONTRADICTED: "AWS says otherwise than this diagnosis: look before you act.",
}
_REOPENED_BY_HAND = CLOSED - {State.VERIFIED}


@dataclass(frozen=True, slots=True)
class DeniedCallView:
    """The denied call, for one sentence.

    Args:
        who: `Role analyst`.
        account: the caller's account; empty if not known.
        action: the IAM action.
        what: `s3://bucket/key`, or the key's ARN.
        owner: the account of the bucket; empty if not known.
    """

    who: str
    account: str
    action: str
    what: str
    owner: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A label and what stands beside it; `time` instead of `text` for a moment."""

    label: str
    text: str
    is_code: bool = False
    time: ShownTime | None = None


@dataclass(frozen=True, slots=True)
class DeciderView:
    """What stops the call, and who decides about it.

    Args:
        what: the statement or the setting.
        detail: its condition, and the value that the call had.
        owner: who decides.
        caller: what the caller can do.
        quote: the statement; None where it stands with its grant, or is not kept.
    """

    what: str
    detail: str
    owner: str
    caller: str
    quote: StatementQuote | None


@dataclass(frozen=True, slots=True)
class SinceView:
    """What was changed between the denial and the reading of the policies."""

    changed: tuple[str, ...]
    grants: tuple[GrantView, ...]


@dataclass(frozen=True, slots=True)
class DiagnosisView:
    """What the report says.

    Args:
        call: the denied call.
        outcome: what follows, in words.
        cause: what stops the call, in a few words.
        lacks: which policies lack which actions; empty if none does.
        two_people: whether the page knows that two people have to approve.
        summary: the sentence of the alert.
        picture: the picture.
        grants: the three grants.
        source_bucket: of a copy, the bucket that is read; empty otherwise.
        source_grants: of a copy, its source's grants.
        since: what was changed since; None if nothing was, or AWS does not show it.
        deciders: what stops the call beside a missing grant, and who decides.
        unknowns: what is not known, what decides first.
        certainty: how AWS's own message relates to this.
        contradicted: whether it says otherwise.
        message: AWS's message; empty if there is none.
        facts: the call, the key and the evidence, as labels and texts.
        groups: the patches.
        handoffs: the change for others to make.
        letter: a letter to them.
        is_approvable: whether patches may be approved at all.
    """

    call: DeniedCallView
    outcome: Word
    cause: str
    lacks: str
    two_people: bool
    summary: str
    picture: Picture
    grants: tuple[GrantView, ...]
    source_bucket: str
    source_grants: tuple[GrantView, ...]
    since: SinceView | None
    deciders: tuple[DeciderView, ...]
    unknowns: tuple[tuple[str, str, str], ...]
    certainty: str
    contradicted: bool
    message: str
    facts: tuple[Fact, ...]
    groups: tuple[PatchGroup, ...]
    handoffs: tuple[Handoff, ...]
    letter: HandoffText | None
    is_approvable: bool


@dataclass(frozen=True, slots=True)
class IncidentView:
    """What the page of an incident says.

    Args:
        id: the incident.
        diagnosis_id: the report it is about.
        state: where it stands.
        headline: what the page says first: the outcome, or what became of it.
        waits: whether somebody has to decide.
        count: how many denied calls there were.
        first_seen: the first.
        last_seen: the last.
        replayed: whether a person fed in any of its records.
        diagnosis: what the report says; None before the first analysis.
        run: how the last run goes; None if there is none.
        reload_seconds: after how long the page reloads; 0 if it does not.
        is_running: whether a run is in progress.
        in_force: whether something that was approved is in force.
        open_until: when that ends; None without an end.
        first_approver: who has approved, where a second person is awaited.
        acknowledged_by: who looks into it.
        assigned_to: whose it is.
        snoozed_until: until when no alerts are sent; None if they are.
        actions: what this person may ask for.
        history: the history.
        related: other incidents.
        stack: the stack's name.
    """

    id: str
    diagnosis_id: str
    state: Word
    headline: Word
    waits: bool
    count: int
    first_seen: ShownTime
    last_seen: ShownTime
    replayed: bool
    diagnosis: DiagnosisView | None
    run: RunView | None
    reload_seconds: int
    is_running: bool
    in_force: bool
    open_until: ShownTime | None
    first_approver: str
    acknowledged_by: str
    assigned_to: str
    snoozed_until: ShownTime | None
    actions: frozenset[Action]
    history: History
    related: tuple[RelatedIncident, ...]
    stack: str


_RELOAD_SECONDS = 5


def incident_view(facts: IncidentFacts, viewer: Viewer) -> IncidentView:
    """What the page of an incident says to a person.

    Args:
        facts: the incident and what is known around it.
        viewer: who looks.
    """
    incident, now, zone = facts.incident, facts.now, facts.zone
    running = incident.state in RUN_IN_PROGRESS
    muted = max(facts.snoozed_until, incident.muted_until)
    report = incident.report
    return IncidentView(
        id=incident.id,
        diagnosis_id=incident.diagnosis_id,
        state=STATES[incident.state],
        headline=SETTLED.get(incident.state)
        or OUTCOMES[report.outcome if report else Outcome.UNKNOWN],
        waits=incident.state in AWAITING_DECISION,
        count=incident.count,
        first_seen=shown_time(incident.first_seen, now, zone),
        last_seen=shown_time(incident.last_seen, now, zone),
        replayed=incident.replayed,
        diagnosis=diagnosis_view(report, facts) if report else None,
        run=run_of(facts.run),
        reload_seconds=_RELOAD_SECONDS if running and facts.reload else 0,
        is_running=running,
        in_force=facts.in_force,
        open_until=shown_time(facts.open_until, now, zone) if facts.open_until else None,
        first_approver=shortened(facts.first_approver),
        acknowledged_by=shortened(facts.acknowledged_by),
        assigned_to=shortened(facts.assigned_to),
        snoozed_until=shown_time(muted, now, zone) if muted > now.timestamp() else None,
        actions=offered_actions(facts, viewer),
        history=history_of(facts.history, now, zone),
        related=related_to(incident, facts.related, now, zone),
        stack=facts.stack,
    )


def offered_actions(facts: IncidentFacts, viewer: Viewer) -> frozenset[Action]:
    """What the page offers to a person; the API decides by itself what it does.

    Args:
        facts: the incident and what is known around it.
        viewer: who looks.
    """
    incident = facts.incident
    if not viewer.may_approve or incident.report is None:
        return frozenset()
    found = {Action.ACKNOWLEDGE, Action.ASSIGN, Action.SNOOZE}
    if incident.state in AWAITING_DECISION:
        found |= {Action.REJECT, Action.RECHECK}
        if is_approvable(incident.report):
            found.add(Action.APPROVE)
    if facts.in_force and incident.state not in RUN_IN_PROGRESS:
        found.add(Action.ROLLBACK)
        if incident.state is State.VERIFIED:
            found.add(Action.EXTEND)
    if incident.state in _REOPENED_BY_HAND:
        found.add(Action.REOPEN)
    return frozenset(found)


def is_approvable(report: Report) -> bool:
    """Whether there are patches that people may approve."""
    return bool(report.patches) and (report.is_fixable or report.is_fixable_by_two)


def diagnosis_view(report: Report, facts: IncidentFacts, *, texts: bool = True) -> DiagnosisView:
    """What a report says.

    Args:
        report: the report.
        facts: the incident and what is known around it.
        texts: whether patches, quotes and code are worked out, or only the verdicts.
    """
    plain = report.without_policy_texts().without_snippets()
    content = content_of(plain, facts.stack, AlertReason.OPENED, zone=facts.zone)
    source = report.copy_source
    quoted = report if texts else plain
    letter = letter_of(report) if texts else None
    return DiagnosisView(
        call=_denied_call(report),
        outcome=OUTCOMES[report.outcome],
        cause=_capitalised(shortened(content.cause, 200)),
        lacks=_capitalised(shortened(content.lacks, 300)),
        two_people=facts.two_people if facts.two_people is not None else report.is_fixable_by_two,
        summary=shortened(report.summary, 900),
        picture=picture_of(report),
        grants=grants_of(quoted, report.grants, report.request.bucket),
        source_bucket=source.bucket if source else "",
        source_grants=grants_of(quoted, source.grants, source.bucket) if source else (),
        since=_since(quoted),
        deciders=tuple(_deciders(quoted, content.deciders)),
        unknowns=tuple((one.what, one.why, one.needs) for one in content.lacking),
        certainty=_CERTAINTY[report.certainty],
        contradicted=report.certainty is Certainty.CONTRADICTED,
        message=report.message or "",
        facts=_facts(report, facts),
        groups=patch_groups(report, texts=texts),
        handoffs=handoffs_of(report, letter) if texts and _may_be_handed_off(report) else (),
        letter=letter,
        is_approvable=is_approvable(report),
    )


def _deciders(report: Report, deciders: tuple[Decider, ...]) -> Iterator[DeciderView]:
    """The deciders of an alert, those of the blockers first, each with its statement."""
    for position, one in enumerate(deciders):
        blocker = report.blockers[position] if position < len(report.blockers) else None
        found = blocker.statement if blocker else None
        code = "condition_not_met" if found and "Condition" in found else ""
        yield DeciderView(
            what=shortened(one.what, 160),
            detail=sentence(one.detail),
            owner=shortened(one.owner, 200),
            caller=sentence(one.caller, most=400),
            quote=quote(found, "", code, "") if found else None,
        )


def _may_be_handed_off(report: Report) -> bool:
    return report.outcome in (Outcome.FIXABLE, Outcome.HANDOFF)


def _denied_call(report: Report) -> DeniedCallView:
    request, principal = report.request, report.principal
    arn = parse_arn(principal.arn) if principal.arn else None
    kind = {"role": "Role", "user": "User"}.get(arn.resource_type if arn else "", "")
    who = f"{kind} {arn.name}" if arn and kind else _caller_without_arn(report)
    key = f"/{request.object_key}" if request.object_key else ""
    bucket = f"s3://{request.bucket}{key}" if request.bucket else ""
    return DeniedCallView(
        who=shortened(who, 120),
        account=shortened(principal.account or "", 20),
        action=shortened(request.action or request.operation or "a call", 80),
        what=shortened(bucket or request.resource or request.kms_key or "a KMS key", 200),
        owner=shortened(request.bucket_account or "", 20),
    )


def _caller_without_arn(report: Report) -> str:
    principal = report.principal
    return {
        "anonymous": "An anonymous caller",
        "service": f"The AWS service {principal.service or '(not named)'}",
    }.get(principal.type.value, f"Principal {principal.name}")


def _since(report: Report) -> SinceView | None:
    since = report.since_denial
    if since is None:
        return None
    grants = grants_of(report, since.grants, report.request.bucket) if since.grants else ()
    return SinceView(tuple(shortened(one, 200) for one in since.changed), grants)


def _facts(report: Report, facts: IncidentFacts) -> tuple[Fact, ...]:
    request, now, zone = report.request, facts.now, facts.zone
    found = [
        Fact("Principal", report.principal.name, is_code=True),
        Fact("Session", report.principal.session_arn or "", is_code=True),
        Fact("Action", request.action or "", is_code=True),
        Fact("Operation", request.operation or ""),
        Fact("Resource", request.resource or "", is_code=True),
        Fact("Bucket owner", f"account {request.bucket_account}" if request.bucket_account else ""),
        Fact("Region", request.region or ""),
        Fact("KMS key", request.kms_key or "", is_code=True),
        Fact("How the key is known", _how_the_key_is_known(report)),
        Fact("Evidence read", _age(report), time=shown_time(report.evidence_at, now, zone)),
        Fact("Events", ", ".join(report.request.event_ids), is_code=True),
    ]
    return tuple(one for one in found if one.text or one.time)


def _age(report: Report) -> str:
    seconds = report.evidence_age_seconds
    if seconds < 1:
        return "for this diagnosis"
    return f"{duration_words(seconds)} before this diagnosis"


def _how_the_key_is_known(report: Report) -> str:
    request = report.request
    if request.kms_key is None or request.kms_key_source is None:
        return ""
    words = _KEY_SOURCES[request.kms_key_source]
    if request.key_is_named_by_caller:
        return f"{words}, and nothing else does: whoever made the call can choose that"
    if request.kms_key_corroborated and not request.key_is_assumed:
        return f"{words}, and what was read says the same"
    return words


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
