"""`Finding`: one thing that makes an installation blind or unable, with its fix; `Kind`: its row in the table."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """How bad it is."""

    CRITICAL = "critical"
    """denials are not seen, not diagnosed or not told, or nothing can be applied"""
    WARNING = "warning"
    """something is lost or late, or may be and cannot be told"""
    NOTE = "note"
    """it may well be meant so"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with an installation.

    Args:
        code: the row of docs/doctor.md.
        severity: how bad it is.
        what: what was found, naming the thing.
        why: what follows from it.
        fix: what to do.
        link: the page that says more.
        account: where, 12 digits; None for the service as a whole.
        region: where; None if it has no Region.
    """

    code: str
    severity: Severity
    what: str
    why: str
    fix: str
    link: str
    account: str | None = None
    region: str | None = None

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "code": self.code,
            "severity": self.severity.value,
            "what": self.what,
            "why": self.why,
            "fix": self.fix,
            "link": self.link,
            "account": self.account,
            "region": self.region,
        }


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of finding.

    Args:
        code: its name, stable.
        severity: how bad it is.
        why: what follows from it.
        fix: what to do.
        link: the page that says more.
    """

    code: str
    severity: Severity
    why: str
    fix: str
    link: str

    def found(
        self, what: str, account: str | None = None, region: str | None = None, fix: str = ""
    ) -> Finding:
        """One finding of this kind.

        Args:
            what: what was found, naming the thing.
            account: where.
            region: where.
            fix: what to do just there, if more can be said than the row says.
        """
        return Finding(
            self.code, self.severity, what, self.why, fix or self.fix, self.link, account, region
        )
