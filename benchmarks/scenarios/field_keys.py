"""Kinds of denials from the field: condition keys, headers, operations. Each row names its AWS page."""

from typing import Any

from scenarios.field_services import services
from scenarios.words import (
    ALLOWED,
    BUCKET,
    DENIED,
    GRANTED,
    IN_BUCKET,
    IN_IAM,
    IN_KEY,
    MISSING,
    NOT_NEEDED,
    ROLE,
    SESSION,
    UNKNOWN,
    W_BUCKET,
    W_IAM,
    W_KEY,
    A,
    B,
    Statement,
    allow,
    deny,
    expected,
    record,
    root,
    says,
    through_s3,
    world,
)

DOCS = "https://docs.aws.amazon.com/"
GLOBAL = f"{DOCS}IAM/latest/UserGuide/reference_policies_condition-keys.html"
S3_LIST = f"{DOCS}service-authorization/latest/reference/list_amazons3.html"
KMS_KEYS = f"{DOCS}kms/latest/developerguide/conditions-kms.html"
MFA = f"{DOCS}IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-multifactorauthpresent"
SIGV4 = f"{DOCS}AmazonS3/latest/API/bucket-policy-s3-sigv4-conditions.html"
ACTIONS = f"{DOCS}AmazonS3/latest/userguide/using-with-s3-policy-actions.html"
LOCKS = f"{DOCS}AmazonS3/latest/userguide/object-lock.html"
TAGS = f"{DOCS}AmazonS3/latest/userguide/tagging-and-policies.html"
MULTIPART = f"{DOCS}AmazonS3/latest/userguide/mpuAndPermissions.html"
CONTEXT_KEY = "kms:EncryptionContext:aws:s3:arn"
Row = tuple[str, str, dict[str, Any], dict[str, Any], dict[str, Any]]
"""Cause, AWS's page, record, world, label."""

NO_TAG = {"StringNotEquals": {"aws:ResourceTag/team": "red"}}
KEY_ALL = (root(), IN_KEY)
KEY_ALL_W = (root(), W_KEY)


def bucket_is(verdict: str, outcome: str, *codes: str) -> dict[str, Any]:
    """Only the bucket policy is not as it should be."""
    label = expected(verdict, GRANTED, GRANTED, GRANTED, outcome=outcome)
    return {**label, "codes": [f"bucket_policy.{code}" for code in codes]} if codes else label


UNKNOWN_B = bucket_is(UNKNOWN, "unknown", "condition_unknown")
DENIED_B = bucket_is(DENIED, "do_not_patch")
GUARDED = bucket_is(MISSING, "handoff")
LACKS = bucket_is(MISSING, "fixable")


def reading(page: str, rows: list[tuple], **record_of_all: Any) -> list[Row]:
    """Reads of an object; each row is (cause, statement of the bucket policy, record, label)."""
    return [
        (cause, page, {**record_of_all, **rec}, world(_with(statement, IN_BUCKET), KEY_ALL, tuple(IN_IAM)), label)
        for cause, statement, rec, label in rows
    ]  # fmt: skip


def writing(page: str, rows: list[tuple], iam: tuple = tuple(W_IAM)) -> list[Row]:
    """Uploads of an object; likewise."""
    return [
        (cause, page, {"access": "write", **rec}, world(_with(statement, W_BUCKET), KEY_ALL_W, iam), label)
        for cause, statement, rec, label in rows
    ]  # fmt: skip


def _with(statement: Statement | tuple, granted: Statement) -> tuple[Statement, ...]:
    """An Allow stands alone; a Deny stands beside what grants the call."""
    if isinstance(statement, tuple):
        return statement
    return (granted, statement) if statement["Effect"] == "Deny" else (statement,)


def if_(operator: str, key: str, value: Any, action: str = "s3:GetObject") -> Statement:
    return allow(ROLE, action, f"{BUCKET}/*", Condition={operator: {key: value}})


def unless(operator: str, key: str, value: Any, action: str = "s3:GetObject") -> Statement:
    return deny("*", action, f"{BUCKET}/*", Condition={operator: {key: value}})


ATHENA = {
    "sourceIPAddress": "athena.amazonaws.com",
    "userAgent": "athena.amazonaws.com",
    "userIdentity": {
        **record()["userIdentity"],
        "invokedBy": "athena.amazonaws.com",
    },
}
FORMATION = {
    **ATHENA,
    "userIdentity": {**record()["userIdentity"], "invokedBy": "cloudformation.amazonaws.com"},
}
INSIDE = {
    "vpcEndpointId": "vpce-0a1b2c3d",
    "vpcEndpointAccountId": B,
    "sourceIPAddress": "10.0.4.7",
}


def session(**more: Any) -> dict[str, Any]:
    """The caller's session, with more in it."""
    identity = record()["userIdentity"]
    context = {**identity["sessionContext"], **more.pop("context", {})}
    return {"userIdentity": {**identity, "sessionContext": context, **more}}


def attributes(mfa: str = "false", created: str = "2026-11-24T03:00:00Z") -> dict[str, Any]:
    return {"attributes": {"creationDate": created, "mfaAuthenticated": mfa}}


def network() -> list[Row]:
    """How the request came: TLS, addresses, endpoints, agents, signatures."""
    old: dict[str, Any] = {"tlsDetails": {"tlsVersion": "TLSv1.1"}}
    none: dict[str, Any] = {"tlsDetails": {}}
    suite = {**none, "additionalEventData": {"CipherSuite": "ECDHE-RSA-AES128-GCM-SHA256"}}
    tls = unless("NumericLessThan", "s3:TlsVersion", "1.2")
    new_tls = unless("NumericLessThan", "s3:TlsVersion", "1.3")
    signed = unless("StringNotEquals", "s3:signatureversion", "AWS4-HMAC-SHA256")
    by_header = unless("StringNotEquals", "s3:authType", "REST-HEADER")

    def extra(**values: str) -> dict[str, Any]:
        return {"additionalEventData": values}

    return [
        *reading(S3_LIST, [
            ("TLS: 1.2 is wanted, and 1.3 was used", tls, {}, ALLOWED),
            ("TLS: 1.2 is wanted, and 1.1 was used", tls, old, bucket_is(DENIED, "do_not_patch", "deny_tls")),
            ("TLS: the version is not recorded", tls, none, UNKNOWN_B),
            ("TLS: the cipher suite tells 1.2", new_tls, suite, bucket_is(DENIED, "do_not_patch", "deny_tls")),
            ("TLS: an Allow that wants 1.3", if_("StringEquals", "s3:TlsVersion", "1.3"), {}, ALLOWED),
            ("TLS: an Allow that wants 1.3, and 1.1 was used", if_("NumericGreaterThanEquals", "s3:TlsVersion", "1.3"), old, GUARDED),
        ]),
        *reading(SIGV4, [
            ("signature: version 4 is wanted, and was used", signed, extra(SignatureVersion="SigV4"), ALLOWED),
            ("signature: version 4 is wanted, and 2 was used", signed, extra(SignatureVersion="SigV2"), DENIED_B),
            ("signature: the version is not recorded", signed, {}, UNKNOWN_B),
            ("signature: no presigned URLs, and there was none", by_header, extra(AuthenticationMethod="AuthHeader"), ALLOWED),
            ("signature: no presigned URLs, and there was one", by_header, extra(AuthenticationMethod="QueryString"), DENIED_B),
            ("signature: its age is in no record", unless("NumericGreaterThan", "s3:signatureAge", "600000"), {}, UNKNOWN_B),
            ("signature: unsigned content is in no record", unless("StringEquals", "s3:x-amz-content-sha256", "UNSIGNED-PAYLOAD"), {}, UNKNOWN_B),
        ]),
        *reading(GLOBAL, [
            ("agent: CloudTrail's brackets do not count", if_("StringLike", "aws:UserAgent", "Boto3/*"), {}, ALLOWED),
            ("agent: a Deny with a name between brackets", unless("StringLike", "aws:UserAgent", "[Boto3*"), {}, ALLOWED),
            ("agent: another one is wanted", if_("StringLike", "aws:UserAgent", "*S3Console*"), {}, GUARDED),
            ("agent: a service called, the user's is not recorded", if_("StringLike", "aws:UserAgent", "Boto3/*"), ATHENA, UNKNOWN_B),
            ("address: the private one through an endpoint", if_("IpAddress", "aws:VpcSourceIp", "10.0.0.0/8"), INSIDE, ALLOWED),
            ("address: another private one", if_("IpAddress", "aws:VpcSourceIp", "10.1.0.0/16"), INSIDE, GUARDED),
            ("address: a private one is wanted, and it came from the internet", if_("IpAddress", "aws:VpcSourceIp", "10.0.0.0/8"), {}, GUARDED),
            ("address: no public one through an endpoint", if_("IpAddress", "aws:SourceIp", "10.0.0.0/8"), INSIDE, GUARDED),
            ("address: a service's is not recorded", if_("IpAddress", "aws:SourceIp", "198.51.100.0/24"), ATHENA, UNKNOWN_B),
            ("endpoint: of the caller's account", if_("StringEquals", "aws:VpceAccount", B), INSIDE, ALLOWED),
            ("endpoint: of another account", unless("StringNotEquals", "aws:VpceAccount", A), INSIDE, DENIED_B),
            ("endpoint: wanted, and there was none", unless("Null", "aws:VpceAccount", "true"), {}, DENIED_B),
            ("referer: in no record", if_("StringLike", "aws:referer", "https://example.org/*"), {}, UNKNOWN_B),
            ("time: before the permission ends", if_("DateLessThan", "aws:EpochTime", "1900000000"), {}, ALLOWED),
            ("time: after the permission ended", if_("DateLessThan", "aws:EpochTime", "1700000000"), {}, GUARDED),
        ]),
    ]  # fmt: skip


def sessions() -> list[Row]:
    """Who called, and with which credentials."""
    ann = f"arn:aws:iam::{B}:user/ann"
    person = {"user": {"account": B, "name": "ann"}}
    by_key = {"userIdentity": {"type": "IAMUser", "principalId": "${ROLE_ID}", "arn": ann, "accountId": B,
                               "userName": "ann", "accessKeyId": "AKIAEXAMPLE"}}  # fmt: skip
    function = f"arn:aws:lambda:eu-west-1:{B}:function:report"
    in_function = session(
        inScopeOf={"issuerType": "AWS::Lambda::Function", "credentialsIssuedTo": function}
    )
    bool_mfa = {"aws:MultiFactorAuthPresent": "false"}

    def of_ann(cause: str, statement: Statement, label: dict) -> Row:
        own = (
            {**statement, "Principal": {"AWS": ann}}
            if statement["Effect"] == "Allow"
            else statement
        )
        granted = allow(ann, "s3:GetObject", f"{BUCKET}/*")
        made = world(
            _with(own, granted), (root(), allow(ann, "kms:Decrypt", "*")), tuple(IN_IAM), **person
        )
        return cause, MFA, by_key, made, label

    return [
        of_ann("MFA: a long-term key has none, Bool fails", if_("Bool", "aws:MultiFactorAuthPresent", "true"), GUARDED),
        of_ann("MFA: a long-term key has none, BoolIfExists holds", if_("BoolIfExists", "aws:MultiFactorAuthPresent", "true"), ALLOWED),
        of_ann("MFA: a Deny with Bool spares a long-term key", deny("*", "s3:*", f"{BUCKET}/*", Condition={"Bool": bool_mfa}), ALLOWED),
        of_ann("MFA: a Deny with BoolIfExists does not", deny("*", "s3:*", f"{BUCKET}/*", Condition={"BoolIfExists": bool_mfa}),
               bucket_is(DENIED, "do_not_patch", "deny_mfa")),
        of_ann("MFA: a long-term key has no age of it", if_("NumericLessThan", "aws:MultiFactorAuthAge", "3600"), GUARDED),
        of_ann("token: a long-term key has none", deny("*", "s3:*", f"{BUCKET}/*", Condition={
            "DateLessThan": {"aws:TokenIssueTime": "2026-11-25T00:00:00Z"}}), ALLOWED),
        *reading(MFA, [
            ("MFA: a session with it", if_("Bool", "aws:MultiFactorAuthPresent", "true"), session(context=attributes("true")), ALLOWED),
            ("MFA: how long ago is in no record", if_("NumericLessThan", "aws:MultiFactorAuthAge", "3600"), session(context=attributes("true")), UNKNOWN_B),
            ("MFA: how long ago, and there was none", if_("NumericLessThan", "aws:MultiFactorAuthAge", "3600"), session(context=attributes()), GUARDED),
        ]),
        *reading(GLOBAL, [
            ("token: issued before the credentials were revoked", unless("DateLessThan", "aws:TokenIssueTime", "2026-11-24T03:02:00Z"), session(context=attributes()), DENIED_B),
            ("token: issued after the credentials were revoked", unless("DateLessThan", "aws:TokenIssueTime", "2026-11-24T02:00:00Z"), session(context=attributes()), ALLOWED),
            ("source identity: the one that is wanted", if_("StringEquals", "aws:SourceIdentity", "ann"), session(context={"sourceIdentity": "ann"}), ALLOWED),
            ("source identity: none was set", if_("StringEquals", "aws:SourceIdentity", "ann"), session(context=attributes()), LACKS),
            ("source identity: the owner's copy does not say it", if_("StringEquals", "aws:SourceIdentity", "ann"), {"copy": "owner"}, UNKNOWN_B),
            ("a function: this one", unless("ArnNotEquals", "lambda:SourceFunctionArn", function), in_function, ALLOWED),
            ("a function: another one", unless("ArnNotEquals", "lambda:SourceFunctionArn", f"{function}-2"), in_function, DENIED_B),
            ("a function: the record says none", unless("ArnNotEquals", "lambda:SourceFunctionArn", function), {}, UNKNOWN_B),
            ("metadata service: version 1", unless("NumericLessThan", "ec2:RoleDelivery", "2.0"), session(context={"ec2RoleDelivery": "1.0"}), DENIED_B),
            ("metadata service: version 2", unless("NumericLessThan", "ec2:RoleDelivery", "2.0"), session(context={"ec2RoleDelivery": "2.0"}), ALLOWED),
            ("web identity: of the provider that is wanted", if_("StringEquals", "aws:FederatedProvider", "accounts.google.com"),
             session(context={"webIdFederationData": {"federatedProvider": "accounts.google.com"}}), ALLOWED),
            ("assumed root: denied, and it was none", unless("Bool", "aws:AssumedRoot", "true"), session(context=attributes()), ALLOWED),
            ("confused deputy: a role has no source", if_("ArnLike", "aws:SourceArn", f"arn:aws:sns:*:{A}:*"), {}, LACKS),
            ("via a service: a direct call", unless("Bool", "aws:ViaAWSService", "false"), {}, DENIED_B),
            ("via a service: Athena called for the user", unless("Bool", "aws:ViaAWSService", "false"), ATHENA, ALLOWED),
            ("via a service: CloudFormation may have a role of its own", unless("Bool", "aws:ViaAWSService", "false"), FORMATION, UNKNOWN_B),
            ("via a service: wanted, and the call was direct", if_("Bool", "aws:ViaAWSService", "true"), {}, GUARDED),
            ("called via: Athena is wanted, and it called", if_("ForAnyValue:StringEquals", "aws:CalledVia", ["athena.amazonaws.com"]), ATHENA, ALLOWED),
            ("called via: CloudFormation is wanted, which may have called as itself", if_("ForAnyValue:StringEquals", "aws:CalledVia", ["cloudformation.amazonaws.com"]), FORMATION, UNKNOWN_B),
            ("called via: Athena is wanted, and the call was direct", if_("ForAnyValue:StringEquals", "aws:CalledVia", ["athena.amazonaws.com"]), {}, GUARDED),
            ("via AWS's MCP server: denied, and the call was direct", unless("Bool", "aws:ViaAWSMCPService", "true"), {}, ALLOWED),
        ]),
    ]  # fmt: skip


def requests() -> list[Row]:
    """What the request itself carried."""
    tag = {"parameters": {"x-amz-tagging": "team=red"}}
    lists = {"access": "list"}
    w_tagged = (
        allow(ROLE, ["s3:PutObject", "s3:PutObjectTagging"], f"{BUCKET}/*", Condition={
            "StringEquals": {"s3:RequestObjectTag/team": "red"}}),
    )  # fmt: skip
    may_tag = (allow(None, ["s3:PutObject", "s3:PutObjectTagging"], f"{BUCKET}/*"), W_IAM[1])
    lock = "s3:object-lock-mode"
    no_sse = unless("Null", "s3:x-amz-server-side-encryption", "false")

    def listing(
        cause: str, parameters: dict, operator: str, key: str, value: Any, label: dict
    ) -> Row:
        asked = allow(ROLE, "s3:ListBucket", BUCKET, Condition={operator: {key: value}})
        return (cause, S3_LIST, {**lists, "parameters": parameters},
                world((asked,), None, (allow(None, "s3:ListBucket", BUCKET),)), label)  # fmt: skip

    listed = expected(GRANTED, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome="already_allowed")
    missing = expected(MISSING, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome="fixable")
    guarded = expected(MISSING, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome="handoff")
    return [
        listing("prefix: an empty one is allowed, and was sent", {"prefix": ""}, "StringEquals", "s3:prefix", ["", "home/"], listed),
        listing("prefix: an empty one is not among those allowed", {"prefix": ""}, "StringLike", "s3:prefix", "home/*", missing),
        listing("delimiter: the one that is wanted", {"prefix": "", "delimiter": "/"}, "StringEquals", "s3:delimiter", "/", listed),
        listing("max-keys: few enough", {"max-keys": 50}, "NumericLessThanEquals", "s3:max-keys", "100", listed),
        listing("max-keys: too many", {"max-keys": 1000}, "NumericLessThanEquals", "s3:max-keys", "100", guarded),
        *writing(TAGS, [
            ("tags: the one that is wanted", w_tagged, tag, ALLOWED),
            ("tags: another one", w_tagged, {"parameters": {"x-amz-tagging": "team=blue"}}, GUARDED),
        ], may_tag),
        *writing(TAGS, [
            ("tags: none was recorded", w_tagged, {}, UNKNOWN_B),
            ("tags: a Deny without them, and nothing was recorded", unless("Null", "s3:RequestObjectTag/team", "true", "s3:PutObject"), {}, UNKNOWN_B),
        ]),
        *reading(TAGS, [("tags: the object's own are in no record", if_("StringEquals", "s3:ExistingObjectTag/team", "red"), {}, UNKNOWN_B)]),
        *writing(LOCKS, [
            ("Object Lock: a mode is wanted, and none was sent", if_("StringEquals", lock, "COMPLIANCE", "s3:PutObject"), {}, GUARDED),
            ("Object Lock: a Deny with a mode, and none was sent", unless("Null", lock, "false", "s3:PutObject"), {}, ALLOWED),
        ]),
        *writing(S3_LIST, [
            ("storage class: the one that is wanted", if_("StringEquals", "s3:x-amz-storage-class", "GLACIER", "s3:PutObject"),
             {"parameters": {"x-amz-storage-class": "GLACIER"}}, ALLOWED),
            ("storage class: none was sent", if_("StringEquals", "s3:x-amz-storage-class", "GLACIER", "s3:PutObject"), {}, GUARDED),
        ]),
        *reading(S3_LIST, [
            ("a header of uploads in a Deny for all actions", deny("*", "s3:*", f"{BUCKET}/*", Condition={
                "StringNotEquals": {"s3:x-amz-acl": "private"}}), {}, DENIED_B),
            ("a header of uploads that a read does not carry", no_sse, {}, ALLOWED),
        ]),
        (
            "tags of a bucket count only with ABAC",
            f"{DOCS}AmazonS3/latest/userguide/buckets-tagging-enable-abac.html", {},
            world((IN_BUCKET,), KEY_ALL, (*IN_IAM, deny(None, "s3:*", "*", Condition=NO_TAG))),
            expected(GRANTED, GRANTED, UNKNOWN, GRANTED, outcome="unknown"),
        ),
    ]  # fmt: skip


def key_conditions() -> list[Row]:
    """Conditions on the use of the key, of calls that S3 makes."""

    def key(cause: str, condition: dict, label: dict, **rec: Any) -> Row:
        granted = allow(ROLE, "kms:Decrypt", "*", Condition=condition)
        return (cause, KMS_KEYS, rec, world((IN_BUCKET,), (root(), granted), tuple(IN_IAM)), label)

    def write(cause: str, condition: dict, label: dict, **changes: Any) -> Row:
        granted = allow(ROLE, "kms:GenerateDataKey", "*", Condition=condition)
        asked = {"access": "write", "parameters": changes.pop("parameters", {})}
        return (
            cause,
            KMS_KEYS,
            asked,
            world((W_BUCKET,), (root(), granted), tuple(W_IAM), **changes),
            label,
        )

    missing = expected(GRANTED, MISSING, GRANTED, GRANTED, outcome="fixable")
    guarded = expected(GRANTED, MISSING, GRANTED, GRANTED, outcome="handoff")
    enabled = {"x-amz-server-side-encryption-bucket-key-enabled": "true"}
    disabled = {"x-amz-server-side-encryption-bucket-key-enabled": "false"}
    tagged = {"StringEquals": {"aws:ResourceTag/team": "red"}}
    return [
        key("key: S3 uses symmetric encryption", {"StringEquals": {"kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}}, ALLOWED),
        key("key: of one Region", {"Bool": {"kms:MultiRegion": "false"}}, ALLOWED),
        key("key: several Regions are wanted", {"Bool": {"kms:MultiRegion": "true"}}, guarded),
        key("key: an enclave is wanted", {"StringEqualsIgnoreCase": {"kms:RecipientAttestation:ImageSha384": "ab"}}, guarded),
        key("key: for grants only", {"Bool": {"kms:GrantIsForAWSResource": "true"}}, guarded),
        key("key: a tag that it does not have", tagged, missing),
        key("key: its aliases are not read", {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/reports"}},
            expected(GRANTED, UNKNOWN, GRANTED, GRANTED, outcome="unknown")),
        key("key: from S3's own address, which is not recorded", {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}},
            expected(GRANTED, UNKNOWN, GRANTED, GRANTED, outcome="unknown")),
        key("key: through a service", {"Bool": {"aws:ViaAWSService": "true"}}, ALLOWED),
        key("key: the encryption context has no other key", {"StringEquals": {"kms:EncryptionContext:team": "red"}}, missing),
        write("Bucket Key: the request switches it on", {"StringEquals": {CONTEXT_KEY: BUCKET}}, ALLOWED, parameters=enabled),
        write("Bucket Key: the request switches it off", {"StringLike": {CONTEXT_KEY: f"{BUCKET}/*"}}, ALLOWED,
              parameters=disabled, bucket_key=True),
        write("Bucket Key: off in the request, and the key wants the bucket", {"StringEquals": {CONTEXT_KEY: BUCKET}}, missing,
              parameters=disabled, bucket_key=True),
    ]  # fmt: skip


def through_services() -> list[Row]:
    """The key used through another service than S3."""
    arn = "${KEY}"

    def by(service: str, operation: str = "Decrypt") -> dict[str, Any]:
        whole = through_s3(
            operation,
            says(
                f"kms:{operation}",
                arn,
                f"because no resource-based policy allows the kms:{operation} action",
            ),
            sourceIPAddress=service,
            userAgent=service,
        )
        return {**whole, "userIdentity": {**whole["userIdentity"], "invokedBy": service}}

    def via(service: str, *, negated: bool = False) -> Statement:
        condition = {
            "StringNotEquals" if negated else "StringEquals": {
                "kms:ViaService": f"{service}.eu-west-1.amazonaws.com"
            }
        }
        return allow(ROLE, "kms:Decrypt", "*", Condition=condition)

    use = (allow(None, "kms:Decrypt", arn),)
    fine = expected(NOT_NEEDED, GRANTED, NOT_NEEDED, GRANTED, outcome="already_allowed")
    no_key = expected(NOT_NEEDED, MISSING, NOT_NEEDED, GRANTED, outcome="fixable")
    guarded = expected(NOT_NEEDED, MISSING, NOT_NEEDED, GRANTED, outcome="handoff")
    no_iam = expected(NOT_NEEDED, GRANTED, NOT_NEEDED, MISSING, outcome="fixable")
    # AWS's own sentence settles what the unnamed service leaves open.
    perhaps = expected(UNKNOWN, MISSING, UNKNOWN, GRANTED, outcome="unknown")

    def row(cause: str, rec: dict, key: tuple, iam: tuple, label: dict) -> Row:
        return cause, KMS_KEYS, rec, world((), (root(), *key), iam), label

    ssm, secrets = by("ssm.amazonaws.com"), by("secretsmanager.amazonaws.com")
    refused = deny(ROLE, "kms:*", "*", Condition={"StringNotEquals": {
        "kms:ViaService": "s3.eu-west-1.amazonaws.com"}})  # fmt: skip
    denied = expected(
        NOT_NEEDED,
        DENIED,
        NOT_NEEDED,
        GRANTED,
        outcome="do_not_patch",
        codes=["key_policy.deny_via_service"],
    )
    return [
        row("through SSM: granted", ssm, (via("ssm"),), use, fine),
        row("through SSM: IAM says nothing", ssm, (via("ssm"),), (), no_iam),
        row("through SSM: the key policy says nothing", ssm, (), use, no_key),
        row("through SSM: granted through S3 only", ssm, (via("s3"),), use, guarded),
        row("through SSM: denied but through S3", ssm, (via("ssm"), refused), use, denied),
        row("through Secrets Manager: granted", secrets, (via("secretsmanager"),), use, fine),
        row("through Secrets Manager: granted through SSM only", secrets, (via("ssm"),), use, guarded),
        row("through SQS, by forward access session", by("fas.sqs.amazonaws.com"), (via("sqs"),), use, fine),
        row("through a service that is not named: granted through SSM", by("AWS Internal"), (via("ssm"),), use, perhaps),
        row("directly: granted through SSM only",
            {**ssm, "sourceIPAddress": "198.51.100.7", "userIdentity": record()["userIdentity"]}, (via("ssm"),), use, guarded),
    ]  # fmt: skip


def headers() -> list[Row]:
    """Headers that need an action of their own; a patch grants only the one that lacks."""

    def upload(
        cause: str, page: str, parameters: dict, bucket: list[str], iam: list[str], label: dict
    ) -> Row:
        target = f"{BUCKET}/*"
        made = world(tuple(allow(ROLE, one, target) for one in bucket), KEY_ALL_W,
                     (*(allow(None, one, target) for one in iam), W_IAM[1]))  # fmt: skip
        return cause, page, {"access": "write", "parameters": parameters}, made, label

    put, lock = "s3:PutObject", "x-amz-object-lock-"
    rows: list[Row] = []
    for name, parameters, action, grantable in (
        ("an ACL", {"x-amz-acl": "bucket-owner-full-control"}, "s3:PutObjectAcl", False),
        ("a grant of an ACL", {"x-amz-grant-read": 'id="1"'}, "s3:PutObjectAcl", False),
        ("tags", {"x-amz-tagging": "team=red"}, "s3:PutObjectTagging", True),
        (
            "a retention",
            {f"{lock}mode": "GOVERNANCE", f"{lock}retain-until-date": "2027-01-01T00:00:00Z"},
            "s3:PutObjectRetention",
            False,
        ),
        ("a legal hold", {f"{lock}legal-hold": "ON"}, "s3:PutObjectLegalHold", False),
    ):
        page, outcome = (ACTIONS, "fixable" if grantable else "handoff")
        rows += [
            upload(f"upload with {name}: granted", page, parameters, [put, action], [put, action], ALLOWED),
            upload(f"upload with {name}: the bucket policy lacks {action}", page, parameters, [put], [put, action], bucket_is(MISSING, outcome, "action_mismatch")),
            upload(f"upload with {name}: IAM lacks {action}", page, parameters, [put, action], [put],
                   expected(GRANTED, GRANTED, MISSING, GRANTED, outcome=outcome)),
        ]  # fmt: skip
    bypass = {
        "parameters": {"x-amz-bypass-governance-retention": "true"},
        "eventName": "DeleteObject",
    }
    both = ["s3:DeleteObject", "s3:BypassGovernanceRetention"]
    no_key = {"outcome": "already_allowed"}

    def deletion(cause: str, bucket: list[str], verdict: str, outcome: str) -> Row:
        made = world(
            (allow(ROLE, bucket, f"{BUCKET}/*"),), None, (allow(None, both, f"{BUCKET}/*"),)
        )
        return (cause, LOCKS, {"access": "write", **bypass}, made,
                expected(verdict, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome=outcome))  # fmt: skip

    part = world(
        (W_BUCKET,),
        KEY_ALL_W,
        (W_IAM[0], allow(None, ["kms:GenerateDataKey", "kms:Decrypt"], "${KEY}")),
    )
    parts = {"access": "write", "eventName": "ListParts"}
    may_list = allow(ROLE, "s3:ListMultipartUploadParts", f"{BUCKET}/*")
    own = (
        allow(None, "s3:ListMultipartUploadParts", f"{BUCKET}/*"),
        allow(None, "kms:Decrypt", "${KEY}"),
    )
    version = {"parameters": {"versionId": "v1"}}
    return [
        *rows,
        deletion("bypass of governance mode: granted", both, GRANTED, no_key["outcome"]),
        deletion("bypass of governance mode: not granted", both[:1], MISSING, "handoff"),
        ("a part of an upload: the key lacks kms:Decrypt only", MULTIPART, {"access": "write", "eventName": "UploadPart"}, part,
         expected(GRANTED, MISSING, GRANTED, GRANTED, outcome="fixable")),
        ("listing the parts of an encrypted upload: granted", MULTIPART, parts, world((may_list,), KEY_ALL, own), ALLOWED),
        ("listing the parts of an encrypted upload: no kms:Decrypt", MULTIPART, parts, world((may_list,), None, own),
         expected(GRANTED, MISSING, GRANTED, GRANTED, outcome="fixable")),
        ("a version: the bucket policy grants reading the newest only", ACTIONS, version,
         world((IN_BUCKET,), KEY_ALL, (allow(None, "s3:GetObjectVersion", f"{BUCKET}/*"), IN_IAM[1])), LACKS),
        ("a version that only AWS's message names", ACTIONS,
         {"message": says("s3:GetObjectVersion", f"{BUCKET}/2026/q3.csv", "because no resource-based policy allows the s3:GetObjectVersion action")},
         world((IN_BUCKET,), KEY_ALL, (allow(None, "s3:GetObjectVersion", f"{BUCKET}/*"), IN_IAM[1])), LACKS),
    ]  # fmt: skip


def operations() -> list[Row]:
    """Operations that nobody asks a bucket about, and one that only AWS's message explains."""
    mine = {"role": {"account": A, "name": "analyst", "path": "/"}}
    session_of_a = SESSION.replace(B, A)
    issuer = {
        "type": "Role",
        "arn": ROLE.replace(B, A),
        "accountId": A,
        "principalId": "${ROLE_ID}",
    }
    who = {"type": "AssumedRole", "principalId": "${ROLE_ID}:sam", "arn": session_of_a, "accountId": A,
           "sessionContext": {"sessionIssuer": issuer}}  # fmt: skip

    def asked(
        cause: str, operation: str, parameters: dict, iam: tuple, label: dict, **more: Any
    ) -> Row:
        rec = {
            "eventName": operation,
            "userIdentity": who,
            "requestParameters": parameters,
            "resources": [],
            **more,
        }
        return cause, S3_LIST, rec, world((), None, iam, **mine), label

    granted = expected(NOT_NEEDED, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome="already_allowed")
    lacking = expected(NOT_NEEDED, NOT_NEEDED, MISSING, NOT_NEEDED, outcome="handoff")
    unsure = expected(UNKNOWN, NOT_NEEDED, UNKNOWN, NOT_NEEDED, outcome="unknown")
    point = f"arn:aws:s3:eu-west-1:{A}:accesspoint/reports"
    data = {"accountId": A, "target": "s3://a-reports/2026/*", "permission": "READ"}
    laser = says(
        "s3:PutObjectLaserBeam",
        f"{BUCKET}/2026/q3.csv",
        "because no resource-based policy allows the s3:PutObjectLaserBeam action",
    )
    return [
        asked("listing all buckets: no permission", "ListBuckets", {}, (), lacking),
        asked("listing all buckets: a permission for one bucket does not count", "ListBuckets", {},
              (allow(None, "s3:ListAllMyBuckets", BUCKET),), lacking),
        asked("listing all buckets: granted", "ListBuckets", {}, (allow(None, "s3:ListAllMyBuckets", "*"),), granted),
        asked("the account's block: no permission", "PutAccountPublicAccessBlock", {"accountId": A}, (), lacking),
        asked("an access point's policy: granted", "GetAccessPointPolicy", {"accountId": A, "name": "reports"},
              (allow(None, "s3:GetAccessPointPolicy", point),), granted),
        asked("an access point's policy: granted for another one", "GetAccessPointPolicy", {"accountId": A, "name": "reports"},
              (allow(None, "s3:GetAccessPointPolicy", f"{point}-2"),), lacking),
        asked("a job that the record does not name", "DescribeJob", {"accountId": A}, (allow(None, "s3:DescribeJob", "*"),), unsure),
        asked("an access grant is not read", "GetDataAccess", data, (allow(None, "s3:GetDataAccess", "*"),),
              expected(UNKNOWN, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome="unknown", codes=["bucket_policy.access_grants"])),
        asked("an access grant, and IAM says nothing", "GetDataAccess", data, (),
              expected(UNKNOWN, NOT_NEEDED, MISSING, NOT_NEEDED, outcome="unknown")),
        ("an operation that only AWS's message explains", f"{DOCS}IAM/latest/UserGuide/troubleshoot_access-denied.html",
         {"eventName": "PutObjectLaserBeam", "message": laser}, world((), None, (allow(None, "s3:*", "*"),)),
         expected(MISSING, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome="handoff")),
    ]  # fmt: skip


def field_keys() -> list[dict[str, Any]]:
    """The scenarios of this module and of `field_services`."""
    rows = [
        *network(), *sessions(), *requests(), *key_conditions(), *through_services(), *headers(),
        *operations(), *services(),
    ]  # fmt: skip
    return [
        {
            "id": f"keys-{number:03}",
            "cause": cause,
            "source": page,
            "record": rec if "eventSource" in rec else record(**rec),
            "world": made,
            "expected": label,
        }
        for number, (cause, page, rec, made, label) in enumerate(rows, 1)
    ]
