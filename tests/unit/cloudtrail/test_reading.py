"""Every form in which people keep CloudTrail records: each record inside is found, none is lost.

The five records are the same in each form: three denials, one success, and one call of another service.
"""

import base64
import bz2
import csv
import gzip
import io
import json
import lzma
import tarfile
import zipfile

import pytest
import zstandard

from support.records import IP, kms, s3
from threegrants.cloudtrail import DeniedCall, Skipped, parse_record
from threegrants.cloudtrail.parse import _DENIALS
from threegrants.cloudtrail.prefilter import may_be_denial
from threegrants.cloudtrail.reading import FORMS, packing
from threegrants.cloudtrail.reading.presto_text import AmbiguousTextError, read_text
from threegrants.cloudtrail.trail_files import (
    Found,
    Incomplete,
    Irrelevant,
    Unreadable,
    read_entries,
)

KEY = "2026/q3 \u00e9\u2028end.csv"
KMS_KEY = "arn:aws:kms:eu-west-1:111111111111:key/11111111-2222-3333-4444-555555555555"
FIVE = [
    {"eventVersion": "1.11", **s3("e-1", "2026-11-20T09:01:00Z", key=KEY)},
    {"eventVersion": "1.11", **s3("e-2", "2026-11-20T09:02:00Z", "PutObject", "a-uploads")},
    {"eventVersion": "1.11", **kms("e-3", key=KMS_KEY)},
    {"eventVersion": "1.11", **s3("e-4", errorCode=None, errorMessage=None)},
    {"eventVersion": "1.11", **s3("e-5"), "eventSource": "ec2.amazonaws.com"},
]
LINES = [json.dumps(record) for record in FIVE]
FILE = json.dumps({"Records": FIVE}).encode()


def read(data, **options):
    return list(read_entries(io.BytesIO(data), "input", **options))


def calls(entries):
    return [parse_record(entry.record) for entry in entries if isinstance(entry, Found)]


def denied(entries):
    return [call for call in calls(entries) if isinstance(call, DeniedCall)]


def csv_text(columns, rows, separator=","):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([columns, *rows])
    return out.getvalue()


def zipped(*members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def tarred(*members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def based(text, packed=False):
    data = text.encode()
    return base64.b64encode(gzip.compress(data) if packed else data).decode()


def event(record):
    return {"version": "0", "detail-type": "AWS API Call via CloudTrail", "source": "aws.s3",
            "detail": record}  # fmt: skip


def log_group():
    events = [{"id": str(n), "timestamp": 1, "message": line} for n, line in enumerate(LINES)]
    return {"messageType": "DATA_MESSAGE", "owner": "1", "logEvents": events}


def presto(value):
    """A structure as Athena's CSV has it."""
    if isinstance(value, dict):
        inner = ", ".join(f"{name.lower()}={presto(one)}" for name, one in value.items())
        return "{" + inner + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(presto, value)) + "]"
    return "null" if value is None else str(value)


def lake(value):
    return presto(value) if not isinstance(value, dict) else "{" + ", ".join(
        f"{name}={lake(one)}" for name, one in value.items()) + "}"  # fmt: skip


COLUMNS = ("eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion",
           "sourceIPAddress", "userAgent", "errorCode", "errorMessage", "requestParameters",
           "resources", "eventID", "vpcEndpointId")  # fmt: skip


def athena_cells(record):
    for name in COLUMNS:
        value = record.get(name)
        if name in {"userIdentity", "resources"}:
            yield presto(value) if value else ""
        elif isinstance(value, dict):
            yield json.dumps(value)
        else:
            yield "" if value is None else str(value)


def lake_cells(record):
    for name in COLUMNS:
        value = record.get(name)
        yield "" if value is None else lake(value)


ATHENA_NAMES = [name.lower() for name in COLUMNS]
ATHENA = [list(athena_cells(record)) for record in FIVE]
LAKE = [list(lake_cells(record)) for record in FIVE]


def athena_json():
    rows = [ATHENA_NAMES, *ATHENA]
    data = [{"Data": [{"VarCharValue": c} if c else {} for c in row]} for row in rows]
    return {"UpdateCount": 0, "ResultSet": {"Rows": data, "ResultSetMetadata": {"ColumnInfo": []}}}


def athena_second_page():
    info = [{"Name": name} for name in ATHENA_NAMES]
    data = [{"Data": [{"VarCharValue": c} if c else {} for c in row]} for row in ATHENA]
    return {"ResultSet": {"Rows": data, "ResultSetMetadata": {"ColumnInfo": info}}}


def ocsf(record):
    who = record["userIdentity"]
    response = {"error": record.get("errorCode"), "message": record.get("errorMessage")}
    asked = record.get("requestParameters")
    return {
        "metadata": {"product": {"name": "CloudTrail", "version": "1.11"}, "uid": record["eventID"]},
        "time": 1763629261000,
        "class_uid": 6003,
        "cloud": {"region": record["awsRegion"]},
        "api": {"operation": record["eventName"], "service": {"name": record["eventSource"]},
                "response": response, "request": {"data": json.dumps(asked) if asked else None}},
        "actor": {"user": {"type": who.get("type"), "uid": who.get("arn"), "uid_alt": "AROAX:s",
                           "account": {"uid": who.get("accountId")}},
                  "invoked_by": who.get("invokedBy")},
        "src_endpoint": {"ip": record["sourceIPAddress"]},
        "http_request": {"user_agent": record["userAgent"]},
        "resources": [{"uid": "arn:aws:s3:::a-reports", "type": "AWS::S3::Bucket",
                       "owner": {"account": {"uid": "111111111111"}}}],
    }  # fmt: skip


def ocsf_flat(record):
    row = ocsf(record)
    del row["api"]["request"]
    asked = record.get("requestParameters") or {}
    row["unmapped"] = {f"requestParameters.{name}": value for name, value in asked.items()}
    return row


def ecs(record, flattened=True):
    who, asked = record["userIdentity"], record.get("requestParameters")
    parameters = {"flattened": {"request_parameters": asked}} if flattened else {
        "request_parameters": lake(asked) if asked else None}  # fmt: skip
    trail = {
        "error_code": record.get("errorCode"), "error_message": record.get("errorMessage"),
        "event_version": "1.11", **parameters,
        "user_identity": {"type": who.get("type"), "arn": who.get("arn"),
                          "invoked_by": who.get("invokedBy")},
    }  # fmt: skip
    return {"@timestamp": record["eventTime"], "aws": {"cloudtrail": trail},
            "event": {"action": record["eventName"], "provider": record["eventSource"],
                      "id": record["eventID"]},
            "cloud": {"region": record["awsRegion"]}, "user": {"id": "AROAX:s"}}  # fmt: skip


def kibana(record):
    """Fields as Kibana's CSV has them: dotted names, text."""
    who = record["userIdentity"]
    return {
        "@timestamp": record["eventTime"], "event.action": record["eventName"],
        "event.provider": record["eventSource"], "event.id": record["eventID"],
        "aws.cloudtrail.error_code": record.get("errorCode") or "-",
        "aws.cloudtrail.error_message": record.get("errorMessage") or "-",
        "aws.cloudtrail.user_identity.type": who.get("type", "-"),
        "aws.cloudtrail.user_identity.arn": who.get("arn", "-"),
        "aws.cloudtrail.request_parameters": lake(record["requestParameters"])
        if record.get("requestParameters") else "-",
        "cloud.region": record["awsRegion"],
    }  # fmt: skip


def sentinel(record):
    who, asked = record["userIdentity"], record.get("requestParameters")
    return {"TimeGenerated": record["eventTime"], "EventName": record["eventName"],
            "EventSource": record["eventSource"], "ErrorCode": record.get("errorCode") or "",
            "ErrorMessage": record.get("errorMessage") or "", "AWSRegion": record["awsRegion"],
            "UserIdentityType": who.get("type", ""), "UserIdentityArn": who.get("arn", ""),
            "UserIdentityInvokedBy": who.get("invokedBy", ""),
            "SourceIpAddress": record["sourceIPAddress"], "AwsEventId": record["eventID"],
            "RequestParameters": json.dumps(asked) if asked else "",
            "Type": "AWSCloudTrail"}  # fmt: skip


def as_csv(rows):
    names = list(rows[0])
    return csv_text(names, [[row[name] for name in names] for row in rows])


SNS = [{"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:111111111111:t",
        "Message": json.dumps(event(record))} for record in FIVE]  # fmt: skip
HALVES = [json.dumps({"Records": FIVE[:2]}), json.dumps({"Records": FIVE[2:]})]
DATED = [f"2026-11-20T09:01:00+00:00 222_CloudTrail_eu-west-1 {line}" for line in LINES]

SHAPES = {
    "a trail file": FILE,
    "a trail file, indented": json.dumps({"Records": FIVE}, indent=2),
    "JSON Lines": "\n".join(LINES),
    "JSON Lines with the separator in a string": "\n".join(
        json.dumps(record, ensure_ascii=False) for record in FIVE),
    "JSON Lines with carriage returns": "\r\n".join(LINES),
    "a list": json.dumps(FIVE),
    "a list of texts": json.dumps(LINES),
    "records without anything between them": "".join(LINES),
    "indented records in a row": "\n".join(json.dumps(record, indent=1) for record in FIVE),
    "two trail files in a row": "".join(HALVES),
    "trail files, one a line": "\n".join(HALVES),
    "a fragment of a list": ",\n".join(LINES) + ",\n",
    "events": "\n".join(json.dumps(event(record)) for record in FIVE),
    "lookup-events": json.dumps({"Events": [{"EventId": "e", "EventName": "n",
                                             "CloudTrailEvent": line} for line in LINES]}),
    "lookup-events as text": "\n".join(f"EVENTS\tid\tGetObject\t{line}\ttrue" for line in LINES),
    "gzip": gzip.compress(FILE),
    "gzip members in a row": b"".join(gzip.compress(half.encode()) for half in HALVES),
    "gzip in gzip": gzip.compress(gzip.compress(FILE)),
    "bzip2": bz2.compress(FILE),
    "xz": lzma.compress(FILE),
    "zstd": zstandard.compress(FILE),
    "zstd frames in a row": b"".join(zstandard.compress(half.encode()) for half in HALVES),
    "zip": zipped(("a.json", HALVES[0]), ("b/c.json.gz", gzip.compress(HALVES[1].encode()))),
    "tar": tarred(("a.json", HALVES[0].encode()), ("b.json", HALVES[1].encode())),
    "UTF-8 with a mark": b"\xef\xbb\xbf" + FILE,
    "UTF-16": FILE.decode().encode("utf-16"),
    "UTF-16 without a mark": FILE.decode().encode("utf-16-le"),
    "UTF-16, the other way": FILE.decode().encode("utf-16-be"),
    "UTF-32": FILE.decode().encode("utf-32"),
    "filter-log-events": json.dumps({"events": log_group()["logEvents"], "searchedLogStreams": []}),
    "Insights": json.dumps({"results": [[{"field": "@timestamp", "value": "t"},
                                         {"field": "@message", "value": line},
                                         {"field": "@ptr", "value": "p"}] for line in LINES],
                            "status": "Complete"}),
    "Insights of the console": json.dumps([{"@timestamp": "t", "@message": r} for r in FIVE]),
    "Insights as CSV": csv_text(["@timestamp", "@message"], [["t", line] for line in LINES]),
    "Insights, messages alone": csv_text(["@message"], [[line] for line in LINES]),
    "logs tail": "\n".join(DATED),
    "logs tail, indented": "\n".join(f"2026-11-20T09:01:00 x {json.dumps(r, indent=2)}" for r in FIVE),
    "lines with a time in brackets": "\n".join(f"[2026-11-20 09:01] {line}" for line in LINES),
    "a subscription": json.dumps(log_group()),
    "a subscription of Lambda": json.dumps(
        {"awslogs": {"data": based(json.dumps(log_group()), packed=True)}}),
    "Kinesis of Lambda": json.dumps({"Records": [
        {"eventSource": "aws:kinesis", "eventName": "aws:kinesis:record",
         "kinesis": {"partitionKey": "1", "data": based(line)}} for line in LINES]}),
    "a subscription by Kinesis": json.dumps({"Records": [
        {"eventSource": "aws:kinesis", "kinesis": {"data": based(json.dumps(log_group()), True)}}]}),
    "Firehose's transformation": json.dumps({"invocationId": "i", "records": [
        {"recordId": str(n), "data": based(line)} for n, line in enumerate(LINES)]}),
    "receive-message": json.dumps({"Messages": [
        {"MessageId": "m", "Body": json.dumps(event(record))} for record in FIVE]}),
    "SQS of Lambda": json.dumps({"Records": [
        {"messageId": "m", "eventSource": "aws:sqs", "body": json.dumps(event(record))}
        for record in FIVE]}),
    "SNS by SQS": json.dumps({"Messages": [
        {"MessageId": "m", "Body": json.dumps(one)} for one in SNS]}),
    "SNS of Lambda": json.dumps({"Records": [{"EventSource": "aws:sns", "Sns": one} for one in SNS]}),
    "Athena as CSV": csv_text(ATHENA_NAMES, ATHENA),
    "Athena as TSV": csv_text(ATHENA_NAMES, ATHENA, "\t"),
    "Athena as JSON": json.dumps(athena_json()),
    "Athena's second page": json.dumps(athena_second_page()),
    "Athena, JSON of rows": "\n".join(
        json.dumps(dict(zip(ATHENA_NAMES, row, strict=True))) for row in ATHENA),
    "Lake as CSV": csv_text(COLUMNS, LAKE),
    "Lake as JSON": json.dumps({"QueryStatus": "FINISHED", "QueryResultRows": [
        [{name: cell} for name, cell in zip(COLUMNS, row, strict=True)] for row in LAKE]}),
    "Lake's eventJson": csv_text(["eventjson", "eventJson"], [["", line] for line in LINES]),
    "OCSF": "\n".join(json.dumps(ocsf(record)) for record in FIVE),
    "OCSF, flattened": "\n".join(json.dumps(ocsf_flat(record)) for record in FIVE),
    "Elastic with the original": json.dumps({"hits": {"total": 5, "hits": [
        {"_source": {**ecs(record), "event": {"original": json.dumps(record)}}} for record in FIVE]}}),
    "ECS": "\n".join(json.dumps(ecs(record)) for record in FIVE),
    "ECS with text": "\n".join(json.dumps(ecs(record, flattened=False)) for record in FIVE),
    "Kibana as CSV": as_csv([kibana(record) for record in FIVE]),
    "Splunk as CSV": csv_text(["_time", "_raw"], [["t", line] for line in LINES]),
    "Splunk as JSON": "\n".join(
        json.dumps({"preview": False, "result": {"_raw": line}}) for line in LINES),
    "Wazuh": "\n".join(json.dumps({"integration": "aws", "aws": {"log_info": {}, **record}})
                       for record in FIVE),
    "Wazuh's alerts": "\n".join(json.dumps({"rule": {"id": "80250"}, "data": {"aws": record}})
                                for record in FIVE),
    "Sentinel": json.dumps([sentinel(record) for record in FIVE]),
    "Sentinel as CSV": as_csv([sentinel(record) for record in FIVE]),
    "Loki": json.dumps({"status": "success", "data": {"resultType": "streams", "result": [
        {"stream": {"job": "x"}, "values": [["1763629261000000000", line] for line in LINES]}]}}),
    "logcli": "\n".join(json.dumps({"labels": {}, "line": line, "timestamp": "t"}) for line in LINES),
    "Datadog": json.dumps([{"id": "x", "attributes": record, "tags": []} for record in FIVE]),
    "Datadog's search": json.dumps({"data": [
        {"id": "x", "type": "log", "attributes": {"message": "text", "attributes": record}}
        for record in FIVE]}),
    "Datadog as CSV": csv_text(["Date", "Service", "Message"], [["d", "s", line] for line in LINES]),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_every_record_in_every_shape(shape):
    data = SHAPES[shape]
    entries = read(data.encode() if isinstance(data, str) else data)
    assert [entry for entry in entries if not isinstance(entry, Found)] == []
    found = calls(entries)
    assert [type(call) for call in found] == [DeniedCall] * 3 + [Skipped] * 2
    get, put, decrypt = found[:3]
    assert (get.operation, get.bucket, get.object_key) == ("GetObject", "a-reports", KEY)
    assert (put.operation, put.bucket) == ("PutObject", "a-uploads")
    assert (decrypt.operation, decrypt.kms_key) == ("Decrypt", KMS_KEY)
    assert get.caller.account == "222222222222"
    assert "analyst" in get.caller.arn
    assert len({entry.place for entry in entries}) in {1, 5} or "Firehose" in shape


def test_an_address_counts_only_where_an_endpoint_would_be_named():
    """Through a VPC endpoint `aws:SourceIp` is not in the context: without that column it is unknown."""
    columns, cells = ATHENA_NAMES[:-1], ATHENA[0][:-1]
    for names, row, wanted in ((ATHENA_NAMES, ATHENA[0], IP), (columns, cells, None)):
        [call] = calls(read(csv_text(names, [row]).encode()))
        assert call.source_ip == wanted


def test_a_flat_form_keeps_what_a_diagnosis_reads():
    for shape in ("OCSF", "Athena as CSV", "Lake as JSON"):
        data = SHAPES[shape]
        get = calls(read(data.encode()))[0]
        assert get.source_ip == IP, shape
        assert get.bucket_account == "111111111111", shape
        assert get.region == "eu-west-1", shape
        assert get.event_id == "e-1", shape


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


@pytest.mark.parametrize("name", ["resources", "userIdentity"])
def test_a_record_that_begins_with_a_list_is_one_record(name):
    record = {name: [{"a": 1}], **{n: v for n, v in FIVE[0].items() if n != name}}
    [entry] = read(json.dumps(record).encode())
    assert entry == Found("$", record)


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


PLANTED = json.dumps({**FIVE[1], "eventID": "planted"})


@pytest.mark.parametrize("name", ["key", "message", "data", "event", "detail"])
@pytest.mark.parametrize("wrap", [
    lambda record: record,
    event,
    ocsf,
    ecs,
    sentinel,
    lambda record: {"result": {"_raw": json.dumps(record)}},
    lambda record: dict(zip(ATHENA_NAMES, athena_cells(record), strict=True)),
], ids=["record", "event", "OCSF", "ECS", "Sentinel", "Splunk", "Athena"])  # fmt: skip
def test_a_record_that_the_caller_wrote_into_a_request_is_not_opened(wrap, name):
    asked = {"bucketName": "a-reports", "key": "k", name: PLANTED}
    hostile = {**FIVE[0], "requestParameters": asked, "userAgent": PLANTED}
    [call] = calls(read(json.dumps(wrap(hostile)).encode()))
    assert call.event_id != "planted"
    assert call.bucket == "a-reports"


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


STRUCTS = [
    ("{type=Role, arn=arn:x}", {"type": "Role", "arn": "arn:x"}),
    ("{type=Role, username=null}", {"type": "Role", "userName": None}),
    ("{type=Role, arn=a, b, c}", {"type": "Role", "arn": "a, b, c"}),
    ("{sessioncontext={sessionissuer={type=Role, arn=r}}, type=AssumedRole}",
     {"sessionContext": {"sessionIssuer": {"type": "Role", "arn": "r"}}, "type": "AssumedRole"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), STRUCTS)
def test_a_structure_in_text(text, wanted):
    assert read_text("userIdentity", text) == wanted


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


@pytest.mark.parametrize("code", [*sorted(_DENIALS), "KMS.DisabledException"])
def test_a_denial_is_never_passed_over_unread(code):
    assert may_be_denial(json.dumps({"errorCode": code}).encode())
    escaped = "".join(f"\\u{ord(char):04x}" for char in code)
    assert may_be_denial(f'{{"errorCode": "{escaped}"}}'.encode())


def many(denials):
    harmless = {"eventVersion": "1.11", **FIVE[4], "errorCode": None, "errorMessage": None}
    return [*[harmless] * 100, *[FIVE[0]] * denials]


@pytest.mark.parametrize("form", ["file", "lines"])
def test_records_without_a_denial_are_counted_unread(form):
    def made(records):
        if form == "lines":
            return "".join(json.dumps(r, separators=(",", ":")) + "\n" for r in records).encode()
        return json.dumps({"Records": records}, separators=(",", ":")).encode()

    entries = read(made(many(0)), all_records=False)
    assert sum(e.count for e in entries if isinstance(e, Irrelevant)) == 100
    assert calls(entries) == []
    assert len(denied(read(made(many(1)), all_records=False))) == 1
    assert len(calls(read(made(many(0))))) == 100


def test_what_comes_in_small_pieces_is_the_same():
    class Slow(io.BytesIO):
        def read1(self, _size=-1):
            return super().read1(7)

        def peek(self, _size=0):
            return self.getvalue()[self.tell() : self.tell() + 300]

    for shape in ("a trail file", "JSON Lines", "Athena as CSV", "indented records in a row"):
        data = SHAPES[shape]
        data = data.encode() if isinstance(data, str) else data
        entries = list(read_entries(Slow(data), "input"))
        assert len(denied(entries)) == 3, shape
