"""How one field is found in a row of a table, and what it becomes."""

from types import MappingProxyType

import pytest

from threegrants.cloudtrail.reading.rows import (
    dig,
    flattened,
    list_in,
    object_in,
    resources_of,
    session_context,
    time_of,
)

A, ROLE = "111111111111", "arn:aws:iam::222222222222:role/analyst"
ROW = {"a": {"b": {"c": "nested"}}, "a.b.d": "dotted", "list": ["one"], "two": [1, 2],
       "objects": [{"x": 1}], "none": "-", "text": "x"}  # fmt: skip
DUG = [("a.b.c", "nested"), ("a.b.d", "dotted"), ("a.b.e", None), ("text.x", None), ("list", "one"),
       ("two", [1, 2]), ("objects", [{"x": 1}]), ("none", None)]  # fmt: skip


@pytest.mark.parametrize(("path", "value"), DUG)
def test_a_value_by_its_path(path, value):
    assert dig(ROW, path) == value


CONTEXTS = [
    pytest.param((None, None, None), None, id="nothing"),
    pytest.param((ROLE, None, None), {"sessionIssuer": {"type": "Role", "arn": ROLE}}, id="an issuer"),
    pytest.param((7, "t", None), {"attributes": {"creationDate": "t"}}, id="an issuer that is no text"),
    pytest.param((None, None, False), {"attributes": {"mfaAuthenticated": "false"}}, id="no MFA"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "context"), CONTEXTS)
def test_the_context_of_a_session(said, context):
    assert session_context(*said) == context


TIMES = [
    ("2026-11-20T09:01:00Z", "2026-11-20T09:01:00Z"),
    ("2026-11-20 09:01:00 UTC", "2026-11-20T09:01:00 UTC"),
    ("20 November 2026", "20 November 2026"),
    (1763629261999, "2025-11-20T09:01:01Z"),
    ("1763629261000", "2025-11-20T09:01:01Z"),
    ("176362926100", "1975-08-04T05:42:06Z"),
    ("17636292610", "17636292610"),
    (None, None),
    ([], None),
    (10**20, None),
]


@pytest.mark.parametrize(("value", "time"), TIMES)
def test_a_time_as_cloudtrail_writes_it(value, time):
    assert time_of(value) == time


OBJECTS = [
    ({"a": 1}, {"a": 1}),
    (MappingProxyType({"a": 1}), {"a": 1}),
    ('{"a": 1}', {"a": 1}),
    ("{key=k}", {"key": "k"}),
    ("[1]", None),
    ("a", None),
    (7, None),
]


@pytest.mark.parametrize(("value", "wanted"), OBJECTS)
def test_an_object_or_the_text_of_one(value, wanted):
    assert object_in(value) == wanted


@pytest.mark.parametrize(
    ("value", "wanted"), [([1], [1]), ("[1]", [1]), ("{}", None), ("[", None), (7, None)]
)
def test_a_list_or_the_text_of_one(value, wanted):
    assert list_in(value) == wanted


def test_fields_whose_names_were_flattened():
    fields = {"requestParameters.key": "k", "eventType": "x", "a.requestParameters.b": "y"}
    assert flattened(fields, "requestParameters.") == {"key": "k"}
    assert flattened({"eventType": "x"}, "requestParameters.") is None
    assert flattened("requestParameters.", "requestParameters.") is None


def test_resources_under_other_names():
    rows = [
        {"uid": "arn:x", "type": "T", "account_uid": A, "owner": {"account": {"uid": ""}}},
        "x",
        {},
    ]
    wanted = [{"ARN": "arn:x", "type": "T", "accountId": A}, {}]
    assert resources_of(rows, "uid", "owner.account.uid", "account_uid") == wanted
    assert resources_of({"uid": "arn:x"}, "uid") is None
