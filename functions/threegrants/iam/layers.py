"""The order of evaluation, on one screen: see `evaluate`.

See docs.aws.amazon.com/IAM/latest/UserGuide/ reference_policies_evaluation-logic.html (the order),
…_policy-eval-denyallow.html (within an account), …-cross-account.html (both sides must allow),
access_policies_boundaries.html and access_policies.html#policies_session (what a direct grant is
free of); docs.aws.amazon.com/kms/latest/developerguide/key-policies.html (a key's policy must allow,
or delegate to IAM).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from threegrants.iam.explain import NearestMiss, StatementRef, nearest_miss
from threegrants.iam.policies import (
    Effect,
    Group,
    Layer,
    Plan,
    Policies,
    bound,
    closed_ones,
    groups,
    is_open,
    shut_out,
)
from threegrants.iam.principals import Reach
from threegrants.iam.request import Asked, Kind, Request
from threegrants.iam.statement import Bound, hold
from threegrants.iam.variables import Context


@dataclass(frozen=True, slots=True)
class LayerOutcome:
    """What one layer says, and because of which statements.

    `applies`: the layer is in force for this request. `delegates`: a resource-based policy's allow
    only hands the decision to the account's IAM.
    """

    layer: Layer
    effect: Effect
    deciding: tuple[StatementRef, ...] = ()
    applies: bool = True
    delegates: bool = False
    _searched: Group = field(default=(), repr=False, compare=False)
    _asked: Asked | None = field(default=None, repr=False, compare=False)

    @property
    def nearest(self) -> NearestMiss | None:
        """The Allow statement that fails on the fewest elements; None where something decided."""
        if self.effect is not Effect.IMPLICIT_DENY or self._asked is None:
            return None
        return nearest_miss(self._searched, self._asked)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, and the causes of a denial (`scp:explicit`)."""

    effect: Effect
    causes: tuple[str, ...]
    _request: Request = field(repr=False, compare=False)
    _policies: Policies = field(repr=False, compare=False)

    @property
    def allowed(self) -> bool:
        """True if the request is allowed."""
        return self.effect is Effect.ALLOW

    @property
    def layers(self) -> tuple[LayerOutcome, ...]:
        """What every layer says by itself, worked out when it is asked for."""
        return tuple(evaluate_layer(self._request, layer, self._policies) for layer in Layer)


def evaluate(request: Request, policies: Policies) -> Decision:
    """The whole evaluation.

    An explicit deny of any layer wins. A session policy cuts off whatever it does not allow. Then
    the grants: across accounts both sides; within one account either side, but a key needs its key
    policy. Then each guardrail in force must allow too.
    """
    plan = policies.plan(request)
    arn, context = request.resource, request.context
    denied = [cause for cause, tests in plan.denies if hold(tests, arn, context)]
    if denied:
        return Decision(Effect.EXPLICIT_DENY, tuple(dict.fromkeys(denied)), request, policies)
    reach = plan.reach(arn, context)
    limited = reach < plan.free
    closed = closed_ones(plan.session, arn, context) if limited and plan.session else ()
    if not closed and reach < plan.alone:
        closed = _missing(plan, reach, is_open(plan.identity, arn, context))
    if not closed and (guards := plan.limited if limited else plan.guardrails):
        closed = closed_ones(guards, arn, context)
    if closed:
        return Decision(Effect.IMPLICIT_DENY, closed, request, policies)
    return Decision(Effect.ALLOW, (), request, policies)


def _missing(plan: Plan, reach: Reach, identity: bool) -> tuple[str, ...]:  # noqa: FBT001
    """The grants that lack an allow, where the resource-based policy does not suffice alone."""
    if identity:
        return _RESOURCE if plan.both and not reach else ()
    return _IDENTITY if plan.apart and reach else _EITHER


_IDENTITY, _RESOURCE = ("identity:implicit",), ("resource:implicit",)
_EITHER = _IDENTITY + _RESOURCE


def evaluate_layer(request: Request, layer: Layer, policies: Policies) -> LayerOutcome:
    """One layer alone, whatever the others say."""
    asked = Asked(request, bounded=bool(policies.boundaries))
    if layer is Layer.RESOURCE:
        return _resource(asked, policies)
    found = [_search(layer, group, asked) for group in groups(layer, asked, policies)]
    for effect in (Effect.EXPLICIT_DENY, Effect.IMPLICIT_DENY):
        for outcome in found:
            if outcome.effect is effect and not _stands(layer, effect, asked):
                return outcome
    if layer is Layer.IDENTITY and not found:
        return LayerOutcome(layer, Effect.IMPLICIT_DENY, applies=False)
    if layer is Layer.SESSION and not found and asked.kind is Kind.FEDERATED:
        # docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html: without a session
        # policy a federated user has no permissions of its own.
        return LayerOutcome(layer, Effect.IMPLICIT_DENY)
    deciding = tuple(ref for outcome in found for ref in outcome.deciding)
    return LayerOutcome(layer, Effect.ALLOW, deciding, applies=bool(found))


def _stands(layer: Layer, effect: Effect, asked: Asked) -> bool:
    """Whether a layer without an allow allows: RCPFullAWSAccess is always attached, and the root
    user of an account may do everything its account may.
    """
    implicit = effect is Effect.IMPLICIT_DENY
    root = layer is Layer.IDENTITY and asked.kind is Kind.ROOT
    return implicit and (layer is Layer.RCP or root)


def _resource(asked: Asked, policies: Policies) -> LayerOutcome:
    group = () if policies.resource is None else (policies.resource,)
    outcome = _search(Layer.RESOURCE, group, asked)
    if outcome.effect is not Effect.EXPLICIT_DENY and shut_out(asked, policies):
        return LayerOutcome(Layer.RESOURCE, Effect.EXPLICIT_DENY)
    if outcome.effect is Effect.EXPLICIT_DENY or (outcome.deciding and not outcome.delegates):
        return outcome
    request = asked.request
    for grant in policies.grants:
        granted = grant.bind(asked)
        if granted is not None and hold(granted[1], request.resource, request.context):
            ref = StatementRef("KMS grant", grant.grant_id or None, 0)
            delegates = granted[0] is Reach.ACCOUNT
            return LayerOutcome(Layer.RESOURCE, Effect.ALLOW, (ref,), delegates=delegates)
    return outcome


def _search(layer: Layer, group: Group, asked: Asked) -> LayerOutcome:
    """The one function of every layer: satisfied denies, else satisfied allows, else neither."""
    request = asked.request
    rows = [
        row
        for row in bound(layer, group, asked)
        if hold(row[3], request.resource, request.context)
    ]
    denies = [row for row in rows if not row[1].allows]
    if denies:
        return LayerOutcome(layer, Effect.EXPLICIT_DENY, _refs(denies))
    if rows:
        reach = max(row[2] for row in rows)
        delegates = layer is Layer.RESOURCE and reach is Reach.ACCOUNT
        return LayerOutcome(layer, Effect.ALLOW, _refs(rows), delegates=delegates)
    return LayerOutcome(layer, Effect.IMPLICIT_DENY, _searched=group, _asked=asked)


def _refs(rows: Iterable[Bound]) -> tuple[StatementRef, ...]:
    return tuple(StatementRef(policy.name, one.sid, one.index) for policy, one, _, _ in rows)
