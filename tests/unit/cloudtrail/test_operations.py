"""The table of operations against botocore's own model of S3."""

import botocore.session
import pytest

from threegrants.cloudtrail.operations import S3, UNMAPPED, is_object_action, s3_operation

MODEL = frozenset(botocore.session.get_session().get_service_model("s3").operation_names)


def test_every_operation_is_mapped_or_left_out_on_purpose():
    assert sorted(MODEL - S3.keys() - UNMAPPED) == []


def test_what_is_left_out_is_not_mapped_and_exists():
    assert not S3.keys() & UNMAPPED
    assert UNMAPPED <= MODEL


def test_every_mapped_operation_has_s3_actions():
    assert all(a.startswith("s3:") for operation in S3.values() for a in operation.actions)


CASES = [
    ("GetObject", False, ("s3:GetObject",), ("kms:Decrypt",)),
    ("GetObject", True, ("s3:GetObjectVersion",), ("kms:Decrypt",)),
    ("HeadObject", False, ("s3:GetObject",), ("kms:Decrypt",)),
    ("GetObjectTagging", False, ("s3:GetObjectTagging",), ()),
    ("UploadPart", False, ("s3:PutObject",), ("kms:GenerateDataKey", "kms:Decrypt")),
    ("CompleteMultipartUpload", False, ("s3:PutObject",), ("kms:GenerateDataKey", "kms:Decrypt")),
    ("ListObjectVersions", False, ("s3:ListBucketVersions",), ()),
    ("DeleteObjects", True, ("s3:DeleteObjectVersion",), ()),
    ("DeleteBucketCors", False, ("s3:PutBucketCORS",), ()),
    ("ListBucketInventoryConfigurations", False, ("s3:GetInventoryConfiguration",), ()),
    ("PutObjectLaserBeam", False, (), ()),
]


@pytest.mark.parametrize(("name", "versioned", "actions", "kms"), CASES)
def test_operation(name, versioned, actions, kms):
    assert s3_operation(name, versioned=versioned)[1:] == (actions, kms)


@pytest.mark.parametrize(
    ("action", "object_"),
    [("s3:GetObject", True), ("s3:ListBucket", False), ("s3:ListMultipartUploadParts", True),
     ("s3:GetBucketObjectLockConfiguration", False), ("s3:PutBucketPolicy", False)],
)  # fmt: skip
def test_the_resource_an_action_is_checked_on(action, object_):
    assert is_object_action(action) is object_
