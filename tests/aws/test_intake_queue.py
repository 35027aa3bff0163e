"""The handlers, on moto: messages of the queue, and the mute route."""

import json
import time

import pytest

from support.handlers import CONTEXT, api_event, deliver, metas, serving
from support.names import B
from support.records import kms, s3, session_of
from support.wire import calls_made
from threegrants.handlers import remediate
from threegrants.incidents import Store
from threegrants.ingest import Ingest


@pytest.fixture
def service(aws, monkeypatch):
    yield from serving(aws, monkeypatch)


WRITES = {"TransactWriteItems", "PutItem", "UpdateItem", "SendMessage", "Publish"}


def writes_of(monkeypatch):
    """What is written from now on, by the names of the operations."""
    made = calls_made(monkeypatch)
    return lambda: [call.operation for call in made if call.operation in WRITES]


def test_a_redelivery_changes_and_writes_nothing(service, monkeypatch):
    assert deliver(s3("e-1"), s3("e-2")) == []
    before, written = metas(service), writes_of(monkeypatch)
    assert deliver(s3("e-1")) == []
    assert (metas(service), written()) == (before, [])


def test_the_events_of_one_incident_in_a_batch_are_counted_in_one_transaction(service, monkeypatch):
    deliver(s3("e-1"), s3("e-2"))
    written = writes_of(monkeypatch)
    again, shared = s3("e-3"), {"sharedEventID": "shared"}
    batch = [s3("e-2"), again, again, *(s3(f"e-{n}", -590 + n) for n in range(4, 9))]
    batch += [s3("e-9", **shared), s3("e-10", **shared), s3("o-1", key="other/x")]
    assert deliver(*batch, "no json", message="m-2") == []
    [meta] = metas(service)
    assert meta["count"] == 2 + 1 + 5 + 1 + 1
    assert meta["last_seen"] == batch[-4]["eventTime"]
    assert len(meta["event_ids"]) == 10
    counting = [name for name in written() if name == "TransactWriteItems"]
    # One counts eight; the last is about another folder, its report is kept, and it is the tenth,
    # whose alert is counted against the hour's limit.
    assert len(counting) == 4


def test_what_was_counted_ahead_and_then_failed_is_not_counted_again(service, monkeypatch):
    deliver(s3("e-1"))
    real = Ingest.handle

    def down(ingest, call, *rest, **options):
        if call.event_id == "e-3":
            raise OSError
        return real(ingest, call, *rest, **options)

    with monkeypatch.context() as broken:
        broken.setattr(Ingest, "handle", down)
        assert deliver(s3("e-2"), s3("e-3")) == [{"itemIdentifier": "m-1-1"}]
    assert deliver(s3("e-3")) == []
    [meta] = metas(service)
    assert meta["count"] == 3


def test_a_suppressed_event_is_not_counted_with_the_others(service):
    chaos = {"userIdentity": session_of(f"arn:aws:iam::{B}:role/chaos-1")}
    deliver(s3("e-1"))
    assert deliver(s3("e-2"), s3("e-3", **chaos), s3("e-4", bucket="scratch-1")) == []
    [meta] = metas(service)
    assert meta["count"] == 2


def test_a_replay_of_a_known_record_is_taken_in(service, monkeypatch):
    deliver(s3("e-1"))
    seen = []
    real = Ingest.handle
    monkeypatch.setattr(
        Ingest, "handle", lambda *a, **o: seen.append(o["replayed"]) or real(*a, **o)
    )
    assert deliver(s3("e-1"), message="m-2", queue="replays") == []
    assert seen == [True]
    [meta] = metas(service)
    assert meta["count"] == 1


def test_what_failed_is_delivered_again_and_then_taken_in(service, monkeypatch):
    real = Ingest.handle

    def down(ingest, call, *rest, **options):
        if call.event_id == "e-1":
            raise OSError
        return real(ingest, call, *rest, **options)

    with monkeypatch.context() as broken:
        broken.setattr(Ingest, "handle", down)
        assert deliver(s3("e-1"), s3("e-2")) == [{"itemIdentifier": "m-1-0"}]
    assert deliver(s3("e-1"), s3("e-2")) == []
    [meta] = metas(service)
    assert meta["count"] == 2


def test_a_kms_record_waits_once_in_a_queue_of_its_own(service):
    assert deliver(kms("k-1")) == []
    [back] = service.sqs.receive_message(
        QueueUrl=service.waiting, MessageAttributeNames=["All"], MaxNumberOfMessages=10
    )["Messages"]
    assert json.loads(back["Body"])["detail"]["eventID"] == "k-1"
    assert back["MessageAttributes"]["waited"]["StringValue"] == "true"
    assert metas(service) == []
    waited = {"waited": {"stringValue": "true", "dataType": "String"}}
    assert deliver(back["Body"], message="m-2", attributes=waited) == []
    assert len(metas(service)) == 1
    assert "Messages" not in service.sqs.receive_message(QueueUrl=service.waiting)


def test_bad_input_is_a_dead_letter_with_its_reason(service):
    assert deliver("no json", s3("e-1", userIdentity=[])) == []
    letters = service.sqs.receive_message(
        QueueUrl=service.dead, MessageAttributeNames=["All"], MaxNumberOfMessages=10
    )["Messages"]
    said = {le["Body"][:2]: le["MessageAttributes"]["reason"]["StringValue"] for le in letters}
    assert said.keys() == {"no", '{"'}
    assert "line 1 column 1" in said["no"]
    assert said['{"'] == "userIdentity: a list; expected an object"


def route(path, body, actor="arn:aws:sts::111111111111:assumed-role/on-call/sam"):
    return api_event("POST", path, body, actor)


MUTES = [
    ({"hours": 2}, 200),
    ({"hours": 0}, 200),
    ({"hours": 721}, 400),
    ({"hours": -1}, 400),
    ({"hours": True}, 400),
    ({"hours": "2"}, 400),
    ([], 400),
]


@pytest.mark.filterwarnings("ignore:No application metrics")
@pytest.mark.parametrize(("body", "status"), MUTES)
def test_the_mute_route(service, body, status):
    deliver(s3("e-1"))
    [meta] = metas(service)
    answer = remediate.handler(route(f"/incidents/{meta['id']}/mute", body), CONTEXT)
    assert answer["statusCode"] == status
    [after] = metas(service)
    muted = int(after.get("muted_until", 0))
    assert (muted > time.time() + 7000) == (body == {"hours": 2})
    history = Store(service.table).history(meta["id"])
    wanted = {200: "arn:aws:sts::111111111111:assumed-role/on-call/sam"}.get(status)
    assert (history[-1]["actor"] == wanted) == (status == 200)


@pytest.mark.filterwarnings("ignore:No application metrics")
@pytest.mark.parametrize(
    ("path", "actor", "status"),
    [("/incidents/tg-none/mute", "arn:aws:iam::1:user/sam", 404), ("/incidents/x/mute", None, 403)],
)
def test_nobody_mutes_what_is_not_theirs_to_mute(service, path, actor, status):
    assert remediate.handler(route(path, {"hours": 1}, actor), CONTEXT)["statusCode"] == status
