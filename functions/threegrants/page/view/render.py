"""The pages, each from frozen values to HTML. Pure: the same values give the same page.

Every function returns a whole document. `csrf` is the value of the hidden field of every form.
"""

from collections.abc import Sequence
from http import HTTPStatus

from threegrants.doctor.finding import Finding
from threegrants.page.view.inputs import (
    ApprovalsFacts,
    AuditFacts,
    Decision,
    IncidentFacts,
    ListFacts,
    Notice,
)
from threegrants.page.viewer import Viewer


def list_page(facts: ListFacts, viewer: Viewer, csrf: str, notice: Notice | None = None) -> str:
    """The list of incidents, filtered, counted and paged by what the form says."""
    raise NotImplementedError


def incident_page(
    facts: IncidentFacts, viewer: Viewer, csrf: str, notice: Notice | None = None
) -> str:
    """One incident: the whole case, and what this person may do. It reloads while a run goes on."""
    raise NotImplementedError


def confirm_page(facts: IncidentFacts, decision: Decision, viewer: Viewer, csrf: str) -> str:
    """What an approval, rejection, rollback or extension would do, and the form that asks for it.

    The form posts `csrf`, `seen`, `digest` (several), `reason`, `ticket`, `for` (`3600s`, `revoked`)
    and `break_glass` (`yes`) to `/incidents/{id}/{action}`.
    """
    raise NotImplementedError


def approvals_page(facts: ApprovalsFacts, viewer: Viewer, csrf: str) -> str:
    """What waits for this person, what they opened, and what they decided."""
    raise NotImplementedError


def audit_page(facts: AuditFacts, viewer: Viewer, csrf: str) -> str:
    """Who decided what, with links to the same as CSV and JSON."""
    raise NotImplementedError


def health_page(
    findings: Sequence[Finding], checked_at: str, viewer: Viewer, csrf: str, problem: str = ""
) -> str:
    """What is wrong with the installation.

    Args:
        findings: what `doctor` found.
        checked_at: when, ISO 8601 in UTC; empty if never.
        viewer: who looks.
        csrf: the token of the forms.
        problem: why it could not be looked at; empty if it was.
    """
    raise NotImplementedError


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
    raise NotImplementedError


def signed_out_page(sign_in_href: str = "/sign-in", *, expired: bool = False) -> str:
    """Asks to sign in: after signing out, or because the session has ended."""
    raise NotImplementedError


def signed_link_page(facts: IncidentFacts, expires_at: int) -> str:
    """An incident for whoever holds a signed link: read-only, names replaced, no policy texts.

    Args:
        facts: the incident.
        expires_at: when the link ends, seconds since the epoch.
    """
    raise NotImplementedError


def stylesheet() -> str:
    """The style sheet's text, `text/css`."""
    raise NotImplementedError


def stylesheet_href() -> str:
    """Where the pages look for it: `/static/page.css?v=` and a digest of its text."""
    raise NotImplementedError
