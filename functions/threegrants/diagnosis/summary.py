"""One plain sentence for a person who was just woken up."""

from threegrants.aws.arn import parse_arn
from threegrants.cloudtrail import Access, CallerType, strip_control_characters
from threegrants.diagnosis.facts import Facts
from threegrants.diagnosis.key_doubts import passed_over_key
from threegrants.diagnosis.verdicts import Blocker, Grant, IamGrant, Outcome, Verdict

_VERBS = {
    Access.READ: "read",
    Access.WRITE: "write",
    Access.LIST: "list",
    Access.DELETE: "delete",
    Access.OTHER: "access",
}
_LIMIT = 120


def summarise(
    facts: Facts,
    grants: tuple[Grant, Grant, IamGrant],
    stops: tuple[Blocker, ...],
    outcome: Outcome,
    *,
    may_be_missing: bool = False,
) -> str:
    """Who cannot do what, and which of the grants is missing.

    Args:
        facts: of the call.
        grants: the verdicts on bucket policy, key policy and IAM policy, in this order.
        stops: what stops the call beside the three grants, guardrails first; the first is told.
        outcome: what the diagnosis comes to; where only the caller names the key, if that is right.
        may_be_missing: whether the object may not exist; told only of a call that is allowed now.
    """
    who = _who(facts)
    what = f"{_VERBS[facts.call.access]} {_target(facts)}"
    if (
        outcome is Outcome.ALREADY_ALLOWED
        and facts.key_is_named_by_caller
        and facts.key is not None
    ):
        return (
            f"{who} can {what} now, if the key is {facts.key.arn}, which only the call names: every "
            "grant is in place for that key."
        )
    if outcome is Outcome.ALREADY_ALLOWED:
        done = f"{who} can {what} now: every grant the call needs is in place."
        if may_be_missing:
            done += (
                " If it is still refused, the object may not exist: without s3:ListBucket S3 says "
                "Access Denied for that too."
            )
        return done
    start = f"{who} cannot {what}"
    causes = _causes(facts, grants)
    unmet = [reason for grant in (grants[0], grants[1], grants[2].bucket, grants[2].key)
             for reason in grant.unmet_conditions]  # fmt: skip
    if unmet:
        advice = " and ".join(dict.fromkeys(reason.advice for reason in unmet))
        where = f"{unmet[0].policy} {unmet[0].sid}"
        causes.append(
            f"a condition of {where} was not met ({unmet[0].detail}). Nothing is patched around it: {advice}"
        )
    if stops:
        causes.append(stops[0].detail)
    if facts.key_is_named_by_caller and facts.key is not None:
        causes.append(f"that key {facts.key.arn} takes part is not known, only the call names it")
    elif not causes and passed_over_key(facts):
        causes.append("every grant is in place, but the call names another key than was read")
    if not causes:
        unknown = [name for name, grant in _named(grants) if grant.verdict is Verdict.UNKNOWN]
        if not unknown:
            what = "whether a guardrail stops the call could not be decided"
            return f"{start}: every grant is in place, but {what}."
        return f"{start}: not known why, because {' and '.join(unknown)} could not be decided."
    return f"{start}: {'; '.join(causes)}."


def _named(grants: tuple[Grant, Grant, IamGrant]) -> list[tuple[str, Grant | IamGrant]]:
    bucket, key, iam = grants
    return [("the bucket policy", bucket), ("the key policy", key), ("the IAM policy", iam)]


def _causes(facts: Facts, grants: tuple[Grant, Grant, IamGrant]) -> list[str]:
    bucket, key, iam = grants
    s3, kms = " and ".join(facts.call.s3_actions), " and ".join(facts.call.kms_actions)
    key_account = facts.key.account if facts.key else None
    in_bucket = _policy_of("bucket policy", facts.bucket_owner)
    in_key = _policy_of("key policy", key_account)
    in_iam = _policy_of("IAM policy", facts.evidence.caller.account)
    legs = [
        (bucket, in_bucket, s3),
        (key, in_key, kms),
        (iam.bucket, in_iam, s3),
        (iam.key, in_iam, f"{kms} on the key"),
    ]
    found = []
    for grant, place, actions in legs:
        if grant.verdict is Verdict.MISSING:
            found.append(f"{place} does not allow {actions}")
        elif grant.verdict is Verdict.DENIED:
            found.append(f"{place} denies {actions}")
    return found


def _policy_of(name: str, account: str | None) -> str:
    return f"the {name} in account {account}" if account else f"the {name}"


def _who(facts: Facts) -> str:
    caller, call = facts.evidence.caller, facts.call
    if caller.type is CallerType.ANONYMOUS:
        return "An anonymous caller"
    if caller.type is CallerType.SERVICE:
        return f"The AWS service {call.caller.invoked_by or '(not named)'}"
    arn = facts.caller_arn
    if not arn:
        return f"A caller of account {caller.account or '(not named)'}"
    principal = parse_arn(arn)
    kind, name = (principal.resource_type, principal.name) if principal else ("", arn)
    label = {"role": "Role", "user": "User"}.get(kind, "Principal")
    return f"{label} {name} of account {caller.account}"


def _target(facts: Facts) -> str:
    call = facts.call
    if call.bucket:
        path = f"s3://{call.bucket}" + (f"/{call.object_key}" if call.object_key else "")
        plain = strip_control_characters(path)
        return plain if len(plain) <= _LIMIT else plain[: _LIMIT - 1] + "…"
    if facts.key:
        return f"with key {facts.key.arn}"
    return "with a KMS key" if call.service == "kms" else "S3"
