"""JSON values in a text: where each stands, and what is said of what cannot be read."""

import pytest

from threegrants.cloudtrail.reading import documents
from threegrants.cloudtrail.reading.documents import Document, read_documents
from threegrants.cloudtrail.reading.text import decode, has_undecodable

ONE_OF_MANY = "one JSON object a line, or one JSON document"
RECORD, ELEMENT = "a CloudTrail record", "an element of a list, as JSON"
VALUE = "no JSON (Expecting value)"
CUT = ("the file ends in the middle", "a whole file")
NO_UTF8 = ("bytes that are no UTF-8", "JSON text in UTF-8")
A, B, C = {"a": 1}, {"b": 2}, {"c": 3}
WORDS = "x" * 400


def told(chunks, **options):
    """Each value with its place; of what cannot be read the place, what is wrong and what was wanted."""
    for one in read_documents(chunks, **options):
        if isinstance(one, Document):
            yield (one.place, one.value, "rest") if one.rest else (one.place, one.value)
        elif isinstance(one, str):
            yield one
        else:
            assert one.place == one.error.where
            words = (one.words,) if one.words else ()
            yield (one.place, one.error.what, one.error.wanted, *words)


CASES = {
    "one value": ('{"a": 1}', [("$", A)]),
    "one value among spaces": (' \n {"a": 1}\n\n', [("$", A)]),
    "one a line": ('{"a": 1}\n{"b": 2}', [("line 1", A), ("line 2", B)]),
    "several in a line": ('{"a": 1}{"b": 2}, {"c": 3}', [("line 1", A), ("line 1", B), ("line 1", C)]),
    "empty lines are counted": ('{"a": 1}\n\n\n{"b": 2}\n', [("line 1", A), ("line 4", B)]),
    "marks between values": ('\ufeff{"a": 1}\n\x1e{"b": 2}\x00', [("line 1", A), ("line 2", B)]),
    "a list": ('[{"a": 1}, {"b": 2}]', [("[0]", A), ("[1]", B)]),
    "a list over lines, then a value": ('[\n{"a": 1},\n{"b": 2}\n]\n{"c": 3}', [("[0]", A), ("[1]", B), ("line 5", C)]),
    "a list in an object": ('{"Records": [{"a": 1}, {"b": 2}]}', [("Records[0]", A), ("Records[1]", B)]),
    "with other fields behind it": ('{"Records": [{"a": 1}], "next": 5}', [("Records[0]", A), ("$", {"next": 5}, "rest")]),
    "with nothing in it": ('{"Records": []}', []),
    "with nothing in it, and a field": ('{"events": [] , "next": 5}', [("$", {"next": 5}, "rest")]),
    "a list in the second object": (
        '{"a": 1}\n{"Records": [{"b": 2}], "x": 1}',
        [("line 1", A), ("line 2 Records[0]", B), ("line 2", {"x": 1}, "rest")]),
    "a second list": ('[{"a": 1}]\n[{"b": 2}]', [("[0]", A), ("line 2 [0]", B)]),
    "a list that is no field of a known kind": ('{"keys": [{"a": 1}]}', [("$", {"keys": [A]})]),
    "a list of numbers in a known field": ('{"data": [1, 2]}', [("$", {"data": [1, 2]})]),
    "a list that is cut": ('[{"a": 1}, ', [("[0]", A), ("[1]", *CUT)]),
    "an element that is cut": ('{"Records": [{"a": 1}', [("Records[0]", A), ("Records[1]", *CUT)]),
    "an object that is cut behind its list": ('{"Records": [{"a": 1}]', [("Records[0]", A), ("$", *CUT)]),
    "another object that is cut": (
        '{"a": 1}\n{"Records": [{"b": 2}]', [("line 1", A), ("line 2 Records[0]", B), ("line 2", *CUT)]),
    "something wrong behind a list": (
        '{"Records": [{"a": 1}], nope}\n{"b": 2}',
        [("Records[0]", A), ("$", "Expecting property name enclosed in double quotes", "JSON"), ("line 2", B)]),
    "a wrong element": (
        '[{"a": 1}, {"a": x}, {"a": 3}]', [("[0]", A), ("[1]", VALUE, ELEMENT), ("[2]", {"a": 3})]),
    "a wrong element that begins like no other": (
        '[{"b": x}, {"a": 3}]\n{"c": 3}',
        [("[0]", VALUE, ELEMENT), ("[1]", {"a": 3}), ("line 2", C)]),
    "a wrong last element, with brackets of its own": (
        '{"Records": [{"a": 1}, {"b": x, "c": [{"d": "}]"}]}], "next": 5}\n{"c": 3}',
        [("Records[0]", A), ("Records[1]", VALUE, ELEMENT), ("$", {"next": 5}, "rest"), ("line 2", C)]),
    "a wrong word among the elements": (
        '[x, {"a": 1}]', [("[0]", VALUE, ELEMENT), ("[1]", A)]),
    "a wrong element in a known field": (
        '{"Records": [{"a": x}, {"a": 3}], "n": 1}', [("Records[0]", VALUE, ELEMENT), ("Records[1]", {"a": 3}), ("$", {"n": 1}, "rest")]),
    "a word alone": ("nope", [("$", "no JSON ('nope')", RECORD, "nope")]),
    "a word in a line": (
        '{"a": 1}\nnope\n{"b": 2}', [("line 1", A), ("line 2", "no JSON ('nope')", ONE_OF_MANY, "nope"), ("line 3", B)]),
    "many words": (WORDS, [("$", f"no JSON ('{WORDS[:60]}')", RECORD, WORDS[:300])]),
    "a number": ("7", [("$", "no JSON ('7')", RECORD, "7")]),
    "words before and behind a value": ('INFO 12 {"a": 1} tail\n{"b": 2}', [("line 1", A), ("line 2", B)]),
    "words before a value that is wrong": ('INFO {"a": x}\n{"b": 2}', [("line 1", VALUE, ONE_OF_MANY), ("line 2", B)]),
    "a value in the next line is not this line's": ('INFO\n{"b": 2}', [("line 1", "no JSON ('INFO')", ONE_OF_MANY, "INFO"), ("line 2", B)]),
    "a time in brackets": ('[2026-11-20 09:01] {"a": 1}', [("line 1", A)]),
    "a word in brackets, and a list": ('[INFO] [{"a": 1}]', [("line 1", [A])]),
    "one wrong value alone": ('{"a": x}', [("$", VALUE, RECORD)]),
    "a wrong value and its line": ('{"a": x}\n{"b": 2}', [("line 1", VALUE, ONE_OF_MANY), ("line 2", B)]),
    "a wrong value between": ('{"b": 2}\n{"a": x} \n{"c": 3}', [("line 1", B), ("line 2", VALUE, ONE_OF_MANY), ("line 3", C)]),
    "a wrong value over several lines": (
        '{"b": 2}\n{\n "a": x\n}\n{"c": 3}', [("line 1", B), ("line 2", VALUE, ONE_OF_MANY), ("line 5", C)]),
    "a value that begins alike in the same line": (
        '{"a": x}{"a": 2}\n{"b": 2}', [("line 1", VALUE, ONE_OF_MANY), ("line 1", {"a": 2}), ("line 2", B)]),
    "bytes that are no text": ('{"a": "\udcff"}\n{"b": 2}', [("line 1", *NO_UTF8), ("line 2", B)]),
    "bytes that are no text, behind words": ('x {"a": "\udcff"}', [("line 1", *NO_UTF8)]),
    "bytes that are no text, in a list": ('[{"a": "\udcff"}, {"b": 2}]', [("[0]", *NO_UTF8), ("[1]", B)]),
    "nothing": ("", []),
    "spaces": ("  \n\t", []),
}  # fmt: skip


@pytest.mark.parametrize("size", [1, 7, 10_000], ids=["byte by byte", "in small pieces", "at once"])
@pytest.mark.parametrize("case", CASES)
def test_what_is_read_of_a_text(case, size):
    text, wanted = CASES[case]
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert list(told(pieces)) == wanted


def test_a_line_that_need_not_be_read_is_counted():
    text = '{"a": 1}\nskip me\n{"b": 2}\nskip'
    found = list(told([text], skip_line=lambda line: line == "skip me"))
    assert found == [
        ("line 1", A), "line 2", ("line 3", B), ("line 4", "no JSON ('skip')", ONE_OF_MANY, "skip")]  # fmt: skip


@pytest.mark.parametrize("opening", ['{"a": "', "words "])
def test_a_value_has_a_longest_length(monkeypatch, opening):
    """A value that never ends is not read to the end of a file that is larger than the memory."""
    monkeypatch.setattr(documents, "MAX_CHARACTERS", 10_000)
    taken = []

    def endless():
        yield opening
        for number in range(1_000):
            taken.append(number)
            yield "x" * 1_000

    place, what, *_ = next(iter(told(endless())))
    assert (place, what.startswith("no JSON (")) == ("line 1", True)
    assert 8 < len(taken) < 100


TEXT = 'é\u2028{"a": "\U0001f600"}'
ENCODED = [
    pytest.param(TEXT.encode(), TEXT, id="UTF-8"),
    pytest.param(b"\xef\xbb\xbf" + TEXT.encode(), TEXT, id="UTF-8 with a mark"),
    pytest.param(TEXT.encode("utf-16"), TEXT, id="UTF-16 with a mark"),
    pytest.param(
        b"\xfe\xff" + TEXT.encode("utf-16-be"), TEXT, id="UTF-16 with a mark, the other way"
    ),
    pytest.param('{"é"'.encode("utf-16-le"), '{"é"', id="UTF-16"),
    pytest.param('{"é"'.encode("utf-16-be"), '{"é"', id="UTF-16, the other way"),
    pytest.param(TEXT.encode("utf-32"), TEXT, id="UTF-32"),
    pytest.param(b"\x00\x00\xfe\xff" + TEXT.encode("utf-32-be"), TEXT, id="UTF-32, the other way"),
    pytest.param(b"a\xffb\xc3", "a\udcffb\udcc3", id="bytes that are no text"),
    pytest.param(b"\xff\xfea\x00\x00\xd8", "a\ufffd", id="half a pair"),
    pytest.param(b"ab", "ab", id="two bytes"),
    pytest.param(b"", "", id="nothing"),
]


@pytest.mark.parametrize(("data", "text"), ENCODED)
@pytest.mark.parametrize("size", [1, 3, 4, 1_000])
def test_bytes_as_text(data, text, size):
    assert "".join(decode(data[at : at + size] for at in range(0, len(data), size))) == text


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("é", False), ("a", False), ("\ud800", False), ("\udc80", True), ("é\udcff", True)],
)
def test_bytes_that_are_no_text_are_seen(text, wrong):
    assert has_undecodable(text) is wrong
