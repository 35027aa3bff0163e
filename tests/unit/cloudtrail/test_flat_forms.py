"""A row of a table becomes the record again: each field under its own name, and what is lacking, by name."""

import json
from typing import Any

import pytest

from threegrants.cloudtrail.reading.flat_forms import FORMS, flat_form_of
from threegrants.cloudtrail.reading.rows import FULL_RECORD
from threegrants.cloudtrail.trail_files import Found, Incomplete

A, B = "111111111111", "222222222222"
SESSION, ROLE = f"arn:aws:sts::{B}:assumed-role/analyst/s", f"arn:aws:iam::{B}:role/analyst"
ASKED = {"bucketName": "a-reports", "key": "k"}
ASKED_TEXT = '{"bucketName": "a-reports", "key": "k"}'
CONTEXT = {
    "sessionIssuer": {"type": "Role", "arn": ROLE},
    "attributes": {"creationDate": "2026-11-20T08:00:00Z", "mfaAuthenticated": "true"},
}
RECORD: dict[str, Any] = {
    "eventVersion": "1.11",
    "userIdentity": {
        "type": "AssumedRole",
        "arn": SESSION,
        "principalId": "AROAX:s",
        "accountId": B,
        "invokedBy": "athena.amazonaws.com",
        "sessionContext": CONTEXT,
    },
    "eventTime": "2026-11-20T09:01:00Z",
    "eventSource": "s3.amazonaws.com",
    "eventName": "GetObject",
    "awsRegion": "eu-west-1",
    "sourceIPAddress": "198.51.100.7",
    "userAgent": "agent",
    "errorCode": "AccessDenied",
    "errorMessage": "Access Denied",
    "requestParameters": ASKED,
    "requestID": "r-1",
    "eventID": "e-1",
    "resources": [{"ARN": "arn:aws:s3:::a-reports", "type": "AWS::S3::Bucket", "accountId": A}],
    "recipientAccountId": B,
    "sharedEventID": "shared-1",
    "vpcEndpointId": "vpce-1",
    "eventType": "AwsApiCall",
}
"""What each of the whole rows below says."""


def without(*names, **changes):
    return {name: value for name, value in RECORD.items() if name not in names} | changes


def who(*names, **changes):
    kept = {n: v for n, v in RECORD["userIdentity"].items() if n not in names}
    return kept | changes


OCSF = {
    "metadata": {"product": {"version": "1.11", "name": "CloudTrail"}, "uid": "e-1"},
    "class_uid": 6003,
    "time": 1,
    "time_dt": "2026-11-20T09:01:00Z",
    "cloud": {"region": "eu-west-1", "account": {"uid": A}},
    "api": {
        "operation": "GetObject",
        "service": {"name": "s3.amazonaws.com"},
        "request": {"uid": "r-1", "data": ASKED_TEXT},
        "response": {"error": "AccessDenied", "message": "Access Denied"},
    },
    "actor": {
        "user": {
            "type": "AssumedRole",
            "uid": SESSION,
            "uid_alt": "AROAX:s",
            "account": {"uid": B},
        },
        "session": {
            "issuer": ROLE,
            "created_time_dt": "2026-11-20T08:00:00Z",
            "is_mfa": True,
        },
        "invoked_by": "athena.amazonaws.com",
    },
    "src_endpoint": {"ip": "198.51.100.7", "domain": "a.example", "uid": "vpce-1"},
    "http_request": {"user_agent": "agent"},
    "resources": [
        {
            "uid": "arn:aws:s3:::a-reports",
            "type": "AWS::S3::Bucket",
            "owner": {"account": {"uid": A}},
        }
    ],
    "unmapped": {
        "recipientAccountId": B,
        "sharedEventID": "shared-1",
        "eventType": "AwsApiCall",
        "requestParameters.key": "another",
    },
}
TRAIL = {
    "event_version": "1.11",
    "event_id": "e-1",
    "event_type": "AwsApiCall",
    "error_code": "AccessDenied",
    "error_message": "Access Denied",
    "request_id": "r-1",
    "request_parameters": "{bucketName=a-reports, key=another}",
    "recipient_account_id": B,
    "shared_event_id": "shared-1",
    "vpc_endpoint_id": "vpce-1",
    "flattened": {"request_parameters": ASKED},
    "resources": [{"arn": "arn:aws:s3:::a-reports", "type": "AWS::S3::Bucket", "account_id": A}],
    "user_identity": {
        "type": "AssumedRole",
        "arn": SESSION,
        "invoked_by": "athena.amazonaws.com",
        "session_context": {
            "session_issuer": {"arn": ROLE},
            "creation_date": "2026-11-20T08:00:00Z",
            "mfa_authenticated": True,
        },
    },
}
ECS = {
    "@timestamp": "2026-11-20T09:01:00Z",
    "event": {"provider": "s3.amazonaws.com", "action": "GetObject", "id": "another"},
    "cloud": {"region": "eu-west-1", "account": {"id": B}},
    "source": {"ip": "198.51.100.7", "address": "a.example"},
    "user": {"id": "AROAX:s"},
    "user_agent": {"original": "agent"},
    "aws": {"cloudtrail": TRAIL},
}


def dotted(value, start=""):
    """Nested objects as one row of dotted names."""
    found = {}
    for name, one in value.items():
        inner = isinstance(one, dict) and name != "request_parameters"
        found |= dotted(one, f"{start}{name}.") if inner else {start + name: one}
    return found


SENTINEL = {
    "TimeGenerated": "2026-11-20T09:01:00Z",
    "EventVersion": "1.11",
    "EventSource": "s3.amazonaws.com",
    "EventName": "GetObject",
    "EventTypeName": "AwsApiCall",
    "ErrorCode": "AccessDenied",
    "ErrorMessage": "Access Denied",
    "AWSRegion": "eu-west-1",
    "SourceIpAddress": "198.51.100.7",
    "UserAgent": "agent",
    "UserIdentityType": "AssumedRole",
    "UserIdentityArn": SESSION,
    "UserIdentityPrincipalid": "AROAX:s",
    "UserIdentityAccountId": B,
    "UserIdentityInvokedBy": "athena.amazonaws.com",
    "SessionIssuerArn": ROLE,
    "SessionCreationDate": "2026-11-20T08:00:00Z",
    "SessionMfaAuthenticated": True,
    "RequestParameters": ASKED_TEXT,
    "AdditionalEventData": '{"SignatureVersion": "SigV4"}',
    "Resources": json.dumps(RECORD["resources"]),
    "AwsRequestId_": "r-1",
    "AwsRequestId": "another",
    "AwsEventId": "e-1",
    "RecipientAccountId": B,
    "SharedEventId": "shared-1",
    "VpcEndpointId": "vpce-1",
}
ATHENA = {name.lower(): value for name, value in RECORD.items()} | {
    "useridentity": (
        f"{{type=AssumedRole, principalid=AROAX:s, arn={SESSION}, accountid={B}, "
        "invokedby=athena.amazonaws.com, sessioncontext={attributes={mfaauthenticated=true, "
        f"creationdate=2026-11-20T08:00:00Z}}, sessionissuer={{type=Role, arn={ROLE}}}}}}}"
    ),
    "requestparameters": ASKED_TEXT,
    "resources": f"[{{arn=arn:aws:s3:::a-reports, accountid={A}, type=AWS::S3::Bucket}}]",
    "date": "2026/11/20",
}


def changed(row, **parts):
    """A row with other objects at its top; None takes one away."""
    return {n: v for n, v in {**row, **parts}.items() if v is not None}


def ecs(**parts):
    return changed(ECS, aws={"cloudtrail": changed(TRAIL, **parts)})


AMBIGUOUS = "{bucketName=a, bucketName=b}"
IDENTITY = TRAIL["user_identity"]
SIGNED = {"additionalEventData": {"SignatureVersion": "SigV4"}}
WHOLE = [
    pytest.param("OCSF", OCSF, RECORD, id="OCSF"),
    pytest.param("OCSF", changed(OCSF, class_uid=None), RECORD, id="OCSF without its class"),
    pytest.param("OCSF", changed(OCSF, api=OCSF["api"] | {"request": {}}),
                 without("requestID", requestParameters={"key": "another"}),
                 id="OCSF with the request flattened"),
    pytest.param("OCSF", changed(OCSF, time_dt=None, time=1763629261000),
                 RECORD | {"eventTime": "2025-11-20T09:01:01Z"}, id="OCSF with a number as its time"),
    pytest.param("OCSF", changed(OCSF, src_endpoint={"domain": "a.example", "uid": "10.0.0.1"}),
                 without("vpcEndpointId", sourceIPAddress="a.example"), id="OCSF from a domain"),
    pytest.param("OCSF", changed(OCSF, unmapped=None),
                 without("sharedEventID", "eventType", recipientAccountId=A),
                 id="OCSF with the account of its cloud alone"),
    pytest.param("OCSF", changed(OCSF, actor={"user": {"uuid": SESSION, "account_uid": B}}),
                 RECORD | {"userIdentity": {"arn": SESSION, "accountId": B}},
                 id="OCSF with an older schema's account"),
    pytest.param("OCSF", changed(OCSF, actor={"user": {"uid": "AROAX:s"}}),
                 RECORD | {"userIdentity": {"principalId": "AROAX:s"}}, id="OCSF with an id alone"),
    pytest.param("OCSF", changed(OCSF, actor={"invoked_by": "athena.amazonaws.com"}),
                 RECORD | {"userIdentity": {"invokedBy": "athena.amazonaws.com"}},
                 id="OCSF of a service"),
    pytest.param("OCSF", changed(OCSF, api=OCSF["api"] | {"response": {}}),
                 without("errorMessage", errorCode=None), id="OCSF of a call that succeeded"),
    pytest.param("ECS", ECS, RECORD | {"userIdentity": who("accountId")}, id="ECS"),
    pytest.param("ECS", dotted(ECS), RECORD | {"userIdentity": who("accountId")}, id="ECS in dotted names"),
    pytest.param("ECS", ecs(flattened=None, request_parameters=ASKED_TEXT, event_id=None),
                 RECORD | {"userIdentity": who("accountId"), "eventID": "another"},
                 id="ECS with text"),
    pytest.param("ECS", ecs(user_identity=IDENTITY | {"arn": None}),
                 RECORD | {"userIdentity": who("arn")}, id="ECS with an id alone"),
    pytest.param("ECS", changed(ECS, user=None),
                 RECORD | {"userIdentity": who("accountId", "principalId")},
                 id="ECS with an ARN alone"),
    pytest.param("ECS", changed(ECS, source={"address": "a.example"}),
                 RECORD | {"userIdentity": who("accountId"), "sourceIPAddress": "a.example"},
                 id="ECS from a domain"),
    pytest.param("ECS", ecs(vpc_endpoint_id=None),
                 without("vpcEndpointId", userIdentity=who("accountId")),
                 id="ECS from the internet"),
    pytest.param("ECS", changed(dotted(ECS), **{"aws.cloudtrail.vpc_endpoint_id": "-"}),
                 without("vpcEndpointId", userIdentity=who("accountId")),
                 id="ECS in a table, from the internet"),
    pytest.param("ECS", changed(dotted(ECS), **{"aws.cloudtrail.vpc_endpoint_id": None}),
                 without("vpcEndpointId", "sourceIPAddress", userIdentity=who("accountId")),
                 id="ECS in a table that names no endpoints"),
    pytest.param("ECS", ecs(error_code=None),
                 RECORD | {"userIdentity": who("accountId"), "errorCode": None},
                 id="ECS of a call that succeeded"),
    pytest.param("ECS", changed(dotted(ECS), **{"aws.cloudtrail.error_code": "-"}),
                 RECORD | {"userIdentity": who("accountId"), "errorCode": None},
                 id="ECS in a table, of a call that succeeded"),
    pytest.param("Sentinel", SENTINEL, RECORD | SIGNED, id="Sentinel"),
    pytest.param("Sentinel", changed(SENTINEL, AwsRequestId_=None),
                 RECORD | SIGNED | {"requestID": "another"}, id="Sentinel with another column"),
    pytest.param("Sentinel", changed(SENTINEL, UserIdentityArn=None),
                 RECORD | SIGNED | {"userIdentity": who("arn")}, id="Sentinel with an id alone"),
    pytest.param("Sentinel", changed(SENTINEL, UserIdentityPrincipalid=None),
                 RECORD | SIGNED | {"userIdentity": who("principalId")}, id="Sentinel with an ARN alone"),
    pytest.param("Sentinel", changed(SENTINEL, UserIdentityPrincipalid="", UserIdentityArn=""),
                 RECORD | SIGNED | {"userIdentity": who("principalId", "arn")},
                 id="Sentinel of a service"),
    pytest.param("Sentinel", changed(SENTINEL, ErrorCode=""), RECORD | SIGNED | {"errorCode": None},
                 id="Sentinel of a call that succeeded"),
    pytest.param("Sentinel", changed(SENTINEL, VpcEndpointId=""),
                 without("vpcEndpointId") | SIGNED, id="Sentinel from the internet"),
    pytest.param("Sentinel", changed(SENTINEL, VpcEndpointId=None),
                 without("vpcEndpointId", "sourceIPAddress") | SIGNED,
                 id="Sentinel in a table that names no endpoints"),
    pytest.param("Athena", ATHENA, RECORD, id="Athena"),
    pytest.param("Athena", changed(ATHENA, vpcendpointid="null", useragent="-"),
                 RECORD | {"vpcEndpointId": None, "userAgent": None}, id="Athena with empty cells"),
    pytest.param("Athena", changed(ATHENA, vpcendpointid=None),
                 without("vpcEndpointId", "sourceIPAddress"),
                 id="Athena in a table that names no endpoints"),
    pytest.param("Athena", changed(ATHENA, additionaleventdata=AMBIGUOUS, tlsdetails="null"),
                 RECORD | {"tlsDetails": None}, id="Athena with a cell that nobody needs unreadable"),
    pytest.param("Athena", changed(RECORD, requestParameters=ASKED_TEXT), RECORD,
                 id="Lake with text in one column"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "row", "record"), WHOLE)
def test_a_row_is_the_record_again(form, row, record):
    found = flat_form_of(row)
    assert form in found.name
    assert found.read("row 1", found, row) == Found("row 1", record)


def objects(*arns):
    rows = ", ".join(f"{{arn={arn}, type=AWS::S3::Object}}" for arn in arns)
    return f"[{rows}]" if arns else None


def athena(*arns, **changes):
    asked = {"requestparameters": "{bucketName=a-reports, key=k}"}
    return changed(ATHENA, **asked | {"resources": objects(*arns)} | changes)


LACKING = [
    pytest.param(changed(OCSF, actor=None), ["userIdentity"], id="OCSF without an identity"),
    pytest.param(changed(OCSF, api={"operation": "GetObject", "service": {"name": "s3.amazonaws.com"}},
                         unmapped=None),
                 ["errorCode", "requestParameters"], id="OCSF without request and response"),
    pytest.param(changed(ECS, event={}, user={}, aws={"cloudtrail": {"error_code": "AccessDenied"}}),
                 ["userIdentity", "eventSource", "eventName", "requestParameters"],
                 id="ECS without anything"),
    pytest.param(changed(dotted(ECS), **{"aws.cloudtrail.error_code": None}), ["errorCode"],
                 id="ECS in a table without the code"),
    pytest.param(ecs(flattened=None, request_parameters=AMBIGUOUS),
                 ["requestParameters without ambiguity (bucketName stands there twice)"], id="ECS with ambiguous text"),
    pytest.param(changed(SENTINEL, UserIdentityArn="", UserIdentityPrincipalid="",
                         UserIdentityInvokedBy="", ErrorCode=None),
                 ["userIdentity", "errorCode"], id="Sentinel without identity and code"),
    pytest.param(athena(requestparameters=AMBIGUOUS),
                 ["requestParameters without ambiguity (bucketName stands there twice)"], id="Athena with ambiguous text"),
    pytest.param(athena("arn:aws:s3:::a-reports/another"),
                 ["a key that its resources confirm"], id="Athena with another object in resources"),
    pytest.param(athena("arn:aws:s3:::b-reports/k"),
                 ["a key that its resources confirm"], id="Athena with an object of another bucket"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "missing"), LACKING)
def test_a_row_that_lacks_something_says_what(row, missing):
    form = flat_form_of(row)
    entry = form.read("row 1", form, row)
    assert entry == Incomplete("row 1", form.name, tuple(missing), FULL_RECORD)


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(athena(), id="resources list nothing"),
        pytest.param(athena("arn:aws:s3:::a-reports/k"), id="resources confirm it"),
        pytest.param(athena("arn:aws:s3:::b-reports/x", "arn:aws:s3:::a-reports/k"), id="one of them does"),
        pytest.param(athena("arn:aws:s3:eu-west-1:1:accesspoint/p/object/k"), id="through an access point"),
        pytest.param(athena("arn:aws:s3:::b/x", requestparameters='{"bucketName": "a-reports"}'), id="no key"),
        pytest.param(athena("arn:aws:s3:::b/x", requestparameters='{"key": "k"}'), id="no bucket"),
        pytest.param(athena("arn:aws:s3:::c-archive/k2", requestparameters=(
            '{"bucketName": "a-reports", "key": "k", "x-amz-copy-source": "c-archive/k2"}')), id="a copy"),
    ],
)  # fmt: skip
def test_a_key_that_nothing_contradicts_is_taken(row):
    form = flat_form_of(row)
    assert isinstance(form.read("row 1", form, row), Found)


RECOGNISED = [
    pytest.param({"api": {"operation": "GetObject"}}, None, id="an operation of no service"),
    pytest.param({"api": {"service": {"name": "s3.amazonaws.com"}}}, None, id="a service without operation"),
    pytest.param({"api.operation": "GetObject", "api.service.name": "s3.amazonaws.com"}, "OCSF", id="OCSF, dotted"),
    pytest.param({"class_uid": 6003, "metadata": {"product": {"name": "CloudTrail"}}}, "OCSF", id="OCSF by its class"),
    pytest.param({"aws": {"cloudtrail": {}}}, "ECS", id="ECS"),
    pytest.param({"aws": {"cloudtrail": "x"}}, None, id="a text where ECS has fields"),
    pytest.param({"aws.cloudtrail.event_id": "e"}, "ECS", id="ECS, dotted"),
    pytest.param({"eventname": "GetObject"}, "Athena", id="Athena, a name alone"),
    pytest.param({"eventsource": "s3.amazonaws.com"}, "Athena", id="Athena, a source alone"),
    pytest.param({"useridentity": "{}", "errorcode": "AccessDenied"}, "Athena", id="Athena, who and why"),
    pytest.param({"useridentity": "{}"}, None, id="an identity alone"),
    pytest.param({"errorcode": "AccessDenied"}, None, id="a code alone"),
    pytest.param({"eventName": "GetObject", "userIdentity": "{a=b}"}, "Athena", id="Lake, an identity as text"),
    pytest.param({"eventName": "GetObject", "resources": "[{a=b}]"}, "Athena", id="Lake, resources as text"),
    pytest.param({"eventName": "GetObject", "requestParameters": "{a=b}"}, "Athena", id="Lake, a request as text"),
    pytest.param({"eventName": "GetObject", "additionalEventData": "{a=b}"}, "Athena", id="Lake, more data as text"),
    pytest.param({"eventName": "GetObject", "additionalEventData": "a"}, None, id="another text"),
    pytest.param({"eventName": "GetObject", "userIdentity": {}}, None, id="a record"),
    pytest.param({"EventSource": "s", "EventName": "n", "TimeGenerated": "t"}, "Sentinel", id="Sentinel"),
    pytest.param({"EventSource": "s", "EventName": "n"}, None, id="Sentinel without a time"),
    pytest.param({"Event name": "n", "Event source": "s"}, "event history", id="the console"),
    pytest.param({"Event name": "n"}, None, id="half of the console's"),
    pytest.param({"EventId": "e", "EventName": "n"}, "lookup-events", id="lookup-events"),
    pytest.param({"EventId": "e", "EventName": "n", "CloudTrailEvent": "{}"}, None, id="lookup-events with the record"),
    pytest.param({"s3": {"object": {}}}, "notification", id="a notification"),
    pytest.param({"s3": {}}, None, id="an s3 without an object"),
    pytest.param({"s3": "object"}, None, id="an s3 that is a text"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "name"), RECOGNISED)
def test_how_a_form_is_recognised(row, name):
    form = flat_form_of(row)
    assert (form is None) if name is None else (name in form.name)


ADVICE = {
    "the console's event history as CSV": (
        ("userIdentity", "requestParameters", "errorMessage"), "threegrants fetch"),
    "an event of lookup-events without its record": (("CloudTrailEvent",), "without --query"),
    "S3's notification of a new trail file": (("the file's content",), "aws s3 cp"),
    "a message of CloudTrail about new trail files": (("the files' content",), "aws s3 cp"),
    "a digest file of CloudTrail": (("records",), "beside the folder CloudTrail-Digest"),
}  # fmt: skip


@pytest.mark.parametrize("name", ADVICE)
def test_what_never_holds_a_record_says_where_it_is(name):
    [form] = [form for form in FORMS if form.name == name]
    entry = form.read("row 1", form, {})
    assert (entry.place, entry.form, entry.missing) == ("row 1", name, ADVICE[name][0])
    assert ADVICE[name][1] in entry.advice
