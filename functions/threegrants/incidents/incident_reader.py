"""Reads incidents, each of its items, and those of earlier releases; remembers what it read."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Key

from threegrants.incidents.fitting import unpack
from threegrants.incidents.incident import Incident
from threegrants.incidents.items import (
    COUNT,
    DIAGNOSIS,
    META,
    SCHEMA_VERSION,
    from_items,
    is_expired,
    item_key,
    needs_upgrade,
    upgrade_writes,
)
from threegrants.incidents.states import State
from threegrants.incidents.table import Conflict, back_off, transact
from threegrants.report import Report

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

_MAX_ATTEMPTS = 12
_CACHE_SIZE = 256
"""Incidents that a worker remembers, to count without reading first."""


class IncidentNotFound(LookupError):
    """There is no incident with this id."""


class NewerSchemaError(RuntimeError):
    """An item was written by a later release than this one, so it is neither read nor changed."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is known under an id.

    Args:
        incident: the incident; None if there is none.
        joined_to: without one, the id of an incident that this one had joined, and that is gone.
    """

    incident: Incident | None
    joined_to: str | None = None


class IncidentReader:
    """Reads the table of incidents.

    Args:
        table: a boto3 DynamoDB Table resource.
        upgrades: whether one that release 0.1 wrote is written anew when it is found; else it is not found.
    """

    def __init__(self, table: "Table", *, upgrades: bool = True) -> None:
        self._table = table
        self._upgrades = upgrades
        self._cache: dict[str, Incident] = {}

    @property
    def table(self) -> "Table":
        """The boto3 Table, for the other stores of this package."""
        return self._table

    def known(self, incident_id: str) -> Incident | None:
        """One incident, as this worker saw it last if it did; None if there is none."""
        return self._cache.get(incident_id) or self.find(incident_id)

    def exists(self, incident_id: str) -> bool:
        """Whether there is such an incident; answered from memory where it was seen before."""
        return incident_id in self._cache or self.find(incident_id) is not None

    def find(self, incident_id: str) -> Incident | None:
        """One incident, also by the id of one that joined another; None if there is none.

        One that release 0.1 wrote becomes the items of now when it is found.
        """
        return self.look(incident_id).incident

    def look(self, incident_id: str) -> Found:
        """What is known under an id, and where it is gone, what it had joined.

        Raises:
            Conflict: if too many others change it.
        """
        joined: str | None = None
        for attempt in range(_MAX_ATTEMPTS):
            stored_id = joined or incident_id
            known = self._cache.get(incident_id)
            items = self._items(stored_id, through=COUNT if known else DIAGNOSIS)
            meta = items.get(META)
            if meta is None or is_expired(meta, time.time()):
                return Found(None, joined)
            if "joined_to" in meta:
                joined = str(meta["joined_to"])
                continue
            if needs_upgrade(meta):
                if not self._upgrades:
                    return Found(None)
                self._upgrade(meta)
                continue
            if meta["schema"] > SCHEMA_VERSION:
                raise NewerSchemaError(
                    f"incident {stored_id} has schema {meta['schema']}; this release reads up to "
                    f"{SCHEMA_VERSION}: install the release that wrote it, or a later one"
                )
            incident = self._read(stored_id, items, known)
            if incident is None:  # it was written between two of our reads
                self._cache.pop(incident_id, None)
                back_off(attempt)
                continue
            if known:
                self._remember(incident_id, incident)
            return Found(incident)
        raise Conflict(f"incident {incident_id} is being changed by too many others; try again")

    def _read(
        self, stored_id: str, items: Mapping[str, Mapping[str, Any]], known: Incident | None
    ) -> Incident | None:
        """The incident of its items; None if they are not of one moment.

        A report is not read again that this worker knows: it is by far the largest of the items.
        """
        meta, counted = items[META], items.get(COUNT)
        wanted = meta.get("diagnosis_id") or None
        report: Mapping[str, Any] | Report | None = None
        if wanted and known and known.id == stored_id and known.diagnosis_id == wanted:
            report = known.diagnosis
        elif wanted:
            report = items.get(DIAGNOSIS) or self._item(stored_id, DIAGNOSIS)
            if report is None or report.get("diagnosis_id") != wanted:
                return None
        return from_items(meta, counted, report) if counted else None

    def _upgrade(self, meta: Mapping[str, Any]) -> None:
        try:
            transact(self._table, upgrade_writes(meta, uuid.uuid4().hex[:12]))
        except Conflict:
            return  # others count, or upgrade it: it is read again

    def _items(self, incident_id: str, through: str) -> dict[str, Mapping[str, Any]]:
        """The items of an incident from `meta` to one of those after it, by their sort keys."""
        found = self._table.query(
            KeyConditionExpression=Key("pk").eq(f"incident#{incident_id}")
            & Key("sk").between(META, through),
            ConsistentRead=True,
        )
        return {str(item["sk"]): item for item in found["Items"]}

    def get(self, incident_id: str) -> Incident:
        """One incident.

        Raises:
            IncidentNotFound: if there is none with this id.
        """
        found = self.find(incident_id)
        if found is None:
            raise IncidentNotFound(f"no incident {incident_id}")
        return found

    def record(self, incident_id: str) -> dict[str, Any]:
        """The CloudTrail record that was analyzed last; empty if there is none."""
        item = self._item(incident_id, "record")
        loaded: dict[str, Any] = unpack(item["record"]) if item else {}
        return loaded

    def latest(self, state: State | None = None, limit: int = 50) -> list[Incident]:
        """Incidents of one state, or of all, the latest seen first.

        The index knows when an incident was seen as of its last analysis or move: what only counts
        does not touch it.
        """
        found: list[Incident] = []
        for wanted in [state] if state else list(State):
            answer = self._table.query(
                IndexName="by_state",
                KeyConditionExpression=Key("state").eq(wanted.value),
                ScanIndexForward=False,
                Limit=limit,
            )
            ids = (str(item["id"]) for item in answer["Items"])
            found += [one for one in map(self.find, ids) if one]
        return sorted(found, key=lambda incident: incident.last_seen, reverse=True)[:limit]

    def history(self, incident_id: str) -> list[dict[str, Any]]:
        """Every line of an incident's history, oldest first."""
        answer = self._table.query(
            KeyConditionExpression=Key("pk").eq(f"incident#{incident_id}")
            & Key("sk").begins_with("history#"),
        )
        hidden = {"pk", "sk"}
        return [
            {name: value for name, value in item.items() if name not in hidden}
            for item in answer["Items"]
        ]

    def _item(self, incident_id: str, sk: str) -> dict[str, Any] | None:
        answer = self._table.get_item(Key=item_key(incident_id, sk), ConsistentRead=True)
        item: dict[str, Any] | None = answer.get("Item")
        return item

    def _remember(self, incident_id: str, incident: Incident) -> None:
        if len(self._cache) >= _CACHE_SIZE and incident_id not in self._cache:
            self._cache.clear()
        self._cache[incident_id] = incident
