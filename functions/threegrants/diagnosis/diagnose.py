"""From a denied call and its evidence to a diagnosis."""

from collections.abc import Iterable
from dataclasses import replace

from threegrants.cloudtrail import CallerType, DeniedCall, copy_source_read
from threegrants.diagnosis.aws_details import certainty, reconcile_with_aws
from threegrants.diagnosis.blockers import blockers, missing_information, unique
from threegrants.diagnosis.guardrails import guardrails
from threegrants.diagnosis.legs import kms_leg, s3_leg
from threegrants.diagnosis.missing_object import missing_object
from threegrants.diagnosis.summary import summarise
from threegrants.diagnosis.verdicts import (
    Blocker,
    Diagnosis,
    Grant,
    IamGrant,
    MissingInformation,
    Outcome,
    Verdict,
    worst,
)
from threegrants.evidence import Evidence, Read

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
    own = _diagnose_bucket(call, evidence, writable)
    read = copy_source_read(call)
    if read is None or evidence.source is None:
        return own
    return _diagnose_copy(call, own, diagnose(read, evidence.source, writable))


def _diagnose_bucket(
    call: DeniedCall, evidence: Evidence, writable: frozenset[str] | None
) -> Diagnosis:
    """One call on one bucket."""
    s3 = reconcile_with_aws(s3_leg(call, evidence), "s3", evidence)
    kms = reconcile_with_aws(kms_leg(call, evidence), "kms", evidence)
    iam = IamGrant(
        worst(s3.identity.verdict, kms.identity.verdict),
        (*s3.identity.reasons, *kms.identity.reasons),
        s3.identity,
        kms.identity,
    )
    grants = (s3.resource, kms.resource, iam)
    guardrail_findings = guardrails(call, evidence)
    stops, missing = _set_missing_object_aside(blockers(call, evidence, guardrail_findings), grants)
    grantee = _grantee(evidence)
    outcome = _outcome(
        grants,
        stops,
        reachable=_reachable(*grants, evidence, writable) and bool(grantee),
        doubtful=bool(guardrail_findings.missing_information),
    )
    hint = missing_object(call, evidence) if outcome is Outcome.ALREADY_ALLOWED else None
    sure, contradiction = certainty(
        call,
        evidence,
        {
            "bucket_policy": s3.resource.verdict,
            "key_policy": kms.resource.verdict,
            "iam_bucket": iam.bucket.verdict,
            "iam_key": iam.key.verdict,
        },
        frozenset(blocker.kind for blocker in stops),
        guardrail_findings.read,
    )
    return Diagnosis(
        *grants,
        blockers=stops,
        unknowns=(
            *contradiction,
            *missing_information(call, evidence, guardrail_findings),
            *((hint,) if hint else ()),
            *missing,
        ),
        outcome=outcome,
        summary=summarise(call, evidence, grants, stops, outcome, may_be_missing=bool(hint)),
        cross_account=_cross_account(evidence),
        grantee=grantee,
        certainty=sure,
    )


_COPY_ORDER = (
    Outcome.DO_NOT_PATCH,
    Outcome.UNKNOWN,
    Outcome.HANDOFF,
    Outcome.FIXABLE,
    Outcome.ALREADY_ALLOWED,
)
"""Of two halves that must both work, the graver outcome is the whole's."""


def _diagnose_copy(call: DeniedCall, own: Diagnosis, source: Diagnosis) -> Diagnosis:
    """A copy: writing the destination and reading the source, both of which must be allowed."""
    outcome = min((own.outcome, source.outcome), key=_COPY_ORDER.index)
    where = call.copy_source
    name = f"s3://{where.bucket}/{where.key}" if where else "the source"
    summary = own.summary
    if not source.allowed:
        parts = [f"To read the copy's source, {name}: {source.summary}"]
        summary = " ".join(parts if own.allowed else [own.summary, *parts])
    return replace(
        own,
        outcome=outcome,
        summary=summary,
        source=source,
        blockers=(*own.blockers, *(one for one in source.blockers if one not in own.blockers)),
        unknowns=unique([
            *own.unknowns,
            *(replace(item, what=f"copy source: {item.what}") for item in source.unknowns),
        ]),
    )  # fmt: skip


def _set_missing_object_aside(
    stops: tuple[Blocker, ...], grants: Iterable[Grant | IamGrant]
) -> tuple[tuple[Blocker, ...], tuple[MissingInformation, ...]]:
    """A missing object stops the call only where nothing else does; else it is worth a word."""
    gone = [blocker for blocker in stops if blocker.kind == "object_missing"]
    refused = any(grant.verdict in (Verdict.MISSING, Verdict.DENIED) for grant in grants)
    if not gone or not refused:
        return stops, ()
    rest = tuple(blocker for blocker in stops if blocker.kind != "object_missing")
    return rest, (MissingInformation("the object", gone[0].detail, "an object of that key"),)


def _outcome(
    grants: Iterable[Grant | IamGrant],
    stops: tuple[Blocker, ...],
    *,
    reachable: bool,
    doubtful: bool,
) -> Outcome:
    """The first line that holds decides; the order is the rule.

    `doubtful`: a guardrail was read, but what it says hangs on something that is not known.
    """
    verdicts = {grant.verdict for grant in grants}
    if Verdict.DENIED in verdicts or any(blocker.deliberate for blocker in stops):
        return Outcome.DO_NOT_PATCH
    if Verdict.UNKNOWN in verdicts:
        return Outcome.UNKNOWN
    if stops:
        return Outcome.HANDOFF
    if Verdict.MISSING not in verdicts:
        return Outcome.UNKNOWN if doubtful else Outcome.ALREADY_ALLOWED
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
        others.append(owner.value_or_none)
    if isinstance(evidence.key, Read) and evidence.key.value:
        others.append(evidence.key.value.account)
    if any(other and other != caller for other in others):
        return True
    return None if not others or None in others else False
