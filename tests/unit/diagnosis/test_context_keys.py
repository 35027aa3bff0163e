"""What is known of each condition key: every key of AWS's lists has a row, and the rows are right."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from support.context_key_page import PAGE, drawn
from support.names import A, B
from support.records import denied, kms, s3
from support.worlds import evidence
from threegrants.diagnosis.context_keys import GLOBAL_KEYS, KMS_KEYS, S3_EXPRESS_KEYS, S3_KEYS
from threegrants.diagnosis.context_keys.s3 import tls_version
from threegrants.diagnosis.request_context import kms_request_context, s3_request_context
from threegrants.evidence import EndpointEvidence, Read, Unread

DATA = json.loads((Path(__file__).parents[2] / "data" / "condition_keys.json").read_text())
ROWS = {"global": GLOBAL_KEYS, "s3": S3_KEYS, "s3express": S3_EXPRESS_KEYS, "kms": KMS_KEYS}
PARTS = list(ROWS)


def row_of(name, rows):
    """The row of a key: its own, or one for all keys below a name."""
    for row in rows:
        below = row.name.endswith(("/", ":")) and name.lower().startswith(row.name.lower())
        if below or row.name.lower() == name.lower():
            return row
    return None


@pytest.mark.parametrize("part", PARTS)
def test_no_key_of_aws_lists_is_left_out(part):
    assert [name for name in DATA[part] if row_of(name, ROWS[part]) is None] == []


@pytest.mark.parametrize("part", PARTS)
def test_no_row_is_of_a_key_that_aws_does_not_list(part):
    listed = {name.lower() for name in DATA[part]}
    old = {"aws:principalorgmasteraccountid"}  # AWS's older name, in policies of today
    strange = [
        row.name
        for row in ROWS[part]
        if row.name.lower() not in listed | old
        and not any(name.startswith(row.name.lower()) for name in listed)
    ]
    assert strange == []
    names = [row.name.lower() for row in ROWS[part]]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("part", PARTS[1:])
def test_a_key_is_taken_for_absent_only_for_actions_that_do_not_know_it(part):
    wrong = {}
    for name, actions in DATA[part].items():
        row = row_of(name, ROWS[part])
        if row.only_for:
            assert actions != "most", name
            missing = set(actions) - row.only_for
            if missing:
                wrong[name] = missing
    # A bypass of governance retention goes with the deletion or overwriting itself.
    bypass = {"BypassGovernanceRetention"}
    assert {name: found for name, found in wrong.items() if found != bypass} == {}


def test_the_page_says_what_the_table_says():
    page = PAGE.read_text()
    assert page == drawn(page), "run `make context-keys`"


WRITE = {"bucketName": "a-reports", "key": "2026/q3.csv"}
USER = {
    "type": "IAMUser",
    "arn": f"arn:aws:iam::{B}:user/ann",
    "accountId": B,
    "principalId": "AIDAX",
}
SESSION = {
    "type": "AssumedRole", "arn": f"arn:aws:sts::{B}:assumed-role/analyst/s", "accountId": B,
    "principalId": "AROAX:s", "accessKeyId": "ASIAEXAMPLE",
}  # fmt: skip
LAMBDA = {
    "issuerType": "AWS::Lambda::Function",
    "credentialsIssuedTo": f"arn:aws:lambda:eu-west-1:{B}:function:report",
}
ATTRIBUTES = {"creationDate": "2026-10-01T08:00:00Z", "mfaAuthenticated": "false"}
TIME = "2026-10-01T08:15:02Z"
ATHENA = {
    "userIdentity": {**SESSION, "invokedBy": "athena.amazonaws.com"},
    "sourceIPAddress": "athena.amazonaws.com",
    "userAgent": "athena.amazonaws.com",
}


CLOUDFORMATION = {
    **ATHENA,
    "userIdentity": {**SESSION, "invokedBy": "cloudformation.amazonaws.com"},
}


def seen(context, key):
    """A value, `absent` or `unknown`."""
    if not context.knows(key):
        return "unknown"
    return {k.lower(): v for k, v in context.values.items()}.get(key.lower(), "absent")


S3_CASES = [
    ("tls: 1.3", {"tlsDetails": {"tlsVersion": "TLSv1.3"}}, "s3:TlsVersion", "1.3"),
    ("tls: 1.2", {"tlsDetails": {"tlsVersion": "TLSv1.2"}}, "s3:TlsVersion", "1.2"),
    ("tls: 1", {"tlsDetails": {"tlsVersion": "TLSv1"}}, "s3:TlsVersion", "1.0"),
    ("tls: by the cipher suite", {"additionalEventData": {"CipherSuite": "TLS_AES_128_GCM_SHA256"}}, "s3:TlsVersion", "1.3"),
    ("tls: not recorded", {}, "s3:TlsVersion", "unknown"),
    ("agent: CloudTrail's brackets", {"userAgent": "[aws-cli/2.30]"}, "aws:UserAgent", "aws-cli/2.30"),
    ("agent: brackets of its own", {"userAgent": "[[x]]"}, "aws:UserAgent", "[x]"),
    ("agent: one bracket", {"userAgent": "[x"}, "aws:UserAgent", "[x"),
    ("agent: cut", {"userAgent": "x" * 1024}, "aws:UserAgent", "unknown"),
    ("agent: a service's", ATHENA, "aws:UserAgent", "unknown"),
    ("endpoint: its private address", {"vpcEndpointId": "vpce-0a", "sourceIPAddress": "10.0.0.9"}, "aws:VpcSourceIp", "10.0.0.9"),
    ("endpoint: no public address", {"vpcEndpointId": "vpce-0a", "sourceIPAddress": "10.0.0.9"}, "aws:SourceIp", "absent"),
    ("endpoint: its account", {"vpcEndpointId": "vpce-0a", "vpcEndpointAccountId": B}, "aws:VpceAccount", B),
    ("no endpoint", {}, "aws:VpceAccount", "absent"),
    ("no endpoint: no private address", {}, "aws:VpcSourceIp", "absent"),
    ("no address", ATHENA, "aws:SourceVpce", "unknown"),
    ("time", {"eventTime": TIME}, "aws:EpochTime", "1790842502"),
    ("time: none", {"eventTime": ""}, "aws:EpochTime", "unknown"),
    ("via a service: Athena passes the session on", ATHENA, "aws:ViaAWSService", "true"),
    ("called via: Athena", ATHENA, "aws:CalledVia", ("athena.amazonaws.com",)),
    ("called via, the first: who called Athena is not known", ATHENA, "aws:CalledViaFirst", "unknown"),
    ("called via, the last: Athena", ATHENA, "aws:CalledViaLast", "athena.amazonaws.com"),
    ("via a service: CloudFormation may have a role of its own", CLOUDFORMATION, "aws:ViaAWSService", "unknown"),
    ("called via: CloudFormation", CLOUDFORMATION, "aws:CalledVia", "unknown"),
    ("via a service: from an address", {}, "aws:ViaAWSService", "false"),
    ("called via: from an address", {}, "aws:CalledVia", "absent"),
    ("called via, the last: from an address", {}, "aws:CalledViaLast", "absent"),
    ("via MCP", {**ATHENA, "userIdentity": {**SESSION, "invokedBy": "aws-mcp.amazonaws.com"}}, "aws:ViaAWSMCPService", "true"),
    ("via MCP: not", {}, "aws:ViaAWSMCPService", "false"),
    ("signature 4", {"additionalEventData": {"SignatureVersion": "SigV4"}}, "s3:signatureversion", "AWS4-HMAC-SHA256"),
    ("signature 2", {"additionalEventData": {"SignatureVersion": "SigV2"}}, "s3:signatureversion", "AWS"),
    ("signature: another", {"additionalEventData": {"SignatureVersion": "SigV9"}}, "s3:signatureversion", "unknown"),
    ("by a header", {"additionalEventData": {"AuthenticationMethod": "AuthHeader"}}, "s3:authType", "REST-HEADER"),
    ("presigned", {"additionalEventData": {"AuthenticationMethod": "QueryString"}}, "s3:authType", "REST-QUERY-STRING"),
    ("mfa: a long-term key", {"userIdentity": {**USER, "accessKeyId": "AKIAEXAMPLE"}}, "aws:MultiFactorAuthPresent", "absent"),
    ("mfa: its age with a long-term key", {"userIdentity": {**USER, "accessKeyId": "AKIAEXAMPLE"}}, "aws:MultiFactorAuthAge", "absent"),
    ("mfa: a session without", {"userIdentity": {**SESSION, "sessionContext": {"attributes": ATTRIBUTES}}}, "aws:MultiFactorAuthPresent", "false"),
    ("mfa: its age without", {"userIdentity": {**SESSION, "sessionContext": {"attributes": ATTRIBUTES}}}, "aws:MultiFactorAuthAge", "absent"),
    ("mfa: a session with", {"userIdentity": {**SESSION, "sessionContext": {"attributes": {**ATTRIBUTES, "mfaAuthenticated": "true"}}}}, "aws:MultiFactorAuthPresent", "true"),
    ("mfa: its age with", {"userIdentity": {**SESSION, "sessionContext": {"attributes": {**ATTRIBUTES, "mfaAuthenticated": "true"}}}}, "aws:MultiFactorAuthAge", "unknown"),
    ("mfa: the owner's copy", {"userIdentity": {"type": "AWSAccount", "principalId": "AROAX:s", "accountId": B}}, "aws:MultiFactorAuthPresent", "unknown"),
    ("token: a long-term key", {"userIdentity": {**USER, "accessKeyId": "AKIAEXAMPLE"}}, "aws:TokenIssueTime", "absent"),
    ("token: a session", {"userIdentity": {**SESSION, "sessionContext": {"attributes": ATTRIBUTES}}}, "aws:TokenIssueTime", "2026-10-01T08:00:00Z"),
    ("source identity", {"userIdentity": {**SESSION, "sessionContext": {"sourceIdentity": "ann", "attributes": ATTRIBUTES}}}, "aws:SourceIdentity", "ann"),
    ("source identity: none", {"userIdentity": {**SESSION, "sessionContext": {"attributes": ATTRIBUTES}}}, "aws:SourceIdentity", "absent"),
    ("source identity: the owner's copy", {"userIdentity": {"type": "AWSAccount", "principalId": "AROAX:s", "accountId": B}}, "aws:SourceIdentity", "unknown"),
    ("a web identity", {"userIdentity": {**SESSION, "sessionContext": {"webIdFederationData": {"federatedProvider": "accounts.google.com"}}}}, "aws:FederatedProvider", "accounts.google.com"),
    ("EC2's metadata", {"userIdentity": {**SESSION, "sessionContext": {"ec2RoleDelivery": "2.0", "attributes": ATTRIBUTES}}}, "ec2:RoleDelivery", "2.0"),
    ("a Lambda function", {"userIdentity": {**SESSION, "inScopeOf": LAMBDA}}, "lambda:SourceFunctionArn", LAMBDA["credentialsIssuedTo"]),
    ("a Lambda function: not recorded", {"userIdentity": SESSION}, "lambda:SourceFunctionArn", "unknown"),
    ("who is on behalf of", {"userIdentity": {**SESSION, "onBehalfOf": {"userId": "u-1"}}}, "identitystore:UserId", "u-1"),
    ("assumed root", {"userIdentity": {**SESSION, "sessionContext": {"assumedRoot": "true", "attributes": ATTRIBUTES}}}, "aws:AssumedRoot", "true"),
    ("no service: no source", {}, "aws:SourceArn", "absent"),
    ("a service: its source", {"userIdentity": {"type": "AWSService", "invokedBy": "logging.s3.amazonaws.com"}}, "aws:SourceArn", "unknown"),
    ("prefix: empty", {"eventName": "ListObjects", "requestParameters": {"bucketName": "a-reports", "prefix": ""}}, "s3:prefix", ""),
    ("prefix: none", {"eventName": "ListObjects", "requestParameters": {"bucketName": "a-reports"}}, "s3:prefix", "absent"),
    ("prefix: no listing", {"requestParameters": {**WRITE, "prefix": "x"}}, "s3:prefix", "absent"),
    ("max-keys: a number", {"eventName": "ListObjects", "requestParameters": {"bucketName": "a-reports", "max-keys": 5}}, "s3:max-keys", "5"),
    ("tags of an upload", {"eventName": "PutObject", "requestParameters": {**WRITE, "x-amz-tagging": "team=red&a%20b="}}, "s3:RequestObjectTag/team", "red"),
    ("tags of an upload: coded", {"eventName": "PutObject", "requestParameters": {**WRITE, "x-amz-tagging": "team=red&a%20b="}}, "s3:RequestObjectTag/a b", ""),
    ("tags of an upload: another", {"eventName": "PutObject", "requestParameters": {**WRITE, "x-amz-tagging": "team=red"}}, "s3:RequestObjectTag/x", "absent"),
    ("tags of an upload: keys", {"eventName": "PutObject", "requestParameters": {**WRITE, "x-amz-tagging": "team=red&x=1"}}, "s3:RequestObjectTagKeys", ("team", "x")),
    ("tags of an upload: no header", {"eventName": "PutObject", "requestParameters": WRITE}, "s3:RequestObjectTag/team", "unknown"),
    ("tags in a body", {"eventName": "PutObjectTagging", "requestParameters": {**WRITE, "tagging": ""}}, "s3:RequestObjectTag/team", "unknown"),
    ("tags of a read", {}, "s3:RequestObjectTag/team", "absent"),
    ("lock: a mode", {"eventName": "PutObject", "requestParameters": {**WRITE, "x-amz-object-lock-mode": "GOVERNANCE"}}, "s3:object-lock-mode", "GOVERNANCE"),
    ("lock: none", {"eventName": "PutObject", "requestParameters": WRITE}, "s3:object-lock-mode", "absent"),
    ("lock: in a body", {"eventName": "PutObjectRetention", "requestParameters": {**WRITE, "retention": ""}}, "s3:object-lock-mode", "unknown"),
    ("lock: days", {"eventName": "PutObject", "requestParameters": WRITE}, "s3:object-lock-remaining-retention-days", "absent"),
    ("sse: of a read", {}, "s3:x-amz-server-side-encryption", "absent"),
    ("sse: of an upload without", {"eventName": "PutObject", "requestParameters": WRITE}, "s3:x-amz-server-side-encryption", "absent"),
    ("sse: nothing recorded", {"eventName": "PutObject", "requestParameters": None}, "s3:x-amz-server-side-encryption", "unknown"),
    ("conditional: an upload", {"eventName": "PutObject", "requestParameters": WRITE}, "s3:if-none-match", "unknown"),
    ("conditional: a copy", {"eventName": "CopyObject", "requestParameters": {**WRITE, "x-amz-copy-source": "b/k"}}, "s3:if-none-match", "absent"),
    ("conditional: a read", {}, "s3:if-match", "absent"),
    ("content hash", {}, "s3:x-amz-content-sha256", "unknown"),
    ("tags of resources", {}, "aws:RequestTag/team", "absent"),
    ("tags of a bucket", {}, "aws:ResourceTag/team", "unknown"),
    ("referer", {}, "aws:referer", "unknown"),
    ("no access point", {}, "s3:AccessPointTag/x", "absent"),
]  # fmt: skip


def of_caller(call):
    """Evidence about a caller of the kind that the record describes."""
    found = evidence()
    return replace(found, caller=replace(found.caller, type=call.caller.type))


@pytest.mark.parametrize(("change", "key", "wanted"), [c[1:] for c in S3_CASES],
                         ids=[c[0] for c in S3_CASES])  # fmt: skip
def test_a_key_of_an_s3_request(change, key, wanted):
    call = denied({**s3(when=TIME), **change})
    assert seen(s3_request_context(call, of_caller(call)), key) == wanted


def by(service, **more):
    """KMS's record of a call that a service made for the session."""
    identity = {**SESSION, "invokedBy": service}
    return kms("e", **{"userIdentity": identity, "sourceIPAddress": service, **more})


CONTEXT = "kms:EncryptionContext:aws:s3:arn"
DIRECT = {"userIdentity": SESSION, "sourceIPAddress": "198.51.100.7"}
KMS_CASES = [
    ("through SSM", by("ssm.amazonaws.com"), "kms:ViaService", "ssm.eu-west-1.amazonaws.com"),
    ("through Secrets Manager", by("secretsmanager.amazonaws.com"), "kms:ViaService", "secretsmanager.eu-west-1.amazonaws.com"),
    ("through SQS, by FAS", by("fas.sqs.amazonaws.com"), "kms:ViaService", "sqs.eu-west-1.amazonaws.com"),
    ("through S3", by("fas.s3.amazonaws.com"), "kms:ViaService", "s3.eu-west-1.amazonaws.com"),
    ("through S3 in China", by("fas.s3.amazonaws.com", awsRegion="cn-north-1"), "kms:ViaService", "s3.cn-north-1.amazonaws.com.cn"),
    ("through any service", by("AWS Internal"), "kms:ViaService", "unknown"),
    ("through a service with a dot in its name", by("delivery.logs.amazonaws.com"), "kms:ViaService", "unknown"),
    ("by the address alone", {**by("ssm.amazonaws.com"), "userIdentity": SESSION}, "kms:ViaService", "ssm.eu-west-1.amazonaws.com"),
    ("directly", {**kms("e"), **DIRECT}, "kms:ViaService", "absent"),
    ("of an S3 call", s3(), "kms:ViaService", "s3.eu-west-1.amazonaws.com"),
    ("via a service: S3", by("fas.s3.amazonaws.com"), "aws:ViaAWSService", "true"),
    ("via a service: SSM", by("ssm.amazonaws.com"), "aws:ViaAWSService", "unknown"),
    ("via a service: directly", {**kms("e"), **DIRECT}, "aws:ViaAWSService", "false"),
    ("via a service: of an S3 call", s3(), "aws:ViaAWSService", "true"),
    ("the address of S3", s3(), "aws:SourceIp", "unknown"),
    ("the agent of S3", s3(), "aws:UserAgent", "unknown"),
    ("the endpoint of an S3 call", s3(vpcEndpointId="vpce-0a"), "aws:SourceVpce", "unknown"),
    ("the address of a direct call", {**kms("e"), **DIRECT}, "aws:SourceIp", "198.51.100.7"),
    ("context: of an object", s3(), CONTEXT, "arn:aws:s3:::a-reports/2026/q3.csv"),
    ("context: nothing else", s3(), "kms:EncryptionContext:team", "absent"),
    ("context: its keys", s3(), "kms:EncryptionContextKeys", ("aws:s3:arn",)),
    ("context: of SSM", by("ssm.amazonaws.com"), "kms:EncryptionContext:PARAMETER_ARN", "unknown"),
    ("context: added to", s3(operation="PutObject", requestParameters={**WRITE, "x-amz-server-side-encryption-context": "e30="}), "kms:EncryptionContextKeys", "unknown"),
    ("context: the Bucket Key of the request", s3(operation="PutObject", requestParameters={**WRITE, "x-amz-server-side-encryption-bucket-key-enabled": "true"}), CONTEXT, "arn:aws:s3:::a-reports"),
    ("an S3 key is symmetric", s3(), "kms:EncryptionAlgorithm", "SYMMETRIC_DEFAULT"),
    ("a key of a direct call", {**kms("e"), **DIRECT}, "kms:EncryptionAlgorithm", "unknown"),
    ("no enclave asks", s3(), "kms:RecipientAttestation:PCR0", "absent"),
    ("an enclave may ask", {**kms("e"), **DIRECT}, "kms:RecipientAttestation:ImageSha384", "unknown"),
    ("one Region", s3(), "kms:MultiRegion", "false"),
    ("one Region: no type", s3(), "kms:MultiRegionKeyType", "absent"),
    ("a grant's operations", s3(), "kms:GrantOperations", "absent"),
    ("a grant's operations: CreateGrant", {**kms("e", operation="CreateGrant"), **DIRECT}, "kms:GrantOperations", "unknown"),
    ("the caller's account", s3(), "kms:CallerAccount", B),
    ("a tag of the key", s3(), "aws:ResourceTag/team", "red"),
    ("no such tag of the key", s3(), "aws:ResourceTag/x", "absent"),
    ("the key's account", s3(), "aws:ResourceAccount", A),
]  # fmt: skip


@pytest.mark.parametrize(("record", "key", "wanted"), [c[1:] for c in KMS_CASES],
                         ids=[c[0] for c in KMS_CASES])  # fmt: skip
def test_a_key_of_a_kms_request(record, key, wanted):
    found = evidence()
    used = replace(found.key.value, tags=Read({"team": "red"}))
    assert seen(kms_request_context(denied(record), found, used), key) == wanted


@pytest.mark.parametrize(
    ("suite", "version"),
    [("TLS_CHACHA20_POLY1305_SHA256", "1.3"), ("ECDHE-RSA-AES128-GCM-SHA256", "1.2"),
     ("ECDHE-RSA-AES128-SHA", None), ("-", None), ("", None), ("TLSv1.1", "1.1")],
)  # fmt: skip
def test_what_a_cipher_suite_says_of_tls(suite, version):
    assert tls_version(suite) == version


def test_the_vpc_of_an_endpoint_as_read():
    record = s3(vpcEndpointId="vpce-0a", sourceIPAddress="10.0.0.9")
    endpoint = Read(EndpointEvidence("vpce-0a", B, "vpc-0b", Read(None)))
    found = s3_request_context(denied(record), evidence(endpoint=endpoint))
    assert seen(found, "aws:SourceVpc") == "vpc-0b"
    assert seen(found, "aws:VpceAccount") == B
    assert seen(found, "aws:SourceVpcArn") == "unknown"


DIRECTORY = "data--euw1-az1--x-s3"
MODES = [
    ("CreateSession", {"x-amz-create-session-mode": "ReadOnly"}, "ReadOnly"),
    ("CreateSession", {}, "ReadWrite"),
    ("PutObject", {}, "ReadWrite"),
    ("GetObject", {}, "unknown"),
]


@pytest.mark.parametrize(("operation", "more", "mode"), MODES)
def test_the_mode_of_a_session_of_a_directory_bucket(operation, more, mode):
    parameters = {"bucketName": DIRECTORY, **more}
    record = s3(
        operation=operation, eventSource="s3express.amazonaws.com", requestParameters=parameters
    )
    found = s3_request_context(denied(record), evidence())
    assert seen(found, "s3express:SessionMode") == mode
    assert seen(found, "s3express:ResourceAccount") == A
    assert seen(found, "s3:ResourceAccount") == "unknown"


@pytest.mark.parametrize(
    ("path_known", "read", "expected"),
    [
        pytest.param(True, False, f"arn:aws:iam::{B}:role/analyst", id="the record names the role"),
        pytest.param(False, False, "unknown", id="only the session's ARN, which shows no path"),
        pytest.param(False, True, f"arn:aws:iam::{B}:role/team/analyst", id="the role was read"),
    ],
)
def test_a_roles_path_is_seen_or_not_known(path_known, read, expected):
    call = denied(s3())
    call = replace(
        call,
        caller=replace(call.caller, arn=f"arn:aws:iam::{B}:role/analyst", path_known=path_known),
    )
    found = evidence()
    arn = Read(f"arn:aws:iam::{B}:role/team/analyst") if read else Unread("refused", "iam:GetRole")
    found = replace(found, caller=replace(found.caller, arn=arn))
    assert seen(s3_request_context(call, found), "aws:PrincipalArn") == expected
