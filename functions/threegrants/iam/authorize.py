"""The order of evaluation, on one screen: see `authorize`.

See docs.aws.amazon.com/IAM/latest/UserGuide/ reference_policies_evaluation-logic.html (the order),
…_policy-eval-denyallow.html (within an account), …-cross-account.html (both sides must allow),
access_policies_boundaries.html and access_policies.html#policies_session (what a direct grant is
free of); docs.aws.amazon.com/kms/latest/developerguide/key-policies.html (a key's policy must allow,
or delegate to IAM).
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from threegrants.iam.compiled import CompiledPolicies, applies, compiled_for, groups_without_allow
from threegrants.iam.policy_types import (
    Effect,
    Group,
    Policies,
    PolicyType,
    bind_group,
    blocked_by_restrict_public_buckets,
    groups,
)
from threegrants.iam.principals import PrincipalMatch
from threegrants.iam.request import PrincipalKind, Request, RequestEnvironment
from threegrants.iam.statement import BoundStatement, StatementRef, all_hold

if TYPE_CHECKING:
    from threegrants.iam.explain import NearestMiss


class PolicyTypeOutcome(NamedTuple):
    """What one layer says, and because of which statements.

    `applies`: the layer is in force for this request. `delegates`: a resource-based policy's allow
    only hands the decision to the account's IAM.
    """

    policy_type: PolicyType
    effect: Effect
    determining_statements: tuple[StatementRef, ...] = ()
    applies: bool = True
    delegates: bool = False
    searched_policies: Group = ()
    request: Request | None = None

    @property
    def nearest(self) -> "NearestMiss | None":
        """The Allow statement that fails on the fewest elements; None where something decided."""
        if self.effect is not Effect.IMPLICIT_DENY or self.request is None:
            return None
        from threegrants.iam.explain import nearest_miss  # noqa: PLC0415 - only a denial needs it

        return nearest_miss(self.searched_policies, self.request)


class Decision(NamedTuple):
    """The answer, and the causes of a denial (`scp:explicit`)."""

    effect: Effect
    causes: tuple[str, ...]
    request: Request
    policies: Policies

    @property
    def allowed(self) -> bool:
        """True if the request is allowed."""
        return self.effect is Effect.ALLOW

    @property
    def by_policy_type(self) -> tuple[PolicyTypeOutcome, ...]:
        """What every layer says by itself, worked out when it is asked for."""
        return tuple(
            authorize_policy_type(self.request, policy_type, self.policies)
            for policy_type in PolicyType
        )

    @property
    def trace(self) -> tuple[str, ...]:
        """The same in words, line by line; strings of policies and request come as they are."""
        from threegrants.iam.trace import trace  # noqa: PLC0415 - only a reader needs it

        return trace(self)


def authorize(request: Request, policies: Policies) -> Decision:
    """The whole evaluation.

    An explicit deny of any layer wins. A session policy cuts off whatever it does not allow. Then
    the grants: across accounts both sides; within one account either side, but a key needs its key
    policy. Then each guardrail in force must allow too.
    """
    compiled = compiled_for(request, policies)
    arn, values = request.resource, request.values
    if compiled.denies:
        denied = [cause for cause, denies in compiled.denies if applies(denies, arn, values)]
        if denied:
            return Decision(_EXPLICIT_DENY, tuple(dict.fromkeys(denied)), request, policies)
    match = _resource_match(compiled, request, policies)
    limited = match < compiled.exempt_match
    closed = (
        groups_without_allow(compiled.session, arn, values) if limited and compiled.session else ()
    )
    if not closed and match < compiled.sufficient_match:
        closed = _grants_without_allow(compiled, match, request)
    if not closed and (groups := compiled.limited if limited else compiled.guardrails):
        closed = groups_without_allow(groups, arn, values)
    return Decision(_IMPLICIT_DENY if closed else _ALLOW, closed, request, policies)


def _resource_match(
    compiled: CompiledPolicies, request: Request, policies: Policies
) -> PrincipalMatch:
    """How far an allow on the resource's side reaches: of its policy, or of a KMS grant."""
    arn, values = request.resource, request.values
    found = _NOT_AT_ALL
    for row in compiled.resource_allows:
        if all_hold(row[0], arn, values):
            found = row[1]
            break
    for grant in policies.grants:
        found = max(found, grant.match(request))
    return found


def _grants_without_allow(
    compiled: CompiledPolicies, match: PrincipalMatch, request: Request
) -> tuple[str, ...]:
    """The grants that lack an allow, where the resource-based policy does not suffice alone."""
    environment = request.environment
    if environment.kind is PrincipalKind.ROOT or applies(
        compiled.identity, request.resource, request.values
    ):
        # The root user of an account may do everything its account may.
        return (
            ()
            if match or not (environment.outside_resource_account or environment.is_kms)
            else _RESOURCE
        )
    return _IDENTITY if environment.outside_resource_account and match else _EITHER


_ALLOW, _EXPLICIT_DENY, _IMPLICIT_DENY = Effect
_NOT_AT_ALL = PrincipalMatch.NONE
_IDENTITY, _RESOURCE = ("identity:implicit",), ("resource:implicit",)
_EITHER = _IDENTITY + _RESOURCE


def authorize_policy_type(
    request: Request, policy_type: PolicyType, policies: Policies
) -> PolicyTypeOutcome:
    """One layer alone, whatever the others say."""
    environment = request.environment
    if policy_type is PolicyType.RESOURCE:
        return _authorize_resource(request, policies)
    found = [
        _authorize_group(policy_type, group, request, policies)
        for group in groups(policy_type, environment, policies)
    ]
    for effect in (Effect.EXPLICIT_DENY, Effect.IMPLICIT_DENY):
        for outcome in found:
            if outcome.effect is effect and not _allows_by_default(
                policy_type, effect, environment
            ):
                return outcome
    if policy_type is PolicyType.IDENTITY and not found:
        return PolicyTypeOutcome(policy_type, Effect.IMPLICIT_DENY, applies=False)
    if (
        policy_type is PolicyType.SESSION
        and not found
        and environment.kind is PrincipalKind.FEDERATED
    ):
        # docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html: without a session
        # policy a federated user has no permissions of its own.
        return PolicyTypeOutcome(policy_type, Effect.IMPLICIT_DENY)
    determining_statements = tuple(
        ref for outcome in found for ref in outcome.determining_statements
    )
    return PolicyTypeOutcome(policy_type, Effect.ALLOW, determining_statements, applies=bool(found))


def _allows_by_default(
    policy_type: PolicyType, effect: Effect, environment: RequestEnvironment
) -> bool:
    """Whether a layer without an allow allows.

    RCPFullAWSAccess is always attached; the root user may do everything its account may.
    """
    implicit = effect is Effect.IMPLICIT_DENY
    root = policy_type is PolicyType.IDENTITY and environment.kind is PrincipalKind.ROOT
    return implicit and (policy_type is PolicyType.RCP or root)


def _authorize_resource(request: Request, policies: Policies) -> PolicyTypeOutcome:
    """The resource-based policy together with the KMS grants, which add to it."""
    policy_type = PolicyType.RESOURCE
    group = () if policies.resource is None else (policies.resource,)
    outcome = _authorize_group(policy_type, group, request, policies)
    if outcome.effect is not Effect.EXPLICIT_DENY and blocked_by_restrict_public_buckets(
        request.environment, policies
    ):
        return PolicyTypeOutcome(policy_type, Effect.EXPLICIT_DENY)
    if outcome.effect is Effect.EXPLICIT_DENY or (
        outcome.determining_statements and not outcome.delegates
    ):
        return outcome
    for grant in policies.grants:
        match = grant.match(request)
        if match:
            ref = StatementRef("KMS grant", grant.grant_id or None, 0)
            delegates = match is PrincipalMatch.ACCOUNT
            return PolicyTypeOutcome(policy_type, Effect.ALLOW, (ref,), delegates=delegates)
    return outcome


def _authorize_group(
    policy_type: PolicyType, group: Group, request: Request, policies: Policies
) -> PolicyTypeOutcome:
    """The one function of every layer: satisfied denies, else satisfied allows, else neither."""
    allows, denies = (
        [row for row in rows if all_hold(row[0], request.resource, request.values)]
        for rows in bind_group(policy_type, group, request.environment, policies)
    )
    if denies:
        return PolicyTypeOutcome(policy_type, Effect.EXPLICIT_DENY, _refs(denies))
    if allows:
        match = max(row[1] for row in allows)
        delegates = policy_type is PolicyType.RESOURCE and match is PrincipalMatch.ACCOUNT
        return PolicyTypeOutcome(policy_type, Effect.ALLOW, _refs(allows), delegates=delegates)
    return PolicyTypeOutcome(
        policy_type, Effect.IMPLICIT_DENY, searched_policies=group, request=request
    )


def _refs(rows: Iterable[BoundStatement]) -> tuple[StatementRef, ...]:
    return tuple(StatementRef(policy.name, one.sid, one.position) for _, _, one, policy in rows)
