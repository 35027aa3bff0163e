"""The same five records in every form in which people keep CloudTrail records: three denials, one success,
and one call of another service.
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

import zstandard

from support.records import kms, s3
from threegrants.cloudtrail import DeniedCall, parse_record
from threegrants.cloudtrail.trail_files import Found, read_entries

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
