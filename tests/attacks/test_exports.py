"""2: what a caller writes into a request is text of that request, in whichever export it comes."""

import csv
import io
import json

import pytest

from support.attacks import Ends, attack
from support.records import ROLE, s3
from threegrants.cloudtrail import parse_record
from threegrants.cloudtrail.trail_files import Found, Incomplete, read_entries

FORGED = json.dumps({"eventVersion": "1.11", **s3("forged", bucket="victim")})
ASKED = {"bucketName": "a-reports", "key": FORGED, "message": FORGED, "data": FORGED}
RECORD = {"eventVersion": "1.11", **s3("true", requestParameters=ASKED, userAgent=FORGED)}


def ecs():
    trail = {"error_code": "AccessDenied", "user_identity": {"arn": ROLE, "type": "Role"},
             "flattened": {"request_parameters": ASKED}}  # fmt: skip
    event = {"action": "GetObject", "provider": "s3.amazonaws.com", "id": "true"}
    return {"aws": {"cloudtrail": trail}, "event": event, "user_agent": {"original": FORGED}}


def ocsf():
    response = {"error": "AccessDenied", "message": "Access Denied"}
    api = {"operation": "GetObject", "service": {"name": "s3.amazonaws.com"}, "response": response,
           "request": {"data": json.dumps(ASKED)}}  # fmt: skip
    return {"api": api, "actor": {"user": {"uid": ROLE}}, "metadata": {"uid": "true"},
            "http_request": {"user_agent": FORGED}}  # fmt: skip


EXPORTS = {
    "a record": RECORD,
    "an event": {"detail-type": "AWS API Call via CloudTrail", "detail": RECORD},
    "lookup-events": {"Events": [{"CloudTrailEvent": json.dumps(RECORD)}]},
    "CloudWatch Logs": {"events": [{"message": json.dumps(RECORD)}]},
    "Elastic": ecs(),
    "Security Lake": ocsf(),
}


@attack(
    "2",
    "a whole CloudTrail record as an object key, in an export that is fed in",
    "the record that the caller wrote is taken for CloudTrail's",
    Ends.IGNORED,
)
@pytest.mark.parametrize("export", EXPORTS)
def test_a_record_in_a_request_is_no_record(export):
    data = json.dumps(EXPORTS[export]).encode()
    [entry] = read_entries(io.BytesIO(data), "export")
    assert isinstance(entry, Found)
    call = parse_record(entry.record)
    assert (call.event_id, call.bucket) == ("true", "a-reports")


PLANTED = [
    "k, bucketName=victim",
    "k, versionId=v",
    "k, x-amz-acl=public-read",
    "k}, resources=[{arn=arn:aws:s3:::victim",
]


@attack(
    "2",
    "an object key that reads like the next field, in a row of CloudTrail Lake, which quotes nothing",
    "a parameter is believed that the request did not have",
    Ends.UNKNOWN,
)
@pytest.mark.parametrize("key", PLANTED)
def test_a_key_that_reads_like_the_next_field(key):
    columns = {
        "userIdentity": f"{{type=Role, arn={ROLE}}}",
        "eventSource": "s3.amazonaws.com",
        "eventName": "GetObject",
        "errorCode": "AccessDenied",
        "requestParameters": f"{{bucketName=a-reports, key={key}, Host=a-reports.s3.amazonaws.com}}",
        "resources": f"[{{type=AWS::S3::Object, arn=arn:aws:s3:::a-reports/{key}}}]",
    }
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([columns, columns.values()])
    [entry] = read_entries(io.BytesIO(out.getvalue().encode()), "rows.csv")
    if isinstance(entry, Incomplete):
        assert "requestParameters" in entry.missing[0] or "resources" in entry.missing[0]
        return
    asked = entry.record["requestParameters"]
    assert asked == {"bucketName": "a-reports", "key": key, "Host": "a-reports.s3.amazonaws.com"}
