"""The diagnosis document, `threegrants.diagnosis/1`: what people and machines read.

Described by `schema/diagnosis.schema.json`, which the tests hold it against.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from threegrants.analysis import Analysis
from threegrants.diagnosis import (
    Diagnosis,
    Grant,
    IamGrant,
    MissingInformation,
    Outcome,
    Reason,
    causes,
)
from threegrants.diagnosis.facts import s3_resource
from threegrants.evidence import Evidence, Read
from threegrants.patches import Patch, describe_patch, iac_snippets

SCHEMA = "threegrants.diagnosis/1"

_MAX_POLICY_CHARACTERS = 200_000
"""Characters of policies in one document: an incident is one DynamoDB item of at most 400 KB."""
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
) -> dict[str, Any]:
    """The JSON object of one diagnosis.

    Args:
        analysis: the examined call.
        incident_id: the incident's id.
        event_ids: a bounded sample of the events that joined; this call's own if empty.
        count: how many events joined.
        seen: times of the first and last event.
    """
    call, evidence, diagnosis = analysis.call, analysis.evidence, analysis.diagnosis
    listed = _patches_that_fit(analysis)
    first, last = seen or (call.time, call.time)
    key = evidence.key.value if isinstance(evidence.key, Read) else None
    bucket = evidence.bucket
    owner = bucket.account.value if bucket and isinstance(bucket.account, Read) else None
    return {
        "schema": SCHEMA,
        "id": incident_id,
        "principal": {
            "arn": diagnosis.grantee or call.caller.arn,
            "session_arn": call.caller.session_arn,
            "account": call.caller.account,
            "type": call.caller.type.value,
        },
        "request": {
            "action": call.action,
            "resource": _resource(analysis),
            "bucket": call.bucket,
            "bucket_account": owner or call.bucket_account,
            "object_key": call.object_key,
            "access": call.access.value,
            "region": call.region or None,
            "cross_account": diagnosis.cross_account,
            "kms_key": key.arn if key else None,
            "kms_key_source": key.source if key else None,
            "kms_actions": list(call.kms_actions),
            "event_ids": list(event_ids) or ([call.event_id] if call.event_id else []),
            "count": count,
            "first_seen": first or None,
            "last_seen": last or None,
        },
        "grants": _grants(diagnosis),
        "copy_source": _copy_source(analysis),
        "blockers": [
            {
                "kind": blocker.kind,
                "verdict": blocker.verdict.value,
                "policy": blocker.policy,
                "sid": blocker.sid,
                "detail": blocker.detail,
                "owner": blocker.owner,
            }
            for blocker in diagnosis.blockers
        ],
        "causes": list(causes(diagnosis)),
        "unknowns": [
            {"what": missing.what, "why": missing.why, "needs": missing.needs}
            for missing in (
                *diagnosis.unknowns,
                *((_OTHER_PATCHES_LEFT_OUT,) if listed != analysis.offered else ()),
            )
        ],
        "outcome": diagnosis.outcome.value,
        "certainty": diagnosis.certainty.value,
        "patches": [_patch(patch, diagnosis.outcome) for patch in listed],
        "handoffs": [handoff.to_json() for handoff in analysis.handoffs],
        "summary": diagnosis.summary,
        "message": call.message.text or None,
        "evidence_at": evidence.oldest,
        "evidence_age_seconds": _age_seconds(evidence.oldest),
    }


def _age_seconds(at: str) -> int:
    """Seconds since the oldest part of the evidence was read."""
    read = datetime.fromisoformat(at)
    return max(0, round((datetime.now(UTC) - read).total_seconds()))


def _grants(diagnosis: Diagnosis) -> dict[str, Any]:
    iam = diagnosis.iam_policy
    return {
        "bucket_policy": _grant(diagnosis.bucket_policy),
        "key_policy": _grant(diagnosis.key_policy),
        "iam_policy": {**_grant(iam), "bucket": _grant(iam.bucket), "key": _grant(iam.key)},
    }


def _copy_source(analysis: Analysis) -> dict[str, Any] | None:
    """Of a copy: the read of its source; its blockers and unknowns stand with the others."""
    where, source = analysis.call.copy_source, analysis.diagnosis.source
    if where is None or source is None:
        return None
    return {
        "bucket": where.bucket,
        "object_key": where.key,
        "outcome": source.outcome.value,
        "summary": source.summary,
        "grants": _grants(source),
    }


def alert_fingerprint(body: dict[str, Any]) -> str:
    """What has to change for an incident to be alerted again: verdicts, blockers, outcome."""
    grants = body["grants"]
    words = [f"{name}={grants[name]['verdict']}" for name in ("bucket_policy", "key_policy")]
    iam = grants["iam_policy"]
    words += [f"iam_{half}={iam[half]['verdict']}" for half in ("bucket", "key")]
    if source := body["copy_source"]:
        words.append(f"copy_source={source['outcome']}")
    words += sorted(f"blocker={blocker['kind']}" for blocker in body["blockers"])
    return " ".join([*words, f"outcome={body['outcome']}"])


def _patches_that_fit(analysis: Analysis) -> tuple[Patch, ...]:
    """Every offered patch, or the proposed ones where all together are too long to be kept."""
    size = sum(len(patch.before or "") + len(patch.after) for patch in analysis.offered)
    return analysis.offered if size <= _MAX_POLICY_CHARACTERS else analysis.patches


def _patch(patch: Patch, outcome: Outcome) -> dict[str, Any]:
    """One offered patch; as code too where it is not for this service to write."""
    shown = {**patch.to_json(), "says": describe_patch(patch)}
    return {**shown, "snippets": iac_snippets(patch)} if outcome is Outcome.HANDOFF else shown


def _grant(grant: Grant | IamGrant) -> dict[str, Any]:
    return {
        "verdict": grant.verdict.value,
        "reasons": [_reason(reason) for reason in grant.reasons],
    }


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        "code": reason.code,
        "policy": reason.policy,
        "sid": reason.sid,
        "detail": reason.detail,
    }


def _resource(analysis: Analysis) -> str | None:
    call = analysis.call
    if call.service == "s3" and call.action:
        return s3_resource(call, call.action)
    return _key_arn(analysis.evidence) or call.message.resource


def _key_arn(evidence: Evidence) -> str | None:
    return evidence.key.value.arn if isinstance(evidence.key, Read) and evidence.key.value else None
