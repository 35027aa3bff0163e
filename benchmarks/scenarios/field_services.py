"""AWS services as callers, replication, copies of tagged objects, directory buckets; with AWS's pages."""

from typing import Any

from scenarios.words import (
    ALLOWED,
    BUCKET,
    DENIED,
    GRANTED,
    MISSING,
    NOT_NEEDED,
    REGION,
    ROLE,
    SOURCE,
    UNKNOWN,
    W_BUCKET,
    W_IAM,
    W_KEY,
    A,
    B,
    C,
    Statement,
    allow,
    deny,
    expected,
    no,
    policy,
    record,
    root,
    says,
    through_s3,
    world,
)

DOCS = "https://docs.aws.amazon.com/"
REPLICATION = f"{DOCS}AmazonS3/latest/userguide/replication-walkthrough-4.html"
REPLICATION_KEYS = f"{DOCS}AmazonS3/latest/userguide/replication-config-for-kms-objects.html"
COPY = f"{DOCS}AmazonS3/latest/API/API_CopyObject.html"
PAGES = {
    "cloudfront.amazonaws.com": "AmazonCloudFront/latest/DeveloperGuide/private-content-restricting-access-to-s3.html",
    "delivery.logs.amazonaws.com": "AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-V2-S3.html",
    "config.amazonaws.com": "config/latest/developerguide/s3-bucket-policy.html",
    "cloudtrail.amazonaws.com": "awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html",
    "logging.s3.amazonaws.com": "AmazonS3/latest/userguide/enable-server-access-logging.html",
    "s3.amazonaws.com": "AmazonS3/latest/userguide/configure-inventory.html",
    "storage-lens.s3.amazonaws.com": "AmazonS3/latest/userguide/storage_lens_iam_permissions.html",
    "logdelivery.elasticloadbalancing.amazonaws.com": "elasticloadbalancing/latest/application/enable-access-logging.html",
    "ses.amazonaws.com": "ses/latest/dg/receiving-email-permissions.html",
    "guardduty.amazonaws.com": "guardduty/latest/ug/guardduty_exportfindings.html",
    "redshift.amazonaws.com": "redshift/latest/mgmt/db-auditing.html",
}
_NEVER_KMS = (
    "logging.s3.amazonaws.com",
    "logdelivery.elasticloadbalancing.amazonaws.com",
    "redshift.amazonaws.com",
)
Row = tuple[str, str, dict[str, Any], dict[str, Any], dict[str, Any]]


def called_by(service: str, access: str = "write", **more: Any) -> dict[str, Any]:
    """The record of a service that calls as itself."""
    return {
        "access": access,
        "copy": "owner",
        "userIdentity": {"type": "AWSService", "invokedBy": service},
        "sourceIPAddress": service,
        "userAgent": service,
        **more,
    }


def to(service: str, action: str, resource: str, **condition: Any) -> Statement:
    """A statement for a service principal."""
    stated = {"Condition": condition} if condition else {}
    return {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": action,
        "Resource": resource,
        **stated,
    }


def service_principals() -> list[Row]:
    """Services that write or read as themselves: they have no IAM policies, and are no principal of ours."""
    rows: list[Row] = []
    plain = {"encryption": "AES256"}
    lacks = expected(MISSING, NOT_NEEDED, NOT_NEEDED, NOT_NEEDED, outcome="handoff")
    fine = expected(GRANTED, NOT_NEEDED, NOT_NEEDED, NOT_NEEDED, outcome="already_allowed")
    unsure = expected(UNKNOWN, NOT_NEEDED, NOT_NEEDED, NOT_NEEDED, outcome="unknown")
    for service, page in PAGES.items():
        access, action = (
            ("read", "s3:GetObject")
            if service.startswith("cloudfront")
            else ("write", "s3:PutObject")
        )
        named, target = service.removesuffix(".amazonaws.com"), f"{BUCKET}/*"
        rec = called_by(service, access)
        of_this = {"StringEquals": {"aws:SourceAccount": A}}
        rows += [
            (f"{named}: no statement", DOCS + page, rec, world((), None, (), **plain), lacks),
            (f"{named}: a statement without conditions", DOCS + page, rec,
             world((to(service, action, target),), None, (), **plain), fine),
            (f"{named}: for which resource it called is in no record", DOCS + page, rec,
             world((to(service, action, target, **of_this),), None, (), **plain), unsure),
        ]  # fmt: skip
    rows += [
        (f"{service.removesuffix('.amazonaws.com')}: a log bucket with SSE-KMS", DOCS + PAGES[service],
         called_by(service), world((to(service, "s3:PutObject", f"{BUCKET}/*"),), (root(), to(service, "kms:GenerateDataKey", "*")), ()),
         expected(GRANTED, GRANTED, NOT_NEEDED, NOT_NEEDED, outcome="handoff", blockers=("log_bucket_encryption",)))
        for service in _NEVER_KMS
    ]  # fmt: skip
    cdn, logs = "cloudfront.amazonaws.com", "delivery.logs.amazonaws.com"
    reads, page = to(cdn, "s3:GetObject", f"{BUCKET}/*"), DOCS + PAGES[cdn]
    not_roles = {"Bool": {"aws:PrincipalIsAWSService": "false"}}
    not_services = {"StringNotEquals": {"aws:PrincipalServiceName": cdn}}
    all_services = {"Bool": {"aws:PrincipalIsAWSService": "true"}}
    whole = {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}}
    return [
        *rows,
        ("cloudfront: the key policy says nothing", page, called_by(cdn, "read"), world((reads,), None, ()),
         expected(GRANTED, MISSING, NOT_NEEDED, NOT_NEEDED, outcome="handoff")),
        ("cloudfront: the key policy lets it decrypt", page, called_by(cdn, "read"),
         world((reads,), (root(), to(cdn, "kms:Decrypt", "*")), ()),
         expected(GRANTED, GRANTED, NOT_NEEDED, NOT_NEEDED, outcome="already_allowed")),
        ("cloudfront: a Deny for all but services", page, called_by(cdn, "read"),
         world((reads, deny("*", "s3:*", f"{BUCKET}/*", Condition=not_roles)), None, (), **plain), fine),
        ("cloudfront: a Deny for all other services", page, called_by(cdn, "read"),
         world((reads, deny("*", "s3:*", f"{BUCKET}/*", Condition=not_services)), None, (), **plain), fine),
        ("cloudfront: a Deny for all services", page, called_by(cdn, "read"),
         world((reads, deny("*", "s3:*", f"{BUCKET}/*", Condition=all_services)), None, (), **plain),
         expected(DENIED, NOT_NEEDED, NOT_NEEDED, NOT_NEEDED, outcome="do_not_patch")),
        ("delivery.logs: with the ACL that is wanted", DOCS + PAGES[logs],
         called_by(logs, parameters={"x-amz-acl": "bucket-owner-full-control"}),
         world((to(logs, "s3:PutObject", f"{BUCKET}/*", **whole), to(logs, "s3:PutObjectAcl", f"{BUCKET}/*")), None, (), **plain), fine),
        ("cloudtrail: it may not look at the bucket's ACL", DOCS + PAGES["cloudtrail.amazonaws.com"],
         called_by("cloudtrail.amazonaws.com", eventName="GetBucketAcl"),
         world((to("cloudtrail.amazonaws.com", "s3:PutObject", f"{BUCKET}/*"),), None, (), **plain), lacks),
        ("a service that is not documented: no statement", f"{DOCS}IAM/latest/UserGuide/confused-deputy.html",
         called_by("glue.amazonaws.com"), world((), None, (), **plain), lacks),
    ]  # fmt: skip


def replication() -> list[Row]:
    """S3 replicates with a role of B into A's bucket: actions of its own, and kms:Encrypt."""
    identity = record()["userIdentity"]
    arn = f"arn:aws:sts::{B}:assumed-role/analyst/s3-replication"
    who = {
        **identity,
        "arn": arn,
        "principalId": "${ROLE_ID}:s3-replication",
        "invokedBy": "s3.amazonaws.com",
    }
    rec = {
        "access": "write",
        "userIdentity": who,
        "sourceIPAddress": "s3.amazonaws.com",
        "userAgent": "s3.amazonaws.com",
    }
    objects, kin = f"{BUCKET}/*", ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"]
    bucket, key = allow(ROLE, kin, objects), allow(ROLE, "kms:Encrypt", "*")
    iam = (allow(None, kin, objects), allow(None, "kms:Encrypt", "${KEY}"))
    deletes = {**rec, "eventName": "DeleteObject"}
    tags = {**rec, "eventName": "PutObjectTagging"}
    told = {
        "access": "write",
        "message": says(
            "s3:ReplicateObject",
            f"{BUCKET}/2026/q3.csv",
            no("resource-based", "s3:ReplicateObject"),
        ),
    }
    override = {"access": "write", "message": says("s3:ObjectOwnerOverrideToBucketOwner", f"{BUCKET}/2026/q3.csv",
                                                   no("resource-based", "s3:ObjectOwnerOverrideToBucketOwner"))}  # fmt: skip
    no_key = {"encryption": "AES256"}

    def without(verdicts: str, outcome: str) -> dict[str, Any]:
        words = {"g": GRANTED, "m": MISSING, "n": NOT_NEEDED}
        return expected(*(words[letter] for letter in verdicts), outcome=outcome)

    page = REPLICATION
    return [
        ("replication: everything is granted", page, rec, world((bucket,), (root(), key), iam), ALLOWED),
        ("replication: the key policy of the destination says nothing", REPLICATION_KEYS, rec, world((bucket,), None, iam), without("gmgg", "fixable")),
        ("replication: IAM lacks kms:Encrypt", REPLICATION_KEYS, rec, world((bucket,), (root(), key), iam[:1]), without("gggm", "fixable")),
        ("replication: the key lets it generate data keys only", REPLICATION_KEYS, rec, world((bucket,), (root(), W_KEY), iam), without("gmgg", "fixable")),
        ("replication: s3:PutObject is not what it needs", page, rec, world((W_BUCKET,), (root(), key), iam), without("mggg", "handoff")),
        ("replication: IAM lacks s3:ReplicateObject", page, rec, world((bucket,), (root(), key), (*W_IAM[:1], iam[1])), without("ggmg", "handoff")),
        ("replication: a delete marker", page, deletes, world((bucket,), None, iam), without("gngn", "already_allowed")),
        ("replication: a delete marker is not granted", page, deletes, world((allow(ROLE, kin[0], objects),), None, iam), without("mngn", "handoff")),
        ("replication: tags are not granted", page, tags, world((allow(ROLE, kin[:2], objects),), None, iam), without("mngn", "handoff")),
        ("replication: known by AWS's message", page, told, world((W_BUCKET,), (root(), key), iam, **no_key), without("mngn", "handoff")),
        ("replication: the owner override is not granted", f"{DOCS}AmazonS3/latest/userguide/replication-change-owner.html", override,
         world((bucket,), None, (allow(None, [*kin, "s3:ObjectOwnerOverrideToBucketOwner"], objects),), **no_key), without("mngn", "handoff")),
        ("an upload by a session that is only named so", page, {**rec, "userIdentity": {**who, "invokedBy": None}, "sourceIPAddress": "198.51.100.7"},
         world((W_BUCKET,), (root(), W_KEY), tuple(W_IAM)), ALLOWED),
        ("replication: KMS's own record of it", REPLICATION_KEYS,
         {**through_s3("Encrypt"), "userIdentity": {**who, "invokedBy": "fas.s3.amazonaws.com"}}, world((), (root(), key), iam),
         expected(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, outcome="unknown")),
    ]  # fmt: skip


def tagged_copies() -> list[Row]:
    """A copy takes the tags along, unless its directive replaces them."""
    event = {"access": "write", "eventName": "CopyObject"}
    source = {"x-amz-copy-source": "c-archive/2025/q3.csv"}
    replaces = {**source, "x-amz-tagging": "team=red", "x-amz-tagging-directive": "REPLACE"}
    read, unlock = allow(ROLE, "s3:GetObject", f"{SOURCE}/*"), allow(ROLE, "kms:Decrypt", "*")
    tags = allow(ROLE, "s3:GetObjectTagging", f"{SOURCE}/*")
    mine = (*W_IAM, allow(None, ["s3:GetObject", "s3:GetObjectTagging"], f"{SOURCE}/*"),
            allow(None, "s3:PutObjectTagging", f"{BUCKET}/*"), allow(None, "kms:Decrypt", "${SOURCE_KEY}"))  # fmt: skip
    put_tags = allow(ROLE, "s3:PutObjectTagging", f"{BUCKET}/*")
    known = {"known": (A, B, C), "writable": (A, B, C)}

    def made(bucket: tuple, of_source: tuple) -> dict[str, Any]:
        there = {"bucket": policy(*of_source), "encryption": "key", "key": policy(root(C), unlock)}
        return world(bucket, (root(), W_KEY), mine, source=there, **known)

    def refused(action: str, resource: str) -> str:
        return says(action, resource, no("resource-based", action))

    fine = ALLOWED
    of_source = expected(GRANTED, GRANTED, GRANTED, GRANTED, outcome="fixable")
    return [
        ("copy that replaces the tags: granted", COPY, {**event, "parameters": replaces}, made((W_BUCKET, put_tags), (read,)), fine),
        ("copy that replaces the tags: s3:PutObjectTagging lacks", COPY, {**event, "parameters": replaces}, made((W_BUCKET,), (read,)),
         expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable")),
        ("copy of a tagged object: AWS names the source's tags", COPY,
         {**event, "parameters": source, "message": refused("s3:GetObjectTagging", f"{SOURCE}/2025/q3.csv")}, made((W_BUCKET,), (read,)), of_source),
        ("copy of a tagged object: the source's tags are granted", COPY,
         {**event, "parameters": source, "message": refused("s3:GetObjectTagging", f"{SOURCE}/2025/q3.csv")},
         made((W_BUCKET,), (read, tags)), fine),
        ("copy of a tagged object: AWS names the destination's tags", COPY,
         {**event, "parameters": source, "message": refused("s3:PutObjectTagging", f"{BUCKET}/2026/q3.csv")}, made((W_BUCKET,), (read,)),
         expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable")),
    ]  # fmt: skip


def directory_buckets() -> list[Row]:
    """Directory buckets: what the caller's own policies say of s3express:CreateSession."""
    name = "data--euw1-az1--x-s3"
    arn = f"arn:aws:s3express:{REGION}:{A}:bucket/{name}"
    page = f"{DOCS}AmazonS3/latest/userguide/s3-express-security-iam.html"
    rec = {"eventName": "CreateSession", "requestParameters": {"bucketName": name, "x-amz-create-session-mode": "ReadOnly"},
           "resources": [{"type": "AWS::S3Express::DirectoryBucket", "ARN": arn, "accountId": A}]}  # fmt: skip

    def only(mode: str) -> Statement:
        return allow(
            None,
            "s3express:CreateSession",
            arn,
            Condition={"StringEquals": {"s3express:SessionMode": mode}},
        )

    def row(cause: str, iam: tuple, verdict: str, **more: Any) -> Row:
        label = expected(UNKNOWN, UNKNOWN, verdict, UNKNOWN, outcome="unknown")
        return cause, page, {**rec, **more}, world((), None, iam), label

    return [
        row("directory bucket: IAM grants the session", (allow(None, "s3express:CreateSession", arn),), GRANTED),
        row("directory bucket: IAM grants S3's actions only", (allow(None, "s3:*", "*"),), MISSING),
        row("directory bucket: a session that may only read is granted", (only("ReadOnly"),), GRANTED),
        row("directory bucket: a session that may write is granted only", (only("ReadWrite"),), MISSING),
    ]  # fmt: skip


def services() -> list[Row]:
    """Every row of this module."""
    return [*service_principals(), *replication(), *tagged_copies(), *directory_buckets()]
