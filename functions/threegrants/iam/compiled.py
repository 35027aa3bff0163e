"""The policies in force, bound to one kind of request.

Requests of one kind have principal, action and the resource's account in common. What those decide
is decided once, in a `CompiledPolicies`; for each request only tests of its resource's ARN and of its context's
values remain. See docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html.
"""

from threegrants.iam.documents import Policy, Statement
from threegrants.iam.elements import resource_test
from threegrants.iam.policy_types import (
    Policies,
    PolicyType,
    bind_group,
    blocked_by_restrict_public_buckets,
    groups,
)
from threegrants.iam.principals import PrincipalMatch
from threegrants.iam.request import PrincipalKind, Request, RequestEnvironment
from threegrants.iam.statement import BoundStatement, bind_statements
from threegrants.iam.variables import ContextValues
from threegrants.iam.wildcards import Matcher

PolicyGroup = tuple[str, list[BoundStatement]]
"""Statements under the cause they are named as: `scp:explicit` if one applies, or `scp:implicit` if
none does."""

_MOST_ENVIRONMENTS = 1_024
"""How many kinds of requests a set of policies keeps a plan for."""
_WORTH_MERGING = 4
"""Statements about a resource alone, from which on one test for all is cheaper."""
# Looking up an Enum's member costs as much as a call, and this is a hot path.
_IDENTITY, _RESOURCE, _BOUNDARY, _SESSION, _SCP, _RCP, _VPCE = PolicyType
_IMPLICIT = {policy_type: f"{policy_type.value}:implicit" for policy_type in PolicyType}
_EXPLICIT = {policy_type: f"{policy_type.value}:explicit" for policy_type in PolicyType}


def compiled_for(request: Request, policies: Policies) -> "CompiledPolicies":
    """The plan for requests of this kind."""
    compiled, environment = policies.compiled, request.environment
    found = compiled.get(environment)
    if found is None:
        if len(compiled) >= _MOST_ENVIRONMENTS:
            compiled.clear()
        found = compiled[environment] = CompiledPolicies(environment, policies)
    return found


def applies(rows: list[BoundStatement], arn: str, values: ContextValues) -> bool:
    """Whether one of several statements applies: `all_hold` for each, without its call."""
    for row in rows:
        for test in row[0]:
            if not test(arn, values):
                break
        else:
            return True
    return False


def groups_without_allow(
    groups: list[PolicyGroup], arn: str, values: ContextValues
) -> tuple[str, ...]:
    """The causes of the groups that are closed, each once."""
    closed = [cause for cause, rows in groups if not applies(rows, arn, values)]
    return tuple(dict.fromkeys(closed)) if closed else ()


class CompiledPolicies:
    """What is left to test for one kind of request."""

    __slots__ = (
        "denies",
        "exempt_match",
        "guardrails",
        "identity",
        "limited",
        "resource_allows",
        "session",
        "sufficient_match",
    )

    def __init__(self, environment: RequestEnvironment, policies: Policies) -> None:
        self.denies: list[PolicyGroup] = []
        """every Deny that could apply, under its cause, `scp:explicit`"""
        self.sufficient_match, self.exempt_match = _thresholds(environment)
        has_boundary = bool(policies.boundaries)
        self.identity: list[BoundStatement] = []
        if environment.account is not None and policies.identity:
            self.identity = self._group(
                _IDENTITY, bind_statements(policies.identity, environment, has_boundary)
            )
        self.resource_allows: list[BoundStatement] = []
        if policies.resource is not None:
            self._resource(policies.resource, environment, policies)
        self.session = self._groups(_SESSION, environment, policies) if policies.session else []
        if policies.session is None and environment.kind is PrincipalKind.FEDERATED:
            self.session = [(_IMPLICIT[_SESSION], [])]
        self.guardrails = self._groups(_SCP, environment, policies) if policies.scps else []
        if policies.rcps:
            self._groups(_RCP, environment, policies)  # RCPFullAWSAccess allows: only denies matter
        if policies.vpc_endpoint:
            self.guardrails += self._groups(_VPCE, environment, policies)
        self.limited = self.guardrails
        """the guardrails, and what limits a principal that is not granted directly"""
        if has_boundary:
            self.limited = self.guardrails + self._groups(_BOUNDARY, environment, policies)

    def _groups(
        self, policy_type: PolicyType, environment: RequestEnvironment, policies: Policies
    ) -> list[PolicyGroup]:
        """Each group of a layer that is not always open."""
        has_boundary, found = bool(policies.boundaries), []
        for group in groups(policy_type, environment, policies):
            rows = self._group(policy_type, bind_statements(group, environment, has_boundary))
            for row in rows:
                if not row[0]:
                    break
            else:
                found.append((_IMPLICIT[policy_type], rows))
        return found

    def _group(
        self, policy_type: PolicyType, found: tuple[list[BoundStatement], list[BoundStatement]]
    ) -> list[BoundStatement]:
        """The Allow statements of a group; its Deny statements join all others."""
        allows, denies = found
        if denies:
            self.denies.append((_EXPLICIT[policy_type], _merged(denies)))
        return _merged(allows)

    def _resource(
        self, policy: Policy, environment: RequestEnvironment, policies: Policies
    ) -> None:
        allows, denies = bind_group(_RESOURCE, (policy,), environment, policies)
        if denies:
            self.denies.append((_EXPLICIT[_RESOURCE], _merged(denies)))
        if policies.block_public_access and blocked_by_restrict_public_buckets(
            environment, policies
        ):
            self.denies.append((_EXPLICIT[_RESOURCE], _ALWAYS))
        if len(allows) > 1:
            allows.sort(key=_furthest)
        self.resource_allows = allows


_ALWAYS: list[BoundStatement] = [
    ((), PrincipalMatch.DIRECT, Statement(None, False, None, None, None, (), 0), Policy("", ()))
]
"""Stands for a Deny that is no statement: S3 Block Public Access."""


def _furthest(row: BoundStatement) -> int:
    return -row[1]


def _merged(rows: list[BoundStatement]) -> list[BoundStatement]:
    """The statements; many about a resource alone become one test (the index by resource)."""
    if len(rows) < _WORTH_MERGING:
        return rows
    exact: set[str] = set()
    prefixes: list[str] = []
    others: list[Matcher] = []
    rest: list[BoundStatement] = []
    merged: BoundStatement | None = None
    for row in rows:
        statement = row[2]
        parts = statement.resources.parts if statement.resources else None
        if parts is None or len(row[0]) != 1 or statement.conditions:
            rest.append(row)
            continue
        merged = row
        exact |= parts[0]
        prefixes += parts[1]
        others += parts[2]
    if merged is None:
        return rows
    test = resource_test((frozenset(exact), tuple(prefixes), tuple(others)))
    return [((test,), *merged[1:]), *rest]


def _thresholds(environment: RequestEnvironment) -> tuple[int, int]:
    """From which reach on the resource policy suffices alone, and is free of implicit limits.

    IAM guide, reference_policies_evaluation-logic_policy-eval-denyallow.html: within an account an
    allow to the role's ARN needs no identity-based policy but stays under boundary and session
    policy; one to the session, to the user or to everyone does not. Services and anonymous callers
    have no policies of their own; across accounts both sides are always needed.
    """
    if environment.account is None:
        return PrincipalMatch.ACCOUNT, PrincipalMatch.ACCOUNT
    if environment.cross_account:
        return PrincipalMatch.DIRECT + 1, PrincipalMatch.DIRECT + 1
    return PrincipalMatch.ROLE, PrincipalMatch.ANYONE
