"""The policies in force for a request, by layer, and what is left of them for one kind of request.

See docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html;
docs.aws.amazon.com/organizations/latest/userguide/ orgs_manage_policies_scps_evaluation.html,
orgs_manage_policies_scps.html ("Tasks and entities not restricted by SCPs") and
orgs_manage_policies_rcps.html ("Resources and entities not restricted by RCPs").

Requests of one kind have principal, action, owner account and the set of condition keys in common.
What those decide is decided once, in a `Plan`; for each request only tests of its resource and of
its context's values remain.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from threegrants.iam.documents import Policy
from threegrants.iam.grants import KmsGrant
from threegrants.iam.principals import Reach
from threegrants.iam.public import is_public
from threegrants.iam.request import Asked, Kind, Request
from threegrants.iam.statement import Bound, Tests, bind
from threegrants.iam.variables import Context


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


_PLANS = 1_024
"""How many kinds of requests a set of policies keeps a plan for."""

_Kind = tuple[str, str, str, bool, tuple[str, ...]]


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
    _plans: "dict[_Kind, Plan]" = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def plan(self, request: Request) -> "Plan":
        """What is left of these policies for requests of this kind."""
        context = request.context
        kind = (
            request.principal,
            request.action,
            request.resource_account,
            request.wildcard_only,
            tuple(context),
        )
        found = self._plans.get(kind)
        if found is not None:
            for name, value in found.pins:
                if context[name] != value:
                    break
            else:
                return found
        if len(self._plans) >= _PLANS:
            self._plans.clear()
        asked = Asked(request, bounded=bool(self.boundaries))
        found = self._plans[kind] = Plan(asked, self)
        return found


Group = tuple[Policy, ...]
Openings = list[Tests]
"""Tests of the Allow statements of a group: it is open if all tests of one of them hold."""

Guard = tuple[str, Openings]
"""A group that may be closed, under the cause it is then named as, `scp:implicit`."""


def is_open(openings: Openings, arn: str, context: Context) -> bool:
    """Whether one Allow statement of a group applies."""
    for tests in openings:
        for test in tests:
            if not test(arn, context):
                break
        else:
            return True
    return False


def closed_ones(guards: list[Guard], arn: str, context: Context) -> tuple[str, ...]:
    """The causes of the groups that are closed, each once."""
    closed = [cause for cause, openings in guards if not is_open(openings, arn, context)]
    return tuple(dict.fromkeys(closed)) if closed else ()


class Plan:
    """The policies in force, bound to one kind of request."""

    __slots__ = ("alone", "apart", "both", "denies", "free", "guardrails", "identity",
                 "limited", "pins", "reaches", "session")  # fmt: skip

    def __init__(self, asked: Asked, policies: Policies) -> None:
        self.denies: list[tuple[str, Tests]] = []
        """every Deny that could apply, under its cause, `scp:explicit`"""
        self.pins = _pins(asked, policies)
        self.alone, self.free = _thresholds(asked)
        self.apart = asked.account is None or asked.cross_account
        self.both = self.apart or asked.action.startswith("kms:")
        self.identity: Openings = []
        if asked.account is not None:
            self.identity = self._openings(Layer.IDENTITY, policies.identity, asked)
            if asked.kind is Kind.ROOT:
                self.identity = [()]
        self.reaches = self._resource(asked, policies)
        limits = self._guards(Layer.BOUNDARY, asked, policies) if policies.boundaries else []
        self.session: list[Guard] = []
        if policies.session is not None:
            self.session = self._guards(Layer.SESSION, asked, policies)
        elif asked.kind is Kind.FEDERATED:
            self.session = [("session:implicit", [])]
        self.guardrails = self._guards(Layer.SCP, asked, policies) if policies.scps else []
        if policies.rcps:
            self._guards(Layer.RCP, asked, policies)  # RCPFullAWSAccess allows: only denies matter
        if policies.vpc_endpoint:
            self.guardrails += self._guards(Layer.VPCE, asked, policies)
        self.limited = self.guardrails + limits
        """the guardrails, and what limits a principal that is not granted directly"""

    def _guards(self, layer: Layer, asked: Asked, policies: Policies) -> list[Guard]:
        """Each group of a layer that is not always open."""
        found = []
        for group in groups(layer, asked, policies):
            openings = self._openings(layer, group, asked)
            if () not in openings:
                found.append((_IMPLICIT[layer], openings))
        return found

    def _openings(self, layer: Layer, group: Group, asked: Asked) -> Openings:
        openings = []
        for _, statement, _, tests in bound(layer, group, asked):
            if statement.allows:
                openings.append(tests)
            else:
                self.denies.append((_EXPLICIT[layer], tests))
        return openings

    def _resource(self, asked: Asked, policies: Policies) -> list[tuple[Reach, Tests]]:
        """Allows of the resource-based policy and of grants, those that reach furthest first."""
        found: list[tuple[Reach, Tests]] = []
        if policies.resource is not None:
            if policies.block_public_access and shut_out(asked, policies):
                self.denies.append((_EXPLICIT[Layer.RESOURCE], ()))
            for _, statement, reach, tests in bound(Layer.RESOURCE, (policies.resource,), asked):
                if statement.allows:
                    found.append((reach, tests))
                else:
                    self.denies.append((_EXPLICIT[Layer.RESOURCE], tests))
        for grant in policies.grants:
            granted = grant.bind(asked)
            if granted is not None:
                found.append(granted)
        if len(found) > 1:
            found.sort(key=_furthest)
        return found

    def reach(self, arn: str, context: Context) -> Reach:
        """How far the resource-based policy's allow reaches; `Reach.NONE` if it has none."""
        for reach, tests in self.reaches:
            for test in tests:
                if not test(arn, context):
                    break
            else:
                return reach
        return Reach.NONE


def _furthest(one: tuple[Reach, Tests]) -> int:
    return -one[0]


_IMPLICIT = {layer: f"{layer.value}:implicit" for layer in Layer}
_EXPLICIT = {layer: f"{layer.value}:explicit" for layer in Layer}


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


def _pins(asked: Asked, policies: Policies) -> tuple[tuple[str, str | tuple[str, ...]], ...]:
    """The few context values a plan was made with, so that it holds for no others."""
    names, context = asked.names, asked.request.context
    keys = ["aws:principalarn"] if asked.kind is Kind.SESSION else []
    if policies.scps or policies.rcps:
        keys.append("aws:principalorgmasteraccountid")
    if policies.resource is not None and ("aws:userid" in names or "aws:federatedprovider" in names):
        for statement in policies.resource.statements:
            principals = statement.principals
            if principals is not None and (principals.ids or principals.federated):
                keys += ["aws:userid", "aws:federatedprovider"]
                break
    return tuple([(names[key], context[names[key]]) for key in keys if key in names])


def groups(layer: Layer, asked: Asked, policies: Policies) -> tuple[Group, ...]:
    """The policies of a layer that are in force; of each group one statement has to allow."""
    if layer is Layer.IDENTITY:
        return (policies.identity,) if asked.account is not None else ()
    if layer is Layer.RESOURCE:
        return ((policies.resource,),) if policies.resource is not None else ()
    if layer is Layer.BOUNDARY:
        return tuple((policy,) for policy in policies.boundaries)
    if layer is Layer.SESSION:
        return ((policies.session,),) if policies.session is not None else ()
    if layer is Layer.SCP:
        return tuple(level.policies for level in policies.scps) if _under_scps(asked) else ()
    if layer is Layer.RCP:
        return tuple(level.policies for level in policies.rcps) if _under_rcps(asked) else ()
    # Several endpoint policies are one endpoint's: any of them may allow.
    return (policies.vpc_endpoint,) if policies.vpc_endpoint else ()


def bound(layer: Layer, group: Group, asked: Asked) -> list[Bound]:
    """The statements of a group that could apply to requests like this one."""
    if len(group) == 1:
        rows = bind(group[0], asked)
    else:
        rows = [row for policy in group for row in bind(policy, asked)]
    if layer is not Layer.RESOURCE:
        return rows
    # A resource-based statement without a principal means nobody.
    rows = [row for row in rows if row[1].principals is not None]
    return [row for row in rows if row[1].allows] if _keeps_its_policy(asked) else rows


def shut_out(asked: Asked, policies: Policies) -> bool:
    """RestrictPublicBuckets: other accounts are shut out of a bucket whose policy is public.

    docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    """
    return (
        policies.block_public_access
        and policies.resource is not None
        and asked.kind is not Kind.SERVICE
        and (asked.account is None or asked.cross_account)
        and is_public(policies.resource)
    )


_OWN_POLICY = frozenset({"s3:getbucketpolicy", "s3:putbucketpolicy", "s3:deletebucketpolicy"})


def _keeps_its_policy(asked: Asked) -> bool:
    """Whether a bucket policy cannot deny: the owner's root user is never locked out of it.

    docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
    """
    own = asked.kind is Kind.ROOT and not asked.cross_account
    return own and asked.action in _OWN_POLICY


def _under_scps(asked: Asked) -> bool:
    """SCPs bind the organisation's principals, not the management account, not service roles."""
    if asked.account is None or asked.service_linked:
        return False
    return not asked.managed_by(asked.account)


def _under_rcps(asked: Asked) -> bool:
    """RCPs bind everyone but service-linked roles; not the management account's resources."""
    if asked.service_linked or asked.action == "kms:retiregrant":
        return False
    if any(alias.startswith("alias/aws/") for alias in asked.values("kms:resourcealiases")):
        return False  # an AWS managed key
    return not asked.managed_by(asked.request.resource_account)
