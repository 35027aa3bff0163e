"""docs/openapi.json: the REST API as OpenAPI, made of the routes that the function has.

`make openapi` writes it; a test fails when it says something else. The routes, their parameters and their words are
the function's; what a body and an answer hold is here. Powertools could write it, with pydantic in the
function: that costs each cold start what docs/operations.md says.
"""

import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

from threegrants import __version__
from threegrants.handlers import remediate
from threegrants.incidents import SnoozeOf
from threegrants.incidents.channel_tests import Channel
from threegrants.incidents.listing import MOST_ROWS, USUAL_ROWS
from threegrants.incidents.mute import MAX_HOURS
from threegrants.incidents.states import State
from threegrants.remediation.approval_request import MAX_REASON, MAX_TICKET
from threegrants.remediation.reopening import MOST_CHARACTERS

PAGE = Path(__file__).parents[2] / "docs" / "openapi.json"
_VARIABLE = re.compile(r"<(\w+)>")
Schema = dict[str, Any]


def text(**more: Any) -> Schema:
    return {"type": "string", **more}


def nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def record(**fields: Schema) -> Schema:
    """An object with these fields, all of them required; it may have more."""
    return {"type": "object", "properties": fields, "required": list(fields)}


STATE = text(enum=[one.value for one in State])
PATCH = record(
    grant=text(), account=text(), target=text(), digest=text(), written={"type": "boolean"}
)
RESULT = record(id=text(), state=STATE, detail=text(), patches={"type": "array", "items": PATCH})
TOLD = record(id=text(), state=STATE, detail=text())
OVERVIEW = {
    "id": text(), "state": STATE, "count": {"type": "integer"}, "first_seen": text(),
    "last_seen": text(), "outcome": nullable(text()), "summary": nullable(text()),
    "muted_until": nullable({"type": "integer"}), "replayed": {"type": "boolean"},
}  # fmt: skip
LINE = record(
    **OVERVIEW,
    **{name: nullable(text()) for name in (
        "who", "where", "what", "principal", "principal_account", "bucket", "bucket_account")},
)  # fmt: skip
DIAGNOSIS = nullable({"$ref": "#/components/schemas/Diagnosis"})
RUN = nullable(record(state=nullable(STATE), waits={"type": "boolean"}, detail=text(),
                      patches={"type": "array", "items": PATCH}))  # fmt: skip
MOVED = record(**{name: text() for name in ("at", "actor", "what", "from", "to")})
CHANGE = record(what=text(), before=nullable(text()), after=nullable(text()))
PEOPLE = {
    "acknowledged_by": nullable(text()),
    "acknowledged_at": nullable({"type": "integer", "description": "seconds since the epoch"}),
    "assigned_to": nullable(text()),
}
AT_IT = record(id=text(), state=STATE, detail=text(), **PEOPLE)
SNOOZED = record(of=text(enum=[one.value for one in SnoozeOf]),
                 **{name: text() for name in ("name", "until", "by", "incident", "at")})  # fmt: skip
TESTED = record(channel=text(), place=text(), sent={"type": "boolean"}, detail=text())
TEST = {
    "id": text(),
    "channel": text(enum=[one.value for one in Channel]),
    "by": text(),
    "results": nullable({"type": "array", "items": TESTED}),
}
SAID = {
    "reason": text(maxLength=MAX_REASON),
    "ticket": text(maxLength=MAX_TICKET),
    "for": text(description="whole hours or days (8h, 3d), or until-revoked"),
}
REASON = {"reason": text(maxLength=MOST_CHARACTERS)}

QUERIES: dict[str, dict[str, Schema]] = {
    "GET /incidents": {
        "state": text(description="one state, or several with commas"),
        "account": text(pattern="^[0-9]{12}$", description="of the principal or of the bucket"),
        "bucket": text(description="a name, with the wildcards * and ?"),
        "principal": text(description="ARN, name or name@account, with the wildcards * and ?"),
        "since": text(format="date-time"),
        "limit": {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": USUAL_ROWS},
        "next": text(description="the page token of the answer before"),
    }
}
BODIES: dict[str, Schema] = {
    "POST /incidents/{id}/approve": {
        "type": "object",
        "properties": {"digests": {"type": "array", "items": text(pattern="^sha256:")}, **SAID},
        "required": ["digests"],
    },
    "POST /incidents/{id}/reject": {"type": "object", "properties": {"reason": SAID["reason"]}},
    "POST /incidents/{id}/rollback": {"type": "object", "properties": {"reason": SAID["reason"]}},
    "POST /incidents/{id}/extend": {
        "type": "object",
        "properties": {name: SAID[name] for name in ("for", "reason", "ticket")},
        "required": ["for"],
    },
    "POST /incidents/{id}/acknowledge": {
        "type": "object",
        "properties": {"on": {"type": "boolean", "default": True}},
    },
    "POST /incidents/{id}/assign": record(to=text(description="a name; empty for nobody")),
    "POST /incidents/{id}/snooze": {
        "type": "object",
        "properties": {
            "what": text(enum=[one.value for one in SnoozeOf]),
            "hours": {"type": "integer", "minimum": 0, "maximum": MAX_HOURS},
        },
        "required": ["hours"],
    },
    "POST /alerts/test": {
        "type": "object",
        "properties": {"channel": text(enum=[one.value for one in Channel])},
    },
    "POST /incidents/{id}/mute": record(
        hours={"type": "integer", "minimum": 0, "maximum": MAX_HOURS}
    ),
    "POST /incidents/{id}/reopen": {"type": "object", "properties": REASON},
    "POST /replay": record(records={"type": "array", "items": {"type": "object"}}),
}
ANSWERS: dict[str, Schema] = {
    "GET /incidents": record(
        incidents={"type": "array", "items": LINE},
        next=nullable(text()),
        complete={"type": "boolean"},
    ),
    "GET /incidents/{id}": record(
        **OVERVIEW, diagnosis=DIAGNOSIS, history={"type": "array", "items": MOVED}, run=RUN
    ),
    "POST /incidents/{id}/approve": RESULT,
    "POST /incidents/{id}/reject": RESULT,
    "POST /incidents/{id}/rollback": RESULT,
    "POST /incidents/{id}/extend": RESULT,
    "POST /incidents/{id}/mute": TOLD,
    "POST /incidents/{id}/acknowledge": AT_IT,
    "POST /incidents/{id}/assign": AT_IT,
    "POST /incidents/{id}/snooze": AT_IT,
    "GET /snoozes": record(snoozes={"type": "array", "items": SNOOZED}),
    "POST /alerts/test": record(**TEST, poll=text()),
    "GET /alerts/test/{id}": record(**TEST),
    "POST /incidents/{id}/recheck": record(
        id=text(), state=STATE, detail=text(), diagnosis=DIAGNOSIS,
        changes={"type": "array", "items": CHANGE},
    ),
    "POST /incidents/{id}/reopen": RESULT,
    "POST /replay": record(sent={"type": "integer"}),
}  # fmt: skip
BEGUN = {"approve", "extend", "rollback"}
"""What is answered with 202 while the worker is at it."""
PROBLEM = record(statusCode={"type": "integer"}, message=text())
REFUSALS = {
    "400": "the query or the body is wrong: which, and what is expected",
    "403": "nobody signed the request, or who did may not decide about this",
    "404": "there is no such incident",
    "409": "the incident is not in a state for it, or a run is in progress",
    "503": "the configuration or the limits cannot be read, so nothing is done",
}


def routes() -> dict[str, Any]:
    """The function's routes by their names: `GET /incidents/{id}`."""
    app = remediate.app
    found = [*app._static_routes, *app._dynamic_routes]
    named = {}
    for route in found:
        named[f"{route.method} {_VARIABLE.sub('{id}', route.path)}"] = route
    return named


def _operation(name: str, words: str) -> dict[str, Any]:
    method, _, path = name.partition(" ")
    short, _, rest = words.partition("\n\n")
    parameters = [
        {"name": "id", "in": "path", "required": True, "schema": text(), "description": "tg-…"}
        for _ in ("{id}" in path) * [None]
    ]
    parameters += [
        {"name": parameter, "in": "query", "required": False, "schema": schema}
        for parameter, schema in QUERIES.get(name, {}).items()
    ]
    statuses = ["200", *(["202"] if path.rpartition("/")[2] in BEGUN else [])]
    done = {"application/json": {"schema": ANSWERS[name]}}
    answers: dict[str, Any] = {
        status: {
            "description": "done"
            if status == "200"
            else "begun: read the incident to see how it goes",
            "content": done,
        }
        for status in statuses
    }
    problem = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answers |= {
        status: {"description": why, "content": problem} for status, why in REFUSALS.items()
    }
    found: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{method.lower()}{path}").strip("_"),
        "summary": short,
        "parameters": parameters,
        "responses": answers,
    }
    if rest.strip():
        found["description"] = " ".join(rest.split())
    if name in BODIES:
        found["requestBody"] = {
            "required": bool(BODIES[name].get("required")),
            "content": {"application/json": {"schema": BODIES[name]}},
        }
    return found


def document() -> dict[str, Any]:
    """The API as OpenAPI 3.1.

    Raises:
        KeyError: if a route has no answer in `ANSWERS`.
    """
    schema = (resources.files("threegrants") / "schema" / "diagnosis.schema.json").read_text()
    diagnosis = _within_components(json.loads(schema))
    paths: dict[str, Any] = {}
    for name, route in sorted(routes().items()):
        method, _, path = name.partition(" ")
        paths.setdefault(path, {})[method.lower()] = _operation(name, route.func.__doc__ or "")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "threegrants",
            "version": __version__,
            "description": "The service's API. Every request is signed with Signature Version 4 "
            "(execute-api), as IAM authorization wants it.",
        },
        "servers": [{"url": "{ApiUrl}", "variables": {"ApiUrl": {"default": "https://localhost/v1"}}}],
        "security": [{"sigv4": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "sigv4": {
                    "type": "apiKey", "name": "Authorization", "in": "header",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                }
            },
            "schemas": {"Diagnosis": diagnosis, "Problem": PROBLEM},
        },
    }  # fmt: skip


def _within_components(schema: Any) -> Any:
    """A schema whose references are to its own definitions, as a part of the document."""
    if isinstance(schema, dict):
        return {
            name: f"#/components/schemas/Diagnosis/{value[2:]}"
            if name == "$ref"
            else _within_components(value)
            for name, value in schema.items()
            if name not in {"$schema", "$id"}
        }
    if isinstance(schema, list):
        return [_within_components(one) for one in schema]
    return schema


def page() -> str:
    """The file's text."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
