"""Who is behind a request of the page, and whether a form is that person's own."""

from collections.abc import Mapping
from http import HTTPStatus

from threegrants.handlers.observability import logger
from threegrants.handlers.page_dependencies import Visit, page
from threegrants.handlers.page_http import Denied, PageHttpRequest
from threegrants.page import cookies
from threegrants.page.request_checks import is_csrf_of, is_same_origin


class NotSignedIn(Exception):
    """Nobody is signed in, or not any more."""


def visit_of(request: PageHttpRequest) -> Visit:
    """Who is signed in, and may look.

    Args:
        request: the request.

    Raises:
        NotSignedIn: if nobody is.
        Denied: if none of their groups may look any more.
    """
    session = page().sessions.find(cookies.cookie(request.cookies, cookies.SESSION))
    if session is None:
        raise NotSignedIn
    access = page().configuration().page
    if not access.may_view(session.viewer.groups):
        raise Denied(HTTPStatus.FORBIDDEN, "None of your groups may look here any more.")
    return Visit(session, access)


def form_of(visit: Visit, request: PageHttpRequest) -> Mapping[str, str]:
    """The fields of a form that this person sent from a page of ours.

    Args:
        visit: the person's visit.
        request: the request.

    Raises:
        Denied: if it may be another site's.
    """
    form: dict[str, str] = {}
    for name, value in request.form_pairs():
        form.setdefault(name, value)
    address = page().settings.address
    if not is_same_origin(request.headers, address) or not is_csrf_of(
        visit.session.id, form.get("csrf", "")
    ):
        logger.warning("form refused", extra={"actor": visit.session.viewer.identity})
        raise Denied(
            HTTPStatus.FORBIDDEN,
            "This form was not of your session. Nothing was done. Open the page again.",
        )
    return form
