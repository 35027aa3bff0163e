"""The order of evaluation, on one screen: see `evaluate`.

Source: IAM user guide, "Policy evaluation logic", "Determining whether a request is allowed or
denied within an account", "Cross-account policy evaluation logic"; "Evaluating identity-based
policies with resource-based policies" and "… with permissions boundaries"; AWS Organizations user
guide, "Service control policies" and "Resource control policies"; KMS developer guide, "Key
policies in AWS KMS".
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from threegrants.iam.documents import Policy, Statement
from threegrants.iam.explain import NearestMiss, StatementRef, nearest_miss
from threegrants.iam.grants import KmsGrant
from threegrants.iam.principals import Reach
from threegrants.iam.public import is_public
from threegrants.iam.request import Asked, Kind, Request
from threegrants.iam.statement import applies


class Effect(StrEnum):
    """What a layer, or all layers together, say."""

    ALLOW = "allow"
    EXPLICIT_DENY = "explicit_deny"
    IMPLICIT_DENY = "implicit_deny"


class Layer(StrEnum):
    """The kinds of policies."""

    IDENTITY = "identity"
    RESOURCE = "resource"
    BOUNDARY = "boundary"
    SESSION = "session"
    SCP = "scp"
    RCP = "rcp"
    VPCE = "vpce"


@dataclass(frozen=True, slots=True)
class PolicyLevel:
    """The policies of one level of an organisation: root, an OU, or the account."""

    name: str
    policies: tuple[Policy, ...]


@dataclass(frozen=True, slots=True)
class Policies:
    """Everything in force for one request; an empty tuple or None means that layer is not."""

    identity: tuple[Policy, ...] = ()
    resource: Policy | None = None
    boundaries: tuple[Policy, ...] = ()
    session: Policy | None = None
    scps: tuple[PolicyLevel, ...] = ()
    rcps: tuple[PolicyLevel, ...] = ()
    vpc_endpoint: tuple[Policy, ...] = ()
    grants: tuple[KmsGrant, ...] = ()
    block_public_access: bool = False


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
    reach: Reach = Reach.NONE
    _searched: tuple[Policy, ...] = field(default=(), repr=False, compare=False)
    _asked: Asked | None = field(default=None, repr=False, compare=False)

    @property
    def nearest(self) -> NearestMiss | None:
        """The Allow statement that fails on the fewest elements; None where something decided."""
        if self.effect is not Effect.IMPLICIT_DENY or self._asked is None:
            return None
        return nearest_miss(self._searched, self._asked)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer, every layer's outcome, and the causes of a denial (`scp:explicit`)."""

    effect: Effect
    layers: tuple[LayerOutcome, ...]
    causes: tuple[str, ...] = ()

    @property
    def allowed(self) -> bool:
        """True if the request is allowed."""
        return self.effect is Effect.ALLOW


def evaluate(request: Request, policies: Policies) -> Decision:
    """The whole evaluation.

    An explicit deny of any layer wins. A session policy cuts off whatever it does not allow. Then
    the grants: across accounts both sides; within one account either side, but a key needs its key
    policy. Then each guardrail in force must allow too.
    """
    asked = Asked(request, bounded=bool(policies.boundaries))
    outcomes = {layer: _layer(layer, asked, policies) for layer in Layer}
    found = tuple(outcomes.values())
    denied = [o.layer for o in found if o.effect is Effect.EXPLICIT_DENY]
    if denied:
        return Decision(Effect.EXPLICIT_DENY, found, _causes(denied, "explicit"))
    identity, resource = outcomes[Layer.IDENTITY], outcomes[Layer.RESOURCE]
    through_resource = _suffices(resource, asked)
    limited = not (through_resource and _unlimited(resource, asked))
    session = [Layer.SESSION] if limited else []
    missing = [] if through_resource else _missing(identity, resource, asked)
    guardrails = [Layer.SCP, Layer.RCP, Layer.VPCE, *([Layer.BOUNDARY] if limited else [])]
    for stage in (_closed(session, outcomes), missing, _closed(guardrails, outcomes)):
        if stage:
            return Decision(Effect.IMPLICIT_DENY, found, _causes(stage, "implicit"))
    return Decision(Effect.ALLOW, found)


def _closed(layers: list[Layer], outcomes: dict[Layer, LayerOutcome]) -> list[Layer]:
    return [layer for layer in layers if outcomes[layer].effect is Effect.IMPLICIT_DENY]


def _missing(identity: LayerOutcome, resource: LayerOutcome, asked: Asked) -> list[Layer]:
    """The grants that lack an allow, where the resource-based policy does not suffice alone."""
    lacking = [o.layer for o in (identity, resource) if o.effect is not Effect.ALLOW]
    if asked.account is None or asked.cross_account:
        return lacking
    if identity.effect is not Effect.ALLOW:
        return [Layer.IDENTITY, Layer.RESOURCE]
    return lacking if _is_kms(asked) else []


def _suffices(resource: LayerOutcome, asked: Asked) -> bool:
    """Whether the resource-based policy alone allows: one account, and no mere delegation."""
    if resource.effect is not Effect.ALLOW or asked.cross_account:
        return False
    return asked.account is None or resource.reach is not Reach.ACCOUNT


def _unlimited(resource: LayerOutcome, asked: Asked) -> bool:
    """Whether implicit denies of boundary and session policy do not limit a direct grant."""
    return asked.account is None or resource.reach in (Reach.DIRECT, Reach.ANYONE)


def _causes(layers: Iterable[Layer], how: str) -> tuple[str, ...]:
    return tuple(f"{layer.value}:{how}" for layer in layers)


def evaluate_layer(request: Request, layer: Layer, policies: Policies) -> LayerOutcome:
    """One layer alone, whatever the others say."""
    return _layer(layer, Asked(request, bounded=bool(policies.boundaries)), policies)


def _layer(layer: Layer, asked: Asked, policies: Policies) -> LayerOutcome:
    if layer is Layer.IDENTITY:
        return _identity(asked, policies)
    if layer is Layer.RESOURCE:
        return _resource(asked, policies)
    if layer is Layer.BOUNDARY:
        return _all_of(layer, [(policy,) for policy in policies.boundaries], asked)
    if layer is Layer.SESSION:
        if policies.session is None and asked.kind is Kind.FEDERATED:
            # Without a session policy a federated user has no permissions (GetFederationToken).
            return LayerOutcome(layer, Effect.IMPLICIT_DENY)
        return _all_of(layer, [(policies.session,)] if policies.session else [], asked)
    if layer is Layer.SCP:
        levels = [level.policies for level in policies.scps] if _scp_applies(asked) else []
        return _all_of(layer, levels, asked)
    if layer is Layer.RCP:
        return _rcp(asked, policies)
    # Several endpoint policies are one endpoint's: any of them may allow.
    groups = [policies.vpc_endpoint] if policies.vpc_endpoint else []
    return _all_of(layer, groups, asked)


def _identity(asked: Asked, policies: Policies) -> LayerOutcome:
    if asked.account is None:
        return LayerOutcome(Layer.IDENTITY, Effect.IMPLICIT_DENY, applies=False)
    outcome = _search(Layer.IDENTITY, policies.identity, asked)
    if asked.kind is Kind.ROOT and outcome.effect is Effect.IMPLICIT_DENY:
        # The root user of an account may do everything its account may.
        return LayerOutcome(Layer.IDENTITY, Effect.ALLOW)
    return outcome


def _resource(asked: Asked, policies: Policies) -> LayerOutcome:
    policy = policies.resource
    searched = (policy,) if policy else ()
    outcome = _search(Layer.RESOURCE, searched, asked)
    if outcome.effect is Effect.EXPLICIT_DENY:
        return outcome
    if policies.block_public_access and policy and _blocked(policy, asked):
        return LayerOutcome(Layer.RESOURCE, Effect.EXPLICIT_DENY)
    if outcome.reach > Reach.ACCOUNT:
        return outcome
    for grant in policies.grants:
        if grant.covers(asked):
            ref = StatementRef("KMS grant", grant.grant_id or None, 0)
            return LayerOutcome(Layer.RESOURCE, Effect.ALLOW, (ref,), reach=Reach.ROLE)
    return outcome


def _blocked(policy: Policy, asked: Asked) -> bool:
    """RestrictPublicBuckets: other accounts are shut out of a bucket whose policy is public."""
    return (
        asked.kind is not Kind.SERVICE
        and (asked.account is None or asked.cross_account)
        and is_public(policy)
    )


def _scp_applies(asked: Asked) -> bool:
    """SCPs bind the organisation's principals, not the management account, not service roles."""
    if asked.account is None or asked.service_linked:
        return False
    return (asked.account,) != tuple(asked.context.get("aws:principalorgmasteraccountid", ()))


def _rcp(asked: Asked, policies: Policies) -> LayerOutcome:
    """RCPs bind everyone; `RCPFullAWSAccess` is always attached, so only a Deny decides."""
    exempt = asked.service_linked or asked.action == "kms:retiregrant"
    searched = () if exempt else tuple(p for level in policies.rcps for p in level.policies)
    outcome = _search(Layer.RCP, searched, asked)
    if outcome.effect is Effect.EXPLICIT_DENY:
        return outcome
    return LayerOutcome(Layer.RCP, Effect.ALLOW, applies=bool(searched))


def _all_of(layer: Layer, groups: list[tuple[Policy, ...]], asked: Asked) -> LayerOutcome:
    """Guardrails: every group must allow, a deny of any wins; none in force allows."""
    if not groups:
        return LayerOutcome(layer, Effect.ALLOW, applies=False)
    found = [_search(layer, group, asked) for group in groups]
    for effect in (Effect.EXPLICIT_DENY, Effect.IMPLICIT_DENY):
        for outcome in found:
            if outcome.effect is effect:
                return outcome
    return found[0]


def _search(layer: Layer, policies: tuple[Policy, ...], asked: Asked) -> LayerOutcome:
    """The one function of every layer: satisfied denies, else satisfied allows, else neither."""
    allows: list[StatementRef] = []
    denies: list[StatementRef] = []
    reach = Reach.NONE
    for policy in policies:
        for statement in policy.statements:
            found = applies(statement, asked)
            if found is Reach.NONE:
                continue
            if statement.allows:
                allows.append(_ref(policy, statement))
                reach = max(reach, found)
            else:
                denies.append(_ref(policy, statement))
    if denies:
        return LayerOutcome(layer, Effect.EXPLICIT_DENY, tuple(denies))
    if allows:
        delegates = layer is Layer.RESOURCE and reach is Reach.ACCOUNT
        return LayerOutcome(layer, Effect.ALLOW, tuple(allows), True, delegates, reach)
    return LayerOutcome(layer, Effect.IMPLICIT_DENY, _searched=policies, _asked=asked, applies=True)


def _ref(policy: Policy, statement: Statement) -> StatementRef:
    return StatementRef(policy.name, statement.sid, statement.index)


def _is_kms(asked: Asked) -> bool:
    return asked.action.startswith("kms:")
