"""A second opinion on a policy before it is written: IAM Access Analyzer, where it may be asked.

Optional: the reader role needs `access-analyzer:ValidatePolicy` and
`access-analyzer:CheckNoPublicAccess`; AWS charges for the latter. Sources:
https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ValidatePolicy.html
https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CheckNoPublicAccess.html
"""

from collections import Counter
from typing import TYPE_CHECKING, Any, Literal

from threegrants.evidence.calls import call_or_unread
from threegrants.evidence.role_clients import RoleClients
from threegrants.evidence.snapshot import Item, Read

if TYPE_CHECKING:
    from types_boto3_accessanalyzer import AccessAnalyzerClient

_GRAVE = frozenset({"ERROR", "SECURITY_WARNING"})
_PolicyType = Literal["RESOURCE_POLICY", "IDENTITY_POLICY"]
_ResourceType = Literal["AWS::S3::Bucket", "AWS::KMS::Key"]
_POLICY_TYPES: dict[str, tuple[_PolicyType, _ResourceType | None]] = {
    "s3:PutBucketPolicy": ("RESOURCE_POLICY", "AWS::S3::Bucket"),
    "kms:PutKeyPolicy": ("RESOURCE_POLICY", "AWS::KMS::Key"),
    "iam:PutRolePolicy": ("IDENTITY_POLICY", None),
    "iam:PutUserPolicy": ("IDENTITY_POLICY", None),
    "iam:CreatePolicy": ("IDENTITY_POLICY", None),
}
"""By the operation that writes a document: its policy type, and the type of its resource."""
_TYPES_WITH_OWN_RULES = frozenset({"AWS::S3::Bucket"})
"""Resource types that ValidatePolicy has rules of its own for; it knows none for KMS keys."""


def review_policy(
    clients: RoleClients, where: tuple[str, str], operation: str, before: str | None, after: str
) -> Item[tuple[str, ...]]:
    """What speaks against a policy that was not in the policy before it.

    Args:
        clients: clients of the member accounts.
        where: account and Region to ask in.
        operation: the operation that would write the policy.
        before: the policy as it is, None if there is none.
        after: the policy as it would be.
    """
    if operation not in _POLICY_TYPES:
        return Read(())  # a KMS grant is no policy
    kind, resource = _POLICY_TYPES[operation]
    account, region = where

    def findings() -> tuple[str, ...]:
        client = clients.client(account, "accessanalyzer", region)
        old = _grave_findings(client, before, kind, resource) if before is not None else Counter()
        found = list((_grave_findings(client, after, kind, resource) - old).elements())
        if resource is not None:
            answer = client.check_no_public_access(policyDocument=after, resourceType=resource)
            if answer.get("result") != "PASS":
                found.append(" ".join(str(answer.get("message", "public access")).split())[:300])
        return tuple(found)

    actions = "access-analyzer:ValidatePolicy, access-analyzer:CheckNoPublicAccess"
    return call_or_unread(findings, clients.needs(actions, "policies", account))


def _grave_findings(
    client: "AccessAnalyzerClient", document: str, kind: _PolicyType, resource: _ResourceType | None
) -> Counter[str]:
    """The codes of what is wrong with a policy, each as often as it is found."""
    own_rules = resource in _TYPES_WITH_OWN_RULES
    more: dict[str, Any] = {"validatePolicyResourceType": resource} if own_rules else {}
    pages = client.get_paginator("validate_policy").paginate(
        policyDocument=document, policyType=kind, **more
    )
    return Counter(
        f"{finding['findingType']} {finding['issueCode']}"
        for page in pages
        for finding in page.get("findings", ())
        if finding.get("findingType") in _GRAVE
    )
