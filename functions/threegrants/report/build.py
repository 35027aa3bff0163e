"""Build the report of one analysis."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from threegrants.analysis import Analysis
from threegrants.cloudtrail import DeniedCall, KeySource, copy_source_read
from threegrants.diagnosis import (
    Blocker,
    Diagnosis,
    Grant,
    IamGrant,
    MissingInformation,
    Outcome,
    Reason,
    Verdict,
    causes,
)
from threegrants.diagnosis.facts import facts_of, s3_resource
from threegrants.evidence import Evidence, KeyEvidence, Read
from threegrants.patches import Handoff, Patch, describe_patch, iac_snippets, needed_statements
from threegrants.report.changes import HandoffReport, PatchReport, SnippetsReport
from threegrants.report.grants import (
    BlockerReport,
    CopySourceReport,
    GrantReport,
    GrantsReport,
    IamGrantReport,
    ReasonReport,
    UnknownReport,
)
from threegrants.report.report import PrincipalReport, Report, RequestReport
from threegrants.report.since_denial import SinceDenialReport
from threegrants.report.unseen_owner import other_half_of

_MAX_POLICY_CHARACTERS = 200_000
"""Characters of policies in one report: an incident is one DynamoDB item of at most 400 KB.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""
_OTHER_PATCHES_LEFT_OUT = MissingInformation(
    "other scopes and other ways",
    "the policies are so long that only the proposed patches are kept",
    "threegrants diagnose --scope, which keeps nothing",
)


def report_for(
    analysis: Analysis,
    incident_id: str,
    event_ids: Sequence[str] = (),
    count: int = 1,
    seen: tuple[str, str] | None = None,
) -> Report:
    """The report of one analysed call.

    Args:
        analysis: the call with its evidence, diagnosis and patches.
        incident_id: the incident's id.
        event_ids: a bounded sample of the events that were counted; this call's own if empty.
        count: how many events were counted.
        seen: times of the first and the last event; this call's own if None.
    """
    evidence, diagnosis = analysis.evidence, analysis.diagnosis
    kept = _patches_that_fit(analysis)
    left_out = (_OTHER_PATCHES_LEFT_OUT,) if kept != analysis.offered else ()
    return Report(
        id=incident_id,
        principal=_principal(analysis),
        request=_request(analysis, event_ids, count, seen),
        grants=_grants(analysis.call, diagnosis),
        copy_source=_copy_source(analysis),
        blockers=tuple(_blocker(blocker) for blocker in diagnosis.blockers),
        causes=causes(diagnosis),
        unknowns=tuple(_unknown(missing) for missing in (*diagnosis.unknowns, *left_out)),
        outcome=diagnosis.outcome,
        certainty=diagnosis.certainty,
        patches=tuple(_patch(patch, diagnosis.outcome) for patch in kept),
        handoffs=tuple(_handoff(handoff) for handoff in _handoffs(analysis)),
        summary=diagnosis.summary,
        message=analysis.call.message.text or None,
        evidence_at=evidence.oldest,
        evidence_age_seconds=_age_seconds(evidence.oldest),
        presumed_outcome=diagnosis.presumed_outcome,
        since_denial=_since_denial(analysis.call, diagnosis),
        other_half=other_half_of(analysis),
    )


def _since_denial(call: DeniedCall, diagnosis: Diagnosis) -> SinceDenialReport | None:
    now = diagnosis.now
    if not diagnosis.changed_since:
        return None
    return SinceDenialReport(
        diagnosis.changed_since,
        _grants(call, now) if now else None,
        tuple(_blocker(blocker) for blocker in now.blockers) if now else (),
    )


def _principal(analysis: Analysis) -> PrincipalReport:
    caller = analysis.call.caller
    return PrincipalReport(
        arn=analysis.diagnosis.grantee or caller.arn,
        session_arn=caller.session_arn,
        account=caller.account,
        type=caller.type,
        service=caller.invoked_by,
        issuer_arn=caller.issuer_arn,
        source_identity=caller.source_identity,
        identity_center_user_id=analysis.call.session_keys.get("identitystore:UserId"),
    )


def _request(
    analysis: Analysis, event_ids: Sequence[str], count: int, seen: tuple[str, str] | None
) -> RequestReport:
    call, key = analysis.call, _key(analysis.evidence)
    bucket = analysis.evidence.bucket
    owner = bucket.account.value if bucket and isinstance(bucket.account, Read) else None
    first, last = seen or (call.time, call.time)
    return RequestReport(
        action=call.action,
        operation=call.operation or None,
        resource=_resource(analysis),
        bucket=call.bucket,
        bucket_account=owner or call.bucket_account,
        object_key=call.object_key,
        access=call.access,
        region=call.region or None,
        cross_account=analysis.diagnosis.cross_account,
        kms_key=key.arn if key else None,
        kms_key_source=KeySource(key.source) if key else None,
        kms_key_corroborated=key.corroborated if key else None,
        kms_actions=tuple(call.kms_actions),
        event_ids=tuple(event_ids) or ((call.event_id,) if call.event_id else ()),
        count=count,
        first_seen=first or None,
        last_seen=last or None,
        bucket_tags=dict(analysis.bucket_tags),
    )


def _grants(call: DeniedCall, diagnosis: Diagnosis) -> GrantsReport:
    s3, kms = call.s3_actions, call.kms_actions
    return GrantsReport(
        bucket_policy=_grant(diagnosis.bucket_policy, s3),
        key_policy=_grant(diagnosis.key_policy, kms),
        iam_policy=_iam_grant(diagnosis.iam_policy, s3, kms),
    )


def _iam_grant(iam: IamGrant, s3: tuple[str, ...], kms: tuple[str, ...]) -> IamGrantReport:
    reasons = tuple(replace(_reason(reason), statement=None) for reason in iam.reasons)
    return IamGrantReport(iam.verdict, reasons, _grant(iam.bucket, s3), _grant(iam.key, kms))


def _grant(grant: Grant, needed: tuple[str, ...]) -> GrantReport:
    reasons = tuple(_reason(reason) for reason in grant.reasons)
    is_needed = grant.verdict is not Verdict.NOT_NEEDED
    return GrantReport(grant.verdict, reasons, (grant.actions or needed) if is_needed else ())


def _reason(reason: Reason) -> ReasonReport:
    return ReasonReport(
        reason.code, reason.policy, reason.sid, reason.detail, reason.advice, reason.statement
    )


def _copy_source(analysis: Analysis) -> CopySourceReport | None:
    """Of a copy: the read of its source; its blockers and unknowns stand with the others."""
    where, source = analysis.call.copy_source, analysis.diagnosis.source
    if where is None or source is None:
        return None
    return CopySourceReport(
        bucket=where.bucket,
        object_key=where.key,
        outcome=source.outcome,
        summary=source.summary,
        grants=_grants(copy_source_read(analysis.call) or analysis.call, source),
    )


def _blocker(blocker: Blocker) -> BlockerReport:
    return BlockerReport(
        kind=blocker.kind,
        verdict=blocker.verdict,
        policy=blocker.policy,
        sid=blocker.sid,
        detail=blocker.detail,
        owner=blocker.owner,
        statement=blocker.statement,
    )


def _unknown(missing: MissingInformation) -> UnknownReport:
    return UnknownReport(missing.what, missing.why, missing.needs)


def _patches_that_fit(analysis: Analysis) -> tuple[Patch, ...]:
    """Every offered patch, or the proposed ones where all together are too long to be kept."""
    size = sum(len(patch.before or "") + len(patch.after) for patch in analysis.offered)
    return analysis.offered if size <= _MAX_POLICY_CHARACTERS else analysis.patches


def _handoffs(analysis: Analysis) -> tuple[Handoff, ...]:
    """What people make: what the patches' makers found, and for a missing grant without, its statement."""
    diagnosis = analysis.diagnosis
    if diagnosis.outcome is not Outcome.HANDOFF:
        return analysis.handoffs
    facts = facts_of(analysis.call, analysis.evidence)
    needed = list(needed_statements(facts, diagnosis))
    if facts.source is not None and diagnosis.source is not None:
        needed += needed_statements(facts.source, diagnosis.source)
    covered = {patch.target for patch in analysis.patches}
    covered |= {handoff.target for handoff in analysis.handoffs}
    return (*analysis.handoffs, *(one for one in needed if one.target not in covered))


def _patch(patch: Patch, outcome: Outcome) -> PatchReport:
    """One offered patch; as code too where it is not for this service to write."""
    return PatchReport(
        grant=patch.grant,
        account=patch.account,
        region=patch.region,
        target=patch.target,
        operation=patch.operation,
        policy_name=patch.policy_name,
        scope=patch.scope or "",
        default=patch.default,
        alternative=patch.alternative,
        key_named_by_caller=patch.key_named_by_caller,
        before_sha256=patch.before_sha256,
        after_sha256=patch.after_sha256,
        statement=dict(patch.statement),
        statements=tuple(dict(one) for one in patch.statements),
        before=patch.before,
        after=patch.after,
        digest=patch.digest,
        says=describe_patch(patch),
        snippets=SnippetsReport(**iac_snippets(patch)) if outcome is Outcome.HANDOFF else None,
    )


def _handoff(handoff: Handoff) -> HandoffReport:
    return HandoffReport(
        kind=handoff.kind,
        account=handoff.account,
        target=handoff.target,
        why=handoff.why,
        snippets=SnippetsReport(**handoff.snippets),
        statement=handoff.statement,
    )


def _resource(analysis: Analysis) -> str | None:
    call = analysis.call
    if call.service == "s3":
        return s3_resource(call, call.action) if call.action else None
    key = _key(analysis.evidence)
    return key.arn if key else call.message.resource


def _key(evidence: Evidence) -> KeyEvidence | None:
    return evidence.key.value if isinstance(evidence.key, Read) else None


def _age_seconds(at: str) -> int:
    """Seconds since the oldest part of the evidence was read."""
    read = datetime.fromisoformat(at)
    return max(0, round((datetime.now(UTC) - read).total_seconds()))
