"""Size limits of each policy type; a patch that does not fit is never offered."""

from threegrants.evidence import CallerEvidence, Read
from threegrants.patches.patch import Patch

BUCKET_POLICY_BYTES = 20 * 1024
"""S3 user guide, "Bucket policies"."""
KEY_POLICY_BYTES = 32 * 1024
"""KMS developer guide, "Key policies in AWS KMS"."""
INLINE_CHARACTERS = {"role": 10_240, "user": 2_048}
"""All inline policies together, whitespace not counted (IAM user guide, "IAM and STS quotas")."""


def fits(patch: Patch, caller: CallerEvidence) -> str:
    """Empty if the patched document fits its limit, else what does not fit."""
    if patch.grant == "bucket_policy":
        return _bytes(patch, BUCKET_POLICY_BYTES, "bucket policy")
    if patch.grant == "key_policy":
        return _bytes(patch, KEY_POLICY_BYTES, "key policy")
    kind = "user" if patch.operation == "iam:PutUserPolicy" else "role"
    policies = caller.policies.value if isinstance(caller.policies, Read) else ()
    others = sum(
        _characters(policy.document)
        for policy in policies
        if policy.kind == "inline" and policy.name != patch.policy_name
    )
    total, limit = others + _characters(patch.after), INLINE_CHARACTERS[kind]
    if total <= limit:
        return ""
    return f"the inline policies of this {kind} would hold {total} characters, the limit is {limit}"


def _bytes(patch: Patch, limit: int, what: str) -> str:
    size = len(patch.after.encode())
    return "" if size <= limit else f"the {what} would have {size} bytes, the limit is {limit}"


def _characters(document: str) -> int:
    return sum(1 for char in document if not char.isspace())
