"""Denials that hang on the tags of an object: looked at, not looked at, and not to be seen."""

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
    ROLE,
    UNKNOWN,
    W_BUCKET,
    Row,
    all_in,
    allow,
    deny,
    expected,
    policy,
    record,
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


def field_objects() -> list[dict[str, Any]]:
    """The scenarios, each with its source."""
    return [
        {
            "id": f"object-{number:03}",
            "cause": cause,
            "source": SOURCE,
            "record": record(**rec),
            "world": made,
            "expected": label,
        }
        for number, (cause, rec, made, label) in enumerate(_tags(), 1)
    ]
