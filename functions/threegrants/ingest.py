"""Ingest: one denied call joins its incident, is analyzed if it says anything new, and alerted.

    S3 record, or KMS called directly:   count it ─▶ link the KMS records that wait for it
                                         ─▶ analyze ─▶ alert
    KMS called by S3:                    is its S3 record's incident there? then link it
                                         else park it once, then look again,
                                         else it opens an incident of its own

The order makes it safe to run twice, and to stop anywhere. The event is counted once, by its id. A
KMS record is assigned to one incident, by its own id. The report is kept together with "alert due",
and that mark is cleared after the alert was published.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from threegrants.analysis import Analysis, AnalysisOptions, analyze, analyze_evidence
from threegrants.cloudtrail import DeniedCall, is_genuine, parse_record
from threegrants.evidence import Read, RoleClients, has_only_unique_id, look_up_unique_id
from threegrants.incidents import (
    EVIDENCE_TTL_SECONDS,
    BucketOwners,
    Conflict,
    Event,
    Incident,
    IncidentLeases,
    Lease,
    State,
    Store,
    analysis_is_due,
    corroborated_key_of,
    incident_id_of,
    needs_kms,
    principal_of,
    with_incident_facts,
)
from threegrants.incidents.correlation import (
    KmsCorrelator,
    assign_write,
    candidate_writes,
    correlation_key_of,
    kms_key_correlation_key,
    match_kms_only_incident,
    match_kms_record,
    match_late_kms_record,
    names_another_key,
    parking_key_of,
)
from threegrants.incidents.held_alerts import HeldAlerts
from threegrants.incidents.hourly_limits import (
    DEFAULT_LIMITS,
    Counted,
    HourlyCounts,
    HourlyLimits,
    LimitReached,
)
from threegrants.incidents.snoozes import Snoozes
from threegrants.incidents.states import REOPENED_BY_DENIAL, RUN_IN_PROGRESS, after_diagnosis
from threegrants.notifications import Alert, CallerLimits, DueAlerts
from threegrants.notifications.alert_policy import NOTHING_DECIDED, AlertPolicy
from threegrants.report import Report, report_for

_MAX_ATTEMPTS = 12
_REMEMBERED_CANDIDATES = 4000
"""Items of candidates of which a worker remembers that it wrote them."""


def _candidate(write: Mapping[str, Any]) -> tuple[str, ...]:
    """Which item a write of a candidate writes, and the key that it says."""
    item = write["Item"]
    return str(item["pk"]), str(item["sk"]), str(item.get("key"))


def _ignore(_: Incident) -> None:
    """Nobody wants to know of alerts that are held back."""


@dataclass(frozen=True)
class Ingest:
    """Takes in denied calls.

    Args:
        store: the store of incidents.
        reader: clients with the reader role.
        analysis_options: what the operator decided about patches.
        stack: the stack's name, for the commands that alerts show.
        send: publishes an alert.
        on_suppressed_alert: told of each alert that a mute or a snooze held back.
        clock: seconds since the epoch.
        limits: how many incidents are opened, and alerts sent, in one hour.
        alert_policy: what the operator decided about alerts.
    """

    store: Store
    reader: RoleClients
    analysis_options: AnalysisOptions
    stack: str
    send: Callable[[Alert], None]
    on_suppressed_alert: Callable[[Incident], None] = _ignore
    clock: Callable[[], float] = time.time
    limits: HourlyLimits = DEFAULT_LIMITS
    alert_policy: AlertPolicy = NOTHING_DECIDED
    bucket_owners: BucketOwners = field(init=False)
    correlator: KmsCorrelator = field(init=False)
    leases: IncidentLeases = field(init=False)
    caller_limits: CallerLimits = field(init=False)
    due_alerts: DueAlerts = field(init=False)
    _candidates: set[tuple[str, ...]] = field(init=False, default_factory=set)
    _ahead: dict[str, list[Event]] = field(init=False, default_factory=dict)
    _unresolvable_until: dict[tuple[str, str], float] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Build the stores that share the table of incidents."""
        object.__setattr__(self, "bucket_owners", BucketOwners(self.store.table))
        object.__setattr__(self, "correlator", KmsCorrelator(self.store))
        object.__setattr__(self, "leases", IncidentLeases(self.store.table, self.clock))
        counts = HourlyCounts(self.store.table, self.clock)
        policy = self.alert_policy
        limits = CallerLimits(counts, self.limits, self.stack, self.send, self.clock, policy)
        object.__setattr__(self, "caller_limits", limits)
        due_alerts = DueAlerts(
            self.store,
            self.leases,
            limits,
            HeldAlerts(self.store.table, self.clock),
            self.stack,
            self.send,
            self.on_suppressed_alert,
            self.resolve_caller,
            self.clock,
            Snoozes(self.store.table, self.clock),
            policy,
        )
        object.__setattr__(self, "due_alerts", due_alerts)

    def expect(self, batch: Iterable[Event]) -> None:
        """Say which events come next, so that those of one incident are counted in one transaction.

        It changes what they cost, and nothing else: each has to be handled all the same.

        Args:
            batch: the events of one delivery, none that is suppressed.
        """
        self.store.forget_counted_ahead()
        self._ahead.clear()
        for call, record in batch:
            if not call.via_service:
                incident_id = incident_id_of(call, self.resolve_caller(call))
                self._ahead.setdefault(incident_id, []).append((call, record))

    def handle(
        self,
        call: DeniedCall,
        record: Mapping[str, Any],
        *,
        was_parked: bool = False,
        replayed: bool = False,
    ) -> Incident | None:
        """Take in one denied call.

        Args:
            call: the denied call.
            record: its CloudTrail record.
            was_parked: True at the second delivery of a KMS record that had to wait.
            replayed: True if a person fed the record in: what was unknown is read again.

        Returns:
            The call's incident; None if it is a KMS record that has to wait for its S3 record.

        Raises:
            LimitReached: if it would open one more incident than the hour allows; that was alerted.
            ClientError: if DynamoDB or SNS refuses; to be delivered again.
            Conflict: if too many others change the incident; to be delivered again.
        """
        own = call.bucket_account == call.recipient_account
        if call.bucket and call.bucket_account and own and is_genuine(record):
            self.bucket_owners.learn(call.bucket, call.bucket_account)
        try:
            if call.via_service:
                return self._handle_kms_call_by_s3(call, record, was_parked=was_parked)
            return self._handle_call(call, record, replayed=replayed)
        except LimitReached as reached:
            self.caller_limits.tell(reached.counter)
            raise

    def resolve_caller(self, call: DeniedCall) -> str | None:
        """The caller's ARN, where the record has only its unique id; None if it cannot be read.

        Only IAM of the caller's account knows which role `AROA…` is. The answer is kept; that there
        was none is kept for `EVIDENCE_TTL_SECONDS`.
        """
        if not has_only_unique_id(call.caller):
            return None
        who = (call.caller.account or "", call.caller.unique_id or "")
        if self._unresolvable_until.get(who, 0) > self.clock():
            return None
        found = look_up_unique_id(self.reader, *who)
        if isinstance(found, Read):
            return found.value
        self._unresolvable_until[who] = self.clock() + EVIDENCE_TTL_SECONDS
        return None

    def _handle_call(
        self, call: DeniedCall, record: Mapping[str, Any], *, replayed: bool
    ) -> Incident:
        """An S3 call, or a KMS call that was not made by S3."""
        arn = self.resolve_caller(call)
        incident_id = incident_id_of(call, arn)
        # A direct call of KMS is made for no S3 call.
        of_s3 = call.service == "s3" and needs_kms(call)
        key = correlation_key_of(call, principal_of(call, arn)) if of_s3 else None
        if key and not self.store.exists(incident_id):
            of_kms = match_kms_only_incident(call, self.correlator.candidates(key, call.time))
            if of_kms:
                self.correlator.merge_kms_incident(incident_id, of_kms.incident_id, call)
        known = self.store.known(incident_id)
        seen = self._candidate_writes(key, incident_id, call, known)
        if known:
            # Found too early it does no harm; found too late, a KMS record would wait in vain.
            self.correlator.write_candidates(seen)
            self._remember_candidates(seen)
        principal = principal_of(call, arn)
        counted = self.caller_limits.counters(Counted.INCIDENTS, call, principal)
        recorded = self.store.record_event(
            incident_id,
            call,
            record,
            also=() if known else seen,
            counters=counted,
            ahead=self._ahead.get(incident_id, ()),
        )
        incident = recorded.incident
        if recorded.adds_facts:
            self._remember_candidates(seen)
        if key and (recorded.adds_facts or incident.diagnosis is None):
            incident = self._link_parked_records(key, call, incident)
        before = incident.diagnosed_at
        incident = self._analyzed(call, record, incident, replayed=replayed)
        if incident.diagnosis and incident.diagnosed_at != before:
            incident = self._link_records_of_key(incident.diagnosis, call, record, incident)
        return self.due_alerts.send_due(incident, call)

    def _candidate_writes(
        self,
        correlation_key: str | None,
        incident_id: str,
        call: DeniedCall,
        known: Incident | None,
    ) -> list[dict[str, Any]]:
        """What makes an incident findable at the time of a call, if this worker did not write it yet.

        It is found under its caller, and under the key that was read for it.
        """
        if correlation_key is None:
            return []
        key = corroborated_key_of(known) if known else None
        of_key = kms_key_correlation_key(key, call.region)
        return [
            write
            for under in (correlation_key, of_key)
            if under
            for write in candidate_writes(under, incident_id, call, key)
            if _candidate(write) not in self._candidates
        ]

    def _remember_candidates(self, written: Sequence[Mapping[str, Any]]) -> None:
        if len(self._candidates) >= _REMEMBERED_CANDIDATES:
            self._candidates.clear()
        self._candidates.update(map(_candidate, written))

    def _link_records_of_key(
        self, report: Report, call: DeniedCall, record: Mapping[str, Any], incident: Incident
    ) -> Incident:
        """Link what waits under the KMS key that the analysis found; it may ask a new question."""
        request = report.request
        corroborated = request.kms_key if request.kms_key_corroborated else None
        key = kms_key_correlation_key(corroborated, request.region or "")
        if key is None:
            return incident
        incident = self._link_parked_records(key, call, incident)
        if incident.has_unanswered_question:
            return self._analyzed(call, record, incident)
        return incident

    def _handle_kms_call_by_s3(
        self, call: DeniedCall, record: Mapping[str, Any], *, was_parked: bool
    ) -> Incident | None:
        """A KMS call that S3 made for the caller: the failed call's S3 record counts it."""
        arn = self.resolve_caller(call)
        principal = principal_of(call, arn)
        key, parking_key = correlation_key_of(call, principal), parking_key_of(call, principal)
        match = match_kms_record(call, self.correlator.candidates(key, call.time))
        if match is None and was_parked:
            of_the_hour = self.correlator.candidates_of_the_hour(key, call.time)
            match = match_late_kms_record(call, of_the_hour)
        if match and self._has_another_key(match.incident_id, call):
            match = None
        if match:
            return self._link_kms_record(match.incident_id, parking_key, call, record)
        if not was_parked:
            self.correlator.park(parking_key, call, record)
            return None
        incident_id = incident_id_of(call, arn)
        assigned = self.correlator.assigned_incident(parking_key, call, record)
        if assigned and assigned != incident_id:
            return self.store.find(assigned)
        recorded = self.store.record_event(
            incident_id,
            call,
            record,
            also=candidate_writes(key, incident_id, call) if key else (),
            assignment=assign_write(parking_key, call, record, incident_id),
            counters=self.caller_limits.counters(Counted.INCIDENTS, call, principal),
        )
        return self.due_alerts.send_due(self._analyzed(call, record, recorded.incident), call)

    def _has_another_key(self, incident_id: str, call: DeniedCall) -> bool:
        """Whether another key was read for an incident than a KMS record names.

        Its caller may own a bucket that is encrypted with that other key. True too if the incident is
        gone.
        """
        incident = self.store.find(incident_id)
        return incident is None or names_another_key(call, corroborated_key_of(incident))

    def _link_kms_record(
        self, incident_id: str, parking_key: str, call: DeniedCall, record: Mapping[str, Any]
    ) -> Incident:
        """Link a KMS record to the incident of its S3 call; it may state the key."""
        incident = self.correlator.link_kms_record(incident_id, parking_key, call, record)
        if incident.diagnosis is None or not incident.has_unanswered_question:
            return incident
        analyzed_record = self.store.record(incident.id)
        analyzed_call = parse_record(analyzed_record)
        if isinstance(analyzed_call, DeniedCall):
            incident = self._analyzed(analyzed_call, analyzed_record, incident)
        return self.due_alerts.send_due(incident, call)

    def _link_parked_records(
        self, correlation_key: str, call: DeniedCall, incident: Incident
    ) -> Incident:
        """Link the KMS records that wait for this S3 call."""
        for record in self.correlator.parked_records(correlation_key, call.time):
            parked = parse_record(record)
            if not isinstance(parked, DeniedCall):
                continue
            match = match_kms_record(
                parked, self.correlator.candidates(correlation_key, parked.time)
            )
            if match is None or names_another_key(parked, corroborated_key_of(incident)):
                continue
            matched = self.store.find(match.incident_id)
            if matched is not None and matched.id == incident.id:
                incident = self.correlator.link_kms_record(
                    incident.id, correlation_key, parked, record
                )
        return incident

    def _analyzed(
        self,
        call: DeniedCall,
        record: Mapping[str, Any],
        incident: Incident,
        *,
        replayed: bool = False,
    ) -> Incident:
        """The incident with a report that answers what is asked now; one worker at a time."""
        analysis: Analysis | None = None
        holds_lease = False
        try:
            for _ in range(_MAX_ATTEMPTS):
                if incident.state in RUN_IN_PROGRESS or not analysis_is_due(
                    call, incident, self.clock(), replayed=replayed
                ):
                    return incident
                if not holds_lease:
                    holds_lease = self.leases.acquire(incident.id, Lease.ANALYSIS)
                    if not holds_lease:
                        return incident  # another worker reads the evidence now
                    incident = self.store.get(incident.id)
                    continue
                analysis = self._analyze(call, incident, analysis)
                try:
                    incident = self._save(incident, analysis, record)
                except Conflict:
                    incident = self.store.get(incident.id)
                    continue
                holds_lease = False  # the report that was kept gave the lease back
                return incident
        finally:
            if holds_lease:
                self.leases.release(incident.id, Lease.ANALYSIS)
        raise Conflict(f"incident {incident.id} is being changed by too many others")

    def _analyze(self, call: DeniedCall, incident: Incident, last: Analysis | None) -> Analysis:
        """Analyze a call; the evidence of the last attempt is enough if the call is the same."""
        call = with_incident_facts(call, incident)
        if call.bucket and not call.bucket_account:
            call = replace(call, bucket_account=self.bucket_owners.owner_of(call.bucket))
        if last and last.call == call:
            return analyze_evidence(call, last.evidence, self.analysis_options, incident.folders)
        # What was closed is opened by a new denial: evidence from before it was closed, or from
        # before it was taken back, must not answer that.
        fresh, reader = incident.state in REOPENED_BY_DENIAL, self.reader.for_incident(incident.id)
        found = analyze(call, reader, self.analysis_options, incident.folders, fresh=fresh)
        bucket = found.evidence.bucket
        owner = bucket.account.value_or_none if bucket and bucket.owner_is_seen else None
        if call.bucket and not call.bucket_account and owner and not call.replayed:
            # S3 itself answered in that account, and in no other: the next incident need not ask.
            self.bucket_owners.learn(call.bucket, owner)
        return found

    def _save(self, incident: Incident, analysis: Analysis, record: Mapping[str, Any]) -> Incident:
        """Keep the report of an analysis, and whether it has to be alerted."""
        between = (incident.first_seen, incident.last_seen)
        report = report_for(analysis, incident.id, incident.event_ids, incident.count, between)
        changed = report.alert_fingerprint != incident.alert_fingerprint
        state = after_diagnosis(incident.state, allowed=analysis.diagnosis.allowed, changed=changed)
        call = analysis.call
        # Under a key that only the caller names, records of other callers must not be found.
        read = report.request.kms_key if report.request.kms_key_corroborated else None
        key = kms_key_correlation_key(read, call.region)
        found_by_key = key is not None and call.service == "s3" and needs_kms(call)
        seen = candidate_writes(key, incident.id, call, read) if key and found_by_key else []
        saved = self.store.save_diagnosis(
            incident,
            report,
            state,
            analysis.evidence.at,
            alert_due=incident.alert_due or (changed and state is not State.REJECTED),
            record=record,
            also=seen,
        )
        self._remember_candidates(seen)
        return saved
