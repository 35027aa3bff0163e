"""Events and records that speak for somebody else: on the bus, in the queue, through the API."""

import json

import pytest

from support.attacks import Ends, attack
from support.handlers import CONTEXT, api_event, deliver, metas, sent_by, serving
from support.names import A, B
from support.records import kms, s3
from threegrants.handlers import remediate
from threegrants.handlers.dependencies import dependencies
from threegrants.incidents import BucketOwners, Store

STRANGER = "333333333333"
SAM = f"arn:aws:sts::{A}:assumed-role/on-call/sam"
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")


@pytest.fixture
def service(aws, monkeypatch):
    yield from serving(aws, monkeypatch)


def letters(service):
    """The reasons of the dead letters, and that nothing else came of the messages."""
    found = service.sqs.receive_message(
        QueueUrl=service.dead, MessageAttributeNames=["All"], MaxNumberOfMessages=10
    )
    return [m["MessageAttributes"]["reason"]["StringValue"] for m in found.get("Messages", ())]


RECORD = s3("e-1", recipientAccountId=A)
EVENTS = {
    "the record of another account": (sent_by(B, RECORD), "detail.recipientAccountId"),
    "a stranger's": (sent_by(STRANGER, RECORD), "detail.recipientAccountId"),
    "a KMS record of another account": (
        sent_by(B, kms("k-1", recipientAccountId=A)), "detail.recipientAccountId"
    ),
    "the record of another Region": ({**sent_by(A, RECORD), "region": "us-east-1"}, "detail.awsRegion"),
    "a source of its own": ({**sent_by(A, RECORD), "source": "b.s3"}, "source"),
    "another service's": ({**sent_by(A, RECORD), "source": "aws.iam"}, "source"),
    "what the service itself would write": (
        {**sent_by(A, RECORD), "source": "threegrants.replay"}, "source"
    ),
    "another kind of event": ({**sent_by(A, RECORD), "detail-type": "Object Created"}, "detail-type"),
    "no account": ({**sent_by(A, RECORD), "account": None}, "account"),
    "an account that is none": ({**sent_by(A, RECORD), "account": "*"}, "account"),
    "an event within an event": (
        {**sent_by(B, sent_by(A, RECORD)), "account": B}, "none of eventSource"
    ),
    "a record without its event": (json.dumps(RECORD), "no EventBridge event"),
    "a list of events": (json.dumps([sent_by(A, RECORD)]), "no EventBridge event"),
}  # fmt: skip


@attack(
    "12.1",
    "an event on the bus that speaks for another account, Region or source than it comes from",
    "the record is taken for that account's",
    Ends.DEAD_LETTER,
    embedded="test_service.py::test_a_member_speaks_for_itself_only",
)
@pytest.mark.parametrize(("event", "place"), EVENTS.values(), ids=EVENTS)
def test_an_event_that_speaks_for_another_account(service, event, place):
    assert deliver(event) == []
    [reason] = letters(service)
    assert place in reason
    assert metas(service) == []
    assert BucketOwners(service.table).owner_of("a-reports") is None


def test_an_account_speaks_for_itself(service):
    """The same event, from the account that the record is for: what the table above is refused by."""
    assert deliver(sent_by(A, RECORD)) == []
    assert letters(service) == []
    assert len(metas(service)) == 1
    assert BucketOwners(service.table).owner_of("a-reports") == A


@attack(
    "12.1",
    "a record that does not say which account it is for",
    "its word about the bucket's owner is kept",
    Ends.IGNORED,
)
def test_a_record_for_nobody_teaches_no_owner(service):
    assert deliver(sent_by(B, s3("e-1", owner=B))) == []
    assert len(metas(service)) == 1
    assert BucketOwners(service.table).owner_of("a-reports") is None


MARKS = {
    "nothing said": RECORD,
    "as CloudTrail's own event": sent_by(A, RECORD),
    "as another account's event": sent_by(B, RECORD),
}


@attack(
    "12.2",
    "a record that a person feeds in, with the envelope of a genuine event around it",
    "it is taken for genuine",
    Ends.SHOWN,
)
@pytest.mark.parametrize("body", MARKS.values(), ids=MARKS)
def test_what_is_fed_in_is_marked_whatever_it_says(service, body):
    assert deliver(body, queue="replays") == []
    [meta] = metas(service)
    assert Store(service.table).get(meta["id"]).replayed
    assert BucketOwners(service.table).owner_of("a-reports") is None


@attack(
    "12.2",
    "a replayed KMS record that has to wait, and comes back",
    "it comes back as a genuine one",
    Ends.SHOWN,
)
def test_what_is_fed_in_waits_in_its_own_queue(service):
    assert deliver(kms("k-1"), queue="replays") == []
    assert "Messages" not in service.sqs.receive_message(QueueUrl=service.waiting)
    [back] = service.sqs.receive_message(QueueUrl=service.replays)["Messages"]
    waited = {"waited": {"stringValue": "true", "dataType": "String"}}
    assert deliver(back["Body"], message="m-2", attributes=waited, queue="replays") == []
    [meta] = metas(service)
    assert Store(service.table).get(meta["id"]).replayed


def fed(body, actor=SAM):
    answer = remediate.handler(api_event("POST", "/replay", body, actor), CONTEXT)
    return answer["statusCode"], json.loads(answer["body"])


def waiting(service):
    found = service.sqs.receive_message(QueueUrl=service.replays, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in found.get("Messages", ())]


def test_records_are_fed_in_through_the_api(service):
    records = [RECORD, sent_by(B, kms("k-1", recipientAccountId=B))]
    assert fed({"records": records}) == (200, {"sent": 2})
    sent = waiting(service)
    assert {event["source"] for event in sent} == {"threegrants.replay"}
    assert sorted(event["detail"]["eventID"] for event in sent) == ["e-1", "k-1"]
    assert not any("account" in event for event in sent)


BAD = {
    "no records": {},
    "none": {"records": []},
    "no list": {"records": {"0": RECORD}},
    "too many": {"records": [RECORD] * 101},
    "no record": {"records": [RECORD, "x"]},
    "no denial": {"records": [RECORD, {**RECORD, "errorCode": None}]},
    "another service's": {"records": [RECORD, {**RECORD, "eventSource": "iam.amazonaws.com"}]},
    "a record that cannot be read": {"records": [RECORD, {**RECORD, "userIdentity": []}]},
    "one that no queue takes": {"records": [RECORD, {**RECORD, "userAgent": "x" * 262_144}]},
    "no JSON": "{",
    "very deep": "[" * 20_000 + "]" * 20_000,
}


@attack(
    "12.2",
    "a request to replay what is no denial, too much, or no record",
    "a part of it is taken in, or the function ends",
    Ends.REFUSED,
)
@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_what_cannot_be_fed_in_is_refused_as_a_whole(service, body):
    status, said = fed(body)
    assert (status, waiting(service)) == (400, []), said


@attack(
    "12.2",
    "a replay where it is off, or by nobody whom IAM named",
    "a record is taken in",
    Ends.REFUSED,
    embedded="test_service.py::test_replay_has_a_permission_of_its_own",
)
@pytest.mark.parametrize(("on", "actor"), [(False, SAM), (True, None), (True, "")])
def test_a_replay_that_is_not_allowed(service, monkeypatch, on, actor):
    if not on:
        monkeypatch.setenv("REPLAY_QUEUE_URL", "")
        dependencies.cache_clear()
    assert fed({"records": [RECORD]}, actor)[0] == 403
    assert waiting(service) == []
