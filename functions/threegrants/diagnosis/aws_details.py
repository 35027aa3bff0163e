"""What AWS itself says: its error message, and its checks of the request by authorization id.

Both are about the moment of the call; the policies were read later. Of the policies as they are now AWS
decides where we do not know, and never makes "granted" of what they do not allow. Of the policies of the
denial (`Moment.DENIAL`) AWS's own check is what counts.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
https://docs.aws.amazon.com/iam-toolbox/latest/APIReference/API_GetRequestAuthorizationDetails.html
"""

from collections.abc import Iterable, Mapping

from threegrants.cloudtrail.denied_call import Message
from threegrants.diagnosis.at_denial import changed_since
from threegrants.diagnosis.facts import Facts, Moment
from threegrants.diagnosis.guardrails import OWNERS
from threegrants.diagnosis.legs import LegVerdicts
from threegrants.diagnosis.verdicts import (
    Blocker,
    BlockerKind,
    Certainty,
    Grant,
    MissingInformation,
    Reason,
    Verdict,
)
from threegrants.evidence import AuthorizedAction
from threegrants.iam import PolicyType

BLOCKER_KINDS: Mapping[str, BlockerKind] = {
    PolicyType.BOUNDARY: BlockerKind.PERMISSIONS_BOUNDARY,
    PolicyType.SESSION: BlockerKind.SESSION_POLICY,
    PolicyType.SCP: BlockerKind.SERVICE_CONTROL_POLICY,
    PolicyType.RCP: BlockerKind.RESOURCE_CONTROL_POLICY,
    PolicyType.VPCE: BlockerKind.VPC_ENDPOINT_POLICY,
    "trust": BlockerKind.ROLE_TRUST_POLICY,
}
"""The policy types that allow nothing by themselves, as blockers."""

_VERDICTS = {
    "ALLOW": Verdict.GRANTED,
    "NO_IMPACT": Verdict.NOT_NEEDED,
    "IMPLICIT_DENY": Verdict.MISSING,
    "EXPLICIT_DENY": Verdict.DENIED,
}
"""The effects of AWS's checks."""
_REFUSALS = (Verdict.MISSING, Verdict.DENIED)


def reconcile_with_aws(verdicts: LegVerdicts, service: str, facts: Facts) -> LegVerdicts:
    """The verdicts on one leg, after AWS's own checks of the same request.

    Args:
        verdicts: what the policies say, evaluated here.
        service: `s3` or `kms`: which leg.
        facts: with the authorization details, if the message carried their id.
    """
    # What AWS said of a policy that was changed since says nothing of the policy as it is now.
    changed = changed_since(facts) if facts.moment is Moment.NOW else {}
    actions = [one for one in _checked_actions(facts) if one.action.startswith(f"{service}:")]
    message, moment = facts.call.message, facts.moment
    # What is no action of KMS (iam:PassRole, s3express:CreateSession) is of the S3 leg.
    said = message.action or facts.call.action or ""
    in_message = bool(said) and said.startswith("kms:") is (service == "kms")

    def reconciled(ours: Grant, policy_type: PolicyType) -> Grant:
        if policy_type in changed and (actions or in_message):
            return ours
        checked = _reconcile(ours, actions, policy_type, moment)
        return _settle(checked, message, policy_type, moment) if in_message else checked

    found = LegVerdicts(
        reconciled(verdicts.resource, PolicyType.RESOURCE),
        reconciled(verdicts.identity, PolicyType.IDENTITY),
    )
    return _settle_in_one_account(found, facts) if service == "s3" and in_message else found


_HANGS_ON_CONTEXT = "condition_unknown"
"""The code of a verdict that only an unknown condition key keeps from being certain."""


def _settle(ours: Grant, message: Message, policy_type: PolicyType, moment: Moment) -> Grant:
    """A verdict that hangs on an unknown condition key, after what AWS's own sentence says of it.

    "No … policy allows" means that the Allow with that condition did not apply: whoever wrote the
    condition meant it, so nothing is patched around it. "An explicit deny" means that the Deny did.
    """
    if str(message.policy_type) != str(policy_type):
        return ours
    if moment is Moment.DENIAL and ours.verdict is Verdict.GRANTED:
        # What grants it was read later: at the denial AWS's sentence is right.
        then = Verdict.DENIED if message.explicit_deny else Verdict.MISSING
        return Grant(then, (Reason("aws_says", message.policy_arn, None, _WHAT_AWS_FOUND[then]),))
    if ours.verdict is not Verdict.UNKNOWN:
        return ours
    hanging = [reason for reason in ours.reasons if reason.code == _HANGS_ON_CONTEXT]
    if message.explicit_deny:
        if not hanging and any(reason.code != "unread" for reason in ours.reasons):
            return ours
        detail = f"AWS's message says that {_A[policy_type]} policy explicitly denies it"
        return Grant(
            Verdict.DENIED, (Reason("aws_says", message.policy_arn, None, detail), *ours.reasons)
        )
    if not hanging:
        return ours
    detail = f"AWS's message says that no {policy_type.value}-based policy allows it"
    advice = f"meet the condition: {hanging[0].detail}"
    return Grant(
        Verdict.MISSING,
        (Reason("aws_says", message.policy_arn, None, detail, advice), *ours.reasons),
    )


def _settle_in_one_account(found: LegVerdicts, facts: Facts) -> LegVerdicts:
    """Of a bucket in the caller's account: "no identity-based policy allows" is about both policies.

    There an Allow of either suffices, and a Deny of either is named first. So AWS says it only where the
    bucket policy neither allows nor denies:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-single-account.html
    """
    message, owner = facts.call.message, facts.bucket_owner
    hanging = [one for one in found.resource.reasons if one.code == _HANGS_ON_CONTEXT]
    open_ = found.resource.verdict is Verdict.UNKNOWN and hanging
    if not open_ or not owner or facts.evidence.caller.account != owner:
        return found
    if str(message.policy_type) != str(PolicyType.IDENTITY) or message.explicit_deny:
        return found
    if found.identity.verdict not in (Verdict.UNKNOWN, Verdict.MISSING):
        return found
    detail = (
        "AWS's message says that no identity-based policy allows it, and in one account it says so only "
        "where the bucket policy does not allow it either"
    )
    advice = f"meet the condition: {hanging[0].detail}"
    same = Reason("same_account", None, None, "same account: the identity-based policy suffices")
    said = Reason("aws_says", message.policy_arn, None, detail, advice)
    return LegVerdicts(
        Grant(Verdict.NOT_NEEDED, (same,)), Grant(Verdict.MISSING, (said, *found.identity.reasons))
    )


_A = {PolicyType.RESOURCE: "a resource-based", PolicyType.IDENTITY: "an identity-based"}


def _reconcile(
    ours: Grant, actions: Iterable[AuthorizedAction], policy_type: PolicyType, moment: Moment
) -> Grant:
    """One grant after AWS's checks; the module's first lines say which of the two counts."""
    said = [
        (_VERDICTS[check.effect], check)
        for action in actions
        for check in action.checks
        if check.policy_type == policy_type and check.effect in _VERDICTS
    ]
    if not said or ours.verdict is Verdict.NOT_NEEDED:
        return ours
    order = (Verdict.DENIED, Verdict.MISSING, Verdict.GRANTED, Verdict.NOT_NEEDED)
    aws, check = min(said, key=lambda one: order.index(one[0]))
    policies = ", ".join(check.policies) or None
    reason = Reason("aws_says", policies, ", ".join(check.sids) or None, _WHAT_AWS_FOUND[aws])
    if ours.verdict is Verdict.UNKNOWN:
        return Grant(aws, (reason,))
    if moment is Moment.DENIAL:
        # Both are about the same moment, and AWS may show fewer policies than it checked.
        same = ours.verdict is aws or (ours.verdict, aws) == (Verdict.GRANTED, Verdict.NOT_NEEDED)
        return ours if same else Grant(aws, (reason,))
    if ours.verdict is Verdict.MISSING and aws is Verdict.DENIED:
        return Grant(Verdict.DENIED, (reason, *ours.reasons))  # denied outweighs missing
    if ours.verdict is Verdict.GRANTED or aws in _REFUSALS:
        return ours  # granted now although AWS refused then: it was changed since
    detail = (
        "AWS's own check of this request found an allow here, but the policies as they are now do "
        "not give one: they were changed since"
    )
    return Grant(Verdict.UNKNOWN, (Reason("aws_disagrees", policies, None, detail), *ours.reasons))


_WHAT_AWS_FOUND = {
    Verdict.GRANTED: "AWS's own check of this request found an allow here",
    Verdict.NOT_NEEDED: "AWS's own check of this request did not need this grant",
    Verdict.MISSING: "AWS's own check of this request found no allow here",
    Verdict.DENIED: "AWS's own check of this request found an explicit deny here",
}


def blockers_named_by_aws(facts: Facts, evaluated: frozenset[BlockerKind]) -> list[Blocker]:
    """Guardrails that AWS names, and that could not be read and evaluated here.

    Args:
        facts: with AWS's message and the authorization details.
        evaluated: the kinds of guardrails with a certain answer of our own, which is newer.
    """
    found: dict[BlockerKind, Blocker] = {}
    for action in _checked_actions(facts):
        for check in action.checks:
            kind = BLOCKER_KINDS.get(check.policy_type)
            verdict = _VERDICTS.get(check.effect)
            if kind is None or kind in evaluated or verdict not in _REFUSALS:
                continue
            word = "denies" if verdict is Verdict.DENIED else "does not allow"
            at = f" at {check.target}" if check.target else ""
            detail = (
                f"AWS's own check{at}: a {kind.words} {word} {action.action}; ask {OWNERS[kind]}"
            )
            policy, sid = ", ".join(check.policies) or None, ", ".join(check.sids) or None
            found.setdefault(kind, Blocker(kind, verdict, policy, sid, detail, OWNERS[kind]))
    message = facts.call.message
    kind = BLOCKER_KINDS.get(message.policy_type or "")
    if kind is not None and kind not in evaluated:
        word = "explicitly denies" if message.explicit_deny else "does not allow"
        what = message.action or facts.call.action or "the call"
        detail = f"AWS says that a {kind.words} {word} {what}; ask {OWNERS[kind]}"
        verdict = Verdict.DENIED if message.explicit_deny else Verdict.MISSING
        blocker = Blocker(kind, verdict, message.policy_arn, None, detail, OWNERS[kind])
        found.setdefault(kind, blocker)
    return list(found.values())


def certainty(
    facts: Facts,
    s3: LegVerdicts,
    kms: LegVerdicts,
    blockers: frozenset[BlockerKind],
    evaluated: frozenset[BlockerKind],
) -> tuple[Certainty, tuple[MissingInformation, ...]]:
    """Whether AWS says the same as the evaluation; if not, what to know about it.

    Args:
        facts: with AWS's message, and when the policies were read.
        s3: our verdicts on the S3 leg.
        kms: our verdicts on the KMS leg.
        blockers: the kinds of blockers that were found.
        evaluated: the kinds of guardrails that were evaluated with a certain answer.
    """
    contradicted = [
        *_by_details(facts, s3, kms),
        *_by_message(facts, s3, kms, blockers, evaluated),
    ]
    if contradicted:
        since = "they were changed since, or something decides that the record does not carry"
        missing_information = tuple(
            MissingInformation(
                "AWS's own message",
                f"AWS said at {facts.call.time or 'an unknown time'} that {what}, but the policies "
                f"read at {facts.evidence.at} say otherwise: {since}",
                "a newer record of the same denial",
            )
            for what in dict.fromkeys(contradicted)
        )
        return Certainty.CONTRADICTED, missing_information
    said = _agrees(facts, s3, kms, blockers) and Verdict.UNKNOWN not in _all_of(s3, kms)
    return (Certainty.CONFIRMED if said else Certainty.EVALUATED), ()


def _all_of(*legs: LegVerdicts) -> list[Verdict]:
    return [grant.verdict for leg in legs for grant in (leg.resource, leg.identity)]


def _agrees(
    facts: Facts, s3: LegVerdicts, kms: LegVerdicts, blockers: frozenset[BlockerKind]
) -> bool:
    """Whether something that AWS names as the cause is a cause that was found here too."""
    message = facts.call.message
    action = message.action or facts.call.action or ""
    refused = Verdict.DENIED if message.explicit_deny else Verdict.MISSING
    named: list[tuple[str, str, Verdict]] = []
    if message.policy_type:
        named.append((message.policy_type, action, refused))
    named += [
        (check.policy_type, one.action, _VERDICTS[check.effect])
        for one in _checked_actions(facts)
        for check in one.checks
        if _VERDICTS.get(check.effect) in _REFUSALS
    ]
    return any(
        _verdict(policy_type, action, s3, kms) is verdict
        or BLOCKER_KINDS.get(policy_type) in blockers
        for policy_type, action, verdict in named
    )


def _by_message(
    facts: Facts,
    s3: LegVerdicts,
    kms: LegVerdicts,
    blockers: frozenset[BlockerKind],
    evaluated: frozenset[BlockerKind],
) -> list[str]:
    message = facts.call.message
    if message.policy_type is None:
        return []
    action = message.action or facts.call.action or "the call"
    word = "explicitly denied" if message.explicit_deny else "did not allow"
    ours = _verdict(message.policy_type, action, s3, kms)
    if ours is not None:
        wrong = ours is Verdict.GRANTED or (
            ours is (Verdict.MISSING if message.explicit_deny else Verdict.DENIED)
        )
        return [f"the {message.policy_type}-based policy {word} {action}"] if wrong else []
    kind = BLOCKER_KINDS[message.policy_type]
    if kind in evaluated and kind not in blockers:
        return [f"a {kind.words} {word} {action}"]
    return []


def _by_details(facts: Facts, s3: LegVerdicts, kms: LegVerdicts) -> list[str]:
    found = []
    for action in _checked_actions(facts):
        for check in action.checks:
            ours = _verdict(check.policy_type, action.action, s3, kms)
            aws = _VERDICTS.get(check.effect)
            if ours is Verdict.GRANTED and aws in _REFUSALS:
                word = "denied" if aws is Verdict.DENIED else "did not allow"
                found.append(f"the {check.policy_type}-based policy {word} {action.action}")
    return found


def _verdict(policy_type: str, action: str, s3: LegVerdicts, kms: LegVerdicts) -> Verdict | None:
    """Our verdict on what a policy type says to an action; None for a guardrail."""
    leg = kms if action.startswith("kms:") else s3
    grants: Mapping[str, Grant] = {
        PolicyType.RESOURCE: leg.resource,
        PolicyType.IDENTITY: leg.identity,
    }
    grant = grants.get(policy_type)
    return grant.verdict if grant is not None else None


def _checked_actions(facts: Facts) -> tuple[AuthorizedAction, ...]:
    details = facts.evidence.authorization.value_or_none
    return details.actions if details else ()
