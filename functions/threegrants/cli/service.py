"""The deployed service, from outside: its stack's outputs, its signed HTTP API, its event bus.

Requests are signed with Signature Version 4, as API Gateway's IAM authorization wants it:
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-access-control-iam.html
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.httpsession import URLLib3Session

from threegrants.cloudtrail import REPLAY_SOURCE

if TYPE_CHECKING:
    from types_boto3_events.type_defs import PutEventsRequestEntryTypeDef

_DONE = frozenset({200, 202})
"""Done, or begun: then the incident says how it goes."""
_BATCH = 10
"""Entries that one PutEvents call takes.

https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""


class ServiceError(Exception):
    """The service cannot be reached or refused: why, and what to do."""


@dataclass(frozen=True)
class ServiceClient:
    """A client of one deployed stack.

    Args:
        url: the HTTP API.
        bus: the event bus the rule listens on.
        region: the stack's Region.
        session: whose credentials sign; the default ones if None.
    """

    url: str
    bus: str
    region: str
    session: boto3.Session | None = None

    @classmethod
    def for_stack(cls, stack: str) -> "ServiceClient":
        """Find the service by its stack's outputs.

        Raises:
            ServiceError: if there is no such stack, or no credentials.
        """
        try:
            client = boto3.client("cloudformation")
            found = client.describe_stacks(StackName=stack)["Stacks"][0]
        except (BotoCoreError, ClientError, IndexError) as error:
            raise ServiceError(f"stack {stack}: {' '.join(str(error).split())}") from error
        outputs = {o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", ())}
        if "ApiUrl" not in outputs:
            raise ServiceError(f"stack {stack} has no output ApiUrl: is it threegrants?")
        region = client.meta.region_name
        return cls(outputs["ApiUrl"].rstrip("/"), outputs.get("EventBusName", "default"), region)

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
            raise ServiceError("no AWS credentials")
        url = self.url + path
        request = AWSRequest(
            method=method,
            url=url,
            data=json.dumps(body) if body is not None else None,
            headers={"Content-Type": "application/json", "Host": urlsplit(url).netloc},
        )
        SigV4Auth(credentials, "execute-api", self.region).add_auth(request)
        try:
            answer = URLLib3Session(timeout=60).send(request.prepare())
        except BotoCoreError as error:
            raise ServiceError(f"{url}: {error}") from error
        try:
            data = json.loads(answer.content)
        except ValueError:
            data = {"message": answer.text[:200]}
        if answer.status_code not in _DONE:
            words = data.get("message") if isinstance(data, dict) else None
            raise ServiceError(f"{method} {path}: {answer.status_code}: {words or data}")
        return data

    def replay(self, records: list[dict[str, Any]]) -> int:
        """Put records on the bus under the service's own source.

        Raises:
            ServiceError: if EventBridge refuses one.
        """
        events = boto3.client("events")
        sent = 0
        for start in range(0, len(records), _BATCH):
            entries: list[PutEventsRequestEntryTypeDef] = [
                {
                    "Source": REPLAY_SOURCE,
                    "DetailType": "AWS API Call via CloudTrail",
                    "Detail": json.dumps(record),
                    "EventBusName": self.bus,
                }
                for record in records[start : start + _BATCH]
            ]
            try:
                answer = events.put_events(Entries=entries)
            except (BotoCoreError, ClientError) as error:
                raise ServiceError(f"EventBridge: {' '.join(str(error).split())}") from error
            refused = [e for e in answer["Entries"] if e.get("ErrorCode")]
            if refused:
                raise ServiceError(f"EventBridge refused: {refused[0].get('ErrorMessage')}")
            sent += len(entries)
        return sent
