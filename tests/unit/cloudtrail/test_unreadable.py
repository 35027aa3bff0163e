"""Files and rows that hold no full record: what is missing or broken is said, and costs itself alone."""

import gzip
import json

import pytest

from threegrants.cloudtrail.reading import FORMS, packing
from threegrants.cloudtrail.reading.presto_text import AmbiguousTextError, read_text
from threegrants.cloudtrail.trail_files import Incomplete, Unreadable
from unit.cloudtrail.record_files import (
    COLUMNS,
    FILE,
    FIVE,
    LINES,
    csv_text,
    denied,
    ecs,
    lake_cells,
    ocsf,
    read,
    sentinel,
    zipped,
)

MISSING = {
    "the console's event history": (
        csv_text(["Event ID", "Event time", "User name", "Event source", "Event name", "Error code"],
                 [["a", "2026-11-20T09:01:00Z", "s", "s3.amazonaws.com", "GetObject", "AccessDenied"]]),
        "event history", "userIdentity"),
    "Athena without columns": (
        csv_text(["eventtime", "eventname", "eventsource", "errorcode"],
                 [["2026-11-20T09:01:00Z", "GetObject", "s3.amazonaws.com", "AccessDenied"]]),
        "Athena", "requestParameters"),
    "OCSF without the request": (
        json.dumps({**ocsf(FIVE[0]), "api": {"operation": "GetObject", "response": {"error": "AccessDenied"},
                                             "service": {"name": "s3.amazonaws.com"}}}),
        "OCSF", "requestParameters"),
    "ECS without an identity": (
        json.dumps({**ecs(FIVE[0]), "user": {}, "aws": {"cloudtrail": {"error_code": "AccessDenied"}}}),
        "ECS", "userIdentity"),
    "Sentinel without the request": (
        json.dumps({**sentinel(FIVE[0]), "RequestParameters": ""}), "Sentinel", "requestParameters"),
    "lookup-events with a query": (
        json.dumps([{"EventId": "e", "EventName": "GetObject", "Username": "s"}]),
        "lookup-events", "CloudTrailEvent"),
    "a notification of S3": (
        json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put",
                                 "s3": {"bucket": {"name": "t"}, "object": {"key": "k"}}}]}),
        "notification", "content"),
    "a notification of CloudTrail": (
        json.dumps({"Message": json.dumps({"s3Bucket": "t", "s3ObjectKey": ["a.json.gz"]})}),
        "new trail files", "content"),
    "a digest file": (json.dumps({"digestS3Bucket": "t", "logFiles": []}), "digest", "records"),
    "a server access log": (
        'abc a-reports [20/Nov/2026:09:01:00 +0000] 198.51.100.7 - REQ REST.GET.OBJECT k "GET" 403\n',
        "server access log", "userIdentity"),
    "a message of the command line": (
        "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied\n",
        "error message", "record"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISSING)
def test_a_form_without_a_full_record_says_what_is_missing(case):
    text, form, missing = MISSING[case]
    [entry] = read(text.encode())
    assert isinstance(entry, Incomplete), entry
    assert form in entry.form
    assert missing in ", ".join(entry.missing)
    assert entry.advice


def test_every_form_is_tried():
    entries = [entry for text, *_ in MISSING.values() for entry in read(text.encode())]
    tried = {entry.form for entry in entries if isinstance(entry, Incomplete)}
    assert {form.name for form in FORMS} <= tried


BROKEN = {
    "a comment": (f"{LINES[0]}\n# comment\n{LINES[1]}", "line 2", 2),
    "a line that is cut": (f"{LINES[0]}\n{LINES[1][:300]}\n{LINES[1]}", "line 2", 2),
    "a word": (f"{LINES[0]}\nnope\n{LINES[1]}", "line 2", 2),
    "bytes that are no UTF-8": (
        f"{LINES[0]}\n".encode() + LINES[0].replace("q3", "q\udcff").encode("utf-8", "surrogateescape")
        + f"\n{LINES[1]}".encode(), "line 2", 2),
    "an element of a list": (
        json.dumps({"Records": FIVE[:3]}).replace('"e-1"', "e-1"), "Records[0]", 2),
    "a trail file that is cut": (FILE[:-30].decode(), "Records[4]", 3),
    "two values without a line between them, one broken": (
        LINES[0] + LINES[1].replace('"eventID": ', '"eventID": ,') + LINES[2], "line 1", 2),
    "deep nesting": (f"{LINES[0]}\n{'[' * 100_000}\n{LINES[1]}", "line 2 [0]", 2),
    "a number that is too long": (f'{LINES[0]}\n{{"a": {"1" * 5000}}}\n{LINES[1]}', "line 2", 2),
    "an event of lookup-events": (
        json.dumps({"Events": [{"CloudTrailEvent": LINES[0]}, {"CloudTrailEvent": "{no"}]}),
        "Events[1] CloudTrailEvent", 1),
    "a row of a table": (
        csv_text(["_time", "_raw"], [["t", LINES[0]], ["alone"], ["t", LINES[1]]]), "row 2", 2),
    "gzip that is cut": (gzip.compress(FILE)[:-9], "$", 3),
    "gzip with something behind it": (gzip.compress(FILE) + b"garbage", "$", 3),
    "a member of a zip file": (
        zipped(("a.json", LINES[0]), ("b.json.gz", gzip.compress(FILE)[:40])), "b.json.gz", 1),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_cannot_be_read_costs_itself(case):
    data, place, left = BROKEN[case]
    entries = read(data.encode() if isinstance(data, str) else data)
    bad = [entry for entry in entries if isinstance(entry, Unreadable)]
    assert [entry.place for entry in bad] == [place], entries
    assert bad[0].error.what
    assert bad[0].error.wanted
    assert len(denied(entries)) == left


def test_a_broken_record_over_several_lines_costs_itself():
    texts = [json.dumps(record, indent=2) for record in FIVE[:3]]
    texts[1] = texts[1].replace('"eventID": "e-2"', '"eventID": e-2')
    entries = read("\n".join(texts).encode())
    assert len(denied(entries)) == 2
    assert [type(entry) for entry in entries].count(Unreadable) == 1


NOTHING = {
    "nothing": "", "spaces": " \n ", "another object": '{"a": {"b": [1]}}', "a number": "7",
    "a page": "<!doctype html>\n", "packing that lies": b"\x1f\x8bxx", "bytes": bytes(range(256)),
}  # fmt: skip


@pytest.mark.parametrize("case", NOTHING)
def test_a_file_without_a_record_is_an_error(case):
    data = NOTHING[case]
    entries = read(data.encode() if isinstance(data, str) else data)
    assert all(isinstance(entry, Unreadable) for entry in entries)
    assert len(entries) == 1


@pytest.mark.parametrize("answer", [{"Events": []}, {"Records": []}, {"events": [], "x": []}, []])
def test_an_empty_answer_is_no_error(answer):
    assert read(json.dumps(answer).encode()) == []


def test_text_without_quotes_that_reads_in_two_ways_is_no_record():
    asked = {"bucketName": "a-reports", "key": "k, bucketName=b-reports"}
    row = list(lake_cells({**FIVE[0], "requestParameters": asked}))
    [entry] = read(csv_text(COLUMNS, [row]).encode())
    assert isinstance(entry, Incomplete)
    assert "ambiguity" in entry.missing[0]


def test_a_key_that_resources_do_not_confirm_is_no_record():
    asked = {"bucketName": "a-reports", "key": "k, versionId=v"}
    objects = [{"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::a-reports/k, versionId=v"}]
    record = {**FIVE[0], "requestParameters": asked, "resources": objects}
    [entry] = read(csv_text(COLUMNS, [list(lake_cells(record))]).encode())
    assert isinstance(entry, Incomplete)
    assert "resources" in entry.missing[0]


@pytest.mark.parametrize("text", ["{type=a, type=b}", "{sessioncontext={attributes={}"])
def test_a_structure_that_cannot_be_read(text):
    with pytest.raises(AmbiguousTextError):
        read_text("userIdentity", text)


@pytest.mark.parametrize("text", ["{}", "{a=b}", "{bucketName=a, bucketName=b}"])
def test_parameters_that_cannot_be_read(text):
    with pytest.raises(AmbiguousTextError):
        read_text("requestParameters", text)


@pytest.mark.parametrize(
    ("data", "what"),
    [(b"PAR1" + bytes(99), "Parquet"), (b"7z\xbc\xaf\x27\x1c" + bytes(99), "7-Zip")],
)
def test_a_file_that_is_known_and_not_read_is_named(data, what):
    [entry] = read(data)
    assert what in entry.error.what
    assert entry.error.wanted


def test_packing_has_an_end():
    data = FILE
    for _ in range(packing.MAX_DEPTH + 1):
        data = gzip.compress(data)
    [entry] = read(data)
    assert isinstance(entry, Unreadable)
