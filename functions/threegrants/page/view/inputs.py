"""What the page's function has read, as frozen values: the input of every page. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Any

from threegrants.incidents import Incident, State
from threegrants.report import Report


class Action(StrEnum):
    """What a person may ask of an incident; the last part of the path that is posted to."""

    APPROVE = "approve"
    REJECT = "reject"
    ROLLBACK = "rollback"
    EXTEND = "extend"
    ACKNOWLEDGE = "acknowledge"
    ASSIGN = "assign"
    SNOOZE = "snooze"
    RECHECK = "recheck"
    REOPEN = "reopen"


CONFIRMED = frozenset({Action.APPROVE, Action.REJECT, Action.ROLLBACK, Action.EXTEND})
"""Actions that are asked for on a page of their own, which says what follows."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What came of the last request, shown once on top of the page.

    Args:
        text: a sentence.
        good: whether it was done; else it was refused.
    """

    text: str
    good: bool = True


@dataclass(frozen=True, slots=True)
class Expiry:
    """How long an approval lasts: what is offered.

    Args:
        offered: seconds in whole hours, ascending; 0 is *until somebody takes it back*.
        default: the one that is chosen beforehand.
    """

    offered: tuple[int, ...] = (3600, 8 * 3600, 3 * 86400, 0)
    default: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFacts:
    """One incident and what is known around it.

    Args:
        incident: the incident with its report.
        now: when the page is made, with a time zone.
        history: the lines of its history, oldest first, as the store has them.
        run: how its last run goes (`RemediationService.progress`); None if there is none.
        related: other incidents of the same principal or bucket, that this person may see.
        in_force: whether something that an approval wrote is in force.
        open_until: when that is taken back, seconds since the epoch; None without an end.
        expiry: for how long an approval may last.
        two_people: whether two people have to approve; None if that is not known beforehand.
        first_approver: who has approved, where a second one is awaited; as the history names them.
        acknowledged_by: who looks into it; empty if nobody said so.
        assigned_to: whose it is; empty if it is nobody's.
        snoozed_until: no alerts before this second since the epoch; 0 if they are sent.
        zone: the people's own time zone, beside UTC.
        stack: the stack's name, for commands.
        reload: whether the page reloads by itself while a run goes on (`?reload=off` says no).
    """

    incident: Incident
    now: datetime
    history: tuple[Mapping[str, Any], ...] = ()
    run: Mapping[str, Any] | None = None
    related: tuple[Incident, ...] = ()
    in_force: bool = False
    open_until: int | None = None
    expiry: Expiry = Expiry()
    two_people: bool | None = None
    first_approver: str = ""
    acknowledged_by: str = ""
    assigned_to: str = ""
    snoozed_until: int = 0
    zone: tzinfo | None = None
    stack: str = "threegrants"
    reload: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person is about to decide, for the page that asks to confirm it.

    Args:
        action: one of `CONFIRMED`.
        digests: the chosen patches; none for what is proposed.
        seen: the `diagnosis_id` that the person looked at when they chose; empty if not known.
        fresh: the report from evidence read for this page; None if it could not be read.
        fresh_problem: why it could not be read; empty if it was.
        reason: what they wrote already, when the form comes back.
        ticket: the same.
        seconds: for how long, when the form comes back; 0 without an end, None for the default.
        problem: why the form comes back; empty at first.
        may_break_glass: whether this person may approve alone where two are wanted.
    """

    action: Action
    digests: tuple[str, ...] = ()
    seen: str = ""
    fresh: Report | None = None
    fresh_problem: str = ""
    reason: str = ""
    ticket: str = ""
    seconds: int | None = None
    problem: str = ""
    may_break_glass: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFilter:
    """What the list is asked for: the fields of its form.

    Args:
        state: one state, or all.
        search: words that have to stand in id, principal, bucket, key, account or summary.
        only_open_access: only incidents with something of ours in force.
        page: from 1.
    """

    state: State | None = None
    search: str = ""
    only_open_access: bool = False
    page: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedIncident:
    """An incident in the list.

    Args:
        incident: the incident.
        in_force: whether something that an approval wrote is in force.
        open_until: when that is taken back, seconds since the epoch; None without an end.
        assigned_to: whose it is; empty if it is nobody's.
    """

    incident: Incident
    in_force: bool = False
    open_until: int | None = None
    assigned_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListFacts:
    """The incidents that this person may see: `render.list_page` filters, counts and pages them.

    Args:
        incidents: the latest first.
        now: when the page is made, with a time zone.
        asked: what the form says.
        truncated: whether there are more than were read.
        zone: the people's own time zone, beside UTC.
    """

    incidents: tuple[ListedIncident, ...]
    now: datetime
    asked: ListFilter = field(default_factory=ListFilter)
    truncated: bool = False
    zone: tzinfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLine:
    """One decision, or one consequence of it: a line of an incident's history with its incident.

    Args:
        at: ISO 8601 in UTC.
        incident_id: the incident.
        actor: who: an ARN, `issuer#subject`, or `service`.
        what: what was done, in the history's words.
        state: the state afterwards.
        digests: the patches it was about.
        reason: why, as the person wrote it.
        ticket: the ticket they named.
        until: when it ends, ISO 8601 in UTC; empty without an end.
        detail: what the history says beside that.
        principal: who was denied.
        bucket: on which bucket.
    """

    at: str
    incident_id: str
    actor: str
    what: str
    state: str = ""
    digests: tuple[str, ...] = ()
    reason: str = ""
    ticket: str = ""
    until: str = ""
    detail: str = ""
    principal: str = ""
    bucket: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFacts:
    """The audit: lines, the latest first.

    Args:
        lines: the lines.
        now: when the page is made, with a time zone.
        search: words that have to stand in a line.
        page: from 1.
        truncated: whether there are more than were read.
        zone: the people's own time zone, beside UTC.
    """

    lines: tuple[AuditLine, ...]
    now: datetime
    search: str = ""
    page: int = 1
    truncated: bool = False
    zone: tzinfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalsFacts:
    """What waits for this person, and what they decided.

    Args:
        waiting: incidents that wait for a decision or a second approval.
        in_force: what they approved that is in force.
        lines: what they decided, the latest first.
        now: when the page is made, with a time zone.
        zone: the people's own time zone, beside UTC.
    """

    waiting: tuple[ListedIncident, ...]
    in_force: tuple[ListedIncident, ...]
    lines: tuple[AuditLine, ...]
    now: datetime
    zone: tzinfo | None = None
