"""What a request to the API says: who asks, its query and its body."""

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler.exceptions import BadRequestError
from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

from threegrants.handlers.api_caller import caller_arn
from threegrants.handlers.page_requests import who_acts
from threegrants.remediation import Refused

NO_CALLER = "no caller: reach this function through its API only"


def actor_of(event: BaseProxyEvent) -> str:
    """Who asks: the ARN of the caller in its own account, or the person who signed in on the page.

    Raises:
        Refused: if the event names nobody.
    """
    if (signed_in := who_acts()) is not None:
        return str(signed_in.person)
    arn = caller_arn(event.raw_event)
    if arn is None:
        raise Refused(HTTPStatus.FORBIDDEN, NO_CALLER)
    return arn


def body_of(event: BaseProxyEvent) -> dict[str, Any]:
    """The request's JSON object; empty if it is another kind of JSON, or none.

    Raises:
        BadRequestError: if it is no JSON, or too deep to be read.
    """
    try:
        body = event.json_body
    except (ValueError, RecursionError) as error:  # base64's errors are ValueErrors too
        raise BadRequestError("the body must be a JSON object") from error
    return body if isinstance(body, dict) else {}


def query_of(event: BaseProxyEvent) -> dict[str, str]:
    """The request's query, of each parameter the last value."""
    return {name: str(value) for name, value in (event.query_string_parameters or {}).items()}
