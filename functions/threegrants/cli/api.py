"""What the commands ask of the deployed service, and how its refusals end a command."""

from typing import Any

from threegrants.cli.failure import Failure, Unreachable
from threegrants.cli.service import ServiceClient, ServiceError


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
