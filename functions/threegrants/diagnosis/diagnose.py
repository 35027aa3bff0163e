"""From a denied call and its evidence to a diagnosis."""

from threegrants.diagnosis.absent import absent_object
from threegrants.diagnosis.blockers import blockers, lacks
from threegrants.diagnosis.grants import bucket_half, key_half
from threegrants.diagnosis.summary import summarise
from threegrants.diagnosis.verdicts import (
    Blocker,
    Diagnosis,
    Grant,
    IamGrant,
    Lack,
    Outcome,
    Verdict,
    worst,
)
from threegrants.evidence import Evidence, Read
from threegrants.records import CallerType, DeniedCall

_PATCHABLE = (CallerType.ROLE, CallerType.USER)


def diagnose(
    call: DeniedCall, evidence: Evidence, writable: frozenset[str] | None = None
) -> Diagnosis:
    """Say which grant is missing, or what else stops the call.

    Args:
        call: the denied call.
        evidence: the snapshot taken for it.
        writable: accounts in which approved patches may be applied; None for "all that were
            read" (the command line, which applies nothing).
    """
    on_bucket = bucket_half(call, evidence)
    on_key = key_half(call, evidence)
    iam = IamGrant(
        worst(on_bucket.identity.verdict, on_key.identity.verdict),
        (*on_bucket.identity.reasons, *on_key.identity.reasons),
        on_bucket.identity,
        on_key.identity,
    )
    stops = blockers(call, evidence)
    grantee = _grantee(evidence)
    outcome = _outcome(
        (on_bucket.resource, on_key.resource, Grant(iam.verdict)),
        stops,
        _reachable(on_bucket.resource, on_key.resource, iam, evidence, writable) and bool(grantee),
    )
    absent = absent_object(call, evidence) if outcome is Outcome.ALREADY_ALLOWED else None
    return Diagnosis(
        bucket_policy=on_bucket.resource,
        key_policy=on_key.resource,
        iam_policy=iam,
        blockers=stops,
        unknowns=(
            *lacks(call, evidence),
            *_contradiction(call, evidence, on_bucket.resource, iam),
            *((absent,) if absent else ()),
        ),
        outcome=outcome,
        summary=summarise(
            call,
            evidence,
            (on_bucket.resource, on_key.resource, iam),
            stops,
            outcome,
            may_be_absent=bool(absent),
        ),
        cross_account=_cross_account(evidence),
        grantee=grantee,
    )


def _outcome(grants: tuple[Grant, ...], stops: tuple[Blocker, ...], reachable: bool) -> Outcome:  # noqa: FBT001
    """The first line that holds decides; the order is the rule."""
    verdicts = {grant.verdict for grant in grants}
    if stops or Verdict.DENIED in verdicts:
        return Outcome.DO_NOT_PATCH
    if Verdict.UNKNOWN in verdicts:
        return Outcome.UNKNOWN
    if Verdict.MISSING not in verdicts:
        return Outcome.ALREADY_ALLOWED
    return Outcome.FIXABLE if reachable else Outcome.HANDOFF


def _grantee(evidence: Evidence) -> str | None:
    """The one role or user a patch could name."""
    caller = evidence.caller
    if caller.type not in _PATCHABLE or not isinstance(caller.arn, Read):
        return None
    return caller.arn.value


def _reachable(
    bucket: Grant,
    key: Grant,
    iam: IamGrant,
    evidence: Evidence,
    writable: frozenset[str] | None,
) -> bool:
    """Whether every missing grant lies where an approved patch may be written."""
    arn = _grantee(evidence) or ""
    if iam.verdict is Verdict.MISSING and ":role/aws-reserved/" in arn:
        return False  # the permission set of IAM Identity Center owns this role's policies
    if writable is None:
        return True
    accounts = set()
    if bucket.verdict is Verdict.MISSING and evidence.bucket is not None:
        owner = evidence.bucket.account
        accounts.add(owner.value if isinstance(owner, Read) else "")
    if key.verdict is Verdict.MISSING and isinstance(evidence.key, Read) and evidence.key.value:
        accounts.add(evidence.key.value.account)
    if iam.verdict is Verdict.MISSING:
        accounts.add(evidence.caller.account or "")
    # Who is let in must be trusted too, not only the account that is written to.
    accounts.add(evidence.caller.account or "")
    return accounts <= writable


def _cross_account(evidence: Evidence) -> bool | None:
    caller = evidence.caller.account
    if not caller:
        return None
    others = []
    if evidence.bucket is not None:
        owner = evidence.bucket.account
        others.append(owner.value if isinstance(owner, Read) else None)
    if isinstance(evidence.key, Read) and evidence.key.value:
        others.append(evidence.key.value.account)
    if any(other and other != caller for other in others):
        return True
    return None if not others or None in others else False


def _contradiction(
    call: DeniedCall, evidence: Evidence, bucket: Grant, iam: IamGrant
) -> tuple[Lack, ...]:
    """AWS's detailed message against the evaluation: said, never hidden."""
    message = call.message
    action = message.action or ""
    judged: Verdict | None = None
    if message.layer == "identity":
        judged = (iam.key if action.startswith("kms:") else iam.bucket).verdict
    elif message.layer == "resource" and action.startswith("s3:"):
        judged = bucket.verdict
    if judged is not Verdict.GRANTED:
        return ()
    word = "explicitly denied" if message.explicit else "did not allow"
    why = (
        f"AWS said at {call.time or 'an unknown time'} that the {message.layer}-based policy "
        f"{word} {action}, but the policies read at {evidence.at} allow it: they were changed "
        "since, or a condition depends on what the record does not carry"
    )
    return (Lack("AWS's own message", why, "a newer record of the same denial"),)
