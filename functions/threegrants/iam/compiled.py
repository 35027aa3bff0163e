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
_new = tuple.__new__
"""Makes a named tuple in half the time of its own constructor."""
_NO_MATCH, _DIRECT = PrincipalMatch.NONE, PrincipalMatch.DIRECT
_ROOT, _FEDERATED = PrincipalKind.ROOT, PrincipalKind.FEDERATED


class FastDecision(NamedTuple):
    """The effect, and the causes of a denial in the order of `PolicyType`."""

    effect: Effect
    causes: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """True if the request is allowed."""
        return self.effect is Effect.ALLOW


_ALLOW, _EXPLICIT_DENY, _IMPLICIT_DENY = Effect
_ALLOWED = FastDecision(_ALLOW)


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

    __slots__ = ("_about", "_bound", "policies")

    def __init__(self, policies: Policies) -> None:
        self.policies = policies
        self._bound: dict[RequestEnvironment, _BoundPolicies] = {}
        self._about: dict[tuple[int, str], Sequence[Statement]] | None = None

    def decide(self, request: Request) -> FastDecision:
        """The effect and the causes for one request."""
        environment = request.environment
        bound = self._bound.get(environment)
        if bound is None:
            if len(self._bound) >= _MOST_ENVIRONMENTS:
                self._bound.clear()
                self._about = None
            bound = self._bound[environment] = _BoundPolicies(environment, self)
        return bound.decide(request)

    def statements_about(self, action: str, policy: Policy) -> Sequence[Statement]:
        """The statements of a long policy that are about an action, from an index."""
        if self._about is None:
            self._about = {}
        key = id(policy), action  # the policy lives as long as this object does
        found = self._about.get(key)
        if found is None:
            includes = ACTIONS_INCLUDE[action]
            found = [one for one in policy.statements if one.actions and includes[one.actions]]
            self._about[key] = found
        return found


class _BoundPolicies:
    """What is left to test for requests of one environment."""

    __slots__ = (
        "denies", "environment", "exempt_match", "grants", "guardrails", "identity", "limited",
        "resource_allows", "session", "sufficient_match",
    )  # fmt: skip

    def __init__(self, environment: RequestEnvironment, compiled: CompiledPolicies) -> None:
        policies = compiled.policies
        self.environment = environment
        self.grants = policies.grants
        self.denies: list[PolicyGroup] = []
        """every Deny that could apply"""
        self.sufficient_match, self.exempt_match = _thresholds(environment)
        self.identity: list[BoundStatement] = []
        """the Allow statements of the identity-based policies"""
        if environment.account is not None and policies.identity:
            self.identity = self._group(_IDENTITY, policies.identity, compiled)
        self.resource_allows: list[BoundStatement] = []
        """those of the resource-based policy, the closest match first"""
        if policies.resource is not None:
            self.resource_allows = self._resource(policies.resource, compiled)
        boundary = self._groups(_BOUNDARY, compiled) if policies.boundaries else None
        self.session: list[PolicyGroup] = []
        if policies.session is not None:
            self.session = self._groups(_SESSION, compiled)
        elif environment.kind is _FEDERATED:
            self.session = [PolicyGroup(_IMPLICIT[_SESSION], [])]
        self.guardrails = self._groups(_SCP, compiled) if policies.scps else []
        """what limits every principal"""
        if policies.rcps:
            self._groups(_RCP, compiled)  # RCPFullAWSAccess allows: only denies matter
        if policies.vpc_endpoint:
            self.guardrails += self._groups(_VPCE, compiled)
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
                return _new(FastDecision, (_EXPLICIT_DENY, tuple(dict.fromkeys(denied))))
        match = _NO_MATCH
        for predicates, named, _ in self.resource_allows:
            for test in predicates:
                if not test(arn, values):
                    break
            else:
                match = named
                break
        for grant in self.grants:
            match = max(match, grant.match(request))
        limited = match < self.exempt_match
        causes: tuple[str, ...] = ()
        if limited and self.session:
            causes = _groups_without_allow(self.session, arn, values)
        if not causes and match < self.sufficient_match:
            causes = self._grants_without_allow(match, arn, values)
        if not causes and (guardrails := self.limited if limited else self.guardrails):
            causes = _groups_without_allow(guardrails, arn, values)
        return _new(FastDecision, (_IMPLICIT_DENY, causes)) if causes else _ALLOWED

    def _grants_without_allow(
        self, match: PrincipalMatch, arn: str, values: ContextValues
    ) -> tuple[str, ...]:
        """The grants that lack an allow, where the resource-based policy does not suffice alone."""
        environment = self.environment
        if environment.kind is _ROOT or _any_applies(self.identity, arn, values):
            needs_resource = environment.outside_resource_account or environment.is_kms
            return () if match or not needs_resource else _WITHOUT_RESOURCE
        return _WITHOUT_IDENTITY if environment.outside_resource_account and match else _NEITHER

    def _groups(self, policy_type: PolicyType, compiled: CompiledPolicies) -> list[PolicyGroup]:
        """The Allow statements of each group of a policy type that does not always allow."""
        found = []
        for group in groups(policy_type, self.environment, compiled.policies):
            allows = self._group(policy_type, group, compiled)
            for predicates, _, _ in allows:
                if not predicates:
                    break
            else:
                found.append(_new(PolicyGroup, (_IMPLICIT[policy_type], allows)))
        return found

    def _group(
        self, policy_type: PolicyType, group: Group, compiled: CompiledPolicies
    ) -> list[BoundStatement]:
        """The Allow statements of a group; its Deny statements join all others."""
        allows, denies = self._bind(group, compiled, _DIRECT)
        if denies:
            if len(denies) >= _WORTH_MERGING:
                denies = _merged(denies)
            self.denies.append(_new(PolicyGroup, (_EXPLICIT[policy_type], denies)))
        return _merged(allows) if len(allows) >= _WORTH_MERGING else allows

    def _resource(self, policy: Policy, compiled: CompiledPolicies) -> list[BoundStatement]:
        """The Allow statements of the resource-based policy, the closest match first."""
        environment, policies = self.environment, compiled.policies
        allows, denies = self._bind((policy,), compiled, _NO_MATCH)
        if denies and is_never_locked_out(environment):
            denies = []
        if policies.block_public_access and blocked_by_restrict_public_buckets(
            environment, policies
        ):
            denies = [BoundStatement((), _DIRECT, None)]
        if denies:
            if len(denies) >= _WORTH_MERGING:
                denies = _merged(denies)
            self.denies.append(_new(PolicyGroup, (_EXPLICIT[_RESOURCE], denies)))
        if len(allows) > 1:
            allows.sort(key=_closest_first)
        return allows

    def _bind(  # noqa: C901 - one loop: a call for each statement would cost as much as its tests
        self, group: Group, compiled: CompiledPolicies, without_principal: PrincipalMatch
    ) -> tuple[list[BoundStatement], list[BoundStatement]]:
        """The Allow and the Deny statements that could apply to requests of the environment.

        Args:
            group: the policies.
            compiled: whose policies these are.
            without_principal: the match of a statement that names no principal.
        """
        environment, policies = self.environment, compiled.policies
        includes = ACTIONS_INCLUDE[environment.action]
        allows: list[BoundStatement] = []
        denies: list[BoundStatement] = []
        for policy in group:
            statements: Sequence[Statement] = policy.statements
            if len(statements) >= _WORTH_AN_INDEX:
                statements = compiled.statements_about(environment.action, policy)
            for _, is_allow, principals, actions, resources, conditions, _ in statements:
                if actions is None or resources is None or not includes[actions]:
                    continue
                match = without_principal
                if principals is not None:
                    if principals.inverted:
                        bounded = bool(policies.boundaries)
                        match = principals.match(
                            environment, deny=not is_allow, has_boundary=bounded
                        )
                    else:
                        match = principals.match_names(environment)
                if not match:
                    continue
                predicates = CONDITION_PREDICATES[conditions] if conditions else ()
                alone = None
                if not (resources.everything or environment.wildcard_only):
                    if not predicates:
                        alone = resources
                    predicates = (RESOURCE_PREDICATES[resources], *predicates)
                elif resources.everything is resources.inverted:
                    continue
                bound = _new(BoundStatement, (predicates, match, alone))
                (allows if is_allow else denies).append(bound)
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
        return _WITHOUT_ACCOUNT
    return _ACROSS_ACCOUNTS if environment.cross_account else _WITHIN_ACCOUNT


_WITHOUT_ACCOUNT = PrincipalMatch.ACCOUNT, PrincipalMatch.ACCOUNT
_WITHIN_ACCOUNT = PrincipalMatch.ROLE, PrincipalMatch.ANYONE
_ACROSS_ACCOUNTS = PrincipalMatch.DIRECT + 1, PrincipalMatch.DIRECT + 1
