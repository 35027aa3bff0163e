"""`Thread`: what people have said and done about an incident, for everybody who is told of it; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from threegrants.incidents import Incident, State
from threegrants.incidents.states import CLOSED

_MOST = 6
"""Decisions in one alert, the latest."""
_MAX_REASON_CHARACTERS = 500
_REOPENED = "Opened again"
_DECISIONS: Mapping[str, str] = {
    "approved": "Approved",
    "approved, first of two": "Approved (first of two)",
    "rejected": "Rejected",
    "rollback started": "Rollback asked for",
    "reopened": _REOPENED,
    "extended": "Extended",
}
"""What the history calls a decision, and what an alert calls it."""
_SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision.

    Args:
        what: what was decided: `Approved`.
        actor: who decided: an ARN, or a standing approval.
        at: when, ISO 8601 in UTC.
        reason: why; empty if nobody said.
        ticket: the ticket that it belongs to; empty if there is none.
    """

    what: str
    actor: str
    at: str
    reason: str = ""
    ticket: str = ""


@dataclass(frozen=True, slots=True)
class Thread:
    """What people have said and done.

    Args:
        acknowledged_by: the ARN of who is at it; empty for nobody.
        acknowledged_at: when they said so, in seconds since the epoch.
        assigned_to: the name of who is to see to it; empty for nobody.
        decisions: what was decided since it was opened last, the oldest first.
    """

    acknowledged_by: str = ""
    acknowledged_at: int = 0
    assigned_to: str = ""
    decisions: tuple[Decision, ...] = ()


NOBODY = Thread()
"""Nobody has said or done anything."""


def thread_of(incident: Incident, history: Sequence[Mapping[str, Any]] = ()) -> Thread:
    """What people have said and done about an incident.

    Args:
        incident: the incident.
        history: its history, the oldest line first, as the store gives it.
    """
    return Thread(
        incident.acknowledged_by,
        incident.acknowledged_at,
        incident.assigned_to,
        _decisions(history),
    )


def _decisions(history: Sequence[Mapping[str, Any]]) -> tuple[Decision, ...]:
    found: list[Decision] = []
    for line in history:
        if line.get("from") in CLOSED and line.get("to") == State.OPEN:
            found.clear()  # what was decided about it before is another story
        what = _DECISIONS.get(str(line.get("what")))
        if what is None or line.get("actor") == _SERVICE:
            continue
        found.append(
            Decision(
                what,
                str(line.get("actor", "")),
                str(line.get("at", "")),
                _text(line.get("reason"))
                or (_text(line.get("detail")) if what == _REOPENED else ""),
                _text(line.get("ticket")),
            )
        )
    return tuple(found[-_MOST:])


def _text(value: Any) -> str:
    return value[:_MAX_REASON_CHARACTERS] if isinstance(value, str) else ""
