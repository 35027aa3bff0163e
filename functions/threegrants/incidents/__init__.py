"""Incidents: many events of one cause are one incident; its identity, states and store.

In: a `Finding`. Out: an incident in DynamoDB with its diagnosis document, count and history.
"""

from threegrants.incidents.document import document
from threegrants.incidents.identity import incident_id
from threegrants.incidents.items import Incident
from threegrants.incidents.states import State
from threegrants.incidents.store import Conflict, NoIncident, Store

__all__ = ["Conflict", "Incident", "NoIncident", "State", "Store", "document", "incident_id"]
