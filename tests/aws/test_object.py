"""The object of a call: there or not, its encryption, its owner; never its content."""

import pytest

from support.names import REGION, A
from support.policies import policy
from support.readers import asked, changed, enforced, refused
from threegrants.evidence import Encryption, Read, RoleClients, Unread
from threegrants.evidence.object import read_object

BUCKET, KEY = "a-reports", "2026/q3 «final».csv"
NO_LIST = ["s3:ListBucket", "s3:ListBucketVersions"]
NO_GET = ["s3:GetObject", "s3:GetObjectVersion"]


@pytest.fixture
def accounts(aws):
    return RoleClients("threegrants-reader", "external-id")


@pytest.fixture
def s3(aws):
    client = aws.client("s3", A)
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    return client


def versioned(s3):
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})


def put(s3, key=KEY, **how):
    return s3.put_object(Bucket=BUCKET, Key=key, Body=b"secret", **how).get("VersionId")


def read(accounts, key=KEY, version=None, **how):
    return read_object(accounts, A, BUCKET, key, version, REGION, **how)


def unread(found):
    parts = ("exists", "encryption", "owner", "bucket_owner")
    return {part for part in parts if isinstance(getattr(found, part), Unread)}


def test_an_object_under_its_own_key(aws, s3, accounts):
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    put(s3, ServerSideEncryption="aws:kms", SSEKMSKeyId=key, BucketKeyEnabled=True)
    found = read(accounts)
    assert found.exists == Read(True)
    assert found.encryption == Read(Encryption("aws:kms", key, bucket_key=True))
    assert found.owner == found.bucket_owner
    assert found.owner.value


def test_an_object_without_a_kms_key(s3, accounts):
    put(s3, ServerSideEncryption="AES256")
    assert read(accounts).encryption == Read(Encryption("AES256"))
    put(s3)
    drop = {"ServerSideEncryption"}
    changed(
        accounts.client(A, "s3", REGION),
        "HeadObject",
        lambda parsed: [parsed.pop(name, None) for name in drop],
    )
    assert read(accounts).encryption == Read(None)


def test_one_round_of_four_calls_and_no_content(s3, accounts):
    put(s3)
    calls = asked(accounts.client(A, "s3", REGION))
    read(accounts)
    made = dict(calls)
    assert len(calls) == 4
    assert set(made) == {"HeadObject", "ListObjectsV2", "GetBucketAcl", "GetObjectTagging"}
    assert all(parameters["ExpectedBucketOwner"] == A for parameters in made.values())
    assert "ChecksumMode" not in made["HeadObject"]
    assert made["ListObjectsV2"]["MaxKeys"] == 1


def test_another_account_owns_it(s3, accounts):
    put(s3)
    changed(
        accounts.client(A, "s3", REGION),
        "ListObjectsV2",
        lambda parsed: [entry["Owner"].update(ID="e" * 64) for entry in parsed["Contents"]],
    )
    found = read(accounts)
    assert found.owner == Read("e" * 64)
    assert found.bucket_owner != found.owner


def test_the_buckets_owner_owns_every_object(s3, accounts):
    put(s3)
    calls = asked(accounts.client(A, "s3", REGION))
    found = read(accounts, bucket_owner_enforced=True)
    assert (found.owner, found.bucket_owner) == (Read(None), Read(None))
    assert "GetBucketAcl" not in dict(calls)


@pytest.mark.parametrize("near", [KEY + ".bak", KEY[:-1], None])
def test_an_object_that_is_missing(s3, accounts, near):
    if near:
        put(s3, near)
    found = read(accounts)
    assert found.exists == Read(False)
    assert found.encryption == Read(None)
    assert isinstance(found.owner, Unread)


def test_a_key_that_begins_another(s3, accounts):
    put(s3, KEY + ".bak")
    put(s3, KEY + "/more")
    put(s3)
    assert read(accounts).owner.value


def test_a_delete_marker_is_no_object(s3, accounts):
    versioned(s3)
    first = put(s3)
    marker = s3.delete_object(Bucket=BUCKET, Key=KEY)["VersionId"]
    assert read(accounts).exists == Read(False)
    assert read(accounts, version=marker).exists == Read(False)
    found = read(accounts, version=first)
    assert found.exists == Read(True)
    assert found.owner == found.bucket_owner


def test_the_version_asked_for_decides(aws, s3, accounts):
    versioned(s3)
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    old = put(s3, ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
    put(s3, ServerSideEncryption="AES256")
    assert read(accounts, version=old).encryption.value.key == key
    assert read(accounts).encryption.value.key is None
    calls = asked(accounts.client(A, "s3", REGION))
    read(accounts, version=old)
    assert dict(calls)["HeadObject"]["VersionId"] == old
    wanted = {"HeadObject", "ListObjectVersions", "GetBucketAcl", "GetObjectTagging"}
    assert set(dict(calls)) == wanted
    assert dict(calls)["GetObjectTagging"]["VersionId"] == old


def test_what_the_reader_has_is_enough(aws, s3):
    versioned(s3)
    version = put(s3)
    with enforced(aws, A) as entered:
        assert unread(read(entered)) == set()
        assert unread(read(entered, version=version)) == set()


@pytest.mark.parametrize(
    ("without", "lacks"),
    [
        (NO_GET, {"encryption"}),
        (NO_LIST, {"owner"}),
        ([*NO_GET, *NO_LIST], {"exists", "encryption", "owner"}),
        (["s3:GetBucketAcl"], {"bucket_owner"}),
    ],
)
@pytest.mark.parametrize("by_version", [False, True])
def test_a_permission_that_lacks_is_named(aws, s3, without, lacks, by_version):
    versioned(s3)
    version = put(s3) if by_version else put(s3) and None
    with enforced(aws, A, without=without) as entered:
        found = read(entered, version=version)
    assert unread(found) == lacks
    for part in lacks:
        needs = getattr(found, part).needs
        assert any(action in needs for action in without)
        assert f"role threegrants-reader in account {A}" in needs
        assert KEY not in needs + getattr(found, part).why
    if without == NO_GET:
        assert ("s3:GetObjectVersion" in found.encryption.needs) is by_version


@pytest.mark.parametrize("near", [KEY + ".bak", None])
def test_the_list_tells_what_head_may_not(aws, s3, near):
    if near:
        put(s3, near)
    with enforced(aws, A, without=NO_GET) as entered:
        found = read(entered)
    assert (found.exists, found.encryption) == (Read(False), Read(None))


def test_head_tells_of_a_delete_marker_without_the_list(aws, s3):
    versioned(s3)
    put(s3)
    marker = s3.delete_object(Bucket=BUCKET, Key=KEY)["VersionId"]
    with enforced(aws, A, without=NO_LIST) as entered:
        assert read(entered).exists == Read(False)
        assert read(entered, version=marker).exists == Read(False)


def test_a_bucket_policy_that_keeps_the_reader_out(aws, s3):
    put(s3)
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy(deny))
    with enforced(aws, A) as entered:
        client = entered.client(A, "s3", REGION)
        for operation in ("HeadObject", "ListObjectsV2", "GetBucketAcl"):
            refused(client, operation, "403", 403)
        found = read(entered)
    assert unread(found) == {"exists", "encryption", "owner", "bucket_owner"}
    assert "s3:GetObject" in found.exists.needs
    assert "s3:ListBucket" in found.exists.needs


def test_a_customer_provided_key(s3, accounts):
    put(s3)
    refused(accounts.client(A, "s3", REGION), "HeadObject", "400")
    found = read(accounts)
    assert found.exists == Read(True)
    assert isinstance(found.encryption, Unread)
    assert "SSE-C" in found.encryption.why


def test_a_bucket_that_is_gone_is_no_missing_object(aws, accounts):
    # A HEAD says 404 of both; moto says more.
    refused(accounts.client(A, "s3", REGION), "HeadObject", "404", 404)
    found = read(accounts)
    assert isinstance(found.exists, Unread)
    assert "NoSuchBucket" in found.exists.why


@pytest.mark.parametrize("beyond", [False, True])
def test_a_list_that_is_cut_short_proves_nothing(s3, accounts, beyond):
    versioned(s3)
    version = put(s3)
    if beyond:  # unless it has come to later keys already
        put(s3, KEY + ".bak")
    client = accounts.client(A, "s3", REGION)
    refused(client, "HeadObject", "403", 403)
    changed(
        client,
        "ListObjectVersions",
        lambda parsed: parsed.update(
            Versions=[{**entry, "VersionId": "other"} for entry in parsed["Versions"]],
            IsTruncated=True,
        ),
    )
    found = read(accounts, version=version)
    assert isinstance(found.owner, Unread)
    if beyond:
        assert found.exists == Read(False)
    else:
        assert isinstance(found.exists, Unread)


def test_the_tags_of_an_object(s3, accounts):
    put(s3, Tagging="level=open&team=red")
    assert read(accounts).tags == Read({"level": "open", "team": "red"})
    put(s3)
    assert read(accounts).tags == Read({})
    assert read(accounts, "nowhere").tags == Read({})


@pytest.mark.parametrize(
    ("version", "action"), [(False, "s3:GetObjectTagging"), (True, "s3:GetObjectVersionTagging")]
)
def test_tags_that_may_not_be_read_cost_only_themselves(s3, accounts, version, action):
    versioned(s3)
    made = put(s3)
    refused(accounts.client(A, "s3", REGION), "GetObjectTagging", "AccessDenied")
    found = read(accounts, version=made if version else None)
    assert isinstance(found.tags, Unread)
    assert found.tags.needs.startswith(f"{action} on")
    assert found.exists == Read(True)
