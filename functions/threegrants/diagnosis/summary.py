"""One plain sentence for a person who was just woken up."""

from threegrants.aws.arn import parse_arn
from threegrants.cloudtrail import CallerType, DeniedCall, strip_control_characters
from threegrants.diagnosis.verdicts import Blocker, Grant, IamGrant, Outcome, Verdict
from threegrants.evidence import Evidence, Read

_VERBS = {
    "read": "read",
    "write": "write",
    "list": "list",
    "delete": "delete",
    "other": "access",
}
_LIMIT = 120


def summarise(
    call: DeniedCall,
    evidence: Evidence,
    grants: tuple[Grant, Grant, IamGrant],
    stops: tuple[Blocker, ...],
    outcome: Outcome,
    *,
    may_be_missing: bool = False,
) -> str:
    """Who cannot do what, and which of the grants is missing."""
    who = _who(call, evidence)
    what = f"{_VERBS[call.access.value]} {_target(call, evidence)}"
    if outcome is Outcome.ALREADY_ALLOWED:
        done = f"{who} can {what} now: every grant the call needs is in place."
        if may_be_missing:
            done += (
                " If it is still refused, the object may not exist: without s3:ListBucket S3 says "
                "Access Denied for that too."
            )
        return done
    start = f"{who} cannot {what}"
    causes = _causes(call, evidence, grants)
    if stops:
        causes.append(stops[0].detail)
    if not causes:
        unknown = [name for name, grant in _named(grants) if grant.verdict is Verdict.UNKNOWN]
        return f"{start}: not known why, because {' and '.join(unknown)} could not be decided."
    return f"{start}: {'; '.join(causes)}."


def _named(grants: tuple[Grant, Grant, IamGrant]) -> list[tuple[str, Grant | IamGrant]]:
    bucket, key, iam = grants
    return [("the bucket policy", bucket), ("the key policy", key), ("the IAM policy", iam)]


def _causes(
    call: DeniedCall, evidence: Evidence, grants: tuple[Grant, Grant, IamGrant]
) -> list[str]:
    bucket, key, iam = grants
    s3, kms = " and ".join(call.s3_actions), " and ".join(call.kms_actions)
    legs = [
        (bucket, _place(evidence, "bucket policy"), s3),
        (key, _place(evidence, "key policy"), kms),
        (iam.bucket, _place(evidence, "IAM policy"), s3),
        (iam.key, _place(evidence, "IAM policy"), f"{kms} on the key"),
    ]
    found = []
    for grant, place, actions in legs:
        if grant.verdict is Verdict.MISSING:
            found.append(f"{place} does not allow {actions}")
        elif grant.verdict is Verdict.DENIED:
            found.append(f"{place} denies {actions}")
    return found


def _place(evidence: Evidence, name: str) -> str:
    account: str | None = None
    if name == "bucket policy" and evidence.bucket is not None:
        owner = evidence.bucket.account
        account = owner.value if isinstance(owner, Read) else None
    elif name == "key policy" and isinstance(evidence.key, Read) and evidence.key.value:
        account = evidence.key.value.account
    elif name == "IAM policy":
        account = evidence.caller.account
    return f"the {name} in account {account}" if account else f"the {name}"


def _who(call: DeniedCall, evidence: Evidence) -> str:
    caller = evidence.caller
    if caller.type is CallerType.ANONYMOUS:
        return "An anonymous caller"
    if caller.type is CallerType.SERVICE:
        return f"The AWS service {call.caller.invoked_by or '(not named)'}"
    arn = caller.arn.value if isinstance(caller.arn, Read) else call.caller.arn
    if not arn:
        return f"A caller of account {caller.account or '(not named)'}"
    principal = parse_arn(arn)
    kind, name = (principal.resource_type, principal.name) if principal else ("", arn)
    label = {"role": "Role", "user": "User"}.get(kind, "Principal")
    return f"{label} {name} of account {caller.account}"


def _target(call: DeniedCall, evidence: Evidence) -> str:
    if call.bucket:
        path = f"s3://{call.bucket}" + (f"/{call.object_key}" if call.object_key else "")
        plain = strip_control_characters(path)
        return plain if len(plain) <= _LIMIT else plain[: _LIMIT - 1] + "…"
    if isinstance(evidence.key, Read) and evidence.key.value:
        return f"with key {evidence.key.value.arn}"
    return "with a KMS key" if call.service == "kms" else "S3"
