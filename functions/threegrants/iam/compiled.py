"""The policies in force, bound to one kind of request.

Requests of one kind have principal, action and the resource's account in common. What those decide
is decided once, in a `Plan`; for each request only tests of its resource's ARN and of its context's
values remain. See docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html.
"""

from threegrants.iam.documents import Policy, Statement
from threegrants.iam.elements import resource_test
from threegrants.iam.policy_types import Layer, Policies, bound, groups, shut_out
from threegrants.iam.principals import Reach
from threegrants.iam.request import Asked, Kind, Request
from threegrants.iam.statement import Bound, bind
from threegrants.iam.variables import Values
from threegrants.iam.wildcards import Fits

Guard = tuple[str, list[Bound]]
"""Statements under the cause they are named as: `scp:explicit` if one applies, or `scp:implicit` if
none does."""

_KEPT = 1_024
"""How many kinds of requests a set of policies keeps a plan for."""
_WORTH_MERGING = 4
"""Statements about a resource alone, from which on one test for all is cheaper."""
# Looking up an Enum's member costs as much as a call, and this is a hot path.
_IDENTITY, _RESOURCE, _BOUNDARY, _SESSION, _SCP, _RCP, _VPCE = Layer
_IMPLICIT = {layer: f"{layer.value}:implicit" for layer in Layer}
_EXPLICIT = {layer: f"{layer.value}:explicit" for layer in Layer}


def plan_of(request: Request, policies: Policies) -> "Plan":
    """The plan for requests of this kind."""
    plans, asked = policies.plans, request.asked
    found = plans.get(asked)
    if found is None:
        if len(plans) >= _KEPT:
            plans.clear()
        found = plans[asked] = Plan(asked, policies)
    return found


def applies(rows: list[Bound], arn: str, values: Values) -> bool:
    """Whether one of several statements applies: `hold` for each, without its call."""
    for row in rows:
        for test in row[0]:
            if not test(arn, values):
                break
        else:
            return True
    return False


def closed_ones(guards: list[Guard], arn: str, values: Values) -> tuple[str, ...]:
    """The causes of the groups that are closed, each once."""
    closed = [cause for cause, rows in guards if not applies(rows, arn, values)]
    return tuple(dict.fromkeys(closed)) if closed else ()


class Plan:
    """What is left to test for one kind of request."""

    __slots__ = (
        "alone", "denies", "free", "guardrails", "identity", "limited", "reaches", "session",
    )  # fmt: skip

    def __init__(self, asked: Asked, policies: Policies) -> None:
        self.denies: list[Guard] = []
        """every Deny that could apply, under its cause, `scp:explicit`"""
        self.alone, self.free = _thresholds(asked)
        bounded = bool(policies.boundaries)
        self.identity: list[Bound] = []
        if asked.account is not None and policies.identity:
            self.identity = self._group(_IDENTITY, bind(policies.identity, asked, bounded))
        self.reaches: list[Bound] = []
        if policies.resource is not None:
            self._resource(policies.resource, asked, policies)
        self.session = self._guards(_SESSION, asked, policies) if policies.session else []
        if policies.session is None and asked.kind is Kind.FEDERATED:
            self.session = [(_IMPLICIT[_SESSION], [])]
        self.guardrails = self._guards(_SCP, asked, policies) if policies.scps else []
        if policies.rcps:
            self._guards(_RCP, asked, policies)  # RCPFullAWSAccess allows: only denies matter
        if policies.vpc_endpoint:
            self.guardrails += self._guards(_VPCE, asked, policies)
        self.limited = self.guardrails
        """the guardrails, and what limits a principal that is not granted directly"""
        if bounded:
            self.limited = self.guardrails + self._guards(_BOUNDARY, asked, policies)

    def _guards(self, layer: Layer, asked: Asked, policies: Policies) -> list[Guard]:
        """Each group of a layer that is not always open."""
        bounded, found = bool(policies.boundaries), []
        for group in groups(layer, asked, policies):
            rows = self._group(layer, bind(group, asked, bounded))
            for row in rows:
                if not row[0]:
                    break
            else:
                found.append((_IMPLICIT[layer], rows))
        return found

    def _group(self, layer: Layer, found: tuple[list[Bound], list[Bound]]) -> list[Bound]:
        """The Allow statements of a group; its Deny statements join all others."""
        allows, denies = found
        if denies:
            self.denies.append((_EXPLICIT[layer], _merged(denies)))
        return _merged(allows)

    def _resource(self, policy: Policy, asked: Asked, policies: Policies) -> None:
        allows, denies = bound(_RESOURCE, (policy,), asked, policies)
        if denies:
            self.denies.append((_EXPLICIT[_RESOURCE], _merged(denies)))
        if policies.block_public_access and shut_out(asked, policies):
            self.denies.append((_EXPLICIT[_RESOURCE], _ALWAYS))
        if len(allows) > 1:
            allows.sort(key=_furthest)
        self.reaches = allows


_ALWAYS: list[Bound] = [
    ((), Reach.DIRECT, Statement(None, False, None, None, None, (), 0), Policy("", ()))
]
"""Stands for a Deny that is no statement: S3 Block Public Access."""


def _furthest(row: Bound) -> int:
    return -row[1]


def _merged(rows: list[Bound]) -> list[Bound]:
    """The statements; many about a resource alone become one test (the index by resource)."""
    if len(rows) < _WORTH_MERGING:
        return rows
    exact: set[str] = set()
    prefixes: list[str] = []
    others: list[Fits] = []
    rest: list[Bound] = []
    merged: Bound | None = None
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


def _thresholds(asked: Asked) -> tuple[int, int]:
    """From which reach on the resource policy suffices alone, and is free of implicit limits.

    IAM guide, reference_policies_evaluation-logic_policy-eval-denyallow.html: within an account an
    allow to the role's ARN needs no identity-based policy but stays under boundary and session
    policy; one to the session, to the user or to everyone does not. Services and anonymous callers
    have no policies of their own; across accounts both sides are always needed.
    """
    if asked.account is None:
        return Reach.ACCOUNT, Reach.ACCOUNT
    if asked.cross_account:
        return Reach.DIRECT + 1, Reach.DIRECT + 1
    return Reach.ROLE, Reach.ANYONE
