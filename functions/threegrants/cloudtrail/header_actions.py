"""Headers of a request that need a permission of their own, beside the operation's; a table.

Sources:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html (permissions)
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html (bypassing governance mode)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

_PRIVATE = "private"
_REPLACE = "REPLACE"
_UPLOADS = frozenset(
    {"PutObject", "PostObject", "CopyObject", "CreateMultipartUpload", "InitiateMultipartUpload"}
)
_BYPASSES = frozenset({"DeleteObject", "DeleteObjects", "PutObjectRetention"})
_CREATES = frozenset({"CreateBucket"})


@dataclass(frozen=True, slots=True)
class HeaderRule:
    """Of which operations which headers need which actions."""

    operations: frozenset[str]
    holds: Callable[[Mapping[str, str]], bool]
    actions: tuple[str, ...]


def _sent(*names: str) -> Callable[[Mapping[str, str]], bool]:
    return lambda headers: any(name in headers for name in names)


def _says(name: str, value: str) -> Callable[[Mapping[str, str]], bool]:
    return lambda headers: headers.get(name, "").lower() == value


def _grants_by_acl(headers: Mapping[str, str]) -> bool:
    return "x-amz-acl" in headers or any(name.startswith("x-amz-grant-") for name in headers)


def _opens_by_acl(headers: Mapping[str, str]) -> bool:
    """A bucket that is created private needs no more than the right to create it."""
    return _grants_by_acl(headers) and headers.get("x-amz-acl", "") != _PRIVATE


def _tags(headers: Mapping[str, str]) -> bool:
    """A copy takes the tags of its header only where its directive says so."""
    copied = "x-amz-copy-source" in headers
    replaces = headers.get("x-amz-tagging-directive", "").upper() == _REPLACE
    return "x-amz-tagging" in headers and (replaces or not copied)


RULES: tuple[HeaderRule, ...] = (
    HeaderRule(_UPLOADS, _grants_by_acl, ("s3:PutObjectAcl",)),
    HeaderRule(_UPLOADS, _tags, ("s3:PutObjectTagging",)),
    HeaderRule(
        _UPLOADS,
        _sent("x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date"),
        ("s3:PutObjectRetention",),
    ),
    HeaderRule(_UPLOADS, _sent("x-amz-object-lock-legal-hold"), ("s3:PutObjectLegalHold",)),
    HeaderRule(
        _BYPASSES,
        _says("x-amz-bypass-governance-retention", "true"),
        ("s3:BypassGovernanceRetention",),
    ),
    HeaderRule(_CREATES, _opens_by_acl, ("s3:PutBucketAcl",)),
    HeaderRule(
        _CREATES,
        _says("x-amz-bucket-object-lock-enabled", "true"),
        ("s3:PutBucketObjectLockConfiguration", "s3:PutBucketVersioning"),
    ),
    HeaderRule(_CREATES, _sent("x-amz-object-ownership"), ("s3:PutBucketOwnershipControls",)),
)
"""Every header that needs a permission of its own."""


def actions_by_headers(operation: str, headers: Mapping[str, str]) -> tuple[str, ...]:
    """The actions that a request needs because of its headers.

    Args:
        operation: the operation as CloudTrail names it.
        headers: the string request parameters, names in lower case.
    """
    return tuple(
        action
        for rule in RULES
        if operation in rule.operations and rule.holds(headers)
        for action in rule.actions
    )
