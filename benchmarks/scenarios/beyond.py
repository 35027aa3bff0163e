"""Causes beyond grants and statements: guardrails, places, copies, objects, callers, AWS's own word."""

from typing import Any

from scenarios.callers import awss_word, callers, kms_records
from scenarios.surroundings import guardrails, places
from scenarios.words import (
    ALLOWED,
    BUCKET,
    DENIED,
    FINE,
    GRANTED,
    IN_IAM,
    MISSING,
    NOT_NEEDED,
    ROLE,
    SOURCE,
    UNKNOWN,
    W_BUCKET,
    W_IAM,
    A,
    B,
    C,
    Row,
    all_in,
    allow,
    deny,
    expected,
    policy,
    root,
    stopped,
    writing,
)


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
    fixable: dict[str, Any] = {"outcome": "fixable"}
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
