"""What a denied call adds to its incident. Pure.

What is known of an incident only grows: the folders get wider, the KMS actions more. So a worker may
decide on an incident that is a little out of date.

A key that an event names is what its caller says. It never replaces a key that was read; it gives way
to a later event that names another one; and after an hour it is about other calls.
"""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from threegrants.cloudtrail import CallerType, DeniedCall, KeySource
from threegrants.cloudtrail.sanitize import fitting_id
from threegrants.incidents.incident import Incident
from threegrants.incidents.states import State
from threegrants.patches.scopes import with_key

SAMPLE_SIZE = 20
"""How many events an incident names."""
_MAX_SAMPLED_CHARACTERS = 64
"""CloudTrail's ids have 36."""

_STATED = frozenset({KeySource.ERROR_MESSAGE, KeySource.KMS_RECORD})
"""Where KMS's own sentence names a key."""
_STATED_KEY_STAYS_SECONDS = 60
"""For so long another named key does not replace one, so that two that take turns cost little."""
_STATED_KEY_COUNTS_SECONDS = 3600
"""A named key is about the calls that were made within so many seconds of it."""


def event_id_of(call: DeniedCall, record: Mapping[str, Any]) -> str:
    """The id that an event is counted by: the two copies of one S3 record share it.

    A record without an id is known by its content.
    """
    known = fitting_id(call.shared_event_id or call.event_id)
    return known or hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def kms_actions_of(call: DeniedCall) -> tuple[str, ...]:
    """The KMS actions by which S3 may appear in KMS's records for this call."""
    # S3 decrypts the source of a copy with the caller's permissions.
    return tuple(sorted({*call.kms_actions, *(("kms:Decrypt",) if call.copy_source else ())}))


def needs_kms(call: DeniedCall) -> bool:
    """Whether S3 calls KMS for this call, if the object is encrypted with a KMS key."""
    return bool(kms_actions_of(call)) and call.caller.type is not CallerType.ANONYMOUS


def opened_by(incident_id: str, call: DeniedCall) -> Incident:
    """The incident that a call opens."""
    when = call.time or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    incident = Incident(
        id=incident_id,
        state=State.OPEN,
        version=1,
        count=1,
        first_seen=when,
        last_seen=when,
    )
    incident = replace(incident, event_ids=with_sample(incident, [call]))
    return replace(incident, **new_facts(incident, call))


def with_event(incident: Incident, call: DeniedCall) -> Incident:
    """The incident with one more call, as its next version."""
    when = call.time or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    facts = new_facts(incident, call)
    if _was_counted_by_kms(incident, call):
        facts["counted_by_kms"] = incident.counted_by_kms - 1
    else:
        facts["count"] = incident.count + 1
    return replace(
        incident,
        **facts,
        version=incident.version + 1,
        first_seen=min(incident.first_seen, when),
        last_seen=max(incident.last_seen, when),
        event_ids=with_sample(incident, [call]),
    )


def with_kms_record(incident: Incident, call: DeniedCall) -> Incident:
    """The incident of an S3 call with the KMS record of that call, as its next version.

    The call is not counted: its S3 record counts it. The same incident if nothing is new.
    """
    facts: dict[str, Any] = {}
    sampled = with_sample(incident, [call])
    if sampled != incident.event_ids:
        facts["event_ids"] = sampled
    key = _stated_key(incident, call, KeySource.KMS_RECORD)
    if key and _diagnosed_key(incident) != call.kms_key:
        facts["question_version"] = incident.question_version + 1
    if key or incident.kms_event_id is None:
        facts["kms_event_id"] = call.event_id or event_id_of(call, {})
    changed = replace(incident, **facts, **key)
    if changed == incident:
        return incident
    return replace(changed, version=incident.version + 1)


def joined_by_s3(incident: Incident, call: DeniedCall) -> Incident:
    """An incident of KMS records alone as the incident of the S3 call they were made for.

    Its calls are counted; as many S3 records, made by then, are not counted again.
    """
    source = KeySource.KMS_RECORD if incident.stated_key_arn else incident.stated_key_source
    return replace(
        incident,
        bucket=call.bucket,
        counted_by_kms=incident.count,
        counted_by_kms_until=max(incident.last_seen, call.time),
        question_version=incident.question_version + 1,
        kms_event_id=incident.event_ids[0] if incident.event_ids else None,
        stated_key_source=source,
        version=incident.version + 1,
    )


def new_facts(incident: Incident, call: DeniedCall) -> dict[str, Any]:
    """The fields of an incident that a call changes, beside the counts; empty if none.

    `question_version` is among them if the diagnosis has to answer another question.
    """
    found: dict[str, Any] = {}
    asks = False
    wider = with_key(incident.folders, call.object_key or call.prefix or "")
    if wider != incident.folders:
        found["folders"], asks = wider, True
    if call.bucket and incident.bucket is None:
        found["bucket"], asks = call.bucket, True
    if call.bucket_account and call.bucket_account != incident.bucket_account:
        found["bucket_account"] = call.bucket_account
        diagnosis = incident.diagnosis
        asks |= diagnosis is None or diagnosis.request.bucket_account != call.bucket_account
    key = _stated_key(incident, call, call.kms_key_source)
    asks |= bool(key) and _diagnosed_key(incident) != call.kms_key
    actions = tuple(sorted({*incident.kms_actions, *kms_actions_of(call)}))
    if actions != incident.kms_actions:
        found["kms_actions"] = actions
    if asks:
        found["question_version"] = incident.question_version + 1
    return found | key


def only_counts(incident: Incident, call: DeniedCall) -> bool:
    """Whether a call changes nothing of its incident but the count, the sample and last seen.

    True stays true, because what is known of an incident only grows.
    """
    return (
        call.time >= incident.first_seen
        and not new_facts(incident, call)
        and not _was_counted_by_kms(incident, call)
    )


def with_incident_facts(call: DeniedCall, incident: Incident) -> DeniedCall:
    """The S3 call with the bucket's owner and the key that other records of its incident state.

    Where a key is corroborated, what the call or another record names instead is set aside.
    """
    if call.service != "s3":
        return call
    call = replace(call, bucket_account=call.bucket_account or incident.bucket_account)
    key, source = call.kms_key, call.kms_key_source
    if key is None and incident.stated_key_arn and _is_about(call, incident):
        key, source = incident.stated_key_arn, incident.stated_key_source
    corroborated = corroborated_key_of(incident)
    if key is None or corroborated is None or key == corroborated:
        return replace(call, kms_key=key, kms_key_source=source)
    return replace(call, kms_key=None, kms_key_source=None, kms_key_passed_over=key)


def corroborated_key_of(incident: Incident) -> str | None:
    """The ARN of the key that the last analysis read from the bucket or the object."""
    if incident.diagnosis is None or incident.bucket is None:
        return None
    request = incident.diagnosis.request
    same_bucket = request.bucket == incident.bucket
    return request.kms_key if same_bucket and request.kms_key_corroborated else None


def _stated_key(incident: Incident, call: DeniedCall, source: str | None) -> dict[str, Any]:
    """The key that KMS names in an event, where that says anything new; else empty."""
    key = call.kms_key or ""
    if source not in _STATED or not key.startswith("arn:") or key == incident.stated_key_arn:
        return {}
    if corroborated_key_of(incident) is not None:
        return {}
    if incident.stated_key_arn:
        apart = _seconds_between(incident.stated_key_at, call.time)
        if apart is not None and apart <= _STATED_KEY_STAYS_SECONDS:
            return {}
    return {
        "stated_key_arn": key,
        "stated_key_source": KeySource(source),
        "stated_key_at": call.time,
    }


def _is_about(call: DeniedCall, incident: Incident) -> bool:
    """Whether the key that an incident's records name is about this call too."""
    apart = _seconds_between(incident.stated_key_at, call.time)
    return apart is None or abs(apart) <= _STATED_KEY_COUNTS_SECONDS


def _seconds_between(earlier: str, later: str) -> float | None:
    """Seconds from one time to another; None if one of them is not known."""
    try:
        return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
    except (ValueError, TypeError):
        return None


def _diagnosed_key(incident: Incident) -> str | None:
    return incident.diagnosis.request.kms_key if incident.diagnosis else None


def _was_counted_by_kms(incident: Incident, call: DeniedCall) -> bool:
    """Whether the call may be one that its KMS record counted already."""
    return (
        incident.counted_by_kms > 0
        and call.service == "s3"
        and call.time <= incident.counted_by_kms_until
    )


def with_sample(incident: Incident, calls: Sequence[DeniedCall]) -> tuple[str, ...]:
    """The sample of an incident's events with those of some calls, as far as there is room.

    An id longer than CloudTrail's own is kept as its digest: the sample is part of a small item.
    """
    named = (fitting_id(call.event_id, _MAX_SAMPLED_CHARACTERS) for call in calls if call.event_id)
    return tuple(dict.fromkeys((*incident.event_ids, *named)))[:SAMPLE_SIZE]
