"""Work that S3 does with somebody's role: Batch Operations, replication, copies with tags, Object Lambda, Select."""

from collections.abc import Iterator
from typing import Any

from scenarios.words import (
    ALLOWED,
    BUCKET,
    FINE,
    GRANTED,
    IN_IAM,
    IN_KEY,
    MISSING,
    NOT_NEEDED,
    REGION,
    ROLE,
    SOURCE,
    W_BUCKET,
    W_IAM,
    W_KEY,
    A,
    B,
    C,
    Row,
    all_in,
    allow,
    deny,
    expected,
    no,
    numbered,
    policy,
    record,
    root,
    says,
    world,
    writing,
)

_S3 = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/"
SOURCES = {
    "Batch Operations": f"{_S3}batch-ops-iam-role-policies.html",
    "a job's role": f"{_S3}batch-ops-iam-role-policies.html",
    "replication": f"{_S3}setting-repl-config-perm-overview.html",
    "Access Grants": "https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_CreateAccessGrantsLocation.html",
    "copy": "https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html",
    "Object Lambda": f"{_S3}olap-policies.html",
    "Select": "https://docs.aws.amazon.com/AmazonS3/latest/API/API_SelectObjectContent.html",
}
"""What each kind's cause begins with, and where AWS says what is right."""
_WORKER = f"arn:aws:iam::{B}:role/batch-worker"
_NONE = (NOT_NEEDED, NOT_NEEDED)


def _own(verdict: str, outcome: str, **more: Any) -> dict[str, Any]:
    """Only the caller's own policies are asked."""
    return expected(NOT_NEEDED, NOT_NEEDED, verdict, NOT_NEEDED, outcome=outcome, **more)


def _passing() -> Iterator[Row]:
    """Who sets work up passes a role to S3: iam:PassRole, beside the action itself."""
    fine, lacks = _own(GRANTED, "already_allowed"), _own(MISSING, "handoff")
    unnamed = _own(MISSING, "handoff", summary="does not allow iam:PassRole")
    job = {"accountId": B, "roleArn": _WORKER, "priority": 10, "clientRequestToken": "a"}
    place = {"accountId": B, "LocationScope": "s3://", "IAMRoleArn": _WORKER}
    kinds: tuple[tuple[str, str, str, dict[str, Any], str, str], ...] = (
        ("Batch Operations", "CreateJob", "s3:CreateJob", job, "*", "batchoperations.s3.amazonaws.com"),
        ("Access Grants", "CreateAccessGrantsLocation", "s3:CreateAccessGrantsLocation", place,
         "*", "access-grants.s3.amazonaws.com"),
    )  # fmt: skip
    for kind, operation, action, parameters, resource, service in kinds:
        rec = {"eventName": operation, "requestParameters": parameters, "resources": []}
        setting_up = allow(None, action, resource)

        def passing(arn: str, **condition: str) -> Any:
            held = {"Condition": {"StringEquals": dict(condition.items())}} if condition else {}
            return allow(None, "iam:PassRole", arn, **held)

        to = {"iam:PassedToService": service}
        elsewhere = {"iam:PassedToService": "ec2.amazonaws.com"}
        rows: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
            ("granted", (setting_up, passing(_WORKER)), fine),
            ("only the action itself is granted", (setting_up,), unnamed),
            ("only the role may be passed", (passing(_WORKER),), lacks),
            ("another role may be passed", (setting_up, passing(f"{_WORKER}-2")), unnamed),
            ("any role of a path may be passed", (setting_up, passing(f"arn:aws:iam::{B}:role/*")), fine),
            ("the role may be passed to this service", (setting_up, passing(_WORKER, **to)), fine),
            ("the role may be passed to another service", (setting_up, passing(_WORKER, **elsewhere)), lacks),
            ("to pass it is denied", (allow(None, "*", "*"), deny(None, "iam:PassRole", "*")), _own("denied", "do_not_patch")),
        )  # fmt: skip
        for name, statements, label in rows:
            yield f"{kind}: {name}", rec, world((), None, statements), label
    refused = says("iam:PassRole", _WORKER, no("identity-based", "iam:PassRole"))
    rec = {
        "eventName": "CreateJob",
        "requestParameters": {"accountId": B},
        "resources": [],
        "message": refused,
    }
    yield ("Batch Operations: AWS's message names the role that may not be passed", rec,
           world((), None, (allow(None, "s3:CreateJob", "*"),)),
           _own(MISSING, "handoff", certainty="confirmed", summary="iam:PassRole"))  # fmt: skip
    yield ("Batch Operations: AWS's message names the role, and it may be passed now", rec,
           world((), None, (allow(None, "*", "*"),)), _own(GRANTED, "already_allowed", certainty="contradicted"))  # fmt: skip
    bounded = policy(allow(None, "s3:*", "*"))
    yield ("Batch Operations: the permissions boundary does not let it pass roles", rec,
           world((), None, (allow(None, "*", "*"),), boundary=bounded),
           _own(GRANTED, "do_not_patch", blockers=("permissions_boundary",)))  # fmt: skip
    rule = {
        "bucketName": "a-reports",
        "replication": "",
        "ReplicationConfiguration": {"Role": _WORKER, "Rule": {"Status": "Enabled"}},
    }
    puts = {"eventName": "PutBucketReplication", "requestParameters": rule}
    may = allow(ROLE, "s3:PutReplicationConfiguration", BUCKET)
    mine = allow(None, "s3:PutReplicationConfiguration", BUCKET)
    for name, statements, verdict, outcome in (
        (
            "the role may be passed",
            (mine, allow(None, "iam:PassRole", _WORKER)),
            GRANTED,
            "already_allowed",
        ),
        ("the role may not be passed", (mine,), MISSING, "handoff"),
    ):
        yield (f"replication: a rule is put, {name}", puts, world((may,), None, statements),
               expected(GRANTED, NOT_NEEDED, verdict, NOT_NEEDED, outcome=outcome))  # fmt: skip


def _by(service: str, session: str = "job", **more: Any) -> dict[str, Any]:
    """A record of what a service does with B's role."""
    who = {**record()["userIdentity"], "arn": f"arn:aws:sts::{B}:assumed-role/analyst/{session}",
           "principalId": f"${{ROLE_ID}}:{session}", "invokedBy": service}  # fmt: skip
    return {
        "access": "write",
        "userIdentity": who,
        "sourceIPAddress": service,
        "userAgent": service,
        **more,
    }


def _jobs() -> Iterator[Row]:
    """What a job does to each object, with the job's role: the ordinary actions."""
    plain = {"encryption": "AES256", "reads_objects": False}
    operations: tuple[tuple[str, dict[str, Any], str, str], ...] = (
        ("replacing tags", {"eventName": "PutObjectTagging"}, "s3:PutObjectTagging", "fixable"),
        ("replacing the tags of a version", {"eventName": "PutObjectTagging", "parameters": {"versionId": "v1"}},
         "s3:PutObjectVersionTagging", "fixable"),
        ("deleting tags", {"eventName": "DeleteObjectTagging"}, "s3:DeleteObjectTagging", "fixable"),
        ("replacing an ACL", {"eventName": "PutObjectAcl"}, "s3:PutObjectAcl", "handoff"),
        ("restoring", {"eventName": "RestoreObject"}, "s3:RestoreObject", "handoff"),
        ("Object Lock retention", {"eventName": "PutObjectRetention"}, "s3:PutObjectRetention", "handoff"),
        ("Object Lock legal hold", {"eventName": "PutObjectLegalHold"}, "s3:PutObjectLegalHold", "handoff"),
        ("reading the manifest", {"access": "read", "eventName": "GetObject"}, "s3:GetObject", "fixable"),
        ("writing the report", {"eventName": "PutObject"}, "s3:PutObject", "fixable"),
    )  # fmt: skip
    for service in ("batchoperations.s3.amazonaws.com", "s3.amazonaws.com"):
        for name, event, action, outcome in operations:
            target = f"{BUCKET}/*"
            may, mine = allow(ROLE, action, target), allow(None, action, target)
            rec = _by(service, **event)
            for lacking, bucket, iam, verdicts in (
                ("granted", (may,), (mine,), (GRANTED, GRANTED)),
                ("the bucket policy lacks it", (), (mine,), (MISSING, GRANTED)),
                ("the role lacks it", (may,), (), (GRANTED, MISSING)),
            ):
                label = expected(verdicts[0], NOT_NEEDED, verdicts[1], NOT_NEEDED,
                                 outcome=outcome if MISSING in verdicts else "already_allowed")  # fmt: skip
                yield (
                    f"a job's role: {name} ({service}), {lacking}",
                    rec,
                    world(bucket, None, iam, **plain),
                    label,
                )
    copying = _by("batchoperations.s3.amazonaws.com", eventName="CopyObject",
                  parameters={"x-amz-copy-source": "c-archive/2025/q3.csv"})  # fmt: skip
    yield ("a job's role: copying, granted", copying, _copied((W_BUCKET,), {}), ALLOWED)
    yield ("a job's role: copying, the destination lacks", copying, _copied((), {}),
           expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable"))  # fmt: skip


def _copied(
    bucket: tuple[Any, ...], tags: dict[str, str], *more: Any, iam: tuple[Any, ...] = ()
) -> dict[str, Any]:
    """Copying from C's bucket: everything for a source without tags, and `more` on the source."""
    read, unlock = allow(ROLE, "s3:GetObject", f"{SOURCE}/*"), allow(ROLE, "kms:Decrypt", "*")
    mine = (
        *W_IAM,
        allow(None, "s3:GetObject", f"{SOURCE}/*"),
        allow(None, "kms:Decrypt", "${SOURCE_KEY}"),
        *iam,
    )
    source = {
        "bucket": policy(read, *more),
        "encryption": "key",
        "key": policy(root(C), unlock),
        "tags": tags,
    }
    return writing(
        bucket=policy(*bucket),
        iam=policy(*mine),
        source=source,
        known=[A, B, C],
        writable=[A, B, C],
    )


def _tagged_copies() -> Iterator[Row]:
    """A source that was looked at: whether its tags need more is known."""
    source = {"x-amz-copy-source": "c-archive/2025/q3.csv"}
    event = {"access": "write", "eventName": "CopyObject", "parameters": source}
    put, get = (
        allow(ROLE, "s3:PutObjectTagging", f"{BUCKET}/*"),
        allow(ROLE, "s3:GetObjectTagging", f"{SOURCE}/*"),
    )
    mine = (
        allow(None, "s3:PutObjectTagging", f"{BUCKET}/*"),
        allow(None, "s3:GetObjectTagging", f"{SOURCE}/*"),
    )
    tags = {"team": "red"}
    replaces = {**event, "parameters": {**source, "x-amz-tagging-directive": "REPLACE"}}
    yield ("copy: the source was looked at, and has no tags", event, _copied((W_BUCKET,), {}),
           {**ALLOWED, "unknowns_without": ["whether the source of the copy is tagged"]})  # fmt: skip
    yield (
        "copy: the source has tags, and all is granted",
        event,
        _copied((W_BUCKET, put), tags, get, iam=mine),
        ALLOWED,
    )
    yield ("copy: the source has tags, and the destination lacks s3:PutObjectTagging", event,
           _copied((W_BUCKET,), tags, get, iam=mine), expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable"))  # fmt: skip
    yield ("copy: the source has tags, and the source lacks s3:GetObjectTagging", event,
           _copied((W_BUCKET, put), tags, iam=mine),
           expected(*FINE, outcome="fixable", codes=["copy_source.bucket_policy.action_mismatch"]))  # fmt: skip
    yield ("copy: the source has tags, and the role lacks both", event, _copied((W_BUCKET, put), tags, get),
           expected(GRANTED, GRANTED, MISSING, GRANTED, outcome="fixable"))  # fmt: skip
    yield (
        "copy: the source has tags, which the request replaces",
        replaces,
        _copied((W_BUCKET,), tags),
        ALLOWED,
    )


def _replication() -> Iterator[Row]:
    """Replication is known by the service that called; a role that any service uses is not enough."""
    kin = ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"]
    target = f"{BUCKET}/*"
    service = "replication.s3.amazonaws.com"
    granted = world((allow(ROLE, kin, target),), (root(), allow(ROLE, "kms:Encrypt", "*")),
                    (allow(None, kin, target), allow(None, "kms:Encrypt", "${KEY}")))  # fmt: skip
    yield "replication: known by the service that called", _by(service), granted, ALLOWED
    yield ("replication: by the service that called, s3:PutObject is not what it needs", _by(service),
           world((W_BUCKET,), (root(), W_KEY), tuple(W_IAM)),
           expected(MISSING, MISSING, MISSING, MISSING, outcome="handoff"))  # fmt: skip
    yield ("replication: reading the source", _by(service, access="read"),
           world((allow(ROLE, "s3:GetObjectVersionForReplication", target),), (root(), IN_KEY),
                 (allow(None, "s3:GetObjectVersionForReplication", target), IN_IAM[1])), ALLOWED)  # fmt: skip
    yield ("replication: reading the source, with s3:GetObject only", _by(service, access="read"), all_in(),
           expected(MISSING, GRANTED, MISSING, GRANTED, outcome="handoff"))  # fmt: skip
    told = says(
        "s3:InitiateReplication",
        f"{BUCKET}/2026/q3.csv",
        no("identity-based", "s3:InitiateReplication"),
    )
    yield ("replication: a batch job starts it", _by("batchoperations.s3.amazonaws.com", eventName="InitiateReplication", message=told),
           world((allow(ROLE, "s3:InitiateReplication", target),), None, ()),
           expected(GRANTED, NOT_NEEDED, MISSING, NOT_NEEDED, outcome="handoff"))  # fmt: skip


def _select_and_lambda() -> Iterator[Row]:
    select = {"eventName": "SelectObjectContent", "parameters": {"select": "", "select-type": "2"}}
    yield "Select: granted", select, all_in(), ALLOWED
    yield ("Select: the key policy lacks", select, all_in(key=policy(root())),
           expected(GRANTED, MISSING, GRANTED, GRANTED, outcome="fixable"))  # fmt: skip
    yield ("Select: s3:SelectObjectContent is no action that counts", select,
           all_in(bucket=policy(allow(ROLE, "s3:SelectObjectContent", f"{BUCKET}/*"))),
           expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="fixable"))  # fmt: skip
    point = f"arn:aws:s3-object-lambda:{REGION}:{B}:accesspoint/redacted"
    writes = {"eventName": "WriteGetObjectResponse", "requestParameters": {"requestRoute": "a"},
              "resources": [{"type": "AWS::S3ObjectLambda::AccessPoint", "ARN": point, "accountId": B}]}  # fmt: skip
    for name, statement, verdict in (
        ("granted", allow(None, "s3-object-lambda:WriteGetObjectResponse", "*"), GRANTED),
        ("s3:* is not it", allow(None, "s3:*", "*"), MISSING),
    ):
        refused = says(
            "s3-object-lambda:WriteGetObjectResponse",
            point,
            no("identity-based", "s3-object-lambda:WriteGetObjectResponse"),
        )
        outcome = "handoff" if verdict == MISSING else "already_allowed"
        yield (
            f"Object Lambda: the function answers, {name}",
            {**writes, "message": refused},
            world((), None, (statement,)),
            _own(verdict, outcome),
        )


def field_jobs() -> list[dict[str, Any]]:
    """The scenarios, each with its source."""
    tables = (_passing, _jobs, _tagged_copies, _replication, _select_and_lambda)
    rows = [row for table in tables for row in table()]
    return numbered("jobs", rows, lambda cause: SOURCES[cause.partition(":")[0]])
