"""What the pages show, as it is read: incidents, histories, and what follows from them. It writes nothing."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from threegrants.cloudtrail import Access
from threegrants.incidents import Incident, State
from threegrants.incidents.incident_reader import IncidentReader
from threegrants.incidents.states import RUN_IN_PROGRESS
from threegrants.page.view.audit import audit_lines
from threegrants.page.view.inputs import (
    ApprovalsFacts,
    AuditFacts,
    AuditLine,
    IncidentFacts,
    ListedIncident,
    ListFacts,
    ListFilter,
)
from threegrants.page.viewer import Viewer

MOST_LISTED = 100
"""How many incidents the list and the audit look at, the latest first."""
_MOST_RELATED = 20
_IN_FORCE = frozenset({State.VERIFIED, State.STUCK})
_SHOWS_RUN = RUN_IN_PROGRESS | {State.STUCK, State.FAILED}
_SERVICE = "service"


@dataclass(frozen=True, slots=True)
class PageReader:
    """Reads what the pages show.

    Args:
        reader: reads incidents; it does not write anew what an older release wrote.
        four_eyes: kinds of access that two people have to approve.
        more_limits: whether there are limits that the page does not read.
        stack: the stack's name, for commands.
    """

    reader: IncidentReader
    four_eyes: Collection[Access]
    more_limits: bool
    stack: str

    def shows_run(self, incident: Incident) -> bool:
        """Whether it is worth asking how the incident's last run goes."""
        return incident.state in _SHOWS_RUN

    def incident(
        self, incident: Incident, now: float, run: Mapping[str, Any] | None = None
    ) -> IncidentFacts:
        """One incident and what is around it.

        Args:
            incident: the incident.
            now: seconds since the epoch.
            run: how its last run goes; None if that was not asked.
        """
        history = tuple(self.reader.history(incident.id))
        return IncidentFacts(
            incident=incident,
            now=_moment(now),
            history=history,
            run=run,
            related=self._related(incident),
            in_force=is_open(incident),
            open_until=_end_of(incident),
            two_people=self._two_people(incident),
            first_approver=_first_approver(incident, history),
            acknowledged_by=incident.acknowledged_by,
            assigned_to=incident.assigned_to,
            snoozed_until=incident.muted_until,
            stack=self.stack,
        )

    def for_a_link(self, incident: Incident, now: float) -> IncidentFacts:
        """One incident for whoever holds a link: nothing around it."""
        return IncidentFacts(
            incident=incident,
            now=_moment(now),
            in_force=is_open(incident),
            open_until=_end_of(incident),
            stack=self.stack,
        )

    def listed(self, asked: ListFilter, now: float) -> ListFacts:
        """The latest incidents."""
        found = self.reader.latest(asked.state, MOST_LISTED)
        return ListFacts(
            incidents=tuple(map(_listed, found)),
            now=_moment(now),
            asked=asked,
            truncated=len(found) >= MOST_LISTED,
        )

    def approvals(self, viewer: Viewer, now: float) -> ApprovalsFacts:
        """What waits for a person, and what they decided."""
        found = self.reader.latest(limit=MOST_LISTED)
        mine = tuple(line for line in self._lines(found) if line.actor.startswith(viewer.identity))
        named = {line.incident_id for line in mine}
        return ApprovalsFacts(
            waiting=tuple(
                _listed(one) for one in found if one.state in (State.OPEN, State.PROPOSED)
            ),
            in_force=tuple(_listed(one) for one in found if is_open(one) and one.id in named),
            lines=mine,
            now=_moment(now),
        )

    def audit(self, search: str, page: int, now: float) -> AuditFacts:
        """Who decided what, in the latest incidents."""
        found = self.reader.latest(limit=MOST_LISTED)
        return AuditFacts(
            lines=tuple(self._lines(found)),
            now=_moment(now),
            search=search,
            page=page,
            truncated=len(found) >= MOST_LISTED,
        )

    def _lines(self, incidents: Iterable[Incident]) -> list[AuditLine]:
        """Every decision and consequence in the histories of these incidents, the latest first."""
        lines = [
            line
            for incident in incidents
            for line in audit_lines(incident, self.reader.history(incident.id))
        ]
        return sorted(lines, key=lambda line: line.at, reverse=True)

    def _related(self, incident: Incident) -> tuple[Incident, ...]:
        report = incident.diagnosis
        who = report.principal.arn if report else None
        return tuple(
            one
            for one in self.reader.latest(limit=_MOST_RELATED)
            if one.id != incident.id
            and (
                (incident.bucket and one.bucket == incident.bucket)
                or (who and one.diagnosis and one.diagnosis.principal.arn == who)
            )
        )

    def _two_people(self, incident: Incident) -> bool | None:
        report = incident.diagnosis
        if report is None:
            return None
        if report.is_fixable_by_two or report.request.access in self.four_eyes:
            return True
        return None if self.more_limits else False


def _listed(incident: Incident) -> ListedIncident:
    return ListedIncident(
        incident=incident,
        assigned_to=incident.assigned_to,
        in_force=is_open(incident),
        open_until=_end_of(incident),
    )


def is_open(incident: Incident) -> bool:
    """Whether something that an approval wrote is in force; runs of release 0.1 do not say until when."""
    return bool(incident.open_until) or incident.state in _IN_FORCE


def _end_of(incident: Incident) -> int | None:
    """When what is in force ends, in seconds since the epoch; None without an end."""
    try:
        return int(datetime.fromisoformat(incident.open_until).timestamp())
    except ValueError:
        return None


def _first_approver(incident: Incident, history: tuple[Mapping[str, Any], ...]) -> str:
    if incident.state is not State.PROPOSED:
        return ""
    actors = (str(line.get("actor", "")) for line in reversed(history) if line.get("digests"))
    return next((actor for actor in actors if actor and actor != _SERVICE), "")


def _moment(now: float) -> datetime:
    return datetime.fromtimestamp(now, UTC)
