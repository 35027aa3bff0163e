"""Watch: one denied call joins its incident, is examined if it says anything new, and alerted.

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
from threegrants.cloudtrail import CallerType, DeniedCall, parse_record
from threegrants.diagnosis import Outcome
from threegrants.evidence import Read, RoleClients, has_only_unique_id, resolve_unique_id
from threegrants.incidents import (
    Calls,
    Conflict,
    Incident,
    Owners,
    State,
    Store,
    Turns,
    choose,
    choose_alone,
    choose_late,
    incident_id,
    key_place,
    ledger_of,
    legs_of,
    muted,
    owed,
    place_of,
    principal_of,
)
from threegrants.notifications import Alert, alert_for
from threegrants.report import document, signature

_TRIES = 12
_FRESH = 60
"""Seconds for which evidence is not read again, unless the question is another one."""
_BUSY = frozenset({State.APPLYING, State.ROLLING_BACK})
_QUIET = frozenset({State.VERIFIED, State.ROLLED_BACK, State.RESOLVED, State.FAILED})
_ASSUMED = frozenset({"object", "bucket_default"})
"""How a diagnosis knows a key that no record names."""


def _nothing(_: Incident) -> None:
    """Nobody wants to know of alerts that are held back."""


@dataclass(frozen=True)
class Watch:
    """The parts, given from outside.

    `held` is told of each alert that an incident's mute held back; `clock` gives seconds since the
    epoch.
    """

    store: Store
    reader: RoleClients
    analysis_options: AnalysisOptions
    stack: str
    send: Callable[[Alert], None]
    held: Callable[[Incident], None] = _nothing
    clock: Callable[[], float] = time.time
    owners: Owners = field(init=False)
    calls: Calls = field(init=False)
    turns: Turns = field(init=False)
    _strangers: dict[tuple[str, str], float] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Build what stands on the table."""
        object.__setattr__(self, "owners", Owners(self.store.table))
        object.__setattr__(self, "calls", Calls(self.store))
        object.__setattr__(self, "turns", Turns(self.store.table, self.clock))

    def see(
        self,
        call: DeniedCall,
        record: Mapping[str, Any],
        *,
        waited: bool = False,
        replayed: bool = False,
    ) -> Incident | None:
        """Take in one denied call; None if it is a KMS record that has to wait for its S3 record.

        Args:
            call: the denied call.
            record: its CloudTrail record.
            waited: True at the second delivery of a KMS record that had to wait.
            replayed: True if a person fed the record in: what was unknown is read again.

        Raises:
            ClientError: if DynamoDB or SNS refuses; to be delivered again.
            Conflict: if too many others change the incident; to be delivered again.
        """
        if call.bucket and call.bucket_account:
            self.owners.learn(call.bucket, call.bucket_account)
        if call.via_service:
            return self._through_s3(call, record, waited=waited)
        resolved = self.resolved(call)
        identity = incident_id(call, resolved)
        place = place_of(call, principal_of(call, resolved)) if self._has_leg(call) else None
        opening = [self.calls.trace(place, identity, call)] if place else []
        if place and not self.store.known(identity):
            alone = choose_alone(call, self.calls.near(place))
            if alone:
                self.calls.adopt(identity, alone, call)
        incident = self.store.join(identity, call, record, opening=opening)
        if place and (incident.fresh or incident.diagnosis is None):
            incident = self._collect(place, call, incident)
        before = incident.diagnosed_at
        incident = self._examined(call, record, incident, replayed=replayed)
        key = self._key_place(incident)
        if key and incident.diagnosed_at != before:
            incident = self._collect(key, call, incident)
            if incident.asks != incident.answered:
                incident = self._examined(call, record, incident)
        return self._alerted(incident)

    def resolved(self, call: DeniedCall) -> str | None:
        """The caller's ARN: only its account's IAM knows which role `AROA…` is.

        The answer is kept; that there was none is kept for a short time.
        """
        if not has_only_unique_id(call.caller):
            return None
        who = (call.caller.account or "", call.caller.unique_id or "")
        if self._strangers.get(who, 0) > self.clock():
            return None
        found = resolve_unique_id(self.reader, *who)
        if isinstance(found, Read):
            return found.value
        self._strangers[who] = self.clock() + _FRESH
        return None

    def _through_s3(
        self, call: DeniedCall, record: Mapping[str, Any], *, waited: bool
    ) -> Incident | None:
        """A KMS call that S3 made for the caller: the failed call's S3 record counts it."""
        resolved = self.resolved(call)
        principal = principal_of(call, resolved)
        place, ledger = place_of(call, principal), ledger_of(call, principal)
        traces = self.calls.near(place)
        chosen = choose(call, traces) or (choose_late(call, traces) if waited else None)
        if chosen:
            return self._attached(chosen.incident.id, ledger, call, record)
        if not waited:
            self.calls.wait(ledger, call, record)
            return None
        identity = incident_id(call, resolved)
        home = self.calls.home(ledger, call, record)
        if home and home != identity:
            return self.store.find(home)
        incident = self.store.join(
            identity,
            call,
            record,
            opening=[self.calls.trace(place, identity, call)] if place else [],
            once=self.calls.settled(ledger, call, record, identity),
        )
        return self._alerted(self._examined(call, record, incident))

    def _attached(
        self, identity: str, ledger: str, call: DeniedCall, record: Mapping[str, Any]
    ) -> Incident:
        """Join a KMS record to the incident of its S3 call; it may name the key."""
        incident = self.calls.attach(identity, ledger, call, record)
        if incident.diagnosis is None or incident.asks == incident.answered:
            return incident
        first = self.store.record(incident.id)
        asked = parse_record(first)
        if isinstance(asked, DeniedCall):
            incident = self._examined(asked, first, incident)
        return self._alerted(incident)

    def _collect(self, place: str, call: DeniedCall, incident: Incident) -> Incident:
        """The KMS records that wait for this S3 call join its incident."""
        for record in self.calls.waiting(place, call.time):
            waiting = parse_record(record)
            if not isinstance(waiting, DeniedCall):
                continue
            chosen = choose(waiting, self.calls.near(place))
            if chosen and chosen.incident.id == incident.id:
                joined = self.calls.attach(incident.id, place, waiting, record)
                incident = replace(joined, counted=incident.counted, fresh=incident.fresh)
        return incident

    def _examined(
        self,
        call: DeniedCall,
        record: Mapping[str, Any],
        incident: Incident,
        *,
        replayed: bool = False,
    ) -> Incident:
        """The incident with a diagnosis that answers what is asked now; one worker at a time."""
        analysis: Analysis | None = None
        mine = False
        try:
            for _ in range(_TRIES):
                if incident.state in _BUSY or not self._due(call, incident, replayed):
                    return incident
                if not mine:
                    mine = self.turns.examine(incident.id)
                    if not mine:
                        return incident  # another worker reads the evidence now
                    incident = self._again(incident)
                    continue
                asked = self._completed(call, incident)
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
                    incident = self._keep(incident, analysis, record)
                except Conflict:
                    incident = self._again(incident)
                    continue
                mine = False
                return incident
        finally:
            if mine:
                self.turns.examined(incident.id)
        raise Conflict(f"incident {incident.id} is being changed by too many others")

    def _again(self, incident: Incident) -> Incident:
        now = self.store.get(incident.id)
        return replace(now, counted=incident.counted, fresh=incident.fresh)

    def _due(self, call: DeniedCall, incident: Incident, replayed: bool) -> bool:  # noqa: FBT001
        """Whether the incident has to be examined, for what this call says."""
        if incident.diagnosis is None or asks_anew(call, incident):
            return True
        new = (
            says_something_new(call, incident)
            or names_a_key(call, incident)
            or (replayed and incident.diagnosis["outcome"] == Outcome.UNKNOWN)
        )
        return new and self.clock() - _seconds(incident.diagnosed_at) > _FRESH

    def _completed(self, call: DeniedCall, incident: Incident) -> DeniedCall:
        """The call with what other records say of it: the bucket's owner, the key."""
        call = completed(call, incident)
        if call.bucket and not call.bucket_account:
            return replace(call, bucket_account=self.owners.of(call.bucket))
        return call

    def _keep(self, incident: Incident, analysis: Analysis, record: Mapping[str, Any]) -> Incident:
        body = document(
            analysis,
            incident.id,
            incident.event_ids,
            incident.count,
            (incident.first_seen, incident.last_seen),
        )
        mark = signature(body)
        changed = mark != incident.signature
        allowed = analysis.diagnosis.allowed
        state = incident.state
        if allowed and state is State.OPEN:
            state = State.RESOLVED
        elif not allowed and (state in _QUIET or (state is State.REJECTED and changed)):
            state = State.OPEN
        quiet = state is State.REJECTED
        call = analysis.call
        key = key_place(body["request"]["kms_key"], call.region)
        found_by_key = bool(key) and call.service == "s3" and self._has_leg(call)
        return self.store.diagnosed(
            incident,
            body,
            mark,
            state,
            analysis.evidence.at,
            alert_due=incident.alert_due or (changed and not quiet),
            record=record,
            also=[self.calls.trace(key, incident.id, call)] if key and found_by_key else [],
        )

    def _alerted(self, incident: Incident) -> Incident:
        """Send what is owed, each alert once; an alert may repeat after a crash, never be lost."""
        while why := owed(incident):
            if muted(incident, self.clock()):
                if self.turns.hold(incident, why):
                    self.held(incident)
                return incident
            if not self.turns.alert(incident.id):
                return incident  # another worker sends it now, and looks again afterwards
            incident = self._again(incident)
            body, why = incident.document(), owed(incident)
            if body is None or why is None or muted(incident, self.clock()):
                self.turns.alert_failed(incident.id)
                continue
            try:
                self.send(alert_for(body, self.stack, why))
            except BaseException:
                self.turns.alert_failed(incident.id)
                raise
            self.turns.alerted(incident)
            incident = self._again(incident)
        return incident

    @staticmethod
    def _has_leg(call: DeniedCall) -> bool:
        """Whether S3 would call KMS for this call, if the object has a key."""
        return bool(legs_of(call)) and call.caller.type is not CallerType.ANONYMOUS

    @staticmethod
    def _key_place(incident: Incident) -> str | None:
        request = (incident.diagnosis or {}).get("request", {})
        return key_place(request.get("kms_key"), request.get("region") or "")


def completed(call: DeniedCall, incident: Incident) -> DeniedCall:
    """The S3 call with the owner and the key that other records of its incident name."""
    if call.service != "s3":
        return call
    call = replace(call, bucket_account=call.bucket_account or incident.owner)
    if call.kms_key or not incident.told_key:
        return call
    return replace(call, kms_key=incident.told_key, kms_key_source=incident.told_by)


def asks_anew(call: DeniedCall, incident: Incident) -> bool:
    """Whether the diagnosis that is held answers another question than the one asked now."""
    if incident.asks != incident.answered:
        return True
    request = (incident.diagnosis or {}).get("request", {})
    return bool(call.kms_key) and request.get("kms_key_source") in _ASSUMED


def names_a_key(call: DeniedCall, incident: Incident) -> bool:
    """Whether the call names a key, and the diagnosis could read none."""
    request = (incident.diagnosis or {}).get("request", {})
    return bool(call.kms_key) and not request.get("kms_key")


def says_something_new(call: DeniedCall, incident: Incident) -> bool:
    """Whether the call was made after the evidence was read.

    Evidence that was read after a call was made has seen all that the call met.
    """
    return incident.diagnosis is None or incident.diagnosed_at <= call.time


def _seconds(at: str) -> float:
    """Seconds since the epoch of a time of ours; 0 if there is none."""
    try:
        return datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0
