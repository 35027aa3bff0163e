"""The fast engine: the same answers as `authorize`, for many requests on the same policies.

Requests with the same environment (principal, action, owner of the resource) differ only in the
resource's ARN and in the values of condition keys. What the environment decides is decided once:
which policies are in force, which statements could apply, and how closely they name the principal.
For each request only the tests of ARN and values remain.

The engine says the effect and the causes. For determining statements ask `authorize`, which is the
specification; tests hold the two equal. docs/evaluator.md has the measurements.
"""

from collections.abc import Sequence
from typing import NamedTuple

from threegrants.iam.documents import Policy, Statement
from threegrants.iam.elements import Resources
from threegrants.iam.policy_types import (
    Effect,
    Group,
    Policies,
    PolicyType,
    blocked_by_restrict_public_buckets,
    groups,
    is_never_locked_out,
)
from threegrants.iam.predicates import (
    ACTIONS_INCLUDE,
    CONDITION_PREDICATES,
    RESOURCE_PARTITIONS,
    RESOURCE_PREDICATES,
    PatternPartition,
    Predicate,
    resource_predicate,
)
from threegrants.iam.principals import PrincipalMatch
from threegrants.iam.request import PrincipalKind, Request, RequestEnvironment
from threegrants.iam.variables import ContextValues

_MOST_ENVIRONMENTS = 1_024
"""How many request environments a set of policies stays bound to."""
_WORTH_MERGING = 4
"""Statements about a resource alone, from which on one test for all is cheaper."""
_WORTH_AN_INDEX = 16
"""Statements of one policy, from which on an index by action is cheaper."""
# Looking up an Enum's member costs as much as a call, and this is a hot path.
_IDENTITY, _RESOURCE, _BOUNDARY, _SESSION, _SCP, _RCP, _VPCE = PolicyType
_IMPLICIT = {policy_type: f"{policy_type.value}:implicit" for policy_type in PolicyType}
_EXPLICIT = {policy_type: f"{policy_type.value}:explicit" for policy_type in PolicyType}
_NO_MATCH, _DIRECT = PrincipalMatch.NONE, PrincipalMatch.DIRECT
_ROOT = PrincipalKind.ROOT


class FastDecision(NamedTuple):
    """The effect, and the causes of a denial in the order of `PolicyType`."""

    effect: Effect
    causes: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """True if the request is allowed."""
        return self.effect is Effect.ALLOW


_ALLOW = FastDecision(Effect.ALLOW)


class BoundStatement(NamedTuple):
    """A statement that applies to requests of one environment if all its predicates hold."""

    predicates: tuple[Predicate, ...]
    match: PrincipalMatch
    resources: Resources | None
    """the Resource element, where nothing else is left to test"""


class PolicyGroup(NamedTuple):
    """Statements of which one applies or none, and what is a cause of a denial then."""

    cause: str
    """`scp:explicit` for Deny statements of which one applies, `scp:implicit` for Allow statements
    of which none does"""
    statements: list[BoundStatement]


class CompiledPolicies:
    """Policies in force, made ready for many requests.

        compiled = CompiledPolicies(policies)
        compiled.decide(request).allowed

    What is worked out for one environment is kept in this object, as long as it lives.
    """

    __slots__ = ("_bound", "_indexes", "policies")

    def __init__(self, policies: Policies) -> None:
        self.policies = policies
        self._bound: dict[RequestEnvironment, _BoundPolicies] = {}
        self._indexes: dict[tuple[int, str], Sequence[Statement]] = {}

    def decide(self, request: Request) -> FastDecision:
        """The effect and the causes for one request."""
        bound = self._bound.get(request.environment)
        if bound is None:
            if len(self._bound) >= _MOST_ENVIRONMENTS:
                self._bound.clear()
                self._indexes.clear()
            bound = _BoundPolicies(request.environment, self)
            self._bound[request.environment] = bound
        return bound.decide(request)

    def statements_about(self, action: str, policy: Policy) -> Sequence[Statement]:
        """The statements of a policy that could be about an action; of a long one, from an index."""
        if len(policy.statements) < _WORTH_AN_INDEX:
            return policy.statements
        key = id(policy), action  # the policy lives as long as this object does
        found = self._indexes.get(key)
        if found is None:
            includes = ACTIONS_INCLUDE[action]
            found = [one for one in policy.statements if one.actions and includes[one.actions]]
            self._indexes[key] = found
        return found


class _BoundPolicies:
    """What is left to test for requests of one environment."""

    __slots__ = (
        "compiled", "denies", "environment", "exempt_match", "guardrails", "identity", "limited",
        "resource_allows", "session", "sufficient_match",
    )  # fmt: skip

    def __init__(self, environment: RequestEnvironment, compiled: CompiledPolicies) -> None:
        policies = compiled.policies
        self.compiled = compiled
        self.environment = environment
        self.denies: list[PolicyGroup] = []
        """every Deny that could apply"""
        self.sufficient_match, self.exempt_match = _thresholds(environment)
        self.identity: list[BoundStatement] = []
        """the Allow statements of the identity-based policies"""
        if environment.account is not None and policies.identity:
            self.identity = self._bind(_IDENTITY, policies.identity)
        self.resource_allows: list[BoundStatement] = []
        """those of the resource-based policy, the closest match first"""
        if policies.resource is not None:
            self.resource_allows = self._bind(_RESOURCE, (policies.resource,))
        boundary = self._groups(_BOUNDARY) if policies.boundaries else []
        self.session = self._groups(_SESSION) if policies.session is not None else []
        if policies.session is None and environment.kind is PrincipalKind.FEDERATED:
            self.session = [PolicyGroup(_IMPLICIT[_SESSION], [])]
        self.guardrails = self._groups(_SCP) if policies.scps else []
        """what limits every principal"""
        if policies.rcps:
            self._groups(_RCP)  # RCPFullAWSAccess allows: only denies matter
        if policies.vpc_endpoint:
            self.guardrails += self._groups(_VPCE)
        self.limited = boundary + self.guardrails if boundary else self.guardrails
        """what limits a principal that the resource-based policy does not name closely enough"""

    def decide(self, request: Request) -> FastDecision:
        """The order of evaluation, as in `authorize`."""
        arn, values = request.resource, request.values
        if self.denies:
            denied = [
                cause for cause, statements in self.denies if _any_applies(statements, arn, values)
            ]
            if denied:
                return FastDecision(Effect.EXPLICIT_DENY, tuple(dict.fromkeys(denied)))
        match = _NO_MATCH
        for predicates, named, _ in self.resource_allows:
            for test in predicates:
                if not test(arn, values):
                    break
            else:
                match = named
                break
        for grant in self.compiled.policies.grants:
            match = max(match, grant.match(request))
        limited = match < self.exempt_match
        causes: tuple[str, ...] = ()
        if limited and self.session:
            causes = _groups_without_allow(self.session, arn, values)
        if not causes and match < self.sufficient_match:
            causes = self._grants_without_allow(match, arn, values)
        if not causes and (guardrails := self.limited if limited else self.guardrails):
            causes = _groups_without_allow(guardrails, arn, values)
        return FastDecision(Effect.IMPLICIT_DENY, causes) if causes else _ALLOW

    def _grants_without_allow(
        self, match: PrincipalMatch, arn: str, values: ContextValues
    ) -> tuple[str, ...]:
        """The grants that lack an allow, where the resource-based policy does not suffice alone."""
        environment = self.environment
        if environment.kind is _ROOT or _any_applies(self.identity, arn, values):
            needs_resource = environment.outside_resource_account or environment.is_kms
            return () if match or not needs_resource else _WITHOUT_RESOURCE
        return _WITHOUT_IDENTITY if environment.outside_resource_account and match else _NEITHER

    def _groups(self, policy_type: PolicyType) -> list[PolicyGroup]:
        """The Allow statements of each group of a policy type that does not always allow."""
        found = []
        for group in groups(policy_type, self.environment, self.compiled.policies):
            allows = self._bind(policy_type, group)
            for one in allows:
                if not one.predicates:
                    break
            else:
                found.append(PolicyGroup(_IMPLICIT[policy_type], allows))
        return found

    def _bind(self, policy_type: PolicyType, group: Group) -> list[BoundStatement]:
        """The Allow statements of a group that could apply; its Deny statements join all others."""
        policies, environment = self.compiled.policies, self.environment
        resource_based = policy_type is _RESOURCE
        allows, denies = self._could_apply(group, names_principal=resource_based)
        if resource_based:
            if denies and is_never_locked_out(environment):
                denies = []
            if policies.block_public_access and blocked_by_restrict_public_buckets(
                environment, policies
            ):
                denies = [BoundStatement((), _DIRECT, None)]
            if len(allows) > 1:
                allows.sort(key=_closest_first)
        else:
            allows = _merged(allows)
        if denies:
            self.denies.append(PolicyGroup(_EXPLICIT[policy_type], _merged(denies)))
        return allows

    def _could_apply(
        self, group: Group, *, names_principal: bool
    ) -> tuple[list[BoundStatement], list[BoundStatement]]:
        """The Allow and the Deny statements that could apply to requests of the environment."""
        environment = self.environment
        has_boundary = bool(self.compiled.policies.boundaries)
        without_principal = _NO_MATCH if names_principal else _DIRECT
        includes = ACTIONS_INCLUDE[environment.action]
        allows: list[BoundStatement] = []
        denies: list[BoundStatement] = []
        for policy in group:
            for statement in self.compiled.statements_about(environment.action, policy):
                _, is_allow, principals, actions, resources, conditions, _ = statement
                if actions is None or resources is None or not includes[actions]:
                    continue
                if principals is None:
                    match = without_principal
                else:
                    match = principals.match(
                        environment, deny=not is_allow, has_boundary=has_boundary
                    )
                if not match:
                    continue
                predicates: tuple[Predicate, ...] = ()
                if not (resources.everything or environment.wildcard_only):
                    predicates = (RESOURCE_PREDICATES[resources],)
                elif resources.everything is resources.inverted:
                    continue
                for condition in conditions:
                    predicates += (CONDITION_PREDICATES[condition],)
                alone = resources if predicates and not conditions else None
                (allows if is_allow else denies).append(BoundStatement(predicates, match, alone))
        return allows, denies


_WITHOUT_IDENTITY, _WITHOUT_RESOURCE = (_IMPLICIT[_IDENTITY],), (_IMPLICIT[_RESOURCE],)
_NEITHER = _WITHOUT_IDENTITY + _WITHOUT_RESOURCE


def _any_applies(statements: list[BoundStatement], arn: str, values: ContextValues) -> bool:
    for predicates, _, _ in statements:
        for test in predicates:
            if not test(arn, values):
                break
        else:
            return True
    return False


def _groups_without_allow(
    found: list[PolicyGroup], arn: str, values: ContextValues
) -> tuple[str, ...]:
    """The causes of the groups of which no statement applies, each once."""
    causes = [cause for cause, statements in found if not _any_applies(statements, arn, values)]
    return tuple(dict.fromkeys(causes)) if causes else ()


def _closest_first(statement: BoundStatement) -> int:
    return -statement.match


def _merged(statements: list[BoundStatement]) -> list[BoundStatement]:
    """The statements; many about a resource alone become one test (the index by resource)."""
    if len(statements) < _WORTH_MERGING:
        return statements
    alone: list[PatternPartition] = []
    rest: list[BoundStatement] = []
    for one in statements:
        partition = RESOURCE_PARTITIONS[one.resources] if one.resources is not None else None
        if partition is None:
            rest.append(one)
        else:
            alone.append(partition)
    if not alone:
        return statements
    merged = PatternPartition(
        frozenset().union(*(one.exact for one in alone)),
        tuple(prefix for one in alone for prefix in one.prefixes),
        tuple(other for one in alone for other in one.others),
    )
    return [BoundStatement((resource_predicate(merged),), _DIRECT, None), *rest]


def _thresholds(environment: RequestEnvironment) -> tuple[int, int]:
    """From which match on a resource-based Allow suffices alone, and is exempt from limits.

    See `authorize._is_sufficient_alone` and `authorize._is_exempt_from_limits`.
    """
    if environment.account is None:
        return PrincipalMatch.ACCOUNT, PrincipalMatch.ACCOUNT
    if environment.cross_account:
        return PrincipalMatch.DIRECT + 1, PrincipalMatch.DIRECT + 1
    return PrincipalMatch.ROLE, PrincipalMatch.ANYONE
