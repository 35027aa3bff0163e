"""Items as a release of this service writes them, kept so that every later release is tried on them.

    PYTHONPATH=functions:tests .venv/bin/python tests/support/stored_items.py

writes `tests/data/items/v<version>.json` with the code of this working tree: run it when a version is
released, and never again for that version. The file has the items of both tables in DynamoDB's own
JSON, the key material of the seals, and for each story what its incident was.
"""

import base64
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer
from moto.kms.models import kms_backends

from support.aws import mocked
from support.harness import APPROVER, EVERYTHING, Harness, die_at_write
from support.names import REGION, B
from support.records import ROLE, SESSION, kms, s3
from support.wire import Died
from threegrants import __version__
from threegrants.cloudtrail import Access
from threegrants.incidents import mute
from threegrants.remediation.seals import Signer

FOLDER = Path(__file__).resolve().parents[1] / "data" / "items"
_ACCOUNT = "123456789012"
"""Whose keys moto makes for a client that says nothing else."""


def written() -> dict[str, Any]:
    """The items that this version writes in each of the stories."""
    with mocked() as aws, pytest.MonkeyPatch.context() as patched:
        key = aws.world(iam=EVERYTHING)
        for bucket in ("a-proposed", "a-muted", "a-crashed", "a-late"):
            aws.bucket(bucket, key=key)
        harness = Harness(aws)
        stories = {
            "verified": _verified(harness),
            "proposed": _proposed(harness),
            "muted": _muted(harness),
            "applying": _applying(harness, patched),
            "KMS first": _kms_first(harness),
        }
        _waiting(harness)
        incidents = {name: harness.store.get(one) for name, one in stories.items()}
        return {
            "version": __version__,
            "stories": {
                name: {
                    "id": incident.id,
                    "state": incident.state.value,
                    "count": incident.count,
                    "event_ids": list(incident.event_ids),
                    "last_seen": incident.last_seen,
                    "fingerprint": incident.alert_fingerprint,
                    "digests": harness.digests(incident.id),
                    "history": len(harness.store.history(incident.id)),
                }
                for name, incident in incidents.items()
            },
            "keys": {signer: _material(arn) for signer, arn in harness.keys.items()},
            "incidents": _items(harness.table),
            "runs": _items(harness.runs),
        }


def _verified(harness: Harness) -> str:
    for number in range(3):
        incident = harness.handle(s3(f"verified-{number}"))
    harness.approve(incident.id)
    return str(incident.id)


def _proposed(harness: Harness) -> str:
    before = harness.limits
    harness.limits = replace(before, four_eyes=frozenset({Access.READ}))
    incident = harness.handle(s3("proposed", bucket="a-proposed"))
    harness.approve(incident.id)
    harness.limits = before
    return str(incident.id)


def _muted(harness: Harness) -> str:
    for number in range(25):
        incident = harness.handle(s3(f"muted-{number}", -600 + number, bucket="a-muted"))
    mute(harness.store, incident.id, 2, APPROVER)
    return str(incident.id)


def _applying(harness: Harness, patched: pytest.MonkeyPatch) -> str:
    incident = harness.handle(s3("crashed", bucket="a-crashed"))
    with patched.context() as dying:
        die_at_write(dying, 2)
        try:
            harness.approve(incident.id)
        except Died:
            harness.queue.clear()
    return str(incident.id)


def _kms_first(harness: Harness) -> str:
    """A KMS record that waited in vain, then the S3 record of its call."""
    who = {
        "type": "AssumedRole",
        "arn": SESSION.replace("analyst", "late"),
        "accountId": B,
        "sessionContext": {
            "sessionIssuer": {"type": "Role", "arn": ROLE.replace("team/analyst", "late")}
        },
    }
    record = kms("kms-1", userIdentity={**who, "invokedBy": "fas.s3.amazonaws.com"})
    harness.handle(record)
    harness.handle(record, waited=True)
    incident = harness.handle(s3("kms-s3", bucket="a-late", userIdentity=who))
    return str(incident.id)


def _waiting(harness: Harness) -> None:
    """A KMS record whose S3 record has not come yet; of a call an hour before the others."""
    harness.handle(kms("waiting", -4200))


def _items(table: Any) -> list[dict[str, Any]]:
    found = table.meta.client.scan(TableName=table.name, ConsistentRead=True)["Items"]
    as_typed = TypeSerializer().serialize  # a resource's client has made plain values of them
    return [_jsonable({name: as_typed(value) for name, value in item.items()}) for item in found]


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _jsonable(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_jsonable(one) for one in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def _material(arn: str) -> str:
    keys = kms_backends[_ACCOUNT][REGION].keys
    return base64.b64encode(keys[arn.rpartition("/")[2]].key_material).decode()


def restored(harness: Harness, release: dict[str, Any]) -> None:
    """Put the items of a release into a harness's empty tables, sealed with the same keys.

    What expires by then (DynamoDB TTL) expires in a month from now, whenever this is run.
    """
    month = {"N": str(int(time.time()) + 30 * 86_400)}
    for signer, arn in harness.keys.items():
        key = kms_backends[_ACCOUNT][REGION].keys[arn.rpartition("/")[2]]
        key.key_material = base64.b64decode(release["keys"][Signer(signer).value])
    client = harness.aws.client("dynamodb", _ACCOUNT)
    for table, items in ((harness.table, "incidents"), (harness.runs, "runs")):
        for item in release[items]:
            expiring = {"expires_at": month} if "expires_at" in item else {}
            client.put_item(TableName=table.name, Item={**_with_bytes(item), **expiring})


def _with_bytes(item: Any) -> Any:
    if isinstance(item, dict):
        return {
            name: base64.b64decode(one)
            if name == "B" and isinstance(one, str)
            else _with_bytes(one)
            for name, one in item.items()
        }
    return [_with_bytes(one) for one in item] if isinstance(item, list) else item


def main() -> int:
    file = FOLDER / f"v{__version__}.json"
    if file.exists():
        print(f"{file.name} is there: what a release wrote does not change any more")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(written(), indent=1, sort_keys=True) + "\n")
    print(f"{file}: {file.stat().st_size // 1024} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
