"""Remediation: approved patches are written, verified, and undone if they do not help.

In: an incident, the digests that a person approved, and who that person is (AWS says so).
Out: policies changed in the member accounts, and every step in the incident's history.
Only this package writes in the member accounts.
"""

from threegrants.remediation.limits import Limits
from threegrants.remediation.parameter_values import LimitsError
from threegrants.remediation.results import Refused, Result
from threegrants.remediation.service import RemediationService
from threegrants.remediation.standing_approvals import find_standing_approval
from threegrants.remediation.standing_parameter import StandingApproval
from threegrants.remediation.sweep import Sweep
from threegrants.remediation.worker_service import WorkerService

__all__ = [
    "Limits",
    "LimitsError",
    "Refused",
    "RemediationService",
    "Result",
    "StandingApproval",
    "Sweep",
    "WorkerService",
    "find_standing_approval",
]
