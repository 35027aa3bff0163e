"""AWS's own word: its error message, and what it says of the request by authorization id.

Both are about the moment of the call; the policies were read later. AWS's word decides where we do
not know, and never makes "granted" of what the policies do not allow now.
Source: IAM user guide, "Troubleshoot access denied error messages"; IAM Toolbox API reference,
GetRequestAuthorizationDetails.
"""

from collections.abc import Mapping

from threegrants.cloudtrail import DeniedCall
from threegrants.diagnosis.guardrails import OWNERS
from threegrants.diagnosis.legs import LegVerdicts
from threegrants.diagnosis.verdicts import (
    Blocker,
    Certainty,
    Grant,
    MissingInformation,
    Reason,
    Verdict,
)
from threegrants.evidence import Authorization, AuthorizedAction, Evidence

LAYER_NAMES = {
    "boundary": "permissions_boundary",
    "session": "session_policy",
    "scp": "service_control_policy",
    "rcp": "resource_control_policy",
    "vpce": "vpc_endpoint_policy",
    "trust": "role_trust_policy",
}
"""How a layer is called where it is a blocker; IAM user guide, "Policies and permissions"."""

_VERDICTS = {
    "ALLOW": Verdict.GRANTED,
    "NO_IMPACT": Verdict.NOT_NEEDED,
    "IMPLICIT_DENY": Verdict.MISSING,
    "EXPLICIT_DENY": Verdict.DENIED,
}
_REFUSALS = (Verdict.MISSING, Verdict.DENIED)


def reconcile_with_aws(verdicts: LegVerdicts, service: str, evidence: Evidence) -> LegVerdicts:
    """The two sides of one half, after AWS's own checks of the same request.

    Args:
        verdicts: what the policies say, evaluated here.
        service: `s3` or `kms`: which half.
        evidence: with the authorization details, if the message carried their id.
    """
    found = _authorization(evidence)
    if found is None:
        return verdicts
    actions = [one for one in found.actions if one.action.startswith(f"{service}:")]
    return LegVerdicts(
        _reconcile(verdicts.resource, actions, "resource"),
        _reconcile(verdicts.identity, actions, "identity"),
    )


def _reconcile(ours: Grant, actions: list[AuthorizedAction], layer: str) -> Grant:
    """The table of both words; see the module's first lines."""
    said = [
        (_VERDICTS[check.effect], check)
        for action in actions
        for check in action.checks
        if check.layer == layer and check.effect in _VERDICTS
    ]
    if not said or ours.verdict is Verdict.NOT_NEEDED:
        return ours
    order = (Verdict.DENIED, Verdict.MISSING, Verdict.GRANTED, Verdict.NOT_NEEDED)
    aws, check = min(said, key=lambda one: order.index(one[0]))
    policies = ", ".join(check.policies) or None
    if ours.verdict is Verdict.UNKNOWN:
        reason = Reason("aws_says", policies, ", ".join(check.sids) or None, _WHAT_AWS_FOUND[aws])
        return Grant(aws, (reason,))
    if ours.verdict is Verdict.GRANTED or aws in _REFUSALS:
        # Granted now although AWS refused then: it was changed since. Denied outweighs missing.
        both = (ours.verdict, aws)
        if both == (Verdict.MISSING, Verdict.DENIED):
            reason = Reason(
                "aws_says", policies, ", ".join(check.sids) or None, _WHAT_AWS_FOUND[aws]
            )
            return Grant(Verdict.DENIED, (reason, *ours.reasons))
        return ours
    detail = (
        "AWS's own check of this request found an allow here, the policies as they are now do not "
        "give one: they were changed since"
    )
    return Grant(Verdict.UNKNOWN, (Reason("aws_disagrees", policies, None, detail), *ours.reasons))


_WHAT_AWS_FOUND = {
    Verdict.GRANTED: "AWS's own check of this request found an allow here",
    Verdict.NOT_NEEDED: "AWS's own check of this request did not need this grant",
    Verdict.MISSING: "AWS's own check of this request found no allow here",
    Verdict.DENIED: "AWS's own check of this request found an explicit deny here",
}


def blockers_named_by_aws(
    call: DeniedCall, evidence: Evidence, read: frozenset[str]
) -> list[Blocker]:
    """Guardrails that AWS names, and that could not be read and evaluated here.

    Args:
        call: with AWS's message.
        evidence: with the authorization details.
        read: the kinds of guardrails with a certain answer of our own, which is newer.
    """
    found: dict[str, Blocker] = {}
    details = _authorization(evidence)
    for action in details.actions if details else ():
        for check in action.checks:
            kind = LAYER_NAMES.get(check.layer)
            verdict = _VERDICTS.get(check.effect)
            if kind is None or kind in read or verdict not in _REFUSALS:
                continue
            word = "denies" if verdict is Verdict.DENIED else "does not allow"
            at = f" at {check.target}" if check.target else ""
            detail = (
                f"AWS's own check{at}: a {_name(kind)} {word} {action.action}; ask {OWNERS[kind]}"
            )
            policy, sid = ", ".join(check.policies) or None, ", ".join(check.sids) or None
            found.setdefault(kind, Blocker(kind, verdict, policy, sid, detail, OWNERS[kind]))
    message = call.message
    kind = LAYER_NAMES.get(message.policy_type or "")
    if kind is not None and kind not in read:
        word = "explicitly denies" if message.explicit_deny else "does not allow"
        what = message.action or call.action or "the call"
        detail = f"AWS says that a {_name(kind)} {word} {what}; ask {OWNERS[kind]}"
        verdict = Verdict.DENIED if message.explicit_deny else Verdict.MISSING
        blocker = Blocker(kind, verdict, message.policy_arn, None, detail, OWNERS[kind])
        found.setdefault(kind, blocker)
    return list(found.values())


def certainty(
    call: DeniedCall,
    evidence: Evidence,
    verdicts: Mapping[str, Verdict],
    kinds: frozenset[str],
    read: frozenset[str],
) -> tuple[Certainty, tuple[MissingInformation, ...]]:
    """Whether AWS's message says the same as the evaluation; if not, what to know about it.

    Args:
        call: with AWS's message.
        evidence: says when the policies were read.
        verdicts: ours, by `bucket_policy`, `key_policy`, `iam_bucket`, `iam_key`.
        kinds: the blockers found.
        read: the kinds of guardrails that were evaluated with a certain answer.
    """
    contradicted = [*_by_details(evidence, verdicts), *_by_message(call, verdicts, kinds, read)]
    if contradicted:
        since = "they were changed since, or something decides that the record does not carry"
        missing_information = tuple(
            MissingInformation(
                "AWS's own message",
                f"AWS said at {call.time or 'an unknown time'} that {what}, but the policies read "
                f"at {evidence.at} say otherwise: {since}",
                "a newer record of the same denial",
            )
            for what in dict.fromkeys(contradicted)
        )
        return Certainty.CONTRADICTED, missing_information
    said = call.message.policy_type is not None or _authorization(evidence) is not None
    return (Certainty.CONFIRMED if said else Certainty.EVALUATED), ()


def _by_message(
    call: DeniedCall, verdicts: Mapping[str, Verdict], kinds: frozenset[str], read: frozenset[str]
) -> list[str]:
    message = call.message
    if message.policy_type is None:
        return []
    action = message.action or call.action or "the call"
    leg = "key" if action.startswith("kms:") else "bucket"
    word = "explicitly denied" if message.explicit_deny else "did not allow"
    if message.policy_type in ("identity", "resource"):
        name = f"iam_{leg}" if message.policy_type == "identity" else f"{leg}_policy"
        ours = verdicts[name]
        wrong = ours is Verdict.GRANTED or (message.explicit_deny and ours is Verdict.MISSING)
        return [f"the {message.policy_type}-based policy {word} {action}"] if wrong else []
    kind = LAYER_NAMES[message.policy_type]
    if kind in read and kind not in kinds:
        return [f"a {_name(kind)} {word} {action}"]
    return []


def _by_details(evidence: Evidence, verdicts: Mapping[str, Verdict]) -> list[str]:
    found = []
    details = _authorization(evidence)
    for action in details.actions if details else ():
        leg = "key" if action.action.startswith("kms:") else "bucket"
        names = {"resource": f"{leg}_policy", "identity": f"iam_{leg}"}
        for check in action.checks:
            name = names.get(check.layer)
            aws = _VERDICTS.get(check.effect)
            if name is None or aws is None:
                continue
            if verdicts[name] is Verdict.GRANTED and aws in _REFUSALS:
                word = "denied" if aws is Verdict.DENIED else "did not allow"
                found.append(f"the {check.layer}-based policy {word} {action.action}")
    return found


def _authorization(evidence: Evidence) -> Authorization | None:
    return evidence.authorization.value_or_none


def _name(kind: str) -> str:
    return kind.replace("_", " ")
