"""What each policy type says to one request of the call, by itself.

Across accounts the resource's policy and the caller's policies are asked separately, so that two
missing grants are two findings, not one.
"""

from collections.abc import Callable
from dataclasses import dataclass

from threegrants.cloudtrail import CallerType
from threegrants.diagnosis.at_denial import as_evaluated
from threegrants.diagnosis.facts import (
    NO_IDENTITY_POLICIES,
    AuthorizationRequest,
    Facts,
    PolicyGroup,
)
from threegrants.diagnosis.reasons import kept_conditions, reasons
from threegrants.diagnosis.unnamed_keys import possible_requests
from threegrants.diagnosis.verdicts import KeptCondition, Reason
from threegrants.evidence import Item, KeyEvidence, Unread
from threegrants.iam import (
    Effect,
    KmsGrant,
    PolicyType,
    PrincipalMatch,
    Request,
    partial_evaluate,
)


@dataclass(frozen=True, slots=True)
class PolicyAnswer:
    """One policy type's answer for one action: allow, explicit deny, implicit deny, or not known.

    `delegates`: the allow only hands the decision to the account's own IAM policies.
    """

    effect: Effect | None
    reasons: tuple[Reason, ...]
    delegates: bool = False
    kept_conditions: tuple[KeptCondition, ...] = ()
    """of an implicit deny: what a patch has to keep"""
    match: PrincipalMatch = PrincipalMatch.NONE
    """how closely the Allow names the caller, at most"""
    least_match: PrincipalMatch = PrincipalMatch.NONE
    """the same, at least: less where it hangs on an unknown condition key which Allow applies"""

    @property
    def allows(self) -> bool:
        """True for a certain allow."""
        return self.effect is Effect.ALLOW

    @property
    def denies(self) -> bool:
        """True for a certain explicit deny."""
        return self.effect is Effect.EXPLICIT_DENY


def identity_answer(facts: Facts, asked: AuthorizationRequest) -> PolicyAnswer:
    """What the caller's identity-based policies say."""
    caller = facts.evidence.caller
    if caller.type is CallerType.ROOT:
        detail = "the account root user needs no identity-based policy"
        return PolicyAnswer(Effect.ALLOW, (Reason("root_user", None, None, detail),))
    group = as_evaluated(facts, asked, PolicyType.IDENTITY, facts.identity_policies)
    answer = policy_answer(PolicyType.IDENTITY, asked, group)
    if caller.type is CallerType.FEDERATED_USER and answer.allows:
        detail = (
            "the user's policies allow it, but a federated user has only what its session policy "
            "allows too, and CloudTrail does not show that"
        )
        return PolicyAnswer(
            None, (Reason("session_policy_unknown", None, None, detail), *answer.reasons)
        )
    return answer


def bucket_policy_answer(facts: Facts, asked: AuthorizationRequest) -> PolicyAnswer:
    """What the bucket policy says."""
    return _resource_answer(facts, asked, facts.bucket_policy, "bucket policy")


def key_policy_answer(facts: Facts, asked: AuthorizationRequest, key: KeyEvidence) -> PolicyAnswer:
    """What the key policy says, together with the grants on the key.

    Args:
        facts: of the call.
        asked: the KMS request, with what is known of its context.
        key: what was read of the key; only its grants are used, its policy is among the facts.
    """
    grants = key.grants
    answer = _resource_answer(
        facts, asked, facts.key_policy, "key policy", grants.value_or_none or ()
    )
    if isinstance(grants, Unread) and answer.effect is Effect.IMPLICIT_DENY:
        # A KMS grant we may not list could allow what the key policy does not.
        return PolicyAnswer(None, (_unread(grants, "grants of the key"),))
    return answer


def certain_answer(
    facts: Facts,
    asked: AuthorizationRequest,
    answer: Callable[[AuthorizationRequest], PolicyAnswer],
) -> PolicyAnswer:
    """An answer about the use of the key, asked for both encryption contexts if need be.

    Where it is not known whether S3 sends the object's ARN or the bucket's, what is true for both
    is certain.

    Args:
        facts: of the call.
        asked: the request, with what is known of its context.
        answer: what a policy says to a request.
    """
    found = answer(asked)
    if found.effect is not None:
        return found
    each = [answer(one) for one in facts.kms_requests(asked.request.action)]
    effects = {(one.effect, one.delegates) for one in each}
    return each[0] if len(effects) == 1 else found


def _resource_answer(
    facts: Facts,
    asked: AuthorizationRequest,
    group: Item[PolicyGroup],
    name: str,
    grants: tuple[KmsGrant, ...] = (),
) -> PolicyAnswer:
    group = as_evaluated(facts, asked, PolicyType.RESOURCE, group)
    answer = policy_answer(
        PolicyType.RESOURCE, asked, group, grants, has_boundary=facts.has_boundary
    )
    if answer.effect is Effect.IMPLICIT_DENY and group.value_or_none == ():
        return PolicyAnswer(
            answer.effect, (Reason("no_policy", None, None, f"there is no {name}"),)
        )
    return answer


def boundary_answer(facts: Facts, asked: AuthorizationRequest) -> PolicyAnswer | None:
    """What the permissions boundary says; None if there is none."""
    if facts.evidence.caller.type in (*NO_IDENTITY_POLICIES, CallerType.ROOT):
        return None
    group = as_evaluated(facts, asked, PolicyType.BOUNDARY, facts.boundary)
    if group.value_or_none == ():
        return None
    return policy_answer(PolicyType.BOUNDARY, asked, group)


def access_point_answer(facts: Facts, asked: AuthorizationRequest) -> PolicyAnswer:
    """What the policy of the access point says; the resource is the access point's object."""
    return policy_answer(
        PolicyType.RESOURCE, asked, facts.access_point_policy, has_boundary=facts.has_boundary
    )


def policy_answer(
    policy_type: PolicyType,
    asked: AuthorizationRequest,
    group: Item[PolicyGroup],
    grants: tuple[KmsGrant, ...] = (),
    *,
    has_boundary: bool | None = False,
) -> PolicyAnswer:
    """What one group of policies says to one request.

    Args:
        policy_type: what kind of policies these are.
        asked: the request, with what is known of its context.
        group: the policies that count together, parsed.
        grants: the grants on a KMS key, beside its key policy.
        has_boundary: whether a permissions boundary is on the caller; None if not known.
    """
    if isinstance(group, Unread):
        return PolicyAnswer(None, (_unread(group, f"{policy_type.value} policies"),))
    error = next((one.error for one in group.value if one.error), "")
    if error:
        return PolicyAnswer(None, (Reason("policy_not_readable", None, None, error),))
    policies = [one.policy for one in group.value if one.policy is not None]

    def ask(request: Request) -> PolicyAnswer:
        result = partial_evaluate(
            policy_type, request, policies, asked.context, grants, has_boundary=has_boundary
        )
        return PolicyAnswer(
            result.effect,
            reasons(result, request, group.value),
            bool(result.outcome and result.outcome.delegates),
            kept_conditions(result, group.value),
            result.outcome.match if result.outcome else PrincipalMatch.NONE,
            result.least_match,
        )

    if not asked.names_no_key:
        return ask(asked.request)
    each = [ask(request) for request in possible_requests(asked.request, policies)]
    if len({(one.effect, one.delegates) for one in each}) == 1:
        return each[0]
    detail = (
        f"whether {asked.request.action} is allowed depends on the objects' keys, which the record "
        "does not carry"
    )
    return PolicyAnswer(None, (Reason("keys_not_recorded", None, None, detail),))


def _unread(item: Unread, what: str) -> Reason:
    return Reason(item.code, None, None, f"{what}: {item.why}; needs {item.needs}")
