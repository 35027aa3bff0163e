"""Incidents in DynamoDB: one partition for each, every change conditional, nothing lost.

Partition `incident#ID` holds `meta` (state, diagnosis, counts), `record` (the newest CloudTrail
record), `event#…` (one for each event that was counted, so that a redelivery is not counted twice)
and `history#…`. What remediation keeps there is in `ledger.py`.
"""

import dataclasses
import json
import time
import uuid
from collections.abc import Mapping
from typing import Any

from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

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
    only_counts,
    put,
    replace,
)
from threegrants.incidents.states import MOVES, State
from threegrants.records import DeniedCall

_TRIES = 8


class NoIncident(LookupError):
    """There is no incident with this id."""


class Conflict(RuntimeError):
    """The incident is not in the state that was expected, or someone else just changed it."""


class Store:
    """The table of incidents.

    Args:
        table: a boto3 DynamoDB Table resource.
    """

    def __init__(self, table: Any) -> None:
        self._table = table
        self._client = table.meta.client

    def join(self, identity: str, call: DeniedCall, record: Mapping[str, Any]) -> Incident:
        """Count an event into its incident, opening it if it is the first; idempotent by event.

        The two copies of one S3 record share `sharedEventID`, and so count once.
        """
        event = call.shared_event_id or call.event_id or str(uuid.uuid4())
        for _ in range(_TRIES):
            current = self._load(identity)
            if current is not None and self._knows(identity, event):
                return current
            marker = put(
                {
                    **key_of(identity, f"event#{event}"),
                    "expires_at": int(time.time()) + EVENT_DAYS * DAY,
                },
                "attribute_not_exists(pk)",
            )
            if current is not None and only_counts(current, call):
                seen = max(current.last_seen, call.time)
                writes = [marker, count(identity, seen)]
                joined = dataclasses.replace(
                    current, count=current.count + 1, last_seen=seen, counted=True
                )
            else:
                item = joined_with(identity, current, call)
                writes = [
                    marker,
                    replace(identity, item, current),
                    put({**key_of(identity, "record"), "record": json.dumps(record)}),
                ]
                if current is None:
                    writes.append(
                        put(history_line(identity, "service", "opened", None, State.OPEN))
                    )
                joined = self._with(item, counted=True)
            try:
                self._write(writes)
            except Conflict:
                continue
            return joined
        raise Conflict(f"incident {identity} is being changed by too many others; try again")

    def diagnosed(
        self,
        incident: Incident,
        body: Mapping[str, Any],
        signature: str,
        state: State,
        at: str,
        *,
        alert_due: bool,
    ) -> Incident:
        """Keep a new diagnosis, and move the incident where the diagnosis says.

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
            version=incident.version + 1,
        )
        expire(changed, state)
        writes = [replace(incident.id, changed, incident)]
        if signature != incident.signature:
            detail = str(body["summary"])
            writes.append(
                put(
                    history_line(incident.id, "service", "diagnosed", incident.state, state, detail)
                )
            )
        self._write(writes)
        return self._with(changed, counted=incident.counted)

    def alerted(self, identity: str) -> None:
        """The alert went out: do not repeat it at a redelivery."""
        self._table.update_item(
            Key=key_of(identity, "meta"),
            UpdateExpression="SET alert_due = :no",
            ExpressionAttributeValues={":no": False},
        )

    def get(self, identity: str) -> Incident:
        """One incident.

        Raises:
            NoIncident: if there is none with this id.
        """
        found = self._load(identity)
        if found is None:
            raise NoIncident(f"no incident {identity}")
        return found

    def record(self, identity: str) -> dict[str, Any]:
        """The newest CloudTrail record that joined."""
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
        return self._with(changed)

    def _item(self, identity: str, sk: str) -> dict[str, Any] | None:
        answer = self._table.get_item(Key=key_of(identity, sk), ConsistentRead=True)
        item: dict[str, Any] | None = answer.get("Item")
        return item

    def _knows(self, identity: str, event: str) -> bool:
        return self._item(identity, f"event#{event}") is not None

    def _load(self, identity: str) -> Incident | None:
        item = self._item(identity, "meta")
        return self._with(item) if item else None

    @staticmethod
    def _with(item: Mapping[str, Any], *, counted: bool = False) -> Incident:
        return Incident(
            id=str(item["id"]),
            state=State(str(item["state"])),
            version=int(item["version"]),
            count=int(item["count"]),
            first_seen=str(item["first_seen"]),
            last_seen=str(item["last_seen"]),
            event_ids=tuple(str(event) for event in item["event_ids"]),
            prefix=str(item["prefix"]) if item.get("prefix") is not None else None,
            diagnosis=json.loads(str(item["diagnosis"])) if item.get("diagnosis") else None,
            signature=str(item.get("signature", "")),
            diagnosed_at=str(item.get("diagnosed_at", "")),
            alert_due=bool(item.get("alert_due", False)),
            counted=counted,
        )

    def _write(self, items: list[dict[str, Any]]) -> None:
        name = self._table.name
        try:
            self._client.transact_write_items(
                TransactItems=[
                    {"Update" if "Key" in item else "Put": {**item, "TableName": name}}
                    for item in items
                ]
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in {"TransactionCanceledException", "TransactionConflictException"}:
                raise Conflict("the incident was changed by someone else; read it again") from error
            raise
