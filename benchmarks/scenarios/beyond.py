"""Causes beyond grants and statements: guardrails, places, objects, requests, and AWS's own word."""

from typing import Any

from words import (
    BUCKET,
    DENIED,
    GRANTED,
    MISSING,
    NOT_NEEDED,
    OBJECT,
    POINT,
    ROLE,
    SESSION,
    SOURCE,
    UNKNOWN,
    A,
    B,
    C,
    Statement,
    allow,
    deny,
    expected,
    grants,
    no,
    policy,
    record,
    root,
    says,
    through_s3,
    world,
)

MANAGER = "999999999999"
FINE = (GRANTED, GRANTED, GRANTED, GRANTED)
ALLOWED = expected(*FINE, outcome="already_allowed")
IN_BUCKET, IN_KEY, IN_IAM = grants()
W_BUCKET, W_KEY, W_IAM = grants("write")
Row = tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]


def stopped(*blockers: str, **more: Any) -> dict[str, Any]:
    return expected(*FINE, outcome="do_not_patch", blockers=blockers, **more)


def all_in(**changes: Any) -> dict[str, Any]:
    """Every grant for a read is in place."""
    return {**world((IN_BUCKET,), (root(), IN_KEY), tuple(IN_IAM)), **changes}


def writing(**changes: Any) -> dict[str, Any]:
    """Every grant for a write is in place."""
    return {**world((W_BUCKET,), (root(), W_KEY), tuple(W_IAM)), **changes}


def organization(*policies: tuple[str, str, Any], members: tuple = (A, B), **more: Any) -> dict:
    return {"manager": MANAGER, "members": members, "policies": policies, **more}


def guardrails() -> list[Row]:
    """SCPs, RCPs, VPC endpoint policies and boundaries, read and evaluated."""
    region = {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}}
    tag = {"StringNotEquals": {"aws:PrincipalTag/team": "red"}}
    outside = {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "${ORG}"}}
    spared = {"ArnNotLike": {"aws:PrincipalArn": ROLE}}
    everything = allow("*", "*", "*")
    scp, rcp, vpce = (
        ("service_control_policy",),
        ("resource_control_policy",),
        ("vpc_endpoint_policy",),
    )
    via = {"vpcEndpointId": "${VPCE}"}
    unknown = expected(*FINE, outcome="unknown")

    def org(
        cause: str,
        label: dict,
        *policies: tuple,
        members: tuple = (A, B),
        only: tuple = (),
        **changes: Any,
    ) -> Row:
        made = organization(*policies, members=members, only=only)
        return cause, {}, all_in(organization=made, **changes), label

    in_org = {"StringEquals": {"aws:PrincipalOrgID": "${ORG}"}}
    in_path = {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": "${ORG}/*"}}
    by_org = {"bucket": policy(allow("*", "s3:GetObject", f"{BUCKET}/*", Condition=in_org))}
    return [
        org("SCP: nothing beside FullAWSAccess", ALLOWED),
        org("SCP: explicit deny on the account", stopped(*scp), ("scp", B, policy(deny(None, "s3:Get*", "*")))),
        org("SCP: explicit deny on the OU", stopped(*scp), ("scp", "ou", policy(deny(None, "kms:Decrypt", "*")))),
        org("SCP: explicit deny on the root", stopped(*scp), ("scp", "root", policy(deny(None, "*", "*")))),
        org("SCP: another Region is denied", stopped(*scp), ("scp", "root", policy(deny(None, "*", "*", Condition=region)))),
        org("SCP: the role is spared", ALLOWED, ("scp", "root", policy(deny(None, "*", "*", Condition=spared)))),
        org("SCP: a deny on another account", ALLOWED, ("scp", A, policy(deny(None, "*", "*")))),
        org("SCP: the OU does not allow S3", stopped(*scp), ("scp", "ou", policy(allow(None, "ec2:*", "*"))), only=("ou",)),
        org("SCP: the account allows S3, but not KMS", stopped(*scp), ("scp", B, policy(allow(None, "s3:*", "*"))), only=(B,)),
        org("SCP: every level allows", ALLOWED, ("scp", B, policy(allow(None, ["s3:*", "kms:*"], "*"))), only=(B,)),
        org("SCP: hangs on a tag that nobody recorded", unknown, ("scp", B, policy(deny(None, "*", "*", Condition=tag)))),
        org("RCP: outsiders are denied", stopped(*rcp), ("rcp", "root", policy(deny("*", "s3:*", "*", Condition=outside))), members=(A,)),
        org("RCP: outsiders are denied the key", stopped(*rcp), ("rcp", A, policy(deny("*", "kms:*", "*", Condition=outside))), members=(A,)),
        org("RCP: the caller is inside", ALLOWED, ("rcp", "root", policy(deny("*", "s3:*", "*", Condition=outside)))),
        org("RCP: on the caller's account only", ALLOWED, ("rcp", B, policy(deny("*", "s3:*", "*")))),
        org("organisation: the bucket policy wants it, and the caller is in it", ALLOWED, **by_org),
        org("organisation: the bucket policy wants it, and the caller is not in it",
            expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable", codes=["bucket_policy.condition_key_missing"]),
            members=(A,), **by_org),
        org("organisation: an OU's path, and the caller is in it", ALLOWED,
            bucket=policy(allow("*", "s3:GetObject", f"{BUCKET}/*", Condition=in_path))),
        org("organisation: explicit deny for everyone outside",
            expected(DENIED, GRANTED, GRANTED, GRANTED, outcome="do_not_patch", codes=["bucket_policy.deny_organization"]),
            members=(A,), bucket=policy(IN_BUCKET, deny("*", "s3:*", f"{BUCKET}/*", Condition={
                "StringNotEquals": {"aws:PrincipalOrgID": "${ORG}"}}))),
        ("VPC endpoint policy: full access", via, all_in(endpoint={}), ALLOWED),
        ("VPC endpoint policy: another bucket", via,
         all_in(endpoint={"policy": policy(allow("*", "s3:*", "arn:aws:s3:::b-*"))}), stopped(*vpce)),
        ("VPC endpoint policy: explicit deny", via,
         all_in(endpoint={"policy": policy(everything, deny("*", "s3:GetObject", f"{BUCKET}/*"))}), stopped(*vpce)),
        ("VPC endpoint policy: only the account's own buckets", via,
         all_in(endpoint={"policy": policy(allow("*", "*", "*", Condition={
             "StringEquals": {"aws:ResourceAccount": B}}))}), stopped(*vpce)),
        ("VPC endpoint policy: this very bucket", via,
         all_in(endpoint={"policy": policy(allow("*", "s3:GetObject", f"{BUCKET}/*"))}), ALLOWED),
        ("explicit deny: another VPC, known through the endpoint", via,
         all_in(endpoint={}, bucket=policy(IN_BUCKET, deny("*", "s3:*", f"{BUCKET}/*", Condition={
             "StringNotEquals": {"aws:SourceVpc": "vpc-0other"}}))),
         expected(DENIED, GRANTED, GRANTED, GRANTED, outcome="do_not_patch", codes=["bucket_policy.deny_vpc_endpoint"])),
        ("a network activity event: the VPC endpoint refused",
         {"errorCode": "VpceAccessDenied", "message": "The request was denied due to a VPC endpoint policy"},
         all_in(), stopped(*vpce)),
    ]  # fmt: skip


def places() -> list[Row]:
    """Where the key, the bucket behind an access point, and the source of a copy lie."""
    alias = {"alias": "alias/reports"}
    third = {"key_account": C, "known": (A, B, C), "writable": (A, B, C)}
    ap_bucket = allow("*", "*", [BUCKET, f"{BUCKET}/*"], Condition={
        "StringEquals": {"s3:DataAccessPointAccount": A}})  # fmt: skip
    ap_grant = allow(ROLE, "s3:GetObject", f"{POINT}/object/*")
    ap_iam = (allow(None, "s3:GetObject", [f"{BUCKET}/*", f"{POINT}/object/*"]), *IN_IAM[1:])
    through = {"resources": [
        {"type": "AWS::S3::Bucket", "ARN": BUCKET, "accountId": A},
        {"type": "AWS::S3::AccessPoint", "ARN": POINT, "accountId": A},
    ]}  # fmt: skip
    alone = {**through, "resources": through["resources"][1:],
             "requestParameters": {"bucketName": POINT, "key": "2026/q3.csv"}}  # fmt: skip

    def point(*statements: Statement, bucket: tuple = (ap_bucket,), iam: tuple = ap_iam) -> dict:
        return all_in(
            access_point={"policy": policy(*statements)}, bucket=policy(*bucket), iam=policy(*iam)
        )

    ap = ("access_point_policy",)
    return [
        ("key in a third account: granted", {}, all_in(**third, key=policy(root(C), IN_KEY)), ALLOWED),
        ("key in a third account: its policy says nothing", {}, all_in(**third, key=policy(root(C))),
         expected(GRANTED, MISSING, GRANTED, GRANTED, outcome="fixable")),
        ("key in a third account that nobody may write to", {},
         all_in(**{**third, "writable": (A, B)}, key=policy(root(C))),
         expected(GRANTED, MISSING, GRANTED, GRANTED, outcome="handoff")),
        ("key in another Region", {}, all_in(key_region="us-east-1"), stopped("key_region", codes=["blocked.key_region"])),
        ("default encryption by alias: a read", {}, all_in(**alias), ALLOWED),
        ("default encryption by alias: another account's write", {"access": "write"}, writing(**alias),
         expected(GRANTED, UNKNOWN, GRANTED, UNKNOWN, outcome="do_not_patch", blockers=("key_not_named_by_arn",))),
        ("Bucket Key: a write with the bucket's ARN as context", {"access": "write"},
         writing(bucket_key=True, key=policy(root(), allow(ROLE, "kms:GenerateDataKey", "*", Condition={
             "StringEquals": {"kms:EncryptionContext:aws:s3:arn": BUCKET}}))), ALLOWED),
        ("Bucket Key: a write with the object's ARN as context", {"access": "write"},
         writing(bucket_key=True, key=policy(root(), allow(ROLE, "kms:GenerateDataKey", "*", Condition={
             "StringLike": {"kms:EncryptionContext:aws:s3:arn": f"{BUCKET}/*"}}))),
         expected(GRANTED, MISSING, GRANTED, GRANTED, outcome="fixable")),
        ("Bucket Key: a read of an object nobody looked at", {},
         all_in(bucket_key=True, key=policy(root(), allow(ROLE, "kms:Decrypt", "*", Condition={
             "StringEquals": {"kms:EncryptionContext:aws:s3:arn": BUCKET}}))),
         expected(GRANTED, UNKNOWN, GRANTED, GRANTED, outcome="unknown")),
        ("access point: delegated and granted", through, point(ap_grant), ALLOWED),
        ("access point: known by its ARN only", alone, point(ap_grant), ALLOWED),
        ("access point: no delegation", through, point(ap_grant, bucket=()),
         expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable", codes=["bucket_policy.access_point_not_delegated"])),
        ("access point: without a grant of its own", through, point(),
         expected(*FINE, outcome="handoff", blockers=ap)),
        ("access point: explicit deny", through, point(ap_grant, deny("*", "s3:GetObject", f"{POINT}/object/2026/*")),
         stopped(*ap)),
        ("access point: IAM names the bucket only", through, point(ap_grant, iam=tuple(IN_IAM)),
         expected(GRANTED, GRANTED, UNKNOWN, GRANTED, outcome="unknown")),
    ]  # fmt: skip


def copies() -> list[Row]:
    """A CopyObject into A's bucket from C's: both sides have to allow."""
    event = {"access": "write", "eventName": "CopyObject",
             "parameters": {"x-amz-copy-source": "c-archive/2025/q3.csv"}}  # fmt: skip
    read = allow(ROLE, "s3:GetObject", f"{SOURCE}/*")
    unlock = allow(ROLE, "kms:Decrypt", "*")
    mine = (
        *W_IAM,
        allow(None, "s3:GetObject", f"{SOURCE}/*"),
        allow(None, "kms:Decrypt", "${SOURCE_KEY}"),
    )
    known = {"known": (A, B, C), "writable": (A, B, C)}

    def made(
        bucket: tuple = (read,), key: tuple = (unlock,), iam: tuple = mine, **changes: Any
    ) -> dict:
        source = {"bucket": policy(*bucket), "encryption": "key", "key": policy(root(C), *key)}
        return writing(source=source, iam=policy(*iam), **known, **changes)

    conditional = deny(
        "*", "s3:PutObject", f"{BUCKET}/*", Condition={"Null": {"s3:if-none-match": "true"}}
    )
    creating = deny(
        "*",
        "s3:PutObject",
        f"{BUCKET}/*",
        Condition={
            "Null": {"s3:if-none-match": "true"},
            "Bool": {"s3:ObjectCreationOperation": "true"},
        },
    )
    fixable = {"outcome": "fixable"}
    upload = {"access": "write", "eventName": "CreateMultipartUpload"}
    both = allow(ROLE, ["kms:GenerateDataKey", "kms:Decrypt"], "*")
    multipart = {
        "key": policy(root(), both),
        "iam": policy(W_IAM[0], allow(None, "kms:*", "${KEY}")),
    }
    return [
        ("copy: both sides allow", event, made(), ALLOWED),
        ("copy: the source's bucket policy", event, made(bucket=()),
         expected(*FINE, **fixable, codes=["copy_source.bucket_policy.no_policy"])),
        ("copy: the source's key policy", event, made(key=()),
         expected(*FINE, **fixable, codes=["copy_source.key_policy.principal_mismatch"])),
        ("copy: IAM for the source", event, made(iam=tuple(W_IAM)),
         expected(*FINE, **fixable, codes=["copy_source.iam_bucket.resource_mismatch"])),
        ("copy: source and destination", event, {**made(bucket=()), "bucket": None},
         expected(MISSING, GRANTED, GRANTED, GRANTED, **fixable, codes=["copy_source.bucket_policy.no_policy"])),
        ("copy: a source that denies", event, made(bucket=(read, deny("*", "s3:*", f"{SOURCE}/*"))),
         expected(*FINE, outcome="do_not_patch", codes=["copy_source.bucket_policy.explicit_deny"])),
        ("copy: a source nobody claims", event, {**made(), "known": (A, B)},
         expected(*FINE, outcome="unknown")),
        ("conditional writes: a copy can never be one", event, {**made(), "bucket": policy(W_BUCKET, conditional)},
         expected(DENIED, GRANTED, GRANTED, GRANTED, outcome="do_not_patch", codes=["bucket_policy.deny_conditional_write"])),
        ("conditional writes: the parts of an upload are spared", upload, writing(bucket=policy(W_BUCKET, creating), **multipart), ALLOWED),
        ("conditional writes: whether the header was sent is not recorded", {"access": "write"}, writing(bucket=policy(W_BUCKET, conditional)),
         expected(UNKNOWN, GRANTED, GRANTED, GRANTED, outcome="unknown")),
        ("multipart: only GenerateDataKey", upload, writing(**{**multipart, "key": policy(root(), allow(ROLE, "kms:GenerateDataKey", "*"))}),
         expected(GRANTED, MISSING, GRANTED, GRANTED, **fixable)),
        ("multipart: both KMS actions", upload, writing(**multipart), ALLOWED),
    ]  # fmt: skip


def objects() -> list[Row]:
    """The object itself, seen by a reader that may look; and how the request was made."""
    other = policy(root())
    lists = allow(ROLE, "s3:ListBucket", BUCKET)
    pays = {"payer": "Requester"}
    sse_c = {"x-amz-server-side-encryption-customer-algorithm": "AES256"}
    return [
        ("the object has a key of its own", {}, all_in(object={"exists": True, "key": other}),
         expected(GRANTED, MISSING, GRANTED, MISSING, outcome="fixable")),
        ("the object has the bucket's key", {}, all_in(object={"exists": True}), ALLOWED),
        ("the object has no KMS key", {}, all_in(object={"exists": True, "encryption": "AES256"}),
         expected(GRANTED, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome="already_allowed")),
        ("the object does not exist", {}, all_in(object={"exists": False}), stopped("object_missing")),
        ("the object does not exist, and a grant is missing too", {},
         all_in(object={"exists": False}, bucket=policy(lists)),
         expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable")),
        ("the object belongs to another account", {},
         all_in(object={"exists": True, "owner": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}),
         stopped("object_owner")),
        ("requester pays: not said", {}, all_in(**pays), stopped("requester_pays")),
        ("requester pays: said", {"parameters": {"x-amz-request-payer": "requester"}}, all_in(**pays), ALLOWED),
        ("SSE-C is blocked", {"access": "write", "parameters": sse_c}, writing(blocked=["SSE-C"]),
         expected(GRANTED, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome="do_not_patch", blockers=("customer_key_blocked",))),
        ("SSE-C is not blocked", {"access": "write", "parameters": sse_c}, writing(),
         expected(GRANTED, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome="already_allowed")),
        ("HeadObject without the key's grants", {"eventName": "HeadObject"}, all_in(key=policy(root()), iam=policy(IN_IAM[0])),
         expected(GRANTED, UNKNOWN, GRANTED, UNKNOWN, outcome="unknown", codes=["key_policy.kms_not_sure"])),
        ("HeadObject that asks for checksums", {"eventName": "HeadObject", "parameters": {"x-amz-checksum-mode": "ENABLED"}},
         all_in(key=policy(root())), expected(GRANTED, MISSING, GRANTED, GRANTED, outcome="fixable")),
        ("a version is read: GetObject is not enough", {"parameters": {"versionId": "v1"}}, all_in(),
         expected(MISSING, GRANTED, MISSING, GRANTED, outcome="fixable")),
        ("tags are read: no key takes part", {"eventName": "GetObjectTagging"}, all_in(),
         expected(MISSING, NOT_NEEDED, MISSING, NOT_NEEDED, outcome="fixable")),
    ]  # fmt: skip


def callers() -> list[Row]:
    """Callers that are no plain role."""
    federated = f"arn:aws:sts::{B}:federated-user/guest"
    issuer = {"type": "IAMUser", "principalId": "${ROLE_ID}", "arn": f"arn:aws:iam::{B}:user/ann",
              "accountId": B, "userName": "ann"}  # fmt: skip
    guest = {"userIdentity": {"type": "FederatedUser", "principalId": f"{B}:guest", "arn": federated,
                              "accountId": B, "sessionContext": {"sessionIssuer": issuer}}}  # fmt: skip
    ann = {"user": {"account": B, "name": "ann"}}
    to_guest = {"bucket": policy(allow(federated, "s3:GetObject", f"{BUCKET}/*")),
                "key": policy(root(), allow(federated, "kms:Decrypt", "*"))}  # fmt: skip
    home = f"arn:aws:iam::{B}:root"
    by_root = {"userIdentity": {"type": "Root", "principalId": B, "arn": home, "accountId": B}}
    to_root = {
        "bucket": policy(allow(B, "s3:GetObject", f"{BUCKET}/*")),
        "key": policy(root(), allow(B, "kms:Decrypt", "*")),
    }
    center = {"userIdentity": {"type": "IdentityCenterUser", "accountId": B, "credentialId": "c",
                               "onBehalfOf": {"userId": "u", "identityStoreArn": "arn:aws:identitystore::222222222222:identitystore/d-1"}}}  # fmt: skip
    user = f"arn:aws:iam::{B}:user/ann"
    by_key = {"userIdentity": {"type": "AWSAccount", "principalId": "${ROLE_ID}", "accountId": B}}
    keyed = {"user": {"account": B, "name": "ann", "access_key": True}}
    to_ann = {
        "bucket": policy(allow(user, "s3:GetObject", f"{BUCKET}/*")),
        "key": policy(root(), allow(user, "kms:Decrypt", "*")),
    }
    temporary = {
        "userIdentity": {
            "type": "AWSAccount",
            "principalId": "ASIAEXAMPLETEMPORARY",
            "accountId": B,
        }
    }
    service = {"access": "write", "userIdentity": {"type": "AWSService", "invokedBy": "delivery.logs.amazonaws.com"},
               "sourceIPAddress": "delivery.logs.amazonaws.com"}  # fmt: skip
    lacking = {"userIdentity": {"type": "AssumedRole", "principalId": "${ROLE_ID}:sam", "arn": SESSION, "accountId": B,
                                "sessionContext": {"sessionIssuer": {}, "attributes": {}}}}  # fmt: skip
    linked = f"arn:aws:iam::{B}:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX"
    own = {"userIdentity": {"type": "AssumedRole", "principalId": "${ROLE_ID}:x", "accountId": B,
                            "arn": f"arn:aws:sts::{B}:assumed-role/AWSServiceRoleForX/x",
                            "sessionContext": {"sessionIssuer": {"type": "Role", "arn": linked, "accountId": B}}}}  # fmt: skip
    slr = {
        "role": {
            "account": B,
            "name": "AWSServiceRoleForX",
            "path": "/aws-service-role/x.amazonaws.com/",
        }
    }
    return [
        ("a federated user: its session policy is not known", guest, all_in(**ann, **to_guest),
         expected(GRANTED, GRANTED, UNKNOWN, UNKNOWN, outcome="unknown", codes=["iam_bucket.session_policy_unknown"])),
        ("a federated user whose user lacks the grant", guest, {**all_in(**ann, **to_guest), "iam": None},
         expected(GRANTED, GRANTED, MISSING, MISSING, outcome="handoff")),
        ("the root user of the caller's account", by_root, all_in(**to_root), ALLOWED),
        ("the root user, without the bucket's grant", by_root, {**all_in(**to_root), "bucket": None},
         expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="handoff")),
        ("an Identity Center user", center, all_in(), expected(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, outcome="unknown")),
        ("known by an access key id: a user's", by_key, all_in(**keyed, **to_ann), ALLOWED),
        ("known by an access key id: a user's, without IAM", by_key, {**all_in(**keyed, **to_ann), "iam": None},
         expected(GRANTED, GRANTED, MISSING, MISSING, outcome="fixable")),
        ("known by a temporary access key id", temporary, all_in(), expected(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, outcome="unknown")),
        ("an AWS service without a grant", service, writing(),
         expected(MISSING, MISSING, NOT_NEEDED, NOT_NEEDED, outcome="handoff")),
        ("an AWS service with its grants", service,
         writing(bucket=policy({**W_BUCKET, "Principal": {"Service": "delivery.logs.amazonaws.com"}}),
                 key=policy(root(), {**(W_KEY or {}), "Principal": {"Service": "delivery.logs.amazonaws.com"}})),
         expected(GRANTED, GRANTED, NOT_NEEDED, NOT_NEEDED, outcome="already_allowed")),
        ("an empty sessionIssuer", lacking, all_in(), ALLOWED),
        ("a service-linked role", own, {**all_in(**slr), "bucket": None},
         expected(MISSING, MISSING, GRANTED, GRANTED, outcome="do_not_patch", blockers=("service_linked_role",))),
    ]  # fmt: skip


def kms_records() -> list[Row]:
    """Records of KMS itself."""
    direct = through_s3(
        userIdentity=record()["userIdentity"],
        sourceIPAddress="198.51.100.7",
        userAgent="[Boto3/1.44]",
    )
    named = says("kms:Decrypt", "${KEY}", no("resource-based", "kms:Decrypt")).replace('"', "")
    service = through_s3(
        userIdentity={"type": "AWSService", "invokedBy": "fas.s3.amazonaws.com"}, message=named
    )
    internal = through_s3(message=named, sourceIPAddress="AWS Internal", userAgent="AWS Internal",
                          userIdentity={**record()["userIdentity"], "invokedBy": "AWS Internal"})  # fmt: skip
    no_key = all_in(key=policy(root()))
    half = expected(UNKNOWN, MISSING, UNKNOWN, GRANTED, outcome="unknown")
    return [
        ("KMS record: called directly", {**direct, "errorMessage": named}, no_key,
         expected(NOT_NEEDED, MISSING, NOT_NEEDED, GRANTED, outcome="fixable", certainty="confirmed")),
        ("KMS record: through S3, the key is named", through_s3(message=named), no_key, half),
        ("KMS record: through S3, AWS Internal", internal, no_key, half),
        ("KMS record: through S3, no key is named", through_s3(), no_key,
         expected(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, outcome="unknown")),
        ("KMS record: through S3, a service's identity", service, no_key,
         expected(UNKNOWN, MISSING, UNKNOWN, NOT_NEEDED, outcome="unknown")),
    ]  # fmt: skip


def awss_word() -> list[Row]:
    """AWS's message and its own account of the request, for and against the evaluation."""
    marked = "s3GetObjectAuthorization1"

    def check(kind: str, effect: str) -> dict[str, Any]:
        return {
            "checkType": kind,
            "evaluatedEffect": effect,
            "matchedPolicies": [],
            "relevantPolicyTypes": [],
        }

    def details(
        *checks: dict, principal: str = ROLE, unique: str = "${ROLE_ID}", **context: str
    ) -> dict[str, Any]:
        evaluation = {"action": "s3:GetObject", "resource": OBJECT, "evaluatedEffect": "IMPLICIT_DENY",
                      "context": {}, "checks": list(checks)}  # fmt: skip
        return {
            "requestContext": {
                "aws:PrincipalArn": principal,
                "aws:userid": f"{unique}:sam",
                **context,
            },
            "evaluations": [evaluation],
            "policies": [],
        }

    text = f"Access Denied. {MARK}{marked.lower()}"
    said = {"message": text}
    allow_all = (check("PRINCIPAL", "ALLOW"), check("RESOURCE", "ALLOW"))
    hidden = policy(
        allow(
            "*",
            "s3:GetObject",
            f"{BUCKET}/*",
            Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}},
        )
    )
    boundary = policy(allow(None, "*", "*"))
    says_no = says("s3:GetObject", OBJECT, no("resource-based", "s3:GetObject"))
    iam_deny = says("s3:GetObject", OBJECT, "with an explicit deny in an identity-based policy")
    bound = says(
        "s3:GetObject", OBJECT, "because no permissions boundary allows the s3:GetObject action"
    )
    granted = {"outcome": "already_allowed"}
    return [
        ("AWS's message agrees", {"message": says_no}, all_in(bucket=None),
         expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable", certainty="confirmed")),
        ("AWS's message against an allow: changed since", {"message": says_no}, all_in(),
         expected(*FINE, **granted, certainty="contradicted")),
        ("AWS's message of an explicit deny that is not there", {"message": iam_deny}, all_in(iam=policy(IN_IAM[1])),
         expected(GRANTED, GRANTED, MISSING, GRANTED, outcome="fixable", certainty="contradicted")),
        ("AWS's message of a boundary that allows by now", {"message": bound}, all_in(boundary=boundary),
         expected(*FINE, **granted, certainty="contradicted")),
        ("authorization id: the session policy", said, all_in(authorization=details(*allow_all, check("SESSION", "IMPLICIT_DENY"))),
         stopped("session_policy", certainty="confirmed")),
        ("authorization id: an SCP nobody may read", said, all_in(hidden_organization=True, authorization=details(*allow_all, check("SERVICE_CONTROL_POLICY", "EXPLICIT_DENY"))),
         stopped("service_control_policy")),
        ("authorization id: the context it knows", said,
         all_in(bucket=hidden, authorization=details(check("RESOURCE", "ALLOW"), **{"aws:PrincipalTag/team": "red"})),
         expected(*FINE, **granted)),
        ("authorization id: decides what is not known here", said,
         all_in(bucket=hidden, authorization=details(check("RESOURCE", "IMPLICIT_DENY"))),
         expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable", certainty="confirmed", codes=["bucket_policy.aws_says"])),
        ("authorization id: an allow that is gone by now", said, all_in(bucket=None, authorization=details(check("RESOURCE", "ALLOW"))),
         expected(UNKNOWN, GRANTED, GRANTED, GRANTED, outcome="unknown", codes=["bucket_policy.aws_disagrees"])),
        ("authorization id: a refusal that is mended by now", said, all_in(authorization=details(check("RESOURCE", "IMPLICIT_DENY"))),
         expected(*FINE, **granted, certainty="contradicted")),
        ("authorization id: planted, of another caller", said,
         all_in(authorization=details(check("SESSION", "IMPLICIT_DENY"), principal=f"{ROLE}-2", unique="AROAEXAMPLEANOTHER0")), ALLOWED),
        ("authorization id: AWS has no details", said, all_in(bucket=None), expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable")),
        ("enriched event: the tag is recorded", {"eventContext": {"tagContext": {"principalTags": {"team": "red"}}}},
         all_in(bucket=hidden), ALLOWED),
        ("enriched event: another tag is recorded", {"eventContext": {"requestContext": {"aws:PrincipalTag/team": "blue"}}},
         all_in(bucket=hidden), expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable")),
    ]  # fmt: skip


MARK = "For details, ask with the following authorization id: "


def beyond() -> list[Row]:
    return [
        *guardrails(),
        *places(),
        *copies(),
        *objects(),
        *callers(),
        *kms_records(),
        *awss_word(),
    ]
