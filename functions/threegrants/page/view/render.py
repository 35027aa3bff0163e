"""The pages, each from frozen values to HTML. Pure: the same values give the same page.

Every function returns a whole document. `csrf` is the value of the hidden field of every form.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus

from threegrants.diagnosis import Outcome
from threegrants.doctor.finding import Finding, Severity
from threegrants.incidents import State
from threegrants.page.view.audit import audit_row, audit_view
from threegrants.page.view.confirmation import confirmation_view
from threegrants.page.view.environment import rendered, stylesheet, stylesheet_href
from threegrants.page.view.incident import diagnosis_view, incident_view
from threegrants.page.view.inputs import (
    ApprovalsFacts,
    AuditFacts,
    Decision,
    IncidentFacts,
    ListFacts,
    Notice,
)
from threegrants.page.view.listing import list_view, row_of
from threegrants.page.view.offered_patches import FIELD
from threegrants.page.view.redacted import redacted, redacted_grants
from threegrants.page.view.times import ShownTime, shown_time
from threegrants.page.view.words import STATES, Sign, Tone, Word
from threegrants.page.viewer import Viewer
from threegrants.report.headline import cause

__all__ = [
    "approvals_page", "audit_page", "chosen_digests", "confirm_page", "error_page", "health_page",
    "incident_page", "list_page", "signed_link_page", "signed_out_page", "stylesheet", "stylesheet_href",
]  # fmt: skip

_SEVERITIES: Mapping[Severity, Word] = {
    Severity.CRITICAL: Word(
        "critical",
        Tone.BAD,
        Sign.BAR,
        "Denials are not seen, not diagnosed or not told, or nothing can be applied.",
    ),
    Severity.WARNING: Word(
        "warning", Tone.WAIT, Sign.CLOCK, "Something is lost or late, or may be."
    ),
    Severity.NOTE: Word("note", Tone.CALM, Sign.DASH, "It may well be meant so."),
}
_STATUS_WORDS: Mapping[int, tuple[str, str]] = {
    HTTPStatus.BAD_REQUEST: (
        "This request is not complete",
        "Something that the page sends along was not there, or not as the page sends it.",
    ),
    HTTPStatus.UNAUTHORIZED: ("Please sign in", "Your session has ended, or there was none."),
    HTTPStatus.FORBIDDEN: (
        "You may not do that",
        "Your groups do not allow it, or the form was too old.",
    ),
    HTTPStatus.NOT_FOUND: (
        "There is nothing here for you",
        "No such page, or none that you may see.",
    ),
    HTTPStatus.CONFLICT: (
        "It is otherwise by now",
        "Somebody was faster, or something changed. Nothing was done.",
    ),
    HTTPStatus.TOO_MANY_REQUESTS: ("Too many requests", "Wait a minute, and try again."),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "The service cannot answer now",
        "Nothing was done. Try again in a minute.",
    ),
}
_OTHER_STATUS = (
    "Something went wrong",
    "Whether it was done is not known: look at the incident again.",
)
_SHORT_CAUSES: Mapping[Outcome, str] = {
    Outcome.UNKNOWN: "What decides could not be read",
    Outcome.ALREADY_ALLOWED: "Every grant is in place by now",
}


def list_page(facts: ListFacts, viewer: Viewer, csrf: str, notice: Notice | None = None) -> str:
    """The list of incidents, filtered, counted and paged by what the form says.

    Args:
        facts: the incidents that this person may see.
        viewer: who looks.
        csrf: the token of the forms.
        notice: what came of the last request.
    """
    return rendered(
        "list.html",
        view=list_view(facts),
        states=tuple((state.value, STATES[state]) for state in State),
        **_signed_in(viewer, csrf, "/", notice),
    )


def incident_page(
    facts: IncidentFacts, viewer: Viewer, csrf: str, notice: Notice | None = None
) -> str:
    """One incident: the whole case, and what this person may do. It reloads while a run goes on.

    Args:
        facts: the incident and what is known around it.
        viewer: who looks.
        csrf: the token of the forms.
        notice: what came of the last request.
    """
    view = incident_view(facts, viewer)
    return rendered("incident.html", view=view, **_signed_in(viewer, csrf, "", notice))


def confirm_page(facts: IncidentFacts, decision: Decision, viewer: Viewer, csrf: str) -> str:
    """What an approval, rejection, rollback or extension would do, and the form that asks for it.

    The form posts `csrf`, `seen`, `digest` (several), `reason`, `ticket`, `for` (`8h`, `until-revoked`)
    and `break_glass` (`yes`) to `/incidents/{id}/{action}`.

    Args:
        facts: the incident as the person saw it, and what is known around it.
        decision: what they are about to decide.
        viewer: who decides.
        csrf: the token of the forms.
    """
    view = confirmation_view(facts, decision, viewer)
    return rendered("confirm.html", view=view, **_signed_in(viewer, csrf, ""))


def chosen_digests(query: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """The digests that an incident's form, or a link, names: one field for each policy.

    Args:
        query: the names and values of the query string or the form, in their order.
    """
    found = (value for name, value in query if name == FIELD or name.startswith(f"{FIELD}-"))
    return tuple(dict.fromkeys(value for value in found if value))


def approvals_page(facts: ApprovalsFacts, viewer: Viewer, csrf: str) -> str:
    """What waits for this person, what they opened, and what they decided.

    Args:
        facts: those incidents and decisions.
        viewer: who looks.
        csrf: the token of the forms.
    """
    now, zone = facts.now, facts.zone
    return rendered(
        "approvals.html",
        waiting=tuple(row_of(one, now, zone) for one in facts.waiting),
        in_force=tuple(row_of(one, now, zone) for one in facts.in_force),
        rows=tuple(audit_row(one, now, zone) for one in facts.lines),
        **_signed_in(viewer, csrf, "/approvals"),
    )


def audit_page(facts: AuditFacts, viewer: Viewer, csrf: str) -> str:
    """Who decided what, with links to the same as CSV and JSON.

    Args:
        facts: the decisions.
        viewer: who looks.
        csrf: the token of the forms.
    """
    return rendered("audit.html", view=audit_view(facts), **_signed_in(viewer, csrf, "/audit"))


def health_page(
    findings: Sequence[Finding],
    checked_at: str,
    viewer: Viewer,
    csrf: str,
    problem: str = "",
    now: datetime | None = None,
) -> str:
    """What is wrong with the installation.

    Args:
        findings: what `doctor` found.
        checked_at: when, ISO 8601 in UTC; empty if never.
        viewer: who looks.
        csrf: the token of the forms.
        problem: why it could not be looked at; empty if it was.
        now: when the page is made, with a time zone; how long ago that was is not said without.
    """
    groups = tuple(
        (severity.value, _SEVERITIES[severity], found)
        for severity in Severity
        if (found := tuple(one for one in findings if one.severity is severity))
    )
    return rendered(
        "health.html",
        groups=groups,
        checked_at=_looked_at(checked_at, now) if checked_at else None,
        problem=problem,
        **_signed_in(viewer, csrf, "/health"),
    )


def error_page(
    status: HTTPStatus,
    detail: str = "",
    viewer: Viewer | None = None,
    csrf: str = "",
    request_id: str = "",
) -> str:
    """What went wrong and what to do, without a word about incidents.

    Args:
        status: the HTTP status.
        detail: a sentence for the person, of a refusal; empty for the status's own.
        viewer: who is signed in, if anybody.
        csrf: the token of the forms.
        request_id: by which the logs know the request.
    """
    title, text = _STATUS_WORDS.get(status, _OTHER_STATUS)
    return rendered(
        "message.html",
        title=title,
        text=detail or text,
        next="",
        href="/" if viewer else "/sign-in",
        label="To the incidents" if viewer else "Sign in",
        request_id=request_id,
        viewer=viewer,
        csrf=csrf,
        current="",
    )


def signed_out_page(sign_in_href: str = "/sign-in", *, expired: bool = False) -> str:
    """Asks to sign in: after signing out, or because the session has ended.

    Args:
        sign_in_href: where signing in begins; a path of this site.
        expired: whether the session ended by itself.
    """
    return rendered(
        "message.html",
        title="Your session has ended" if expired else "You are signed out",
        text="Nothing of what you had typed was sent."
        if expired
        else "Nothing is left in this browser.",
        next="Sign in again to go on where you were." if expired else "",
        href=sign_in_href,
        label="Sign in",
        request_id="",
        viewer=None,
        csrf="",
        current="",
    )


def signed_link_page(facts: IncidentFacts, expires_at: int) -> str:
    """An incident for whoever holds a signed link: read-only, names replaced, no policy texts.

    Args:
        facts: the incident.
        expires_at: when the link ends, seconds since the epoch.

    Raises:
        ValueError: if the incident is not analysed yet: there is nothing to show.
    """
    report = facts.incident.report
    if report is None:
        raise ValueError(f"incident {facts.incident.id} is not analysed yet")
    shown = redacted(report)
    blank = replace(
        facts,
        incident=replace(facts.incident, diagnosis=shown, bucket=None, bucket_account=None),
        history=(),
        run=None,
        related=(),
    )
    nobody = Viewer(issuer="", subject="")
    short = _SHORT_CAUSES.get(shown.outcome) or cause(shown)
    return rendered(
        "signed.html",
        view=incident_view(blank, nobody),
        d=diagnosis_view(shown, blank, texts=False),
        cause=short[:1].upper() + short[1:],
        grants=redacted_grants(shown),
        expires=shown_time(expires_at, facts.now),
        viewer=None,
        csrf="",
        current="",
    )


def _looked_at(checked_at: str, now: datetime | None) -> ShownTime:
    shown = shown_time(checked_at, now or datetime.fromtimestamp(0, UTC))
    return shown if now else replace(shown, ago="")


def _signed_in(
    viewer: Viewer, csrf: str, current: str, notice: Notice | None = None
) -> dict[str, object]:
    return {"viewer": viewer, "csrf": csrf, "current": current, "notice": notice}
