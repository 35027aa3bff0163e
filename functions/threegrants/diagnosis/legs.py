"""The three grants: from what each side says to a verdict for each grant.

Same account: one of identity-based policy and bucket policy suffices; a key policy must grant or
delegate to the account's IAM. Across accounts: both sides must allow, for the bucket and the key.
Source: IAM user guide, "Policy evaluation logic" and "Cross-account policy evaluation logic"; KMS
developer guide, "Allowing users in other accounts to use a KMS key".
"""

from collections.abc import Iterable
from dataclasses import dataclass

from threegrants.cloudtrail import DeniedCall
from threegrants.diagnosis.policy_answers import (
    NO_IDENTITY,
    Question,
    Side,
    access_point_question,
    identity_side,
    kms_question,
    resource_side,
    s3_question,
)
from threegrants.diagnosis.verdicts import Grant, Reason, Verdict, worst
from threegrants.evidence import Evidence, KeyEvidence, Read, Unread
from threegrants.iam import Effect

_WORD = {
    Effect.ALLOW: Verdict.GRANTED,
    Effect.EXPLICIT_DENY: Verdict.DENIED,
    Effect.IMPLICIT_DENY: Verdict.MISSING,
    None: Verdict.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Pair:
    """The verdicts on one half of the call: the owner's policy and the caller's policies."""

    resource: Grant
    identity: Grant


def not_needed(code: str, detail: str) -> Grant:
    """A grant the call does not need, and why."""
    return Grant(Verdict.NOT_NEEDED, (Reason(code, None, None, detail),))


def unknown(detail: str, code: str = "unread") -> Grant:
    """A grant on which nothing can be said, and why."""
    return Grant(Verdict.UNKNOWN, (Reason(code, None, None, detail),))


def bucket_half(call: DeniedCall, evidence: Evidence) -> Pair:
    """Bucket policy and the IAM grant's bucket half."""
    if call.source == "kms":
        why = "the record is of a KMS call; it does not say which S3 request it served"
        if call.via_service:
            return Pair(unknown(why, "no_s3_record"), unknown(why, "no_s3_record"))
        direct = not_needed("direct_kms_call", "the caller called KMS itself, no bucket takes part")
        return Pair(direct, direct)
    bucket = evidence.bucket
    if not call.s3_actions or bucket is None:
        why = f"the IAM actions of {call.operation or 'this operation'} are not known"
        return Pair(unknown(why, "operation_unmapped"), unknown(why, "operation_unmapped"))
    pairs = []
    for action in call.s3_actions:
        question = s3_question(call, evidence, action)
        if question is None:
            grant = unknown(_why_no_question(evidence))
            pairs.append(Pair(grant, grant))
            continue
        if isinstance(bucket.account, Unread):
            identity = _identity(call, evidence, question)
            pairs.append(_owner_unknown(identity, bucket.account))
            continue
        resource = _through_access_point(
            call, resource_side(question, bucket.policy, "bucket policy", evidence.caller)
        )
        owner = question.request.resource_account
        if evidence.caller.type in NO_IDENTITY:
            none = not_needed("no_identity_policies", "the caller has no identity-based policies")
            pairs.append(Pair(_plain(resource), none))
            continue
        identity = _identity(call, evidence, question)
        across = evidence.caller.account != owner
        pairs.append(_across(resource, identity) if across else _either(resource, identity))
    return _together(pairs)


def _identity(call: DeniedCall, evidence: Evidence, question: Question) -> Side:
    """The caller's policies for an S3 action; through an access point, for both of its ARNs.

    Whether S3 asks them about the access point or about the bucket is not documented for every
    case: only where both answers are the same is the answer certain.
    """
    direct = identity_side(question, evidence)
    point = access_point_question(call, evidence, question.request.action)
    if point is None:
        return direct
    through = identity_side(point, evidence)
    if direct.effect is through.effect:
        return direct
    denied = next((side for side in (direct, through) if side.denies), None)
    if denied is not None:
        return denied
    detail = (
        f"the identity-based policies allow {question.request.action} on one of the bucket's ARN "
        f"and the access point's ({call.access_point_arn}), not on both"
    )
    return Side(None, (Reason("access_point_half", None, None, detail),))


def _through_access_point(call: DeniedCall, resource: Side) -> Side:
    """Through an access point the bucket must permit too, most often by delegating to it."""
    if call.access_point_arn is None or resource.effect is not Effect.IMPLICIT_DENY:
        return resource
    account = call.access_point_arn.split(":")[4]
    detail = (
        "the request came through an access point, and the bucket policy neither allows it nor "
        f"delegates to the access points of account {account} (s3:DataAccessPointAccount)"
    )
    reason = Reason("access_point_not_delegated", "bucket policy", None, detail)
    return Side(resource.effect, (reason, *resource.reasons))


def _owner_unknown(identity: Side, owner: Unread) -> Pair:
    """Without the owner, only what the caller's own policies surely say can be said.

    Whether a missing allow matters depends on whether the bucket is in the same account.
    """
    why = f"{owner.why}; needs {owner.needs}"
    if identity.allows or identity.denies:
        return Pair(unknown(why), _plain(identity))
    return Pair(unknown(why), unknown(why))


def key_half(call: DeniedCall, evidence: Evidence) -> Pair:
    """Key policy and the IAM grant's key half."""
    key = evidence.key
    if not call.kms_actions:
        if call.action is None and call.source == "s3":
            grant = unknown(f"the KMS leg of {call.operation} is not known", "operation_unmapped")
            return Pair(grant, grant)
        grant = not_needed("no_kms_leg", f"a {call.access.value} request uses no KMS key")
        return Pair(grant, grant)
    if isinstance(key, Unread):
        grant = unknown(f"the key is not known: {key.why}; needs {key.needs}")
        return Pair(grant, grant)
    if key.value is None:
        grant = not_needed("no_kms_key", "the object is not encrypted with a KMS key")
        return Pair(grant, grant)
    found = _together(
        [_key_action(call, evidence, key.value, action) for action in call.kms_actions]
    )
    if call.kms_doubt:
        return Pair(
            _doubted(found.resource, call.kms_doubt), _doubted(found.identity, call.kms_doubt)
        )
    return found


def _doubted(grant: Grant, doubt: str) -> Grant:
    """A grant that may not be needed: its absence proves nothing."""
    if grant.verdict not in (Verdict.MISSING, Verdict.DENIED):
        return grant
    return Grant(Verdict.UNKNOWN, (Reason("kms_not_sure", None, None, doubt), *grant.reasons))


def _key_action(call: DeniedCall, evidence: Evidence, key: KeyEvidence, action: str) -> Pair:
    question = kms_question(call, evidence, key, action)
    if question is None:
        grant = unknown(_why_no_question(evidence))
        return Pair(grant, grant)
    across = evidence.caller.account != key.account
    resource = resource_side(question, key.policy, "key policy", evidence.caller, key)
    if across and isinstance(key.manager, Read) and key.manager.value == "AWS":
        detail = (
            "the key is an AWS managed key: its policy cannot be changed, so it can never serve "
            "another account; re-encrypt with a customer managed key"
        )
        managed = Grant(Verdict.DENIED, (Reason("aws_managed_key", "key policy", None, detail),))
        return Pair(managed, _plain(identity_side(question, evidence)))
    if evidence.caller.type in NO_IDENTITY:
        none = not_needed("no_identity_policies", "the caller has no identity-based policies")
        return Pair(_plain(resource), none)
    identity = identity_side(question, evidence)
    return _across(resource, identity) if across else _key_same_account(resource, identity)


def _plain(side: Side) -> Grant:
    return Grant(_WORD[side.effect], side.reasons)


def _across(resource: Side, identity: Side) -> Pair:
    """Two accounts: each side must allow by itself."""
    return Pair(_plain(resource), _plain(identity))


def _either(resource: Side, identity: Side) -> Pair:
    """One account: a direct allow of either side suffices, a deny of either side wins."""
    direct = resource.allows and not resource.delegates
    if direct and identity.effect is not Effect.ALLOW and not identity.denies:
        detail = "the bucket policy already allows this principal of the same account"
        return Pair(_plain(resource), not_needed("same_account", detail))
    if identity.allows and not resource.allows and not resource.denies:
        if resource.effect is None:
            # Only a deny could still hide in what was not read.
            return Pair(_plain(resource), _plain(identity))
        detail = "same account: the identity-based policy suffices"
        return Pair(not_needed("same_account", detail), _plain(identity))
    if resource.effect is None and not identity.denies:
        detail = "the bucket policy, which could allow the call by itself, was not read"
        return Pair(_plain(resource), unknown(detail))
    if resource.effect is Effect.IMPLICIT_DENY or resource.delegates:
        detail = "same account: the identity-based policy suffices"
        return Pair(not_needed("same_account", detail), _plain(identity))
    return Pair(_plain(resource), _plain(identity))


def _key_same_account(resource: Side, identity: Side) -> Pair:
    """One account, a key: the key policy grants, or delegates to IAM, which then must allow."""
    if resource.allows and resource.delegates:
        return Pair(_plain(resource), _plain(identity))
    if identity.denies or identity.allows:
        return Pair(_plain(resource), _plain(identity))
    if resource.effect is None:
        return Pair(_plain(resource), unknown("whether IAM decides is up to the key policy"))
    detail = "same account: a statement in the key policy that names the principal suffices"
    return Pair(_plain(resource), not_needed("same_account", detail))


def _together(pairs: Iterable[Pair]) -> Pair:
    listed = list(pairs)
    return Pair(
        _merge([pair.resource for pair in listed]), _merge([pair.identity for pair in listed])
    )


def _merge(grants: list[Grant]) -> Grant:
    verdict = worst(*(grant.verdict for grant in grants))
    reasons = [reason for g in grants if g.verdict is verdict for reason in g.reasons]
    return Grant(verdict, tuple(dict.fromkeys(reasons)))


def _why_no_question(evidence: Evidence) -> str:
    if isinstance(evidence.caller.arn, Unread):
        return (
            f"the caller is not known: {evidence.caller.arn.why}; needs {evidence.caller.arn.needs}"
        )
    bucket = evidence.bucket
    if bucket is not None and isinstance(bucket.account, Unread):
        return f"{bucket.account.why}; needs {bucket.account.needs}"
    return "the record does not name the caller"
