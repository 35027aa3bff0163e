"""Records inside other JSON, and in packed and tabular files: found with their place, or what is wrong there."""

import base64
import gzip
import json
import zlib
from typing import Any

import pytest

from threegrants.cloudtrail import RecordError
from threegrants.cloudtrail.reading.tables import Table, find_table, read_table
from threegrants.cloudtrail.reading.wrappers import MAX_DEPTH, is_record, open_wrappers
from threegrants.cloudtrail.trail_files import Found, Incomplete, Unreadable, read_trail_file
from unit.cloudtrail.record_files import FILE, LINES, csv_text, read, tarred, zipped

RECORD = {"eventSource": "s3.amazonaws.com", "eventName": "GetObject", "userIdentity": {}}
TEXT = json.dumps(RECORD)
OTHER = {"detail-type": "x", "detail": RECORD}


def told(entries):
    """Each record with its place; of what is no record the place and the words."""
    for one in entries:
        if isinstance(one, Found):
            yield one.place, one.record
        elif isinstance(one, Unreadable):
            yield one.place, str(one.error)
        elif isinstance(one, Incomplete):
            yield one.place, one.form


def based(data):
    return base64.b64encode(data).decode()


def cells(*values):
    return {"Data": [{"VarCharValue": one} for one in values]}


def nested(depth):
    value: Any = RECORD
    for _ in range(depth):
        value = [value]
    return value


NO_TEXT = "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
DEEP = "$" + "[0]" * (MAX_DEPTH + 1)
CASES = [
    pytest.param(RECORD, [("$", RECORD)], id="a record"),
    pytest.param(OTHER, [("$", OTHER)], id="an event"),
    pytest.param({"errorCode": "x"}, [("$", {"errorCode": "x"})], id="a record of one field"),
    pytest.param({"requestParameters": {}}, [], id="an object that is no record"),
    pytest.param({"eventsource": "s3.amazonaws.com"}, [("$", "a row of Athena or CloudTrail Lake")], id="a row"),
    pytest.param([RECORD, RECORD], [("$[0]", RECORD), ("$[1]", RECORD)], id="a list"),
    pytest.param({"a": {"b": [RECORD]}}, [("a b[0]", RECORD)], id="in objects and lists"),
    pytest.param({"message": TEXT}, [("message", RECORD)], id="text of a carrier"),
    pytest.param({"note": TEXT}, [], id="text of another field"),
    pytest.param({"values": [["1", TEXT]]}, [("values[0][1]", RECORD)], id="text in a carrier's list"),
    pytest.param({"notes": [TEXT]}, [], id="text in another list"),
    pytest.param({"notes": [{"message": TEXT}]}, [("notes[0] message", RECORD)], id="a carrier in another list"),
    pytest.param({"message": "words", "_raw": TEXT}, [("_raw", RECORD)], id="the carrier that has one"),
    pytest.param({"eventJson": TEXT, "message": TEXT}, [("eventJson", RECORD)], id="the likeliest carrier alone"),
    pytest.param({"message": f"INFO {TEXT}"}, [("message", RECORD)], id="words before it"),
    pytest.param({"message": json.dumps(TEXT)}, [("message", RECORD)], id="text in text"),
    pytest.param({"message": f"{TEXT}\n {TEXT}"}, [("message", RECORD)] * 2, id="several in a row"),
    pytest.param({"message": '{"eventSource": x'},
                 [("message", "message: no JSON (Expecting value: line 1 column 17 (char 16)); expected a record as JSON text")],
                 id="a record that is cut"),
    pytest.param({"message": '{"a": x'}, [], id="something else that is cut"),
    pytest.param({"CloudTrailEvent": "{no"},
                 [("CloudTrailEvent", f"CloudTrailEvent: no JSON ({NO_TEXT}); expected a record as JSON text")],
                 id="what must be a record"),
    pytest.param({"CloudTrailEvent": "no"}, [], id="words where a record must be"),
    pytest.param({"data": based(TEXT.encode())}, [("data", RECORD)], id="base64"),
    pytest.param({"data": based(gzip.compress(TEXT.encode()))}, [("data", RECORD)], id="base64 of gzip"),
    pytest.param({"data": based(zlib.compress(TEXT.encode()))}, [("data", RECORD)], id="base64 of zlib"),
    pytest.param({"data": based(b"\x1f\x8bxxxx")}, [], id="base64 of damaged gzip"),
    pytest.param({"data": based(b"some words")}, [], id="base64 of words"),
    pytest.param({"data": based(b'{"eventSource": "\xff"}')}, [], id="base64 of what is no text"),
    pytest.param([{"field": "@message", "value": TEXT}, {"field": "@ptr"}], [("@message", RECORD)], id="a row of fields and values"),
    pytest.param([{"a": 1}, {"message": TEXT}], [("message", RECORD)], id="a row of one field each"),
    pytest.param([{"message": TEXT}, {"message": TEXT}], [("$[0] message", RECORD), ("$[1] message", RECORD)], id="rows of one field"),
    pytest.param([{"field": 1, "value": 2, "message": TEXT}], [("$[0] message", RECORD)], id="objects with a field called field"),
    pytest.param({"event": {"original": TEXT}, "original": "no"}, [("original", RECORD)], id="Elastic's original"),
    pytest.param({"event.original": TEXT}, [("original", RECORD)], id="Elastic's original, dotted"),
    pytest.param({"original": TEXT}, [("original", RECORD)], id="an original alone"),
    pytest.param({"eventSource": "aws:sqs", "body": TEXT}, [("body", RECORD)], id="Lambda's own event"),
    pytest.param({"ResultSet": {"Rows": [cells("message"), cells(TEXT)]}}, [("$ Rows[1] message", RECORD)], id="Athena's first page"),
    pytest.param({"Rows": [cells(TEXT), {"x": 1}, "x"], "ResultSetMetadata": {"ColumnInfo": [{"Name": "message"}, "x"]}},
                 [("$ Rows[0] message", RECORD)], id="Athena's second page"),
    pytest.param({"ResultSet": {"Rows": [cells("message"), cells(TEXT)], "ResultSetMetadata": {"ColumnInfo": [{"Name": "message"}]}}},
                 [("$ Rows[1] message", RECORD)], id="Athena's first page with its columns"),
    pytest.param({"ResultSet": "x", "message": TEXT}, [("message", RECORD)], id="a result that is none"),
    pytest.param(nested(MAX_DEPTH), [(DEEP.removesuffix("[0]"), RECORD)], id="as deep as is read"),
    pytest.param(nested(MAX_DEPTH + 1), [(DEEP, f"{DEEP}: lists in lists; expected records at most {MAX_DEPTH} deep")], id="too deep"),
    pytest.param(TEXT, [("$", RECORD)], id="text by itself"),
    pytest.param(7, [], id="a number"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "wanted"), CASES)
def test_records_inside_a_value(value, wanted):
    assert list(told(open_wrappers(value, "$"))) == wanted


def test_a_text_is_opened_only_where_it_may_be():
    assert list(told(open_wrappers(TEXT, "$", opened=False))) == []
    assert list(told(open_wrappers([[TEXT]], "$", opened=False))) == []
    assert list(told(open_wrappers([[TEXT]], "line 1"))) == [("line 1[0][0]", RECORD)]
    assert list(told(open_wrappers({"message": TEXT}, "line 1"))) == [("line 1 message", RECORD)]


ARE_RECORDS = [
    pytest.param({"detail": 1, "detail-type": 2}, True, id="an event"),
    pytest.param({"detail": 1}, False, id="a detail alone"),
    pytest.param({"eventSource": "aws:sns"}, False, id="Lambda's"),
    pytest.param({"eventSource": 7}, True, id="a source that is no text"),
    pytest.param({"errorMessage": "x"}, True, id="a message alone"),
    pytest.param({"eventName": "x", "userIdentity": {}, "requestParameters": "{}"}, False, id="a row with a request as text"),
    pytest.param({"eventName": "x", "userIdentity": {}, "resources": "[]"}, True, id="a record with odd resources"),
    pytest.param({"eventName": "x", "userIdentity": "{}"}, False, id="a row with an identity as text"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "is_one"), ARE_RECORDS)
def test_what_is_a_record(value, is_one):
    assert is_record(value) is is_one


NOTHING = "expected a CloudTrail record or a file of them"
DAMAGED = "a damaged gzip file (Compressed file ended before the end-of-stream marker was reached); expected a whole gzip file"
FILES = [
    pytest.param(b'{"a": {"b": 1}, "c": 2}', [("$", "$: no record in it (fields a, c); expected a CloudTrail record (an object)")], id="another object"),
    pytest.param(json.dumps({f"{n}{'x' * 50}": n for n in range(7)}).encode(),
                 [("$", f"$: no record in it (fields {', '.join(f'{n}' + 'x' * 39 for n in range(6))}); expected a CloudTrail record (an object)")],
                 id="another object with many fields"),
    pytest.param(b"[[1]]", [("[0]", "[0]: a list; expected a CloudTrail record (an object)")], id="a list of lists"),
    pytest.param(b'{"Records": [{"a": 1}]}', [("Records[0]", "Records[0]: no record in it (fields a); expected a CloudTrail record (an object)")], id="another element"),
    pytest.param(b"", [("$", f"input: nothing; {NOTHING}")], id="nothing"),
    pytest.param(gzip.compress(b" \n"), [("$", f"input: nothing; {NOTHING}")], id="nothing, packed"),
    pytest.param(b'{"a": [], "b": 1}', [], id="an answer without a result"),
    pytest.param(b'{"a": {"b": []}}', [], id="an answer without a result further in"),
    pytest.param(b'{"a": [], "b": [1]}', [("$", "$: no record in it (fields a, b); expected a CloudTrail record (an object)")], id="an answer with another result"),
    pytest.param(b'{"a": 1}', [("$", "$: no record in it (fields a); expected a CloudTrail record (an object)")], id="no list at all"),
    pytest.param(b"_raw,x\nwords,1\n\nalone\n", [
        ("row 1", "row 1: no record in it (columns _raw, x); expected a CloudTrail record"),
        ("row 2", "row 2: 1 cells under 2 columns; expected a row of the table")], id="rows without a record"),
    pytest.param(csv_text(["message", *"abcdefg"], [["x", *"1234567"]]).encode(),
                 [("row 1", "row 1: no record in it (columns message, a, b, c, d, e); expected a CloudTrail record")], id="a row of many columns"),
    pytest.param(gzip.compress(FILE)[:-9], [("$", f"input: {DAMAGED}")], id="a file that is cut"),
    pytest.param(zipped(("a.json", "{}"), ("d/", b""), ("b.json", b"nope")), [
        ("a.json", "a.json: no record in it (fields ); expected a CloudTrail record (an object)"),
        ("b.json", "b.json: no JSON ('nope'); expected a CloudTrail record")], id="a zip file"),
    pytest.param(tarred(("a.json", b"nope\n{}")), [
        ("a.json line 1", "a.json line 1: no JSON ('nope'); expected one JSON object a line, or one JSON document"),
        ("a.json line 2", "a.json line 2: no record in it (fields ); expected a CloudTrail record (an object)")], id="a tar file"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "wanted"), FILES)
def test_what_is_said_of_a_file(data, wanted):
    assert [one for one in told(read(data)) if isinstance(one[1], str)] == wanted


def test_packings_in_each_other_have_an_end():
    data = FILE
    for depth in range(6):
        found = list(told(read(data)))
        if depth < 5:
            assert len(found) == 5
        else:
            assert found == [("$", "input: more than 4 packings in each other; expected a file")]
        data = gzip.compress(data)


MARKS = [
    (b"PAR1", "a Parquet file", "the rows as JSON or CSV, as Athena gives them"),
    (b"ORC", "an ORC file", "the rows as JSON or CSV, as Athena gives them"),
    (b"Obj\x01", "an Avro file", "the rows as JSON or CSV, as Athena gives them"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip file", "a zip or gzip file, or the plain one"),
    (b"Rar!\x1a\x07", "a RAR file", "a zip or gzip file, or the plain one"),
]


@pytest.mark.parametrize(("mark", "what", "wanted"), MARKS, ids=[m[1] for m in MARKS])
def test_a_file_that_is_not_read_is_named(mark, what, wanted):
    assert list(told(read(mark + bytes(99)))) == [("$", f"input: {what}; expected {wanted}")]


WHOLE = "the full record, from the trail's bucket or CloudWatch Logs: threegrants fetch"
REFUSED = [
    pytest.param(b"nope", "$: no JSON ('nope'); expected a CloudTrail record", id="a word"),
    pytest.param(csv_text(["eventname", "eventsource"], [["a", "s3.amazonaws.com"]]).encode(),
                 "row 1: a row of Athena or CloudTrail Lake without userIdentity, errorCode, requestParameters; "
                 f"expected {WHOLE}", id="a row without its fields"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "words"), REFUSED)
def test_a_trail_file_that_cannot_be_read_is_refused(data, words):
    with pytest.raises(RecordError) as refused:
        list(read_trail_file(data))
    assert str(refused.value) == words
    assert [place for place, _ in read_trail_file("\n".join(LINES).encode())] == [
        f"line {n}" for n in range(1, 6)
    ]


HEADINGS = [
    pytest.param("_time,_raw\n", Table(("_time", "_raw"), ","), id="commas"),
    pytest.param("\ufeff\r\n_time\t_raw\r\nx\ty", Table(("_time", "_raw"), "\t"), id="tabs"),
    pytest.param("_time;_raw", Table(("_time", "_raw"), ";"), id="semicolons"),
    pytest.param("_time| Event Name ", Table(("_time", "Event Name"), "|"), id="bars, and spaces"),
    pytest.param('"@message"', Table(("@message",), ","), id="one column"),
    pytest.param("EVENTNAME,x", Table(("EVENTNAME", "x"), ","), id="a name in another case"),
    pytest.param("a,b", None, id="other columns"),
    pytest.param("raw,log", None, id="short names of carriers"),
    pytest.param("_raw,{}", None, id="a column that is no name"),
    pytest.param("_raw," + "x" * 90, None, id="a name that is too long"),
    pytest.param('{"_raw": 1}', None, id="an object"),
    pytest.param("[_raw", None, id="a list"),
    pytest.param("", None, id="nothing"),
    pytest.param("_raw," + ",".join(["x"] * 9_000), None, id="a heading that is too long"),
]


@pytest.mark.parametrize(("text", "table"), HEADINGS)
def test_a_table_is_known_by_its_heading(text, table):
    assert find_table(text) == table


@pytest.mark.parametrize("size", [1, 1_000])
def test_rows_of_a_table(size):
    text = 'a,b\r\n1,"2\nx"\n , \n3\n4,5'
    rows = read_table(
        Table(("a", "b"), ","), [text[at : at + size] for at in range(0, len(text), size)]
    )
    found = [(number, str(row) if isinstance(row, RecordError) else row) for number, row in rows]
    assert found == [
        (1, {"a": "1", "b": "2\nx"}),
        (2, "row 2: 1 cells under 2 columns; expected a row of the table"),
        (3, {"a": "4", "b": "5"}),
    ]
