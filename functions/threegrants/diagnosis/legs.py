"""The three grants: from what each policy type says to a verdict for each grant.

A call has an S3 leg and, for an object encrypted with a KMS key, a KMS leg. In the same account,
one of identity-based policy and bucket policy suffices; a key policy must grant, or delegate to the
account's IAM. Across accounts both accounts must allow, for the bucket and for the key:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from threegrants.aws.arn import account_in
from threegrants.cloudtrail import Access, DeniedCall
from threegrants.cloudtrail.passed_roles import PASS_ROLE
from threegrants.diagnosis.access_grants import ASKED, access_grants_verdict
from threegrants.diagnosis.facts import NO_IDENTITY_POLICIES, AuthorizationRequest, Facts
from threegrants.diagnosis.policy_answers import (
    PolicyAnswer,
    bucket_policy_answer,
    certain_answer,
    identity_answer,
    key_policy_answer,
)
from threegrants.diagnosis.verdicts import Grant, KeptCondition, Reason, Verdict, worst
from threegrants.evidence import UNREAD, KeyEvidence, Unread
from threegrants.iam import Effect

_VERDICT_OF = {
    Effect.ALLOW: Verdict.GRANTED,
    Effect.EXPLICIT_DENY: Verdict.DENIED,
    Effect.IMPLICIT_DENY: Verdict.MISSING,
    None: Verdict.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class LegVerdicts:
    """The verdicts on one leg of the call: on the resource's policy and on the caller's policies."""

    resource: Grant
    identity: Grant


def not_needed(code: str, detail: str) -> Grant:
    """A grant the call does not need, and why."""
    return Grant(Verdict.NOT_NEEDED, (Reason(code, None, None, detail),))


def unknown(detail: str, code: str = UNREAD) -> Grant:
    """A grant on which nothing can be said, and why."""
    return Grant(Verdict.UNKNOWN, (Reason(code, None, None, detail),))


def s3_leg(facts: Facts, actions: Iterable[str] | None = None) -> LegVerdicts:
    """Bucket policy, and the bucket's part of the IAM grant.

    Args:
        facts: of the call.
        actions: the S3 actions to ask about; by default those that the call needs.
    """
    call = facts.call
    if call.service == "kms":
        why = "the record is of a KMS call; it does not say which S3 request it served"
        if call.via_service:
            return LegVerdicts(unknown(why, "no_s3_record"), unknown(why, "no_s3_record"))
        how = (
            f"the key was used through {call.calling_service}"
            if call.calling_service
            else ("the caller called KMS itself")
        )
        direct = not_needed("direct_kms_call", f"{how}, no bucket takes part")
        return LegVerdicts(direct, direct)
    wanted = call.s3_actions if actions is None else tuple(actions)
    if wanted and not call.on_bucket:
        return _of_all_actions((one, _asked_of_no_bucket(facts, one)) for one in wanted)
    if not wanted or facts.evidence.bucket is None:
        why = f"the IAM actions of {call.operation or 'this operation'} are not known"
        return LegVerdicts(unknown(why, "operation_unmapped"), unknown(why, "operation_unmapped"))
    return _of_all_actions((one, _s3_action(facts, one)) for one in wanted)


def _asked_of_no_bucket(facts: Facts, action: str) -> LegVerdicts:
    """What is asked of an account, an access point or a job: the caller's own policies decide."""
    if action == PASS_ROLE:
        return _passes_role(facts)
    asked = facts.s3_request(action)
    if asked is None:
        why = f"the record does not say which resource {action} was asked of"
        grant = unknown(why, "resource_unknown")
        return LegVerdicts(grant, grant)
    if facts.evidence.caller.type in NO_IDENTITY_POLICIES:
        why = f"who lets {facts.principal} do {action} is not known: it has no policies of its own"
        return LegVerdicts(
            unknown(why, "resource_unknown"), not_needed("no_identity_policies", why)
        )
    identity = _grant(_identity(facts, asked))
    if action in ASKED:
        return LegVerdicts(access_grants_verdict(facts, asked), identity)
    detail = f"no bucket policy is asked about {action}"
    return LegVerdicts(not_needed("no_bucket", detail), identity)


def _passes_role(facts: Facts) -> LegVerdicts:
    """To pass a role is asked of the caller's own policies alone, and of the caller's account."""
    detail = f"no bucket policy is asked about {PASS_ROLE}"
    none = not_needed("no_bucket", detail)
    asked = facts.s3_request(PASS_ROLE)
    if asked is None or facts.evidence.caller.type in NO_IDENTITY_POLICIES:
        why = f"whether {facts.call.passed_role} may be passed is not known"
        return LegVerdicts(none, unknown(why, "resource_unknown"))
    return LegVerdicts(none, _grant(identity_answer(facts, asked)))


def _s3_action(facts: Facts, action: str) -> LegVerdicts:
    if action == PASS_ROLE:
        return _passes_role(facts)
    asked, bucket, caller = facts.s3_request(action), facts.evidence.bucket, facts.evidence.caller
    if asked is None or bucket is None:
        grant = unknown(*_why_no_request(facts))
        return LegVerdicts(grant, grant)
    if isinstance(bucket.account, Unread):
        return _owner_unknown(_identity(facts, asked), bucket.account)
    resource = _through_access_point(facts.call, bucket_policy_answer(facts, asked))
    if caller.type in NO_IDENTITY_POLICIES:
        none = not_needed("no_identity_policies", "the caller has no identity-based policies")
        return LegVerdicts(_grant(resource), none)
    identity = _identity(facts, asked)
    if caller.account != facts.bucket_owner:
        return _cross_account(resource, identity)
    return _bucket_same_account(resource, identity)


def _identity(facts: Facts, asked: AuthorizationRequest) -> PolicyAnswer:
    """The caller's policies for an S3 action; through an access point, for both of its ARNs.

    Whether S3 asks them about the access point or about the bucket is not documented for every
    case: only where both answers are the same is the answer certain.
    """
    direct = identity_answer(facts, asked)
    point = facts.access_point_request(asked.request.action)
    if point is None:
        return direct
    through = identity_answer(facts, point)
    if direct.effect is through.effect:
        return direct
    denied = next((answer for answer in (direct, through) if answer.denies), None)
    if denied is not None:
        return denied
    detail = (
        f"the identity-based policies allow {asked.request.action} on one of the bucket's ARN "
        f"and the access point's ({facts.call.access_point_arn}), not on both"
    )
    return PolicyAnswer(None, (Reason("access_point_half", None, None, detail),))


def _through_access_point(call: DeniedCall, resource: PolicyAnswer) -> PolicyAnswer:
    """Through an access point the bucket must permit too, most often by delegating to it."""
    if call.access_point_arn is None or resource.effect is not Effect.IMPLICIT_DENY:
        return resource
    account = account_in(call.access_point_arn)
    detail = (
        "the request came through an access point, and the bucket policy neither allows it nor "
        f"delegates to the access points of account {account} (s3:DataAccessPointAccount)"
    )
    reason = Reason("access_point_not_delegated", "bucket policy", None, detail)
    return replace(resource, reasons=(reason, *resource.reasons))


def _owner_unknown(identity: PolicyAnswer, owner: Unread) -> LegVerdicts:
    """Without the owner, only what the caller's own policies surely say can be said.

    Whether a missing allow matters depends on whether the bucket is in the same account.
    """
    why = f"{owner.why}; needs {owner.needs}"
    if identity.allows or identity.denies:
        return LegVerdicts(unknown(why, owner.code), _grant(identity))
    return LegVerdicts(unknown(why, owner.code), unknown(why, owner.code))


def kms_leg(facts: Facts) -> LegVerdicts:
    """Key policy with the grants on the key, and the key's part of the IAM grant."""
    call, key = facts.call, facts.evidence.key
    if not call.kms_actions:
        if call.action is None and call.service == "s3":
            grant = unknown(f"the KMS leg of {call.operation} is not known", "operation_unmapped")
            return LegVerdicts(grant, grant)
        kind = (
            "request of another kind" if call.access is Access.OTHER else f"{call.access} request"
        )
        grant = not_needed("no_kms_leg", f"a {kind} uses no KMS key")
        return LegVerdicts(grant, grant)
    if isinstance(key, Unread):
        grant = unknown(f"the key is not known: {key.why}; needs {key.needs}", key.code)
        return LegVerdicts(grant, grant)
    if key.value is None:
        grant = not_needed("no_kms_key", "the object is not encrypted with a KMS key")
        return LegVerdicts(grant, grant)
    known = key.value
    found = _of_all_actions((one, _kms_action(facts, known, one)) for one in call.kms_actions)
    if call.kms_uncertainty:
        return LegVerdicts(
            _doubted(found.resource, call.kms_uncertainty),
            _doubted(found.identity, call.kms_uncertainty),
        )
    return found


def _doubted(grant: Grant, doubt: str) -> Grant:
    """A grant that may not be needed: its absence proves nothing."""
    if grant.verdict not in (Verdict.MISSING, Verdict.DENIED):
        return grant
    return Grant(Verdict.UNKNOWN, (Reason("kms_not_sure", None, None, doubt), *grant.reasons))


def _kms_action(facts: Facts, key: KeyEvidence, action: str) -> LegVerdicts:
    asked, caller = facts.kms_request(action), facts.evidence.caller
    if asked is None:
        grant = unknown(*_why_no_request(facts))
        return LegVerdicts(grant, grant)
    across = caller.account != key.account
    if across and key.manager.value_or_none == "AWS":
        detail = (
            "the key is an AWS managed key: its policy cannot be changed, so it can never serve "
            "another account; re-encrypt with a customer managed key"
        )
        managed = Grant(Verdict.DENIED, (Reason("aws_managed_key", "key policy", None, detail),))
        own = certain_answer(facts, asked, lambda one: identity_answer(facts, one))
        return LegVerdicts(managed, _grant(own))
    resource = certain_answer(facts, asked, lambda one: key_policy_answer(facts, one, key))
    if caller.type in NO_IDENTITY_POLICIES:
        none = not_needed("no_identity_policies", "the caller has no identity-based policies")
        return LegVerdicts(_grant(resource), none)
    identity = certain_answer(facts, asked, lambda one: identity_answer(facts, one))
    return _cross_account(resource, identity) if across else _key_same_account(resource, identity)


def _grant(answer: PolicyAnswer) -> Grant:
    return Grant(_VERDICT_OF[answer.effect], answer.reasons, answer.kept_conditions)


def _cross_account(resource: PolicyAnswer, identity: PolicyAnswer) -> LegVerdicts:
    """Two accounts: the policy of the resource and those of the caller must both allow."""
    return LegVerdicts(_grant(resource), _grant(identity))


def _bucket_same_account(resource: PolicyAnswer, identity: PolicyAnswer) -> LegVerdicts:
    """One account: a direct allow of either policy suffices, a deny of either wins."""
    direct = resource.allows and not resource.delegates
    if direct and identity.effect is not Effect.ALLOW and not identity.denies:
        detail = "the bucket policy already allows this principal of the same account"
        return LegVerdicts(_grant(resource), not_needed("same_account", detail))
    if identity.allows and not resource.allows and not resource.denies:
        if resource.effect is None:
            # Only a deny could still hide in what was not read.
            return LegVerdicts(_grant(resource), _grant(identity))
        detail = "same account: the identity-based policy suffices"
        return LegVerdicts(not_needed("same_account", detail), _grant(identity))
    if resource.effect is None and not identity.denies:
        detail = "the bucket policy, which could allow the call by itself, was not read"
        return LegVerdicts(_grant(resource), unknown(detail))
    if resource.effect is Effect.IMPLICIT_DENY or resource.delegates:
        detail = "same account: the identity-based policy suffices"
        own = _with_unmet_conditions(_grant(identity), resource)
        return LegVerdicts(not_needed("same_account", detail), own)
    return LegVerdicts(_grant(resource), _grant(identity))


def _key_same_account(resource: PolicyAnswer, identity: PolicyAnswer) -> LegVerdicts:
    """One account, a key: the key policy grants, or delegates to IAM, which then must allow."""
    if resource.allows and resource.delegates:
        return LegVerdicts(_grant(resource), _grant(identity))
    if identity.denies or identity.allows:
        return LegVerdicts(_grant(resource), _grant(identity))
    if resource.effect is None:
        return LegVerdicts(_grant(resource), unknown("whether IAM decides is up to the key policy"))
    detail = "same account: a statement in the key policy that names the principal suffices"
    of_key = _with_unmet_conditions(_grant(resource), identity)
    return LegVerdicts(of_key, not_needed("same_account", detail))


def _with_unmet_conditions(grant: Grant, other: PolicyAnswer) -> Grant:
    """A missing grant, with the conditions by which the other policy would have allowed the call.

    In one account either would do: a patch of this one would go around the conditions of that one.
    """
    unmet = tuple(reason for reason in other.reasons if reason.advice)
    if grant.verdict is not Verdict.MISSING or other.effect is not Effect.IMPLICIT_DENY:
        return grant
    kept = _unique((*grant.kept_conditions, *other.kept_conditions))
    return Grant(grant.verdict, (*grant.reasons, *unmet), kept)


def _of_all_actions(verdicts: Iterable[tuple[str, LegVerdicts]]) -> LegVerdicts:
    each = list(verdicts)
    return LegVerdicts(
        _merge([(action, verdicts.resource) for action, verdicts in each]),
        _merge([(action, verdicts.identity) for action, verdicts in each]),
    )


def _merge(grants: list[tuple[str, Grant]]) -> Grant:
    """The gravest verdict, its reasons, and the actions that it is about if it is not all of them."""
    verdict = worst(*(grant.verdict for _, grant in grants))
    worst_ones = [(action, grant) for action, grant in grants if grant.verdict is verdict]
    reasons = [reason for _, grant in worst_ones for reason in grant.reasons]
    kept = [one for _, grant in worst_ones for one in grant.kept_conditions]
    actions = [action for action, _ in worst_ones] if len(worst_ones) < len(grants) else []
    return Grant(verdict, tuple(dict.fromkeys(reasons)), _unique(kept), tuple(actions))


def _unique(kept: Iterable[KeptCondition]) -> tuple[KeptCondition, ...]:
    return tuple(dict.fromkeys(kept))


def _why_no_request(facts: Facts) -> tuple[str, str]:
    """Why there is no request to evaluate, for people, and its code."""
    arn, bucket = facts.evidence.caller.arn, facts.evidence.bucket
    if isinstance(arn, Unread):
        return f"the caller is not known: {arn.why}; needs {arn.needs}", arn.code
    if bucket is not None and isinstance(bucket.account, Unread):
        return f"{bucket.account.why}; needs {bucket.account.needs}", bucket.account.code
    return "the record does not name the caller", UNREAD
