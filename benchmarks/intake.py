"""Write units an event, as DynamoDB bills them, and how many events a second one incident takes.

    python benchmarks/intake.py [--events N] [--rate N] [--tree FOLDER]

Messages go through the diagnose function's handler on moto, with small policies and with the largest. Every write to
DynamoDB is weighed with the items before and after it (`write_units.py`), also those that are refused.
The storm is one denial, `--rate` times a second of its own clock, in batches of ten, taken in turn by
five workers that remember different things. `--tree` measures another working tree's functions.

The exit status is 1 if an event that only counts costs more than 6 units, or if the incident's
partition, with AWS's limit of 1,000 units a second, takes fewer than 500 events a second.
"""

import argparse
import base64
import hashlib
import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
TREE = Path(sys.argv[sys.argv.index("--tree") + 1]) if "--tree" in sys.argv else ROOT
sys.path[:0] = [str(TREE / "functions"), str(TREE / "tests"), str(ROOT / "benchmarks")]

import pytest
from boto3.dynamodb.types import TypeSerializer
from botocore.client import BaseClient
from moto.dynamodb.models import dynamodb_backends
from write_units import Index, write_units

from support.aws import Aws, mocked
from support.handlers import deliver, serving
from support.names import REGION, B
from support.records import at, kms, s3
from threegrants.handlers import diagnose
from threegrants.handlers.dependencies import dependencies

_BASE: Any = BaseClient
_ACCOUNT = "123456789012"
_WRITES = {"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"}
_PARTITION_UNITS = 1000
"""Write units a second of one partition: AWS's limit."""
MOST_UNITS, LEAST_EVENTS = 6, 500
INDEXES = {
    "incidents": [
        Index(("state", "last_seen"), ("id",)),
        Index(("listed", "last_seen"), ("id", "state", "listed_row", "muted_until")),
    ]
}
"""As `template.yaml` has them."""
SIZES = {"small": 0, "largest": 32_000}
"""About how many bytes each policy gets, as far as AWS takes them."""


@dataclass
class Meter:
    """The write units since it was reset: in all, and by the partition."""

    units: int = 0
    refused: int = 0
    by_partition: Counter[str] = field(default_factory=Counter)

    def add(self, table: str, write: Mapping[str, Any], *, transaction: bool, done: bool) -> None:
        """Weigh one write, with the items before and after it."""
        indexes = INDEXES.get(table, []) if done else []
        before, after = write["before"], write["after"]
        units = write_units(before, after, transaction=transaction, indexes=indexes)
        self.units += units
        self.refused += 0 if done else units
        of_table = write_units(before, after, transaction=transaction)
        self.by_partition[f"{table} {write['partition']}"] += of_table
        if units > of_table:
            state = (after or before)["state"]["S"]
            self.by_partition[f"index {state}"] += units - of_table


@contextmanager
def metered() -> Iterator[Meter]:
    """Weigh every write to DynamoDB that any client makes."""
    meter, real = Meter(), _BASE._make_api_call

    def call(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        if client.meta.service_model.service_name != "dynamodb" or operation not in _WRITES:
            return real(client, operation, parameters)
        transaction = operation == "TransactWriteItems"
        wanted = (
            [next(iter(one.values())) for one in parameters["TransactItems"]]
            if transaction
            else [parameters]
        )
        before = [_stored(one["TableName"], _key(one)) for one in wanted]
        done = False
        try:
            answer = real(client, operation, parameters)
            done = True
        finally:
            for one, old in zip(wanted, before, strict=True):
                new = _stored(one["TableName"], _key(one)) if done else _wanted(one, old)
                partition = str(next(iter(_typed(_key(one)).values()))["S"])
                write = {"before": old, "after": new, "partition": partition}
                meter.add(one["TableName"], write, transaction=transaction, done=done)
        return answer

    _BASE._make_api_call = call
    try:
        yield meter
    finally:
        _BASE._make_api_call = real


def _key(write: Mapping[str, Any]) -> dict[str, Any]:
    of = write.get("Key") or write["Item"]
    return {
        name: of[name]
        for name in ("pk", "sk", "id")
        if name in of and ("pk" in of) != (name == "id")
    }


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values in DynamoDB's own JSON; a resource's client is given plain ones."""
    return {
        name: value if isinstance(value, dict) and set(value) <= set("SNBLM") | {"BOOL", "NULL"}
        else TypeSerializer().serialize(value)
        for name, value in values.items()
    }  # fmt: skip


def _wanted(write: Mapping[str, Any], old: Any) -> Any:
    """The item that a refused write would have made; of an update about the one before it."""
    return _typed(write["Item"]) if "Item" in write else old


def _stored(table: str, key: Mapping[str, Any]) -> Any:
    typed = _typed(key)
    found = dynamodb_backends[_ACCOUNT][REGION].tables[table].items
    hash_key = next(iter(typed.values()))["S"]
    if "sk" in typed:
        item = next(
            (one for range_key, one in found.get(_of(found, hash_key), {}).items()
             if range_key.value == typed["sk"]["S"]), None,
        )  # fmt: skip
    else:
        item = found.get(_of(found, hash_key))
    return _json(item.to_json()["Attributes"]) if item is not None else None


def _of(found: Mapping[Any, Any], value: str) -> Any:
    return next((key for key in found if key.value == value), None)


def _json(item: Any) -> Any:
    if isinstance(item, dict):
        return {name: _bytes(one) if name == "B" else _json(one) for name, one in item.items()}
    return [_json(one) for one in item] if isinstance(item, list) else item


def _bytes(stored: Any) -> bytes:
    """Bytes as moto keeps them: themselves, or their base64."""
    text = stored if isinstance(stored, str) else bytes(stored).decode("latin-1")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return text.encode("latin-1")


def statements(size: int, resource: str, action: str) -> list[dict[str, Any]]:
    """Statements of about so many bytes that repeat little."""
    made: list[dict[str, Any]] = []
    while len(json.dumps(made)) < size - 400:
        name = hashlib.sha256(str(len(made)).encode()).hexdigest()
        made.append(
            {
                "Sid": name[:40],
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{B}:root"},
                "Action": action,
                "Resource": resource.format(name),
                "Condition": {"StringEquals": {"aws:PrincipalTag/team": name}},
            }
        )
    return made


def grow(aws: Aws, size: int) -> None:
    """Give the bucket, the key and the role policies of about so many bytes, as far as AWS takes them."""
    if not size:
        return
    bucket = statements(min(size, 20_000), "arn:aws:s3:::a-reports/{}/*", "s3:PutObject")
    aws.client("s3").put_bucket_policy(
        Bucket="a-reports", Policy=json.dumps({"Version": "2012-10-17", "Statement": bucket})
    )
    kms_client = aws.client("kms")
    key = kms_client.list_keys()["Keys"][0]["KeyId"]
    own = json.loads(kms_client.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    own["Statement"] += statements(size, "*", "kms:Encrypt")
    kms_client.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(own))
    for number in range(3):
        inline = [
            {name: value for name, value in one.items() if name != "Principal"} | {"Sid": f"S{at}x{number}"}
            for at, one in enumerate(statements(min(size, 10_000) // 3, "arn:aws:s3:::x-{}", "s3:Put*"))
        ]  # fmt: skip
        aws.client("iam", B).put_role_policy(
            RoleName="analyst",
            PolicyName=f"more-{number}",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": inline}),
        )


class Service:
    """The handler, and workers that take turns."""

    def __init__(self, workers: int) -> None:
        self.workers = [
            dependencies().__class__(dependencies().settings).ingest(lambda _: None)
            for _ in range(workers)
        ]

    def take(self, worker: int, *records: Any, waited: bool = False) -> None:
        """Deliver records as one batch to one of the workers."""
        chosen = self.workers[worker % len(self.workers)]
        diagnose.__dict__["_ingest"] = lambda: chosen
        self.number = getattr(self, "number", 0) + 1
        mark = {"waited": {"stringValue": "true", "dataType": "String"}} if waited else None
        with redirect_stdout(StringIO()):
            failed = deliver(*records, message=f"m-{self.number}", attributes=mark)
        assert not failed, failed


@dataclass
class Row:
    """What a kind of event costs."""

    name: str
    units: float
    counts: bool = True


def measured(size: int, events: int, rate: int) -> tuple[list[Row], dict[str, float], float]:
    """The rows; the storm's units an event by partition; the part of them that was refused."""
    real = diagnose._ingest
    with mocked() as aws, pytest.MonkeyPatch.context() as patched:
        for _ in serving(aws, patched):
            grow(aws, size)
            try:
                return _rows(events, rate)
            finally:
                diagnose.__dict__["_ingest"] = real
    raise AssertionError("the service did not start")


def _rows(events: int, rate: int) -> tuple[list[Row], dict[str, float], float]:
    rows: list[Row] = []
    service = Service(5)
    with metered() as meter:

        def cost(name: str, number: int, *batches: Any, counts: bool = True, **how: Any) -> None:
            meter.units = 0
            for batch in batches:
                service.take(0, *batch, **how)
            rows.append(Row(name, meter.units / number, counts=counts))

        cost("the first, with its diagnosis and alert", 1, [s3("o-1")], counts=False)
        service.take(0, s3("o-2"))  # this worker knows the key from here on
        cost("one that only counts, alone", 20, *([s3(f"a-{n}")] for n in range(20)))
        cost("the first of another five seconds", 1, [s3("b-1", -500)])
        cost("one of a batch of ten", 100,
             *([s3(f"c-{n}-{m}", -500) for m in range(10)] for n in range(10)))  # fmt: skip
        cost("the other copy, or a redelivery", 10, *([s3(f"a-{n}")] for n in range(10)))
        shared = [
            [s3(f"d-{n}", -500, sharedEventID=f"s-{n}"), s3(f"e-{n}", -500, sharedEventID=f"s-{n}")]
            for n in range(10)
        ]
        cost("one of two copies in one batch", 20, *shared)
        cost(
            "a KMS record that joins its incident", 30, *([kms(f"k-{n}", -500)] for n in range(30))
        )
        cost("a KMS record that waits, and the S3 record that it joins", 2,
             [kms("w-1", -3000)], [s3("w-2", -3000)], counts=False)  # fmt: skip
        in_a_minute = time.time() + 61
        object.__setattr__(service.workers[0], "clock", lambda: in_a_minute)
        cost("one that is analyzed again: at most one a minute", 1, [s3("r-1", 1800)], counts=False)
        object.__setattr__(service.workers[0], "clock", time.time)

        meter.units, meter.refused = 0, 0
        meter.by_partition.clear()
        for number in range(0, events, 10):
            batch = [
                s3(f"storm-{number + one}", at(3600 + (number + one) // rate)) for one in range(10)
            ]
            service.take(number // 10, *batch)
        rows.append(Row(f"a storm, {rate} a second, five workers", meter.units / events))
        shares = {name: units / events for name, units in meter.by_partition.most_common(3)}
        return rows, shares, meter.refused / events


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--events", type=int, default=200, help="events of the storm")
    options.add_argument("--rate", type=int, default=50, help="events a second of the storm")
    options.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    options.add_argument("--tree", help="another working tree, whose functions are measured")
    given = options.parse_args()
    logging.disable(logging.CRITICAL)
    found = {name: measured(SIZES[name], given.events, given.rate) for name in given.sizes}
    print("write units an event" + f"{'':38}" + "".join(f"{name:>16}" for name in found))
    failed = False
    for line in zip(*(rows for rows, _, _ in found.values()), strict=True):
        print(f"{line[0].name:58}" + "".join(f"{row.units:16.1f}" for row in line))
        failed |= any(row.counts and row.units > MOST_UNITS for row in line)
    print("\nof the storm")
    for name, (_, shares, refused) in found.items():
        hottest, units = next(iter(shares.items()))
        most = _PARTITION_UNITS / units
        print(
            f"  policies {name}: refused {refused:.2f}; the busiest partition is '{hottest}' with"
        )
        print(
            f"    {units:.2f} units an event: at most {most:.0f} events a second (at least {LEAST_EVENTS})"
        )
        failed |= most < LEAST_EVENTS
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
