"""Incidents in DynamoDB: one partition for each, every change conditional, nothing lost.

Partition `incident#ID` holds `meta` (state, diagnosis, counts), `record` (the newest CloudTrail
record), `work` (the intent and progress of an apply or rollback), `event#…` (one for each event
that was counted, so that a redelivery is not counted twice) and `history#…`.
"""

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from threegrants.incidents.states import CLOSED, MOVES, State
from threegrants.patches.scope import common_prefix, folder_of
from threegrants.records import DeniedCall

EVENT_DAYS = 14
"""How long an event is remembered: SQS keeps a message for at most as long."""
CLOSED_DAYS = 90
SAMPLE = 20
_DAY = 86_400
_TRIES = 8


class NoIncident(LookupError):
    """There is no incident with this id."""


class Conflict(RuntimeError):
    """The incident is not in the state that was expected, or someone else just changed it."""


@dataclass(frozen=True, slots=True)
class Incident:
    """The `meta` item."""

    id: str
    state: State
    version: int
    count: int
    first_seen: str
    last_seen: str
    event_ids: tuple[str, ...]
    prefix: str | None
    diagnosis: dict[str, Any] | None = None
    signature: str = ""
    diagnosed_at: str = ""
    alert_due: bool = False
    counted: bool = field(default=False)
    """True if the event that led here was new."""

    def document(self) -> dict[str, Any] | None:
        """The diagnosis with the counts as they are now."""
        if self.diagnosis is None:
            return None
        request = {
            **self.diagnosis["request"],
            "count": self.count,
            "first_seen": self.first_seen or None,
            "last_seen": self.last_seen or None,
            "event_ids": list(self.event_ids),
        }
        return {**self.diagnosis, "request": request}


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
            joined = _joined(identity, current, call)
            marker = {
                **_key(identity, f"event#{event}"),
                "expires_at": int(time.time()) + EVENT_DAYS * _DAY,
            }
            opened = [] if current else [_history(identity, "service", "opened", None, State.OPEN)]
            try:
                self._write(
                    [
                        _put(marker, "attribute_not_exists(pk)"),
                        _replace(identity, joined, current),
                        _put({**_key(identity, "record"), "record": json.dumps(record)}),
                        *[_put(item) for item in opened],
                    ]
                )
            except Conflict:
                continue
            return self._with(joined, counted=True)
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
        changed = _meta(incident)
        changed.update(
            diagnosis=json.dumps(body),
            signature=signature,
            diagnosed_at=at,
            alert_due=alert_due,
            state=state.value,
            version=incident.version + 1,
        )
        _expire(changed, state)
        writes = [_replace(incident.id, changed, incident)]
        if signature != incident.signature:
            detail = str(body["summary"])
            writes.append(
                _put(_history(incident.id, "service", "diagnosed", incident.state, state, detail))
            )
        self._write(writes)
        return self._with(changed, counted=incident.counted)

    def alerted(self, identity: str) -> None:
        """The alert went out: do not repeat it at a redelivery."""
        self._table.update_item(
            Key=_key(identity, "meta"),
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
        work: Mapping[str, Any] | None = None,
    ) -> Incident:
        """Move an incident to another state, with its history line, in one transaction.

        Raises:
            Conflict: if the move is not allowed, or the incident changed since it was read.
        """
        if state not in MOVES[incident.state]:
            raise Conflict(f"incident {incident.id} is {incident.state}: it cannot be {what}")
        changed = _meta(incident)
        changed.update(state=state.value, version=incident.version + 1)
        _expire(changed, state)
        writes = [
            _replace(incident.id, changed, incident),
            _put(_history(incident.id, actor, what, incident.state, state, detail, work)),
        ]
        if work is not None:
            writes.append(_put({**_key(incident.id, "work"), "work": json.dumps(work)}))
        self._write(writes)
        return self._with(changed)

    def work(self, identity: str) -> dict[str, Any] | None:
        """The intent and progress of the last apply or rollback."""
        item = self._item(identity, "work")
        loaded: dict[str, Any] | None = json.loads(str(item["work"])) if item else None
        return loaded

    def progress(self, identity: str, work: Mapping[str, Any]) -> None:
        """Keep the progress of the apply or rollback that holds the incident."""
        self._table.put_item(Item={**_key(identity, "work"), "work": json.dumps(work)})

    def _item(self, identity: str, sk: str) -> dict[str, Any] | None:
        answer = self._table.get_item(Key=_key(identity, sk), ConsistentRead=True)
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
                TransactItems=[{"Put": {**item, "TableName": name}} for item in items]
            )
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code in {"TransactionCanceledException", "TransactionConflictException"}:
                raise Conflict("the incident was changed by someone else; read it again") from error
            raise


def _key(identity: str, sk: str) -> dict[str, str]:
    return {"pk": f"incident#{identity}", "sk": sk}


def _put(item: Mapping[str, Any], condition: str = "") -> dict[str, Any]:
    # A resource's client serialises by itself: plain values go in.
    put: dict[str, Any] = {"Item": {k: v for k, v in item.items() if v is not None}}
    if condition:
        put["ConditionExpression"] = condition
    return put


def _replace(identity: str, item: Mapping[str, Any], old: Incident | None) -> dict[str, Any]:
    put = _put({**_key(identity, "meta"), **item})
    if old is None:
        put["ConditionExpression"] = "attribute_not_exists(pk)"
    else:
        put["ConditionExpression"] = "version = :v"
        put["ExpressionAttributeValues"] = {":v": old.version}
    return put


def _meta(incident: Incident) -> dict[str, Any]:
    return {
        "id": incident.id,
        "state": incident.state.value,
        "version": incident.version,
        "count": incident.count,
        "first_seen": incident.first_seen,
        "last_seen": incident.last_seen,
        "event_ids": list(incident.event_ids),
        "prefix": incident.prefix,
        "diagnosis": json.dumps(incident.diagnosis) if incident.diagnosis else None,
        "signature": incident.signature,
        "diagnosed_at": incident.diagnosed_at,
        "alert_due": incident.alert_due,
    }


def _joined(identity: str, current: Incident | None, call: DeniedCall) -> dict[str, Any]:
    when = call.time or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    own = folder_of(call.object_key) if call.object_key is not None else None
    if current is None:
        fresh = Incident(
            identity, State.OPEN, 1, 1, when, when, (call.event_id,) if call.event_id else (), own
        )
        return _meta(fresh)
    item = _meta(current)
    events = tuple(dict.fromkeys((*current.event_ids, call.event_id)))
    item.update(
        count=current.count + 1,
        version=current.version + 1,
        first_seen=min(current.first_seen, when),
        last_seen=max(current.last_seen, when),
        event_ids=[event for event in events if event][:SAMPLE],
    )
    if own is not None:
        known = current.prefix
        item["prefix"] = own if known is None else common_prefix(known, own)
    return item


def _history(
    identity: str,
    actor: str,
    what: str,
    before: State | None,
    after: State,
    detail: str = "",
    work: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    # One instant for both parts: the lines are sorted by it.
    seconds, rest = divmod(time.time_ns(), 10**9)
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:09d}Z"
    digests = [patch["digest"] for patch in work["patches"]] if work else []
    return {
        **_key(identity, f"history#{at}#{uuid.uuid4().hex[:8]}"),
        "at": at,
        "actor": actor,
        "what": what,
        "from": before.value if before else "",
        "to": after.value,
        "detail": detail,
        "digests": digests,
    }


def _expire(item: dict[str, Any], state: State) -> None:
    if state in CLOSED:
        item["expires_at"] = int(time.time()) + CLOSED_DAYS * _DAY
