"""The policy types, and which policies of each are in force for a request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html ("Policy types")
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_evaluation.html
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html ("Tasks
and entities not restricted by SCPs")
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
("Resources and entities not restricted by RCPs")
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from threegrants.iam.documents import Policy
from threegrants.iam.grants import KmsGrant
from threegrants.iam.public import is_public
from threegrants.iam.request import PrincipalKind, RequestEnvironment


class Effect(StrEnum):
    """What the policies of one type, or all together, say."""

    ALLOW = "allow"
    EXPLICIT_DENY = "explicit_deny"
    IMPLICIT_DENY = "implicit_deny"


class PolicyType(StrEnum):
    """The policy types of the IAM guide; the values stand in the causes of a denial."""

    IDENTITY = "identity"
    RESOURCE = "resource"
    BOUNDARY = "boundary"
    SESSION = "session"
    SCP = "scp"
    RCP = "rcp"
    VPCE = "vpce"

    __hash__ = str.__hash__  # Enum's own hash is a call in Python; policy types are keys of tables


class PolicyLevel(NamedTuple):
    """The policies of one level of an organisation: root, an OU, or the account."""

    name: str
    policies: tuple[Policy, ...]


class Policies(NamedTuple):
    """Everything in force for one request; an empty tuple or None means that there is none."""

    identity: tuple[Policy, ...] = ()
    """identity-based policies of the principal, also those of its groups"""
    resource: Policy | None = None
    """the resource-based policy"""
    boundaries: tuple[Policy, ...] = ()
    """permissions boundaries; each has to allow"""
    session: Policy | None = None
    scps: tuple[PolicyLevel, ...] = ()
    """service control policies of the principal's account; each level has to allow"""
    rcps: tuple[PolicyLevel, ...] = ()
    """resource control policies of the resource's account"""
    vpc_endpoint: tuple[Policy, ...] = ()
    """policies of the VPC endpoint; any may allow"""
    grants: tuple[KmsGrant, ...] = ()
    """grants on the KMS key"""
    block_public_access: bool = False
    """whether RestrictPublicBuckets is on"""


Group = tuple[Policy, ...]
"""Policies of which one has to allow, and none may deny."""


_GROUPS: Mapping[PolicyType, Callable[[RequestEnvironment, Policies], Sequence[Group]]] = {
    PolicyType.IDENTITY: lambda environment, of: (
        () if environment.account is None else (of.identity,)
    ),
    PolicyType.RESOURCE: lambda _, of: ((),) if of.resource is None else ((of.resource,),),
    PolicyType.BOUNDARY: lambda _, of: [(policy,) for policy in of.boundaries],
    PolicyType.SESSION: lambda _, of: () if of.session is None else ((of.session,),),
    PolicyType.SCP: lambda environment, of: (
        [level.policies for level in of.scps] if _under_scps(environment) else ()
    ),
    PolicyType.RCP: lambda environment, of: (
        [level.policies for level in of.rcps] if _under_rcps(environment) else ()
    ),
    # Several endpoint policies are one endpoint's: any of them may allow.
    PolicyType.VPCE: lambda _, of: (of.vpc_endpoint,) if of.vpc_endpoint else (),
}


def groups(
    policy_type: PolicyType, environment: RequestEnvironment, policies: Policies
) -> Sequence[Group]:
    """The policies of a type that are in force; each group has to allow.

    Args:
        policy_type: which type is asked about.
        environment: who asks, for what action, in whose account.
        policies: everything in force for the request, of every type.
    """
    return _GROUPS[policy_type](environment, policies)


def blocked_by_restrict_public_buckets(environment: RequestEnvironment, policies: Policies) -> bool:
    """RestrictPublicBuckets: other accounts are shut out of a bucket whose policy is public.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    """
    return (
        policies.block_public_access
        and policies.resource is not None
        and environment.kind is not PrincipalKind.SERVICE
        and environment.outside_resource_account
        and is_public(policies.resource)
    )


_OWN_POLICY = frozenset({"s3:getbucketpolicy", "s3:putbucketpolicy", "s3:deletebucketpolicy"})


def is_never_locked_out(environment: RequestEnvironment) -> bool:
    """Whether a bucket policy cannot deny: it never locks the owner's root user out of itself.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
    """
    own = environment.kind is PrincipalKind.ROOT and not environment.cross_account
    return own and environment.action in _OWN_POLICY


def _under_scps(environment: RequestEnvironment) -> bool:
    """SCPs bind the organisation's principals, not the management account, not service roles."""
    if environment.account is None or environment.service_linked:
        return False
    return not environment.is_management_account(environment.account)


def _under_rcps(environment: RequestEnvironment) -> bool:
    """RCPs bind everyone but service-linked roles.

    Not the management account's resources, not AWS managed keys, not kms:RetireGrant.
    """
    if (
        environment.service_linked
        or environment.action == "kms:retiregrant"
        or environment.on_aws_managed_key
    ):
        return False
    return not environment.is_management_account(environment.resource_account)
