"""Watch: one denied call joins its incident, is examined if it says anything new, and alerted.

The order makes it safe to run twice at any point: the event is counted once (by its id); the
diagnosis is kept together with "alert due"; the alert is published before that mark is cleared.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from threegrants.alerts import Alert, alert_for
from threegrants.evidence import Accounts, Read, resolvable, resolve
from threegrants.examine import Finding, Rules, examine
from threegrants.incidents import Conflict, Incident, State, Store, document, incident_id
from threegrants.incidents.document import signature
from threegrants.records import DeniedCall

_TRIES = 5
_QUIET = frozenset({State.VERIFIED, State.ROLLED_BACK, State.RESOLVED, State.FAILED})


@dataclass(frozen=True, slots=True)
class Watch:
    """The parts, given from outside."""

    store: Store
    reader: Accounts
    rules: Rules
    stack: str
    send: Callable[[Alert], None]

    def see(self, call: DeniedCall, record: Mapping[str, Any]) -> Incident:
        """Take in one denied call.

        Raises:
            ClientError: if DynamoDB or SNS refuses; to be delivered again.
        """
        finding: Finding | None = None
        identity = incident_id(call, self._resolved(call))
        incident = self.store.join(identity, call, record)
        for _ in range(_TRIES):
            if incident.state in (State.APPLYING, State.ROLLING_BACK):
                return incident
            if not says_something_new(call, incident):
                break
            finding = finding or examine(call, self.reader, self.rules, incident.prefix)
            try:
                incident = self._keep(incident, finding)
            except Conflict:
                incident = self.store.get(identity)
                continue
            break
        else:
            raise Conflict(f"incident {identity} is being changed by too many others")
        self._alert(incident)
        return incident

    def _resolved(self, call: DeniedCall) -> str | None:
        """Only the account's IAM knows which role `AROA…` is; the answer is kept."""
        if not resolvable(call.caller):
            return None
        found = resolve(self.reader, call.caller.account or "", call.caller.unique_id or "")
        return found.value if isinstance(found, Read) else None

    def _keep(self, incident: Incident, finding: Finding) -> Incident:
        body = document(
            finding,
            incident.id,
            incident.event_ids,
            incident.count,
            (incident.first_seen, incident.last_seen),
        )
        mark = signature(body)
        changed = mark != incident.signature
        allowed = finding.diagnosis.allowed
        state = incident.state
        if allowed and state is State.OPEN:
            state = State.RESOLVED
        elif not allowed and (state in _QUIET or (state is State.REJECTED and changed)):
            state = State.OPEN
        quiet = state is State.REJECTED
        return self.store.diagnosed(
            incident,
            body,
            mark,
            state,
            finding.evidence.at,
            alert_due=incident.alert_due or (changed and not quiet),
        )

    def _alert(self, incident: Incident) -> None:
        body = incident.document()
        if body is None:
            return
        why = "opened" if incident.count == 1 else "changed"
        if not incident.alert_due:
            if not (incident.counted and _round(incident.count)):
                return
            why = "count"
        self.send(alert_for(body, self.stack, why))
        if incident.alert_due:
            self.store.alerted(incident.id)


def says_something_new(call: DeniedCall, incident: Incident) -> bool:
    """Whether the call could change the diagnosis that is held already.

    Evidence that was read after the call was made has seen all that the call met.
    """
    body = incident.diagnosis
    if body is None or incident.diagnosed_at <= call.time:
        return True
    if call.kms_key and body["request"]["kms_key_source"] not in ("error_message", "request"):
        return True
    known = body["request"]["object_key"]
    return call.object_key is not None and (
        known is None or not call.object_key.startswith(known[: known.rfind("/") + 1])
    )


def _round(count: int) -> bool:
    """10, 100, 1,000, …: how often a growing incident is alerted again."""
    digits = str(count)
    return len(digits) > 1 and digits[0] == "1" and set(digits[1:]) == {"0"}
