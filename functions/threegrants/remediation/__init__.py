"""Remediation: approved patches are written, verified, and undone if they do not help.

In: an incident, the digests that a person approved, and who that person is (AWS says so).
Out: policies changed in the member accounts, and every step in the incident's history.
Only this package writes in the member accounts.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_MODULES = {
    "Limits": "limits",
    "LimitsError": "parameter_values",
    "Refused": "results",
    "RemediationService": "service",
    "Result": "results",
    "StandingApproval": "standing_parameter",
    "Sweep": "sweep",
    "WorkerService": "worker_service",
    "find_standing_approval": "standing_approvals",
}
"""Where each name is; loaded when it is asked for, so that no function starts with another one's part."""


def __getattr__(name: str) -> Any:
    """The name from its module (https://peps.python.org/pep-0562/)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
