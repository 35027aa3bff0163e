"""The report's values and `schema/diagnosis.schema.json` say the same; JSON comes back as it went."""

import dataclasses
import json
import types
from enum import StrEnum
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings

import threegrants
from threegrants.report import (
    SCHEMA,
    BlockerReport,
    CopySourceReport,
    GrantReport,
    GrantsReport,
    HandoffReport,
    IamGrantReport,
    OtherHalfReport,
    PatchReport,
    PrincipalReport,
    ReasonReport,
    Report,
    RequestReport,
    SinceDenialReport,
    SnippetsReport,
    UnknownReport,
)
from unit.report.values import REPORTS, WORLDS

FILE = Path(threegrants.__file__).parent / "schema" / "diagnosis.schema.json"
DOCUMENT = json.loads(FILE.read_text())
VALIDATOR = jsonschema.Draft202012Validator(DOCUMENT)
DEFS, ROOT = DOCUMENT["$defs"], DOCUMENT["properties"]
NODES = {
    Report: DOCUMENT,
    PrincipalReport: ROOT["principal"],
    RequestReport: ROOT["request"],
    GrantsReport: DEFS["grants"],
    GrantReport: DEFS["grant"],
    IamGrantReport: DEFS["grants"]["properties"]["iam_policy"],
    ReasonReport: DEFS["reason"],
    CopySourceReport: ROOT["copy_source"]["oneOf"][1],
    BlockerReport: DEFS["blocker"],
    UnknownReport: ROOT["unknowns"]["items"],
    PatchReport: DEFS["patch"],
    SnippetsReport: DEFS["snippets"],
    HandoffReport: DEFS["handoff"],
    SinceDenialReport: ROOT["since_denial"],
    OtherHalfReport: ROOT["other_half"],
}
ABSENT_NOT_NULL = {
    (PatchReport, "after"),
    (PatchReport, "snippets"),
    (Report, "since_denial"),
    (Report, "other_half"),
    (HandoffReport, "statement"),
    (ReasonReport, "statement"),
    (BlockerReport, "statement"),
    (PrincipalReport, "source_identity"),
    (PrincipalReport, "identity_center_user_id"),
}
"""None in the value; left out of the JSON."""
BESIDE = {"schema", "alert"}
"""What stands in a report's JSON beside the report: its version, and in an alert the routing."""
FIELDS = [(kind, field.name) for kind in NODES for field in dataclasses.fields(kind)]
IDS = [f"{kind.__name__}.{name}" for kind, name in FIELDS]


def resolved(node):
    return DEFS[node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node


def allowed_kinds(node):
    """The JSON types that a schema allows, `null` among them."""
    node = resolved(node)
    if "oneOf" in node:
        return set().union(*(allowed_kinds(one) for one in node["oneOf"]))
    if "enum" in node:
        return {"null" if value is None else "string" for value in node["enum"]}
    kinds = node["type"]
    return set(kinds) if isinstance(kinds, list) else {kinds}


def written_kinds(hint):
    """The JSON types that a Python type is written as."""
    if get_origin(hint) is types.UnionType:
        return set().union(*(written_kinds(one) for one in get_args(hint)))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return {"string"}
    plain = {str: "string", bool: "boolean", int: "integer", types.NoneType: "null"}
    return {plain.get(hint) or ("array" if get_origin(hint) is tuple else "object")}


@pytest.mark.parametrize("kind", NODES, ids=lambda kind: kind.__name__)
def test_the_fields_are_those_of_the_schema(kind):
    wanted = set(NODES[kind]["properties"]) - (BESIDE if kind is Report else set())
    assert {field.name for field in dataclasses.fields(kind)} == wanted
    assert NODES[kind]["additionalProperties"] is False


def test_no_object_of_the_schema_is_without_its_value():
    known = [id(node) for node in NODES.values()]

    def objects(node):
        if isinstance(node, dict):
            if "properties" in node:
                yield node
            for inner in node.values():
                yield from objects(inner)
        elif isinstance(node, list):
            for inner in node:
                yield from objects(inner)

    assert [node for node in objects(DOCUMENT) if id(node) not in known] == []


@pytest.mark.parametrize(("kind", "name"), FIELDS, ids=IDS)
def test_a_field_has_the_type_of_the_schema(kind, name):
    written = written_kinds(get_type_hints(kind)[name])
    if (kind, name) in ABSENT_NOT_NULL:
        assert name not in NODES[kind]["required"]
        written.remove("null")
    assert written == allowed_kinds(NODES[kind]["properties"][name])


@pytest.mark.parametrize(("kind", "name"), FIELDS, ids=IDS)
def test_an_enum_has_the_values_of_the_schema(kind, name):
    hint = get_type_hints(kind)[name]
    enums = [one for one in (hint, *get_args(hint)) if isinstance(one, type)]
    values = {choice.value for one in enums if issubclass(one, StrEnum) for choice in one}
    node = resolved(NODES[kind]["properties"][name])
    assert not values or values == set(node["enum"]) - {None}


def test_the_schema_is_named():
    assert DOCUMENT["$id"] == ROOT["schema"]["const"] == SCHEMA


@pytest.mark.parametrize("world", WORLDS)
def test_the_report_of_a_world(world):
    made = WORLDS[world]()
    written = json.loads(json.dumps(made.to_json()))
    VALIDATOR.validate(written)
    assert Report.from_json(written) == made


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(REPORTS)
def test_any_report_is_valid_and_comes_back(made):
    written = json.loads(json.dumps(made.to_json()))
    VALIDATOR.validate(written)
    assert Report.from_json(written) == made
    assert Report.from_json(written).to_json() == made.to_json()
