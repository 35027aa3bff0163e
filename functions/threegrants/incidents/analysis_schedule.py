"""When an incident has to be analyzed. Pure.

Reading the evidence costs AWS calls in up to three accounts, so a storm of one denial must not read
it once an event: evidence is read again after `EVIDENCE_TTL_SECONDS` at the earliest, unless an event
asks another question than the last report answers.
"""

from datetime import UTC, datetime

from threegrants.cloudtrail import DeniedCall
from threegrants.diagnosis import Outcome
from threegrants.incidents.events import corroborated_key_of
from threegrants.incidents.incident import Incident
from threegrants.incidents.items import SECONDS_A_DAY

EVIDENCE_TTL_SECONDS = 60
"""Evidence is not read again for this long, unless the question is another one."""


_RECHECK_AFTER = (
    (3_600, 0),
    (SECONDS_A_DAY, 3_600),
    (7 * SECONDS_A_DAY, 6 * 3_600),
)
"""Up to which age, in seconds, an incident is examined again after how many seconds; then once a day.
Most policies are mended within the hour, and a person is told of what stays open."""


def recheck_is_due(incident: Incident, now: float) -> bool:
    """Whether the sweep has to examine an incident again: the longer it is open, the less often.

    Args:
        incident: the incident, as it is now.
        now: seconds since the epoch.
    """
    age = now - _epoch_seconds(incident.last_seen)
    wait = next((wait for up_to, wait in _RECHECK_AFTER if age < up_to), SECONDS_A_DAY)
    seen = max(float(incident.rechecked_at), _epoch_seconds(incident.diagnosed_at))
    return not wait or now - seen >= wait  # two clocks may differ a little


def analysis_is_due(
    call: DeniedCall, incident: Incident, now: float, *, replayed: bool = False
) -> bool:
    """Whether an incident has to be analyzed, for what a call says.

    Args:
        call: the denied call that was counted.
        incident: its incident, as it is now.
        now: seconds since the epoch.
        replayed: True if a person fed the record in: what was unknown is read again.
    """
    diagnosis = incident.diagnosis
    if diagnosis is None or asks_another_question(call, incident):
        return True
    names_an_unread_key = bool(call.kms_key) and not diagnosis.request.kms_key
    may_be_known_now = replayed and diagnosis.outcome is Outcome.UNKNOWN
    says_more = happened_after_evidence(call, incident) or names_an_unread_key or may_be_known_now
    return says_more and now - _epoch_seconds(incident.diagnosed_at) > EVIDENCE_TTL_SECONDS


def asks_another_question(call: DeniedCall, incident: Incident) -> bool:
    """Whether the report answers another question than the one that is asked now."""
    if incident.has_unanswered_question:
        return True
    # A key that was read is not asked about anew because a call names another one.
    diagnosis = incident.diagnosis
    assumed = diagnosis is not None and diagnosis.request.key_is_assumed
    return bool(call.kms_key) and assumed and corroborated_key_of(incident) is None


def happened_after_evidence(call: DeniedCall, incident: Incident) -> bool:
    """Whether a call was made after the evidence was read.

    Evidence that was read after a call was made has seen all that the call met.
    """
    return incident.diagnosed_at <= call.time


def _epoch_seconds(at: str) -> float:
    """Seconds since the epoch of a time of ours; 0 if there is none."""
    try:
        return datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0
