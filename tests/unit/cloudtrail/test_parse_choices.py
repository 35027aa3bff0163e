"""What stands in a record twice, or elsewhere: the key, the service that called, the Region."""

import pytest

from support.names import A
from support.records import SESSION, denied, kms, s3
from threegrants.cloudtrail import KeySource, Service
from threegrants.cloudtrail.denied_call import Message

KEY = f"arn:aws:kms:eu-west-1:{A}:key/11111111-2222-3333-4444-555555555555"
OTHER_KEY = KEY[:-1] + "6"
WITHOUT_SOURCE = "User: x is not authorized to perform: {} on resource: y because of z"
FROM_THE_MESSAGE = [
    pytest.param("s3:PutObject", Service.S3, "PutObject", id="S3"),
    pytest.param("kms:Decrypt", Service.KMS, "Decrypt", id="KMS"),
]


@pytest.mark.parametrize(("action", "service", "operation"), FROM_THE_MESSAGE)
def test_where_only_the_message_names_service_and_operation(action, service, operation):
    message = WITHOUT_SOURCE.format(action)
    call = denied({"errorCode": "AccessDenied", "errorMessage": message, "eventID": "e"})
    assert (call.service, call.operation, call.action) == (service, operation, action)


def says(action, key):
    return (
        f"User: {SESSION} is not authorized to perform: {action} on resource: {key} because no "
        f"resource-based policy allows the {action} action"
    )


def direct(**changes):
    """A direct call of KMS, from an address."""
    record = kms("k-1", form="direct")
    identity = {name: one for name, one in record["userIdentity"].items() if name != "invokedBy"}
    return record | {"userIdentity": identity, "sourceIPAddress": "198.51.100.7"} | changes


LISTED = [{"ARN": "arn:aws:s3:::a"}, {"ARN": OTHER_KEY}]
KMS_KEYS = [
    pytest.param({"errorMessage": says("kms:Decrypt", KEY), "requestParameters": {"keyId": OTHER_KEY}},
                 KEY, KeySource.ERROR_MESSAGE, id="the message before the request"),
    pytest.param({"requestParameters": {"keyId": "alias/x"}, "resources": LISTED},
                 "alias/x", KeySource.REQUEST, id="the request before resources"),
    pytest.param({"resources": LISTED}, OTHER_KEY, KeySource.REQUEST, id="resources"),
    pytest.param({"resources": LISTED[:1]}, None, None, id="no key in resources"),
    pytest.param({}, None, None, id="nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "key", "source"), KMS_KEYS)
def test_the_key_of_a_call_of_kms(changes, key, source):
    call = denied(direct(**changes))
    assert (call.kms_key, call.kms_key_source) == (key, source)


def identity(**changes):
    return direct()["userIdentity"] | changes


BY_S3 = [
    pytest.param(direct(), False, id="a direct call"),
    pytest.param(direct(sourceIPAddress="fas.s3.amazonaws.com"), True, id="by its address alone"),
    pytest.param(direct(sourceIPAddress="s3.amazonaws.com"), True, id="by S3's plain address"),
    pytest.param(direct(sourceIPAddress="AWS Internal"), True, id="by AWS Internal as the address"),
    pytest.param(direct(userIdentity=identity(invokedBy="s3.amazonaws.com")), True, id="by invokedBy alone"),
    pytest.param(direct(userIdentity=identity(invokedBy="athena.amazonaws.com")), False, id="by another service"),
    pytest.param(direct(sourceIPAddress=None), False, id="without an address"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "by_s3"), BY_S3)
def test_whether_s3_called_kms(record, by_s3):
    assert denied(record).via_service is by_s3


CALLED_FOR = [
    pytest.param({}, "198.51.100.7", None, id="an address"),
    pytest.param({}, "ssm.amazonaws.com", "ssm.amazonaws.com", id="a service as the address"),
    pytest.param({}, "ssm.amazonaws.com.cn", "ssm.amazonaws.com.cn", id="a service in China"),
    pytest.param({}, "AWS Internal", "AWS Internal", id="a service without a name"),
    pytest.param({}, "x ssm.amazonaws.com", None, id="words around a service's name"),
    pytest.param({}, None, None, id="no address"),
    pytest.param({"invokedBy": "athena.amazonaws.com"}, "ssm.amazonaws.com", "athena.amazonaws.com",
                 id="invokedBy before the address"),
    pytest.param({"type": "AWSService", "invokedBy": "config.amazonaws.com"}, "config.amazonaws.com",
                 None, id="a service for itself"),
    pytest.param({"type": "AWSService", "invokedBy": "fas.s3.amazonaws.com"}, "fas.s3.amazonaws.com",
                 "fas.s3.amazonaws.com", id="a FAS session"),
    pytest.param({"type": "AWSService"}, None, None, id="a service without a name anywhere"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "address", "service"), CALLED_FOR)
def test_the_service_that_called_for_the_caller(changes, address, service):
    record = s3(sourceIPAddress=address)
    record["userIdentity"] |= changes
    assert denied(record).calling_service == service


ENCRYPTED = {
    "bucketName": "a-reports",
    "key": "k",
    "x-amz-server-side-encryption-aws-kms-key-id": OTHER_KEY,
}
STATED_KEYS = [
    pytest.param("PutObject", says("kms:GenerateDataKey", KEY), (KEY, KeySource.ERROR_MESSAGE), id="KMS's sentence"),
    pytest.param("PutObject", says("kms:GenerateDataKeyWithoutPlaintext", KEY),
                 (KEY, KeySource.ERROR_MESSAGE), id="KMS's sentence, without plaintext"),
    pytest.param("PutObject", f"Key '{KEY}' is disabled", (KEY, KeySource.ERROR_MESSAGE), id="a key's state"),
    pytest.param("CopyObject", says("kms:Decrypt", KEY), (OTHER_KEY, KeySource.REQUEST), id="the key of a copy's source"),
    pytest.param("PutObject", "Access Denied", (OTHER_KEY, KeySource.REQUEST), id="the request of a write"),
    pytest.param("GetObject", "Access Denied", (None, None), id="a header that a read does not use"),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "message", "wanted"), STATED_KEYS)
def test_the_key_that_a_call_of_s3_states(operation, message, wanted):
    call = denied(s3(operation=operation, errorMessage=message, requestParameters=ENCRYPTED))
    assert (call.kms_key, call.kms_key_source) == wanted


def test_an_error_of_kms_that_s3_hands_on_is_a_denial_about_the_key():
    call = denied(s3(errorCode="KMS.DisabledException", errorMessage="x"))
    assert (call.error_code, call.message) == (
        "KMS.DisabledException",
        Message("x", about_kms=True),
    )


REGIONS = [
    pytest.param("us-east-1", "us-east-1", id="the record's"),
    pytest.param(None, "eu-west-1", id="the key's, where the record has none"),
]


@pytest.mark.parametrize(("region", "wanted"), REGIONS)
def test_the_region(region, wanted):
    assert denied(direct(errorMessage=says("kms:Decrypt", KEY), awsRegion=region)).region == wanted
    assert denied(direct(awsRegion=None)).region == ""


def test_a_record_without_an_identity_is_of_whom_the_message_names():
    caller = denied(s3(userIdentity=None, errorMessage=says("s3:GetObject", "x"))).caller
    assert (caller.session_arn, caller.session_name) == (SESSION, "s")
    assert denied(s3(userIdentity=None)).caller.arn is None


def test_what_is_asked_of_no_bucket_has_no_key():
    call = denied(s3(operation="ListBuckets", requestParameters={"key": "k"}))
    assert (call.on_bucket, call.object_key) == (False, None)
