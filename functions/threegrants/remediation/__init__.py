"""Approved patches are written, verified, and undone if they do not help: the only writes.

In: an incident, the digests a person approved, and who that person is by AWS's word.
Out: policies changed in the member accounts, and every step in the incident's history.
"""

from threegrants.remediation.limits import GuardrailError, Guardrails, Standing
from threegrants.remediation.results import Refused, Result
from threegrants.remediation.service import Remedy
from threegrants.remediation.standing_approvals import standing
from threegrants.remediation.sweep import Sweep, refresh, send_due

__all__ = [
    "GuardrailError",
    "Guardrails",
    "Refused",
    "Remedy",
    "Result",
    "Standing",
    "Sweep",
    "refresh",
    "send_due",
    "standing",
]
