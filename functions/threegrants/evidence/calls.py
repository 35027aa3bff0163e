"""One question to AWS: a value, or why it could not be read and what permission is needed."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from botocore.parsers import ResponseParserError

from threegrants.evidence.role_clients import AccountError
from threegrants.evidence.snapshot import Item, Read, Unread
from threegrants.evidence.time_left import NoTimeLeft

T = TypeVar("T")

NOT_AWS = "the answer was not AWS's: no XML or JSON (a proxy's or a sign-in page?)"
DIRECT_WAY = "a connection to AWS without something in between that answers for it"

_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "UnauthorizedAccess", "403"}
)
_REFUSED = "the reader was refused"
_MAX_WORKERS = 64
"""Questions asked at once: more than a role or user can have policies attached."""
MOST_IN_TURN = 8
"""Reads of IAM and AWS Organizations at once: both throttle an account at some tens a second."""
_TURNS = threading.BoundedSemaphore(MOST_IN_TURN)


def code_of(error: ClientError) -> str:
    """The error code of a refused call, as AWS spells it."""
    return str(error.response.get("Error", {}).get("Code", ""))


def call_or_unread(
    call: Callable[[], T],
    needs: str,
    absent: Callable[[ClientError], Item[T] | None] | None = None,
) -> Item[T]:
    """Ask once (botocore retries throttling by itself).

    Args:
        call: the call, returning the value.
        needs: what supplies the value if it cannot be read: action, resource, role, account.
        absent: turns an error that is an answer ("no such policy") into that answer.
    """
    try:
        return Read(call())
    except AccountError as error:
        return Unread(error.why, error.needs, error.code)
    except ClientError as error:
        answer = absent(error) if absent else None
        if answer is not None:
            return answer
        code = code_of(error)
        if _is_a_page(error):
            return Unread(NOT_AWS, f"{DIRECT_WAY}; {needs}")
        if code in _DENIED:
            return Unread(f"{_REFUSED} ({code})", needs)
        return Unread(f"AWS answered {code}: {_one_line(error)}", needs)
    except NoTimeLeft as error:
        return Unread(str(error), "another delivery of the record, or a longer timeout")
    except BotoCoreError as error:
        return _unreached(error, needs)
    except ResponseParserError:
        return Unread(NOT_AWS, f"{DIRECT_WAY}; {needs}")
    except (LookupError, TypeError, ValueError) as error:
        # One answer that is not as documented must not cost the whole diagnosis.
        return Unread(f"AWS's answer was not as documented: {type(error).__name__}", needs)


def _unreached(error: BotoCoreError, needs: str) -> Unread:
    if isinstance(error, NoCredentialsError):
        return Unread("there are no AWS credentials", f"AWS credentials (aws sso login); {needs}")
    return Unread(f"AWS could not be reached: {type(error).__name__}", needs)


def is_refusal(unread: Unread) -> bool:
    """Whether AWS answered that the reader may not read it."""
    return unread.why.startswith(_REFUSED)


def _is_a_page(error: ClientError) -> bool:
    """Whether a refusal is a page for people, as a proxy sends it; AWS refuses in XML or JSON."""
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return str(headers.get("content-type", "")).startswith("text/html")


def _one_line(error: ClientError) -> str:
    text = str(error.response.get("Error", {}).get("Message", ""))
    return " ".join(text.split())[:200]


def absent_when(codes: Sequence[str], value: Any) -> Callable[[ClientError], Item[Any] | None]:
    """For `call_or_unread`: these error codes mean `value`, not a failure to read."""

    def answer(error: ClientError) -> Item[Any] | None:
        return Read(value) if code_of(error) in codes else None

    return answer


def run_concurrently(calls: Iterable[Callable[[], Any]]) -> list[Any]:
    """Run independent questions at the same time, answers in the order of the questions."""
    tasks = list(calls)
    if len(tasks) <= 1:
        return [task() for task in tasks]
    with ThreadPoolExecutor(max_workers=min(_MAX_WORKERS, len(tasks))) as pool:
        return [future.result() for future in [pool.submit(task) for task in tasks]]


def in_turn(read: Callable[[], T]) -> T:
    """Make one call to IAM or AWS Organizations, when it is its turn.

    Source: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
    """
    with _TURNS:
        return read()


def pages_in_turn(client: BaseClient, operation: str, **asked: Any) -> Iterator[Any]:
    """The pages of an IAM or Organizations list; each is one call in turn."""
    pages = iter(client.get_paginator(operation).paginate(**asked))
    while (page := in_turn(lambda: next(pages, None))) is not None:
        yield page


def entries_in_turn(client: BaseClient, operation: str, group: str, **asked: Any) -> Iterator[Any]:
    """The entries of all of its pages."""
    for page in pages_in_turn(client, operation, **asked):
        yield from page[group]
