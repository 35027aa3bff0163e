"""The sample events, one a file, and what each is read as."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threegrants.records import DeniedCall, RecordError, Skipped, parse_record, read_feed

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
        for position, record in read_feed(data):
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
    found = [parse_record(record) for _, record in read_feed(FORMS[form])]
    assert found
    assert all(isinstance(call, DeniedCall) and call.action == "s3:GetObject" for call in found)
