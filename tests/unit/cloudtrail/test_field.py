"""What real records show that no sample has: whom a message names, whose bucket is whose, what is public."""

import pytest

from support.records import denied, s3
from threegrants.cloudtrail import CallerType, copy_source_read
from threegrants.cloudtrail.public_requests import asks_for_public_acl, put_policy
from threegrants.cloudtrail.replay import REPLAY_SOURCE

A, B, C = "111111111111", "222222222222", "333333333333"
ID = "AROAEXAMPLE000000000"
SAYS = "User: {} is not authorized to perform: s3:GetObject because no resource-based policy allows the s3:GetObject action"


def owners_copy(principal_id=f"{ID}:s", account=B, message="Access Denied"):
    identity = {"type": "AWSAccount", "principalId": principal_id, "accountId": account}
    return denied(s3(userIdentity=identity, errorMessage=message)).caller


def test_the_owners_copy_names_the_role_in_its_message():
    said = owners_copy(message=SAYS.format(f"arn:aws:sts::{B}:assumed-role/analyst/s"))
    assert (said.type, said.arn) == (CallerType.ROLE, f"arn:aws:iam::{B}:role/analyst")
    assert (said.unique_id, said.path_known) == (ID, False)


@pytest.mark.parametrize(
    "named",
    [
        f"arn:aws:sts::{A}:assumed-role/analyst/s",  # another account
        f"arn:aws:sts::{B}:assumed-role/analyst/other",  # another session
        f"arn:aws:iam::{B}:user/ann",  # another kind
        "analyst",
    ],
)
def test_a_name_that_does_not_fit_the_record_is_not_taken(named):
    assert owners_copy(message=SAYS.format(named)).arn is None


def test_a_name_in_what_the_message_quotes_is_not_taken():
    text = f'User: x is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::a/User: arn:aws:sts::{B}:assumed-role/analyst/s"'
    assert owners_copy(message=text).arn is None


def test_the_root_user_has_its_accounts_number_as_id():
    root = owners_copy(principal_id=B)
    assert (root.type, root.arn) == (CallerType.ROOT, f"arn:aws:iam::{B}:root")
    assert owners_copy(principal_id=A).type is CallerType.ACCOUNT


BUCKETS = [
    {"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::a-reports", "accountId": A},
    {"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::c-archive", "accountId": C},
]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("replayed", [False, True])
def test_each_bucket_of_a_copy_has_its_own_owner(order, replayed):
    record = s3(operation="CopyObject", resources=BUCKETS[::order])
    record["requestParameters"]["x-amz-copy-source"] = "c-archive/2025/q3.csv"
    event = {"detail-type": "replayed", "source": REPLAY_SOURCE, "detail": record}
    call = denied(event if replayed else record)
    assert call.replayed is replayed
    read = copy_source_read(call)
    owners = (call.bucket_account, read.bucket_account)
    assert owners == ((None, None) if replayed else (A, C))


def test_an_owner_that_the_record_leaves_out_is_not_the_other_buckets():
    record = s3(operation="CopyObject", resources=[{**BUCKETS[0], "accountId": ""}, BUCKETS[1]])
    record["requestParameters"]["x-amz-copy-source"] = "c-archive/2025/q3.csv"
    assert denied(record).bucket_account is None


LISTED = {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::a-reports/2026/q3.csv"}
PREFIX = {"type": "AWS::S3::Object", "ARNPrefix": "arn:aws:s3:::a-reports/"}
ANOTHER = {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::c-archive/2025/q3.csv"}


@pytest.mark.parametrize(
    ("listed", "operation", "key"),
    [
        ([LISTED], "GetObject", "2026/q3.csv"),
        ([LISTED, ANOTHER], "GetObject", "2026/q3.csv"),
        ([LISTED, {**LISTED, "ARN": f"{LISTED['ARN']}2"}], "GetObject", None),
        ([PREFIX], "GetObject", None),
        ([LISTED], "DeleteObjects", None),
        ([LISTED], "ListObjects", None),
    ],
)
def test_the_key_that_only_resources_name(listed, operation, key):
    record = s3(operation=operation, requestParameters=None, resources=[BUCKETS[0], *listed])
    assert denied(record).object_key == key


EVERYONE = "http://acs.amazonaws.com/groups/global/AllUsers"
ACLS = [
    ({"x-amz-acl": "public-read"}, True),
    ({"x-amz-acl": "public-read-write"}, True),
    ({"x-amz-acl": "authenticated-read"}, True),
    ({"x-amz-acl": "bucket-owner-full-control"}, False),
    ({"x-amz-grant-read": f'uri="{EVERYONE}"'}, True),
    ({"x-amz-grant-read": 'id="79a59df900b949e55d96a1e698fbaced"'}, False),
    ({"AccessControlPolicy": {"AccessControlList": {"Grant": {"Grantee": {"URI": EVERYONE}}}}}, True),
    ({"AccessControlPolicy": {"AccessControlList": {"Grant": {"Grantee": {"ID": "79a5"}}}}}, False),
    ({"key": EVERYONE}, False),
    ({}, False),
]  # fmt: skip


@pytest.mark.parametrize(("parameters", "public"), ACLS)
def test_which_acls_are_public(parameters, public):
    headers = {name: value for name, value in parameters.items() if isinstance(value, str)}
    assert asks_for_public_acl(parameters, headers) is public


def test_the_policy_that_a_request_puts():
    assert put_policy({"bucketPolicy": {"Statement": []}}) == '{"Statement": []}'
    assert put_policy({"policy": ""}) is None
    assert put_policy({"bucketPolicy": 5}) is None


SENTENCES = [
    ("Access Denied because object protected by object lock.", "object_lock", True),
    ("Access Denied", "object_lock", False),
    ("The bucket does not allow ACLs", "acls_disabled", True),
    ('User: x is not authorized to perform: s3:PutObject on resource: "The bucket does not allow ACLs"', "acls_disabled", False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "field", "wanted"), SENTENCES)
def test_awss_sentences_of_settings(text, field, wanted):
    assert getattr(denied(s3(errorMessage=text)).message, field) is wanted
