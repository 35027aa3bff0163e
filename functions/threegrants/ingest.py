"""Ingest: one denied call joins its incident, is examined if it says anything new, and alerted.

The order makes it safe to run twice at any point: the event is counted once (by its id), a KMS
record goes to one place (by its own); the diagnosis is kept together with "alert due"; the alert is
published before that mark is cleared.

    S3 record, or KMS called directly:   join ─▶ what waits joins it ─▶ examine ─▶ alert
    KMS called by S3:                    its S3 record's incident is there? join it
                                         else wait once, then look again, else an incident of its own
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from threegrants.analysis import Analysis, AnalysisOptions, analyze, analyze_evidence
from threegrants.cloudtrail import CallerType, DeniedCall, KeySource, parse_record
from threegrants.diagnosis import Outcome
from threegrants.evidence import Read, RoleClients, has_only_unique_id, resolve_unique_id
from threegrants.incidents import (
    BucketOwners,
    Conflict,
    Incident,
    IncidentLeases,
    KmsCorrelator,
    State,
    Store,
    correlation_key_of,
    due_alert,
    incident_id_of,
    is_muted,
    kms_actions_of,
    kms_key_correlation_key,
    match_kms_only_incident,
    match_kms_record,
    match_late_kms_record,
    parking_key_of,
    principal_of,
)
from threegrants.notifications import Alert, build_alert
from threegrants.report import alert_fingerprint, report_for

_MAX_ATTEMPTS = 12
_EVIDENCE_TTL_SECONDS = 60
"""Seconds for which evidence is not read again, unless the question is another one."""
_BUSY = frozenset({State.APPLYING, State.ROLLING_BACK})
_QUIET = frozenset({State.VERIFIED, State.ROLLED_BACK, State.RESOLVED, State.FAILED})
_ASSUMED_KEY_SOURCES = frozenset({"object", "bucket_default"})
"""How a diagnosis knows a key that no record names."""


def _ignore(_: Incident) -> None:
    """Nobody wants to know of alerts that are held back."""


@dataclass(frozen=True)
class Ingest:
    """The parts, given from outside.

    `on_suppressed_alert` is told of each alert that an incident's mute held back; `clock` gives seconds since the
    epoch.
    """

    store: Store
    reader: RoleClients
    analysis_options: AnalysisOptions
    stack: str
    send: Callable[[Alert], None]
    on_suppressed_alert: Callable[[Incident], None] = _ignore
    clock: Callable[[], float] = time.time
    bucket_owners: BucketOwners = field(init=False)
    correlator: KmsCorrelator = field(init=False)
    leases: IncidentLeases = field(init=False)
    _unresolvable_until: dict[tuple[str, str], float] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Build what stands on the table."""
        object.__setattr__(self, "bucket_owners", BucketOwners(self.store.table))
        object.__setattr__(self, "correlator", KmsCorrelator(self.store))
        object.__setattr__(self, "leases", IncidentLeases(self.store.table, self.clock))

    def handle(
        self,
        call: DeniedCall,
        record: Mapping[str, Any],
        *,
        was_parked: bool = False,
        replayed: bool = False,
    ) -> Incident | None:
        """Take in one denied call; None if it is a KMS record that has to wait for its S3 record.

        Args:
            call: the denied call.
            record: its CloudTrail record.
            was_parked: True at the second delivery of a KMS record that had to wait.
            replayed: True if a person fed the record in: what was unknown is read again.

        Raises:
            ClientError: if DynamoDB or SNS refuses; to be delivered again.
            Conflict: if too many others change the incident; to be delivered again.
        """
        if call.bucket and call.bucket_account:
            self.bucket_owners.learn(call.bucket, call.bucket_account)
        if call.via_service:
            return self._handle_kms_call_by_s3(call, record, was_parked=was_parked)
        resolved = self.resolve_caller(call)
        incident_id = incident_id_of(call, resolved)
        correlation_key = (
            correlation_key_of(call, principal_of(call, resolved))
            if self._needs_kms(call)
            else None
        )
        opening = (
            [self.correlator.candidate_write(correlation_key, incident_id, call)]
            if correlation_key
            else []
        )
        if correlation_key and not self.store.exists(incident_id):
            kms_incident = match_kms_only_incident(
                call, self.correlator.candidates(correlation_key)
            )
            if kms_incident:
                self.correlator.merge_kms_incident(incident_id, kms_incident, call)
        incident = self.store.record_event(incident_id, call, record, opening=opening)
        if correlation_key and (incident.fresh or incident.diagnosis is None):
            incident = self._link_parked_records(correlation_key, call, incident)
        before = incident.diagnosed_at
        incident = self._analyzed(call, record, incident, replayed=replayed)
        key = self._kms_key_correlation_key(incident)
        if key and incident.diagnosed_at != before:
            incident = self._link_parked_records(key, call, incident)
            if incident.asks != incident.answered:
                incident = self._analyzed(call, record, incident)
        return self._send_due_alerts(incident)

    def resolve_caller(self, call: DeniedCall) -> str | None:
        """The caller's ARN: only its account's IAM knows which role `AROA…` is.

        The answer is kept; that there was none is kept for a short time.
        """
        if not has_only_unique_id(call.caller):
            return None
        who = (call.caller.account or "", call.caller.unique_id or "")
        if self._unresolvable_until.get(who, 0) > self.clock():
            return None
        found = resolve_unique_id(self.reader, *who)
        if isinstance(found, Read):
            return found.value
        self._unresolvable_until[who] = self.clock() + _EVIDENCE_TTL_SECONDS
        return None

    def _handle_kms_call_by_s3(
        self, call: DeniedCall, record: Mapping[str, Any], *, was_parked: bool
    ) -> Incident | None:
        """A KMS call that S3 made for the caller: the failed call's S3 record counts it."""
        resolved = self.resolve_caller(call)
        principal = principal_of(call, resolved)
        correlation_key, parking_key = (
            correlation_key_of(call, principal),
            parking_key_of(call, principal),
        )
        candidates = self.correlator.candidates(correlation_key)
        match = match_kms_record(call, candidates) or (
            match_late_kms_record(call, candidates) if was_parked else None
        )
        if match:
            return self._link_kms_record(match.incident.id, parking_key, call, record)
        if not was_parked:
            self.correlator.park(parking_key, call, record)
            return None
        incident_id = incident_id_of(call, resolved)
        assigned = self.correlator.assigned_incident(parking_key, call, record)
        if assigned and assigned != incident_id:
            return self.store.find(assigned)
        incident = self.store.record_event(
            incident_id,
            call,
            record,
            opening=[self.correlator.candidate_write(correlation_key, incident_id, call)]
            if correlation_key
            else [],
            once=self.correlator.assign(parking_key, call, record, incident_id),
        )
        return self._send_due_alerts(self._analyzed(call, record, incident))

    def _link_kms_record(
        self, incident_id: str, parking_key: str, call: DeniedCall, record: Mapping[str, Any]
    ) -> Incident:
        """Join a KMS record to the incident of its S3 call; it may name the key."""
        incident = self.correlator.link_kms_record(incident_id, parking_key, call, record)
        if incident.diagnosis is None or incident.asks == incident.answered:
            return incident
        first = self.store.record(incident.id)
        asked = parse_record(first)
        if isinstance(asked, DeniedCall):
            incident = self._analyzed(asked, first, incident)
        return self._send_due_alerts(incident)

    def _link_parked_records(
        self, correlation_key: str, call: DeniedCall, incident: Incident
    ) -> Incident:
        """The KMS records that wait for this S3 call join its incident."""
        for record in self.correlator.parked_records(correlation_key, call.time):
            waiting = parse_record(record)
            if not isinstance(waiting, DeniedCall):
                continue
            match = match_kms_record(waiting, self.correlator.candidates(correlation_key))
            if match and match.incident.id == incident.id:
                joined = self.correlator.link_kms_record(
                    incident.id, correlation_key, waiting, record
                )
                incident = replace(joined, counted=incident.counted, fresh=incident.fresh)
        return incident

    def _analyzed(
        self,
        call: DeniedCall,
        record: Mapping[str, Any],
        incident: Incident,
        *,
        replayed: bool = False,
    ) -> Incident:
        """The incident with a diagnosis that answers what is asked now; one worker at a time."""
        analysis: Analysis | None = None
        holds_lease = False
        try:
            for _ in range(_MAX_ATTEMPTS):
                if incident.state in _BUSY or not self._analysis_is_due(call, incident, replayed):
                    return incident
                if not holds_lease:
                    holds_lease = self.leases.acquire_analysis(incident.id)
                    if not holds_lease:
                        return incident  # another worker reads the evidence now
                    incident = self._reread(incident)
                    continue
                asked = self._with_known_facts(call, incident)
                if analysis and analysis.call == asked:
                    analysis = analyze_evidence(
                        asked, analysis.evidence, self.analysis_options, incident.prefix
                    )
                else:
                    # What was closed is opened by a new denial: a reading from before it was
                    # closed, or from before it was taken back, must not answer that.
                    fresh = incident.state in _QUIET
                    analysis = analyze(
                        asked, self.reader, self.analysis_options, incident.prefix, fresh=fresh
                    )
                try:
                    incident = self._save(incident, analysis, record)
                except Conflict:
                    incident = self._reread(incident)
                    continue
                holds_lease = False
                return incident
        finally:
            if holds_lease:
                self.leases.release_analysis(incident.id)
        raise Conflict(f"incident {incident.id} is being changed by too many others")

    def _reread(self, incident: Incident) -> Incident:
        now = self.store.get(incident.id)
        return replace(now, counted=incident.counted, fresh=incident.fresh)

    def _analysis_is_due(self, call: DeniedCall, incident: Incident, replayed: bool) -> bool:  # noqa: FBT001
        """Whether the incident has to be examined, for what this call says."""
        if incident.diagnosis is None or asks_another_question(call, incident):
            return True
        new = (
            happened_after_evidence(call, incident)
            or names_a_key(call, incident)
            or (replayed and incident.diagnosis["outcome"] == Outcome.UNKNOWN)
        )
        return new and self.clock() - _epoch_seconds(incident.diagnosed_at) > _EVIDENCE_TTL_SECONDS

    def _with_known_facts(self, call: DeniedCall, incident: Incident) -> DeniedCall:
        """The call with what other records say of it: the bucket's owner, the key."""
        call = with_incident_facts(call, incident)
        if call.bucket and not call.bucket_account:
            return replace(call, bucket_account=self.bucket_owners.owner_of(call.bucket))
        return call

    def _save(self, incident: Incident, analysis: Analysis, record: Mapping[str, Any]) -> Incident:
        body = report_for(
            analysis,
            incident.id,
            incident.event_ids,
            incident.count,
            (incident.first_seen, incident.last_seen),
        )
        mark = alert_fingerprint(body)
        changed = mark != incident.signature
        allowed = analysis.diagnosis.allowed
        state = incident.state
        if allowed and state is State.OPEN:
            state = State.RESOLVED
        elif not allowed and (state in _QUIET or (state is State.REJECTED and changed)):
            state = State.OPEN
        quiet = state is State.REJECTED
        call = analysis.call
        key = kms_key_correlation_key(body["request"]["kms_key"], call.region)
        found_by_key = bool(key) and call.service == "s3" and self._needs_kms(call)
        return self.store.save_diagnosis(
            incident,
            body,
            mark,
            state,
            analysis.evidence.at,
            alert_due=incident.alert_due or (changed and not quiet),
            record=record,
            also=[self.correlator.candidate_write(key, incident.id, call)]
            if key and found_by_key
            else [],
        )

    def _send_due_alerts(self, incident: Incident) -> Incident:
        """Send what is owed, each alert once; an alert may repeat after a crash, never be lost."""
        while why := due_alert(incident):
            if is_muted(incident, self.clock()):
                if self.leases.note_suppressed_alert(incident, why):
                    self.on_suppressed_alert(incident)
                return incident
            if not self.leases.acquire_alert(incident.id):
                return incident  # another worker sends it now, and looks again afterwards
            incident = self._reread(incident)
            body, why = incident.document(), due_alert(incident)
            if body is None or why is None or is_muted(incident, self.clock()):
                self.leases.release_alert(incident.id)
                continue
            try:
                self.send(build_alert(body, self.stack, why))
            except BaseException:
                self.leases.release_alert(incident.id)
                raise
            self.leases.alert_sent(incident)
            incident = self._reread(incident)
        return incident

    @staticmethod
    def _needs_kms(call: DeniedCall) -> bool:
        """Whether S3 would call KMS for this call, if the object has a key."""
        return bool(kms_actions_of(call)) and call.caller.type is not CallerType.ANONYMOUS

    @staticmethod
    def _kms_key_correlation_key(incident: Incident) -> str | None:
        request = (incident.diagnosis or {}).get("request", {})
        return kms_key_correlation_key(request.get("kms_key"), request.get("region") or "")


def with_incident_facts(call: DeniedCall, incident: Incident) -> DeniedCall:
    """The S3 call with the owner and the key that other records of its incident name."""
    if call.service != "s3":
        return call
    call = replace(call, bucket_account=call.bucket_account or incident.owner)
    if call.kms_key or not incident.told_key:
        return call
    told_by = KeySource(incident.told_by) if incident.told_by else None
    return replace(call, kms_key=incident.told_key, kms_key_source=told_by)


def asks_another_question(call: DeniedCall, incident: Incident) -> bool:
    """Whether the diagnosis that is held answers another question than the one asked now."""
    if incident.asks != incident.answered:
        return True
    request = (incident.diagnosis or {}).get("request", {})
    return bool(call.kms_key) and request.get("kms_key_source") in _ASSUMED_KEY_SOURCES


def names_a_key(call: DeniedCall, incident: Incident) -> bool:
    """Whether the call names a key, and the diagnosis could read none."""
    request = (incident.diagnosis or {}).get("request", {})
    return bool(call.kms_key) and not request.get("kms_key")


def happened_after_evidence(call: DeniedCall, incident: Incident) -> bool:
    """Whether the call was made after the evidence was read.

    Evidence that was read after a call was made has seen all that the call met.
    """
    return incident.diagnosis is None or incident.diagnosed_at <= call.time


def _epoch_seconds(at: str) -> float:
    """Seconds since the epoch of a time of ours; 0 if there is none."""
    try:
        return datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0
