"""Intake, on moto: the S3 record and the KMS record of one failed call are one incident."""

import pytest

from support.names import A
from support.records import SESSION, WITH_KEY, kms, s3


@pytest.fixture
def key(aws, harness):
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
def test_one_call_is_one_incident(harness, key, first, s3_call, kms_call, form, named):
    from_s3 = s3("e-s3", operation=s3_call)
    from_kms = kms("e-kms", operation=kms_call, form=form, key=key if named else None)
    if first == "s3":
        harness.handle(from_s3)
        joined = harness.handle(from_kms)
        assert joined.id == harness.only().id
    else:
        assert harness.handle(from_kms) is None
        assert harness.incidents() == []
        harness.handle(from_s3)
    incident = harness.only()
    assert incident.count == 1
    assert set(incident.event_ids) == {"e-s3", "e-kms"}
    assert harness.kms_record(incident.id)["eventID"] == "e-kms"
    harness.handle(from_kms, waited=True)
    assert harness.only() == incident
    assert harness.reasons() == ["opened"]


def test_the_key_that_kms_names_is_examined_and_shown_as_named(harness, aws):
    other = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    harness.handle(kms("e-kms", key=other))
    harness.handle(s3("e-s3"))
    report = harness.only().report
    request = report.request
    assert (request.kms_key, request.kms_key_source) == (other, "kms_record")
    assert (request.kms_key_corroborated, report.outcome) == (False, "unknown")
    assert request.bucket == "a-reports"
    assert harness.ingest.store.record(harness.only().id)["eventID"] == "e-s3"


APART = [
    ("another kind of access", {"operation": "GenerateDataKey"}, {}),
    ("another Region", {"awsRegion": "us-east-1"}, {}),
    ("another time", {"when": -700}, {}),
    ("another key", {"key": f"arn:aws:kms:eu-west-1:{A}:key/other"}, {"key": True}),
    ("a list needs no key", {}, {"operation": "ListObjects"}),
]


@pytest.mark.parametrize(("of_kms", "of_s3"), [case[1:] for case in APART])
def test_what_does_not_fit_waits(harness, key, of_kms, of_s3):
    more = dict(of_s3)
    if more.pop("key", None):
        more["errorMessage"] = WITH_KEY.format(who=SESSION, what="Decrypt", key=key)
    harness.handle(s3("e-s3", **more))
    assert harness.handle(kms("e-kms", **of_kms)) is None
    assert harness.only().event_ids == ("e-s3",)


def test_a_kms_record_whose_s3_record_never_comes(harness, key):
    assert harness.handle(kms("e-kms", key=key)) is None
    alone = harness.handle(kms("e-kms", key=key), waited=True)
    assert (alone.count, alone.bucket) == (1, None)
    assert alone.report.request.kms_key == key
    harness.handle(kms("e-kms", key=key), waited=True)
    assert harness.only().count == 1
    assert harness.reasons() == ["opened"]


def test_a_kms_record_without_principal_and_key(harness):
    record = kms("e-kms", form="service")
    assert harness.handle(record) is None
    assert harness.handle(record, waited=True).count == 1
    assert harness.handle(record, waited=True).count == 1
    assert harness.only().event_ids == ("e-kms",)


def test_the_s3_record_comes_after_the_wait(harness, key):
    for event in ("k-1", "k-2"):
        harness.handle(kms(event, key=key))
        harness.handle(kms(event, key=key), waited=True)
    alone = harness.only()
    assert alone.count == 2
    late = harness.handle(s3("e-1"))
    assert late.id == alone.id
    assert (late.count, late.bucket) == (2, "a-reports")
    assert late.report.request.bucket == "a-reports"
    assert harness.handle(s3("e-2")).count == 2
    assert harness.handle(s3("e-3")).count == 3  # a third call
    assert harness.handle(kms("k-3", key=key)).count == 3  # the third call's KMS record
    assert harness.only().id == alone.id


def test_an_incident_of_kms_records_belongs_to_one_bucket(harness, key):
    harness.handle(kms("k-1", key=key))
    harness.handle(kms("k-1", key=key), waited=True)
    one = harness.handle(s3("e-1"))
    two = harness.handle(s3("e-2", bucket="a-other"))
    assert one.id != two.id
    assert (one.bucket, two.bucket) == ("a-reports", "a-other")


def test_two_buckets_of_one_principal(harness):
    """The same address and program decide; if they do not either, nothing is guessed."""
    harness.handle(s3("e-1", bucket="a-reports"))
    harness.handle(s3("e-2", bucket="a-other", sourceIPAddress="203.0.113.9"))
    near = harness.handle(kms("k-1", sourceIPAddress="203.0.113.9"))
    assert near.bucket == "a-other"
    ambiguous = kms("k-2", form="internal")
    assert harness.handle(ambiguous) is None
    alone = harness.handle(ambiguous, waited=True)
    assert alone.bucket is None
    assert len(harness.incidents()) == 3


def test_the_nearer_of_two_buckets(harness):
    harness.handle(s3("e-1", when=-603, bucket="a-reports"))
    harness.handle(s3("e-2", when=-599, bucket="a-other"))
    assert harness.handle(kms("k-1", when=-599, form="internal")).bucket == "a-other"


def test_after_the_wait_the_only_open_incident_of_the_hour_will_do(harness):
    harness.handle(s3("e-1", when=-600))
    record = kms("k-1", when=-200)
    assert harness.handle(record) is None
    assert harness.handle(record, waited=True).id == harness.only().id
    assert harness.only().count == 1


def test_a_direct_kms_call_never_waits(harness, key):
    record = kms("k-1", key=key)
    del record["userIdentity"]["invokedBy"]
    assert harness.handle(record).count == 1
