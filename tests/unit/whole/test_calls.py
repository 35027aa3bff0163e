"""The whole of what is read from each sample event, field by field; `make answers` writes it anew."""

import dataclasses
import json
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from support.names import A, B
from support.records import kms, s3
from support.worlds import KEY
from threegrants.cloudtrail import parse_record
from unit.whole.test_answers import WRITE, text_of

ROOT = Path(__file__).parents[3]
FILE = Path(__file__).with_name("calls.json")
WHO = f"User: arn:aws:sts::{B}:assumed-role/analyst/s is not authorized to perform: "
OBJECT = '"arn:aws:s3:::a-reports/2026/q3.csv"'
LAYERS = (
    "an identity-based policy", "a resource-based policy", "a permissions boundary", "a session policy",
    "a service control policy", "a resource control policy", "a VPC endpoint policy", "the role trust policy",
)  # fmt: skip
ABSENT = (
    "no identity-based policy allows", "no resource-based policy allows", "no permissions boundary allows",
    "no session policy allows", "no service control policy allows", "no VPC endpoint policy allows",
)  # fmt: skip
SENTENCES = {
    **{f"denied by {one}": f"{WHO}s3:GetObject on resource: {OBJECT} with an explicit deny in {one}"
       for one in LAYERS},
    **{f"because {one}": f"{WHO}s3:GetObject on resource: {OBJECT} because {one} the s3:GetObject action"
       for one in ABSENT},
    "a policy's ARN": f"{WHO}s3:GetObject on resource: {OBJECT} with an explicit deny in a service "
                      "control policy: arn:aws:organizations::999999999999:policy/o-a/service_control_policy/p-1",
    "an authorization id": f"{WHO}s3:GetObject on resource: {OBJECT} because no identity-based policy allows "
                           "the s3:GetObject action with the following authorization id: 0a1b2c",
    "a key without quotes": f"{WHO}kms:Decrypt on resource: {KEY} because no resource-based policy allows "
                            "the kms:Decrypt action",
    "three causes": f"{WHO}kms:Decrypt on this resource because the resource does not exist in this Region, "
                    "no resource-based policies allow access, or a resource-based policy explicitly denies access",
    "a state": f"{KEY} is pending deletion.",
    "ciphertext": "The ciphertext refers to a customer master key that does not exist, does not exist in "
                  "this region, or you are not allowed to access.",
    "bare": "Access Denied",
    "nothing": "",
}  # fmt: skip
PARAMETERS = {
    "a prefix": ("ListObjects", {"bucketName": "a-reports", "prefix": "2026/"}),
    "an empty prefix": ("ListObjects", {"bucketName": "a-reports", "prefix": ""}),
    "a version": ("GetObject", {"bucketName": "a-reports", "key": "k", "versionId": "v1"}),
    "a copy": ("CopyObject", {"bucketName": "a-reports", "key": "k",
                              "x-amz-copy-source": "a-drafts/in/draft.csv?versionId=v2"}),
    "a copy from an access point": ("CopyObject", {"bucketName": "a-reports", "key": "k", "x-amz-copy-source":
                                    f"arn:aws:s3:eu-west-1:{A}:accesspoint/point/object/in/draft.csv"}),
    "a key's header": ("PutObject", {"bucketName": "a-reports", "key": "k", "x-amz-server-side-encryption": "aws:kms",
                                     "x-amz-server-side-encryption-aws-kms-key-id": KEY}),
    "an ACL": ("PutObject", {"bucketName": "a-reports", "key": "k", "x-amz-acl": "bucket-owner-full-control"}),
    "tags": ("PutObject", {"bucketName": "a-reports", "key": "k", "x-amz-tagging": "a=b"}),
    "retention": ("PutObject", {"bucketName": "a-reports", "key": "k", "x-amz-object-lock-mode": "GOVERNANCE"}),
    "an access point": ("GetObject", {"bucketName": f"arn:aws:s3:eu-west-1:{A}:accesspoint/point", "key": "k"}),
    "an alias of one": ("GetObject", {"bucketName": "point-abcdefghijklmnopqrstuvwxyz0123-s3alias", "key": "k"}),
    "an operation nobody knows": ("FoldObject", {"bucketName": "a-reports", "key": "k"}),
}  # fmt: skip
RESOURCES = {
    "of a bucket and an object": [
        {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::a-reports/2026/in/q3.csv"},
        {"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::a-reports", "accountId": A}],
    "of an object only": [{"ARN": "arn:aws:s3:::a-reports/2026/in/q3.csv"}],
    "without an owner": [{"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::a-reports", "accountId": ""}],
    "of an access point": [
        {"type": "AWS::S3::AccessPoint", "ARN": f"arn:aws:s3:eu-west-1:{A}:accesspoint/point", "accountId": A},
        {"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::a-reports", "accountId": A}],
}  # fmt: skip


def records():
    for path in sorted((ROOT / "events").glob("*.json")):
        yield f"event {path.stem}", json.loads(path.read_text())
    when = "2026-11-24T03:00:00Z"
    for name, said in SENTENCES.items():
        yield f"S3 says: {name}", s3("e-1", when, errorMessage=said)
        yield f"KMS says: {name}", {**kms("e-2", key=KEY), "eventTime": when, "errorMessage": said}
    for name, (operation, parameters) in PARAMETERS.items():
        yield f"asked with {name}", s3("e-1", when, operation, requestParameters=parameters)
    for name, resources in RESOURCES.items():
        yield f"resources {name}", s3("e-1", when, resources=resources, requestParameters=None)
    for form in ("fas", "service", "internal"):
        yield f"KMS called by S3: {form}", {**kms("e-2", form=form, key=KEY), "eventTime": when}


RECORDS = dict(records())


def plain(value: Any) -> Any:
    """A value of ours as JSON: what is absent is left out."""
    if dataclasses.is_dataclass(value):
        fields = {one.name: plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
        return {name: found for name, found in fields.items() if found not in (None, (), [], {})}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(name): plain(found) for name, found in value.items()}
    return [plain(one) for one in value] if isinstance(value, (tuple, list, frozenset)) else value


def read(record):
    if isinstance(record, Mapping) and "Records" in record:
        return [plain(parse_record(one)) for one in record["Records"]]
    return plain(parse_record(record))


@pytest.fixture(scope="module")
def kept():
    if WRITE:
        FILE.write_text(text_of({name: read(record) for name, record in RECORDS.items()}))
    return json.loads(FILE.read_text())


@pytest.mark.parametrize("name", RECORDS)
def test_what_is_read(kept, name):
    assert json.loads(text_of(read(RECORDS[name]))) == kept[name]


def test_each_has_its_record(kept):
    assert set(kept) == set(RECORDS)
