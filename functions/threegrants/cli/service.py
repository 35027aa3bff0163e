"""The deployed service, from outside: its stack's outputs, and its signed API.

Requests are signed with Signature Version 4, as API Gateway's IAM authorization wants it:
https://docs.aws.amazon.com/apigateway/latest/developerguide/permissions.html
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

import boto3
import click
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session

_DONE = frozenset({200, 202})
"""Done, or begun: then the incident says how it goes."""
_BATCH = 100
"""Records that one request feeds in (handlers/replay_requests.py)."""
_BATCH_BYTES = 4_000_000
"""Of their text: Lambda takes 6 MB, and the function answers within 29 seconds.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
_TIMEOUT = 35
"""Seconds for a connection, and for an answer: API Gateway itself waits for 29.

https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
"""
_PATIENCE = 3
"""Seconds after which a person is told that the service has not answered yet."""
_API_REGION = re.compile(r"\.execute-api\.([a-z0-9-]+)\.")


class ServiceError(Exception):
    """The service cannot be reached or refused: why, and what to do.

    `unreachable` is true where nobody answered: no credentials, no such stack, no network.
    """

    def __init__(self, words: str, *, unreachable: bool = False) -> None:
        super().__init__(words)
        self.unreachable = unreachable


@dataclass(frozen=True)
class ServiceClient:
    """A client of one deployed stack.

    Args:
        url: the API's address.
        region: the API's Region.
        session: whose credentials sign; the default ones if None.
    """

    url: str
    region: str
    session: boto3.Session | None = None

    @classmethod
    def for_stack(cls, stack: str) -> "ServiceClient":
        """Find the service by its stack's name, or by the API's own address.

        Callers of other accounts cannot read the stack; they are given its output `ApiUrl`.

        Raises:
            ServiceError: if there is no such stack, or no credentials.
        """
        if stack.startswith(("https://", "http://")):
            found_region = _API_REGION.search(urlsplit(stack).netloc)
            region = found_region[1] if found_region else boto3.Session().region_name
            return cls(stack.rstrip("/"), region)
        try:
            client = boto3.client("cloudformation")
            found = client.describe_stacks(StackName=stack)["Stacks"][0]
        except (BotoCoreError, ClientError, IndexError) as error:
            why = " ".join(str(error).split())
            hint = "with its ApiUrl as --stack the stack need not be read"
            raise ServiceError(f"stack {stack}: {why}; {hint}", unreachable=True) from error
        outputs = {o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", ())}
        if "ApiUrl" not in outputs:
            raise ServiceError(f"stack {stack} has no output ApiUrl: is it threegrants?")
        return cls(outputs["ApiUrl"].rstrip("/"), client.meta.region_name)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request, signed with SigV4, and its JSON answer.

        Args:
            method: `GET` or `POST`.
            path: the path below the API's address, with its query.
            body: what is sent as JSON; nothing if None.

        Raises:
            ServiceError: with the service's own words if it refuses.
        """
        credentials = (self.session or boto3.Session()).get_credentials()
        if credentials is None:
            raise ServiceError(
                "no AWS credentials; sign in (aws sso login), or name a profile (--profile)",
                unreachable=True,
            )
        url = self.url + path
        request = AWSRequest(
            method=method,
            url=url,
            data=json.dumps(body) if body is not None else None,
            headers={"Content-Type": "application/json", "Host": urlsplit(url).netloc},
        )
        SigV4Auth(credentials, "execute-api", self.region).add_auth(request)
        try:
            with _said_after(
                _PATIENCE, f"{method} {path}: no answer yet, waiting up to {_TIMEOUT} s"
            ):
                answer = URLLib3Session(timeout=_TIMEOUT).send(request.prepare())
        except BotoCoreError as error:
            raise ServiceError(f"{url}: {error}", unreachable=True) from error
        try:
            data = json.loads(answer.content)
        except ValueError:
            data = {"message": answer.text[:200]}
        if answer.status_code not in _DONE:
            words = data.get("message") if isinstance(data, dict) else None
            raise ServiceError(f"{method} {path}: {answer.status_code}: {words or data}")
        return data

    def replay(self, records: list[dict[str, Any]]) -> int:
        """Feed records in, some hundred at a time.

        Returns:
            How many were taken.

        Raises:
            ServiceError: if the service refuses some; those of earlier requests are taken.
        """
        return sum(
            int(self.call("POST", "/replay", {"records": batch})["sent"])
            for batch in _batches(records)
        )


@contextmanager
def _said_after(seconds: float, words: str) -> Iterator[None]:
    """Say something on stderr, if what is done inside takes longer than that."""
    timer = Timer(seconds, lambda: click.echo(words, err=True))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _batches(records: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for record in records:
        length = len(json.dumps(record))
        if batch and (len(batch) == _BATCH or size + length > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += length
    if batch:
        yield batch
