"""Causes around the grants: guardrails of organisations and endpoints, and where things lie."""

from typing import Any

from scenarios.words import (
    ALLOWED,
    BUCKET,
    DENIED,
    FINE,
    GRANTED,
    IN_BUCKET,
    IN_IAM,
    IN_KEY,
    MISSING,
    POINT,
    ROLE,
    UNKNOWN,
    A,
    B,
    C,
    Row,
    Statement,
    all_in,
    allow,
    deny,
    expected,
    organization,
    policy,
    root,
    stopped,
    writing,
)


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
    by_org: dict[str, Any] = {
        "bucket": policy(allow("*", "s3:GetObject", f"{BUCKET}/*", Condition=in_org))
    }
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
        ("key in a third account: granted", {}, all_in(**third, key=policy(root(C), dict(IN_KEY or ()))), ALLOWED),
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
