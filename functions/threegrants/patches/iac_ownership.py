"""Who owns a policy: AWS itself, infrastructure code (IaC), or nobody else.

A change made beside the code that owns a resource is undone by its next deployment, or blocks it.
"""

from collections.abc import Mapping

from threegrants.diagnosis import GrantName
from threegrants.evidence import Evidence, Item, Read, Unread
from threegrants.patches.patch import Patch

STACK_NAME_TAG = "aws:cloudformation:stack-name"
"""CloudFormation's own tag on what a stack creates; nobody else may set tags of this prefix
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html)."""

_UNMODIFIABLE_ROLES = (
    (":role/aws-reserved/", "IAM Identity Center owns this role: change its permission set"),
    (":role/aws-service-role/", "the role is linked to an AWS service, which owns its policies"),
)
"""Roles that nobody changes through IAM. Sources:
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html"""


def unmodifiable_reason(arn: str) -> str | None:
    """Why nobody can change a role's policies through IAM; None if somebody can."""
    return next((why for path, why in _UNMODIFIABLE_ROLES if path in arn), None)


def iac_owner(patch: Patch, evidence: Evidence, owner_tags: tuple[str, ...]) -> str | Unread | None:
    """Which infrastructure code owns the target of a patch; None if none does.

    Args:
        patch: the patch; its target is looked at.
        evidence: the snapshot with the target's tags.
        owner_tags: tags (`key` or `key=value`) that mark what infrastructure code owns, beside
            CloudFormation's own.

    Returns:
        A sentence that names the owner, None, or `Unread` if the tags could not be read.
    """
    tags = _tags(patch, evidence)
    if isinstance(tags, Unread):
        return tags
    stack = tags.value.get(STACK_NAME_TAG)
    if stack is not None:
        return f"CloudFormation stack {stack} owns it"
    for wanted in owner_tags:
        name, given, value = wanted.partition("=")
        held = tags.value.get(name)
        if held is not None and (not given or held == value):
            return f"its tag {name}={held} says that infrastructure code owns it"
    return None


def _tags(patch: Patch, evidence: Evidence) -> Item[Mapping[str, str]]:
    if patch.grant == GrantName.BUCKET_POLICY and evidence.bucket is not None:
        return evidence.bucket.tags
    if (
        patch.grant == GrantName.KEY_POLICY
        and isinstance(evidence.key, Read)
        and evidence.key.value
    ):
        return evidence.key.value.tags
    return evidence.caller.tags
