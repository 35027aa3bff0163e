"""Incidents: many events of one cause are one incident; its identity, states and store.

In: a `Finding`. Out: an incident in DynamoDB with its diagnosis document, count and history.
"""

from threegrants.incidents.document import document
from threegrants.incidents.identity import incident_id
from threegrants.incidents.items import Incident
from threegrants.incidents.ledger import Busy, Exhausted, Ledger, Lost, Move
from threegrants.incidents.states import State
from threegrants.incidents.store import Conflict, NoIncident, Store
from threegrants.incidents.work import STANDING, Approval, Due, Intent, Step, Task, Way, Work

__all__ = [
    "STANDING",
    "Approval",
    "Busy",
    "Conflict",
    "Due",
    "Exhausted",
    "Incident",
    "Intent",
    "Ledger",
    "Lost",
    "Move",
    "NoIncident",
    "State",
    "Step",
    "Store",
    "Task",
    "Way",
    "Work",
    "document",
    "incident_id",
]
