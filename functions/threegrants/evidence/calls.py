"""One question to AWS: a value, or why it could not be read and what permission is needed."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from threegrants.evidence.role_clients import AccountError
from threegrants.evidence.snapshot import Item, Read, Unread

T = TypeVar("T")

NOT_AWS = "the answer was not AWS's: no XML or JSON (a proxy's or a sign-in page?)"
DIRECT_WAY = "a connection to AWS without something in between that answers for it"

_DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "UnauthorizedAccess", "403"}
)
_MAX_WORKERS = 64
"""Questions asked at once: more than a role or user can have policies attached."""


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
        if code in _DENIED:
            return Unread(f"the reader was refused ({code})", needs)
        return Unread(f"AWS answered {code}: {_one_line(error)}", needs)
    except BotoCoreError as error:
        return Unread(f"AWS could not be reached: {type(error).__name__}", needs)
    except ResponseParserError:
        return Unread(NOT_AWS, f"{DIRECT_WAY}; {needs}")
    except (LookupError, TypeError, ValueError) as error:
        # One answer that is not as documented must not cost the whole diagnosis.
        return Unread(f"AWS's answer was not as documented: {type(error).__name__}", needs)


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
