"""Incidents: many denied calls of one cause are one incident.

In: denied calls and their analysis. Out: an incident in DynamoDB with its report, count, state and
history; which KMS record belongs to which S3 call; when an analysis or an alert is due.
"""

from threegrants.incidents.account_clocks import AccountClocks
from threegrants.incidents.alert_reason import AlertReason
from threegrants.incidents.alert_schedule import due_alert, is_muted
from threegrants.incidents.analysis_schedule import (
    EVIDENCE_TTL_SECONDS,
    analysis_is_due,
    recheck_is_due,
)
from threegrants.incidents.bucket_owners import BucketOwners
from threegrants.incidents.events import corroborated_key_of, needs_kms, with_incident_facts
from threegrants.incidents.incident import Incident
from threegrants.incidents.incident_id import incident_id_of, principal_of
from threegrants.incidents.incident_reader import IncidentNotFound
from threegrants.incidents.leases import IncidentLeases, Lease
from threegrants.incidents.moves import Move
from threegrants.incidents.mute import MuteError, mute, parse_hours
from threegrants.incidents.people import (
    AssigneeError,
    ClosedError,
    acknowledge,
    assign,
    parse_name,
)
from threegrants.incidents.reminders import Reminders
from threegrants.incidents.snoozes import (
    Snooze,
    SnoozeError,
    SnoozeOf,
    Snoozes,
    parse_hours_of,
    snoozed_name,
)
from threegrants.incidents.states import State
from threegrants.incidents.store import Event, RecordedEvent, Store
from threegrants.incidents.table import Conflict

__all__ = [
    "EVIDENCE_TTL_SECONDS",
    "AccountClocks",
    "AlertReason",
    "AssigneeError",
    "BucketOwners",
    "ClosedError",
    "Conflict",
    "Event",
    "Incident",
    "IncidentLeases",
    "IncidentNotFound",
    "Lease",
    "Move",
    "MuteError",
    "RecordedEvent",
    "Reminders",
    "Snooze",
    "SnoozeError",
    "SnoozeOf",
    "Snoozes",
    "State",
    "Store",
    "acknowledge",
    "analysis_is_due",
    "assign",
    "corroborated_key_of",
    "due_alert",
    "incident_id_of",
    "is_muted",
    "mute",
    "needs_kms",
    "parse_hours",
    "parse_hours_of",
    "parse_name",
    "principal_of",
    "recheck_is_due",
    "snoozed_name",
    "with_incident_facts",
]
