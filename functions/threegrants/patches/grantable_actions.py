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


FORBIDDEN_ACTIONS = frozenset(
    {
        "s3:BypassGovernanceRetention",
        "s3:DeleteBucket",
        "s3:DeleteBucketPolicy",
        "s3:PutAccessPointPolicy",
        "s3:PutAccountPublicAccessBlock",
        "s3:PutBucketAcl",
        "s3:PutBucketOwnershipControls",
        "s3:PutBucketPolicy",
        "s3:PutBucketPublicAccessBlock",
        "kms:CreateGrant",
        "kms:DisableKey",
        "kms:PutKeyPolicy",
        "kms:RevokeGrant",
        "kms:ScheduleKeyDeletion",
    }
)
"""Who may do these decides who else gets in, or takes the resource away: a person grants them."""

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

_SERVICES = ("s3:", "kms:")
_FORBIDDEN = frozenset(action.lower() for action in FORBIDDEN_ACTIONS)
_WILDCARDS = frozenset(action.lower() for action in KEY_USER_ACTIONS if action.endswith("*"))


def is_grantable(action: str) -> bool:
    """Whether a policy statement of ours may allow an action; its case does not count, as in IAM."""
    plain = action.lower()
    if "*" in plain or "?" in plain:
        return plain in _WILDCARDS
    return plain.startswith(_SERVICES) and plain not in _FORBIDDEN


def forbidden_among(actions: Iterable[str]) -> tuple[str, ...]:
    """Those of some actions that are never granted, sorted."""
    return tuple(sorted({action for action in actions if action.lower() in _FORBIDDEN}))


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
