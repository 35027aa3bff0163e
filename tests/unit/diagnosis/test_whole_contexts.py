"""All that is known of one request's context at once: every value, and what is surely absent."""

from dataclasses import replace

import pytest

from support.names import BUCKET, A, B
from support.records import SESSION, denied, kms, s3
from support.worlds import KEY, ROLE, UNIQUE, evidence, looked_at
from threegrants.cloudtrail import CallerType
from threegrants.diagnosis.context_keys import GLOBAL_KEYS, KMS_KEYS, S3_EXPRESS_KEYS, S3_KEYS
from threegrants.diagnosis.request_context import (
    encryption_context_arn,
    kms_request_context,
    possible_context_arns,
    s3_request_context,
)
from threegrants.evidence import (
    AccessPointEvidence,
    Encryption,
    EndpointEvidence,
    OrganizationEvidence,
    Read,
    Unread,
)

C = "333333333333"
POINT = f"arn:aws:s3:eu-west-1:{C}:accesspoint/p"
UNREAD = Unread("not read", "x:Read")


def place(account, org="o-1", path="o-1/r-1/", manager="999999999999"):
    return OrganizationEvidence(account, Read(org), Read(manager), Read(path), Read(()), Read(()))


PLACES = {A: place(A, "o-a", "o-a/r/"), B: place(B, "o-b", "o-b/r/"), C: place(C, "o-c", "o-c/r/")}
ENDPOINT = Read(EndpointEvidence("vpce-1", C, "vpc-1", Read(None)))
ACCESS_POINT = Read(
    AccessPointEvidence(POINT, C, Read(BUCKET), Read(A), Read(None), Read("Internet"))
)
TIME = "2026-11-20T09:01:00Z"


def told(record, caller=CallerType.ROLE, arn=ROLE, tags=None, **found):
    """A record's call, and evidence of a caller of this type with these tags."""
    seen = evidence(**found)
    who = replace(seen.caller, type=caller, arn=Read(arn), tags=Read({} if tags is None else tags))
    return denied(record), replace(seen, caller=who)


def nobody(record):
    call, seen = told(record, CallerType.ANONYMOUS, None)
    return call, replace(seen, caller=replace(seen.caller, account=None, unique_id=None))


FREE_KEYS = {row.name.lower() for row in (*GLOBAL_KEYS, *S3_KEYS, *S3_EXPRESS_KEYS, *KMS_KEYS)
             if not row.only_for}  # fmt: skip
"""Keys that a request may carry whatever its action: the absence of the others is known by that alone."""

GET = s3(when=TIME)
UPLOAD = s3(
    when=TIME, operation="PutObject", vpcEndpointId="vpce-1", sourceIPAddress="10.0.0.9",
    tlsDetails={"tlsVersion": "TLSv1.3"},
    requestParameters={
        "bucketName": BUCKET, "key": "k", "x-amz-acl": "private", "x-amz-tagging": "team=red",
        "x-amz-object-lock-mode": "GOVERNANCE", "x-amz-object-lock-legal-hold": "ON",
        "x-amz-object-lock-retain-until-date": "2027-01-01", "x-amz-storage-class": "GLACIER",
        "x-amz-server-side-encryption": "aws:kms", "x-amz-website-redirect-location": "/x",
        "x-amz-server-side-encryption-aws-kms-key-id": KEY, "x-amz-metadata-directive": "COPY",
        "x-amz-server-side-encryption-customer-algorithm": "AES256", "x-amz-grant-read": "id=1",
        "x-amz-grant-read-acp": "id=2", "x-amz-grant-write-acp": "id=3",
        "x-amz-grant-write": "id=4", "x-amz-grant-full-control": "id=5", "if-none-match": "*",
        "x-amz-content-sha256": "hash", "x-amz-object-annotation-directive": "COPY",
    },
)  # fmt: skip
LIST = s3(when=TIME, operation="ListObjects", requestParameters={
    "bucketName": BUCKET, "prefix": "a/", "delimiter": "/", "max-keys": "5"})  # fmt: skip
THROUGH_POINT = s3(when=TIME, requestParameters={"bucketName": POINT, "key": "k", "versionId": "v"})
USER = {"type": "IAMUser", "arn": f"arn:aws:iam::{B}:user/team/ann", "accountId": B,
        "principalId": "AIDAX", "accessKeyId": "AKIAX"}  # fmt: skip
BY_USER = s3(when=TIME, userIdentity=USER)
ANONYMOUS = s3(when=TIME, userIdentity={"type": "AWSAccount", "accountId": "anonymous"})
LOGGING = "logging.s3.amazonaws.com"
BY_SERVICE = s3(when=TIME, userIdentity={"type": "AWSService", "invokedBy": LOGGING})
DIRECT = {
    **kms("k-1"), "eventTime": TIME, "sourceIPAddress": "198.51.100.7", "userAgent": "aws-cli",
    "userIdentity": {"type": "AssumedRole", "arn": SESSION, "accountId": B, "principalId": "AROAX:s"},
    "requestParameters": {"keyId": KEY, "encryptionContext": {"team": "red"}},
    "eventContext": {"requestContext": {"aws:SourceIp": "203.0.113.9"}},
}  # fmt: skip
KEY_READ = replace(
    evidence().key.value, arn=KEY.replace("key/", "key/mrk-"), tags=Read({"team": "red"})
)

ALWAYS = {
    "aws:CurrentTime": TIME,
    "aws:EpochTime": "1795165260",
    "aws:RequestedRegion": "eu-west-1",
    "aws:ResourceAccount": A,
}
AT_S3 = {"s3:ResourceAccount": A}
ROLES = {
    "aws:PrincipalAccount": B, "aws:PrincipalArn": ROLE, "aws:PrincipalIsAWSService": "false",
    "aws:PrincipalType": "AssumedRole", "aws:userid": f"{UNIQUE}:s",
}  # fmt: skip
FROM_ADDRESS = {
    "aws:ViaAWSMCPService": "false",
    "aws:ViaAWSService": "false",
    "aws:UserAgent": "Boto3/1.44",
}
OUTSIDE = FROM_ADDRESS | {"aws:SourceIp": "198.51.100.7"}
OF_ORGANIZATIONS = {
    "aws:PrincipalOrgID": "o-b", "aws:PrincipalOrgPaths": ("o-b/r/",),
    "aws:PrincipalOrgMasterAccountId": "999999999999",
    "aws:ResourceOrgID": "o-a", "aws:ResourceOrgPaths": ("o-a/r/",),
}  # fmt: skip
HEADERS = {f"s3:{name}": value for name, value in UPLOAD["requestParameters"].items()
           if name not in {"bucketName", "key", "x-amz-tagging"} and "object-lock" not in name}  # fmt: skip
LOCK = {"s3:object-lock-mode": "GOVERNANCE", "s3:object-lock-legal-hold": "ON",
        "s3:object-lock-retain-until-date": "2027-01-01"}  # fmt: skip
THROUGH_ENDPOINT = {
    "aws:SourceVpc": "vpc-1", "aws:SourceVpce": "vpce-1", "aws:VpcSourceIp": "10.0.0.9",
    "aws:VpceAccount": C, "aws:VpceOrgID": "o-c", "aws:VpceOrgPaths": ("o-c/r/",),
}  # fmt: skip
SYMMETRIC = {"kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT", "kms:KeySpec": "SYMMETRIC_DEFAULT",
             "kms:KeyUsage": "ENCRYPT_DECRYPT"}  # fmt: skip

NO_SERVICE = {"aws:principalservicename", "aws:principalservicenameslist", "aws:sourceaccount",
              "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths"}  # fmt: skip
NO_USER = {"aws:username"}
CALLED_BY_NONE = {"aws:calledvia", "aws:calledviaawsmcp", "aws:calledviafirst", "aws:calledvialast"}
NO_ENDPOINT = {"aws:sourcevpc", "aws:sourcevpcarn", "aws:sourcevpce", "aws:vpceaccount",
               "aws:vpceorgid", "aws:vpceorgpaths", "aws:vpcsourceip"}  # fmt: skip
NO_POINT = {"s3:accesspointnetworkorigin", "s3:accesspointtag/", "s3:dataaccesspointaccount",
            "s3:dataaccesspointarn"}  # fmt: skip
NO_VERSION = {"s3:versionid"}
NO_SESSION = {
    "aws:assumedroot", "aws:chatbotsourcearn", "aws:ec2instancesourceprivateipv4",
    "aws:ec2instancesourcevpc", "aws:federatedprovider", "aws:multifactorauthage",
    "aws:multifactorauthpresent", "aws:signinsessionarn", "aws:sourceidentity",
    "aws:tokenissuetime", "codebuild:buildarn", "codebuild:projectarn", "ec2:roledelivery",
    "ec2:sourceinstancearn", "glue:credentialissuingservice", "glue:roleassumedby",
    "identitystore:userid", "lambda:sourcefunctionarn", "ssm:sourceinstancearn",
}  # fmt: skip
NO_PRINCIPAL = {"aws:principalaccount", "aws:principalarn", "aws:principalorgid",
                "aws:principalorgpaths", "aws:principaltag/", "aws:userid"}  # fmt: skip
ANYBODY = NO_SERVICE | NO_USER | CALLED_BY_NONE
PLAIN = ANYBODY | NO_ENDPOINT | NO_POINT | NO_VERSION
CASES = {
    "a read": (told(GET), None, ALWAYS | AT_S3 | ROLES | OUTSIDE, PLAIN),
    "accounts in organizations": (
        told(GET, tags={"team": "red"}, organizations=PLACES), None,
        ALWAYS | AT_S3 | ROLES | OUTSIDE | OF_ORGANIZATIONS | {"aws:PrincipalTag/team": "red"}, PLAIN),
    "accounts in no organization": (
        told(GET, organizations={one: place(one, None, None, None) for one in (A, B)}), None,
        ALWAYS | AT_S3 | ROLES | OUTSIDE,
        PLAIN | {"aws:principalorgid", "aws:principalorgpaths", "aws:resourceorgid", "aws:resourceorgpaths"}),
    "organizations that were not read": (
        told(GET, organizations={
            one: replace(place(one), id=UNREAD, path=UNREAD, management_account=UNREAD) for one in (A, B)}),
        None, ALWAYS | AT_S3 | ROLES | OUTSIDE, PLAIN),
    "an upload through an endpoint": (
        told(UPLOAD, endpoint=ENDPOINT, organizations=PLACES), None,
        ALWAYS | AT_S3 | ROLES | FROM_ADDRESS | OF_ORGANIZATIONS | HEADERS | LOCK | THROUGH_ENDPOINT | {
            "aws:SecureTransport": "true", "s3:TlsVersion": "1.3", "s3:ObjectCreationOperation": "true",
            "s3:RequestObjectTag/team": "red", "s3:RequestObjectTagKeys": ("team",)},
        ANYBODY | NO_POINT | NO_VERSION | {"aws:sourceip"}),
    "an endpoint that was not read": (
        told(UPLOAD | {"requestParameters": None}, endpoint=UNREAD), None,
        ALWAYS | AT_S3 | ROLES | FROM_ADDRESS | {
            "aws:SecureTransport": "true", "s3:TlsVersion": "1.3", "s3:ObjectCreationOperation": "true",
            "aws:SourceVpce": "vpce-1", "aws:VpcSourceIp": "10.0.0.9"},
        ANYBODY | NO_POINT | NO_VERSION | {"aws:sourceip"}),
    "a listing": (
        told(LIST), None,
        ALWAYS | AT_S3 | ROLES | OUTSIDE | {"s3:delimiter": "/", "s3:max-keys": "5", "s3:prefix": "a/"}, PLAIN),
    "through an access point": (
        told(THROUGH_POINT, access_point=ACCESS_POINT), None,
        ALWAYS | AT_S3 | ROLES | OUTSIDE | {
            "s3:AccessPointNetworkOrigin": "Internet", "s3:DataAccessPointAccount": C,
            "s3:DataAccessPointArn": POINT, "s3:versionid": "v"},
        ANYBODY | NO_ENDPOINT),
    "through an access point that was not read": (
        told(THROUGH_POINT, access_point=UNREAD), None,
        ALWAYS | AT_S3 | ROLES | OUTSIDE | {
            "s3:DataAccessPointAccount": C, "s3:DataAccessPointArn": POINT, "s3:versionid": "v"},
        ANYBODY | NO_ENDPOINT),
    "by a user with a long-term key": (
        told(BY_USER, CallerType.USER, USER["arn"], tags={"team": "red"}), None,
        ALWAYS | AT_S3 | ROLES | OUTSIDE | {
            "aws:PrincipalArn": USER["arn"], "aws:PrincipalType": "User", "aws:userid": UNIQUE,
            "aws:username": "ann", "aws:PrincipalTag/team": "red"},
        PLAIN - NO_USER | NO_SESSION | {"aws:principaltag/"}),
    "by nobody": (
        nobody(ANONYMOUS), None,
        ALWAYS | AT_S3 | OUTSIDE | {"aws:PrincipalIsAWSService": "false", "aws:PrincipalType": "Anonymous"},
        PLAIN | NO_SESSION | NO_PRINCIPAL),
    "by a service": (
        told(BY_SERVICE, CallerType.SERVICE, None), None,
        ALWAYS | AT_S3 | OUTSIDE | {
            "aws:PrincipalAccount": B, "aws:PrincipalIsAWSService": "true",
            "aws:PrincipalServiceName": LOGGING, "aws:userid": UNIQUE},
        PLAIN - NO_SERVICE | NO_SESSION),
    "KMS: what S3 asks for a read": (
        told(GET), KEY_READ,
        ALWAYS | ROLES | SYMMETRIC | {
            "aws:ResourceTag/team": "red", "aws:SecureTransport": "true", "aws:ViaAWSService": "true",
            "kms:CallerAccount": B, "kms:MultiRegion": "true", "kms:ViaService": "s3.eu-west-1.amazonaws.com",
            "kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::a-reports/2026/q3.csv",
            "kms:EncryptionContextKeys": ("aws:s3:arn",)},
        NO_SERVICE | NO_USER | {"aws:resourcetag/", "kms:requestalias"}),
    "KMS: asked directly": (
        told(DIRECT), KEY_READ,
        ALWAYS | ROLES | FROM_ADDRESS | {
            "aws:ResourceTag/team": "red", "aws:SourceIp": "203.0.113.9", "aws:UserAgent": "aws-cli",
            "kms:CallerAccount": B, "kms:MultiRegion": "true",
            "kms:EncryptionContext:team": "red", "kms:EncryptionContextKeys": ("team",)},
        ANYBODY | NO_ENDPOINT | {"aws:resourcetag/", "kms:viaservice"}),
    "KMS: a key whose tags were not read": (
        told(DIRECT), replace(KEY_READ, tags=UNREAD, arn=KEY),
        ALWAYS | ROLES | FROM_ADDRESS | {
            "aws:SourceIp": "203.0.113.9", "aws:UserAgent": "aws-cli", "kms:CallerAccount": B,
            "kms:MultiRegion": "false", "kms:EncryptionContext:team": "red",
            "kms:EncryptionContextKeys": ("team",)},
        ANYBODY | NO_ENDPOINT | {"kms:viaservice", "kms:multiregionkeytype"}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_all_that_is_known_of_a_request(case):
    (call, seen), key, values, absent = CASES[case]
    found = kms_request_context(call, seen, key) if key else s3_request_context(call, seen)
    assert dict(found.values) == values
    assert sorted(found.known_absent & FREE_KEYS) == sorted(absent)


OBJECT = "arn:aws:s3:::a-reports/2026/q3.csv"
SSE = "x-amz-server-side-encryption"
BUCKET_KEY = f"{SSE}-bucket-key-enabled"
WITH_BUCKET_KEY = Encryption("aws:kms", KEY, True)


def on_bucket(default):
    """Evidence of a bucket with this default encryption, and of no object."""
    seen = evidence(object=Read(None))
    return replace(seen, bucket=replace(seen.bucket, encryption=default))


CONTEXT_ARNS = [
    pytest.param(GET, evidence(), OBJECT, id="a read: the object's own"),
    pytest.param(GET, evidence(object=Read(looked_at(encryption=Read(WITH_BUCKET_KEY)))),
                 "arn:aws:s3:::a-reports", id="a read: the object's Bucket Key"),
    pytest.param(GET, evidence(object=Read(looked_at(encryption=Read(None)))), None,
                 id="a read of an object without encryption"),
    pytest.param(GET, evidence(object=Read(looked_at(encryption=UNREAD))), OBJECT,
                 id="a read: by the bucket's default"),
    pytest.param(GET, on_bucket(Read(WITH_BUCKET_KEY)), None, id="a read: either, with a Bucket Key"),
    pytest.param(GET, on_bucket(UNREAD), None, id="a read: nothing was read"),
    pytest.param(GET, replace(evidence(), bucket=None), None, id="a bucket that was not read"),
    pytest.param(LIST, evidence(), None, id="no object"),
    pytest.param(s3(operation="PutObject"), on_bucket(Read(WITH_BUCKET_KEY)), "arn:aws:s3:::a-reports",
                 id="a write: the bucket's, with a Bucket Key"),
    pytest.param(s3(operation="PutObject"), on_bucket(Read(Encryption("aws:kms:dsse", KEY, True))), OBJECT,
                 id="a write: DSSE has no Bucket Key"),
    pytest.param(s3(operation="PutObject", requestParameters={"bucketName": BUCKET, "key": "2026/q3.csv", SSE: "aws:kms:dsse"}),
                 on_bucket(Read(WITH_BUCKET_KEY)), OBJECT, id="a write that asks for DSSE"),
    pytest.param(s3(operation="PutObject", requestParameters={"bucketName": BUCKET, "key": "2026/q3.csv", BUCKET_KEY: "False"}),
                 on_bucket(Read(WITH_BUCKET_KEY)), OBJECT, id="a write that wants no Bucket Key"),
    pytest.param(s3(operation="GetObject", requestParameters={"bucketName": BUCKET, "key": "2026/q3.csv", BUCKET_KEY: "true"}),
                 on_bucket(Read(Encryption("aws:kms", KEY))), OBJECT, id="a header that a read does not use"),
]  # fmt: skip


@pytest.mark.parametrize(("record", "seen", "arn"), CONTEXT_ARNS)
def test_what_s3_sends_as_encryption_context(record, seen, arn):
    assert encryption_context_arn(denied(record), seen) == arn


POSSIBLE = [
    pytest.param(GET, evidence(), (), id="one is known"),
    pytest.param(GET, on_bucket(UNREAD), ("arn:aws:s3:::a-reports", OBJECT), id="none is known"),
    pytest.param(LIST, on_bucket(UNREAD), (), id="no object"),
    pytest.param(DIRECT, on_bucket(UNREAD), (), id="a context that the record shows"),
]


@pytest.mark.parametrize(("record", "seen", "arns"), POSSIBLE)
def test_what_s3_may_send_as_encryption_context(record, seen, arns):
    assert possible_context_arns(denied(record), seen) == arns
