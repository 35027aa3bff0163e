"""Incidents: many events of one cause are one incident; its identity, states and store.

In: a `Finding`. Out: an incident in DynamoDB with its diagnosis document, count and history.
"""

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
from threegrants.incidents.document import document
from threegrants.incidents.identity import incident_id, principal_of
from threegrants.incidents.items import Incident, legs_of
from threegrants.incidents.mute import MuteError, hours_of, mute, muted
from threegrants.incidents.owners import Owners
from threegrants.incidents.states import State
from threegrants.incidents.store import NoIncident, Store
from threegrants.incidents.table import Conflict
from threegrants.incidents.turns import Turns, owed

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
    "document",
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
