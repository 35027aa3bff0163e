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
from threegrants.incidents.ledger import Busy, Exhausted, Ledger, Lost, Move
from threegrants.incidents.mute import MuteError, hours_of, mute, muted
from threegrants.incidents.owners import Owners
from threegrants.incidents.states import State
from threegrants.incidents.store import NoIncident, Store
from threegrants.incidents.table import Conflict
from threegrants.incidents.turns import Turns, owed
from threegrants.incidents.work import STANDING, Approval, Due, Intent, Step, Task, Way, Work

__all__ = [
    "STANDING",
    "Approval",
    "Busy",
    "Calls",
    "Conflict",
    "Due",
    "Exhausted",
    "Incident",
    "Intent",
    "Ledger",
    "Lost",
    "Move",
    "MuteError",
    "NoIncident",
    "Owners",
    "State",
    "Step",
    "Store",
    "Task",
    "Trace",
    "Turns",
    "Way",
    "Work",
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
