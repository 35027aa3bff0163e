"""Everything that stops a call, or looks as if it did, beside a missing grant."""

from typing import Any

from scenarios.beyond import beyond
from scenarios.words import (
    BUCKET,
    DENIED,
    GRANTED,
    MISSING,
    NOT_NEEDED,
    OBJECT,
    REGION,
    ROLE,
    SESSION,
    UNKNOWN,
    A,
    B,
    Statement,
    allow,
    deny,
    expected,
    grants,
    policy,
    record,
    root,
    says,
    world,
)


def causes() -> list[dict[str, Any]]:
    """Everything else that stops a call, or looks as if it did."""
    in_bucket, in_key, in_iam = grants()
    all_key = (root(), in_key)
    w_bucket, w_key, w_iam = grants("write")
    fine = (GRANTED, GRANTED, GRANTED, GRANTED)
    bucket_missing = expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable")
    bucket_denied = expected(DENIED, GRANTED, GRANTED, GRANTED, outcome="do_not_patch")
    bucket_unknown = expected(UNKNOWN, GRANTED, GRANTED, GRANTED, outcome="unknown")
    key_missing = expected(GRANTED, MISSING, GRANTED, GRANTED, outcome="fixable")
    key_denied = expected(GRANTED, DENIED, GRANTED, GRANTED, outcome="do_not_patch")
    allowed = expected(*fine, outcome="already_allowed")
    ip = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}
    endpoint = {"StringNotEquals": {"aws:SourceVpce": "vpce-0allowed"}}
    tls = {"Bool": {"aws:SecureTransport": "false"}}
    tag = {"StringNotEquals": {"aws:PrincipalTag/team": "red"}}
    sse = {"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}
    via = "s3.{}.amazonaws.com"
    context = "kms:EncryptionContext:aws:s3:arn"

    def bucket(cause: str, what: dict, *statements: Statement, **rec: Any) -> tuple:
        return cause, rec, world(statements, all_key, tuple(in_iam)), what

    def key(cause: str, what: dict, *statements: Statement, **rec: Any) -> tuple:
        return cause, rec, world((in_bucket,), (root(), *statements), tuple(in_iam)), what

    def iam(cause: str, what: dict, *statements: Statement, **rec: Any) -> tuple:
        return cause, rec, world((in_bucket,), all_key, statements), what

    def all_in(cause: str, what: dict, changes: dict | None = None, **rec: Any) -> tuple:
        return cause, rec, {**world((in_bucket,), all_key, tuple(in_iam)), **(changes or {})}, what

    def writes(cause: str, what: dict, b: tuple, k: tuple, **rec: Any) -> tuple:
        return cause, {"access": "write", **rec}, world(b, k, tuple(w_iam)), what

    def read_if(condition: dict) -> Statement:
        return allow(ROLE, "kms:Decrypt", "*", Condition=condition)

    stopped = "do_not_patch"
    boundary = expected(*fine, outcome=stopped, blockers=("permissions_boundary",))
    rows = [
        bucket("bucket policy: another role", bucket_missing, allow(f"{ROLE}-2", "s3:GetObject", f"{BUCKET}/*")),
        bucket("bucket policy: another account", bucket_missing, allow("333333333333", "s3:GetObject", f"{BUCKET}/*")),
        # AWS refuses a policy that is written with such an id: not ours to write.
        bucket("bucket policy: a deleted principal's id", {**bucket_missing, "outcome": "handoff"},
               allow("AROAEXAMPLEDELETED00", "s3:GetObject", f"{BUCKET}/*")),
        bucket("bucket policy: another action", bucket_missing, allow(ROLE, "s3:PutObject", f"{BUCKET}/*")),
        bucket("bucket policy: the bucket's ARN for an object action", bucket_missing,
               allow(ROLE, "s3:GetObject", BUCKET)),
        bucket("bucket policy: another prefix", bucket_missing, allow(ROLE, "s3:GetObject", f"{BUCKET}/2025/*")),
        bucket("bucket policy: another bucket's objects", bucket_missing,
               allow(ROLE, "s3:GetObject", "arn:aws:s3:::b-reports/*")),
        # Conditions on how the call is made are the owner's: nothing is patched around them.
        bucket("bucket policy: a condition not met", {**bucket_missing, "outcome": "handoff"},
               allow(ROLE, "s3:GetObject", f"{BUCKET}/*", Condition=ip)),
        bucket("bucket policy: a condition met", allowed, allow(ROLE, "s3:GetObject", f"{BUCKET}/*", Condition={
            "IpAddress": {"aws:SourceIp": "198.51.100.0/24"}})),
        bucket("bucket policy: a condition on what the record lacks", bucket_unknown,
               allow(ROLE, "s3:GetObject", f"{BUCKET}/*", Condition={"StringEquals": {"aws:PrincipalTag/team": "red"}})),
        bucket("bucket policy: the account's root delegates", allowed,
               allow(f"arn:aws:iam::{B}:root", "s3:GetObject", f"{BUCKET}/*")),
        bucket("bucket policy: twelve digits delegate", allowed, allow(B, "s3:*", [BUCKET, f"{BUCKET}/*"])),
        bucket("bucket policy: everyone, pinned to the role", allowed,
               allow("*", "s3:GetObject", f"{BUCKET}/*", Condition={"ArnLike": {"aws:PrincipalArn": ROLE}})),
        bucket("bucket policy: the session's ARN", allowed, allow(SESSION, "s3:GetObject", f"{BUCKET}/*")),
        bucket("explicit deny: everyone", bucket_denied, in_bucket, deny("*", "s3:*", f"{BUCKET}/*")),
        bucket("explicit deny: the account", bucket_denied, in_bucket, deny(B, "s3:Get*", f"{BUCKET}/*")),
        bucket("explicit deny: another VPC endpoint", bucket_denied, in_bucket,
               deny("*", "s3:*", f"{BUCKET}/*", Condition=endpoint), vpcEndpointId="vpce-0other"),
        bucket("explicit deny: no VPC endpoint at all", bucket_denied, in_bucket,
               deny("*", "s3:*", f"{BUCKET}/*", Condition=endpoint)),
        bucket("explicit deny spared: the VPC endpoint", allowed, in_bucket,
               deny("*", "s3:*", f"{BUCKET}/*", Condition=endpoint), vpcEndpointId="vpce-0allowed"),
        bucket("explicit deny spared: TLS was used", allowed, in_bucket,
               deny("*", "s3:*", f"{BUCKET}/*", Condition=tls)),
        bucket("explicit deny: another tag, not recorded", bucket_unknown, in_bucket,
               deny("*", "s3:*", f"{BUCKET}/*", Condition=tag)),
        bucket("explicit deny: NotPrincipal without the session", bucket_denied, in_bucket,
               {"Effect": "Deny", "NotPrincipal": {"AWS": [ROLE, f"arn:aws:iam::{B}:root"]},
                "Action": "s3:*", "Resource": f"{BUCKET}/*"}),
        key("key policy: nothing for the caller", key_missing),
        key("key policy: another role", key_missing, allow(f"{ROLE}-2", "kms:Decrypt", "*")),
        key("key policy: only GenerateDataKey for a read", key_missing, allow(ROLE, "kms:GenerateDataKey", "*")),
        key("key policy: a deleted principal's id", {**key_missing, "outcome": "handoff"}, allow("AIDAEXAMPLEDELETED00", "kms:Decrypt", "*")),
        key("key policy: the account's root delegates", allowed, allow(f"arn:aws:iam::{B}:root", "kms:Decrypt", "*")),
        key("key policy: through S3 of another Region", {**key_missing, "outcome": "handoff"},
            read_if({"StringEquals": {"kms:ViaService": via.format("us-east-1")}})),
        key("key policy: through S3 of this Region", allowed,
            read_if({"StringEquals": {"kms:ViaService": via.format(REGION)}})),
        key("key policy: another caller account", key_missing, read_if({"StringEquals": {"kms:CallerAccount": A}})),
        key("key policy: the caller's account", allowed, read_if({"StringEquals": {"kms:CallerAccount": B}})),
        key("key policy: the object's encryption context", allowed, read_if({"StringLike": {context: f"{BUCKET}/*"}})),
        key("key policy: the bucket's ARN as context without a Bucket Key", key_missing,
            read_if({"StringEquals": {context: BUCKET}})),
        key("key policy: another tag, not recorded", expected(GRANTED, UNKNOWN, GRANTED, GRANTED, outcome="unknown"),
            read_if({"StringEquals": {"aws:PrincipalTag/team": "red"}})),
        key("key policy: explicit deny", key_denied, dict(in_key or ()), deny(ROLE, "kms:Decrypt", "*")),
        key("key policy: explicit deny outside of S3", allowed, dict(in_key or ()),
            deny("*", "kms:Decrypt", "*", Condition={"Null": {"kms:ViaService": "true"}})),
        ("key policy: no delegation, no statement", {}, world((in_bucket,), (allow(f"arn:aws:iam::{A}:role/admin", "kms:*", "*"),),
                                                              tuple(in_iam)), key_missing),
        ("a KMS grant for the role", {}, world((in_bucket,), None, tuple(in_iam),
                                               grants=[{"grantee": ROLE, "operations": ["Decrypt"]}]), allowed),
        ("a KMS grant that covers only part", {}, world((in_bucket,), None, tuple(in_iam),
                                                        grants=[{"grantee": ROLE, "operations": ["GenerateDataKey"]}]), key_missing),
        ("a KMS grant for another role", {}, world((in_bucket,), None, tuple(in_iam),
                                                   grants=[{"grantee": f"arn:aws:iam::{A}:role/other", "operations": ["Decrypt"]}]), key_missing),
        all_in("the AWS managed key", expected(GRANTED, DENIED, GRANTED, MISSING, outcome=stopped), {"encryption": "aws/s3"}),
        all_in("no KMS key", expected(GRANTED, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome="already_allowed"),
               {"encryption": "AES256"}),
        all_in("a disabled key", expected(*fine, outcome=stopped, blockers=("key_state",)), {"key_state": "Disabled"}),
        all_in("a key that is pending deletion", expected(*fine, outcome=stopped, blockers=("key_state",)),
               {"key_state": "PendingDeletion"}),
        iam("IAM: explicit deny of the action", expected(GRANTED, GRANTED, DENIED, GRANTED, outcome=stopped),
            *in_iam, deny(None, "s3:Get*", "*")),
        iam("IAM: explicit deny of the key", expected(GRANTED, GRANTED, GRANTED, DENIED, outcome=stopped),
            *in_iam, deny(None, "kms:*", "*")),
        iam("IAM: administrator", allowed, allow(None, "*", "*")),
        iam("IAM: another bucket", expected(GRANTED, GRANTED, MISSING, GRANTED, outcome="fixable"),
            allow(None, "s3:*", "arn:aws:s3:::b-*"), in_iam[1]),
        iam("IAM: the bucket's ARN for an object action", expected(GRANTED, GRANTED, MISSING, GRANTED, outcome="fixable"),
            allow(None, "s3:GetObject", BUCKET), in_iam[1]),
        iam("IAM: another key", expected(GRANTED, GRANTED, GRANTED, MISSING, outcome="fixable"),
            in_iam[0], allow(None, "kms:*", f"arn:aws:kms:{REGION}:{A}:key/another")),
        # As above: the owner of the role meant the service.
        iam("IAM: kms:ViaService of another service", expected(GRANTED, GRANTED, GRANTED, MISSING, outcome="handoff"),
            in_iam[0], allow(None, "kms:Decrypt", "*", Condition={"StringEquals": {"kms:ViaService": via.format("us-west-2")}})),
        all_in("IAM: in a managed policy", allowed, {"managed": True}),
        all_in("boundary: without S3", boundary, {"boundary": policy(allow(None, "ec2:*", "*"))}),
        all_in("boundary: without KMS", boundary, {"boundary": policy(allow(None, "s3:*", "*"))}),
        all_in("boundary: explicit deny", boundary, {"boundary": policy(allow(None, "*", "*"), deny(None, "s3:GetObject", "*"))}),
        all_in("boundary: wide enough", allowed, {"boundary": policy(allow(None, ["s3:*", "kms:*"], "*"))}),
        all_in("public policy under RestrictPublicBuckets",
               expected(*fine, outcome=stopped, blockers=("block_public_access",)),
               {"block_public": True, "bucket": policy(allow("*", "s3:GetObject", f"{BUCKET}/*"))}),
        all_in("RestrictPublicBuckets, but the policy is not public", allowed, {"block_public": True}),
        writes("encryption header rule: not sent", expected(DENIED, GRANTED, GRANTED, GRANTED, outcome=stopped),
               (w_bucket, deny("*", "s3:PutObject", f"{BUCKET}/*", Condition=sse)), (root(), w_key)),
        writes("encryption header rule: sent", allowed,
               (w_bucket, deny("*", "s3:PutObject", f"{BUCKET}/*", Condition=sse)), (root(), w_key),
               parameters={"x-amz-server-side-encryption": "aws:kms"}),
        writes("key policy: only Decrypt for a write", key_missing, (w_bucket,), all_key),
        writes("a write asks for SSE-S3", expected(GRANTED, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome="already_allowed"),
               (w_bucket,), (root(),), parameters={"x-amz-server-side-encryption": "AES256"}),
        ("list: objects' ARN for a bucket action", {"access": "list"},
         world((allow(ROLE, "s3:ListBucket", f"{BUCKET}/*"),), None, (allow(None, "s3:ListBucket", BUCKET),)),
         expected(MISSING, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome="fixable")),
        ("list: another prefix", {"access": "list", "parameters": {"prefix": "2026/"}},
         world((allow(ROLE, "s3:ListBucket", BUCKET, Condition={"StringLike": {"s3:prefix": "2025/*"}}),), None,
               (allow(None, "s3:ListBucket", BUCKET),)), expected(MISSING, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome="fixable")),
    ]  # fmt: skip
    for kind, words in (
        ("service_control_policy", "service control policy"),
        ("resource_control_policy", "resource control policy"),
        ("vpc_endpoint_policy", "VPC endpoint policy"),
        ("session_policy", "session policy"),
    ):
        named = expected(*fine, outcome=stopped, blockers=(kind,))
        denying = says("s3:GetObject", OBJECT, f"with an explicit deny in a {words}")
        lacking = says("s3:GetObject", OBJECT, f"because no {words} allows the s3:GetObject action")
        unseen = {"hidden_organization": True}
        rows += [
            all_in(f"AWS names an explicit deny: {words}", named, unseen, message=denying),
            all_in(f"AWS names an implicit deny: {words}", named, unseen, message=lacking),
            all_in(
                f"AWS names an explicit deny, owner's copy: {words}",
                named,
                unseen,
                message=denying,
                copy="owner",
            ),
        ]
    rows += _callers(in_bucket, in_key, in_iam)
    rows += beyond()
    # The owner's copy of a record shows less of a role; nothing else may change.
    plain = [row for row in rows if not _ONE_COPY & row[1].keys()]
    rows += [
        (f"{cause} (owner's copy)", {**rec, "copy": "owner"}, made, what)
        for cause, rec, made, what in plain
        if cause != "a bucket nobody claims"
    ]
    return [
        {
            "id": f"cause-{number:03}",
            "cause": cause,
            "record": rec if "eventSource" in rec else record(**rec),
            "world": made,
            "expected": what,
        }
        for number, (cause, rec, made, what) in enumerate(rows, 1)
    ]


_ONE_COPY = {"copy", "userIdentity", "eventSource", "resources"}
"""What makes a record one that only its one recipient gets."""


def _callers(
    in_bucket: Statement, in_key: Statement | None, in_iam: list[Statement]
) -> list[tuple]:
    """Other callers than a role of another account."""
    center = f"arn:aws:iam::{B}:role/aws-reserved/sso.amazonaws.com/{REGION}/AWSReservedSSO_Reader_1a2b3c4d"
    name = "AWSReservedSSO_Reader_1a2b3c4d"

    def session(arn: str, role: str, account: str = B) -> dict[str, Any]:
        issuer = {
            "type": "Role",
            "principalId": "${ROLE_ID}",
            "arn": arn,
            "accountId": account,
            "userName": role,
        }
        return {"type": "AssumedRole", "principalId": "${ROLE_ID}:sam", "accountId": account,
                "arn": f"arn:aws:sts::{account}:assumed-role/{role}/sam",
                "sessionContext": {"sessionIssuer": issuer}}  # fmt: skip

    sso = {"role": {"account": B, "name": name, "path": center.split("role")[1][: -len(name)]}}
    home = f"arn:aws:iam::{A}:role/analyst"
    inside = {"role": {"account": A, "name": "analyst", "path": "/"}}
    own = {"userIdentity": session(home, "analyst", A), "recipientAccountId": A,
           "resources": [{"type": "AWS::S3::Bucket", "ARN": BUCKET, "accountId": A}]}  # fmt: skip
    b_in, k_in = allow(home, "s3:GetObject", f"{BUCKET}/*"), allow(home, "kms:Decrypt", "*")
    user = f"arn:aws:iam::{B}:user/ann"
    named = {
        "userIdentity": {
            "type": "IAMUser",
            "principalId": "${ROLE_ID}",
            "arn": user,
            "accountId": B,
            "userName": "ann",
        }
    }
    person: dict[str, Any] = {"user": {"account": B, "name": "ann"}}
    to_user = (
        (allow(user, "s3:GetObject", f"{BUCKET}/*"),),
        (root(), allow(user, "kms:Decrypt", "*")),
    )
    anonymous = {
        "userIdentity": {"type": "AWSAccount", "principalId": "", "accountId": "anonymous"}
    }
    anyone = {
        "userIdentity": {
            "type": "AWSAccount",
            "principalId": "",
            "accountId": "ANONYMOUS_PRINCIPAL",
        }
    }
    stopped = "do_not_patch"
    nobody = expected(
        MISSING, MISSING, NOT_NEEDED, NOT_NEEDED, outcome=stopped, blockers=("anonymous_caller",)
    )
    return [
        ("Identity Center role: the permission set", {"userIdentity": session(center, name)},
         world((allow(center, "s3:GetObject", f"{BUCKET}/*"),), (root(), allow(center, "kms:Decrypt", "*")), (), **sso),
         expected(GRANTED, GRANTED, MISSING, MISSING, outcome="handoff")),
        ("Identity Center role: the bucket policy", {"userIdentity": session(center, name)},
         world((), (root(), allow(center, "kms:Decrypt", "*")), tuple(in_iam), **sso),
         expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable")),
        ("same account: IAM suffices", own, world((), None, tuple(in_iam), **inside),
         expected(NOT_NEEDED, GRANTED, GRANTED, GRANTED, outcome="already_allowed")),
        ("same account: the bucket policy and the key policy suffice", own, world((b_in,), (root(), k_in), (), **inside),
         expected(GRANTED, GRANTED, NOT_NEEDED, NOT_NEEDED, outcome="already_allowed")),
        ("same account: nothing", own, world((), None, (), **inside),
         expected(NOT_NEEDED, GRANTED, MISSING, MISSING, outcome="fixable")),
        ("same account: the key does not delegate", own,
         world((), (allow(f"arn:aws:iam::{A}:role/admin", "kms:*", "*"),), tuple(in_iam), **inside),
         expected(NOT_NEEDED, MISSING, GRANTED, GRANTED, outcome="fixable")),
        ("same account: explicit deny in the bucket policy", own,
         world((deny("*", "s3:GetObject", f"{BUCKET}/*"),), None, tuple(in_iam), **inside),
         expected(DENIED, GRANTED, GRANTED, GRANTED, outcome=stopped)),
        ("a user with its own policy", named, world(*to_user, tuple(in_iam), **person),
         expected(GRANTED, GRANTED, GRANTED, GRANTED, outcome="already_allowed")),
        ("a user with a group's policy", named, world(*to_user, tuple(in_iam), user={"account": B, "name": "ann", "group": "readers"}),
         expected(GRANTED, GRANTED, GRANTED, GRANTED, outcome="already_allowed")),
        ("a user without policies", named, world(*to_user, (), **person),
         expected(GRANTED, GRANTED, MISSING, MISSING, outcome="fixable")),
        ("anonymous", anonymous, world((in_bucket,), (root(), in_key), tuple(in_iam)), nobody),
        ("anonymous, the older spelling", anyone, world((in_bucket,), (root(), in_key), tuple(in_iam)), nobody),
        ("an operation nobody has mapped", {"eventName": "PutObjectLaserBeam"}, world((in_bucket,), (root(), in_key), tuple(in_iam)),
         expected(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, outcome="unknown")),
        ("accounts nobody trusts", {}, world((), None, (), writable=[]),
         expected(MISSING, MISSING, MISSING, MISSING, outcome="handoff")),
        ("a bucket nobody claims", {}, world((in_bucket,), (root(), in_key), tuple(in_iam), known=[B]),
         expected(UNKNOWN, UNKNOWN, GRANTED, UNKNOWN, outcome="unknown")),
    ]  # fmt: skip
