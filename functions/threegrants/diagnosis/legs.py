"""The three grants: from what each side says to a verdict for each grant.

Same account: one of identity-based policy and bucket policy suffices; a key policy must grant or
delegate to the account's IAM. Across accounts: both sides must allow, for the bucket and the key.
Source: IAM user guide, "Policy evaluation logic" and "Cross-account policy evaluation logic"; KMS
developer guide, "Allowing users in other accounts to use a KMS key".
"""

from collections.abc import Iterable
from dataclasses import dataclass

from threegrants.aws.arn import account_in
from threegrants.cloudtrail import DeniedCall
from threegrants.diagnosis.policy_answers import (
    NO_IDENTITY_POLICIES,
    AuthorizationRequest,
    PolicyAnswer,
    access_point_request,
    identity_answer,
    kms_request,
    resource_answer,
    s3_request,
)
from threegrants.diagnosis.verdicts import Grant, Reason, Verdict, worst
from threegrants.evidence import Evidence, KeyEvidence, Read, Unread
from threegrants.iam import Effect

_VERDICT_OF = {
    Effect.ALLOW: Verdict.GRANTED,
    Effect.EXPLICIT_DENY: Verdict.DENIED,
    Effect.IMPLICIT_DENY: Verdict.MISSING,
    None: Verdict.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class LegVerdicts:
    """The verdicts on one half of the call: the owner's policy and the caller's policies."""

    resource: Grant
    identity: Grant


def not_needed(code: str, detail: str) -> Grant:
    """A grant the call does not need, and why."""
    return Grant(Verdict.NOT_NEEDED, (Reason(code, None, None, detail),))


def unknown(detail: str, code: str = "unread") -> Grant:
    """A grant on which nothing can be said, and why."""
    return Grant(Verdict.UNKNOWN, (Reason(code, None, None, detail),))


def s3_leg(call: DeniedCall, evidence: Evidence) -> LegVerdicts:
    """Bucket policy and the IAM grant's bucket half."""
    if call.service == "kms":
        why = "the record is of a KMS call; it does not say which S3 request it served"
        if call.via_service:
            return LegVerdicts(unknown(why, "no_s3_record"), unknown(why, "no_s3_record"))
        direct = not_needed("direct_kms_call", "the caller called KMS itself, no bucket takes part")
        return LegVerdicts(direct, direct)
    bucket = evidence.bucket
    if not call.s3_actions or bucket is None:
        why = f"the IAM actions of {call.operation or 'this operation'} are not known"
        return LegVerdicts(unknown(why, "operation_unmapped"), unknown(why, "operation_unmapped"))
    verdicts = []
    for action in call.s3_actions:
        authorization = s3_request(call, evidence, action)
        if authorization is None:
            grant = unknown(_why_no_request(evidence))
            verdicts.append(LegVerdicts(grant, grant))
            continue
        if isinstance(bucket.account, Unread):
            identity = _identity(call, evidence, authorization)
            verdicts.append(_owner_unknown(identity, bucket.account))
            continue
        resource = _through_access_point(
            call, resource_answer(authorization, bucket.policy, "bucket policy", evidence.caller)
        )
        owner = authorization.request.resource_account
        if evidence.caller.type in NO_IDENTITY_POLICIES:
            none = not_needed("no_identity_policies", "the caller has no identity-based policies")
            verdicts.append(LegVerdicts(_grant(resource), none))
            continue
        identity = _identity(call, evidence, authorization)
        across = evidence.caller.account != owner
        verdicts.append(
            _cross_account(resource, identity)
            if across
            else _bucket_same_account(resource, identity)
        )
    return _of_all_actions(verdicts)


def _identity(
    call: DeniedCall, evidence: Evidence, authorization: AuthorizationRequest
) -> PolicyAnswer:
    """The caller's policies for an S3 action; through an access point, for both of its ARNs.

    Whether S3 asks them about the access point or about the bucket is not documented for every
    case: only where both answers are the same is the answer certain.
    """
    direct = identity_answer(authorization, evidence)
    point = access_point_request(call, evidence, authorization.request.action)
    if point is None:
        return direct
    through = identity_answer(point, evidence)
    if direct.effect is through.effect:
        return direct
    denied = next((answer for answer in (direct, through) if answer.denies), None)
    if denied is not None:
        return denied
    detail = (
        f"the identity-based policies allow {authorization.request.action} on one of the bucket's ARN "
        f"and the access point's ({call.access_point_arn}), not on both"
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
    return PolicyAnswer(resource.effect, (reason, *resource.reasons))


def _owner_unknown(identity: PolicyAnswer, owner: Unread) -> LegVerdicts:
    """Without the owner, only what the caller's own policies surely say can be said.

    Whether a missing allow matters depends on whether the bucket is in the same account.
    """
    why = f"{owner.why}; needs {owner.needs}"
    if identity.allows or identity.denies:
        return LegVerdicts(unknown(why), _grant(identity))
    return LegVerdicts(unknown(why), unknown(why))


def kms_leg(call: DeniedCall, evidence: Evidence) -> LegVerdicts:
    """Key policy and the IAM grant's key half."""
    key = evidence.key
    if not call.kms_actions:
        if call.action is None and call.service == "s3":
            grant = unknown(f"the KMS leg of {call.operation} is not known", "operation_unmapped")
            return LegVerdicts(grant, grant)
        grant = not_needed("no_kms_leg", f"a {call.access.value} request uses no KMS key")
        return LegVerdicts(grant, grant)
    if isinstance(key, Unread):
        grant = unknown(f"the key is not known: {key.why}; needs {key.needs}")
        return LegVerdicts(grant, grant)
    if key.value is None:
        grant = not_needed("no_kms_key", "the object is not encrypted with a KMS key")
        return LegVerdicts(grant, grant)
    found = _of_all_actions(
        [_key_action(call, evidence, key.value, action) for action in call.kms_actions]
    )
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


def _key_action(call: DeniedCall, evidence: Evidence, key: KeyEvidence, action: str) -> LegVerdicts:
    authorization = kms_request(call, evidence, key, action)
    if authorization is None:
        grant = unknown(_why_no_request(evidence))
        return LegVerdicts(grant, grant)
    across = evidence.caller.account != key.account
    resource = resource_answer(authorization, key.policy, "key policy", evidence.caller, key)
    if across and isinstance(key.manager, Read) and key.manager.value == "AWS":
        detail = (
            "the key is an AWS managed key: its policy cannot be changed, so it can never serve "
            "another account; re-encrypt with a customer managed key"
        )
        managed = Grant(Verdict.DENIED, (Reason("aws_managed_key", "key policy", None, detail),))
        return LegVerdicts(managed, _grant(identity_answer(authorization, evidence)))
    if evidence.caller.type in NO_IDENTITY_POLICIES:
        none = not_needed("no_identity_policies", "the caller has no identity-based policies")
        return LegVerdicts(_grant(resource), none)
    identity = identity_answer(authorization, evidence)
    return _cross_account(resource, identity) if across else _key_same_account(resource, identity)


def _grant(answer: PolicyAnswer) -> Grant:
    return Grant(_VERDICT_OF[answer.effect], answer.reasons)


def _cross_account(resource: PolicyAnswer, identity: PolicyAnswer) -> LegVerdicts:
    """Two accounts: each side must allow by itself."""
    return LegVerdicts(_grant(resource), _grant(identity))


def _bucket_same_account(resource: PolicyAnswer, identity: PolicyAnswer) -> LegVerdicts:
    """One account: a direct allow of either side suffices, a deny of either side wins."""
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
        return LegVerdicts(not_needed("same_account", detail), _grant(identity))
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
    return LegVerdicts(_grant(resource), not_needed("same_account", detail))


def _of_all_actions(verdicts: Iterable[LegVerdicts]) -> LegVerdicts:
    each = list(verdicts)
    return LegVerdicts(
        _merge([verdicts.resource for verdicts in each]),
        _merge([verdicts.identity for verdicts in each]),
    )


def _merge(grants: list[Grant]) -> Grant:
    verdict = worst(*(grant.verdict for grant in grants))
    reasons = [reason for g in grants if g.verdict is verdict for reason in g.reasons]
    return Grant(verdict, tuple(dict.fromkeys(reasons)))


def _why_no_request(evidence: Evidence) -> str:
    if isinstance(evidence.caller.arn, Unread):
        return (
            f"the caller is not known: {evidence.caller.arn.why}; needs {evidence.caller.arn.needs}"
        )
    bucket = evidence.bucket
    if bucket is not None and isinstance(bucket.account, Unread):
        return f"{bucket.account.why}; needs {bucket.account.needs}"
    return "the record does not name the caller"
