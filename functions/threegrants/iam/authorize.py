"""The specification: whether a request is allowed, and which statements determine it.

`authorize` is the whole order of evaluation, and `authorize_policy_type` is what each policy type
says by itself. Nothing here is fast; `compiled` answers the same, and tests hold the two equal.

The order:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
Within an account, and what an Allow that names the principal is exempt from:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
Across accounts both sides must allow:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
A KMS key's policy must allow, or delegate to IAM:
https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from threegrants.iam.policy_types import (
    Effect,
    Group,
    Policies,
    PolicyType,
    blocked_by_restrict_public_buckets,
    groups,
    is_never_locked_out,
)
from threegrants.iam.principals import PrincipalMatch
from threegrants.iam.request import PrincipalKind, Request, RequestEnvironment
from threegrants.iam.statement import StatementRef, applies, reference


@dataclass(frozen=True, slots=True)
class PolicyTypeOutcome:
    """What the policies of one type say by themselves, and because of which statements.

    Args:
        policy_type: whose policies.
        effect: what they say.
        request: what was asked.
        determining_statements: every Deny that applies, else every Allow that applies.
        match: how closely the Allow names the principal; NONE without one.
        in_force: whether any policy of this type is in force for the request.
        searched_policies: the policies in which no statement applies; empty where one does.
    """

    policy_type: PolicyType
    effect: Effect
    request: Request
    determining_statements: tuple[StatementRef, ...] = ()
    match: PrincipalMatch = PrincipalMatch.NONE
    in_force: bool = True
    searched_policies: Group = ()

    @property
    def delegates(self) -> bool:
        """Whether a resource-based policy's Allow only hands the decision to the account's IAM."""
        return self.match is PrincipalMatch.ACCOUNT


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a request, and the causes of a denial (`scp:explicit`)."""

    effect: Effect
    causes: tuple[str, ...]
    request: Request
    outcomes: Mapping[PolicyType, PolicyTypeOutcome]

    @property
    def allowed(self) -> bool:
        """True if the request is allowed."""
        return self.effect is Effect.ALLOW

    @property
    def determining_statements(self) -> tuple[StatementRef, ...]:
        """The statements that allow, or those that explicitly deny; none for an implicit deny."""
        found = [one for one in self.outcomes.values() if one.effect is self.effect]
        return tuple(ref for outcome in found for ref in outcome.determining_statements)


_GUARDRAILS = (PolicyType.SCP, PolicyType.RCP, PolicyType.VPCE)


def authorize(request: Request, policies: Policies) -> Decision:
    """The whole decision.

    An explicit deny of any policy type wins. A session policy cuts off what it does not allow. Then
    the grants must allow (see `_grants_without_allow`). Then each guardrail must allow: permissions
    boundary, SCPs, RCPs and VPC endpoint policy.
    """
    outcomes = {one: authorize_policy_type(request, one, policies) for one in PolicyType}
    denying = [one for one in PolicyType if outcomes[one].effect is Effect.EXPLICIT_DENY]
    if denying:
        causes = tuple(f"{one.value}:explicit" for one in denying)
        return Decision(Effect.EXPLICIT_DENY, causes, request, outcomes)
    exempt = is_exempt_from_limits(request.environment, outcomes[PolicyType.RESOURCE].match)
    limits = () if exempt else (PolicyType.SESSION,)
    guardrails = _GUARDRAILS if exempt else (PolicyType.BOUNDARY, *_GUARDRAILS)
    missing = (
        [one for one in limits if outcomes[one].effect is not Effect.ALLOW]
        or _grants_without_allow(request.environment, outcomes)
        or [one for one in guardrails if outcomes[one].effect is not Effect.ALLOW]
    )
    effect = Effect.IMPLICIT_DENY if missing else Effect.ALLOW
    causes = tuple(f"{one.value}:implicit" for one in missing)
    return Decision(effect, causes, request, outcomes)


def _grants_without_allow(
    environment: RequestEnvironment, outcomes: Mapping[PolicyType, PolicyTypeOutcome]
) -> list[PolicyType]:
    """Which of the two grants, identity-based and resource-based, lacks an allow that it needs.

    Across accounts both must allow. Within one account either suffices, but a key needs its key
    policy.
    """
    named = outcomes[PolicyType.RESOURCE].match
    if _is_sufficient_alone(environment, named):
        return []
    needs_resource = environment.outside_resource_account or environment.is_kms
    if outcomes[PolicyType.IDENTITY].effect is Effect.ALLOW:
        return [PolicyType.RESOURCE] if needs_resource and not named else []
    if environment.outside_resource_account and named:
        return [PolicyType.IDENTITY]
    return [PolicyType.IDENTITY, PolicyType.RESOURCE]


def _is_sufficient_alone(environment: RequestEnvironment, match: PrincipalMatch) -> bool:
    """Whether an Allow of the resource-based policy needs no identity-based policy beside it.

    Within an account an Allow that names more than the account suffices. Services and anonymous
    callers have no policies of their own.
    """
    if environment.account is None:
        return match is not PrincipalMatch.NONE
    return not environment.cross_account and match >= PrincipalMatch.ROLE


def is_exempt_from_limits(environment: RequestEnvironment, match: PrincipalMatch) -> bool:
    """Whether implicit denies of permissions boundary and session policy do not limit the Allow.

    Within an account an Allow for the role's ARN stays under them; one for the session, for the
    user or for everyone does not.
    """
    if environment.account is None:
        return match is not PrincipalMatch.NONE
    return not environment.cross_account and match >= PrincipalMatch.ANYONE


def authorize_policy_type(
    request: Request, policy_type: PolicyType, policies: Policies
) -> PolicyTypeOutcome:
    """What one policy type says by itself, whatever the others say.

    Each of its groups must allow (an SCP at every level), and a Deny in any of them wins.

    Args:
        request: what is asked.
        policy_type: which type is asked about.
        policies: everything in force for the request, of every type.
    """
    environment = request.environment
    found = [
        _authorize_group(request, policy_type, group, policies)
        for group in groups(policy_type, environment, policies)
    ]
    for outcome in found:
        if outcome.effect is Effect.EXPLICIT_DENY:
            return outcome
    if policy_type is PolicyType.RESOURCE:
        return _with_kms_grants(found[0], policies)
    if not found and _denies_by_default(policy_type, environment):
        in_force = policy_type is not PolicyType.IDENTITY
        return PolicyTypeOutcome(policy_type, Effect.IMPLICIT_DENY, request, in_force=in_force)
    for outcome in found:
        if outcome.effect is Effect.IMPLICIT_DENY and not _allows_by_default(
            policy_type, environment
        ):
            return outcome
    determining = tuple(ref for outcome in found for ref in outcome.determining_statements)
    return PolicyTypeOutcome(policy_type, Effect.ALLOW, request, determining, in_force=bool(found))


def _authorize_group(
    request: Request, policy_type: PolicyType, group: Group, policies: Policies
) -> PolicyTypeOutcome:
    """The one function of every policy type: Deny statements that apply, else Allow, else neither."""
    resource_based = policy_type is PolicyType.RESOURCE
    has_boundary = bool(policies.boundaries)
    satisfied = [
        (statement.allows, reference(policy, statement), match)
        for policy in group
        for statement in policy.statements
        if (
            match := applies(
                statement, request, names_principal=resource_based, has_boundary=has_boundary
            )
        )
    ]
    allows = [(ref, match) for is_allow, ref, match in satisfied if is_allow]
    denies = [ref for is_allow, ref, _ in satisfied if not is_allow]
    if resource_based and is_never_locked_out(request.environment):
        denies = []
    if denies or (
        resource_based and blocked_by_restrict_public_buckets(request.environment, policies)
    ):
        return PolicyTypeOutcome(policy_type, Effect.EXPLICIT_DENY, request, tuple(denies))
    if allows:
        refs, matches = zip(*allows, strict=True)
        return PolicyTypeOutcome(policy_type, Effect.ALLOW, request, refs, max(matches))
    return PolicyTypeOutcome(policy_type, Effect.IMPLICIT_DENY, request, searched_policies=group)


def _with_kms_grants(outcome: PolicyTypeOutcome, policies: Policies) -> PolicyTypeOutcome:
    """A key policy's outcome together with the key's grants, which only add to it.

    https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
    """
    grant = max(policies.grants, key=lambda one: one.match(outcome.request), default=None)
    closest = grant.match(outcome.request) if grant else PrincipalMatch.NONE
    if grant is None or closest is PrincipalMatch.NONE:
        return outcome
    if outcome.match > PrincipalMatch.ACCOUNT:
        return replace(outcome, match=max(outcome.match, closest))
    reference_to_grant = StatementRef("KMS grant", grant.grant_id or None, 0)
    return PolicyTypeOutcome(
        PolicyType.RESOURCE, Effect.ALLOW, outcome.request, (reference_to_grant,), closest
    )


def _denies_by_default(policy_type: PolicyType, environment: RequestEnvironment) -> bool:
    """Whether a policy type of which nothing is in force denies.

    Without identity-based policies nothing is granted. Without a session policy a federated user
    has no permissions of its own:
    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
    """
    federated = environment.kind is PrincipalKind.FEDERATED
    return policy_type is PolicyType.IDENTITY or (policy_type is PolicyType.SESSION and federated)


def _allows_by_default(policy_type: PolicyType, environment: RequestEnvironment) -> bool:
    """Whether policies without an Allow that applies allow.

    RCPFullAWSAccess is always attached; the root user may do everything its account may.
    """
    root = environment.kind is PrincipalKind.ROOT
    return policy_type is PolicyType.RCP or (policy_type is PolicyType.IDENTITY and root)
