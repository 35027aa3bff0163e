"""Every field of a record is read from its own place, and what cannot be read is refused with that place."""

import copy

import pytest

from support.names import A, B
from support.records import ROLE, SESSION, denied, s3
from threegrants.cloudtrail import (
    Access,
    Caller,
    CallerType,
    DeniedCall,
    KeySource,
    RecordError,
    Service,
    Skipped,
    parse_record,
)
from threegrants.cloudtrail.denied_call import CopySource, Message

KEY = f"arn:aws:kms:eu-west-1:{A}:key/11111111-2222-3333-4444-555555555555"
OTHER_KEY = KEY[:-1] + "6"
COMMON = {
    "awsRegion": "eu-central-1",
    "eventTime": "2026-11-20T09:01:00Z",
    "errorCode": "AccessDenied",
    "eventID": "e-1",
    "sharedEventID": "shared-1",
    "requestID": "r-1",
    "recipientAccountId": B,
    "sourceIPAddress": "198.51.100.7",
    "userAgent": "agent",
    "vpcEndpointId": "vpce-1",
    "vpcEndpointAccountId": "333333333333",
    "tlsDetails": {"tlsVersion": "TLSv1.3"},
    "additionalEventData": {
        "CipherSuite": "ECDHE",
        "SignatureVersion": "SigV4",
        "AuthenticationMethod": "AuthHeader",
    },
    "eventContext": {
        "requestContext": {"aws:PrincipalOrgID": "o-1", "aws:CalledVia": ["a", "b"], "aws:n": [], "aws:x": 1},
        "tagContext": {"principalTags": {"team": "red", "level": 3}},
    },
    "userIdentity": {
        "type": "AssumedRole",
        "principalId": "AROAX:s",
        "arn": SESSION,
        "accountId": B,
        "accessKeyId": "ASIAX",
        "invokedBy": "athena.amazonaws.com",
        "onBehalfOf": {"userId": "u-1"},
        "inScopeOf": {"issuerType": "AWS::Lambda::Function", "credentialsIssuedTo": "arn:aws:lambda:f"},
        "sessionContext": {
            "sessionIssuer": {"arn": ROLE},
            "attributes": {"creationDate": "2026-11-20T08:00:00Z", "mfaAuthenticated": "true"},
            "webIdFederationData": {"federatedProvider": "accounts.google.com"},
            "assumedRoot": "false",
            "signInSessionArn": "arn:aws:signin:s",
            "sourceIdentity": "ann",
            "ec2RoleDelivery": "2.0",
        },
    },
}  # fmt: skip
READ = {
    "caller": Caller(
        CallerType.ROLE, B, ROLE, SESSION, "AROAX",
        invoked_by="athena.amazonaws.com", session_name="s", source_identity="ann",
    ),
    "region": "eu-central-1",
    "time": "2026-11-20T09:01:00Z",
    "error_code": "AccessDenied",
    "event_id": "e-1",
    "shared_event_id": "shared-1",
    "request_id": "r-1",
    "recipient_account": B,
    "source_ip": "198.51.100.7",
    "user_agent": "agent",
    "vpc_endpoint_id": "vpce-1",
    "vpc_endpoint_account": "333333333333",
    "tls_version": "TLSv1.3",
    "mfa": True,
    "long_term_credentials": False,
    "has_session_context": True,
    "session_keys": {
        "aws:AssumedRoot": "false",
        "aws:FederatedProvider": "accounts.google.com",
        "aws:SignInSessionArn": "arn:aws:signin:s",
        "aws:SourceIdentity": "ann",
        "aws:TokenIssueTime": "2026-11-20T08:00:00Z",
        "ec2:RoleDelivery": "2.0",
        "identitystore:UserId": "u-1",
        "lambda:SourceFunctionArn": "arn:aws:lambda:f",
    },
    "calling_service": "athena.amazonaws.com",
    "signature_version": "SigV4",
    "authentication_method": "AuthHeader",
    "condition_keys": {
        "aws:PrincipalOrgID": "o-1", "aws:CalledVia": ("a", "b"), "aws:PrincipalTag/team": "red",
    },
}  # fmt: skip
COPY = COMMON | {
    "eventSource": "s3.amazonaws.com",
    "eventName": "CopyObject",
    "errorMessage": "Access Denied",
    "requestParameters": {
        "bucketName": "a-reports",
        "key": "k",
        "prefix": "p",
        "versionId": "v-1",
        "X-Amz-Copy-Source": "/c-archive/a%20b?versionId=v-2",
        "x-amz-server-side-encryption-aws-kms-key-id": KEY,
        "partNumber": 3,
        "bucketPolicy": {"Statement": []},
        "flag": True,
        "x-amz-acl": "public-read",
    },
    "resources": [
        {"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::a-reports", "accountId": A},
        {"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::c-archive", "accountId": "333333333333"},
    ],
}
DECRYPT = COMMON | {
    "eventSource": "kms.amazonaws.com",
    "eventName": "Decrypt",
    "errorMessage": "The ciphertext refers to a key",
    "requestParameters": {"keyId": KEY, "encryptionContext": {"aws:s3:arn": "arn:aws:s3:::a-reports", "n": 1}},
}  # fmt: skip
WHOLE = [
    pytest.param(COPY, DeniedCall(
        service=Service.S3, operation="CopyObject", access=Access.WRITE,
        message=Message("Access Denied"),
        action="s3:PutObject", s3_actions=("s3:PutObject", "s3:PutObjectAcl"),
        kms_actions=("kms:GenerateDataKey",),
        bucket="a-reports", bucket_account=A, object_key="k", version_id="v-1", prefix="p",
        copy_source=CopySource("c-archive", "a b", "v-2", "333333333333"),
        kms_key=KEY, kms_key_source=KeySource.REQUEST,
        public_acl=True, requested_policy='{"Statement": []}',
        request_headers={
            "bucketname": "a-reports", "key": "k", "prefix": "p", "versionid": "v-1",
            "x-amz-copy-source": "/c-archive/a%20b?versionId=v-2",
            "x-amz-server-side-encryption-aws-kms-key-id": KEY, "partnumber": "3",
            "x-amz-acl": "public-read",
        },
        **READ), id="a copy"),
    pytest.param(DECRYPT, DeniedCall(
        service=Service.KMS, operation="Decrypt", access=Access.READ,
        message=Message("The ciphertext refers to a key", about_kms=True),
        action="kms:Decrypt", kms_actions=("kms:Decrypt",),
        kms_key=KEY, kms_key_source=KeySource.REQUEST,
        encryption_context={"aws:s3:arn": "arn:aws:s3:::a-reports", "n": "1"},
        **READ), id="a direct call of KMS"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "call"), WHOLE)
def test_every_field_of_a_record(record, call):
    assert parse_record(record) == call


def put(record, path, value):
    """A record with another value at a path of names and numbers."""
    changed = copy.deepcopy(record)
    holder = changed
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = value
    return changed


def spelled(path):
    return "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in path).lstrip(".")


def places(value, path=()):
    """Every place inside a record, the outermost first."""
    inside = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for name, one in inside:
        yield (*path, name)
        yield from places(one, (*path, name))


FREE = {
    "aws:PrincipalOrgID", "aws:CalledVia", "aws:n", "aws:x", "principalTags", "mfaAuthenticated",
    "aws:s3:arn", "n", "bucketPolicy", "flag", "partNumber", "CipherSuite", "X-Amz-Copy-Source",
    "x-amz-acl", "x-amz-server-side-encryption-aws-kms-key-id",
}  # fmt: skip
"""What may have any type, or is not looked at here: it is left out where it is no text."""
STRICT = [
    (record, path) for record in (COPY, DECRYPT) for path in places(record) if not FREE & {*path}
]


@pytest.mark.parametrize(
    ("record", "path"), STRICT, ids=[f"{r['eventName']}-{spelled(p)}" for r, p in STRICT]
)
def test_a_value_of_another_type_is_refused_with_its_place(record, path):
    wrong = put(record, path, True)
    with pytest.raises(RecordError) as refused:
        parse_record(wrong)
    assert (refused.value.where, refused.value.what) == (spelled(path), "a boolean")


NO_CALL = [
    pytest.param({"errorCode": None}, Skipped("no error code: the call succeeded", "e-1"), id="a success"),
    pytest.param({"errorCode": "NoSuchKey" * 20},
                 Skipped(f"not a denial ({('NoSuchKey' * 20)[:80]})", "e-1"), id="another error"),
    pytest.param({"eventSource": "ec2.amazonaws.com" * 9},
                 Skipped(f"not S3 or KMS ({('ec2.amazonaws.com' * 9)[:80]})", "e-1"), id="another service"),
    pytest.param({"eventSource": None}, Skipped("not S3 or KMS (no event source)", "e-1"), id="no service"),
    pytest.param({"eventSource": "s3tables.amazonaws.com", "errorCode": "NoSuchTable"},
                 Skipped("not S3 or KMS (s3tables.amazonaws.com)", "e-1"), id="an error of S3 Tables"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "skipped"), NO_CALL)
def test_what_is_no_denial_says_why(changes, skipped):
    assert parse_record(s3("e-1", **changes)) == skipped


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        pytest.param("GetTableData", "for s3tables:GetTableData,", id="a name"),
        pytest.param(None, "for s3tables:*,", id="no name"),
        pytest.param("<b>", "for s3tables:*,", id="no plain name"),
    ],
)
def test_a_denial_that_is_not_diagnosed_says_where_to_look(operation, action):
    record = s3("e-1", eventSource="s3tables.amazonaws.com", eventName=operation)
    skipped = parse_record(record)
    assert isinstance(skipped, Skipped)
    assert skipped.why.startswith("S3 Tables is not diagnosed")
    assert action in skipped.why
    assert skipped.event_id == "e-1"


NO_RECORD = [
    pytest.param([], "$: a list, expected a CloudTrail record (an object)", id="a list"),
    pytest.param({"a": 1}, "$: none of eventSource, eventName, errorCode, expected a CloudTrail record",
                 id="another object"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "words"), NO_RECORD)
def test_what_is_no_record_is_refused(value, words):
    with pytest.raises(RecordError) as refused:
        parse_record(value)
    wrong = refused.value
    assert f"{wrong.where}: {wrong.what}, expected {wrong.wanted}" == words


@pytest.mark.parametrize("name", ["eventSource", "eventName", "errorCode", "errorMessage"])
def test_one_field_makes_a_record(name):
    assert isinstance(parse_record({name: "x"}), Skipped)


@pytest.mark.parametrize(
    ("value", "mfa"), [("true", True), ("True", True), ("false", False), (None, None)]
)
def test_whether_mfa_was_used(value, mfa):
    record = put(COPY, ("userIdentity", "sessionContext", "attributes", "mfaAuthenticated"), value)
    assert denied(record).mfa is mfa


@pytest.mark.parametrize(
    ("key", "long_term"), [("AKIAX", True), ("ASIAX", False), ("XAKIA", None), (None, None)]
)
def test_what_signed_the_request(key, long_term):
    assert (
        denied(put(COPY, ("userIdentity", "accessKeyId"), key)).long_term_credentials is long_term
    )


TLS = [
    pytest.param({"tlsVersion": "TLSv1.3"}, "TLSv1.3", id="its version"),
    pytest.param({}, "ECDHE", id="its cipher, in older records"),
]


@pytest.mark.parametrize(("details", "version"), TLS)
def test_what_is_known_of_tls(details, version):
    assert denied(COPY | {"tlsDetails": details}).tls_version == version


def test_an_ec2_instance_that_credentials_were_issued_to():
    scope = {"issuerType": "AWS::EC2::Instance", "credentialsIssuedTo": "arn:aws:ec2:i"}
    keys = denied(put(COPY, ("userIdentity", "inScopeOf"), scope)).session_keys
    assert keys["ec2:SourceInstanceArn"] == "arn:aws:ec2:i"
    for lacking in ({**scope, "issuerType": "another"}, {"issuerType": "AWS::EC2::Instance"}):
        found = denied(put(COPY, ("userIdentity", "inScopeOf"), lacking)).session_keys
        assert not {name for name in found if "Source" in name} - {"aws:SourceIdentity"}
