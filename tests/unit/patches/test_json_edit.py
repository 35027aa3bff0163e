"""One member more or less in a JSON text, and every other byte as it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from threegrants.patches.json_edit import append, remove

NEW = {"Sid": "N", "Effect": "Allow"}
CASES = [
    ("compact", '{"Version":"x","Statement":[{"Sid":"A"}]}',
     '{"Version":"x","Statement":[{"Sid":"A"},{"Sid":"N","Effect":"Allow"}]}'),
    ("spaced", '{"Version": "x", "Statement": [{"Sid": "A"}]}',
     '{"Version": "x", "Statement": [{"Sid": "A"}, {"Sid": "N", "Effect": "Allow"}]}'),
    ("colon spaced, comma not", '{"Version": "x","Statement": [{"Sid": "A"}]}',
     '{"Version": "x","Statement": [{"Sid": "A"},{"Sid": "N","Effect": "Allow"}]}'),
    ("four spaces",
     '{\n    "Id": "x",\n    "Statement": [\n        {\n            "Sid": "A"\n        }\n    ]\n}',
     '{\n    "Id": "x",\n    "Statement": [\n        {\n            "Sid": "A"\n        },\n        {\n            "Sid": "N",\n            "Effect": "Allow"\n        }\n    ]\n}'),
    ("tabs", '{\n\t"Statement": [\n\t\t{}\n\t]\n}',
     '{\n\t"Statement": [\n\t\t{},\n\t\t{\n\t\t\t"Sid": "N",\n\t\t\t"Effect": "Allow"\n\t\t}\n\t]\n}'),
    ("a single one without its list", '{"Statement":{"Sid":"A"},"Id":"i"}',
     '{"Statement":[{"Sid":"A"},{"Sid":"N","Effect":"Allow"}],"Id":"i"}'),
    ("an empty list", '{"Version": "x", "Statement": []}',
     '{"Version": "x", "Statement": [{"Sid": "N", "Effect": "Allow"}]}'),
    ("the odd bytes of others stay",
     '{ "Statement" :[{"a":1.0e1 , "b":"\\u00e9"} ,\n{"c":[ ]} ] }\n',
     '{ "Statement" :[{"a":1.0e1 , "b":"\\u00e9"} ,\n{"c":[ ]},\n{"Sid":"N","Effect":"Allow"} ] }\n'),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_append(text, wanted):
    assert append(text, ("Statement",), NEW) == wanted


BROKEN = ["", "{", "[]", '{"Statement": [}', '{"a": 1}', '{"Statement": []} x', "[" * 100_000]


@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_document_is_refused(text):
    with pytest.raises(
        ValueError, match=r"Expecting|nothing at|behind its end|nested|not a JSON|no Statement"
    ):
        append(text, ("Statement",), NEW)
    with pytest.raises(
        ValueError, match=r"Expecting|nothing at|behind its end|nested|not a JSON|no Statement"
    ):
        remove(text, ("Statement", 0))


@pytest.mark.parametrize(
    "path", [("Statement", 2), ("Statement", -1), ("Statement", "a"), ("Id", 0)]
)
def test_remove_wants_a_member_of_a_list(path):
    with pytest.raises(ValueError, match="there is no"):
        remove('{"Statement": [1, 2], "Id": "x"}', path)


strings = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | strings,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(strings, inner, max_size=3),
    max_leaves=8,
)
styles = st.sampled_from(
    [
        {},
        {"separators": (",", ":")},
        {"separators": (",", ": ")},
        {"ensure_ascii": False},
        {"indent": 2},
        {"indent": "\t"},
        {"indent": 4, "ensure_ascii": False},
        {"indent": 1, "separators": (",", ":  ")},
    ]
)


@examples(300)
@given(st.dictionaries(strings, values, max_size=3), st.lists(values, max_size=4), values, styles)
def test_append_then_remove_is_nothing(around, members, new, style):
    document = {**around, "Statement": members, "Z": around}
    text = json.dumps(document, **style)
    appended = append(text, ("Statement",), new)
    assert json.loads(appended) == {**document, "Statement": [*members, new]}
    taken = remove(appended, ("Statement", len(members)))
    assert json.loads(taken) == document
    if members:
        assert taken == text


@examples(200)
@given(
    st.dictionaries(strings, values, max_size=3), st.lists(values, min_size=1, max_size=4), styles
)
def test_the_new_member_is_written_as_the_others_are(around, members, style):
    style = {**style, "ensure_ascii": False}
    document = {"Version": "x", **around, "Statement": members}
    appended = append(json.dumps(document, **style), ("Statement",), NEW)
    assert appended == json.dumps({**document, "Statement": [*members, NEW]}, **style)
