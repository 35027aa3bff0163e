"""One plain sentence for a person who was just woken up."""

from threegrants.aws.arn import parse_arn
from threegrants.cloudtrail import Access, CallerType, strip_control_characters
from threegrants.diagnosis.facts import Facts
from threegrants.diagnosis.key_doubts import passed_over_key
from threegrants.diagnosis.verdicts import (
    Blocker,
    Grant,
    IamGrant,
    MissingInformation,
    Outcome,
    Verdict,
)

_VERBS = {
    Access.READ: "read",
    Access.WRITE: "write",
    Access.LIST: "list",
    Access.DELETE: "delete",
    Access.OTHER: "access",
}
_LIMIT = 120
_KMS_REFUSED = "But AWS's message says that the use of a KMS key was refused."
_MAY_BE_MISSING = (
    " If it is still refused, the object may not exist: without s3:ListBucket S3 says Access Denied "
    "for that too."
)


def summarise(
    facts: Facts,
    grants: tuple[Grant, Grant, IamGrant],
    stops: tuple[Blocker, ...],
    outcome: Outcome,
    *,
    may_be_missing: bool = False,
    assumed: tuple[MissingInformation, ...] = (),
) -> str:
    """Who cannot do what, and which of the grants is missing.

    Args:
        facts: of the call.
        grants: the verdicts on bucket policy, key policy and IAM policy, in this order.
        stops: what stops the call beside the three grants, guardrails first; the first is told.
        outcome: what the diagnosis comes to; where only the caller names the key, if that is right.
        may_be_missing: whether the object may not exist; told only of a call that is allowed now.
        assumed: what of the object nobody looked at; told only where nothing that was read stops the
            call.
    """
    return _since(facts) + _said(
        facts, grants, stops, outcome, may_be_missing=may_be_missing, assumed=assumed
    )


def _since(facts: Facts) -> str:
    """What became of the caller since the call; said first, for all else hangs on it."""
    caller = facts.evidence.caller
    if caller.deleted:
        return f"{_who(facts)} does not exist any more: it was deleted since. "
    if caller.replaced_id:
        return (
            f"{_who(facts)} was made anew since: its id was {caller.replaced_id} and is "
            f"{caller.unique_id} now. What follows is about the new one. "
        )
    return ""


def _said(
    facts: Facts,
    grants: tuple[Grant, Grant, IamGrant],
    stops: tuple[Blocker, ...],
    outcome: Outcome,
    *,
    may_be_missing: bool,
    assumed: tuple[MissingInformation, ...],
) -> str:
    who = _who(facts)
    what = _what(facts)
    if (
        outcome is Outcome.ALREADY_ALLOWED
        and facts.key_is_named_by_caller
        and facts.key is not None
    ):
        return (
            f"{who} can {what} now, if the key is {facts.key.arn}, which only the call names: every "
            "grant is in place for that key."
        )
    maybe = _MAY_BE_MISSING if may_be_missing else ""
    if assumed and not stops:
        refused = f" {_KMS_REFUSED}" if facts.call.message.about_kms else ""
        return (
            f"Every grant that was read lets {who} {what}.{refused} {_nobody_saw(assumed)}{maybe}"
        )
    if outcome is Outcome.ALREADY_ALLOWED:
        return f"{who} can {what} now: every grant the call needs is in place.{maybe}"
    start = f"{who} cannot {what}"
    causes = causes_of(facts, grants)
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


def _nobody_saw(assumed: tuple[MissingInformation, ...]) -> str:
    seen = " and ".join(item.what for item in assumed)
    return f"Nobody looked at {seen}: {'; '.join(item.why for item in assumed)}."


def _named(grants: tuple[Grant, Grant, IamGrant]) -> list[tuple[str, Grant | IamGrant]]:
    bucket, key, iam = grants
    return [("the bucket policy", bucket), ("the key policy", key), ("the IAM policy", iam)]


def causes_of(facts: Facts, grants: tuple[Grant, Grant, IamGrant]) -> list[str]:
    """Which policies do not allow what, or deny it, in words."""
    bucket, key, iam = grants
    s3, kms = facts.call.s3_actions, facts.call.kms_actions
    key_account = facts.key.account if facts.key else None
    in_bucket = _policy_of("bucket policy", facts.bucket_owner)
    in_key = _policy_of("key policy", key_account)
    in_iam = _policy_of("IAM policy", facts.evidence.caller.account)
    legs = [
        (bucket, in_bucket, s3, ""),
        (key, in_key, kms, ""),
        (iam.bucket, in_iam, s3, ""),
        (iam.key, in_iam, kms, " on the key"),
    ]
    found = []
    for grant, place, needed, on in legs:
        actions = " and ".join(grant.actions or needed) + on
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


def _what(facts: Facts) -> str:
    source = facts.call.copy_source
    if source is None:
        return f"{_VERBS[facts.call.access]} {_target(facts)}"
    read = _cut(f"s3://{source.bucket}/{source.key}")
    return f"copy {read} to {_target(facts)}"


def _cut(path: str) -> str:
    plain = strip_control_characters(path)
    return plain if len(plain) <= _LIMIT else plain[: _LIMIT - 1] + "…"


def _target(facts: Facts) -> str:
    call = facts.call
    if call.bucket:
        path = f"s3://{call.bucket}" + (f"/{call.object_key}" if call.object_key else "")
        return _cut(path)
    if facts.key:
        return f"with key {facts.key.arn}"
    return "with a KMS key" if call.service == "kms" else "S3"
