"""1: a key that only the denied caller names is not opened."""

import pytest

from support.attacks import Ends, attack
from support.harness import EVERYTHING, Harness
from support.names import BUCKET_ARN, A
from support.policies import policy, root
from support.records import SESSION
from threegrants.diagnosis import Outcome

HEADERS = {
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": "",
}


@pytest.fixture
def victim(aws):
    """A key of A's that has nothing to do with the bucket; the bucket has its own."""
    aws.world(iam=EVERYTHING)
    made = aws.client("kms").create_key(Policy=policy(root(A)))
    return str(made["KeyMetadata"]["Arn"])


def offered(harness, incident):
    """Outcome, and the patches of the victim's key."""
    report = harness.store.get(incident.id).report
    return report, [one.to_patch() for one in report.patches_by_digest.values()]


@attack(
    "1",
    "a key's ARN in an object key, which S3's message quotes",
    "that key is opened",
    Ends.IGNORED,
)
def test_a_key_in_an_object_key(aws, victim):
    said = "because no resource-based policy allows the s3:GetObject action"
    who = f"User: {SESSION} is not authorized to perform: s3:GetObject"
    message = f'{who} on resource: "{BUCKET_ARN}/{victim}" {said}'
    harness = Harness(aws)
    _, patches = offered(harness, harness.handle(key=victim, errorMessage=message))
    assert patches
    assert not [one for one in patches if victim in one.target]
    keys = [one for one in patches if one.grant == "iam_policy" and f'"{victim}"' in one.after]
    assert keys == []


@attack(
    "1.1",
    "an encryption header that names any key, on a read",
    "that key is opened",
    Ends.IGNORED,
)
def test_a_header_on_a_read(aws, victim):
    named = dict.fromkeys(HEADERS, victim) | {"x-amz-server-side-encryption": "aws:kms"}
    parameters = {"bucketName": "a-reports", "key": "2026/q3.csv", **named}
    harness = Harness(aws)
    _, patches = offered(harness, harness.handle(requestParameters=parameters))
    assert patches
    assert not [one for one in patches if one.target == victim]


@attack(
    "1.2",
    "an encryption header that names any key, on a write",
    "that key is opened by the patch that is proposed",
    Ends.UNKNOWN,
)
def test_a_header_on_a_write(aws, victim):
    named = dict.fromkeys(HEADERS, victim) | {"x-amz-server-side-encryption": "aws:kms"}
    parameters = {"bucketName": "a-reports", "key": "2026/q3.csv", **named}
    harness = Harness(aws)
    incident = harness.handle(operation="PutObject", requestParameters=parameters)
    report, patches = offered(harness, incident)
    assert report.outcome is Outcome.UNKNOWN
    assert not [one for one in patches if one.target == victim and one.default]
