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


REMOVED = [
    ("the first", '{"S": [1, 2, 3]}', ("S", 0), '{"S": [2, 3]}'),
    ("one between", '{"S": [1, 2, 3]}', ("S", 1), '{"S": [1, 3]}'),
    ("the last", '{"S": [1, 2 ,3 ]}', ("S", 2), '{"S": [1, 2 ]}'),
    ("the only one", '{"S": [ 1 ], "I": 1}', ("S", 0), '{"S": [], "I": 1}'),
    ("one on a line of its own", '{"S": [\n  1,\n  2\n]}', ("S", 0), '{"S": [\n  2\n]}'),
    ("one further in", '{"S": [{"A": ["x"]}, {"P": {"AWS": ["a", "b"]}}]}', ("S", 1, "P", "AWS", 0),
     '{"S": [{"A": ["x"]}, {"P": {"AWS": ["b"]}}]}'),
    ("of equal keys the last counts", '{"S": [1, 2], "S": [3, 4]}', ("S", 0), '{"S": [1, 2], "S": [4]}'),
    ("a key with an escape", '{"\\u0053": [1, 2]}', ("S", 1), '{"\\u0053": [1]}'),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "path", "wanted"), [c[1:] for c in REMOVED], ids=[c[0] for c in REMOVED]
)
def test_remove(text, path, wanted):
    assert remove(text, path) == wanted


def test_append_further_in():
    text = '{"S": [{"A": 1}, {"P": {"AWS": ["a"]}}, {"P": {"AWS": "c"}}]}'
    assert append(text, ("S", 1, "P", "AWS"), "b") == text.replace('["a"]', '["a", "b"]')
    assert append(text, ("S", 2, "P", "AWS"), "d") == text.replace('"c"', '["c", "d"]')
    lines = '{\n  "S": {\n    "A": 1\n  }\n}'
    assert append(lines, ("S",), {"B": 2}) == (
        '{\n  "S": [{\n    "A": 1\n  }, {\n    "B": 2\n  }]\n}'
    )


WORDS = [
    (lambda: append('{"S": []} x', ("S",), 1), "the document goes on behind its end"),
    (lambda: append('{"S": []}', ("T",), 1), "there is nothing at 'T'"),
    (lambda: append('{"S": [1]}', ("S", 1), 1), "there is nothing at 1"),
    (lambda: append('{"S": [1]}', ("S", "a"), 1), "there is nothing at 'a'"),
    (lambda: append("[" * 100_000, ("S",), 1), "the document is nested too deeply"),
    (lambda: remove('{"S": {"a": 1}}', ("S", 0)), "there is no list at ('S',)"),
    (lambda: remove('{"S": [1]}', ("S", 1)), "there is no member at ('S', 1)"),
    (lambda: remove('{"S": [1]}', ("S", -1)), "there is no member at ('S', -1)"),
]


@pytest.mark.parametrize(("edit", "words"), WORDS, ids=[words for _, words in WORDS])
def test_what_cannot_be_edited_is_said(edit, words):
    with pytest.raises(ValueError, match=r"there is|the document") as refused:
        edit()
    assert str(refused.value) == words


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
