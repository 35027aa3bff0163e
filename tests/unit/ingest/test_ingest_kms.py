"""Ingest: KMS records find the incident of their S3 call, in whatever order they come."""

from types import SimpleNamespace

from support.ingest_world import OTHER_KEY, from_kms, from_s3
from support.records import AGENT, IP, kms
from support.worlds import KEY
from threegrants import ingest as module
from threegrants.cloudtrail import parse_record

# --- KMS records ----------------------------------------------------------------------------------


def test_a_kms_record_joins_its_s3_record_and_is_not_counted(world):
    opened = world.handle(from_s3())
    joined = world.handle(from_kms())
    assert (joined.id, joined.count) == (opened.id, 1)
    assert joined.event_ids == ("e-1", "k-1")
    assert len(world.read) == 1


def test_a_key_that_a_kms_record_states_is_analyzed_where_none_was_read(world):
    world.policies = {"encrypted": False}
    world.handle(from_s3())
    world.policies = {}
    joined = world.handle(from_kms(key=OTHER_KEY))
    request = joined.report.request
    assert (request.kms_key, request.kms_key_corroborated) == (OTHER_KEY, False)
    assert joined.report.outcome == "unknown"
    assert [read.call.kms_key for read in world.read] == [None, OTHER_KEY]
    assert world.store.record(joined.id)["eventID"] == "e-1"


def test_a_record_that_is_no_denial_any_more_is_not_analyzed_again(world):
    world.policies = {"encrypted": False}
    opened = world.handle(from_s3())
    key = {"pk": f"incident#{opened.id}", "sk": "record"}
    world.table.put_item(Item={**key, "record": '{"eventName": "GetObject"}'})
    assert world.handle(from_kms(key=OTHER_KEY)).has_unanswered_question
    assert len(world.read) == 1


def test_a_kms_record_before_its_s3_record_waits(world):
    assert world.handle(from_kms()) is None
    assert world.ids() == []
    assert world.handle(from_s3()).event_ids == ("e-1", "k-1")
    back = world.handle(from_kms(), was_parked=True)
    assert (back.count, back.event_ids) == (1, ("e-1", "k-1"))


def test_a_kms_record_of_another_call_goes_on_waiting(world):
    world.handle(from_kms(operation="GenerateDataKey"))
    assert world.handle(from_s3()).event_ids == ("e-1",)


def test_a_kms_record_that_cannot_be_read_is_left(world, monkeypatch):
    world.handle(from_kms())
    real = parse_record
    unreadable = SimpleNamespace()
    monkeypatch.setattr(
        module, "parse_record", lambda r: unreadable if r["eventID"] == "k-1" else real(r)
    )
    assert world.handle(from_s3()).event_ids == ("e-1",)


def test_a_kms_record_whose_s3_record_never_comes_opens_an_incident(world):
    world.handle(from_kms(key=KEY))
    alone = world.handle(from_kms(key=KEY), was_parked=True)
    assert (alone.count, alone.bucket) == (1, None)
    assert world.handle(from_kms(key=KEY), was_parked=True).count == 1
    late = world.handle(from_s3())
    assert (late.id, late.count, late.bucket) == (alone.id, 1, "a-reports")


def test_after_the_wait_the_only_open_incident_of_the_hour_will_do(world):
    opened = world.handle(from_s3(when=-600))
    assert world.handle(from_kms(when=-200)) is None
    assert world.handle(from_kms(when=-200), was_parked=True).id == opened.id


def test_a_kms_record_that_joined_meanwhile_stays_where_it_is(world):
    """Two S3 incidents fit by now, so nothing would be matched: what was assigned counts."""
    world.handle(from_kms())
    opened = world.handle(from_s3())
    world.handle(from_s3("e-2", bucket="a-other"))
    assert world.handle(from_kms(), was_parked=True).id == opened.id


def test_a_service_identity_is_matched_by_the_key(world):
    record = kms("k-1", form="service", key=KEY, sourceIPAddress=IP, userAgent=AGENT)
    assert world.handle(record) is None
    joined = world.handle(from_s3())
    assert joined.event_ids == ("e-1", "k-1")


def test_a_record_that_waits_under_the_key_may_ask_another_question(world):
    """KMS names the key that was read, so nothing is asked anew."""
    world.handle(kms("k-1", form="service", key=KEY))
    joined = world.handle(from_s3())
    assert joined.event_ids == ("e-1", "k-1")
    assert not joined.has_unanswered_question


def test_without_a_key_nothing_waits_under_one(world):
    world.policies = {"encrypted": False}
    assert world.handle(from_s3()).report.request.kms_key is None


def test_a_list_needs_no_key_and_is_no_candidate(world):
    world.handle(from_s3(operation="ListObjects"))
    assert world.handle(from_kms()) is None
