"""Approved patches are written, verified, and undone if they do not help: the only writes.

In: an incident, the digests a person approved, and who that person is by AWS's word.
Out: policies changed in the member accounts, and every step in the incident's history.
"""

from threegrants.remediation.limits import Limits, LimitsError, StandingApproval
from threegrants.remediation.results import Refused, Result
from threegrants.remediation.service import RemediationService
from threegrants.remediation.standing_approvals import find_standing_approval
from threegrants.remediation.sweep import Sweep, refresh, send_due_alerts

__all__ = [
    "Limits",
    "LimitsError",
    "Refused",
    "RemediationService",
    "Result",
    "StandingApproval",
    "Sweep",
    "find_standing_approval",
    "refresh",
    "send_due_alerts",
]
