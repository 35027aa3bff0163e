"""Denials that hang on what no record shows: the tags of an object, and conditions within one account."""

from collections.abc import Iterator
from typing import Any

from scenarios.words import (
    ALLOWED,
    BUCKET,
    DENIED,
    FINE,
    GRANTED,
    IN_BUCKET,
    IN_IAM,
    MISSING,
    NOT_NEEDED,
    ROLE,
    UNKNOWN,
    W_BUCKET,
    A,
    Row,
    all_in,
    allow,
    deny,
    expected,
    no,
    numbered,
    policy,
    says,
    world,
    writing,
)

SOURCE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/tagging-and-policies.html"
_TARGET = f"{BUCKET}/*"


def _if(operator: str, tag: str, *values: str) -> dict[str, Any]:
    listed = list(values)
    return {
        "Condition": {
            operator: {f"s3:ExistingObjectTag/{tag}": listed[0] if len(listed) == 1 else listed}
        }
    }


def _tags() -> Iterator[Row]:
    seen = {"level": "open", "team": "red"}
    lacks = expected(MISSING, GRANTED, GRANTED, GRANTED, outcome="handoff")
    open_ = expected(UNKNOWN, GRANTED, GRANTED, GRANTED, outcome="unknown")
    denied = expected(DENIED, GRANTED, GRANTED, GRANTED, outcome="do_not_patch")
    cases: tuple[tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]], ...] = (
        ("the Allow's tag is there", _if("StringEquals", "level", "open"), seen, ALLOWED),
        ("the Allow's tag is one of two values", _if("StringEquals", "level", "open", "shared"), seen, ALLOWED),
        ("the Allow's tag by a pattern", _if("StringLike", "level", "op*"), seen, ALLOWED),
        ("the Allow's tag has another value", _if("StringEquals", "level", "open"), {"level": "secret"}, lacks),
        ("the Allow's tag in another case", _if("StringEquals", "level", "open"), {"level": "Open"}, lacks),
        ("the Allow's tag is not there", _if("StringEquals", "level", "open"), {"team": "red"}, lacks),
        ("the Allow wants no such tag, and there is none", _if("Null", "level", "true"), {"team": "red"}, ALLOWED),
        ("the Allow wants no such tag, and there is one", _if("Null", "level", "true"), seen, lacks),
        ("the Allow wants anything but a value", _if("StringNotEquals", "level", "secret"), seen, ALLOWED),
        ("the Allow wants anything but a value, and there is no tag", _if("StringNotEquals", "level", "secret"), {}, ALLOWED),
    )  # fmt: skip
    for name, condition, tags, label in cases:
        granted = policy(allow(ROLE, "s3:GetObject", _TARGET, **condition))
        yield (f"object tags: {name}", {}, all_in(bucket=granted, tags=tags),
               {**label, "unknowns_without": ["the object's tags"]})  # fmt: skip
        yield (f"object tags: {name}, and nobody looked", {}, all_in(bucket=granted, tags=tags, reads_objects=False),
               {**open_, "unknowns": ["the object's tags"], "needs": "s3:GetObjectTagging"})  # fmt: skip
    secret = deny("*", "s3:GetObject", _TARGET, **_if("StringEquals", "level", "secret"))
    untagged = deny("*", "s3:GetObject", _TARGET, **_if("StringNotEquals", "level", "open"))
    for name, refuse, tags, label in (
        ("a Deny of a tag that is there", secret, {"level": "secret"}, denied),
        ("a Deny of a tag that is not there", secret, seen, ALLOWED),
        ("a Deny of everything without a tag", untagged, {}, denied),
        ("a Deny of everything without a tag that is there", untagged, seen, ALLOWED),
    ):
        yield (f"object tags: {name}", {}, all_in(bucket=policy(IN_BUCKET, refuse), tags=tags), label)  # fmt: skip
    mine = policy(
        allow(None, "s3:GetObject", _TARGET, **_if("StringEquals", "team", "red")), IN_IAM[1]
    )
    yield ("object tags: the IAM policy's tag is there", {}, all_in(iam=mine, tags=seen), ALLOWED)
    yield ("object tags: the IAM policy's tag is not there", {}, all_in(iam=mine, tags={}),
           expected(GRANTED, GRANTED, MISSING, GRANTED, outcome="handoff"))  # fmt: skip
    hanging = policy(allow(ROLE, "s3:GetObject", _TARGET, **_if("StringEquals", "level", "open")))
    yield ("object tags: the reader may not see them", {}, all_in(bucket=hanging, tags=seen, hidden_tags=True),
           {**open_, "unknowns": ["the object's tags"], "needs": "s3:GetObjectTagging on bucket a-reports"})  # fmt: skip
    yield ("object tags: not to be seen, and nothing hangs on them", {}, all_in(tags=seen, hidden_tags=True),
           {**ALLOWED, "unknowns_without": ["the object's tags"]})  # fmt: skip
    yield ("object tags: there is no such object", {}, all_in(bucket=hanging, holds=[]), lacks)  # fmt: skip
    boundary = policy(
        allow(None, "*", "*"),
        deny(None, "s3:GetObject", "*", **_if("StringEquals", "level", "open")),
    )
    yield ("object tags: the permissions boundary denies the tag", {}, all_in(tags=seen, boundary=boundary),
           expected(*FINE, outcome="do_not_patch", blockers=("permissions_boundary",)))  # fmt: skip
    upload = deny("*", "s3:PutObject", _TARGET, **_if("StringEquals", "level", "secret"))
    yield ("object tags: an upload has none to be asked for", {"access": "write"},
           writing(bucket=policy(W_BUCKET, upload)), ALLOWED)  # fmt: skip
    copy = {"parameters": {"versionId": "v1"}}
    versions = policy(
        allow(ROLE, "s3:GetObjectVersion", _TARGET, **_if("StringEquals", "level", "open"))
    )
    yield ("object tags: of a version, and nobody looked", copy,
           all_in(bucket=versions, iam=policy(allow(None, "s3:*", _TARGET), IN_IAM[1]), reads_objects=False),
           {**open_, "needs": "s3:GetObjectVersionTagging"})  # fmt: skip


def _one_account() -> Iterator[Row]:
    """In one account AWS names the identity-based policy only where the bucket policy allows nothing either."""
    arn, session = f"arn:aws:iam::{A}:role/analyst", f"arn:aws:sts::{A}:assumed-role/analyst/sam"
    issuer = {
        "type": "Role",
        "principalId": "${ROLE_ID}",
        "arn": arn,
        "accountId": A,
        "userName": "analyst",
    }
    who = {"type": "AssumedRole", "principalId": "${ROLE_ID}:sam", "accountId": A, "arn": session,
           "sessionContext": {"sessionIssuer": issuer}}  # fmt: skip
    rec = {"userIdentity": who, "recipientAccountId": A,
           "resources": [{"type": "AWS::S3::Bucket", "ARN": BUCKET, "accountId": A}]}  # fmt: skip
    made = {"role": {"account": A, "name": "analyst", "path": "/"}, "encryption": "AES256"}
    tagged = {"Condition": {"StringEquals": {"aws:PrincipalTag/team": "red"}}}
    hanging = allow(arn, "s3:GetObject", _TARGET, **tagged)
    refuse = deny("*", "s3:GetObject", _TARGET, **tagged)
    mine = allow(None, "s3:GetObject", _TARGET)
    action = "s3:GetObject"
    told = {**rec, "message": says(action, f"{BUCKET}/2026/q3.csv", no("identity-based", action))}
    lacks = expected(
        NOT_NEEDED, NOT_NEEDED, MISSING, NOT_NEEDED, outcome="handoff", certainty="confirmed"
    )
    open_ = expected(UNKNOWN, NOT_NEEDED, UNKNOWN, NOT_NEEDED, outcome="unknown")
    yield (
        "one account: the bucket policy's Allow hangs, and AWS names the IAM policy",
        told,
        world((hanging,), None, (), **made),
        lacks,
    )
    yield (
        "one account: the bucket policy's Allow hangs, and AWS names nothing",
        rec,
        world((hanging,), None, (), **made),
        open_,
    )
    own = allow(None, "s3:GetObject", _TARGET, **tagged)
    yield ("one account: both policies hang, and AWS names the IAM policy", told,
           world((hanging,), None, (own,), **made), lacks)  # fmt: skip
    yield ("one account: the bucket policy's Deny hangs, nothing allows, and AWS names the IAM policy", told,
           world((refuse,), None, (), **made),
           expected(NOT_NEEDED, NOT_NEEDED, MISSING, NOT_NEEDED, outcome="handoff"))  # fmt: skip
    yield ("one account: the bucket policy's Deny hangs, and the IAM policy allows now", told,
           world((refuse,), None, (mine,), **made),
           expected(UNKNOWN, NOT_NEEDED, GRANTED, NOT_NEEDED, outcome="unknown"))  # fmt: skip
    yield ("one account: nothing hangs, and AWS names the IAM policy", told, world((), None, (), **made),
           expected(NOT_NEEDED, NOT_NEEDED, MISSING, NOT_NEEDED, outcome="fixable", certainty="confirmed"))  # fmt: skip


_SINGLE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-single-account.html"


def field_objects() -> list[dict[str, Any]]:
    """The scenarios, each with its source."""
    return numbered(
        "object",
        (*_tags(), *_one_account()),
        lambda cause: _SINGLE if cause.startswith("one account") else SOURCE,
    )
