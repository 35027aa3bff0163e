"""Incidents in DynamoDB: one partition for each, every change conditional, nothing lost.

Partition `incident#ID` holds `meta` (state, diagnosis, counts; or `joined_to`, the incident that has
this one's events), `record` (the CloudTrail record that was examined), `kms_record`, `event#…` (one
for each event that was counted, so that a redelivery is not counted twice) and `history#…`. What
remediation keeps there is in `ledger.py`.
"""

import dataclasses
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from boto3.dynamodb.conditions import Key

from threegrants.cloudtrail import DeniedCall
from threegrants.incidents.items import (
    DAY,
    EVENT_DAYS,
    Incident,
    count,
    expire,
    history_line,
    joined_with,
    key_of,
    meta_of,
    of_item,
    only_counts,
    put,
    replace,
)
from threegrants.incidents.states import MOVES, State
from threegrants.incidents.table import Conflict, pause, transact

__all__ = ["Conflict", "NoIncident", "Store"]

_TRIES = 12
_WARM = 256
"""Incidents that a worker keeps in mind, to count without reading first."""


class NoIncident(LookupError):
    """There is no incident with this id."""


class Store:
    """The table of incidents.

    Args:
        table: a boto3 DynamoDB Table resource.
    """

    def __init__(self, table: Any) -> None:
        self._table = table
        self._warm: dict[str, Incident] = {}

    @property
    def table(self) -> Any:
        """The boto3 Table, for the other concerns of this room."""
        return self._table

    def join(
        self,
        identity: str,
        call: DeniedCall,
        record: Mapping[str, Any],
        *,
        opening: Sequence[Mapping[str, Any]] = (),
        once: Mapping[str, Any] | None = None,
    ) -> Incident:
        """Count an event into its incident, opening it if it is the first; idempotent by event.

        The two copies of one S3 record share `sharedEventID`, and so count once. An event that only
        counts costs one transaction and one read.

        Args:
            identity: the incident's id.
            call: the denied call.
            record: its CloudTrail record.
            opening: writes that go with the opening of the incident.
            once: a write whose condition says, like the marker, that the event is new.
        """
        event = event_of(call, record)
        current = self._warm.get(identity) or self.find(identity)
        for attempt in range(_TRIES):
            home = current.id if current else identity
            marker = put(
                {
                    **key_of(home, f"event#{event}"),
                    "expires_at": int(time.time()) + EVENT_DAYS * DAY,
                },
                "attribute_not_exists(pk)",
            )
            first = [marker, once] if once else [marker]
            simple = current is not None and only_counts(current, call)
            try:
                self._write([*first, *self._entry(identity, current, call, record, opening)])
            except Conflict as conflict:
                current = self.find(identity)
                if current is not None and any(place < len(first) for place in conflict.refused):
                    return current
                pause(attempt)
                continue
            joined = dataclasses.replace(self.get(home), counted=True, fresh=not simple)
            self._keep_warm(identity, joined)
            return joined
        raise Conflict(f"incident {identity} is being changed by too many others; try again")

    @staticmethod
    def _entry(
        identity: str,
        current: Incident | None,
        call: DeniedCall,
        record: Mapping[str, Any],
        opening: Sequence[Mapping[str, Any]],
    ) -> list[Mapping[str, Any]]:
        """What is written beside the marker of a new event."""
        if current is None:
            return [
                replace(identity, joined_with(identity, None, call), None),
                put({**key_of(identity, "record"), "record": json.dumps(record)}),
                put(history_line(identity, "service", "opened", None, State.OPEN)),
                *opening,
            ]
        if only_counts(current, call):
            return [count(current, call)]
        return [replace(current.id, joined_with(current.id, current, call), current)]

    def _keep_warm(self, identity: str, incident: Incident) -> None:
        if len(self._warm) >= _WARM and identity not in self._warm:
            self._warm.clear()
        self._warm[identity] = incident

    def diagnosed(
        self,
        incident: Incident,
        body: Mapping[str, Any],
        signature: str,
        state: State,
        at: str,
        *,
        alert_due: bool,
        record: Mapping[str, Any] | None = None,
        also: Sequence[Mapping[str, Any]] = (),
    ) -> Incident:
        """Keep a new diagnosis, and move the incident where the diagnosis says.

        Whoever examines has the incident's `examining_until`, which ends here.

        Args:
            incident: as it was read before.
            body: the diagnosis document.
            signature: what of it is worth an alert.
            state: where the incident goes.
            at: when the evidence was read.
            alert_due: whether an alert is owed.
            record: the CloudTrail record that was examined, to be examined again later.
            also: writes that go with it.

        Raises:
            Conflict: if the incident changed since it was read.
        """
        changed = meta_of(incident)
        changed.update(
            diagnosis=json.dumps(body),
            signature=signature,
            diagnosed_at=at,
            alert_due=alert_due,
            state=state.value,
            answered=incident.asks,
            owner=incident.owner or body["request"]["bucket_account"],
            version=incident.version + 1,
        )
        expire(changed, state)
        writes = [replace(incident.id, changed, incident, "examining_until"), *also]
        if record is not None:
            writes.append(put({**key_of(incident.id, "record"), "record": json.dumps(record)}))
        if signature != incident.signature:
            detail = str(body["summary"])
            writes.append(
                put(
                    history_line(incident.id, "service", "diagnosed", incident.state, state, detail)
                )
            )
        self._write(writes)
        return self._after(changed, incident)

    def known(self, identity: str) -> bool:
        """Whether there is such an incident; answered from memory where it was seen before."""
        return identity in self._warm or self.find(identity) is not None

    def find(self, identity: str) -> Incident | None:
        """One incident, also by the id of one that joined another; None if there is none."""
        item = self._item(identity, "meta")
        if item and "joined_to" in item:
            item = self._item(str(item["joined_to"]), "meta")
        return of_item(item) if item else None

    def get(self, identity: str) -> Incident:
        """One incident.

        Raises:
            NoIncident: if there is none with this id.
        """
        found = self.find(identity)
        if found is None:
            raise NoIncident(f"no incident {identity}")
        return found

    def record(self, identity: str) -> dict[str, Any]:
        """The CloudTrail record that was examined last."""
        item = self._item(identity, "record")
        loaded: dict[str, Any] = json.loads(str(item["record"])) if item else {}
        return loaded

    def latest(self, state: State | None = None, limit: int = 50) -> list[Incident]:
        """Incidents of one state, or of all, the latest seen first."""
        found: list[Incident] = []
        for wanted in [state] if state else list(State):
            answer = self._table.query(
                IndexName="by_state",
                KeyConditionExpression=Key("state").eq(wanted.value),
                ScanIndexForward=False,
                Limit=limit,
            )
            found += [self.get(str(item["id"])) for item in answer["Items"]]
        return sorted(found, key=lambda incident: incident.last_seen, reverse=True)[:limit]

    def history(self, identity: str) -> list[dict[str, Any]]:
        """Every transition, oldest first."""
        answer = self._table.query(
            KeyConditionExpression=Key("pk").eq(f"incident#{identity}")
            & Key("sk").begins_with("history#"),
        )
        hidden = {"pk", "sk"}
        return [
            {name: value for name, value in item.items() if name not in hidden}
            for item in answer["Items"]
        ]

    def move(
        self,
        incident: Incident,
        state: State,
        actor: str,
        what: str,
        detail: str = "",
    ) -> Incident:
        """Move an incident to another state, with its history line, in one transaction.

        Raises:
            Conflict: if the move is not allowed, or the incident changed since it was read.
        """
        if state not in MOVES[incident.state]:
            raise Conflict(f"incident {incident.id} is {incident.state}: it cannot be {what}")
        changed = meta_of(incident)
        changed.update(state=state.value, version=incident.version + 1)
        expire(changed, state)
        writes = [
            replace(incident.id, changed, incident),
            put(history_line(incident.id, actor, what, incident.state, state, detail)),
        ]
        self._write(writes)
        return self._after(changed, incident)

    def _item(self, identity: str, sk: str) -> dict[str, Any] | None:
        answer = self._table.get_item(Key=key_of(identity, sk), ConsistentRead=True)
        item: dict[str, Any] | None = answer.get("Item")
        return item

    @staticmethod
    def _after(changed: Mapping[str, Any], before: Incident) -> Incident:
        """The incident as written, with what has no version as it was read."""
        return dataclasses.replace(
            of_item(changed),
            alerted_count=before.alerted_count,
            muted_until=before.muted_until,
            held=before.held,
            counted=before.counted,
            fresh=before.fresh,
        )

    def _write(self, items: Sequence[Mapping[str, Any]]) -> None:
        transact(self._table, items)


def event_of(call: DeniedCall, record: Mapping[str, Any]) -> str:
    """What an event is known by; a record without an id by its content."""
    known = call.shared_event_id or call.event_id
    return known or hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
