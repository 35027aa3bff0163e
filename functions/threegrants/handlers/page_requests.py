"""What the approval page asks of RemediateFunction, in a signed-in person's name.

The page decides nothing and is not believed: it hands on the person's own ID token, which is checked here.
So who may invoke this function, and no more, can speak for nobody.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from threegrants.incidents import Incident
from threegrants.patches import Patch
from threegrants.remediation.page_access import PageAccess
from threegrants.remediation.page_decisions import (
    require_may_approve,
    require_told_apart,
)
from threegrants.remediation.person import Person
from threegrants.remediation.results import Refused
from threegrants.report import Report

if TYPE_CHECKING:
    from threegrants.oidc import OidcClient

_KEY = "page_request"
_PATH = re.compile(r"/incidents(?:/(?P<id>[A-Za-z0-9-]{1,64})(?:/(?P<action>[a-z]+))?)?", re.ASCII)
_DECISIONS = frozenset(
    {
        "approve",
        "reject",
        "rollback",
        "extend",
        "reopen",
        "acknowledge",
        "assign",
        "snooze",
        "recheck",
    }
)
"""What people may ask for on the page; everything else of the API is for AWS identities."""
_OPENING = frozenset({"approve", "extend"})
"""Decisions that open something, or keep it open."""
_NOT_SIGNED_IN = "the page's request has no ID token that is taken"


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request that the page hands on.

    Args:
        token: the person's ID token, not checked yet.
        method: GET or POST.
        incident_id: which incident; empty for all.
        action: what is asked of it; empty for looking.
        query: the query's parameters.
        body: the body's JSON object.
    """

    token: str
    method: str
    incident_id: str
    action: str
    query: Mapping[str, str]
    body: Mapping[str, Any]

    @property
    def path(self) -> str:
        """The API's path for it."""
        parts = ("/incidents", self.incident_id, self.action)
        return "/".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who asks, checked.

    Args:
        person: who, as it is recorded.
        groups: the person's groups.
        access: what groups may do.
    """

    person: Person
    groups: frozenset[str]
    access: PageAccess


_signed_in: ContextVar[SignedIn | None] = ContextVar("signed_in", default=None)


def is_page_request(event: Any) -> bool:
    """Whether an event has the form that the page's requests have."""
    return isinstance(event, Mapping) and set(event) == {_KEY}


def parse_page_request(event: Mapping[str, Any]) -> PageRequest:
    """The request in an event.

    Raises:
        Refused: if it is none that the page makes.
    """
    asked = event[_KEY]
    found = asked if isinstance(asked, Mapping) else {}
    method, path, token = (found.get(name) for name in ("method", "path", "token"))
    named = _PATH.fullmatch(path) if isinstance(path, str) else None
    action = (named["action"] if named else None) or ""
    fits = (method == "GET" and not action) or (method == "POST" and action in _DECISIONS)
    if named is None or not fits:
        raise Refused(HTTPStatus.NOT_FOUND, "the page has no such request")
    if not isinstance(token, str):
        raise Refused(HTTPStatus.UNAUTHORIZED, _NOT_SIGNED_IN)
    query, body = (found.get(name) or {} for name in ("query", "body"))
    if not isinstance(query, Mapping) or not isinstance(body, Mapping):
        raise Refused(HTTPStatus.BAD_REQUEST, "query and body must be JSON objects")
    texts = {str(name): str(value) for name, value in query.items()}
    return PageRequest(token, str(method), named["id"] or "", action, texts, body)


@cache
def _client() -> "OidcClient | None":
    from threegrants.oidc import OidcClient, OidcSettings  # noqa: PLC0415 - only where there is a page

    settings = OidcSettings.from_env(os.environ)
    return OidcClient(settings) if settings else None


def sign_in(request: PageRequest, access: PageAccess) -> SignedIn:
    """The person whose token a request carries.

    Args:
        request: the request.
        access: what groups may do.

    Raises:
        Refused: if the token is not genuine, not ours, over, or cannot be checked; or if the person's
            groups may not even look.
    """
    from threegrants.oidc import (  # noqa: PLC0415 - only where there is a page
        ProviderError,
        ProviderUnreachableError,
        TokenError,
    )

    client = _client()
    if client is None:
        raise Refused(HTTPStatus.FORBIDDEN, "no identity provider is set (OidcIssuer)")
    try:
        claims = client.verify(request.token)
    except TokenError as error:
        raise Refused(HTTPStatus.UNAUTHORIZED, f"{_NOT_SIGNED_IN}: {error}") from error
    except (ProviderError, ProviderUnreachableError) as error:
        raise Refused(
            HTTPStatus.SERVICE_UNAVAILABLE, f"nothing is done: the identity provider: {error}"
        ) from error
    names = (claims.all.get(name, "") for name in access.person_claims)
    person = Person.known_as(claims.issuer, claims.subject, names)
    if Person.parse(str(person)) != person:
        raise Refused(HTTPStatus.FORBIDDEN, "the token's subject cannot be recorded")
    if not access.may_view(claims.groups):
        raise Refused(HTTPStatus.FORBIDDEN, "none of your groups may look (page.viewers)")
    return SignedIn(person, claims.groups, access)


def require_may_ask(who: SignedIn, request: PageRequest, incident: Incident | None) -> None:
    """Make sure that a person's groups may ask for this.

    Args:
        who: the person.
        request: what is asked.
        incident: the incident that it is asked of; None for a list.

    Raises:
        Refused: if not.
    """
    if request.method == "GET" or incident is None:
        return
    report = incident.report
    if not who.access.may_decide(who.groups, report):
        raise Refused(
            HTTPStatus.FORBIDDEN,
            "none of your groups may decide about this incident (page.approvers)",
        )
    if request.action in _OPENING and not str(request.body.get("reason") or "").strip():
        raise Refused(HTTPStatus.BAD_REQUEST, "say why: others read it in the history")
    if request.action != "approve" or report is None:
        return
    digests = request.body.get("digests")
    named = digests if isinstance(digests, list) else []
    offered = report.patches_by_digest
    if not named or any(not isinstance(d, str) or d not in offered for d in named):
        raise Refused(
            HTTPStatus.CONFLICT,
            "the approval names no patch, or one that is not offered (any more): look at the incident "
            "again",
        )
    try:
        patches = [offered[digest].to_patch() for digest in named]
    except ValueError as error:
        raise Refused(HTTPStatus.CONFLICT, str(error)) from error
    require_may_approve(who.access, who.groups, report, patches)
    require_told_apart(who.access, who.person, report, patches)


def require_may_extend(report: Report, patches: Sequence[Patch]) -> None:
    """Make sure that whoever asks for an extension might approve what it prolongs, if it is a person.

    Args:
        report: the incident's report.
        patches: what is in force.

    Raises:
        Refused: if not.
    """
    who = who_acts()
    if who is not None:
        require_may_approve(who.access, who.groups, report, patches)
        require_told_apart(who.access, who.person, report, patches)


@contextmanager
def acting(who: SignedIn) -> Iterator[None]:
    """While this runs, requests are this person's."""
    token = _signed_in.set(who)
    try:
        yield
    finally:
        _signed_in.reset(token)


def who_acts() -> SignedIn | None:
    """The signed-in person whose request runs now; None if it is an AWS identity's."""
    return _signed_in.get()


def breaks_glass(body: Mapping[str, Any]) -> bool:
    """Whether an approval is to count alone where two are wanted.

    Args:
        body: what the request says.

    Raises:
        Refused: if it says so, and is not of a signed-in person whose group may.
    """
    if not body.get("break_glass"):
        return False
    who = who_acts()
    if who is None or not who.access.may_break_glass(who.groups):
        raise Refused(
            HTTPStatus.FORBIDDEN,
            "only somebody who signed in and is of a group for it (page.break_glass) approves alone "
            "where two are wanted",
        )
    return True


def rest_event(request: PageRequest) -> dict[str, Any]:
    """The request as the API's routes take it. It names no caller: `who_acts` does."""
    return {
        "resource": request.path,
        "path": request.path,
        "httpMethod": request.method,
        "headers": {"content-type": "application/json"},
        "multiValueHeaders": {"content-type": ["application/json"]},
        "queryStringParameters": dict(request.query),
        "multiValueQueryStringParameters": {name: [v] for name, v in request.query.items()},
        "requestContext": {"httpMethod": request.method, "path": request.path, "identity": {}},
        "body": None if request.method == "GET" else json.dumps(request.body),
        "isBase64Encoded": False,
    }
