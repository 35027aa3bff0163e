"""What the commands ask of the deployed service, and how its refusals end a command."""

from collections.abc import Mapping
from typing import Any

from threegrants.cli.failure import Failure, Unreachable
from threegrants.cli.service import ServiceClient, ServiceError
from threegrants.report import Report, ReportError
from threegrants.report.raw_formats import NothingToWrite, raw


def service_client(stack: str) -> ServiceClient:
    """A client of a deployed stack.

    Raises:
        Failure: if there is no such stack.
        Unreachable: if nobody answers.
    """
    try:
        return ServiceClient.for_stack(stack)
    except ServiceError as error:
        raise failure(error) from error


def failure(error: ServiceError) -> Failure:
    """How a command ends that the service refused, or that did not reach it."""
    return Unreachable(str(error)) if error.unreachable else Failure(str(error))


def call_api(stack: str, method: str, path: str, body: Any = None) -> Any:
    """One request to the service's API, and its JSON answer.

    Args:
        stack: the stack's name, or its API's address.
        method: `GET` or `POST`.
        path: the path below the API's address, with its query.
        body: what is sent as JSON; nothing if None.

    Raises:
        Failure: with the service's own words if it refuses.
        Unreachable: if nobody answers.
    """
    try:
        return service_client(stack).call(method, path, body)
    except ServiceError as error:
        raise failure(error) from error


def report_of(incident: Mapping[str, Any]) -> Report | None:
    """The report that the API shows of an incident; None before its first diagnosis.

    Raises:
        Failure: if it has another shape.
    """
    try:
        return Report.from_json(incident["diagnosis"]) if incident.get("diagnosis") else None
    except ReportError as error:
        raise Failure(
            f"incident {incident['id']}: its diagnosis cannot be read: {error}"
        ) from error


def raw_of(incident: Mapping[str, Any], form: str) -> str:
    """An incident's report in a raw format.

    Raises:
        Failure: if there is no report, or nothing in it that could be written so.
    """
    report = report_of(incident)
    if report is None:
        raise Failure(f"incident {incident['id']} has no diagnosis yet")
    try:
        return raw(report, form)
    except NothingToWrite as error:
        raise Failure(str(error)) from error
