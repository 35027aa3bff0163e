"""Until when alerts about an incident are held back, and by what; pure."""

from collections.abc import Iterable

from threegrants.incidents import Incident, Snooze
from threegrants.remediation.own_denial import is_denied_principal


def held_until(incident: Incident, snoozes: Iterable[Snooze], now: float) -> int:
    """The second since the epoch until which alerts about an incident's denials are held back; 0 if they are not.

    Nobody keeps alerts about themselves back: a snooze of a bucket by a principal that is denied there
    holds for the others.

    Args:
        incident: the incident.
        snoozes: those that cover it.
        now: seconds since the epoch.
    """
    principal = incident.diagnosis.principal if incident.diagnosis else None
    ends = [
        one.until
        for one in snoozes
        if principal is None or not is_denied_principal(one.by, principal)
    ]
    until = max((incident.muted_until, *ends))
    return until if until > now else 0
