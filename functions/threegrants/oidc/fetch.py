"""One bounded request to the provider: in time, in size, to no other address, with no second try.

Whoever answers there decides neither how long the function waits nor how much memory it takes.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import urlencode

import urllib3

MAX_BYTES = 262_144
"""The most bytes of an answer; discovery documents, key sets and tokens are of a few kilobytes."""
CONNECT_SECONDS, READ_SECONDS = 2.0, 4.0


class ProviderUnreachableError(RuntimeError):
    """The provider did not answer in time, or not with what was asked for."""


@cache
def _pool() -> urllib3.PoolManager:
    timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
    return urllib3.PoolManager(timeout=timeout, retries=False, num_pools=4)


def get_json(url: str) -> Any:
    """The JSON at an address.

    Raises:
        ProviderUnreachableError: if there is none.
    """
    return _json(*_request("GET", url, None, {}), url)


def post_form(
    url: str, fields: Mapping[str, str], headers: Mapping[str, str]
) -> tuple[int, dict[str, Any]]:
    """Send a form; the answer's status and its JSON object, empty if it is none.

    Raises:
        ProviderUnreachableError: if there is no answer.
    """
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    status, body = _request("POST", url, urlencode(fields), {**headers, **kind})
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    return status, found if isinstance(found, dict) else {}


def _json(status: int, body: bytes, url: str) -> Any:
    if status != 200:  # noqa: PLR2004 - HTTP's
        raise ProviderUnreachableError(f"{url} answered with status {status}")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProviderUnreachableError(f"{url} answered with no JSON") from error


def _request(
    method: str, url: str, body: str | None, headers: Mapping[str, str]
) -> tuple[int, bytes]:
    accepted = {"Accept": "application/json", "User-Agent": "threegrants", **headers}
    try:
        answer = _pool().request(
            method, url, body=body, headers=accepted, redirect=False, preload_content=False
        )
        try:
            # One byte more than allowed tells that there are more.
            found = answer.read(MAX_BYTES + 1, decode_content=True)
        finally:
            answer.release_conn()
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise ProviderUnreachableError(f"{url} did not answer: {type(error).__name__}") from error
    if len(found) > MAX_BYTES:
        raise ProviderUnreachableError(f"{url} answered with more than {MAX_BYTES} bytes")
    return answer.status, found
