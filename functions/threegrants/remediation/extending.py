"""What an extension needs of what is kept and of AWS: the runs it is about, the policies as they are now."""

from http import HTTPStatus

from threegrants.evidence import RoleClients
from threegrants.incidents import Incident, State
from threegrants.patches import Patch
from threegrants.remediation.extension import Extension
from threegrants.remediation.in_force import ending_runs
from threegrants.remediation.policy_io import read
from threegrants.remediation.remediation_roles import reader_of
from threegrants.remediation.results import Refused
from threegrants.remediation.run_store import RunStore
from threegrants.remediation.runs import Run
from threegrants.remediation.worker import error_text


def runs_to_extend(
    run_store: RunStore, incident: Incident, last: Run | None, now: float
) -> tuple[Run, ...]:
    """The runs in force whose end may be put off.

    Args:
        run_store: what is kept of runs.
        incident: the incident.
        last: its last run.
        now: seconds since the epoch.

    Raises:
        Refused: if there are none, or their end has come.
        NotGenuine: if what is kept of one is not genuine.
    """
    in_force = last.runs_in_force if last and incident.state is State.VERIFIED else ()
    runs = tuple(run_store.begun(incident.id, one) for one in in_force)
    heads = ending_runs(runs)
    if not heads:
        raise Refused(
            HTTPStatus.CONFLICT,
            f"incident {incident.id} is {incident.state}, and nothing of it is in force that ends: "
            "there is nothing to extend",
        )
    if any(run.ends_at <= now for run in heads):
        raise Refused(
            HTTPStatus.CONFLICT,
            f"the grant of incident {incident.id} has ended: it is taken back, and a new denial can "
            "be approved",
        )
    return heads


def later_ends(
    reader: RoleClients, incident_id: str, extension: Extension, ends_at: int, now: int
) -> tuple[Patch, ...]:
    """The patches that exchange the end, made of the policies as they are now.

    Args:
        reader: clients of the reader role.
        incident_id: the incident.
        extension: what is extended.
        ends_at: seconds since the epoch.
        now: seconds since the epoch.

    Raises:
        Refused: if a policy cannot be read, or our statement is not as we wrote it.
    """
    found = []
    for intent in extension.exchanged:
        patch = intent.patch
        try:
            live = read(patch, reader_of(reader, patch, incident_id), intent.aws_ids)
        except Exception as error:
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"nothing was changed, because a policy could not be read: {error_text(error)}",
            ) from error
        found.append(extension.patch_for(patch, live.text, ends_at, now))
    return tuple(found)
