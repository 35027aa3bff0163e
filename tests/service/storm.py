"""A storm: many records of one denial, fed in as `threegrants replay` feeds them, and its toll."""

import json
import time
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from service.embedded import CALLER, STACK, Embedded, wait_for
from service.people import OnCall
from service.world import World, build
from threegrants.cli import main
from threegrants.cloudtrail import DeniedCall, parse_record
from threegrants.incidents import incident_id_of

_NOT_EVIDENCE = frozenset({"dynamodb", "sqs", "sns", "sts"})
_AGO = 600
"""Seconds: CloudTrail delivers some minutes after the call."""


@dataclass(frozen=True)
class Toll:
    """What a storm came to."""

    count: int
    incidents: int
    alerts: int
    reads: int
    dead_letters: int
    feeding: float
    """Seconds until the service had taken every record."""
    seconds: float
    """Seconds until every record was counted."""

    def wrong(self, records: int) -> list[str]:
        """What is not as it should be, in words; nothing if all is."""
        wanted = (
            (self.count == records, f"the count is {self.count}, wanted {records}"),
            (self.incidents == 1, f"{self.incidents} incidents, wanted one"),
            (1 <= self.alerts <= 6, f"{self.alerts} alerts, wanted one to six"),
            (0 < self.reads < 60, f"{self.reads} AWS reads, wanted fewer than 60"),
            (self.dead_letters == 0, f"{self.dead_letters} dead letters, wanted none"),
        )
        return [words for good, words in wanted if not good]


def write_records(world: World, number: int, file: Path) -> None:
    """A file (JSON Lines) of `number` denials of one cause, the accounts' copies by turns."""
    unique = world.embedded.client("iam", CALLER).get_role(RoleName=world.role)["Role"]["RoleId"]
    start = time.time() - _AGO
    with file.open("w", encoding="utf-8") as lines:
        for index in range(number):
            when = time.gmtime(start + index * 300 / number)
            record = world.record(eventTime=time.strftime("%Y-%m-%dT%H:%M:%SZ", when))
            lines.write(json.dumps(_copy(record, unique, owners=index % 2 == 0)) + "\n")


def _copy(record: dict[str, Any], unique: str, *, owners: bool) -> dict[str, Any]:
    """The owner's copy names the caller by unique id only, the caller's copy no owner."""
    if owners:
        who = {"type": "AWSAccount", "principalId": f"{unique}:analyst", "accountId": CALLER}
        return {**record, "userIdentity": who}
    resources = [
        {**r, **({"accountId": ""} if "accountId" in r else {})} for r in record["resources"]
    ]
    return {**record, "resources": resources, "recipientAccountId": CALLER}


def storm(embedded: Embedded, on_call: OnCall, number: int, file: Path, seconds: float) -> Toll:
    """Build a world, feed `number` records in, wait until all are counted, and add up."""
    world = build(
        embedded, f"storm-{uuid.uuid4().hex[:8]}", bucket_policy=False, key_policy=True, iam_policy=True
    )  # fmt: skip
    write_records(world, number, file)
    before = _reads(embedded)
    call = parse_record(world.record())
    if not isinstance(call, DeniedCall):
        raise TypeError(f"the storm's record is no denial: {call}")
    incident_id = incident_id_of(call)
    dead = _waiting(embedded, "DeadLetterQueueUrl")
    began = time.monotonic()
    with embedded.shell():
        result = CliRunner().invoke(main, ["replay", str(file), "--stack", STACK])
    if result.exit_code:
        raise RuntimeError(f"replay failed: {result.output}")
    fed = time.monotonic()
    wait_for(f"{number} counted events", lambda: _count(embedded, incident_id) >= number, seconds)
    ended = time.monotonic()
    # The last alert may still be on its way.
    wait_for("an empty queue", lambda: _waiting(embedded, "QueueUrl") == 0, 60)
    time.sleep(2)
    return Toll(
        count=_count(embedded, incident_id),
        incidents=len(_incidents(embedded, world.bucket)),
        alerts=sum(1 for body in on_call.alerts() if body["request"]["bucket"] == world.bucket),
        reads=_reads(embedded) - before,
        dead_letters=_waiting(embedded, "DeadLetterQueueUrl") - dead,
        feeding=fed - began,
        seconds=ended - began,
    )


def _count(embedded: Embedded, incident_id: str) -> int:
    key = {"pk": {"S": f"incident#{incident_id}"}, "sk": {"S": "meta#count"}}
    found = embedded.client("dynamodb").get_item(
        TableName=embedded.outputs["TableName"], Key=key, ConsistentRead=True
    )
    return int(found["Item"]["count"]["N"]) if "Item" in found else 0


def _incidents(embedded: Embedded, bucket: str) -> list[str]:
    """The incidents about `bucket` that were diagnosed, from the whole table."""
    pages = (
        embedded.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=embedded.outputs["TableName"],
            FilterExpression="sk = :meta",
            ExpressionAttributeValues={":meta": {"S": "meta"}},
        )
    )
    found = [item for page in pages for item in page["Items"] if item.get("diagnosis_id")]
    return [item["id"]["S"] for item in found if item.get("bucket", {}).get("S") == bucket]


def _waiting(embedded: Embedded, queue: str) -> int:
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    answer = embedded.client("sqs").get_queue_attributes(
        QueueUrl=embedded.outputs[queue], AttributeNames=names
    )
    return sum(int(value) for value in answer["Attributes"].values())


def _reads(embedded: Embedded) -> int:
    """Requests by the service's readers so far, other than for entering accounts."""
    address = f"{embedded.endpoint}/_tally?agent=threegrants"
    with urllib.request.urlopen(address, timeout=10) as answer:
        tally: dict[str, int] = json.loads(answer.read())
    return sum(number for service, number in tally.items() if service not in _NOT_EVIDENCE)
