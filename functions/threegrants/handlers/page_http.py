"""HTTP as the page speaks it: what a request of payload format 2.0 holds, and answers with their headers.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.shared.cookies import Cookie, SameSite

from threegrants.page.headers import HEADERS, NO_STORE

HTML = "text/html; charset=utf-8"
_MOST_FIELDS = 100
_MOST_BYTES = 65_536


class Denied(Exception):
    """The request is refused: `status` is the HTTP status, the text is for the person."""

    def __init__(self, status: HTTPStatus, detail: str = "") -> None:
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True, slots=True)
class PageHttpRequest:
    """One request; everything in it is chosen by whoever sends it.

    Args:
        event: the event, as API Gateway sends it.
    """

    event: Mapping[str, Any]

    @property
    def method(self) -> str:
        """The method, in capitals."""
        return str(self.event["requestContext"]["http"]["method"])

    @property
    def id(self) -> str:
        """By which the logs of API Gateway know it."""
        return str(self.event.get("requestContext", {}).get("requestId", ""))

    @property
    def path_and_query(self) -> str:
        """What was asked for."""
        query = self._query_text
        return f"{self.event.get('rawPath', '/')}{f'?{query}' if query else ''}"

    @property
    def query_pairs(self) -> list[tuple[str, str]]:
        """The query's fields, in their order.

        Raises:
            Denied: if there are too many.
        """
        return _pairs(self._query_text)

    @property
    def query(self) -> Mapping[str, str]:
        """The query's fields; of two of one name the first.

        Raises:
            Denied: if there are too many.
        """
        return dict(reversed(self.query_pairs))

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by their names in lower case."""
        sent = self.event.get("headers") or {}
        return {str(name).lower(): str(value) for name, value in sent.items()}

    @property
    def cookies(self) -> list[str]:
        """`NAME=VALUE`, one for each cookie."""
        return [str(one) for one in self.event.get("cookies") or ()]

    def form_pairs(self) -> list[tuple[str, str]]:
        """The fields of the form in the body, in their order.

        Raises:
            Denied: if it is none, or too large.
        """
        text = str(self.event.get("body") or "")
        if len(text) > 2 * _MOST_BYTES:
            raise Denied(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if self.event.get("isBase64Encoded"):
            try:
                text = base64.b64decode(text, validate=True).decode()
            except (binascii.Error, ValueError):
                raise Denied(HTTPStatus.BAD_REQUEST) from None
        if len(text) > _MOST_BYTES:
            raise Denied(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return _pairs(text)

    @property
    def _query_text(self) -> str:
        return str(self.event.get("rawQueryString") or "")


def respond(
    status: HTTPStatus, body: str, kind: str = HTML, caching: str = NO_STORE, *cookies: Cookie
) -> Response[str]:
    """An answer, with the headers of all of them.

    Args:
        status: the HTTP status.
        body: the text.
        kind: its media type.
        caching: for how long it may be kept.
        cookies: what the browser shall keep.
    """
    headers: dict[str, str | list[str]] = {**HEADERS, "Cache-Control": caching}
    return Response(int(status), kind, body, headers, list(cookies))


def html(body: str) -> Response[str]:
    """A page."""
    return respond(HTTPStatus.OK, body)


def redirect(address: str, *cookies: Cookie) -> Response[str]:
    """To another address, by GET."""
    found = respond(HTTPStatus.SEE_OTHER, "", HTML, NO_STORE, *cookies)
    found.headers["Location"] = address
    return found


def host_cookie(name: str, value: str, seconds: int) -> Cookie:
    """A cookie of this host alone; 0 seconds take it away."""
    return Cookie(
        name=name,
        value=value,
        path="/",
        secure=True,
        http_only=True,
        max_age=seconds,
        same_site=SameSite.LAX_MODE,
    )


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Denied(HTTPStatus.BAD_REQUEST) from None
