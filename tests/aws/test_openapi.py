"""docs/openapi.json is of this API: its routes, the template's, and what the function really answers."""

import json
import re

import jsonschema
import pytest

from support.handlers import CONTEXT, api_event, deliver, metas, serving
from support.harness import APPROVER
from support.names import A, B
from support.openapi_page import ANSWERS, BODIES, PAGE, QUERIES, document, page, routes
from support.records import s3
from support.templates import template
from threegrants.handlers import remediate

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")
DOCUMENT = document()


def test_the_file_is_current():
    assert PAGE.read_text(encoding="utf-8") == page(), "make openapi writes it"


def test_every_route_is_said_and_no_other():
    assert set(routes()) == set(ANSWERS)
    assert set(BODIES) | set(QUERIES) <= set(ANSWERS)


def test_the_template_has_the_same_routes():
    paths = template("template.yaml")["Resources"]["Api"]["Properties"]["DefinitionBody"]["paths"]
    named = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    assert {re.sub(r"{\w+}", "{id}", one) for one in named} == set(ANSWERS)


def references(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for one in node.values():
            yield from references(one)
    elif isinstance(node, list):
        for one in node:
            yield from references(one)


def test_every_reference_leads_somewhere():
    for reference in references(DOCUMENT):
        node = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        assert node


@pytest.fixture
def service(aws, monkeypatch):
    aws.remediation_roles()
    yield from serving(aws, monkeypatch, trusted=(A, B))


def answered(name, incident_id, body=None):
    """One request to the function, its answer held against the document."""
    method, _, path = name.partition(" ")
    event = api_event(method, path.replace("{id}", incident_id), body, APPROVER)
    answer = remediate.handler(event, CONTEXT)
    of = DOCUMENT["paths"][path][method.lower()]
    schema = of["responses"][str(answer["statusCode"])]["content"]["application/json"]["schema"]
    if body is not None and name in BODIES and answer["statusCode"] < 300:
        jsonschema.validate(body, BODIES[name])
    read = json.loads(answer["body"])
    jsonschema.validate(read, {**schema, "components": DOCUMENT["components"]})
    return answer["statusCode"], read


def test_what_the_function_answers_is_what_the_document_says(service):
    deliver(s3())
    [meta] = metas(service)
    known = meta["id"]
    _, shown = answered("GET /incidents/{id}", known)
    digests = [one["digest"] for one in shown["diagnosis"]["patches"] if one["default"]]
    story = [
        ("GET /incidents", None, 200),
        ("POST /incidents/{id}/recheck", {}, 200),
        ("POST /incidents/{id}/acknowledge", {"on": True}, 200),
        ("POST /incidents/{id}/assign", {"to": "kim"}, 200),
        ("POST /incidents/{id}/snooze", {"what": "bucket", "hours": 4}, 200),
        ("POST /incidents/{id}/extend", {"for": "8h"}, 409),
        ("GET /snoozes", None, 200),
        ("POST /alerts/test", {"channel": "all"}, 200),
        ("POST /incidents/{id}/mute", {"hours": 1}, 200),
        ("POST /incidents/{id}/mute", {"hours": "x"}, 400),
        ("POST /incidents/{id}/acknowledge", {"on": True}, 200),
        ("POST /incidents/{id}/assign", {"to": "Pat"}, 200),
        ("POST /incidents/{id}/snooze", {"what": "bucket", "hours": 1}, 200),
        ("GET /snoozes", None, 200),
        ("POST /alerts/test", {"channel": "sns"}, 200),
        ("GET /alerts/test/{id}", None, 404),
        ("POST /incidents/{id}/extend", {"for": "8h"}, 409),
        ("POST /incidents/{id}/reopen", {"reason": "x"}, 409),
        ("POST /incidents/{id}/rollback", {}, 409),
        ("POST /incidents/{id}/reject", {}, 200),
        ("POST /incidents/{id}/reopen", {"reason": "again"}, 200),
        ("POST /incidents/{id}/approve", {"digests": ["sha256:none"]}, 409),
        ("POST /incidents/{id}/approve", {"digests": digests}, 202),
        ("POST /incidents/{id}/recheck", {}, 409),
        ("GET /incidents/{id}", None, 200),
        ("POST /replay", {"records": [s3("e-2")]}, 200),
    ]
    for name, body, status in story:
        found, said = answered(name, known, body)
        assert found == status, (name, said)
    assert answered("GET /incidents/{id}", "tg-none")[0] == 404
    assert {name for name, _, _ in story} | {"GET /alerts/test/{id}"} == set(ANSWERS)
