"""Size limits of each policy type; a patch that does not fit is never offered.

Sources:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
"""

import json

from threegrants.evidence import CallerEvidence, NamedPolicy, Read
from threegrants.patches.patch import Patch, PatchOperation

BUCKET_POLICY_BYTES = 20 * 1024
KEY_POLICY_BYTES = 32 * 1024
INLINE_CHARACTERS = {"role": 10_240, "user": 2_048}
"""All inline policies together, whitespace not counted."""
MANAGED_CHARACTERS = 6_144
"""One managed policy, whitespace not counted."""
MANAGED_POLICIES = 10
"""Attached to one role or user; the quota's default, which AWS raises on request."""
GRANTEE_CHARACTERS = 256


def limit_violation(patch: Patch, caller: CallerEvidence) -> str | None:
    """What does not fit its limit in the patched document; None if everything fits."""
    return _CHECKS[patch.operation](patch, caller)


def document_violation(patch: Patch) -> str | None:
    """What does not fit its limit in the patched document by itself, whatever else the holder has."""
    if patch.operation == PatchOperation.PUT_BUCKET_POLICY:
        return _bytes(patch, BUCKET_POLICY_BYTES, "bucket policy")
    if patch.operation == PatchOperation.PUT_KEY_POLICY:
        return _bytes(patch, KEY_POLICY_BYTES, "key policy")
    if patch.operation == PatchOperation.CREATE_GRANT:
        return None
    limit = {
        PatchOperation.PUT_ROLE_POLICY: INLINE_CHARACTERS["role"],
        PatchOperation.PUT_USER_POLICY: INLINE_CHARACTERS["user"],
    }.get(patch.operation, MANAGED_CHARACTERS)
    size = _characters(patch.after)
    return (
        None if size <= limit else f"the policy would hold {size} characters, the limit is {limit}"
    )


def _bucket(patch: Patch, _: CallerEvidence) -> str | None:
    return _bytes(patch, BUCKET_POLICY_BYTES, "bucket policy")


def _key(patch: Patch, _: CallerEvidence) -> str | None:
    return _bytes(patch, KEY_POLICY_BYTES, "key policy")


def _inline(patch: Patch, caller: CallerEvidence) -> str | None:
    kind = "user" if patch.operation == PatchOperation.PUT_USER_POLICY else "role"
    others = sum(
        _characters(policy.document)
        for policy in _caller_policies(caller)
        if policy.kind == "inline" and policy.name != patch.policy_name
    )
    total, limit = others + _characters(patch.after), INLINE_CHARACTERS[kind]
    if total <= limit:
        return None
    return f"the inline policies of this {kind} would hold {total} characters, the limit is {limit}"


def _managed(patch: Patch, caller: CallerEvidence) -> str | None:
    attached = sum(policy.kind == "managed" for policy in _caller_policies(caller))
    if attached >= MANAGED_POLICIES:
        return f"{attached} managed policies are attached, the default quota is {MANAGED_POLICIES}"
    size = _characters(patch.after)
    if size <= MANAGED_CHARACTERS:
        return None
    return f"the managed policy would hold {size} characters, the limit is {MANAGED_CHARACTERS}"


def _grant(patch: Patch, _: CallerEvidence) -> str | None:
    grantee = str(json.loads(patch.after)["GranteePrincipal"])
    if len(grantee) <= GRANTEE_CHARACTERS:
        return None
    return f"the grantee's ARN has {len(grantee)} characters, the limit is {GRANTEE_CHARACTERS}"


_CHECKS = {
    PatchOperation.PUT_BUCKET_POLICY: _bucket,
    PatchOperation.PUT_KEY_POLICY: _key,
    PatchOperation.CREATE_GRANT: _grant,
    PatchOperation.PUT_ROLE_POLICY: _inline,
    PatchOperation.PUT_USER_POLICY: _inline,
    PatchOperation.CREATE_POLICY: _managed,
}


def _caller_policies(caller: CallerEvidence) -> tuple[NamedPolicy, ...]:
    return caller.policies.value if isinstance(caller.policies, Read) else ()


def _bytes(patch: Patch, limit: int, what: str) -> str | None:
    size = len(patch.after.encode())
    return None if size <= limit else f"the {what} would have {size} bytes, the limit is {limit}"


def _characters(document: str) -> int:
    return sum(1 for char in document if not char.isspace())
