"""Whose hands a policy is in: AWS's own, or those of infrastructure code.

A change made beside the code that owns a resource is undone by its next deployment, or blocks it.
"""

from collections.abc import Mapping

from threegrants.evidence import Evidence, Item, Read, Unread
from threegrants.patches.patch import Patch

STACK_NAME_TAG = "aws:cloudformation:stack-name"
"""CloudFormation's own tag on what a stack creates; nobody else may set tags of this prefix
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html)."""

_UNMODIFIABLE_ROLES = (
    (":role/aws-reserved/", "IAM Identity Center owns this role: its permission set is to change"),
    (":role/aws-service-role/", "the role is linked to an AWS service, which owns its policies"),
)
"""Roles that nobody changes through IAM. Sources:
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html"""


def unmodifiable_reason(arn: str) -> str:
    """Why IAM would refuse to change a role's policies for anyone; empty if it would not."""
    return next((why for path, why in _UNMODIFIABLE_ROLES if path in arn), "")


def iac_owner(patch: Patch, evidence: Evidence, owner_tags: tuple[str, ...]) -> str | Unread:
    """Which infrastructure code owns the target of a patch; empty if none does.

    `Unread` where the tags that would tell could not be read.
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
    return ""


def _tags(patch: Patch, evidence: Evidence) -> Item[Mapping[str, str]]:
    if patch.grant == "bucket_policy" and evidence.bucket is not None:
        return evidence.bucket.tags
    if patch.grant == "key_policy" and isinstance(evidence.key, Read) and evidence.key.value:
        return evidence.key.value.tags
    return evidence.caller.tags
