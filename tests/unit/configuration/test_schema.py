"""The schema: valid itself, understood as a library understands it, and shown as it is everywhere."""

import copy
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import configuration_page
from support.configured import APPROVAL
from threegrants.cloudtrail import Access
from threegrants.configuration import SCHEMA_ID, Configuration
from threegrants.configuration.schema import KEYWORDS, schema, violations
from threegrants.suppression import PRESETS

LIBRARY = jsonschema.Draft4Validator(schema())
ONLY_SAY = {"$ref", "$schema", "default", "definitions", "description", "title"}
FULL = Configuration().to_json() | {"standing_approvals": [APPROVAL]}


def parts(value):
    """Every part of the schema that is a schema itself."""
    yield value
    for inner in (*value.get("properties", {}).values(), *value.get("definitions", {}).values()):
        yield from parts(inner)
    for name in ("items", "additionalProperties"):
        if isinstance(value.get(name), dict):
            yield from parts(value[name])


def test_it_is_a_schema_of_the_draft_that_appconfig_takes():
    jsonschema.Draft4Validator.check_schema(schema())
    assert schema()["$schema"] == "http://json-schema.org/draft-04/schema#"


def test_it_uses_only_what_is_understood():
    for part in parts(schema()):
        assert set(part) <= KEYWORDS | ONLY_SAY, part
        assert "$ref" not in part or set(part) == {"$ref"}, "what stands beside a $ref is not read"
        if "pattern" in part:
            assert part["pattern"][0] + part["pattern"][-1] == "^$", part
            assert "description" in part
        assert ("minimum" in part) == ("maximum" in part) == (part.get("type") == "integer"), part


def test_it_names_what_the_code_knows():
    sections = schema()["properties"]
    assert sections["schema"]["enum"] == [SCHEMA_ID]
    assert sections["suppress"]["items"]["enum"] == [preset.name for preset in PRESETS]
    limits = sections["limits"]["properties"]
    assert limits["four_eyes_access"]["items"]["enum"] == [access.value for access in Access]


def test_its_defaults_are_those_of_the_code():
    document = Configuration().to_json()
    for name, section in schema()["properties"].items():
        if "default" in section:
            assert document[name] == section["default"], name
        for inner, part in section.get("properties", {}).items():
            if "default" not in part:  # nothing is decided without it
                assert inner not in document[name], (name, inner)
                continue
            assert document[name][inner] == part["default"], (name, inner)


def test_it_is_valid_for_a_whole_document():
    LIBRARY.validate(FULL)
    assert not list(violations(FULL))


VALUES = [None, True, 0, 1, -1, 1.0, 10_000_000, "", "x", "*", "111111111111", [], ["x", "x"], [[]], {},
          {"principal": 1}, ["111111111111"], {"read": ["1"]}, "s3:GetObject", ["bucket=x"]]  # fmt: skip


def places(value, path=()):
    yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(
        value, list) else ()  # fmt: skip
    for name, inner in members:
        yield from places(inner, (*path, name))


PLACES = list(places(FULL))


def changed(place, value, *, how):
    document = {"root": copy.deepcopy(FULL)}
    inner: Any = document
    path = ("root", *place)
    for name in path[:-1]:
        inner = inner[name]
    if how == "replaced":
        inner[path[-1]] = value
    elif how == "taken out":
        del inner[path[-1]]
    elif isinstance(inner[path[-1]], list):
        inner[path[-1]].append(value)
    elif isinstance(inner[path[-1]], dict):
        inner[path[-1]]["more"] = value
    return document.get("root", {})


@given(
    st.lists(
        st.tuples(
            st.sampled_from(PLACES),
            st.sampled_from(VALUES),
            st.sampled_from(["replaced", "taken out", "added"]),
        ),
        min_size=1,
        max_size=1,
    )
)
def test_it_is_understood_as_a_library_understands_it(changes):
    """What the library refuses is refused here, and what is refused here is refused by the library."""
    [(place, value, how)] = changes
    document = changed(place, value, how=how)
    assert (not list(violations(document))) == LIBRARY.is_valid(document), document


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_every_place_of_a_document_is_held_against_it(place):
    """Something of another type, at any place at all, is seen, and is said to be at that place."""
    document = changed(place, 1.5, how="replaced")
    [problem] = list(violations(document))
    path = "$" + "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in place)
    assert problem.path == path


def test_the_page_shows_it():
    page = configuration_page.PAGE.read_text()
    assert page == configuration_page.drawn(page), "run `make configuration`"


def test_the_template_validates_by_it():
    template = configuration_page.TEMPLATE.read_text()
    assert template == configuration_page.validating(template), "run `make configuration`"
    validator = json.loads(configuration_page.validator())
    jsonschema.Draft4Validator.check_schema(validator)
    assert len(configuration_page.validator()) < 32_768, "AppConfig takes no longer one"
    for place in PLACES:
        document = changed(place, 1.5, how="replaced")
        assert not jsonschema.Draft4Validator(validator).is_valid(document), place
    jsonschema.Draft4Validator(validator).validate(FULL)
