"""How long an acknowledged write may stay unseen, and where the evidence does not show it yet. Pure.

S3's bucket configurations, IAM and KMS are eventually consistent: after AWS has acknowledged a write, a
read may show the state before it. Sources:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel,
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_general.html and
https://docs.aws.amazon.com/kms/latest/developerguide/accessing-kms.html ("several minutes").
"""

import json

from botocore.exceptions import ClientError

from threegrants.evidence import Evidence, KeyEvidence, Read
from threegrants.patches import Patch, PatchOperation
from threegrants.remediation.live_policy import LivePolicy
from threegrants.remediation.rollback import undo

_MINUTE = 60
VISIBLE_AFTER_SECONDS = {
    PatchOperation.PUT_BUCKET_POLICY: 2 * _MINUTE,
    PatchOperation.PUT_ROLE_POLICY: 2 * _MINUTE,
    PatchOperation.PUT_USER_POLICY: 2 * _MINUTE,
    PatchOperation.CREATE_POLICY: 2 * _MINUTE,
    PatchOperation.PUT_KEY_POLICY: 10 * _MINUTE,
    PatchOperation.CREATE_GRANT: 10 * _MINUTE,
}
"""By then an acknowledged write is seen by every read; AWS names no number. Terraform's provider waits
as long (https://github.com/hashicorp/terraform-provider-aws)."""

GIVE_UP_SECONDS = 60 * _MINUTE
"""An undo that AWS acknowledges again and again, and that is not seen for so long, is for a person."""

SECOND_LOOK_SECONDS = 10 * _MINUTE
"""When what was taken back is looked for once more."""

_DEFINITE = range(400, 500)


class NotVisibleYet(Exception):
    """AWS has acknowledged a write that no read shows yet: the run waits for the next look."""


def visible_by(patch: Patch, sent: int) -> int:
    """The second by which a write that was sent at `sent` is seen."""
    return sent + VISIBLE_AFTER_SECONDS[patch.operation]


def shows_before(patch: Patch, live: LivePolicy) -> bool:
    """Whether a read shows the state before our write, or half of what we wrote."""
    return live.says(patch.before) or live.half_written(patch.after)


def shows_ours(patch: Patch, live: LivePolicy) -> bool:
    """Whether a read shows something of ours.

    Raises:
        StatementEdited: if it is ours, but says something we did not write.
    """
    return not undo(patch, live).nothing


def was_refused(error: Exception) -> bool:
    """Whether AWS has refused a call for certain, at the first try: then it had no effect."""
    if not isinstance(error, ClientError):
        return False
    answer = error.response.get("ResponseMetadata", {})
    return answer.get("HTTPStatusCode") in _DEFINITE and not answer.get("RetryAttempts")


def hidden_from(evidence: Evidence | None, patch: Patch) -> bool:
    """Whether the evidence was read before a patch that is written could be seen.

    The evidence is read by another role than the one that wrote, perhaps from another replica.
    """
    if evidence is None:
        return False
    both = [evidence, *([evidence.source] if evidence.source else [])]
    return any(_LOOKS[patch.operation](one, patch) for one in both)


def _bucket(evidence: Evidence, patch: Patch) -> bool:
    bucket = evidence.bucket
    if bucket is None or not patch.target.endswith(f":::{bucket.name}"):
        return False
    policy = bucket.policy
    return isinstance(policy, Read) and LivePolicy(policy.value).says(patch.before)


def _key(evidence: Evidence, patch: Patch) -> bool:
    key = _key_of(evidence, patch)
    policy = key.policy if key else None
    return isinstance(policy, Read) and LivePolicy(policy.value).says(patch.before)


def _grant(evidence: Evidence, patch: Patch) -> bool:
    key = _key_of(evidence, patch)
    if key is None or not isinstance(key.grants, Read):
        return False
    ours = json.loads(patch.after)
    return not any(
        grant.grantee_principal == ours["GranteePrincipal"]
        and set(grant.operations) == set(ours["Operations"])
        for grant in key.grants.value
    )


def _caller(evidence: Evidence, patch: Patch) -> bool:
    policies = evidence.caller.policies
    if not isinstance(policies, Read):
        return False
    found = [one.document for one in policies.value if one.name == patch.policy_name]
    return (
        not found
        if patch.before is None
        else any(LivePolicy(text).says(patch.before) for text in found)
    )


def _key_of(evidence: Evidence, patch: Patch) -> KeyEvidence | None:
    key = evidence.key.value_or_none
    return key if key is not None and key.arn == patch.target else None


_LOOKS = {
    PatchOperation.PUT_BUCKET_POLICY: _bucket,
    PatchOperation.PUT_KEY_POLICY: _key,
    PatchOperation.CREATE_GRANT: _grant,
    PatchOperation.PUT_ROLE_POLICY: _caller,
    PatchOperation.PUT_USER_POLICY: _caller,
    PatchOperation.CREATE_POLICY: _caller,
}
