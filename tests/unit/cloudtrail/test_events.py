"""The sample events, one a file, and what each is read as."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threegrants.cloudtrail import DeniedCall, RecordError, Skipped, copy_source_read, parse_record
from threegrants.cloudtrail.trail_files import read_trail_file

EVENTS = Path(__file__).parents[3] / "events"
A = "111111111111"
WANTED = {
    # file: caller, action, access, KMS actions, owner known, how the key is known
    "getobject-caller-copy": ("role", "s3:GetObject", "read", "kms:Decrypt", None, None),
    "getobject-owner-copy": ("role", "s3:GetObject", "read", "kms:Decrypt", A, None),
    "getobject-owner-copy-user": ("user", "s3:GetObject", "read", "kms:Decrypt", A, None),
    "getobject-detailed-message": ("role", "s3:GetObject", "read", "kms:Decrypt", A, None),
    "getobject-identity-center": ("role", "s3:GetObject", "read", "kms:Decrypt", None, None),
    "getobject-anonymous": ("anonymous", "s3:GetObject", "read", "kms:Decrypt", A, None),
    "putobject-caller-copy": ("user", "s3:PutObject", "write", "kms:GenerateDataKey", None,
                              "request"),
    "putobject-owner-copy": ("role", "s3:PutObject", "write", "kms:GenerateDataKey", A, None),
    "putobject-aws-service": ("service", "s3:PutObject", "write", "kms:GenerateDataKey", A, None),
    "listobjectsv2-caller-copy": ("role", "s3:ListBucket", "list", "", None, None),
    "listobjectsv2-owner-copy": ("role", "s3:ListBucket", "list", "", A, None),
    "copyobject-caller-copy": ("role", "s3:PutObject", "write", "kms:GenerateDataKey", None, None),
    "copyobject-owner-copy": ("role", "s3:PutObject", "write", "kms:GenerateDataKey", A, None),
    "createmultipartupload-caller-copy": ("role", "s3:PutObject", "write",
                                          "kms:GenerateDataKey kms:Decrypt", None, None),
    "createmultipartupload-owner-copy": ("role", "s3:PutObject", "write",
                                         "kms:GenerateDataKey kms:Decrypt", A, None),
    "uploadpart-owner-copy": ("role", "s3:PutObject", "write", "kms:GenerateDataKey kms:Decrypt",
                              A, None),
    "getobject-access-key-id": ("account", "s3:GetObject", "read", "kms:Decrypt", A, None),
    "getobject-access-point": ("role", "s3:GetObject", "read", "kms:Decrypt", A, None),
    "getobject-empty-session-issuer": ("role", "s3:GetObject", "read", "kms:Decrypt", None, None),
    "getobject-enriched": ("role", "s3:GetObject", "read", "kms:Decrypt", None, None),
    "getobject-federated-user": ("federated_user", "s3:GetObject", "read", "kms:Decrypt", None,
                                 None),
    "getobject-identity-center-user": ("identity_center_user", "s3:GetObject", "read",
                                       "kms:Decrypt", None, None),
    "getobject-multi-region-access-point": ("role", "s3:GetObject", "read", "kms:Decrypt", None,
                                            None),
    "getobject-vpc-endpoint-denied": ("role", "s3:GetObject", "read", "kms:Decrypt", None, None),
    "headobject-caller-copy": ("role", "s3:GetObject", "read", "kms:Decrypt", None, None),
    "kms-decrypt-aws-internal": ("role", "kms:Decrypt", "read", "kms:Decrypt", None,
                                 "error_message"),
    "kms-decrypt-service-identity": ("service", "kms:Decrypt", "read", "kms:Decrypt", None,
                                     "error_message"),
    "kms-decrypt-through-s3": ("role", "kms:Decrypt", "read", "kms:Decrypt", None,
                               "error_message"),
    "kms-generatedatakey-through-s3": ("role", "kms:GenerateDataKey", "write",
                                       "kms:GenerateDataKey", None, None),
}  # fmt: skip


def test_every_file_is_in_the_table():
    assert {path.stem for path in EVENTS.glob("*.json")} == set(WANTED)


@pytest.mark.parametrize("name", WANTED)
def test_event(name):
    call = parse_record(json.loads((EVENTS / f"{name}.json").read_text()))
    assert isinstance(call, DeniedCall)
    seen = (call.caller.type.value, call.action, call.access.value, " ".join(call.kms_actions),
            call.bucket_account, call.kms_key_source)  # fmt: skip
    assert seen == WANTED[name]


@pytest.mark.parametrize(
    ("operation", "key"),
    [
        ("GetObject", "k"),
        ("AbortMultipartUpload", "k"),
        ("ListParts", "k"),
        ("ListObjects", None),
        ("GetObjectLockConfiguration", None),
        ("CreateSession", None),
    ],
)
def test_only_object_actions_are_about_the_key(operation, key):
    asked = {"bucketName": "b", "key": "k"}
    call = parse_record({**RECORD, "eventName": operation, "requestParameters": asked})
    assert call.object_key == key


def load(name):
    return parse_record(json.loads((EVENTS / f"{name}.json").read_text()))


MULTI_REGION = f"arn:aws:s3::{A}:accesspoint/mfzwi23gnjvgw.mrap"


@pytest.mark.parametrize(
    ("name", "bucket", "point"),
    [
        ("getobject-access-point", "a-reports", f"arn:aws:s3:eu-west-1:{A}:accesspoint/reports-ap"),
        ("getobject-multi-region-access-point", None, MULTI_REGION),
        ("getobject-owner-copy", "a-reports", None),
    ],
)
def test_an_access_point_is_no_bucket(name, bucket, point):
    call = load(name)
    assert (call.bucket, call.access_point_arn) == (bucket, point)


@pytest.mark.parametrize(
    ("asked", "resources", "bucket"),
    [
        ("reports-ap-abc-s3alias", [{"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::b"}], "b"),
        ("reports-ap-abc-s3alias", [], None),
        (MULTI_REGION, [], None),
        ("b", [], "b"),
    ],
)
def test_names_that_stand_for_an_access_point(asked, resources, bucket):
    event = {**RECORD, "requestParameters": {"bucketName": asked}, "resources": resources}
    assert parse_record(event).bucket == bucket


@pytest.mark.parametrize(
    "name",
    ["kms-decrypt-through-s3", "kms-decrypt-service-identity", "kms-decrypt-aws-internal"],
)
def test_all_three_forms_of_a_kms_call_by_s3(name):
    assert load(name).via_service


def test_a_federated_user_has_the_policies_of_its_user():
    caller = load("getobject-federated-user").caller
    assert caller.issuer_arn == "arn:aws:iam::222222222222:user/ann"
    assert (caller.session_arn, caller.unique_id) == (caller.arn, None)


def test_an_enriched_event_tells_condition_keys():
    assert load("getobject-enriched").condition_keys == {
        "aws:PrincipalOrgID": "o-exampleorg1",
        "aws:PrincipalTag/team": "reports",
    }


def test_what_is_not_understood_of_an_enriched_event_is_left_out():
    odd = {"requestContext": {"a": 1, "b": ["x", 2], "c": ["x", "y"]}, "tagContext": {
        "principalTags": [{"team": "red"}]}}  # fmt: skip
    assert parse_record({**RECORD, "eventContext": odd}).condition_keys == {"c": ("x", "y")}


def test_a_network_activity_event_names_the_endpoint():
    call = load("getobject-vpc-endpoint-denied")
    assert (call.message.policy_type, call.message.explicit_deny) == ("vpce", None)
    assert call.vpc_endpoint_account == "222222222222"


def test_whether_headobject_needs_the_key_is_not_sure():
    assert load("headobject-caller-copy").kms_uncertainty
    asked = {"bucketName": "b", "key": "k", "x-amz-checksum-mode": "ENABLED"}
    call = parse_record({**RECORD, "eventName": "HeadObject", "requestParameters": asked})
    assert call.kms_uncertainty is None
    assert load("getobject-caller-copy").kms_uncertainty is None


COPIES = [
    ("c-archive/2025/q3.csv", ("c-archive", None, "2025/q3.csv", None)),
    ("/c-archive/a%20b%3Fc.csv", ("c-archive", None, "a b?c.csv", None)),
    ("c-archive/k?versionId=v1", ("c-archive", None, "k", "v1")),
    (f"arn:aws:s3:eu-west-1:{A}:accesspoint/p/object/k/l", (None, f"arn:aws:s3:eu-west-1:{A}:accesspoint/p",
                                                            "k/l", None)),
]  # fmt: skip


@pytest.mark.parametrize(("stated", "wanted"), COPIES)
def test_a_copy_reads_its_source(stated, wanted):
    asked = {"bucketName": "b", "key": "k", "x-amz-copy-source": stated,
             "x-amz-server-side-encryption": "aws:kms"}  # fmt: skip
    call = parse_record({**RECORD, "eventName": "CopyObject", "requestParameters": asked})
    read = copy_source_read(call)
    assert (read.bucket, read.access_point_arn, read.object_key, read.version_id) == wanted
    action = "s3:GetObjectVersion" if wanted[3] else "s3:GetObject"
    assert (read.s3_actions, read.kms_actions) == ((action,), ("kms:Decrypt",))
    assert (read.request_headers, read.copy_source) == ({}, None)
    assert call.s3_actions == ("s3:PutObject",)


def test_what_is_no_copy_has_no_source():
    assert copy_source_read(parse_record(RECORD)) is None
    asked = {"bucketName": "b", "key": "k", "x-amz-copy-source": "/nothing"}
    call = parse_record({**RECORD, "eventName": "CopyObject", "requestParameters": asked})
    assert copy_source_read(call) is None


def test_both_copies_are_one_event():
    calls = [
        parse_record(json.loads((EVENTS / f"getobject-{side}-copy.json").read_text()))
        for side in ("caller", "owner")
    ]
    assert calls[0].shared_event_id == calls[1].shared_event_id
    assert calls[0].event_id != calls[1].event_id


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ("eventSource", "eventName", "errorCode", "errorMessage", "userIdentity", "resources",
          "requestParameters", "eventID", "detail", "detail-type", "tlsDetails")  # fmt: skip
records = st.dictionaries(
    st.sampled_from(FIELDS),
    json_values | st.sampled_from(["s3.amazonaws.com", "kms.amazonaws.com", "AccessDenied"]),
)


@given(json_values | records)
def test_whatever_comes_in_is_a_call_a_skip_or_an_error(value):
    try:
        result = parse_record(value)
    except RecordError as error:
        assert error.where
        assert error.wanted
        return
    assert isinstance(result, DeniedCall | Skipped)


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda b: b"\x1f\x8b" + b))
def test_whatever_file_comes_in_is_records_or_an_error(data):
    try:
        for position, record in read_trail_file(data):
            assert position
            assert isinstance(record, dict)
    except RecordError as error:
        assert error.what


RECORD = {"eventSource": "s3.amazonaws.com", "errorCode": "AccessDenied", "eventName": "GetObject"}
FORMS = {
    "record": json.dumps(RECORD).encode(),
    "event": json.dumps({"detail-type": "AWS API Call via CloudTrail", "detail": RECORD}).encode(),
    "trail file": json.dumps({"Records": [RECORD, RECORD]}).encode(),
    "packed trail file": gzip.compress(json.dumps({"Records": [RECORD]}).encode()),
    "lookup-events": json.dumps({"Events": [{"CloudTrailEvent": json.dumps(RECORD)}]}).encode(),
    "JSON lines": f"{json.dumps(RECORD)}\n\n{json.dumps(RECORD)}\n".encode(),
    "JSON array": json.dumps([RECORD]).encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_file(form):
    found = [parse_record(record) for _, record in read_trail_file(FORMS[form])]
    assert found
    assert all(isinstance(call, DeniedCall) and call.action == "s3:GetObject" for call in found)
