"""Partial evaluation: what one policy type says where some condition keys are not known.

A condition key that a record does not carry is not a key that the request did not have. So each
statement is one of three: it applies, whatever the unknown values are (satisfied); it does not,
whatever they are (false); or its residual remains, and depends on them. A policy type is then asked
under two assumptions. The optimistic one takes what remains of an Allow to apply, and of a Deny
not to; the pessimistic one takes the contrary. Where both give the same effect, no value of the
unknown keys can change it, and it is certain.

Cedar's type-aware partial evaluation is the model, in its sorting into satisfied, false and residual:
https://github.com/cedar-policy/cedar-spec/tree/main/cedar-lean/Cedar/TPE

What may be unknown are the values of condition keys and of policy variables. Not covered: what the
principal is (`aws:PrincipalArn`, `aws:userid`, …) and the encryption context that a KMS grant's
constraints compare; these count as the request has them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from threegrants.iam.authorize import PolicyTypeOutcome, authorize_policy_type
from threegrants.iam.conditions import Condition
from threegrants.iam.documents import Policy, Statement
from threegrants.iam.elements import Resources
from threegrants.iam.grants import KmsGrant
from threegrants.iam.policy_types import Effect, Policies, PolicyLevel, PolicyType
from threegrants.iam.principals import PrincipalMatch
from threegrants.iam.request import Request
from threegrants.iam.statement import applies
from threegrants.iam.variables import Template, Variable

ContextValue = str | tuple[str, ...]

HAS_BOUNDARY = "whether the caller has a permissions boundary"
"""What is missing, in words, where a Deny with NotPrincipal depends on a permissions boundary."""


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What is known of the condition keys of one request.

    Args:
        values: the keys that the request surely carried, in any case, with their values.
        known_absent: the keys that it surely did not carry, in lower case; a name that ends in `/` or `:`
            stands for every key below it (`aws:principaltag/`).
    """

    values: Mapping[str, ContextValue]
    known_absent: frozenset[str]
    _known: frozenset[str] = field(init=False, repr=False, compare=False)
    _absent_below: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Fold the case of the keys once."""
        carried = {name.lower() for name in self.values}
        below = tuple(name for name in self.known_absent if name.endswith(("/", ":")))
        object.__setattr__(self, "_known", self.known_absent | carried)
        object.__setattr__(self, "_absent_below", below)

    def knows(self, key: str) -> bool:
        """Whether the value, or the absence, of a condition key is known."""
        wanted = key.lower()
        return wanted in self._known or wanted.startswith(self._absent_below)


@dataclass(frozen=True, slots=True)
class PartialResult:
    """What one policy type certainly says; or the condition keys that are missing to say it.

    Args:
        outcome: under the optimistic assumption, where its effect is certain; else None.
        missing_context_keys: the unknown keys, as written, of the statements that remain; sorted.
        least_match: how closely an Allow names the principal whatever the unknown values are; that of
            `outcome` may be closer.
    """

    outcome: PolicyTypeOutcome | None
    missing_context_keys: tuple[str, ...] = ()
    least_match: PrincipalMatch = PrincipalMatch.NONE

    @property
    def effect(self) -> Effect | None:
        """The effect if it is certain, else None."""
        return self.outcome.effect if self.outcome else None


class Assumption(Enum):
    """Whose statements apply as far as it is not known whether they do."""

    OPTIMISTIC = "Allow statements"
    PESSIMISTIC = "Deny statements"

    def applied_to(self, policy: Policy, context: RequestContext) -> Policy:
        """The policy with every statement as assumed; statements keep their positions."""
        favours_allow = self is Assumption.OPTIMISTIC
        assumed = [
            _as_if_known_to_hold(one, context)
            if one.allows is favours_allow
            else _as_if_known_to_fail(one, context)
            for one in policy.statements
        ]
        return Policy(policy.name, tuple(assumed))


def partial_evaluate(
    policy_type: PolicyType,
    request: Request,
    policies: Sequence[Policy],
    context: RequestContext,
    grants: tuple[KmsGrant, ...] = (),
    *,
    has_boundary: bool | None = False,
) -> PartialResult:
    """What the policies of one type say by themselves, as far as it is certain.

    Args:
        policy_type: what kind of policies these are.
        request: what is asked, with the known values as its context.
        policies: one group: all identity-based policies, one level of SCPs, one bucket policy.
        context: which condition keys are known.
        grants: the grants on a KMS key, beside its key policy.
        has_boundary: whether a permissions boundary is on the principal (None: not known); a
            Deny with NotPrincipal in a resource-based policy denies every principal that has one.
    """
    if has_boundary is None:
        without, bounded = (
            partial_evaluate(policy_type, request, policies, context, grants, has_boundary=one)
            for one in (False, True)
        )
        if without.effect is bounded.effect:
            return without
        return PartialResult(None, (HAS_BOUNDARY,))
    boundaries = (Policy("permissions boundary", ()),) if has_boundary else ()

    def under(assumption: Assumption) -> PolicyTypeOutcome:
        assumed = tuple(assumption.applied_to(policy, context) for policy in policies)
        in_force = _IN_FORCE[policy_type](assumed)
        if policy_type is PolicyType.RESOURCE:
            in_force = in_force._replace(grants=grants, boundaries=boundaries)
        return authorize_policy_type(request, policy_type, in_force)

    optimistic = under(Assumption.OPTIMISTIC)
    if all(not unknown_keys(one, context) for policy in policies for one in policy.statements):
        return PartialResult(optimistic, least_match=optimistic.match)
    pessimistic = under(Assumption.PESSIMISTIC)
    if optimistic.effect is pessimistic.effect:
        return PartialResult(optimistic, least_match=min(optimistic.match, pessimistic.match))
    names_principal = policy_type is PolicyType.RESOURCE
    missing = {
        key
        for policy in policies
        for one in policy.statements
        if _remains(one, request, context, names_principal=names_principal, bounded=has_boundary)
        for key in unknown_keys(one, context)
    }
    return PartialResult(None, tuple(sorted(missing)))


_IN_FORCE: Mapping[PolicyType, Callable[[tuple[Policy, ...]], Policies]] = {
    PolicyType.IDENTITY: lambda group: Policies(identity=group),
    PolicyType.RESOURCE: lambda group: Policies(resource=group[0] if group else None),
    PolicyType.BOUNDARY: lambda group: Policies(boundaries=group),
    PolicyType.SESSION: lambda group: Policies(session=group[0] if group else None),
    PolicyType.SCP: lambda group: Policies(scps=(PolicyLevel("", group),)),
    PolicyType.RCP: lambda group: Policies(rcps=(PolicyLevel("", group),)),
    PolicyType.VPCE: lambda group: Policies(vpc_endpoint=group),
}
"""The policies of one group, alone in force."""


def unknown_keys(statement: Statement, context: RequestContext) -> tuple[str, ...]:
    """The condition keys and policy variables of a statement whose value is not known."""
    found = [key for one in statement.conditions for key in _keys(one) if not context.knows(key)]
    if statement.resources is not None:
        found += _unknown_variables(statement.resources.texts, context)
    return tuple(dict.fromkeys(found))


def _remains(
    statement: Statement,
    request: Request,
    context: RequestContext,
    *,
    names_principal: bool,
    bounded: bool,
) -> bool:
    """Whether it depends on unknown values if the statement applies."""
    held, failed = (
        applies(one, request, names_principal=names_principal, has_boundary=bounded)
        for one in (
            _as_if_known_to_hold(statement, context),
            _as_if_known_to_fail(statement, context),
        )
    )
    return bool(held) and not failed


def _as_if_known_to_hold(statement: Statement, context: RequestContext) -> Statement:
    """The statement where all that is unknown about it holds."""
    resources = statement.resources
    if resources is not None and _unknown_variables(resources.texts, context):
        resources = _everything_unknown(resources, context)
    known = [one for one in statement.conditions if all(map(context.knows, _keys(one)))]
    return statement._replace(resources=resources, conditions=tuple(known))


def _everything_unknown(resources: Resources, context: RequestContext) -> Resources:
    """The element where a text with an unknown variable fits, or under NotResource does not."""
    known = tuple(one for one in resources.texts if not _unknown_variables((one,), context))
    if resources.inverted:
        return replace(resources, texts=known)
    return replace(resources, texts=(*known, Template("*")), everything=True)


def _as_if_known_to_fail(statement: Statement, context: RequestContext) -> Statement:
    """The statement where something that is unknown about it fails; it never applies then."""
    if not unknown_keys(statement, context):
        return statement
    return statement._replace(actions=None)


def _keys(condition: Condition) -> tuple[str, ...]:
    """The condition key, and the policy variables in the values it is compared with."""
    variables = [part for text in condition.policy_values for part in text.parts or ()]
    named = [part.key_as_written for part in variables if isinstance(part, Variable)]
    return (condition.key_as_written, *named)


def _unknown_variables(texts: Sequence[Template], context: RequestContext) -> list[str]:
    parts = [part for text in texts for part in text.parts or () if isinstance(part, Variable)]
    return [part.key_as_written for part in parts if not context.knows(part.key)]
