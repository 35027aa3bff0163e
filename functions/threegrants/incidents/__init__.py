"""Incidents: many events of one cause are one incident; its identity, states and store.

In: a `Analysis`. Out: an incident in DynamoDB with its diagnosis document, count and history.
"""

from threegrants.incidents.alert_schedule import Turns, owed
from threegrants.incidents.bucket_owners import Owners
from threegrants.incidents.calls import (
    Calls,
    Trace,
    choose,
    choose_alone,
    choose_late,
    key_place,
    ledger_of,
    place_of,
)
from threegrants.incidents.identity import incident_id, principal_of
from threegrants.incidents.items import Incident, legs_of
from threegrants.incidents.mute import MuteError, hours_of, mute, muted
from threegrants.incidents.states import State
from threegrants.incidents.store import NoIncident, Store
from threegrants.incidents.table import Conflict

__all__ = [
    "Calls",
    "Conflict",
    "Incident",
    "MuteError",
    "NoIncident",
    "Owners",
    "State",
    "Store",
    "Trace",
    "Turns",
    "choose",
    "choose_alone",
    "choose_late",
    "hours_of",
    "incident_id",
    "key_place",
    "ledger_of",
    "legs_of",
    "mute",
    "muted",
    "owed",
    "place_of",
    "principal_of",
]
