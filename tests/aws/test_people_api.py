"""The API's routes about people, on moto: from the request to the table, the worker, the topic and the sweep."""

import json
import time

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key

from support.handlers import CONTEXT, api_event, deliver, metas, serving
from support.names import A, B
from support.records import s3
from threegrants.handlers import remediate, sweep, worker
from threegrants.handlers.dependencies import dependencies
from threegrants.incidents.state_events import due_events

SAM = f"arn:aws:sts::{A}:assumed-role/on-call/sam"
KIM = f"arn:aws:iam::{A}:user/kim"
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")


@pytest.fixture
def service(aws, monkeypatch):
    yield from serving(aws, monkeypatch)


def ask(path, body=None, actor=SAM, method="POST"):
    answer = remediate.handler(api_event(method, path, body, actor), CONTEXT)
    return answer["statusCode"], json.loads(answer["body"])


def opened():
    deliver(s3("e-1"))
    return "/incidents/" + dependencies().store.latest()[0].id


def queued(name="run-queue"):
    """The messages of the run queue, taken."""
    sqs = boto3.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ())
    return [one["Body"] for one in found]


def test_an_incident_is_acknowledged_assigned_and_shown_so(service):
    incident = opened()
    assert ask(f"{incident}/acknowledge")[0] == 200
    status, answer = ask(f"{incident}/assign", {"to": "Pat"}, KIM)
    assert (status, answer["acknowledged_by"], answer["assigned_to"]) == (200, SAM, "Pat")
    _, shown = ask(incident, method="GET")
    assert (shown["acknowledged_by"], shown["assigned_to"]) == (SAM, "Pat")
    assert [line["what"] for line in shown["history"]][-2:] == ["acknowledged", "assigned"]
    assert {"acknowledged", "assigned"} <= {one.what for one in due_events(service.table, 4e9)}
    assert queued() == [json.dumps({"incident": shown["id"]})] * 2
    assert ask(f"{incident}/acknowledge", {"on": False}, KIM)[1]["acknowledged_by"] is None


WRONG = [
    pytest.param("acknowledge", {"on": "yes"}, 400, "true", id="on is no boolean"),
    pytest.param("assign", {}, 400, "at most 100", id="nobody is named"),
    pytest.param("assign", {"to": "a\nb"}, 400, "at most 100", id="two lines"),
    pytest.param(
        "snooze", {"what": "account", "hours": 1}, 400, "principal", id="what is not snoozed"
    ),
    pytest.param(
        "snooze", {"what": "bucket", "hours": 73}, 400, "0 to 72", id="too long for a bucket"
    ),
    pytest.param("snooze", {"what": "incident", "hours": 721}, 400, "0 to 720", id="too long"),
    pytest.param("snooze", {"hours": True}, 400, "0 to 720", id="no hours"),
    pytest.param("acknowledge", "no json", 400, "JSON", id="no JSON"),
]


@pytest.mark.parametrize(("what", "body", "status", "words"), WRONG)
def test_what_is_not_done(service, what, body, status, words):
    incident = opened()
    found, answer = ask(f"{incident}/{what}", body)
    assert found == status
    assert words in answer["message"]
    [meta] = metas(service)
    assert not meta.get("acknowledged_by")
    assert not meta.get("muted_until")


def test_a_closed_incident_is_409(service):
    incident = opened()
    assert ask(f"{incident}/reject")[0] == 200
    status, answer = ask(f"{incident}/acknowledge")
    assert status == 409
    assert "nobody has to see to it" in answer["message"]


def test_snoozes_are_listed(service):
    incident = opened()
    for what in ("incident", "bucket", "principal"):
        assert ask(f"{incident}/snooze", {"what": what, "hours": 2})[0] == 200
    _, answer = ask("/snoozes", method="GET")
    assert {one["of"] for one in answer["snoozes"]} == {"incident", "bucket", "principal"}
    assert {one["by"] for one in answer["snoozes"]} == {SAM}
    assert ask(f"{incident}/snooze", {"what": "bucket", "hours": 0})[0] == 200
    assert len(ask("/snoozes", method="GET")[1]["snoozes"]) == 2
    assert ask("/snoozes", actor=None, method="GET")[0] == 403


def test_the_configuration_bounds_a_snooze(service):
    service.configuration.put(accounts={"read": [A, B]}, alerts={"max_snooze_hours": 1})
    dependencies.cache_clear()
    assert ask(f"{opened()}/snooze", {"what": "bucket", "hours": 2})[0] == 400


def subscribed():
    """A queue that subscribes to the stack's topic; what came into it."""
    sqs, sns = boto3.client("sqs"), boto3.client("sns")
    url = sqs.create_queue(QueueName="listener")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    sns.subscribe(TopicArn=sns.list_topics()["Topics"][0]["TopicArn"], Protocol="sqs", Endpoint=arn)

    def came():
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ())
        return [json.loads(one["Body"])["Subject"] for one in found]

    return came


def test_a_test_goes_by_the_worker_and_once(service):
    came = subscribed()
    status, asked = ask("/alerts/test", {"channel": "sns"})
    assert (status, asked["results"]) == (200, None)
    [message] = queued()
    event = {"Records": [{"messageId": "m", "body": message, "eventSource": "aws:sqs", "receiptHandle": "h",
                          "attributes": {}, "messageAttributes": {}}]}  # fmt: skip
    for _ in range(2):
        assert worker.handler(event, CONTEXT)["batchItemFailures"] == []
    [result] = ask(asked["poll"], method="GET")[1]["results"]
    assert result["sent"]
    assert "1 by sqs" in result["detail"]
    assert came() == ["[test] threegrants -> your-channels: nothing was denied"]
    assert ask("/alerts/test", {"channel": "fax"})[0] == 400
    assert ask("/alerts/test/at-0", method="GET")[0] == 404
    assert ask("/alerts/test", {"channel": "sns"}, None)[0] == 403


def make_due(table, incident_id):
    """Let the reminder that waits be one of a minute ago."""
    [waits] = table.query(
        KeyConditionExpression=Key("pk").eq("reminders"), FilterExpression=Attr("done").eq(False)
    )["Items"]
    table.delete_item(Key={"pk": waits["pk"], "sk": waits["sk"]})
    at = int(time.time()) - 60
    table.put_item(Item={**waits, "sk": f"{at:012}#{incident_id}"})
    key = {"pk": f"incident#{incident_id}", "sk": "meta"}
    table.update_item(
        Key=key, UpdateExpression="SET remind_at = :at", ExpressionAttributeValues={":at": at}
    )


def test_the_sweep_reminds_until_somebody_is_at_it_and_sends_the_digest(service):
    service.configuration.put(
        accounts={"read": [A, B]},
        alerts={"reminders": {"after_minutes": 5, "every_minutes": 5}, "digest": {"hour": 0}},
    )
    dependencies.cache_clear()
    came = subscribed()
    incident = opened()
    make_due(service.table, incident.rpartition("/")[2])
    report = sweep.handler({}, CONTEXT)
    assert (report["reminders"], report["in the digest"]) == (1, 1)
    assert ask(f"{incident}/acknowledge")[0] == 200
    make_due(service.table, incident.rpartition("/")[2])
    report = sweep.handler({}, CONTEXT)
    assert (report["reminders"], report["in the digest"]) == (0, 0)
    subjects = sorted(subject.split("]")[0] for subject in came())
    assert subjects == ["[digest", "[open", "[reminder"]
    assert "reminded" in {one.what for one in due_events(service.table, 4e9)}
