"""Which incident a KMS record belongs to, decided from values. Pure.

A *correlation key* names the calls among which a record is looked for: those of one principal in one
Region, or those that need one KMS key. A *candidate* is an incident found there.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from threegrants.cloudtrail import CallerType, DeniedCall
from threegrants.incidents.incident import Incident
from threegrants.incidents.states import CLOSED

MAX_SECONDS_APART = 5
"""The S3 and the KMS record of one call are at most this many seconds apart."""
MAX_SECONDS_LATE = 3600
"""A KMS record that waited may join an open incident that was seen this many seconds before."""
_WITHOUT_PRINCIPAL = frozenset({CallerType.SERVICE, CallerType.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Candidate:
    """An incident that a record may belong to, and from where its calls came.

    Args:
        incident: the incident as it is now.
        source_ip: the address that opened it, if the record had one.
        user_agent: the program that opened it, if the record had one.
    """

    incident: Incident
    source_ip: str | None = None
    user_agent: str | None = None

    @property
    def stated_key_arn(self) -> str | None:
        """The key's ARN if a record or the request states it.

        The bucket's default key is not enough: the object may be encrypted with another.
        """
        incident = self.incident
        if incident.stated_key_arn or incident.diagnosis is None:
            return incident.stated_key_arn
        return incident.diagnosis.request.stated_key


def correlation_key_of(call: DeniedCall, principal: str) -> str | None:
    """Among which calls a call is looked for: those of its principal in its Region.

    Without a principal (the identity of some KMS records is an AWS service) only the KMS key is
    left; None if that is not known either.

    Args:
        call: the denied call.
        principal: who called, as `principal_of` says.
    """
    if call.caller.type in _WITHOUT_PRINCIPAL and not call.caller.arn:
        return kms_key_correlation_key(call.kms_key, call.region)
    return _hash("principal", principal, call.region)


def kms_key_correlation_key(key: str | None, region: str) -> str | None:
    """Among which calls one is looked for that needs a KMS key; None if the key has no ARN."""
    return _hash("key", key, region) if key and key.startswith("arn:") else None


def parking_key_of(call: DeniedCall, principal: str) -> str:
    """Where a KMS record waits for its S3 record; every record has such a place."""
    return correlation_key_of(call, principal) or _hash("nobody", call.region)


def _hash(*words: str) -> str:
    return sha256(json.dumps(words).encode()).hexdigest()[:32]


def match_kms_record(call: DeniedCall, candidates: Iterable[Candidate]) -> Candidate | None:
    """The incident of S3 calls that a KMS record belongs to; None if none fits, or several do.

    Of several, those with the same source address and user agent come first (the oldest form of
    record has neither), then the nearest in time.
    """
    matching = [
        candidate
        for candidate in candidates
        if candidate.incident.bucket
        and _may_be_one_call(call, candidate)
        and seconds_apart(call, candidate) <= MAX_SECONDS_APART
    ]
    client = (call.source_ip, call.user_agent)
    same_client = [
        candidate for candidate in matching if (candidate.source_ip, candidate.user_agent) == client
    ]
    return _nearest(call, same_client or matching)


def match_late_kms_record(call: DeniedCall, candidates: Iterable[Candidate]) -> Candidate | None:
    """For a KMS record that waited: the only open incident that fits, seen within the hour."""
    matching = [
        candidate
        for candidate in candidates
        if candidate.incident.bucket
        and _may_be_one_call(call, candidate)
        and candidate.incident.state not in CLOSED
        and seconds_apart(call, candidate) <= MAX_SECONDS_LATE
    ]
    return matching[0] if len(matching) == 1 else None


def match_kms_only_incident(call: DeniedCall, candidates: Iterable[Candidate]) -> Candidate | None:
    """For an S3 call that opens an incident: the incident of KMS records alone that is its own."""
    matching = [
        candidate
        for candidate in candidates
        if not candidate.incident.bucket
        and _same_key(call, candidate)
        and set(call.kms_actions) & set(candidate.incident.kms_actions)
        and seconds_apart(call, candidate) <= MAX_SECONDS_APART
    ]
    return _nearest(call, matching)


def seconds_apart(call: DeniedCall, candidate: Candidate) -> float:
    """Seconds between a call and the time in which an incident was seen; infinite if not known."""
    incident = candidate.incident
    try:
        at, first, last = (
            datetime.fromisoformat(text)
            for text in (call.time, incident.first_seen, incident.last_seen)
        )
        return max((first - at).total_seconds(), (at - last).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return float("inf")


def _may_be_one_call(call: DeniedCall, candidate: Candidate) -> bool:
    """Whether S3 makes such a KMS call for these S3 calls, with the same key if both name it."""
    made = {"kms:" + call.operation.removesuffix("WithoutPlaintext"), *call.kms_actions}
    return bool(made & set(candidate.incident.kms_actions)) and _same_key(call, candidate)


def _same_key(call: DeniedCall, candidate: Candidate) -> bool:
    stated, known = call.kms_key, candidate.stated_key_arn
    both = stated and known and stated.startswith("arn:") and ":key/" in stated
    return stated == known if both else True


def _nearest(call: DeniedCall, candidates: Sequence[Candidate]) -> Candidate | None:
    """The candidate nearest in time; None if two are equally near."""
    gaps = sorted(
        (seconds_apart(call, candidate), index) for index, candidate in enumerate(candidates)
    )
    if not gaps or (len(gaps) > 1 and gaps[0][0] == gaps[1][0]):
        return None
    return candidates[gaps[0][1]]
