"""Snoozes: no alerts about denials of one incident, on one bucket or of one principal, until a time.

They are one partition of the table of incidents, as few as people make. That of an incident is its mute
(`mute.py`), which `meta` has too. What is due when a snooze ends is sent then (`held_alerts.py`). Alerts
about what this service wrote (verified, stuck, overwritten …) are never held back.
"""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Key

from threegrants.incidents.incident import Incident
from threegrants.incidents.items import SECONDS_A_DAY, put_write
from threegrants.incidents.moves import Move, told_writes
from threegrants.incidents.table import Conflict, back_off, transact

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

_PARTITION = "snoozes"
_SECONDS_AN_HOUR = 3600
_REMEMBERED_SECONDS = 20.0
"""For how long a worker takes the snoozes that it read for those in force."""
_MAX_ATTEMPTS = 5
DEFAULT_MAX_HOURS = 72
"""The longest snooze of a bucket or a principal, where the configuration says no other."""


class SnoozeOf(StrEnum):
    """What is snoozed."""

    INCIDENT = "incident"
    BUCKET = "bucket"
    PRINCIPAL = "principal"


class SnoozeError(ValueError):
    """It cannot be snoozed: what is wanted instead."""


@dataclass(frozen=True, slots=True)
class Snooze:
    """One snooze.

    Args:
        of: of what kind that is which is snoozed.
        name: the incident's id, the bucket's name or the principal's ARN.
        until: the second since the epoch at which it ends.
        by: the ARN of who asked for it.
        incident_id: the incident at which it was asked for.
        at: when, in seconds since the epoch.
    """

    of: SnoozeOf
    name: str
    until: int
    by: str
    incident_id: str
    at: int

    def covers(self, incident: Incident) -> bool:
        """Whether it is of this incident, of its bucket, or of its principal."""
        report = incident.diagnosis
        principal = report.principal.arn if report else None
        names = {
            SnoozeOf.INCIDENT: incident.id,
            SnoozeOf.BUCKET: incident.bucket,
            SnoozeOf.PRINCIPAL: principal,
        }
        return names[self.of] == self.name

    def to_json(self) -> dict[str, Any]:
        """For people and programs; times in ISO 8601, UTC."""
        return {
            "of": self.of.value,
            "name": self.name,
            "until": _iso(self.until),
            "by": self.by,
            "incident": self.incident_id,
            "at": _iso(self.at),
        }


def parse_hours_of(of: SnoozeOf, value: Any, most: int) -> int:
    """The hours of a request; 0 ends a snooze.

    Args:
        of: what is to be snoozed.
        value: what the request says.
        most: the most hours.

    Raises:
        SnoozeError: saying what is wanted.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise SnoozeError(
            f'the body must be {{"what": "{of}", "hours": 0 to {most}}}; 0 ends the snooze'
        )
    return value


def snoozed_name(of: SnoozeOf, incident: Incident) -> str:
    """The bucket or the principal of an incident, or its own id.

    Raises:
        SnoozeError: if it has none that one could name.
    """
    if of is SnoozeOf.INCIDENT:
        return incident.id
    if of is SnoozeOf.BUCKET:
        if not incident.bucket:
            raise SnoozeError(f"incident {incident.id} is of no bucket: snooze the incident")
        return incident.bucket
    arn = incident.diagnosis.principal.arn if incident.diagnosis else None
    if not arn:
        raise SnoozeError(
            f"nobody knows which role or user incident {incident.id} is of: snooze the incident"
        )
    return arn


def snooze_put(snooze: Snooze) -> dict[str, Any]:
    """The write of a snooze, whatever there was before; of one that ends now, it ends it."""
    return put_write(
        {
            **_key(snooze.of, snooze.name),
            "of": snooze.of.value,
            "name": snooze.name,
            "until": snooze.until,
            "by": snooze.by,
            "incident": snooze.incident_id,
            "at": snooze.at,
            "expires_at": max(snooze.until, snooze.at) + SECONDS_A_DAY,
        }
    )


@dataclass(slots=True)
class Snoozes:
    """The snoozes, on the table of incidents.

    Args:
        table: the boto3 Table of incidents.
        clock: seconds since the epoch.
    """

    table: "Table"
    clock: Callable[[], float] = time.time
    _known: tuple[float, tuple[Snooze, ...]] | None = field(default=None, init=False)

    def in_force(self) -> tuple[Snooze, ...]:
        """Those that have not ended, what ends first first."""
        now = self.clock()
        found = [one for one in self._all() if one.until > now]
        return tuple(sorted(found, key=lambda one: (one.until, one.name)))

    def covering(self, incident: Incident) -> tuple[Snooze, ...]:
        """Those that cover an incident, as this worker knew them some seconds ago."""
        now = self.clock()
        if self._known is None or not 0 <= now - self._known[0] < _REMEMBERED_SECONDS:
            self._known = (now, self._all())
        return tuple(one for one in self._known[1] if one.until > now and one.covers(incident))

    def snooze(self, incident: Incident, of: SnoozeOf, hours: int, actor: str) -> str:
        """Hold back alerts about denials on the bucket, or of the principal, of an incident.

        Args:
            incident: the incident.
            of: `bucket` or `principal`; that of an incident is a mute.
            hours: for how long; 0 ends it.
            actor: the ARN of who asks.

        Returns:
            What the incident's history says: `snoozed bucket a-reports until …`.

        Raises:
            SnoozeError: if the incident has no such thing.
            Conflict: if too many others change it.
        """
        name = snoozed_name(of, incident)
        for attempt in range(_MAX_ATTEMPTS):
            before = self._one(of, name)
            now = int(self.clock())
            if not hours and (before is None or before.until <= now):
                return f"{of} {name} is not snoozed"
            until = now + hours * _SECONDS_AN_HOUR
            what = "snoozed" if hours else "snooze ended"
            detail = f"{of} {name}" + (f" until {_iso(until)}" if hours else "")
            put = snooze_put(Snooze(of, name, until, actor, incident.id, now))
            put["ConditionExpression"] = "attribute_not_exists(pk)"
            if before:
                put["ConditionExpression"] += " OR (#until = :until AND #by = :by)"
                put["ExpressionAttributeNames"] = {"#until": "until", "#by": "by"}
                put["ExpressionAttributeValues"] = {":until": before.until, ":by": before.by}
            try:
                move = Move(incident.state, actor, what, detail)
                transact(self.table, [put, *told_writes(incident, move)])
            except Conflict:
                back_off(attempt)
                continue
            self._known = None
            return f"{what} {detail}"
        raise Conflict(f"{of} {name} is being snoozed by too many others; try again")

    def _all(self) -> tuple[Snooze, ...]:
        found: list[Snooze] = []
        start: dict[str, Any] = {}
        while True:
            page = self.table.query(
                KeyConditionExpression=Key("pk").eq(_PARTITION), ConsistentRead=True, **start
            )
            found += [one for one in map(_read, page["Items"]) if one]
            if "LastEvaluatedKey" not in page:
                return tuple(found)
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _one(self, of: SnoozeOf, name: str) -> Snooze | None:
        item = self.table.get_item(Key=_key(of, name), ConsistentRead=True).get("Item")
        return _read(item) if item else None


def _key(of: SnoozeOf, name: str) -> dict[str, str]:
    """Its item's key. A name that a caller chose is hashed: it may be long, or no Unicode."""
    digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:32]
    return {"pk": _PARTITION, "sk": f"{of}#{digest}"}


def _read(item: Mapping[str, Any]) -> Snooze | None:
    """A stored snooze; None if it is none of ours: it must not keep alerts back."""
    try:
        return Snooze(
            SnoozeOf(item["of"]),
            str(item["name"]),
            int(item["until"]),
            str(item["by"]),
            str(item["incident"]),
            int(item["at"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _iso(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"
