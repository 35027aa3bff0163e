"""The page's routes by which people sign in and out."""

import time
from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from threegrants.handlers.observability import logger
from threegrants.handlers.page_dependencies import page
from threegrants.handlers.page_http import (
    HTML,
    Denied,
    PageHttpRequest,
    host_cookie,
    redirect,
    respond,
)
from threegrants.handlers.page_visit import form_of, visit_of
from threegrants.page import cookies
from threegrants.page.headers import NO_STORE
from threegrants.page.request_checks import own_path
from threegrants.page.view import render

router = APIGatewayHttpRouter()  # type: ignore[no-untyped-call]


def _request() -> PageHttpRequest:
    return PageHttpRequest(router.current_event.raw_event)


@router.get("/sign-in")
def sign_in() -> Response[str]:
    """To the identity provider."""
    from threegrants.oidc.sign_in import SignInSecrets  # noqa: PLC0415 - not for who is signed in

    made = SignInSecrets.new()
    kept = cookies.SignInCookie(
        made.state, made.nonce, made.verifier, own_path(_request().query.get("to"))
    )
    address = page().oidc.authorization_url(page().settings.redirect, made)
    cookie = host_cookie(kept.name, cookies.packed(kept), cookies.SIGN_IN_SECONDS)
    return redirect(address, cookie)


@router.get("/callback")
def callback() -> Response[str]:
    """Back from the identity provider: a session begins, if all it says is genuine and ours."""
    from threegrants.oidc import TokenError  # noqa: PLC0415 - not for who is signed in

    asked = _request().query
    kept = cookies.sign_in_of(_request().cookies, asked.get("state", ""))
    if kept is None:
        raise Denied(
            HTTPStatus.BAD_REQUEST,
            "This sign-in was not begun in this browser, or too long ago. Sign in again.",
        )
    if "error" in asked:
        logger.warning("sign-in refused by the provider", extra={"error": asked["error"][:100]})
        raise Denied(HTTPStatus.FORBIDDEN, "The identity provider did not sign you in.")
    known, settings = page(), page().settings
    try:
        token = known.oidc.id_token(
            settings.redirect, asked.get("code", ""), kept.verifier, known.client_secret()
        )
        claims = known.oidc.verify(token, kept.nonce)
    except TokenError as error:
        logger.warning("sign-in refused", extra={"why": str(error)})
        raise Denied(HTTPStatus.FORBIDDEN, "The sign-in did not work. Try again.") from error
    if not known.configuration().page.may_view(claims.groups):
        logger.warning("sign-in of nobody's group", extra={"actor": claims.identity})
        raise Denied(
            HTTPStatus.FORBIDDEN,
            "You are known, but none of your groups may look here. Ask whoever runs threegrants.",
        )
    session = known.sessions.begin(claims, token)
    logger.info("signed in", extra={"actor": claims.identity, "until": session.expires})
    seconds = max(0, session.expires - int(time.time()))
    mine = host_cookie(cookies.SESSION, session.id, seconds)
    return redirect(kept.path, mine, host_cookie(kept.name, "", 0))


@router.post("/sign-out")
def sign_out() -> Response[str]:
    """The session ends; with `everywhere`, all of this person's."""
    visit = visit_of(_request())
    form = form_of(visit, _request())
    page().sessions.end(visit.session.id)
    if form.get("everywhere") == "yes":
        page().sessions.revoke(visit.session.viewer.identity)
    logger.info("signed out", extra={"actor": visit.session.viewer.identity})
    body = render.signed_out_page()
    return respond(HTTPStatus.OK, body, HTML, NO_STORE, host_cookie(cookies.SESSION, "", 0))
