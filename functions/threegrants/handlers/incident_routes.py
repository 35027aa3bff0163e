"""Routes of the API about incidents as they are: the list, a fresh look, opening one again."""

import time
from typing import Any

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.exceptions import BadRequestError
from aws_lambda_powertools.metrics import MetricUnit

from threegrants.handlers.api_requests import actor_of, body_of, query_of
from threegrants.handlers.dependencies import dependencies
from threegrants.handlers.observability import logger, metrics
from threegrants.incidents import IncidentLeases
from threegrants.incidents.listing import ListingError, ListingFilter, parse_limit
from threegrants.remediation.recheck import recheck
from threegrants.remediation.reopening import MOST_CHARACTERS, reopen
from threegrants.remediation.seals import Signer

router = Router()  # type: ignore[no-untyped-call]

_LISTING_SECONDS = 10.0
"""For how long the first list after an update takes in what an earlier release wrote."""


@router.get("/incidents")
def incidents() -> dict[str, Any]:
    """The incidents, the latest seen first: a page of them.

    The query may have `state` (several with commas), `account`, `bucket`, `principal`, `since`, `limit`,
    and `next`, the page token of the answer before.
    """
    event = router.current_event
    actor_of(event)
    query = query_of(event)
    try:
        wanted, rows = ListingFilter.parse(query), parse_limit(query.get("limit", ""))
        until = time.time() + _LISTING_SECONDS
        page = dependencies().listing.page(wanted, rows, query.get("next", ""), until)
    except ListingError as error:
        raise BadRequestError(str(error)) from error
    return {
        "incidents": [one.to_json() for one in page.incidents],
        "next": page.following,
        "complete": page.complete,
    }


@router.post("/incidents/<incident_id>/recheck")
def recheck_incident(incident_id: str) -> dict[str, Any]:
    """Examine the incident anew, from fresh evidence; the new report, and what is otherwise."""
    actor = actor_of(router.current_event)
    logger.set_correlation_id(incident_id)
    known = dependencies()
    leases = IncidentLeases(known.store.table)
    done = recheck(known.store, leases, known.reanalyze, time.time(), incident_id)
    metrics.add_metric(name="Rechecks", unit=MetricUnit.Count, value=1)
    logger.info("recheck", extra={"actor": actor, "changes": len(done.changes)})
    report = done.incident.report
    return {
        "id": done.incident.id,
        "state": done.incident.state.value,
        "detail": done.detail,
        "changes": [one.to_json() for one in done.changes],
        "diagnosis": report.to_json() if report else None,
    }


@router.post("/incidents/<incident_id>/reopen")
def reopen_incident(incident_id: str) -> dict[str, Any]:
    """Open an incident again that was rejected, taken back or resolved."""
    event = router.current_event
    actor = actor_of(event)
    logger.set_correlation_id(incident_id)
    reason = body_of(event).get("reason", "")
    if not isinstance(reason, str) or len(reason) > MOST_CHARACTERS:
        raise BadRequestError(f"reason: expected a text of at most {MOST_CHARACTERS} characters")
    known = dependencies()
    run_store = known.run_store(Signer.APPROVER)
    done = reopen(known.store, run_store, incident_id, actor, reason)
    metrics.add_metric(name="Reopened", unit=MetricUnit.Count, value=1)
    logger.info("reopen", extra={"actor": actor})
    return done.to_json()
