"""Size limits of each policy type; a patch that does not fit is never offered.

Sources:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

import json

from threegrants.evidence import CallerEvidence, NamedPolicy, Read
from threegrants.patches.patch import Patch

BUCKET_POLICY_BYTES = 20 * 1024
KEY_POLICY_BYTES = 32 * 1024
INLINE_CHARACTERS = {"role": 10_240, "user": 2_048}
"""All inline policies together, whitespace not counted."""
MANAGED_CHARACTERS = 6_144
"""One managed policy, whitespace not counted."""
MANAGED_POLICIES = 10
"""Attached to one role or user; the quota's default, which AWS raises on request."""
GRANTEE_CHARACTERS = 256


def limit_violation(patch: Patch, caller: CallerEvidence) -> str:
    """Empty if the patched document fits its limit, else what does not fit."""
    return _CHECKS[patch.operation](patch, caller)


def _bucket(patch: Patch, _: CallerEvidence) -> str:
    return _bytes(patch, BUCKET_POLICY_BYTES, "bucket policy")


def _key(patch: Patch, _: CallerEvidence) -> str:
    return _bytes(patch, KEY_POLICY_BYTES, "key policy")


def _inline(patch: Patch, caller: CallerEvidence) -> str:
    kind = "user" if patch.operation == "iam:PutUserPolicy" else "role"
    others = sum(
        _characters(policy.document)
        for policy in _caller_policies(caller)
        if policy.kind == "inline" and policy.name != patch.policy_name
    )
    total, limit = others + _characters(patch.after), INLINE_CHARACTERS[kind]
    if total <= limit:
        return ""
    return f"the inline policies of this {kind} would hold {total} characters, the limit is {limit}"


def _managed(patch: Patch, caller: CallerEvidence) -> str:
    attached = sum(policy.kind == "managed" for policy in _caller_policies(caller))
    if attached >= MANAGED_POLICIES:
        return f"{attached} managed policies are attached, the default quota is {MANAGED_POLICIES}"
    size = _characters(patch.after)
    if size <= MANAGED_CHARACTERS:
        return ""
    return f"the managed policy would hold {size} characters, the limit is {MANAGED_CHARACTERS}"


def _grant(patch: Patch, _: CallerEvidence) -> str:
    grantee = str(json.loads(patch.after)["GranteePrincipal"])
    if len(grantee) <= GRANTEE_CHARACTERS:
        return ""
    return f"the grantee's ARN has {len(grantee)} characters, the limit is {GRANTEE_CHARACTERS}"


_CHECKS = {
    "s3:PutBucketPolicy": _bucket,
    "kms:PutKeyPolicy": _key,
    "kms:CreateGrant": _grant,
    "iam:PutRolePolicy": _inline,
    "iam:PutUserPolicy": _inline,
    "iam:CreatePolicy": _managed,
}


def _caller_policies(caller: CallerEvidence) -> tuple[NamedPolicy, ...]:
    return caller.policies.value if isinstance(caller.policies, Read) else ()


def _bytes(patch: Patch, limit: int, what: str) -> str:
    size = len(patch.after.encode())
    return "" if size <= limit else f"the {what} would have {size} bytes, the limit is {limit}"


def _characters(document: str) -> int:
    return sum(1 for char in document if not char.isspace())
