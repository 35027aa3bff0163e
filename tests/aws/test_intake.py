"""Intake, on moto: one failed call is one incident, counted once, alerted once, whatever happens."""

import json
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import boto3
import pytest
from botocore.client import BaseClient

from aws.conftest import A, B
from threegrants.evidence import Accounts
from threegrants.evidence.recent import Recent
from threegrants.examine import Rules
from threegrants.handlers import diagnose, remediate
from threegrants.incidents import State, Store, Turns, mute, owed
from threegrants.records import parse_record
from threegrants.settings import settings
from threegrants.watch import Watch
from threegrants.watch import examine as really_examine

ROLE = f"arn:aws:iam::{B}:role/team/analyst"
SESSION = f"arn:aws:sts::{B}:assumed-role/analyst/s"
IP, AGENT = "198.51.100.7", "[Boto3/1.44]"
EVERYTHING = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
NO_KEY = (
    "User: {who} is not authorized to perform: kms:{what} on this resource because the resource does "
    "not exist in this Region, no resource-based policies allow access, or a resource-based policy "
    "explicitly denies access"
)
WITH_KEY = (
    "User: {who} is not authorized to perform: kms:{what} on resource: {key} because no "
    "resource-based policy allows the kms:{what} action"
)


NOW = time.time()
LATER = 9000
"""Seconds; after whatever evidence a test reads."""


def at(seconds):
    """A time relative to now: denials arrive some minutes after they happened."""
    return datetime.fromtimestamp(NOW + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def s3(event, when=-600, operation="GetObject", bucket="a-reports", owner=A, **changes):
    return {
        "userIdentity": {
            "type": "AssumedRole",
            "arn": SESSION,
            "accountId": B,
            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": ROLE}},
        },
        "eventTime": at(when),
        "eventSource": "s3.amazonaws.com",
        "eventName": operation,
        "awsRegion": "eu-west-1",
        "sourceIPAddress": IP,
        "userAgent": AGENT,
        "errorCode": "AccessDenied",
        "errorMessage": "Access Denied",
        "requestParameters": {"bucketName": bucket, "key": "2026/q3.csv"},
        "resources": [
            {"type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}", "accountId": owner}
        ],
        "eventID": event,
        **changes,
    }


def kms(event, when=-599, operation="Decrypt", form="fas", key=None, **changes):
    said = (WITH_KEY if key else NO_KEY).format(who=SESSION, what=operation, key=key)
    record = {
        **s3(event, when, operation),
        "eventSource": "kms.amazonaws.com",
        "errorMessage": said,
        "requestParameters": None,
        "resources": None,
    }
    who = record["userIdentity"]
    if form == "fas":
        record["userIdentity"] = {**who, "invokedBy": "fas.s3.amazonaws.com"}
    elif form == "service":
        record["userIdentity"] = {"type": "AWSService", "invokedBy": "fas.s3.amazonaws.com"}
        record |= {"sourceIPAddress": "fas.s3.amazonaws.com", "userAgent": "fas.s3.amazonaws.com"}
    else:
        record["userIdentity"] = {**who, "invokedBy": "AWS Internal"}
        record |= {"sourceIPAddress": "AWS Internal", "userAgent": "AWS Internal"}
    return {**record, **changes}


class Desk:
    """Workers on one table, a clock that can be put forward, and the alerts that went out."""

    def __init__(self, aws):
        self.aws, self.late, self.alerts, self.held = aws, 0, [], []
        self.table = aws.table()
        self.watch = self.worker()

    def worker(self):
        """One more worker, with nothing in its memory."""
        reader = Accounts("threegrants-reader", "external-id", known=(A,))
        reader.recent = Recent(clock=lambda: time.time() + self.late)
        return Watch(
            Store(self.table),
            reader,
            Rules(writable=frozenset({A, B})),
            "threegrants",
            self.alerts.append,
            self.held.append,
            lambda: time.time() + self.late,
        )

    def see(self, record, *, waited=False, watch=None):
        return (watch or self.watch).see(parse_record(record), record, waited=waited)

    def incidents(self):
        items = self.table.scan()["Items"]
        return [i for i in items if i["sk"] == "meta" and "joined_to" not in i]

    def only(self):
        [item] = self.incidents()
        return self.watch.store.get(item["id"])

    def reasons(self):
        return [alert.attributes["reason"] for alert in self.alerts]


@pytest.fixture
def desk(aws):
    aws.world(iam=EVERYTHING)
    return Desk(aws)


@pytest.fixture
def key(aws, desk):
    [found] = aws.client("kms").list_keys()["Keys"]
    return found["KeyArn"]


@pytest.fixture
def examined(monkeypatch):
    """How often evidence was read."""
    calls = []

    def counted(call, *rest):
        calls.append(call)
        return really_examine(call, *rest)

    monkeypatch.setattr("threegrants.watch.examine", counted)
    return calls


# --- the KMS record and the S3 record of one call ------------------------------------------------

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
        desk.see(from_s3)
        joined = desk.see(from_kms)
        assert joined.id == desk.only().id
    else:
        assert desk.see(from_kms) is None
        assert desk.incidents() == []
        desk.see(from_s3)
    incident = desk.only()
    assert incident.count == 1
    assert set(incident.event_ids) == {"e-s3", "e-kms"}
    assert desk.watch.calls.record(incident.id)["eventID"] == "e-kms"
    desk.see(from_kms, waited=True)
    assert desk.only() == incident
    assert desk.reasons() == ["opened"]


def test_the_key_that_kms_names_is_the_one_examined(desk, aws):
    other = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    desk.see(s3("e-s3"))
    assert desk.only().document()["request"]["kms_key"] != other
    desk.see(kms("e-kms", key=other))
    request = desk.only().document()["request"]
    assert (request["kms_key"], request["kms_key_source"]) == (other, "kms_record")
    assert request["bucket"] == "a-reports"
    assert desk.watch.store.record(desk.only().id)["eventID"] == "e-s3"


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
    desk.see(s3("e-s3", **more))
    assert desk.see(kms("e-kms", **of_kms)) is None
    assert desk.only().event_ids == ("e-s3",)


def test_a_kms_record_whose_s3_record_never_comes(desk, key):
    assert desk.see(kms("e-kms", key=key)) is None
    alone = desk.see(kms("e-kms", key=key), waited=True)
    assert (alone.count, alone.bucket) == (1, None)
    assert alone.document()["request"]["kms_key"] == key
    desk.see(kms("e-kms", key=key), waited=True)
    assert desk.only().count == 1
    assert desk.reasons() == ["opened"]


def test_a_kms_record_without_principal_and_key(desk):
    record = kms("e-kms", form="service")
    assert desk.see(record) is None
    assert desk.see(record, waited=True).count == 1
    assert desk.see(record, waited=True).count == 1
    assert desk.only().event_ids == ("e-kms",)


def test_the_s3_record_comes_after_the_wait(desk, key):
    for event in ("k-1", "k-2"):
        desk.see(kms(event, key=key))
        desk.see(kms(event, key=key), waited=True)
    alone = desk.only()
    assert alone.count == 2
    late = desk.see(s3("e-1"))
    assert late.id == alone.id
    assert (late.count, late.bucket) == (2, "a-reports")
    assert late.document()["request"]["bucket"] == "a-reports"
    assert desk.see(s3("e-2")).count == 2
    assert desk.see(s3("e-3")).count == 3  # a third call
    assert desk.see(kms("k-3", key=key)).count == 3  # the third call's KMS record
    assert desk.only().id == alone.id


def test_an_incident_of_kms_records_belongs_to_one_bucket(desk, key):
    desk.see(kms("k-1", key=key))
    desk.see(kms("k-1", key=key), waited=True)
    one = desk.see(s3("e-1"))
    two = desk.see(s3("e-2", bucket="a-other"))
    assert one.id != two.id
    assert (one.bucket, two.bucket) == ("a-reports", "a-other")


def test_two_buckets_of_one_principal(desk):
    """The same address and program decide; if they do not either, nothing is guessed."""
    desk.see(s3("e-1", bucket="a-reports"))
    desk.see(s3("e-2", bucket="a-other", sourceIPAddress="203.0.113.9"))
    near = desk.see(kms("k-1", sourceIPAddress="203.0.113.9"))
    assert near.bucket == "a-other"
    ambiguous = kms("k-2", form="internal")
    assert desk.see(ambiguous) is None
    alone = desk.see(ambiguous, waited=True)
    assert alone.bucket is None
    assert len(desk.incidents()) == 3


def test_the_nearer_of_two_buckets(desk):
    desk.see(s3("e-1", when=-603, bucket="a-reports"))
    desk.see(s3("e-2", when=-599, bucket="a-other"))
    assert desk.see(kms("k-1", when=-599, form="internal")).bucket == "a-other"


def test_after_the_wait_the_only_open_incident_of_the_hour_will_do(desk):
    desk.see(s3("e-1", when=-600))
    record = kms("k-1", when=-200)
    assert desk.see(record) is None
    assert desk.see(record, waited=True).id == desk.only().id
    assert desk.only().count == 1


def test_a_direct_kms_call_never_waits(desk, key):
    record = kms("k-1", key=key)
    del record["userIdentity"]["invokedBy"]
    assert desk.see(record).count == 1


# --- whose bucket it is ---------------------------------------------------------------------------


def test_the_callers_copy_learns_the_owner_from_other_records(desk, examined):
    alone = desk.see(s3("e-1", owner=""))
    assert desk.see(s3("e-2")).id == alone.id
    desk.see(s3("e-3", owner=""))
    desk.see(s3("e-4", operation="ListObjects", owner=""), watch=desk.worker())
    assert [call.bucket_account for call in examined] == [None, A]
    assert [call.operation for call in examined] == ["GetObject", "ListObjects"]


# --- how often it is examined ---------------------------------------------------------------------


def test_evidence_is_not_read_again_for_a_minute(desk, examined):
    desk.see(s3("e-1"))
    desk.see(s3("e-2", when=LATER))
    assert len(examined) == 1
    desk.late = 61
    desk.see(s3("e-3", when=LATER + 1))
    assert len(examined) == 2


def test_a_record_fed_in_again_reads_again_what_was_unknown(desk, examined, monkeypatch):
    desk.see(s3("e-1", bucket="a-nowhere"))
    desk.see(s3("e-2"))
    desk.late = 61
    for name in ("a-nowhere", "a-reports"):
        again = s3("e-1" if name == "a-nowhere" else "e-2", bucket=name)
        desk.watch.see(parse_record(again), again)
        desk.watch.see(parse_record(again), again, replayed=True)
    assert [call.bucket for call in examined] == ["a-nowhere", "a-reports", "a-nowhere"]
    assert {int(item["count"]) for item in desk.incidents()} == {1}


def test_others_only_count_while_one_examines(desk, monkeypatch):
    other, reading = desk.worker(), []

    def slow(call, *rest):
        reading.append(call)
        desk.see(s3("e-2"), watch=other)
        desk.see(s3("e-3", requestParameters={"bucketName": "a-reports", "key": "x"}), watch=other)
        return really_examine(call, *rest)

    monkeypatch.setattr("threegrants.watch.examine", slow)
    desk.see(s3("e-1"))
    assert len(reading) == 1
    incident = desk.only()
    assert incident.count == 3
    assert incident.prefix == ""
    patches = {p["grant"]: p for p in incident.document()["patches"]}
    assert patches["bucket_policy"]["statement"]["Resource"] == "arn:aws:s3:::a-reports/*"
    assert desk.reasons() == ["opened"]


def test_what_is_learnt_while_one_examines_is_examined_too(desk, aws, monkeypatch):
    other_key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    other, reading = desk.worker(), []

    def slow(call, *rest):
        reading.append(call.kms_key)
        if len(reading) == 1:
            desk.see(kms("e-2", key=other_key), watch=other)
        return really_examine(call, *rest)

    monkeypatch.setattr("threegrants.watch.examine", slow)
    desk.see(s3("e-1"))
    assert reading == [None, other_key]
    assert desk.only().document()["request"]["kms_key"] == other_key


def test_the_lease_of_a_worker_that_died_runs_out(desk):
    turns = desk.watch.turns
    desk.see(s3("e-1"))
    identity = desk.only().id
    assert turns.examine(identity)
    assert not Turns(desk.table).examine(identity)
    desk.late = 61
    assert turns.examine(identity)


def test_an_error_while_examining_gives_the_turn_back(desk, monkeypatch):
    def broken(*_):
        raise OSError

    monkeypatch.setattr("threegrants.watch.examine", broken)
    with pytest.raises(OSError):  # noqa: PT011 - the one raised here
        desk.see(s3("e-1"))
    monkeypatch.setattr("threegrants.watch.examine", really_examine)
    assert desk.see(s3("e-1")).document()["outcome"] == "fixable"
    assert desk.only().count == 1


# --- alerts ----------------------------------------------------------------------------------------


def test_a_changed_verdict_alerts_again(desk, aws):
    desk.see(s3("e-1"))
    aws.client("iam", B).delete_role_policy(RoleName="analyst", PolicyName="own")
    desk.late = 61
    desk.see(s3("e-2", when=LATER))
    assert desk.reasons() == ["opened", "changed"]


def test_alerts_by_a_rising_threshold(desk):
    for number in range(101):
        desk.see(s3(f"e-{number}"))
    assert desk.reasons() == ["opened", "count", "count"]


def test_a_threshold_that_two_workers_jump_over_alerts_once(desk, monkeypatch):
    """One counts the tenth, another the eleventh before the first has read the count."""
    other = desk.worker()
    for number in range(9):
        desk.see(s3(f"e-{number}"))
        desk.see(s3(f"e-{number}"), watch=other)
    real = desk.watch.store._write

    def both(items):
        monkeypatch.setattr(desk.watch.store, "_write", real)
        real(items)
        desk.see(s3("other"), watch=other)

    monkeypatch.setattr(desk.watch.store, "_write", both)
    desk.see(s3("mine"))
    assert desk.only().count == 11
    assert desk.reasons() == ["opened", "count"]


def test_while_one_sends_another_does_not(desk):
    other, sent = desk.worker(), []

    def sending(alert):
        sent.append(alert)
        desk.see(s3(f"during-{len(sent)}"), watch=other)

    object.__setattr__(desk.watch, "send", sending)
    desk.see(s3("e-1"))
    assert len(sent) == 1
    assert desk.alerts == []
    assert desk.only().count == 2


def test_what_becomes_due_while_one_sends_is_sent_by_that_one(desk):
    other, sent = desk.worker(), []

    def sending(alert):
        sent.append(alert.attributes["reason"])
        for number in range(9 if len(sent) == 1 else 0):
            desk.see(s3(f"during-{number}"), watch=other)

    object.__setattr__(desk.watch, "send", sending)
    desk.see(s3("e-1"))
    assert sent == ["opened", "count"]
    assert desk.alerts == []


def test_mute_holds_alerts_back_and_lets_what_is_owed_through(desk):
    identity = desk.see(s3("e-1")).id
    mute(desk.watch.store, identity, 1, "arn:aws:iam::1:user/sam")
    for number in range(11):
        desk.see(s3(f"m-{number}"))
    assert desk.reasons() == ["opened"]
    assert len(desk.held) == 1  # one alert, though several events found it owed
    desk.late = 3601
    desk.see(s3("after"))
    assert desk.reasons() == ["opened", "count"]
    lines = desk.watch.store.history(identity)
    assert [(i["what"], i["actor"]) for i in lines][-1] == ("muted", "arn:aws:iam::1:user/sam")


def test_unmute(desk):
    identity = desk.see(s3("e-1")).id
    mute(desk.watch.store, identity, 720, "sam")
    mute(desk.watch.store, identity, 0, "sam")
    for number in range(11):
        desk.see(s3(f"m-{number}"))
    assert desk.reasons() == ["opened", "count"]


# --- a crash anywhere -----------------------------------------------------------------------------


class Died(BaseException):
    """The process is gone."""


WRITES = frozenset({"TransactWriteItems", "UpdateItem", "PutItem", "DeleteItem"})


class Mortal:
    """Lets the process die before or after its nth write; a dead process does nothing more."""

    def __init__(self, monkeypatch):
        self.left, self.after, self.dead, self.writes = 0, False, False, 0
        real = BaseClient._make_api_call

        def call(client, operation, parameters):
            return self.step(
                lambda: real(client, operation, parameters), counts=operation in WRITES
            )

        monkeypatch.setattr(BaseClient, "_make_api_call", call)

    def step(self, act, *, counts):
        if self.dead:
            raise Died
        if not counts:
            return act()
        self.writes += 1
        self.left -= 1
        if self.left == 0 and not self.after:
            self.dead = True
            raise Died
        done = act()
        if self.left == 0:
            self.dead = True
            raise Died
        return done


STORIES = {
    "one S3 record": [("s3", False)],
    "KMS first": [("kms", False), ("s3", False), ("kms", True)],
    "S3 first": [("s3", False), ("kms", False)],
    "KMS alone": [("kms", False), ("kms", True)],
    "S3 after the wait": [("kms", False), ("kms", True), ("s3", False)],
}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("story", STORIES)
def test_a_crash_at_any_write_neither_miscounts_nor_loses_the_alert(
    aws, monkeypatch, story, after
):  # fmt: skip
    desk, point, mortal = Desk(aws), 0, Mortal(monkeypatch)
    while True:
        point += 1
        bucket, role = f"bucket-{point}", f"role-{point}"
        who = {
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::{B}:assumed-role/{role}/s",
            "accountId": B,
        }
        records = {
            "s3": s3(f"s-{point}", bucket=bucket, userIdentity=who),
            "kms": kms(f"k-{point}", userIdentity={**who, "invokedBy": "fas.s3.amazonaws.com"}),
        }
        mortal.left, mortal.after, crashed = point, after, False
        alerts = []

        def sending(alert, alerts=alerts):
            mortal.step(lambda: alerts.append(alert), counts=True)

        for name, waited in STORIES[story]:
            for _ in range(2):
                watch = desk.worker()  # a new process each time
                object.__setattr__(watch, "send", sending)
                try:
                    desk.see(records[name], waited=waited, watch=watch)
                    break
                except Died:
                    mortal.dead, crashed = False, True
                    desk.late += 61  # the message comes again after its visibility timeout
        found = [i for i in desk.incidents() if role in json.dumps(i.get("diagnosis", ""))]
        [item] = found
        assert item["count"] == 1, point
        assert set(item["event_ids"]) >= {records[STORIES[story][0][0]]["eventID"]}
        assert owed(desk.watch.store.get(item["id"])) is None
        assert len(alerts) in ((1, 2) if story != "S3 after the wait" else (1, 2, 3)), point
        if not crashed:
            break
    assert point > 3


# --- the queue's messages -------------------------------------------------------------------------


@pytest.fixture
def service(aws, monkeypatch):
    """The handlers on moto: environment, queues, topic and both tables."""
    aws.world(iam=EVERYTHING)
    table = aws.table()
    boto3.client("dynamodb").create_table(
        TableName="seen",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    sqs = boto3.client("sqs")
    queue, dead = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("queue", "dead"))
    topic = boto3.client("sns").create_topic(Name="alerts")["TopicArn"]
    environment = {
        "TABLE_NAME": table.name,
        "SEEN_TABLE_NAME": "seen",
        "TOPIC_ARN": topic,
        "QUEUE_URL": queue,
        "DEAD_LETTER_QUEUE_URL": dead,
        "READER_ROLE_NAME": "threegrants-reader",
        "MENDER_ROLE_NAME": "threegrants-mender",
        "NEVER_DIAGNOSE": f"bucket=scratch-*,principal=arn:aws:iam::{B}:role/chaos-*",
        "KMS_WAIT_SECONDS": "0",
        "POWERTOOLS_TRACE_DISABLED": "true",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    caches = (settings, diagnose._watch, diagnose._seen, remediate._remedy)
    for cached in caches:
        cached.cache_clear()
    yield SimpleNamespace(table=table, sqs=sqs, queue=queue, dead=dead)
    for cached in caches:
        cached.cache_clear()


CONTEXT = SimpleNamespace(
    function_name="diagnose",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-west-1:111111111111:function:diagnose",
    aws_request_id="r-1",
    get_remaining_time_in_millis=lambda: 60_000,
)


def deliver(*bodies, message="m-1", attributes=None):
    records = [
        {
            "messageId": f"{message}-{number}",
            "receiptHandle": "h",
            "body": body if isinstance(body, str) else json.dumps(body),
            "attributes": {},
            "messageAttributes": attributes or {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:111111111111:queue",
            "awsRegion": "eu-west-1",
        }
        for number, body in enumerate(bodies)
    ]
    return diagnose.handler({"Records": records}, CONTEXT)["batchItemFailures"]


def metas(service):
    return [i for i in service.table.scan()["Items"] if i["sk"] == "meta"]


def test_a_redelivery_is_recognised_before_anything_is_done(service, monkeypatch):
    assert deliver(s3("e-1")) == []
    monkeypatch.setattr(Watch, "see", lambda *_, **__: pytest.fail("taken in again"))
    assert deliver(s3("e-1")) == []


def test_a_replay_of_a_known_record_is_taken_in(service, monkeypatch):
    event = {"source": "threegrants.replay", "detail-type": "AWS API Call via CloudTrail"}
    deliver(s3("e-1"))
    seen = []
    real = Watch.see
    monkeypatch.setattr(Watch, "see", lambda *a, **o: seen.append(o["replayed"]) or real(*a, **o))
    assert deliver({**event, "detail": s3("e-1")}, message="m-2") == []
    assert deliver({**event, "detail": s3("e-1")}, message="m-2") == []
    assert seen == [True]
    [meta] = metas(service)
    assert meta["count"] == 1


def test_what_failed_is_delivered_again_and_then_taken_in(service, monkeypatch):
    real = Watch.see

    def down(watch, call, *rest, **options):
        if call.event_id == "e-1":
            raise OSError
        return real(watch, call, *rest, **options)

    with monkeypatch.context() as broken:
        broken.setattr(Watch, "see", down)
        assert deliver(s3("e-1"), s3("e-2")) == [{"itemIdentifier": "m-1-0"}]
    assert deliver(s3("e-1"), s3("e-2")) == []
    [meta] = metas(service)
    assert meta["count"] == 2


def test_a_kms_record_goes_back_to_the_queue_once(service):
    assert deliver(kms("k-1")) == []
    [back] = service.sqs.receive_message(
        QueueUrl=service.queue, MessageAttributeNames=["All"], MaxNumberOfMessages=10
    )["Messages"]
    assert json.loads(back["Body"])["eventID"] == "k-1"
    assert back["MessageAttributes"]["waited"]["StringValue"] == "true"
    assert metas(service) == []
    waited = {"waited": {"stringValue": "true", "dataType": "String"}}
    assert deliver(back["Body"], message="m-2", attributes=waited) == []
    assert len(metas(service)) == 1
    assert "Messages" not in service.sqs.receive_message(QueueUrl=service.queue)


def test_bad_input_is_a_dead_letter_with_its_reason(service):
    assert deliver("no json", s3("e-1", userIdentity=[])) == []
    letters = service.sqs.receive_message(
        QueueUrl=service.dead, MessageAttributeNames=["All"], MaxNumberOfMessages=10
    )["Messages"]
    assert len(letters) == 2
    assert all(letter["MessageAttributes"]["reason"]["StringValue"] for letter in letters)


def service_call(name, operation, access_bucket="a-reports"):
    return s3(
        "n-1",
        operation=operation,
        bucket=access_bucket,
        userIdentity={"type": "AWSService", "invokedBy": name},
    )


def role_call(arn, operation="GetObject", bucket="a-reports"):
    issuer = {"type": "Role", "arn": arn}
    name = arn.rpartition("/")[2]
    return s3(
        "n-1",
        operation=operation,
        bucket=bucket,
        userIdentity={
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::{B}:assumed-role/{name}/s",
            "accountId": B,
            "sessionContext": {"sessionIssuer": issuer},
        },
    )


LINKED = f"arn:aws:iam::{B}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
NOISE = [
    ("anonymous-scan", s3("n-1", userIdentity={"type": "AWSAccount", "principalId": "",
                                                "accountId": "anonymous"})),
    ("anonymous-scan", s3("n-1", userIdentity={"type": "AWSAccount", "principalId": "",
                                                "accountId": "ANONYMOUS_PRINCIPAL"})),
    ("service-probe", service_call("config.amazonaws.com", "GetBucketEncryption")),
    ("service-probe", service_call("macie.amazonaws.com", "GetBucketTagging")),
    ("service-probe", service_call("access-analyzer.amazonaws.com", "GetBucketPolicyStatus")),
    ("service-probe", service_call("trustedadvisor.amazonaws.com", "GetBucketLogging")),
    ("service-probe", role_call(LINKED, "GetBucketAcl")),
    ("log-delivery", service_call("delivery.logs.amazonaws.com", "PutObject")),
    ("log-delivery", service_call("logging.s3.amazonaws.com", "PutObject")),
    ("log-delivery", service_call("cloudtrail.amazonaws.com", "PutObject")),
    ("log-delivery", service_call("s3.amazonaws.com", "PutObject")),
    ("aws-owned-buckets", role_call(ROLE, bucket="aws-ssm-eu-west-1")),
    ("aws-owned-buckets", role_call(ROLE, bucket="aws-windows-downloads-us-gov-west-1")),
    ("aws-owned-buckets", role_call(ROLE, bucket="patch-baseline-snapshot-ap-southeast-2")),
    ("aws-owned-buckets", role_call(ROLE, bucket="eu-west-1-birdwatcher-prod")),
    ("own-roles", role_call(f"arn:aws:iam::{B}:role/threegrants-reader")),
    ("own-roles", role_call(f"arn:aws:iam::{A}:role/threegrants-mender", "PutBucketPolicy")),
    ("own-roles", role_call(f"arn:aws:iam::{A}:role/threegrants-diagnose")),
    ("own-roles", role_call(f"arn:aws:iam::{A}:role/threegrants-remediate")),
    ("never-diagnose", role_call(ROLE, bucket="scratch-7")),
    ("never-diagnose", role_call(f"arn:aws:iam::{B}:role/chaos-monkey")),
]  # fmt: skip
HEARD = [
    service_call("macie.amazonaws.com", "GetObject"),
    role_call(LINKED, "GetObject"),
    role_call(ROLE, bucket="aws-ssm-of-our-own"),
    role_call(f"arn:aws:iam::{B}:role/not-threegrants-reader"),
    role_call(ROLE, bucket="SCRATCH-7"),
    s3("n-1", userIdentity={"type": "IAMUser", "arn": f"arn:aws:iam::{B}:user/threegrants-reader",
                            "accountId": B}),
]  # fmt: skip


@pytest.mark.parametrize(("preset", "record"), NOISE)
def test_noise_is_counted_and_logged_but_no_incident(service, capsys, caplog, preset, record):
    assert deliver(record) == []
    assert metas(service) == []
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    [metric] = [line for line in lines if "preset" in line and "_aws" in line]
    assert (metric["preset"], metric["RecordsSuppressed"]) == (preset, [1.0])
    [said] = [line for line in caplog.records if line.message == "suppressed"]
    assert (said.preset, said.event_id) == (preset, "n-1")


@pytest.mark.parametrize("record", HEARD)
def test_what_only_looks_like_noise_is_heard(service, record):
    assert deliver(record) == []
    assert len(metas(service)) == 1


def test_our_own_role_by_its_unique_id(service, aws):
    """The owner's copy of a denial that our reader met names it by a unique id only."""
    role = aws.client("iam", B).create_role(
        RoleName="threegrants-reader", AssumeRolePolicyDocument="{}"
    )["Role"]["RoleId"]
    who = {"type": "AWSAccount", "principalId": f"{role}:threegrants", "accountId": B}
    assert deliver(s3("n-1", userIdentity=who)) == []
    assert metas(service) == []


def test_a_preset_can_be_left_out(service, monkeypatch):
    monkeypatch.setenv("SUPPRESS", "")
    settings.cache_clear()
    assert deliver(NOISE[0][1]) == []
    assert len(metas(service)) == 1


def route(path, body, actor="arn:aws:sts::111111111111:assumed-role/on-call/sam"):
    authorizer = {"iam": {"userArn": actor}} if actor else {}
    return {
        "version": "2.0",
        "routeKey": "POST /incidents/{id}/mute",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {},
        "requestContext": {
            "requestId": "r-1",
            "http": {"method": "POST", "path": path},
            "stage": "$default",
            "authorizer": authorizer,
        },
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


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


def test_a_rejected_incident_counts_quietly(desk):
    incident = desk.see(s3("e-1"))
    desk.watch.store.move(incident, State.REJECTED, "sam", "rejected")
    for number in range(11):
        desk.see(s3(f"r-{number}"))
    assert desk.only().count == 12
    assert desk.reasons() == ["opened"]
