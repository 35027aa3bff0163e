"""The doctor: what makes a live installation blind or unable.

In: a frozen `Installation`, each part of it read or unread. Out: findings, each with severity, reason, fix
and link. All of it is pure but `reader/`, which asks AWS.
"""

from threegrants.doctor.finding import Finding, Kind, Severity
from threegrants.doctor.findings import CHECKS, findings
from threegrants.doctor.installation import Installation
from threegrants.doctor.kinds import KINDS

__all__ = ["CHECKS", "KINDS", "Finding", "Installation", "Kind", "Severity", "findings"]
