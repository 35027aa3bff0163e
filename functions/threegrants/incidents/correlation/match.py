"""Which incident a KMS record belongs to, decided from values. Pure.

A *correlation key* names the calls among which a record is looked for: those of one principal in one
Region, or those that need one KMS key. A *candidate* is what is kept there of an incident.

The caller of a KMS record may own a bucket that is encrypted with anybody's key. So a record whose key
is another one than the incident's own, where that was read, is never of that incident.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from threegrants.aws.arn import is_arn
from threegrants.cloudtrail import CallerType, DeniedCall

MAX_SECONDS_APART = 5
"""The S3 and the KMS record of one call are at most this many seconds apart."""
MAX_SECONDS_LATE = 3600
"""A KMS record that waited may join an open incident that was seen this many seconds before."""
_CLIENT_CHARACTERS = 300
_WITHOUT_PRINCIPAL = frozenset({CallerType.SERVICE, CallerType.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """What is kept of an incident, so that a record is matched without reading the incident.

    Args:
        incident_id: the incident.
        bucket: of its calls; None if it has KMS records alone.
        kms_actions: the KMS actions that its calls need.
        first_seen: when the first of the calls that are looked at was made, ISO 8601 in UTC.
        last_seen: when the last of them was made.
        key: the key's ARN, if the call names it or it was read; a record of another key is not of
            this call.
        closed: whether the incident is closed, where that was looked up.
        source_ip: the address that a call came from, if the record had one.
        user_agent: the program that made the call, if the record had one. Both as `client_text` has
            them.
    """

    incident_id: str
    bucket: str | None
    kms_actions: tuple[str, ...]
    first_seen: str
    last_seen: str
    key: str | None = None
    closed: bool = False
    source_ip: str | None = None
    user_agent: str | None = None


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
    """The incident of S3 calls that a KMS record belongs to; None if none fits, or several may.

    Of several, those of the record's own key come first. If there are none, and the record would tell
    one of several incidents its key, it joins none: whoever makes the calls chooses their times, and
    one of them may be for a bucket of its own. Then those with the same source address and user agent
    come first (the oldest form of record has neither), then the nearest in time.
    """
    matching = [
        candidate
        for candidate in candidates
        if candidate.bucket
        and _may_be_one_call(call, candidate)
        and seconds_apart(call, candidate) <= MAX_SECONDS_APART
    ]
    own = [candidate for candidate in matching if candidate.key and candidate.key == call.kms_key]
    if not own and len(matching) > 1 and is_arn(call.kms_key or ""):
        return None
    client = (client_text(call.source_ip), client_text(call.user_agent))
    same_client = [
        candidate
        for candidate in own or matching
        if (candidate.source_ip, candidate.user_agent) == client
    ]
    return _nearest(call, same_client or own or matching)


def match_late_kms_record(call: DeniedCall, candidates: Iterable[Candidate]) -> Candidate | None:
    """For a KMS record that waited: the only open incident that fits, seen within the hour."""
    matching = [
        candidate
        for candidate in candidates
        if candidate.bucket
        and _may_be_one_call(call, candidate)
        and not candidate.closed
        and seconds_apart(call, candidate) <= MAX_SECONDS_LATE
    ]
    return matching[0] if len(matching) == 1 else None


def match_kms_only_incident(call: DeniedCall, candidates: Iterable[Candidate]) -> Candidate | None:
    """For an S3 call that opens an incident: the incident of KMS records alone that is its own."""
    matching = [
        candidate
        for candidate in candidates
        if not candidate.bucket
        and _same_key(call, candidate)
        and set(call.kms_actions) & set(candidate.kms_actions)
        and seconds_apart(call, candidate) <= MAX_SECONDS_APART
    ]
    return _nearest(call, matching)


def client_text(text: str | None) -> str | None:
    """An address or a user agent as it is kept: a long one is cut, and a hash tells it from others.

    Whoever makes a call chooses its user agent; it stands in every item of a candidate.
    """
    if text is None or len(text) <= _CLIENT_CHARACTERS:
        return text
    digest = sha256(text.encode(errors="replace")).hexdigest()[:16]
    cut = text[:_CLIENT_CHARACTERS]
    return f"{cut}… (shortened by threegrants: {len(text)} characters, sha256 {digest})"


def seconds_apart(call: DeniedCall, candidate: Candidate) -> float:
    """Seconds between a call and the time in which an incident was seen; infinite if not known."""
    try:
        at, first, last = (
            datetime.fromisoformat(text)
            for text in (call.time, candidate.first_seen, candidate.last_seen)
        )
        return max((first - at).total_seconds(), (at - last).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return float("inf")


def _may_be_one_call(call: DeniedCall, candidate: Candidate) -> bool:
    """Whether S3 makes such a KMS call for these S3 calls, with the same key if both name it."""
    made = {"kms:" + call.operation.removesuffix("WithoutPlaintext"), *call.kms_actions}
    return bool(made & set(candidate.kms_actions)) and _same_key(call, candidate)


def names_another_key(call: DeniedCall, key: str | None) -> bool:
    """Whether a call names a key by its ARN, and not this one. An alias or an id may be any key."""
    stated = call.kms_key or ""
    both = key and stated.startswith("arn:") and ":key/" in stated
    return bool(both) and stated != key


def _same_key(call: DeniedCall, candidate: Candidate) -> bool:
    return not names_another_key(call, candidate.key)


def _nearest(call: DeniedCall, candidates: Sequence[Candidate]) -> Candidate | None:
    """The candidate nearest in time; None if two are equally near."""
    gaps = sorted(
        (seconds_apart(call, candidate), index) for index, candidate in enumerate(candidates)
    )
    if not gaps or (len(gaps) > 1 and gaps[0][0] == gaps[1][0]):
        return None
    return candidates[gaps[0][1]]
