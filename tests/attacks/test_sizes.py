"""Strings and sizes of an event or a policy that no table and no topic takes."""

import json
import random
import string
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.attacks import Ends, attack
from support.aws import mocked
from support.harness import EVERYTHING, Harness
from support.names import BUCKET, A
from support.records import denied, s3
from threegrants.incidents import AlertReason
from threegrants.incidents.fitting import MAX_BYTES, pack_record, unpack
from threegrants.notifications import build_alert
from threegrants.report import Report
from unit.report.values import report

ITEM_BYTES = 400 * 1024
MESSAGE_BYTES = 262_144
KEY_BYTES = 1024
HALF = "\ud800"


def size_of(item):
    """About what DynamoDB counts: names and values in UTF-8."""
    total = 0
    for name, value in item.items():
        raw = getattr(value, "value", value)
        total += len(name.encode())
        total += len(raw) if isinstance(raw, bytes) else len(str(raw).encode())
    return total


def sent_bytes(alert):
    """What SNS counts: message, subject and attributes as they are sent."""
    attributes = "".join(f"{name}String{value}" for name, value in alert.attributes.items())
    return len((alert.message + alert.subject + attributes).encode())


def noise(size, seed=1):
    """Text that nothing packs."""
    chance = random.Random(seed)
    return "".join(chance.choices(string.ascii_letters + string.digits, k=size))


def fits(harness):
    items = harness.table.scan()["Items"]
    assert items
    for item in items:
        assert size_of(item) < ITEM_BYTES, item["sk"]
        assert len(item["sk"].encode()) <= KEY_BYTES
    for alert in harness.alerts:
        assert sent_bytes(alert) <= MESSAGE_BYTES


PLACES = {
    "user agent": lambda text: {"userAgent": text},
    "message": lambda text: {"errorMessage": f"Access Denied {text}"},
    "event id": lambda text: {"eventID": text},
    "time": lambda text: {"eventTime": text},
    "object key": lambda text: {"requestParameters": {"bucketName": BUCKET, "key": text}},
    "policy in the record": lambda text: {
        "requestParameters": {"bucketName": BUCKET, "key": "k", "bucketPolicy": {"a": [text] * 3}}
    },
    "a field that nobody knows": lambda text: {"additionalEventData": {text[:900]: text}},
}


@attack("16.1", "a record with a huge or broken string", "it comes back for ever", Ends.SHORTENED)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "text",
    [noise(260_000), "é" * 120_000, f"a{HALF}b", "\udfff" * 3_000, "\x00\x1b" * 2_000, ""],
    ids=["256 KB", "Latin-1", "half a character", "many halves", "control", "empty"],
)
def test_a_record_that_could_not_be_stored(harness, place, text):
    record = s3() | PLACES[place](text)
    incident = harness.ingest.handle(denied(record), record)
    assert incident.diagnosis is not None
    assert harness.reasons() == ["opened"]
    fits(harness)
    assert harness.reanalyze(incident).diagnosis.outcome is incident.diagnosis.outcome


@attack("16.5", "a user agent of 900 KB", "what correlation keeps of the call is too large",
        Ends.SHORTENED)  # fmt: skip
def test_a_user_agent_that_is_larger_than_an_item(harness):
    record = s3() | {"userAgent": noise(900_000)}
    assert harness.ingest.handle(denied(record), record).diagnosis is not None
    assert harness.reasons() == ["opened"]
    fits(harness)
    kept = [item for item in harness.table.scan()["Items"] if item["pk"].startswith("calls#")]
    assert kept
    assert all("shortened by threegrants: 900000" in item["user_agent"] for item in kept)


def test_a_record_that_nothing_packs_is_shortened_and_says_so():
    record = s3(userAgent=noise(600_000), parts=[noise(500, seed) for seed in range(900)])
    kept = unpack(pack_record(record))
    assert "shortened by threegrants: 600000 characters" in kept["userAgent"]
    assert denied(kept).bucket == denied(record).bucket
    assert len(pack_record(record)) <= MAX_BYTES


TEXT = st.text(max_size=40) | st.sampled_from(
    [HALF, "é" * 5_000, "\x00", "\U0001f4a5" * 300, "x" * 70_000]
)


@attack("16.2", "any strings in any field", "it comes back for ever", Ends.NO_ALERT)
def test_any_record_is_stored_and_alerted():
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.dictionaries(st.sampled_from(sorted(PLACES)), TEXT, max_size=4))
    def holds(changed):
        with mocked() as aws:
            aws.world(iam=EVERYTHING)
            harness = Harness(aws)
            record = s3()
            for place, text in changed.items():
                record |= PLACES[place](text)
            assert harness.ingest.handle(denied(record), record) is not None
            assert len(harness.alerts) == 1
            fits(harness)

    holds()


@attack("16.3", "a policy of Latin-1, or with half a character", "its alert is lost", Ends.NO_ALERT)
@pytest.mark.parametrize(
    "sid",
    ["é" * 9_000, "\\ud800", "\U0001f4a5" * 4_000, "x" * 19_000],
    ids=["Latin-1", "half a character", "astral", "20 KB"],
)
def test_a_policy_that_could_not_be_stored(harness, aws, sid):
    statement = (
        f'{{"Sid":"{sid}","Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{A}:root"}},'
        f'"Action":"s3:ListBucket","Resource":"arn:aws:s3:::{BUCKET}"}}'
    )
    text = f'{{"Version":"2012-10-17","Statement":[{statement}]}}'
    aws.client("s3").put_bucket_policy(Bucket=BUCKET, Policy=text)
    incident = harness.handle()
    assert incident.diagnosis is not None
    fits(harness)
    harness.approve(incident.id)
    fits(harness)


@attack("16.4", "a report larger than a message", "its alert is lost", Ends.SHORTENED)
@pytest.mark.parametrize("character", ["x", "é", "\U0001f4a5", HALF, '"', "\\", "\n"])
@pytest.mark.parametrize("note", ["", "n"], ids=["no note", "note"])
@pytest.mark.parametrize("field", ["summary", "message"])
def test_a_report_that_is_larger_than_a_message(character, note, field):
    made = replace(report(), **{field: character * 300_000})
    sent = build_alert(made, "x", AlertReason.OPENED, note * 200_000)
    assert sent_bytes(sent) <= MESSAGE_BYTES
    parts = json.loads(sent.message)
    assert made.id in parts["default"]
    program = json.loads(parts["sqs"])
    assert program["id"] == made.id
    assert "shortened" in sent.message or Report.from_json(program)
