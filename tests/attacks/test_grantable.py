"""5: only operations on data are granted; whatever sets up a bucket or a key is for people."""

from dataclasses import replace

import pytest

from support.attacks import Ends, attack
from support.records import denied, kms
from support.worlds import KEY, A, B, call, evidence
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.diagnosis import Outcome
from threegrants.patches.grantable_actions import is_grantable

OPTIONS = AnalysisOptions(writable=frozenset({A, B}))
AT_MOST = (Outcome.HANDOFF, Outcome.DO_NOT_PATCH, Outcome.UNKNOWN)
CONFIGURATION = (
    "PutBucketLifecycleConfiguration", "DeleteBucketLifecycle", "PutBucketReplication",
    "PutBucketEncryption", "DeleteBucketEncryption", "PutBucketNotificationConfiguration",
    "PutBucketTagging", "PutBucketVersioning", "PutBucketLogging", "PutBucketCors",
    "PutBucketWebsite", "PutObjectLockConfiguration", "PutBucketRequestPayment",
    "PutBucketInventoryConfiguration", "PutAccelerateConfiguration", "PutBucketPolicy",
)  # fmt: skip
ON_OBJECTS = ("PutObjectAcl", "PutObjectRetention", "PutObjectLegalHold")
OF_KEYS = (
    "ImportKeyMaterial", "DeleteImportedKeyMaterial", "GetParametersForImport", "TagResource",
    "UntagResource", "CreateAlias", "UpdateAlias", "DeleteAlias", "CreateGrant", "RetireGrant",
    "PutKeyPolicy", "EnableKeyRotation", "UpdatePrimaryRegion", "ReplicateKey", "CancelKeyDeletion",
)  # fmt: skip


def offered(asked, found):
    analysis = analyze_evidence(asked, found, OPTIONS)
    assert analysis.diagnosis.outcome in AT_MOST, analysis.diagnosis.outcome
    return analysis.offered


@attack(
    "5",
    "a denied call that sets up a bucket (lifecycle, replication, encryption, tags, …)",
    "the right to delete, copy out or re-encrypt all of it is one approval away",
    Ends.HANDOFF,
)
@pytest.mark.parametrize("operation", CONFIGURATION)
def test_the_set_up_of_a_bucket_is_not_granted(operation):
    assert offered(call(operation), evidence(encrypted=False)) == ()


@attack(
    "5",
    "a denied ACL, retention or legal hold of an object, or a write with an ACL",
    "an object's guardrails can be changed",
    Ends.HANDOFF,
)
@pytest.mark.parametrize("operation", [*ON_OBJECTS, "PutObject"])
def test_acls_and_object_lock_are_not_granted(operation):
    headers = {"x-amz-acl": "public-read"} if operation == "PutObject" else {}
    assert offered(call(operation, **headers), evidence(encrypted=False)) == ()


@attack(
    "5",
    "a denied call of KMS that sets up a key (material, tags, aliases, grants, policy)",
    "the key can be given away or destroyed",
    Ends.HANDOFF,
)
@pytest.mark.parametrize("operation", OF_KEYS)
def test_the_set_up_of_a_key_is_not_granted(operation):
    record = kms("k-1", operation=operation, key=KEY, form="direct")
    record["userIdentity"].pop("invokedBy", None)
    record |= {"sourceIPAddress": "198.51.100.7", "userAgent": "[Boto3/1.44]"}
    found = replace(evidence(), bucket=None)
    assert offered(denied(record), found) == ()
    assert not is_grantable(f"kms:{operation}")


@attack(
    "5",
    "DeleteObjects, whose record names no keys",
    "the right to delete in the whole bucket",
    Ends.HANDOFF,
)
def test_a_delete_of_unnamed_objects_is_not_granted():
    asked = replace(call("DeleteObjects"), object_key=None)
    assert offered(asked, evidence(encrypted=False)) == ()
