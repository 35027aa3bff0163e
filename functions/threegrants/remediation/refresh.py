"""An incident is examined again from fresh evidence, and what is new is kept."""

from collections.abc import Callable

from threegrants.analysis import Analysis
from threegrants.diagnosis import Diagnosis, Outcome
from threegrants.incidents import AlertReason, Incident, State, Store
from threegrants.incidents.states import AWAITING_DECISION, TRANSITIONS
from threegrants.remediation.outbox import OutboxItem, OutboxTask, outbox_writes
from threegrants.report import report_for


def refresh(
    store: Store,
    reanalyze: Callable[[Incident], Analysis],
    now: float,
    incident: Incident,
    *,
    keep: bool = False,
) -> Incident:
    """Examine an incident again and keep what is new: a verdict, or patches for today's policies.

    Args:
        store: the incidents.
        reanalyze: examines the incident's call again, from fresh evidence.
        now: seconds since the epoch.
        incident: the incident, as it was read.
        keep: whether the report is kept although it says nothing new, because a person asked for it.

    Raises:
        Conflict: if the incident changed meanwhile.
    """
    analysis = reanalyze(incident)
    seen = (incident.first_seen, incident.last_seen)
    report = report_for(analysis, incident.id, incident.event_ids, incident.count, seen)
    changed = report.alert_fingerprint != incident.alert_fingerprint
    before = incident.diagnosis.patches_by_digest if incident.diagnosis else {}
    if not keep and not changed and list(report.patches_by_digest) == list(before):
        return incident
    may_resolve = State.RESOLVED in TRANSITIONS[incident.state]
    allowed = may_resolve and is_mended(incident, analysis.diagnosis)
    reason = AlertReason.RESOLVED if allowed else AlertReason.CHANGED
    tells = allowed or incident.state in AWAITING_DECISION  # nobody waits for news of the others
    alert = OutboxItem(OutboxTask.ALERT, incident.id, reason.value, int(now))
    return store.save_diagnosis(
        incident,
        report,
        State.RESOLVED if allowed else incident.state,
        analysis.evidence.at,
        alert_due=incident.alert_due,
        also=outbox_writes([alert]) if changed and tells else (),
    )


_KNOWN_TO_STOP = (Outcome.FIXABLE, Outcome.HANDOFF, Outcome.DO_NOT_PATCH)


def is_mended(incident: Incident, now: Diagnosis) -> bool:
    """Whether nothing is left to do: the call is allowed, or what was known to stop it does not any more.

    Where nothing was known to stop it, what nobody looked at is still the likely cause.
    """
    before = incident.diagnosis.outcome if incident.diagnosis else None
    return now.allowed or (now.allowed_as_read and before in _KNOWN_TO_STOP)
