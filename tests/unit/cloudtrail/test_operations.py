"""The table of operations against botocore's models and AWS's lists of actions."""

import json
from pathlib import Path

import botocore.session
import pytest

from support.names import A
from support.records import denied, kms, s3, session_of
from threegrants.cloudtrail import copy_source_read
from threegrants.cloudtrail.control_operations import ON_ACCOUNT, S3_CONTROL
from threegrants.cloudtrail.header_actions import RULES
from threegrants.cloudtrail.operations import S3, UNMAPPED, is_object_action, s3_operation
from threegrants.cloudtrail.replication import REPLICATES

_SESSION = botocore.session.get_session()
MODEL = frozenset(_SESSION.get_service_model("s3").operation_names)
CONTROL = frozenset(_SESSION.get_service_model("s3control").operation_names)
KMS = frozenset(_SESSION.get_service_model("kms").operation_names)
DATA = json.loads((Path(__file__).parents[2] / "data" / "actions.json").read_text())
LISTED = {f"{service}:{name}" for service, names in DATA["actions"].items() for name in names}
ROWS = {**S3_CONTROL, **S3}


def test_every_operation_is_mapped_or_left_out_on_purpose():
    assert sorted((MODEL | CONTROL) - ROWS.keys() - UNMAPPED) == []


def test_what_is_left_out_is_not_mapped_and_exists():
    assert not ROWS.keys() & UNMAPPED
    assert MODEL | CONTROL >= UNMAPPED


def test_every_action_is_one_of_aws_list():
    of_rows = {
        action
        for row in (*ROWS.values(), *REPLICATES.values())
        for action in (*row.actions, *row.versioned, *row.kms)
    }
    of_headers = {action for rule in RULES for action in rule.actions}
    assert sorted((of_rows | of_headers | ON_ACCOUNT) - LISTED) == []
    assert all(row.actions for row in ROWS.values())


NEVER_ASKED_BY_ITS_OWN = {
    "s3:AllowVendedLogDeliveryForResource": "asked when a log delivery is set up",
    "s3:GetObjectVersionAnnotationForReplication": "asked with the version, by replication",
    "s3:GetStorageLensDashboard": "asked by the console",
    "s3:InitiateReplication": "asked by batch replication",
    "s3:ObjectOwnerOverrideToBucketOwner": "asked with s3:ReplicateObject",
    "s3:PauseReplication": "asked by AWS FIS",
    "s3:PutAccessPointPublicAccessBlock": "asked with s3:CreateAccessPoint",
    "s3:ReplicateObjectAnnotation": "asked with s3:ReplicateObject",
}


def test_every_action_of_s3_is_asked_by_an_operation():
    asked = {
        action
        for row in (*ROWS.values(), *REPLICATES.values())
        for action in (*row.actions, *row.versioned)
    } | {action for rule in RULES for action in rule.actions}
    of_s3 = {f"s3:{name}" for name in DATA["actions"]["s3"]}
    assert sorted(of_s3 - asked - NEVER_ASKED_BY_ITS_OWN.keys()) == []


def test_every_kms_operation_has_an_action_of_aws_list():
    wrong = []
    for operation in KMS:
        found = denied(
            kms(
                "e",
                operation=operation,
                errorMessage="Access Denied",
                userIdentity=session_of(f"arn:aws:iam::{A}:role/x"),
            )
        ).kms_actions
        wrong += [action for action in found if action not in LISTED]
        wrong += [] if found else [operation]
    assert wrong == []


@pytest.mark.parametrize("action", [f"s3:{name}" for name in DATA["actions"]["s3"]])
def test_the_resource_of_an_action_is_that_of_aws_list(action):
    name = action.removeprefix("s3:")
    assert is_object_action(action) is (name in DATA["s3_on_objects"])
    assert (action in ON_ACCOUNT) is (name in DATA["s3_on_nothing"])


CASES = [
    ("GetObject", False, ("s3:GetObject",), ("kms:Decrypt",)),
    ("GetObject", True, ("s3:GetObjectVersion",), ("kms:Decrypt",)),
    ("HeadObject", False, ("s3:GetObject",), ("kms:Decrypt",)),
    ("GetObjectTagging", False, ("s3:GetObjectTagging",), ()),
    ("UploadPart", False, ("s3:PutObject",), ("kms:GenerateDataKey", "kms:Decrypt")),
    ("CompleteMultipartUpload", False, ("s3:PutObject",), ("kms:GenerateDataKey", "kms:Decrypt")),
    ("ListParts", False, ("s3:ListMultipartUploadParts",), ("kms:Decrypt",)),
    ("ListObjectVersions", False, ("s3:ListBucketVersions",), ()),
    ("DeleteObjects", True, ("s3:DeleteObjectVersion",), ()),
    ("DeleteBucketCors", False, ("s3:PutBucketCORS",), ()),
    ("ListBucketInventoryConfigurations", False, ("s3:GetInventoryConfiguration",), ()),
    (
        "DeleteBucketMetadataConfiguration",
        False,
        ("s3:DeleteBucketMetadataTableConfiguration",),
        (),
    ),
    ("GetAccessPointPolicy", False, ("s3:GetAccessPointPolicy",), ()),
    ("PutObjectLaserBeam", False, (), ()),
]


@pytest.mark.parametrize(("name", "versioned", "actions", "kms"), CASES)
def test_operation(name, versioned, actions, kms):
    assert s3_operation(name, versioned=versioned)[1:] == (actions, kms)


UPLOAD = {"bucketName": "a-reports", "key": "2026/q3.csv"}
LOCK = "x-amz-object-lock-"
HEADERS = [
    ("nothing else", "PutObject", {}, ("s3:PutObject",)),
    ("an ACL", "PutObject", {"x-amz-acl": "bucket-owner-full-control"}, ("s3:PutObject", "s3:PutObjectAcl")),
    ("a grant", "PutObject", {"x-amz-grant-read": "id=1"}, ("s3:PutObject", "s3:PutObjectAcl")),
    ("tags", "PutObject", {"x-amz-tagging": "a=b"}, ("s3:PutObject", "s3:PutObjectTagging")),
    ("tags of a multipart upload", "CreateMultipartUpload", {"x-amz-tagging": "a=b"}, ("s3:PutObject", "s3:PutObjectTagging")),
    ("tags of a part mean nothing", "UploadPart", {"x-amz-tagging": "a=b"}, ("s3:PutObject",)),
    ("a retention", "PutObject", {f"{LOCK}mode": "GOVERNANCE"}, ("s3:PutObject", "s3:PutObjectRetention")),
    ("a date of retention", "PutObject", {f"{LOCK}retain-until-date": "2027-01-01"}, ("s3:PutObject", "s3:PutObjectRetention")),
    ("a legal hold", "PutObject", {f"{LOCK}legal-hold": "ON"}, ("s3:PutObject", "s3:PutObjectLegalHold")),
    ("everything", "CreateMultipartUpload",
     {"x-amz-acl": "private", "x-amz-tagging": "a=b", f"{LOCK}mode": "COMPLIANCE", f"{LOCK}legal-hold": "ON"},
     ("s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging", "s3:PutObjectRetention", "s3:PutObjectLegalHold")),
    ("a copy that replaces tags", "CopyObject",
     {"x-amz-copy-source": "c/k", "x-amz-tagging": "a=b", "x-amz-tagging-directive": "REPLACE"},
     ("s3:PutObject", "s3:PutObjectTagging")),
    ("a copy that keeps tags", "CopyObject", {"x-amz-copy-source": "c/k", "x-amz-tagging": "a=b"}, ("s3:PutObject",)),
    ("a bypass", "DeleteObject", {"x-amz-bypass-governance-retention": "true"},
     ("s3:DeleteObject", "s3:BypassGovernanceRetention")),
    ("no bypass", "DeleteObject", {"x-amz-bypass-governance-retention": "false"}, ("s3:DeleteObject",)),
    ("a bypass of several", "DeleteObjects", {"x-amz-bypass-governance-retention": "True"},
     ("s3:DeleteObject", "s3:BypassGovernanceRetention")),
    ("a bypass to shorten a retention", "PutObjectRetention", {"x-amz-bypass-governance-retention": "true"},
     ("s3:PutObjectRetention", "s3:BypassGovernanceRetention")),
    ("a version", "DeleteObject", {"versionId": "v"}, ("s3:DeleteObjectVersion",)),
    ("a version's attributes", "GetObjectAttributes", {"versionId": "v"},
     ("s3:GetObjectVersion", "s3:GetObjectVersionAttributes")),
    ("a bucket with Object Lock", "CreateBucket", {"x-amz-bucket-object-lock-enabled": "true"},
     ("s3:CreateBucket", "s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning")),
    ("a bucket with ownership", "CreateBucket", {"x-amz-object-ownership": "ObjectWriter"},
     ("s3:CreateBucket", "s3:PutBucketOwnershipControls")),
    ("a public bucket", "CreateBucket", {"x-amz-acl": "public-read"}, ("s3:CreateBucket", "s3:PutBucketAcl")),
    ("a private bucket", "CreateBucket", {"x-amz-acl": "private"}, ("s3:CreateBucket",)),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "parameters", "wanted"), [c[1:] for c in HEADERS],
                         ids=[c[0] for c in HEADERS])  # fmt: skip
def test_what_headers_need(operation, parameters, wanted):
    record = s3(operation=operation, requestParameters={**UPLOAD, **parameters})
    assert denied(record).s3_actions == wanted


def says(action, resource="arn:aws:s3:::a-reports/2026/q3.csv"):
    who = "arn:aws:sts::222222222222:assumed-role/analyst/s"
    return (
        f'User: {who} is not authorized to perform: {action} on resource: "{resource}" because no '
        f"identity-based policy allows the {action} action"
    )


SAID = [
    ("an operation nobody has mapped", "PutObjectLaserBeam", "s3:PutObjectLaserBeam", ("s3:PutObjectLaserBeam",), ()),
    ("a version that the record does not show", "GetObject", "s3:GetObjectVersion", ("s3:GetObjectVersion",), ("kms:Decrypt",)),
    ("one more action", "PutObject", "s3:PutObjectTagging", ("s3:PutObject", "s3:PutObjectTagging"), ("kms:GenerateDataKey",)),
    ("the same action", "PutObject", "s3:PutObject", ("s3:PutObject",), ("kms:GenerateDataKey",)),
    ("batch replication", "PutObject", "s3:InitiateReplication", ("s3:PutObject", "s3:InitiateReplication"), ("kms:GenerateDataKey",)),
    ("replication", "PutObject", "s3:ReplicateObject", ("s3:ReplicateObject",), ("kms:Encrypt",)),
    ("replication to another owner", "PutObject", "s3:ObjectOwnerOverrideToBucketOwner",
     ("s3:ReplicateObject", "s3:ObjectOwnerOverrideToBucketOwner"), ("kms:Encrypt",)),
    ("another KMS action", "PutObject", "kms:Encrypt", ("s3:PutObject",), ("kms:GenerateDataKey", "kms:Encrypt")),
    ("a KMS action without plaintext", "PutObject", "kms:GenerateDataKeyWithoutPlaintext", ("s3:PutObject",), ("kms:GenerateDataKey",)),
    ("an action of IAM", "PutObject", "iam:PassRole", ("s3:PutObject",), ("kms:GenerateDataKey",)),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "action", "actions", "of_kms"), [c[1:] for c in SAID],
                         ids=[c[0] for c in SAID])  # fmt: skip
def test_the_action_that_aws_names_counts(operation, action, actions, of_kms):
    found = denied(s3(operation=operation, errorMessage=says(action)))
    assert (found.s3_actions, found.kms_actions) == (actions, of_kms)


def test_of_a_copy_the_source_action_that_aws_names_is_about_the_source():
    call = denied(
        s3(
            operation="CopyObject",
            requestParameters={**UPLOAD, "x-amz-copy-source": "c-archive/k"},
            errorMessage=says("s3:GetObjectTagging", "arn:aws:s3:::c-archive/k"),
        )
    )
    assert call.s3_actions == ("s3:PutObject",)
    assert copy_source_read(call).s3_actions == ("s3:GetObject", "s3:GetObjectTagging")


def replicating(session="s3-replication", by="s3.amazonaws.com", **more):
    identity = session_of("arn:aws:iam::222222222222:role/replicates")
    arn = f"arn:aws:sts::222222222222:assumed-role/replicates/{session}"
    return s3(userIdentity={**identity, "arn": arn, "invokedBy": by}, sourceIPAddress=by, **more)


REPLICATION = [
    ("an object", replicating(operation="PutObject"), ("s3:ReplicateObject",), ("kms:Encrypt",)),
    ("a part", replicating(operation="UploadPart"), ("s3:ReplicateObject",), ("kms:Encrypt",)),
    ("a delete marker", replicating(operation="DeleteObject"), ("s3:ReplicateDelete",), ()),
    ("tags", replicating(operation="PutObjectTagging"), ("s3:ReplicateTags",), ()),
    ("the source", replicating(operation="GetObject"), ("s3:GetObjectVersionForReplication",), ("kms:Decrypt",)),
    ("its configuration", replicating(operation="GetBucketReplication"), ("s3:GetReplicationConfiguration",), ()),
    ("another session", replicating("s", operation="PutObject"), ("s3:PutObject",), ("kms:GenerateDataKey",)),
    ("a session of that name that nobody called for", replicating(by="198.51.100.7", operation="PutObject"),
     ("s3:PutObject",), ("kms:GenerateDataKey",)),
    ("another service", replicating(by="athena.amazonaws.com", operation="PutObject"),
     ("s3:PutObject",), ("kms:GenerateDataKey",)),
]  # fmt: skip


@pytest.mark.parametrize(("record", "actions", "of_kms"), [c[1:] for c in REPLICATION],
                         ids=[c[0] for c in REPLICATION])  # fmt: skip
def test_replication_asks_for_actions_of_its_own(record, actions, of_kms):
    found = denied(record)
    assert (found.s3_actions, found.kms_actions) == (actions, of_kms)


GRANTS = f"arn:aws:s3:eu-west-1:{A}:access-grants/default"
NO_BUCKET = [
    ("all buckets", "ListBuckets", {}, (), "s3:ListAllMyBuckets", "*"),
    ("the account's block", "PutPublicAccessBlock", {"accountId": A}, (), "s3:PutAccountPublicAccessBlock", "*"),
    ("by CloudTrail's name", "GetAccountPublicAccessBlock", {}, (), "s3:GetAccountPublicAccessBlock", "*"),
    ("a job", "CreateJob", {"accountId": A}, (), "s3:CreateJob", "*"),
    ("a job that is there", "DescribeJob", {"jobId": "j"}, (), "s3:DescribeJob", None),
    ("an access point", "GetAccessPointPolicy", {"accountId": A, "name": "ap"}, (), "s3:GetAccessPointPolicy",
     f"arn:aws:s3:eu-west-1:{A}:accesspoint/ap"),
    ("an access point by its ARN", "GetAccessPointPolicy", {},
     ({"type": "AWS::S3::AccessPoint", "ARN": f"arn:aws:s3:eu-west-1:{A}:accesspoint/b"},), "s3:GetAccessPointPolicy",
     f"arn:aws:s3:eu-west-1:{A}:accesspoint/b"),
    ("an Object Lambda access point", "GetAccessPointPolicyForObjectLambda", {"accountId": A, "name": "ol"}, (),
     "s3:GetAccessPointPolicyForObjectLambda", f"arn:aws:s3-object-lambda:eu-west-1:{A}:accesspoint/ol"),
    ("data by an access grant", "GetDataAccess", {"accountId": A, "target": "s3://a/x"},
     ({"type": "AWS::S3::AccessGrantsInstance", "ARN": GRANTS, "accountId": A},), "s3:GetDataAccess", GRANTS),
    ("data by an access grant, without resources", "GetDataAccess", {"accountId": A}, (), "s3:GetDataAccess", GRANTS),
    ("one access grant", "GetAccessGrant", {"accountId": A}, (), "s3:GetAccessGrant", None),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "parameters", "resources", "action", "arn"),
                         [c[1:] for c in NO_BUCKET], ids=[c[0] for c in NO_BUCKET])  # fmt: skip
def test_what_is_asked_of_no_bucket(operation, parameters, resources, action, arn):
    found = denied(s3(operation=operation, requestParameters=parameters, resources=list(resources)))
    assert (found.action, found.resource, found.bucket, found.on_bucket) == (
        action,
        arn,
        None,
        False,
    )


def test_the_block_of_a_bucket_is_asked_of_the_bucket():
    found = denied(
        s3(operation="PutPublicAccessBlock", requestParameters={"bucketName": "a-reports"})
    )
    assert (found.action, found.bucket) == ("s3:PutBucketPublicAccessBlock", "a-reports")


DIRECTORY = "data--euw1-az1--x-s3"
EXPRESS_ARN = f"arn:aws:s3express:eu-west-1:{A}:bucket/{DIRECTORY}"
EXPRESS = [
    ("CreateSession", ("s3express:CreateSession",), ("kms:GenerateDataKey", "kms:Decrypt")),
    ("GetObject", ("s3express:CreateSession",), ("kms:Decrypt",)),
    ("PutObject", ("s3express:CreateSession",), ("kms:GenerateDataKey",)),
    ("ListObjects", ("s3express:CreateSession",), ()),
    ("GetBucketPolicy", ("s3express:GetBucketPolicy",), ()),
    ("PutBucketEncryption", ("s3express:PutEncryptionConfiguration",), ()),
]


@pytest.mark.parametrize(("operation", "actions", "of_kms"), EXPRESS)
def test_a_directory_bucket_asks_s3express(operation, actions, of_kms):
    record = s3(
        operation=operation,
        eventSource="s3express.amazonaws.com",
        requestParameters={"bucketName": DIRECTORY, "key": "k"},
        resources=[{"type": "AWS::S3Express::DirectoryBucket", "ARN": EXPRESS_ARN, "accountId": A}],
    )
    found = denied(record)
    assert (found.s3_actions, found.kms_actions) == (actions, of_kms)
    assert (found.resource, found.bucket_account) == (EXPRESS_ARN, A)
