"""Requests of the API that nobody authorised, or that say something else than they are."""

import base64
import json

import pytest

from support.attacks import Ends, attack
from support.handlers import API_SECRET, CONTEXT, api_event, deliver, metas, serving
from support.harness import bucket_policy
from support.names import A, B
from support.records import s3
from threegrants.handlers import remediate
from threegrants.incidents import State, Store

SAM = f"arn:aws:sts::{A}:assumed-role/on-call/sam"
DENIED = f"arn:aws:sts::{B}:assumed-role/analyst/another-session"
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")


@pytest.fixture
def service(aws, monkeypatch):
    aws.remediation_roles()
    yield from serving(aws, monkeypatch, trusted=(A, B))


def request(path, body, actor=SAM, method="POST", **changes):
    """What API Gateway hands over after it checked a signature."""
    return api_event(method, path, body, actor, **changes)


def opened(service):
    """An open incident, and the digests of its proposed patches."""
    assert deliver(s3("e-1")) == []
    [meta] = metas(service)
    report = Store(service.table).get(meta["id"]).report
    return meta["id"], [patch.digest for patch in report.proposed_patches]


def refused(service, aws, asked):
    """The API's answer is a refusal, and nothing has changed."""
    answer = remediate.handler(asked, CONTEXT)
    assert 400 <= answer["statusCode"] < 500, answer
    [meta] = metas(service)
    assert meta["state"] == State.OPEN.value
    assert bucket_policy(aws) is None


MADE_UP = {
    "none": None,
    "no variables": {},
    "an empty secret": {"secret": ""},
    "no text": {"secret": None},
    "a number": {"secret": 0},
    "a guess": {"secret": "guessed"},
    "half of it": {"secret": API_SECRET[:20]},
    "more than it": {"secret": f"{API_SECRET} "},
    "no characters": {"secret": "\ud800"},
    "another name": {"Secret": API_SECRET},
    "a list": [API_SECRET],
}


@attack(
    "11.1",
    "lambda:InvokeFunction on the API's function, with the event of a genuine approval made up",
    "the grant is approved in an approver's name",
    Ends.REFUSED,
    embedded="test_service.py::test_a_bare_invocation_decides_nothing",
)
@pytest.mark.parametrize("variables", MADE_UP.values(), ids=MADE_UP)
def test_an_event_that_the_api_did_not_send(service, aws, variables):
    identity, digests = opened(service)
    path = f"/incidents/{identity}/approve"
    asked = api_event("POST", path, {"digests": digests}, SAM, stageVariables=variables)
    refused(service, aws, asked)
    asked["stageVariables"] = {"secret": API_SECRET}
    assert remediate.handler(asked, CONTEXT)["statusCode"] == 202, "the API itself is believed"


BODIES = {
    "no body": "",
    "no JSON": "{",
    "no object": "[]",
    "no digests": "{}",
    "an empty list": {"digests": []},
    "a wildcard": {"digests": ["*"]},
    "a prefix of every digest": {"digests": ["sha256:"]},
    "null": {"digests": [None]},
    "a number": {"digests": [1]},
    "a nested list": {"digests": [["sha256:00"]]},
    "an object in place of the list": {"digests": {"0": "sha256:00"}},
    "a text in place of the list": {"digests": "sha256:00"},
    "another digest": {"digests": ["sha256:" + "0" * 64]},
    "no characters": {"digests": ["\ud800"]},
    "very many": {"digests": ["sha256:" + "0" * 64] * 2000},
    "very deep": "[" * 20_000 + "]" * 20_000,
    "an approver of its own": {"digests": [], "actor": SAM, "approver": SAM, "state": "verified"},
}


@attack(
    "10.1",
    "an approval whose body names no digest that is offered, in seventeen forms",
    "something is approved that nobody named",
    Ends.REFUSED,
)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_without_an_offered_digest(service, aws, body):
    identity, _ = opened(service)
    refused(service, aws, request(f"/incidents/{identity}/approve", body))


ACTORS = {
    "nobody": None,
    "an empty name": "",
    "a name that is no ARN": "sam",
    "the denied principal": DENIED,
    "the denied role": f"arn:aws:iam::{B}:role/team/analyst",
    "a federated user": f"arn:aws:sts::{A}:federated-user/sam",
    "an AWS service": "events.amazonaws.com",
}


@attack(
    "10.1",
    "an approval with true digests, by nobody, by the denied principal, or by whom AWS did not identify",
    "the grant is approved",
    Ends.REFUSED,
    embedded="test_service.py::test_the_denied_role_cannot_approve",
)
@pytest.mark.parametrize("actor", ACTORS.values(), ids=ACTORS)
def test_an_approver_who_may_not(service, aws, actor):
    identity, digests = opened(service)
    path = f"/incidents/{identity}/approve"
    refused(service, aws, request(path, {"digests": digests}, actor))


NAMED = {"userArn": SAM, "accountId": A, "caller": SAM, "user": SAM}
SAID = {"x-amzn-iam-userarn": SAM, "x-forwarded-user": SAM, "authorization": "AWS4"}
PLACES = {
    "headers": {"headers": SAID, "multiValueHeaders": {name: [SAM] for name in SAID}},
    "query": {
        "queryStringParameters": NAMED,
        "multiValueQueryStringParameters": {"userArn": [SAM]},
    },
    "stage variables": {"stageVariables": {**NAMED, "secret": API_SECRET}},
    "path parameters": {"pathParameters": NAMED},
    "beside the context": {"identity": NAMED, **NAMED},
    "beside the identity": {"requestContext": NAMED},
    "an IAM authorizer": {"requestContext": {"authorizer": {"iam": NAMED}}},
    "other authorizers": {
        "requestContext": {"authorizer": {"lambda": NAMED, "jwt": {"claims": NAMED}, **NAMED}}
    },
    "the caller, not the ARN": {
        "requestContext": {"identity": {"caller": SAM, "user": SAM, "accountId": A}}
    },
    "an ARN that is no text": {"requestContext": {"identity": {"userArn": [SAM]}}},
    "an identity that is no object": {"requestContext": {"identity": SAM}},
}


@attack(
    "10.1",
    "an identity in headers, query, path, body or another authorizer, beside a request without one",
    "it is taken for the caller's",
    Ends.REFUSED,
)
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_an_identity_that_the_request_states(service, aws, place):
    identity, digests = opened(service)
    said = {"digests": digests, "userArn": SAM, "requestContext": {"identity": {"userArn": SAM}}}
    asked = request(f"/incidents/{identity}/approve", said, None)
    context = asked["requestContext"] | place.get("requestContext", {})
    refused(service, aws, {**asked, **place, "requestContext": context})


def http_api(path, body):
    """What an HTTP API or a function URL sends, with the approver where these put it."""
    return {
        "version": "2.0",
        "routeKey": f"POST {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "requestId": "r-1",
            "http": {"method": "POST", "path": path},
            "stage": "$default",
            "authorizer": {"iam": {"userArn": SAM, "accountId": A}},
            "identity": {"userArn": SAM},
        },
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


SHAPES = {
    "an HTTP API's": http_api,
    "an HTTP API's, beside a REST API's": lambda path, body: {
        **request(path, body), **http_api(path, body)
    },
    "of another version": lambda path, body: request(path, body, version="2.0"),
    "with an HTTP API's context": lambda path, body: request(
        path, body, requestContext=http_api(path, body)["requestContext"]
    ),
    "without a method": lambda path, body: request(path, body, httpMethod=None),
    "an EventBridge event's": lambda path, body: {"source": "aws.events", "detail": {"path": path, **body}},
    "no object": lambda path, body: [path, body],
}  # fmt: skip


@attack(
    "10.1",
    "an event that has not the shape of the API's own, with an approver in it",
    "it is taken for a request that IAM authorised",
    Ends.REFUSED,
)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_an_event_of_another_shape(service, aws, shape):
    identity, digests = opened(service)
    refused(service, aws, shape(f"/incidents/{identity}/approve", {"digests": digests}))


PATHS = {
    "another incident": "/incidents/tg-0000000000000000/approve",
    "a sort key": "/incidents/{id}%23meta/approve",
    "up and down": "/incidents/../incidents/{id}x/approve",
    "an incident in the query": "/incidents/none/approve?id={id}",
    "an unknown action": "/incidents/{id}/force",
    "no action": "/incidents/{id}",
    "the table's own key": "/incidents/incident%23{id}/approve",
}


@attack(
    "10.1",
    "a path that is not the incident's own",
    "another incident's patches are approved",
    Ends.REFUSED,
)
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_another_path(service, aws, path):
    identity, digests = opened(service)
    refused(service, aws, request(path.format(id=identity), {"digests": digests}))


@attack(
    "10.1",
    "approval by another method than POST, or with a method override",
    "a link is enough to approve",
    Ends.REFUSED,
)
@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
def test_another_method(service, aws, method):
    identity, digests = opened(service)
    headers = {"x-http-method-override": "POST", "content-type": "application/json"}
    path = f"/incidents/{identity}/approve"
    refused(service, aws, request(path, {"digests": digests}, method=method, headers=headers))


@attack(
    "10.1",
    "a body in base64 that says something else than it seems to",
    "something is approved that nobody named",
    Ends.REFUSED,
)
def test_a_body_in_base64(service, aws):
    identity, _ = opened(service)
    hidden = base64.b64encode(b'{"digests": ["sha256:00"]}').decode()
    path = f"/incidents/{identity}/approve"
    refused(service, aws, request(path, hidden, isBase64Encoded=True))
    refused(service, aws, request(path, hidden))
    refused(service, aws, request(path, "%%%", isBase64Encoded=True))
