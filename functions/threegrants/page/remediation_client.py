"""What the page asks of RemediateFunction, in the name of the person who is signed in.

The person's ID token goes with every request, and is checked there: the page cannot make one up.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

_NO_ANSWER = (
    "the service did not answer as it should; look at the incident again before you repeat it"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered.

    Args:
        status: the HTTP status.
        body: the JSON object.
    """

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        """Whether it was done, or has begun."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def words(self) -> str:
        """What people are told of it."""
        told = self.body.get("detail" if self.is_done else "message")
        return told if isinstance(told, str) and told else "Done." if self.is_done else _NO_ANSWER


@dataclass(frozen=True, slots=True)
class RemediationClient:
    """Asks RemediateFunction, and waits for the answer.

    Args:
        client: the Lambda client.
        function: the function's name.
    """

    client: "LambdaClient"
    function: str

    def ask(
        self, token: str, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Answer:
        """One request.

        Args:
            token: the person's ID token.
            method: GET or POST.
            path: the API's path.
            body: the JSON object that goes with it.
        """
        asked = {"token": token, "method": method, "path": path, "query": {}, "body": body or {}}
        found = self.client.invoke(
            FunctionName=self.function, Payload=json.dumps({"page_request": asked}).encode()
        )
        answer = json.loads(found["Payload"].read())
        if found.get("FunctionError") or not isinstance(answer, dict):
            return Answer(HTTPStatus.BAD_GATEWAY)
        try:
            body = json.loads(answer.get("body") or "{}")
        except (ValueError, TypeError):
            body = None
        fits = isinstance(body, dict) and isinstance(answer.get("statusCode"), int)
        return Answer(answer["statusCode"], body or {}) if fits else Answer(HTTPStatus.BAD_GATEWAY)
