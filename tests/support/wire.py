"""Between boto3 and AWS: every call of every client, seen and, where a test wants it, disturbed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

_BASE: Any = BaseClient
"""What every client is; its method for all calls is not public."""


class Died(BaseException):
    """The process is gone: nothing of it catches this."""


@dataclass(frozen=True)
class ApiCall:
    """A call on its way to AWS."""

    client: Any
    operation: str
    parameters: dict[str, Any]
    _send: Callable[..., Any]

    @property
    def service(self) -> str:
        return str(self.client.meta.service_model.service_name)

    @property
    def name(self) -> str:
        """`s3:GetBucketPolicy`."""
        return f"{self.service}:{self.operation}"

    def proceed(self) -> Any:
        """AWS's answer."""
        return self._send(self.client, self.operation, self.parameters)


def answer_calls(monkeypatch: pytest.MonkeyPatch, answer: Callable[[ApiCall], Any]) -> None:
    """Let `answer` answer every AWS call; one goes through if `answer` calls its `proceed`."""
    send = _BASE._make_api_call

    def answered(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        return answer(ApiCall(client, operation, parameters, send))

    monkeypatch.setattr(_BASE, "_make_api_call", answered)


def calls_made(monkeypatch: pytest.MonkeyPatch) -> list[ApiCall]:
    """The AWS calls from now on."""
    made: list[ApiCall] = []

    def counted(call: ApiCall) -> Any:
        made.append(call)
        return call.proceed()

    answer_calls(monkeypatch, counted)
    return made


def refusal(operation: str, code: str = "AccessDenied", status: int = 403) -> ClientError:
    """AWS's refusal of a call."""
    response: Any = {
        "Error": {"Code": code, "Message": "as the test wants"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, operation)
