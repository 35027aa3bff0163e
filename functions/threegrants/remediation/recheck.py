"""A person has an incident examined anew, from fresh evidence, and sees what is otherwise."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from threegrants.analysis import Analysis
from threegrants.incidents import Conflict, Incident, IncidentLeases, Lease, Store
from threegrants.incidents.states import RUN_IN_PROGRESS
from threegrants.remediation.refresh import refresh
from threegrants.remediation.results import Refused
from threegrants.report.comparison import Change, compare


@dataclass(frozen=True, slots=True)
class Rechecked:
    """What came of it.

    Args:
        incident: as it is now, with the new report.
        before: as it was.
        changes: what the new report says otherwise.
    """

    incident: Incident
    before: Incident
    changes: tuple[Change, ...]

    @property
    def detail(self) -> str:
        """What happened, in one sentence for people."""
        if self.incident.state is not self.before.state:
            moved = f"The incident was {self.before.state} and is {self.incident.state}."
            return f"Examined anew. {moved}"
        if not self.changes:
            return "Examined anew: nothing is otherwise than it was."
        return f"Examined anew: {len(self.changes)} thing(s) are otherwise than they were."


def recheck(
    store: Store,
    leases: IncidentLeases,
    reanalyze: Callable[[Incident], Analysis],
    now: float,
    incident_id: str,
) -> Rechecked:
    """Examine an incident anew and keep the report, whatever it says.

    Its state changes as by the sweep: it is resolved where the call is allowed by now.

    Args:
        store: the incidents.
        leases: by which one at a time analyzes an incident.
        reanalyze: examines the incident's call again, from fresh evidence.
        now: seconds since the epoch.
        incident_id: the incident.

    Raises:
        Refused: if a run of the incident is in progress, if somebody else analyzes it, or if it
            changed meanwhile.
        IncidentNotFound: if there is none with this id.
    """
    incident = store.get(incident_id)
    if incident.state in RUN_IN_PROGRESS:
        raise Refused(
            HTTPStatus.CONFLICT,
            f"incident {incident.id} is {incident.state}: a run is in progress and looks at fresh "
            "evidence itself. Read the incident again in a minute",
        )
    if not leases.acquire(incident.id, Lease.ANALYSIS):
        raise Refused(
            HTTPStatus.CONFLICT,
            f"incident {incident.id} is being analyzed right now: read it again in a minute",
        )
    try:
        kept = refresh(store, reanalyze, now, incident, keep=True)
    except Conflict as error:
        leases.release(incident.id, Lease.ANALYSIS)
        raise Refused(
            HTTPStatus.CONFLICT,
            f"incident {incident.id} changed while it was examined, so nothing was kept: try again",
        ) from error
    except BaseException:
        leases.release(incident.id, Lease.ANALYSIS)
        raise
    report = kept.diagnosis
    changes = compare(incident.diagnosis, report) if report else ()
    return Rechecked(kept, incident, changes)
