"""Incidents: many events of one cause are one incident; its identity, states and store.

In: a `Analysis`. Out: an incident in DynamoDB with its diagnosis document, count and history.
"""

from threegrants.incidents.alert_reason import AlertReason
from threegrants.incidents.alert_schedule import IncidentLeases, due_alert
from threegrants.incidents.bucket_owners import BucketOwners
from threegrants.incidents.calls import (
    Candidate,
    KmsCorrelator,
    correlation_key_of,
    kms_key_correlation_key,
    match_kms_only_incident,
    match_kms_record,
    match_late_kms_record,
    parking_key_of,
)
from threegrants.incidents.identity import incident_id_of, principal_of
from threegrants.incidents.items import Incident, kms_actions_of
from threegrants.incidents.mute import MuteError, is_muted, mute, parse_hours
from threegrants.incidents.states import State
from threegrants.incidents.store import IncidentNotFound, Store
from threegrants.incidents.table import Conflict

__all__ = [
    "AlertReason",
    "BucketOwners",
    "Candidate",
    "Conflict",
    "Incident",
    "IncidentLeases",
    "IncidentNotFound",
    "KmsCorrelator",
    "MuteError",
    "State",
    "Store",
    "correlation_key_of",
    "due_alert",
    "incident_id_of",
    "is_muted",
    "kms_actions_of",
    "kms_key_correlation_key",
    "match_kms_only_incident",
    "match_kms_record",
    "match_late_kms_record",
    "mute",
    "parking_key_of",
    "parse_hours",
    "principal_of",
]
