"""Intake, on moto: the S3 record and the KMS record of one failed call are one incident."""

import pytest

from aws.conftest import A
from aws.desk import EVERYTHING, SESSION, WITH_KEY, Harness, kms, s3


@pytest.fixture
def desk(aws):
    aws.world(iam=EVERYTHING)
    return Harness(aws)


@pytest.fixture
def key(aws, desk):
    [found] = aws.client("kms").list_keys()["Keys"]
    return found["KeyArn"]


PAIRS = [
    ("read", "GetObject", "Decrypt", "fas", False),
    ("read, key named", "GetObject", "Decrypt", "fas", True),
    ("write", "PutObject", "GenerateDataKey", "fas", False),
    ("write without plaintext", "PutObject", "GenerateDataKeyWithoutPlaintext", "fas", False),
    ("multipart write", "UploadPart", "Decrypt", "fas", False),
    ("service identity", "GetObject", "Decrypt", "service", True),
    ("AWS Internal", "GetObject", "Decrypt", "internal", False),
]


@pytest.mark.parametrize("first", ["s3", "kms"])
@pytest.mark.parametrize(("s3_call", "kms_call", "form", "named"), [p[1:] for p in PAIRS])
def test_one_call_is_one_incident(desk, key, first, s3_call, kms_call, form, named):
    from_s3 = s3("e-s3", operation=s3_call)
    from_kms = kms("e-kms", operation=kms_call, form=form, key=key if named else None)
    if first == "s3":
        desk.handle(from_s3)
        joined = desk.handle(from_kms)
        assert joined.id == desk.only().id
    else:
        assert desk.handle(from_kms) is None
        assert desk.incidents() == []
        desk.handle(from_s3)
    incident = desk.only()
    assert incident.count == 1
    assert set(incident.event_ids) == {"e-s3", "e-kms"}
    assert desk.kms_record(incident.id)["eventID"] == "e-kms"
    desk.handle(from_kms, waited=True)
    assert desk.only() == incident
    assert desk.reasons() == ["opened"]


def test_the_key_that_kms_names_is_examined_and_shown_as_named(desk, aws):
    other = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    desk.handle(kms("e-kms", key=other))
    desk.handle(s3("e-s3"))
    report = desk.only().report
    request = report.request
    assert (request.kms_key, request.kms_key_source) == (other, "kms_record")
    assert (request.kms_key_corroborated, report.outcome) == (False, "unknown")
    assert request.bucket == "a-reports"
    assert desk.ingest.store.record(desk.only().id)["eventID"] == "e-s3"


APART = [
    ("another kind of access", {"operation": "GenerateDataKey"}, {}),
    ("another Region", {"awsRegion": "us-east-1"}, {}),
    ("another time", {"when": -700}, {}),
    ("another key", {"key": f"arn:aws:kms:eu-west-1:{A}:key/other"}, {"key": True}),
    ("a list needs no key", {}, {"operation": "ListObjects"}),
]


@pytest.mark.parametrize(("of_kms", "of_s3"), [case[1:] for case in APART])
def test_what_does_not_fit_waits(desk, key, of_kms, of_s3):
    more = dict(of_s3)
    if more.pop("key", None):
        more["errorMessage"] = WITH_KEY.format(who=SESSION, what="Decrypt", key=key)
    desk.handle(s3("e-s3", **more))
    assert desk.handle(kms("e-kms", **of_kms)) is None
    assert desk.only().event_ids == ("e-s3",)


def test_a_kms_record_whose_s3_record_never_comes(desk, key):
    assert desk.handle(kms("e-kms", key=key)) is None
    alone = desk.handle(kms("e-kms", key=key), waited=True)
    assert (alone.count, alone.bucket) == (1, None)
    assert alone.report.request.kms_key == key
    desk.handle(kms("e-kms", key=key), waited=True)
    assert desk.only().count == 1
    assert desk.reasons() == ["opened"]


def test_a_kms_record_without_principal_and_key(desk):
    record = kms("e-kms", form="service")
    assert desk.handle(record) is None
    assert desk.handle(record, waited=True).count == 1
    assert desk.handle(record, waited=True).count == 1
    assert desk.only().event_ids == ("e-kms",)


def test_the_s3_record_comes_after_the_wait(desk, key):
    for event in ("k-1", "k-2"):
        desk.handle(kms(event, key=key))
        desk.handle(kms(event, key=key), waited=True)
    alone = desk.only()
    assert alone.count == 2
    late = desk.handle(s3("e-1"))
    assert late.id == alone.id
    assert (late.count, late.bucket) == (2, "a-reports")
    assert late.report.request.bucket == "a-reports"
    assert desk.handle(s3("e-2")).count == 2
    assert desk.handle(s3("e-3")).count == 3  # a third call
    assert desk.handle(kms("k-3", key=key)).count == 3  # the third call's KMS record
    assert desk.only().id == alone.id


def test_an_incident_of_kms_records_belongs_to_one_bucket(desk, key):
    desk.handle(kms("k-1", key=key))
    desk.handle(kms("k-1", key=key), waited=True)
    one = desk.handle(s3("e-1"))
    two = desk.handle(s3("e-2", bucket="a-other"))
    assert one.id != two.id
    assert (one.bucket, two.bucket) == ("a-reports", "a-other")


def test_two_buckets_of_one_principal(desk):
    """The same address and program decide; if they do not either, nothing is guessed."""
    desk.handle(s3("e-1", bucket="a-reports"))
    desk.handle(s3("e-2", bucket="a-other", sourceIPAddress="203.0.113.9"))
    near = desk.handle(kms("k-1", sourceIPAddress="203.0.113.9"))
    assert near.bucket == "a-other"
    ambiguous = kms("k-2", form="internal")
    assert desk.handle(ambiguous) is None
    alone = desk.handle(ambiguous, waited=True)
    assert alone.bucket is None
    assert len(desk.incidents()) == 3


def test_the_nearer_of_two_buckets(desk):
    desk.handle(s3("e-1", when=-603, bucket="a-reports"))
    desk.handle(s3("e-2", when=-599, bucket="a-other"))
    assert desk.handle(kms("k-1", when=-599, form="internal")).bucket == "a-other"


def test_after_the_wait_the_only_open_incident_of_the_hour_will_do(desk):
    desk.handle(s3("e-1", when=-600))
    record = kms("k-1", when=-200)
    assert desk.handle(record) is None
    assert desk.handle(record, waited=True).id == desk.only().id
    assert desk.only().count == 1


def test_a_direct_kms_call_never_waits(desk, key):
    record = kms("k-1", key=key)
    del record["userIdentity"]["invokedBy"]
    assert desk.handle(record).count == 1
