"""PageFunction: the approval page. It shows, and passes on what people decide; it decides nothing itself."""

import time
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from threegrants.configuration import ConfigurationError
from threegrants.handlers import page_sign_in
from threegrants.handlers.observability import logger, metrics
from threegrants.handlers.page_dependencies import Visit, page
from threegrants.handlers.page_http import (
    Denied,
    PageHttpRequest,
    html,
    redirect,
    respond,
)
from threegrants.handlers.page_visit import NotSignedIn, form_of, visit_of
from threegrants.incidents import Incident, IncidentNotFound, State
from threegrants.page.decisions import FormError, body_of
from threegrants.page.headers import FOR_A_YEAR
from threegrants.page.remediation_client import Answer
from threegrants.page.request_checks import own_path
from threegrants.page.sessions import TooManyRequestsError
from threegrants.page.view import render
from threegrants.page.view.audit import audit_csv, audit_json, found_lines
from threegrants.page.view.inputs import CONFIRMED, Action, Decision, ListFilter, Notice
from threegrants.report import Report

app = APIGatewayHttpResolver()
app.include_router(page_sign_in.router)
_NEEDS_A_LOOK = (
    "Whether a fresh look says the same was not asked: you came by a link. Open the incident first."
)


# --- looking -----------------------------------------------------------------------------------------


@app.get("/")
def incidents() -> Response[str]:
    """The list of incidents."""
    visit, asked = visit_of(_request()), _request().query
    state, number = asked.get("state", ""), asked.get("page", "1")
    wanted = ListFilter(
        state=State(state) if state in set(State) else None,
        search=asked.get("q", "")[:200],
        only_open_access=asked.get("open") == "yes",
        page=_whole(number),
    )
    facts = page().reader().listed(wanted, time.time())
    return html(render.list_page(facts, visit.viewer(), visit.csrf, _notice(visit)))


@app.get("/incidents/<incident_id>")
def incident(incident_id: str) -> Response[str]:
    """One incident."""
    visit = visit_of(_request())
    found = _incident(incident_id)
    facts = page().reader().incident(found, time.time(), _run(visit, found))
    facts = replace(facts, reload=_request().query.get("reload") != "off")
    _shown(visit, found)
    viewer = visit.viewer(found.diagnosis)
    return html(render.incident_page(facts, viewer, visit.csrf, _notice(visit)))


@app.get("/incidents/<incident_id>/decide")
def decide(incident_id: str) -> Response[str]:
    """What a decision would do, from fresh evidence, and the form that asks for it."""
    visit, asked = visit_of(_request()), _request().query
    found = _incident(incident_id)
    if asked.get("action") not in {action.value for action in CONFIRMED}:
        raise Denied(HTTPStatus.NOT_FOUND)
    action = Action(asked["action"])
    decision = Decision(
        action=action,
        digests=render.chosen_digests(_request().query_pairs),
        seen=asked.get("seen", "")[:100],
        may_break_glass=visit.access.may_break_glass(visit.session.viewer.groups),
    )
    return _confirm(visit, found, decision)


@app.get("/approvals")
def approvals() -> Response[str]:
    """What waits for this person, and what they decided."""
    visit = visit_of(_request())
    facts = page().reader().approvals(visit.session.viewer, time.time())
    return html(render.approvals_page(facts, visit.viewer(), visit.csrf))


@app.get("/audit")
def audit() -> Response[str]:
    """Who decided what."""
    visit, asked = visit_of(_request()), _request().query
    facts = (
        page().reader().audit(asked.get("q", "")[:200], _whole(asked.get("page", "1")), time.time())
    )
    return html(render.audit_page(facts, visit.viewer(), visit.csrf))


@app.get("/audit.csv")
def audit_as_csv() -> Response[str]:
    """The same for spreadsheets."""
    return _exported("text/csv; charset=utf-8", "audit.csv")


@app.get("/audit.json")
def audit_as_json() -> Response[str]:
    """The same for programs."""
    return _exported("application/json", "audit.json")


@app.get("/health")
def health() -> Response[str]:
    """What this function sees of the installation's health."""
    from threegrants.page.health import BESIDE, findings  # noqa: PLC0415 - seldom asked for

    visit, now = visit_of(_request()), time.time()
    found = findings(page().health(), page().configuration(), now)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
    return html(render.health_page(found, at, visit.viewer(), visit.csrf, BESIDE))


@app.get("/signed/<link>")
def signed(link: str) -> Response[str]:
    """An incident for whoever holds a signed link: read-only and redacted."""
    opened = page().links and page().links.open(link, time.time())  # type: ignore[union-attr]
    if not opened:
        raise Denied(HTTPStatus.NOT_FOUND)
    found = _incident(opened.incident_id)
    logger.info("signed link opened", extra={"incident": found.id})
    facts = page().reader().for_a_link(found, time.time())
    return html(render.signed_link_page(facts, opened.expires))


@app.get("/static/page.css")
def style_sheet() -> Response[str]:
    """The style sheet; its address has a digest of it."""
    return respond(HTTPStatus.OK, render.stylesheet(), "text/css; charset=utf-8", FOR_A_YEAR)


# --- deciding: passed on, and answered there ----------------------------------------------------------


@app.post("/incidents/<incident_id>/<asked>")
def decided(incident_id: str, asked: str) -> Response[str]:
    """Pass on what a person decided, and say what came of it."""
    if asked not in set(Action):
        raise Denied(HTTPStatus.NOT_FOUND)
    action = Action(asked)
    visit = visit_of(_request())
    form = form_of(visit, _request())
    found = _incident(incident_id)
    page().sessions.count_request(visit.session.viewer)
    digests = render.chosen_digests(_request().form_pairs())
    try:
        answer = _ask(
            visit, "POST", f"/incidents/{found.id}/{action.value}", body_of(action, form, digests)
        )
    except FormError as error:
        answer = Answer(HTTPStatus.BAD_REQUEST, {"message": str(error)})
    who = visit.session.viewer.identity
    logger.info(
        "decision passed on",
        extra={"actor": who, "incident": found.id, "action": action.value, "status": answer.status},
    )
    if not answer.is_done and action in CONFIRMED:
        decision = Decision(
            action=action,
            digests=digests,
            seen=form.get("seen", "")[:100],
            reason=form.get("reason", "")[:500],
            ticket=form.get("ticket", "")[:100],
            problem=answer.words,
            may_break_glass=visit.access.may_break_glass(visit.session.viewer.groups),
        )
        return _confirm(visit, _incident(incident_id), decision, HTTPStatus(answer.status))
    page().sessions.tell(visit.session, Notice(answer.words, good=answer.is_done))
    return redirect(f"/incidents/{found.id}")


def _confirm(
    visit: Visit, found: Incident, decision: Decision, status: HTTPStatus = HTTPStatus.OK
) -> Response[str]:
    """The page that asks to confirm; an approval is shown as fresh evidence has it."""
    if decision.action is Action.APPROVE:
        fresh, problem = _looked_anew(visit, found)
        decision = replace(decision, fresh=fresh, fresh_problem=problem)
    facts = page().reader().incident(found, time.time(), _run(visit, found))
    _shown(visit, found)
    body = render.confirm_page(facts, decision, visit.viewer(found.diagnosis), visit.csrf)
    return respond(status, body)


def _looked_anew(visit: Visit, found: Incident) -> tuple[Report | None, str]:
    """The report from evidence of now, and why there is none.

    It costs reads in the accounts, so no other site's link begins it.
    """
    headers = _request().headers
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return None, _NEEDS_A_LOOK
    page().sessions.count_request(visit.session.viewer)
    answer = _ask(visit, "POST", f"/incidents/{found.id}/recheck", {})
    after = page().incidents.find(found.id)
    if not answer.is_done or after is None:
        return None, answer.words
    return after.report, ""


# --- what every request needs ---------------------------------------------------------------------------


def _request() -> PageHttpRequest:
    return PageHttpRequest(app.current_event.raw_event)


def _whole(text: str) -> int:
    return max(1, int(text)) if text.isdecimal() and len(text) < 6 else 1  # noqa: PLR2004 - no list has more


def _incident(incident_id: str) -> Incident:
    return page().incidents.get(incident_id)


def _ask(visit: Visit, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
    return page().remediation.ask(visit.session.id_token(), method, path, body)


def _run(visit: Visit, found: Incident) -> Mapping[str, Any] | None:
    """How the last run goes; its seals are verified where it is asked."""
    if not page().reader().shows_run(found):
        return None
    run = _ask(visit, "GET", f"/incidents/{found.id}").body.get("run")
    return run if isinstance(run, Mapping) else None


def _notice(visit: Visit) -> Notice | None:
    if visit.session.notice is not None:
        page().sessions.told(visit.session)
    return visit.session.notice


def _shown(visit: Visit, found: Incident) -> None:
    """The audit's line for a view of policy texts."""
    extra = {
        "actor": visit.session.viewer.identity,
        "incident": found.id,
        "report": found.diagnosis_id,
    }
    logger.info("policy texts shown", extra=extra)


def _exported(kind: str, name: str) -> Response[str]:
    visit = visit_of(_request())
    facts = page().reader().audit(_request().query.get("q", "")[:200], 1, time.time())
    lines = found_lines(facts.lines, facts.search)
    logger.info(
        "audit exported", extra={"actor": visit.session.viewer.identity, "lines": len(lines)}
    )
    body = (
        audit_csv(lines) if name.endswith("csv") else audit_json(lines, truncated=facts.truncated)
    )
    found = respond(HTTPStatus.OK, body, kind)
    found.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return found


# --- refusals ----------------------------------------------------------------------------------------


def _problem(status: HTTPStatus, detail: str = "") -> Response[str]:
    metrics.add_metric(name="PageRefusals", unit=MetricUnit.Count, value=1)
    logger.warning("page refused", extra={"status": int(status), "why": detail})
    body = render.error_page(status, detail, request_id=_request().id)
    return respond(status, body)


@app.exception_handler(NotSignedIn)
def _not_signed_in(_: NotSignedIn) -> Response[str]:
    """To the provider and back; a form cannot be sent again by that, so it is told."""
    if _request().method != "GET":
        body = render.signed_out_page("/sign-in", expired=True)
        return respond(HTTPStatus.UNAUTHORIZED, body)
    wanted = own_path(_request().path_and_query)
    return redirect(f"/sign-in?{urlencode({'to': wanted})}")


@app.exception_handler(Denied)
def _denied(error: Denied) -> Response[str]:
    return _problem(error.status, str(error))


@app.exception_handler(TooManyRequestsError)
def _too_many(_: TooManyRequestsError) -> Response[str]:
    return _problem(HTTPStatus.TOO_MANY_REQUESTS)


@app.exception_handler([IncidentNotFound, NotFoundError])
def _missing(_: Exception) -> Response[str]:
    return _problem(HTTPStatus.NOT_FOUND)


@app.exception_handler(ConfigurationError)
def _unconfigured(error: ConfigurationError) -> Response[str]:
    logger.error("page: no configuration", extra={"why": str(error)[:1000]})
    return _problem(HTTPStatus.SERVICE_UNAVAILABLE)


@app.exception_handler(Exception)
def _failed(error: Exception) -> Response[str]:
    """Whatever else goes wrong: the alarm PageFailures counts it, and the person learns nothing of it."""
    logger.exception("page failed")
    metrics.add_metric(name="PageFailures", unit=MetricUnit.Count, value=1)
    is_provider = type(error).__name__ in ("ProviderError", "ProviderUnreachableError")
    if is_provider:
        return _problem(HTTPStatus.SERVICE_UNAVAILABLE, "The identity provider does not answer.")
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR)


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """HTTP API event (payload 2.0) in, a page out."""
    return app.resolve(event, context)
