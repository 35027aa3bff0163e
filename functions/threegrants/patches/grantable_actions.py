"""What may be granted at all: the one table that patches are made from and approvals checked against.

`make` drafts only what this table allows, and `remediation.patch_checks` refuses everything else at
approval, so that nothing is offered that nobody can approve.
"""

from collections.abc import Iterable
from enum import StrEnum


class Profile(StrEnum):
    """Which KMS actions a patch grants: what the call needs, or AWS's usual five for key users."""

    LEAST = "least"
    ARTICLE = "article"


DATA_ACTIONS = frozenset(
    {
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:GetObjectAttributes",
        "s3:GetObjectVersionAttributes",
        "s3:GetObjectTagging",
        "s3:GetObjectVersionTagging",
        "s3:PutObject",
        "s3:PutObjectTagging",
        "s3:PutObjectVersionTagging",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:DeleteObjectTagging",
        "s3:DeleteObjectVersionTagging",
        "s3:AbortMultipartUpload",
        "s3:ListMultipartUploadParts",
        "s3:ListBucketMultipartUploads",
        "s3:ListBucket",
        "s3:ListBucketVersions",
        "kms:Decrypt",
        "kms:Encrypt",
        "kms:GenerateDataKey",
        "kms:GenerateDataKeyPair",
        "kms:GenerateDataKeyPairWithoutPlaintext",
        "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom",
        "kms:ReEncryptTo",
        "kms:DescribeKey",
    }
)
"""Reading, listing, writing and deleting data, and the use of a key for that.

Whatever is not here configures a bucket or a key, decides who else gets in, or takes something away:
a person grants it. An action that AWS adds tomorrow is not here either. Sources:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html
"""

KEY_USER_ACTIONS = (
    "kms:Encrypt",
    "kms:Decrypt",
    "kms:ReEncrypt*",
    "kms:GenerateDataKey*",
    "kms:DescribeKey",
)
"""What profile `article` grants. The actions that end with a star are the only wildcards that are
ever granted. Source: "Allows key users to use the KMS key",
https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html"""

GRANT_OPERATIONS = (
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
)
"""What a KMS grant may hold: the use of a symmetric key, and not the making of further grants.
Source: `Operations`,
https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html"""

_DATA_ACTIONS = frozenset(action.lower() for action in DATA_ACTIONS)
_WILDCARDS = frozenset(action.lower() for action in KEY_USER_ACTIONS if action.endswith("*"))


def is_grantable(action: str) -> bool:
    """Whether a policy statement of ours may allow an action; its case does not count, as in IAM."""
    plain = action.lower()
    return plain in _DATA_ACTIONS or plain in _WILDCARDS


def forbidden_among(actions: Iterable[str]) -> tuple[str, ...]:
    """Those of some actions that are never granted, sorted."""
    return tuple(sorted({action for action in actions if not is_grantable(action)}))


def kms_actions(profile: Profile, needed: tuple[str, ...]) -> tuple[str, ...]:
    """The KMS actions that a statement grants for a call that needs some."""
    return KEY_USER_ACTIONS if profile is Profile.ARTICLE else needed


def grant_operations(actions: Iterable[str]) -> tuple[str, ...] | None:
    """The operations of a KMS grant that carries policy actions, sorted.

    None if a grant cannot carry one of the actions.
    """
    operations: set[str] = set()
    for action in actions:
        found = {one for one in GRANT_OPERATIONS if _covers(action.lower(), f"kms:{one}".lower())}
        if not found:
            return None
        operations |= found
    return tuple(sorted(operations))


def _covers(pattern: str, action: str) -> bool:
    return action.startswith(pattern[:-1]) if pattern.endswith("*") else action == pattern
