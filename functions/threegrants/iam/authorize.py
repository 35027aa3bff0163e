"""The order of evaluation, on one screen: see `evaluate`.

See docs.aws.amazon.com/IAM/latest/UserGuide/ reference_policies_evaluation-logic.html (the order),
…_policy-eval-denyallow.html (within an account), …-cross-account.html (both sides must allow),
access_policies_boundaries.html and access_policies.html#policies_session (what a direct grant is
free of); docs.aws.amazon.com/kms/latest/developerguide/key-policies.html (a key's policy must allow,
or delegate to IAM).
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from threegrants.iam.compiled import Plan, applies, closed_ones, plan_of
from threegrants.iam.policy_types import Effect, Group, Layer, Policies, bound, groups, shut_out
from threegrants.iam.principals import Reach
from threegrants.iam.request import Asked, Kind, Request
from threegrants.iam.statement import Bound, StatementRef, hold

if TYPE_CHECKING:
    from threegrants.iam.explain import NearestMiss


class LayerOutcome(NamedTuple):
    """What one layer says, and because of which statements.

    `applies`: the layer is in force for this request. `delegates`: a resource-based policy's allow
    only hands the decision to the account's IAM.
    """

    layer: Layer
    effect: Effect
    deciding: tuple[StatementRef, ...] = ()
    applies: bool = True
    delegates: bool = False
    searched: Group = ()
    request: Request | None = None

    @property
    def nearest(self) -> "NearestMiss | None":
        """The Allow statement that fails on the fewest elements; None where something decided."""
        if self.effect is not Effect.IMPLICIT_DENY or self.request is None:
            return None
        from threegrants.iam.explain import nearest_miss  # noqa: PLC0415 - only a denial needs it

        return nearest_miss(self.searched, self.request)


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
    def layers(self) -> tuple[LayerOutcome, ...]:
        """What every layer says by itself, worked out when it is asked for."""
        return tuple(evaluate_layer(self.request, layer, self.policies) for layer in Layer)

    @property
    def trace(self) -> tuple[str, ...]:
        """The same in words, line by line; strings of policies and request come as they are."""
        from threegrants.iam.trace import trace  # noqa: PLC0415 - only a reader needs it

        return trace(self)


def evaluate(request: Request, policies: Policies) -> Decision:
    """The whole evaluation.

    An explicit deny of any layer wins. A session policy cuts off whatever it does not allow. Then
    the grants: across accounts both sides; within one account either side, but a key needs its key
    policy. Then each guardrail in force must allow too.
    """
    plan = plan_of(request, policies)
    arn, values = request.resource, request.values
    if plan.denies:
        denied = [cause for cause, denies in plan.denies if applies(denies, arn, values)]
        if denied:
            return Decision(_EXPLICIT_DENY, tuple(dict.fromkeys(denied)), request, policies)
    reach = _reach(plan, request, policies)
    limited = reach < plan.free
    closed = closed_ones(plan.session, arn, values) if limited and plan.session else ()
    if not closed and reach < plan.alone:
        closed = _missing(plan, reach, request)
    if not closed and (guards := plan.limited if limited else plan.guardrails):
        closed = closed_ones(guards, arn, values)
    return Decision(_IMPLICIT_DENY if closed else _ALLOW, closed, request, policies)


def _reach(plan: Plan, request: Request, policies: Policies) -> Reach:
    """How far an allow on the resource's side reaches: of its policy, or of a KMS grant."""
    arn, values = request.resource, request.values
    found = _NOT_AT_ALL
    for row in plan.reaches:
        if hold(row[0], arn, values):
            found = row[1]
            break
    for grant in policies.grants:
        found = max(found, grant.reach(request))
    return found


def _missing(plan: Plan, reach: Reach, request: Request) -> tuple[str, ...]:
    """The grants that lack an allow, where the resource-based policy does not suffice alone."""
    asked = request.asked
    if asked.kind is Kind.ROOT or applies(plan.identity, request.resource, request.values):
        # The root user of an account may do everything its account may.
        return () if reach or not (asked.apart or asked.is_kms) else _RESOURCE
    return _IDENTITY if asked.apart and reach else _EITHER


_ALLOW, _EXPLICIT_DENY, _IMPLICIT_DENY = Effect
_NOT_AT_ALL = Reach.NONE
_IDENTITY, _RESOURCE = ("identity:implicit",), ("resource:implicit",)
_EITHER = _IDENTITY + _RESOURCE


def evaluate_layer(request: Request, layer: Layer, policies: Policies) -> LayerOutcome:
    """One layer alone, whatever the others say."""
    asked = request.asked
    if layer is Layer.RESOURCE:
        return _resource(request, policies)
    found = [_search(layer, group, request, policies) for group in groups(layer, asked, policies)]
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
    """Whether a layer without an allow allows.

    RCPFullAWSAccess is always attached; the root user may do everything its account may.
    """
    implicit = effect is Effect.IMPLICIT_DENY
    root = layer is Layer.IDENTITY and asked.kind is Kind.ROOT
    return implicit and (layer is Layer.RCP or root)


def _resource(request: Request, policies: Policies) -> LayerOutcome:
    """The resource-based policy together with the KMS grants, which add to it."""
    layer = Layer.RESOURCE
    group = () if policies.resource is None else (policies.resource,)
    outcome = _search(layer, group, request, policies)
    if outcome.effect is not Effect.EXPLICIT_DENY and shut_out(request.asked, policies):
        return LayerOutcome(layer, Effect.EXPLICIT_DENY)
    if outcome.effect is Effect.EXPLICIT_DENY or (outcome.deciding and not outcome.delegates):
        return outcome
    for grant in policies.grants:
        reach = grant.reach(request)
        if reach:
            ref = StatementRef("KMS grant", grant.grant_id or None, 0)
            delegates = reach is Reach.ACCOUNT
            return LayerOutcome(layer, Effect.ALLOW, (ref,), delegates=delegates)
    return outcome


def _search(layer: Layer, group: Group, request: Request, policies: Policies) -> LayerOutcome:
    """The one function of every layer: satisfied denies, else satisfied allows, else neither."""
    allows, denies = (
        [row for row in rows if hold(row[0], request.resource, request.values)]
        for rows in bound(layer, group, request.asked, policies)
    )
    if denies:
        return LayerOutcome(layer, Effect.EXPLICIT_DENY, _refs(denies))
    if allows:
        reach = max(row[1] for row in allows)
        delegates = layer is Layer.RESOURCE and reach is Reach.ACCOUNT
        return LayerOutcome(layer, Effect.ALLOW, _refs(allows), delegates=delegates)
    return LayerOutcome(layer, Effect.IMPLICIT_DENY, searched=group, request=request)


def _refs(rows: Iterable[Bound]) -> tuple[StatementRef, ...]:
    return tuple(StatementRef(policy.name, one.sid, one.position) for _, _, one, policy in rows)
