"""The kinds of policies, and which of them are in force for a request.

See docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html ("Policy types");
docs.aws.amazon.com/organizations/latest/userguide/ orgs_manage_policies_scps_evaluation.html,
orgs_manage_policies_scps.html ("Tasks and entities not restricted by SCPs") and
orgs_manage_policies_rcps.html ("Resources and entities not restricted by RCPs").
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from threegrants.iam.documents import Policy
from threegrants.iam.grants import KmsGrant
from threegrants.iam.public import is_public
from threegrants.iam.request import PrincipalKind, RequestEnvironment
from threegrants.iam.statement import BoundStatement, bind_statements

if TYPE_CHECKING:
    from threegrants.iam.compiled import CompiledPolicies


class Effect(StrEnum):
    """What a layer, or all layers together, say."""

    ALLOW = "allow"
    EXPLICIT_DENY = "explicit_deny"
    IMPLICIT_DENY = "implicit_deny"


class PolicyType(StrEnum):
    """The kinds of policies."""

    IDENTITY = "identity"
    RESOURCE = "resource"
    BOUNDARY = "boundary"
    SESSION = "session"
    SCP = "scp"
    RCP = "rcp"
    VPCE = "vpce"


class PolicyLevel(NamedTuple):
    """The policies of one level of an organisation: root, an OU, or the account."""

    name: str
    policies: tuple[Policy, ...]


class _PoliciesFields(NamedTuple):
    identity: tuple[Policy, ...]
    resource: Policy | None
    boundaries: tuple[Policy, ...]
    session: Policy | None
    scps: tuple[PolicyLevel, ...]
    rcps: tuple[PolicyLevel, ...]
    vpc_endpoint: tuple[Policy, ...]
    grants: tuple[KmsGrant, ...]
    block_public_access: bool
    compiled: "dict[RequestEnvironment, CompiledPolicies]"


class Policies(_PoliciesFields):
    """Everything in force for one request; an empty tuple or None means that layer is not."""

    __slots__ = ()

    def __new__(  # noqa: PLR0913, PLR0917 - one for each kind of policy
        cls,
        identity: tuple[Policy, ...] = (),
        resource: Policy | None = None,
        boundaries: tuple[Policy, ...] = (),
        session: Policy | None = None,
        scps: tuple[PolicyLevel, ...] = (),
        rcps: tuple[PolicyLevel, ...] = (),
        vpc_endpoint: tuple[Policy, ...] = (),
        grants: tuple[KmsGrant, ...] = (),
        block_public_access: bool = False,  # noqa: FBT001, FBT002
    ) -> Self:
        """The policies, without any plan yet (see `plan`)."""
        listed: tuple[Any, ...] = (
            identity, resource, boundaries, session, scps, rcps, vpc_endpoint, grants,
            block_public_access, {},
        )  # fmt: skip
        return tuple.__new__(cls, listed)

    def __eq__(self, other: object) -> bool:
        """What was worked out before is no part of the value."""
        return isinstance(other, Policies) and self[:-1] == other[:-1]

    def __hash__(self) -> int:
        return hash(self[:-1])


Group = tuple[Policy, ...]
"""Policies of one layer of which one has to allow, and none may deny."""


_GROUPS: Mapping[PolicyType, Callable[[RequestEnvironment, Policies], Sequence[Group]]] = {
    PolicyType.IDENTITY: lambda environment, of: (
        () if environment.account is None else (of.identity,)
    ),
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
    """The policies of a layer that are in force for a kind of request; RESOURCE is one policy."""
    return _GROUPS[policy_type](environment, policies)


def bind_group(
    policy_type: PolicyType, group: Group, environment: RequestEnvironment, policies: Policies
) -> tuple[list[BoundStatement], list[BoundStatement]]:
    """The Allow and the Deny statements of a group that could apply to requests of one kind."""
    has_boundary = bool(policies.boundaries)
    if policy_type is not PolicyType.RESOURCE:
        return bind_statements(group, environment, has_boundary)
    allows, denies = bind_statements(group, environment, has_boundary, True)
    return allows, [] if denies and _keeps_its_policy(environment) else denies


def blocked_by_restrict_public_buckets(environment: RequestEnvironment, policies: Policies) -> bool:
    """RestrictPublicBuckets: other accounts are shut out of a bucket whose policy is public.

    docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    """
    return (
        policies.block_public_access
        and policies.resource is not None
        and environment.kind is not PrincipalKind.SERVICE
        and environment.outside_resource_account
        and is_public(policies.resource)
    )


_OWN_POLICY = frozenset({"s3:getbucketpolicy", "s3:putbucketpolicy", "s3:deletebucketpolicy"})


def _keeps_its_policy(environment: RequestEnvironment) -> bool:
    """Whether a bucket policy cannot deny: the owner's root user is never locked out of it.

    docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
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
