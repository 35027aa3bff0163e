"""Reads the list of incidents: a page is one query of an index, and one batch of counts."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from boto3.dynamodb.conditions import ConditionBase, Key

from threegrants.incidents.incident import Incident
from threegrants.incidents.incident_reader import IncidentReader
from threegrants.incidents.items import COUNT, META, is_expired, item_key
from threegrants.incidents.listing import (
    LISTED,
    ListedIncident,
    ListingFilter,
    listed_incident,
    page_token,
    parse_token,
    row_of,
)
from threegrants.incidents.states import State
from threegrants.incidents.table import back_off, update_if

_INDEX = "listing"
_MARK = {"pk": "listing", "sk": "complete"}
"""The item that says that the incidents of releases without the index are in it."""
_SLACK = timedelta(minutes=15)
"""What only counts does not touch the index: by so much an incident may be seen later than it says there.
Evidence is read again, and the index with it, a minute after a denial at the latest."""
_MOST_TRIES = 5


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the list, the latest seen first.

    Args:
        incidents: its lines.
        following: the token of the next page; None if this is the last. A page that looked at many
            incidents without finding one may be empty and yet have a next one.
        complete: whether the incidents of an earlier release, which had no list, are in it already.
    """

    incidents: tuple[ListedIncident, ...]
    following: str | None
    complete: bool = True


class Listing:
    """The list of incidents.

    Args:
        store: the incidents.
        clock: seconds since the epoch.
    """

    def __init__(self, store: IncidentReader, clock: Callable[[], float] = time.time) -> None:
        self._store, self._clock = store, clock
        self._complete = False

    def page(self, wanted: ListingFilter, rows: int, token: str = "", until: float = 0.0) -> Page:
        """One page of the incidents that are asked for.

        Args:
            wanted: which incidents.
            rows: how many at most, up to `MOST_ROWS`.
            token: where to begin; the first page if empty.
            until: the second up to which incidents of an earlier release may be listed first.

        Raises:
            ListingError: if the token is none, or of another list.
        """
        start = _start(*parse_token(token, wanted)) if token else None
        complete = self.complete(until)
        # What is filtered here could be filtered by DynamoDB as well: it reads, and bills, the same.
        found, last = self._query(wanted, start, rows + 1 if wanted.is_empty else None)
        items = [one for one in found if wanted.wants(one)]
        more = len(items) > rows
        items = items[:rows]
        following = page_token(items[-1], wanted) if more else None
        if last and not more:  # DynamoDB stopped at 1 MB
            following = page_token({**last, "id": last["pk"].removeprefix("incident#")}, wanted)
        listed = [one for one in self._with_counts(items) if one.last_seen >= wanted.since]
        listed.sort(key=lambda one: one.last_seen, reverse=True)
        return Page(tuple(listed), following, complete)

    def complete(self, until: float) -> bool:
        """List the incidents that a release without the index wrote, as far as there is time.

        Whatever changes an incident lists it; this is about those that nothing changes any more.

        Args:
            until: the second by which it must have ended.

        Returns:
            Whether all are listed.
        """
        if self._complete:
            return True
        table = self._store.table
        if "Item" not in table.get_item(Key=_MARK):
            listed = set(self._ids(_INDEX, "listed", LISTED))
            for state in State:
                for incident_id in self._ids("by_state", "state", state.value):
                    if incident_id in listed:
                        continue
                    if self._clock() >= until:
                        return False
                    self._list(incident_id)
            table.put_item(Item=_MARK)
        self._complete = True
        return True

    def _list(self, incident_id: str) -> None:
        for _ in range(_MOST_TRIES):
            incident = self._store.find(incident_id)
            if incident is None or note_listed(self._store, incident):
                return

    def _ids(self, index: str, name: str, value: str) -> Iterator[str]:
        start: dict[str, Any] = {}
        while True:
            answer = self._store.table.query(
                IndexName=index, KeyConditionExpression=Key(name).eq(value), **start
            )
            yield from (str(one["id"]) for one in answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _query(
        self, wanted: ListingFilter, start: dict[str, Any] | None, rows: int | None
    ) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
        keys: ConditionBase = Key("listed").eq(LISTED)
        if wanted.since:
            since = datetime.fromisoformat(wanted.since) - _SLACK
            keys = keys & Key("last_seen").gte(since.strftime("%Y-%m-%dT%H:%M:%SZ"))
        asked: dict[str, Any] = {"ExclusiveStartKey": start} if start else {}
        if rows:
            asked["Limit"] = rows
        answer = self._store.table.query(
            IndexName=_INDEX, KeyConditionExpression=keys, ScanIndexForward=False, **asked
        )
        found: list[dict[str, Any]] = answer["Items"]
        return found, answer.get("LastEvaluatedKey")

    def _with_counts(self, items: Sequence[dict[str, Any]]) -> Iterator[ListedIncident]:
        """The lines with the counts of now; what has expired or is gone is left out."""
        table = self._store.table
        left: Any = [item_key(str(one["id"]), COUNT) for one in items]
        counts: dict[str, dict[str, Any]] = {}
        for attempt in range(_MOST_TRIES):
            if not left:
                break
            answer = table.meta.client.batch_get_item(RequestItems={table.name: {"Keys": left}})
            counts |= {str(one["pk"]): one for one in answer["Responses"].get(table.name, ())}
            unread: Any = answer.get("UnprocessedKeys", {})
            left = unread.get(table.name, {}).get("Keys", [])
            if left:
                back_off(attempt)
        for item in items:
            counted = counts.get(str(item["pk"]))
            if counted and not is_expired(counted, self._clock()):
                yield listed_incident(item, counted)


def note_listed(store: IncidentReader, incident: Incident) -> bool:
    """Put an incident on the list as it is; False if it changed since it was read."""
    return update_if(
        store.table,
        item_key(incident.id, META),
        "SET listed = :listed, listed_row = :row",
        "version = :seen",
        listed=LISTED,
        row=row_of(incident),
        seen=incident.version,
    )


def _start(incident_id: str, last_seen: str) -> dict[str, str]:
    return {**item_key(incident_id, META), "listed": LISTED, "last_seen": last_seen}
