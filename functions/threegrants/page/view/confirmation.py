"""`ConfirmationView`: what a decision would do, in words, before a person takes it; pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from threegrants.aws.policy_json import texts
from threegrants.incidents.states import AWAITING_DECISION
from threegrants.page.view.changes_since import Change, changes_since, chosen_now
from threegrants.page.view.incident import DeniedCallView, diagnosis_view, offered_actions
from threegrants.page.view.inputs import Action, Decision, IncidentFacts
from threegrants.page.view.offered_patches import PatchView, patch_view
from threegrants.page.view.times import ShownTime, expiry_value, expiry_words, shown_time
from threegrants.page.view.visible import shortened
from threegrants.page.view.words import GRANT_NAMES, STATES, Word
from threegrants.page.viewer import Viewer
from threegrants.report import PatchReport, Report

_MOST_NAMES = 8


@dataclass(frozen=True, slots=True)
class Words:
    """What an action's page says.

    Args:
        title: the heading.
        lead: what follows from it.
        button: the button's text.
        tone: the button's class.
        reason: what the field for the reason asks.
        needs_reason: whether it has to be filled in.
    """

    title: str
    lead: str
    button: str
    tone: str
    reason: str
    needs_reason: bool


WORDS: Mapping[Action, Words] = {
    Action.APPROVE: Words(
        "Approve this change?",
        "This service writes exactly what stands below, reads it back, and checks that the call is "
        "allowed. If it is not, it takes everything back.",
        "Approve",
        "good",
        "Why may they have this access?",
        needs_reason=True,
    ),
    Action.REJECT: Words(
        "Reject, and change nothing?",
        "No policy is changed. The incident is closed, and stays quiet until a denied call gives "
        "another verdict.",
        "Reject",
        "bad",
        "Why should nothing be changed?",
        needs_reason=True,
    ),
    Action.ROLLBACK: Words(
        "Take back what was written?",
        "This service removes exactly what it wrote, and checks that it is gone. Statements of others "
        "stay. The call is denied again afterwards.",
        "Take it back",
        "bad",
        "Why is it taken back?",
        needs_reason=False,
    ),
    Action.EXTEND: Words(
        "Keep this access for longer?",
        "An extension is a new approval of the same patches. No policy is written again.",
        "Extend",
        "good",
        "Why is it needed for longer?",
        needs_reason=True,
    ),
}


@dataclass(frozen=True, slots=True)
class ExpiryOption:
    """One answer to *for how long*.

    Args:
        value: as the form posts it: `8h`.
        words: `8 hours`.
        until: the time that would be; None without an end.
        is_chosen: whether it is chosen beforehand.
    """

    value: str
    words: str
    until: ShownTime | None
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Access:
    """What would be opened, in words: each a list, cut with a note.

    Args:
        whom: who gets it.
        bucket: the bucket and its account; empty if none takes part.
        accounts: the accounts that are written to.
        policies: the policies that are changed.
        actions: the actions.
        on: what they are allowed on.
    """

    whom: tuple[str, ...]
    bucket: tuple[str, ...]
    accounts: tuple[str, ...]
    policies: tuple[str, ...]
    actions: tuple[str, ...]
    on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConfirmationView:
    """What the page of a decision says.

    Args:
        id: the incident.
        action: what is decided.
        words: the page's own words for it.
        state: where the incident stands.
        call: the denied call.
        seen: the report that the page is about; the form posts it.
        possible: whether the action can be asked for at all now.
        impossible: why not.
        access: what would be opened or taken back; None for a rejection.
        patches: the chosen patches.
        beyond: what they open beyond the call.
        digests: their digests.
        changes: what changed since the person looked.
        evidence_at: when the evidence was read; None where it does not matter.
        is_fresh: whether it was read for this page.
        fresh_problem: why it could not be read anew.
        expiry: for how long.
        open_until: when it ends now; None without an end.
        two_people: whether a second person has to approve.
        is_second: whether this is the second person.
        may_break_glass: whether this person may approve alone.
        reason: what they wrote already.
        ticket: the same.
        problem: why the form comes back.
    """

    id: str
    action: Action
    words: Words
    state: Word
    call: DeniedCallView | None
    seen: str
    possible: bool
    impossible: str
    access: Access | None
    patches: tuple[PatchView, ...]
    beyond: tuple[str, ...]
    digests: tuple[str, ...]
    changes: tuple[Change, ...]
    evidence_at: ShownTime | None
    is_fresh: bool
    fresh_problem: str
    expiry: tuple[ExpiryOption, ...]
    open_until: ShownTime | None
    two_people: bool
    is_second: bool
    may_break_glass: bool
    reason: str
    ticket: str
    problem: str


def confirmation_view(facts: IncidentFacts, decision: Decision, viewer: Viewer) -> ConfirmationView:
    """What a decision would do.

    Args:
        facts: the incident as the person saw it, and what is known around it.
        decision: what they are about to decide; its `fresh` report takes the place of the incident's.
        viewer: who decides.
    """
    incident, now, zone = facts.incident, facts.now, facts.zone
    seen = incident.report
    report = decision.fresh or seen
    approving = decision.action is Action.APPROVE
    patches: tuple[PatchReport, ...] = ()
    changes: tuple[Change, ...] = ()
    if approving and report and seen:
        by_digest = report.patches_by_digest
        digests = chosen_now(seen, report, decision.digests)
        patches = tuple(by_digest[one] for one in digests if one in by_digest)
        changes = changes_since(seen, report, decision.digests or digests)
        if not changes and decision.seen and decision.seen != incident.diagnosis_id:
            changes = (Change("The incident was analysed again since you looked."),)
    impossible = _impossible(facts, decision, viewer, report, patches)
    shown = tuple(patch_view(report, one) for one in patches) if report else ()
    return ConfirmationView(
        id=incident.id,
        action=decision.action,
        words=WORDS[decision.action],
        state=STATES[incident.state],
        call=diagnosis_view(report, facts, texts=False).call if report else None,
        seen=incident.diagnosis_id,
        possible=not impossible,
        impossible=impossible,
        access=_access(report, patches, facts) if report else None,
        patches=shown,
        beyond=tuple(dict.fromkeys(text for one in shown for text in one.beyond)),
        digests=tuple(one.digest for one in patches),
        changes=changes,
        evidence_at=shown_time(report.evidence_at, now, zone) if report and approving else None,
        is_fresh=decision.fresh is not None,
        fresh_problem=shortened(decision.fresh_problem, 400),
        expiry=_expiry(facts, decision)
        if decision.action in (Action.APPROVE, Action.EXTEND)
        else (),
        open_until=shown_time(facts.open_until, now, zone) if facts.open_until else None,
        two_people=bool(facts.two_people)
        or bool(report and approving and report.is_fixable_by_two),
        is_second=bool(facts.first_approver),
        may_break_glass=decision.may_break_glass and approving,
        reason=decision.reason,
        ticket=decision.ticket,
        problem=shortened(decision.problem, 600),
    )


def _impossible(
    facts: IncidentFacts,
    decision: Decision,
    viewer: Viewer,
    report: Report | None,
    patches: Sequence[PatchReport],
) -> str:
    """Why the action cannot be asked for; empty if it can."""
    state = facts.incident.state
    if not viewer.may_approve:
        return (
            "You may look at this incident, and decide nothing: you are in no group of approvers."
        )
    if report is None:
        return "The incident is not analysed yet, so nobody knows what a decision would do."
    if decision.action is Action.APPROVE and state in AWAITING_DECISION:
        if not (report.is_fixable or report.is_fixable_by_two):
            return f"No patch can be approved any more: {shortened(report.summary, 400)}"
        if not patches:
            return (
                "You chose no patch, or one that is not offered any more. Go back and choose again."
            )
        return ""
    if decision.action not in offered_actions(facts, viewer):
        return f"This is not possible now: the incident is {STATES[state].text}."
    return ""


def _access(report: Report, patches: Sequence[PatchReport], facts: IncidentFacts) -> Access | None:
    """What patches open; of a rollback or an extension, what the run wrote."""
    if not patches:
        written = [one for one in (facts.run or {}).get("patches") or () if one.get("written")]
        if not written:
            return None
        return Access(
            whom=(_whom(report),),
            bucket=_bucket(report),
            accounts=_few(str(one.get("account", "")) for one in written),
            policies=_few(
                f"{GRANT_NAMES.get(str(one.get('grant')), str(one.get('grant')))} of {one.get('target')}"
                for one in written
            ),
            actions=(),
            on=(),
        )
    statements = [one for patch in patches for one in patch.statements or (patch.statement,)]
    return Access(
        whom=_grantees(report, patches),
        bucket=_bucket(report),
        accounts=_few(one.account for one in patches),
        policies=_few(
            f"{GRANT_NAMES.get(one.grant, one.grant)} of {one.target}"
            + (f" ({one.policy_name})" if one.policy_name else "")
            for one in patches
        ),
        actions=_few(text for one in statements for text in texts(one.get("Action", []))),
        on=_few(
            text
            for patch in patches
            for one in patch.statements or (patch.statement,)
            for text in _resources(patch, one)
        ),
    )


def _resources(patch: PatchReport, statement: Mapping[str, object]) -> tuple[str, ...]:
    """What a statement is about; `*` in a key policy is the key itself."""
    if patch.grant == "key_policy":
        return (patch.target,)
    return texts(statement.get("Resource", []))


def _bucket(report: Report) -> tuple[str, ...]:
    request = report.request
    if not request.bucket:
        return ()
    owner = f" of account {request.bucket_account}" if request.bucket_account else ""
    return (shortened(f"{request.bucket}{owner}"),)


def _whom(report: Report) -> str:
    return report.principal.name


def _grantees(report: Report, patches: Sequence[PatchReport]) -> tuple[str, ...]:
    named = []
    for patch in patches:
        grantee = patch.grantee or _whom(report)
        everybody = grantee.endswith(":root")
        named.append(f"everybody in the account of {grantee}" if everybody else grantee)
    return _few(named)


def _few(found: Iterable[str]) -> tuple[str, ...]:
    listed = [shortened(one, 200) for one in dict.fromkeys(found)]
    if len(listed) <= _MOST_NAMES:
        return tuple(listed)
    return (*listed[:_MOST_NAMES], f"and {len(listed) - _MOST_NAMES} more")


def _expiry(facts: IncidentFacts, decision: Decision) -> tuple[ExpiryOption, ...]:
    chosen = decision.seconds if decision.seconds is not None else facts.expiry.default
    return tuple(
        ExpiryOption(
            value=expiry_value(seconds),
            words=expiry_words(seconds),
            until=shown_time(
                (facts.now + timedelta(seconds=seconds)).isoformat(timespec="minutes"),
                facts.now,
                facts.zone,
            )
            if seconds
            else None,
            is_chosen=seconds == chosen,
        )
        for seconds in facts.expiry.offered
    )
