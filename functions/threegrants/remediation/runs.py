"""What an approval sets going, as values: the run, its intents, and what is on the agenda. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from threegrants.incidents.states import State
from threegrants.patches import Patch


class Direction(StrEnum):
    """Where a run is going."""

    APPLY = "apply"
    UNDO = "undo"


class Step(StrEnum):
    """How far one write has come; `writing` and `undoing` are recorded before the write."""

    PLANNED = "planned"
    WRITING = "writing"
    WRITTEN = "written"
    UNDOING = "undoing"
    UNDONE = "undone"


IN_FORCE = frozenset({Step.WRITING, Step.WRITTEN, Step.UNDOING})
"""Steps after which something of ours may be in the live policy."""


@dataclass(frozen=True, slots=True)
class Run:
    """The `work` item of an incident: its last run, who works on it, and what stands.

    Times are whole seconds since the epoch.
    """

    id: str
    direction: Direction
    worker_id: str
    lease_until: int
    """The worker begins nothing that might not end before; afterwards another may take over."""
    digests: tuple[str, ...]
    actors: tuple[str, ...]
    """Who approved (both, if two were needed), or who asked for the rollback."""
    expires: int
    """When the approval expires: later, the run only goes back."""
    attempts: int = 1
    runs_in_force: tuple[str, ...] = ()
    """Runs whose patches stand, the oldest first."""
    runs_to_undo: tuple[str, ...] = ()
    """Runs that an undo takes back, the oldest first."""
    end_state: State = State.FAILED
    """Where a finished undo ends: failed or rolled_back."""
    from_state: State | None = None
    """Where a rollback came from."""
    reason: str = ""

    def to_item(self) -> dict[str, Any]:
        """The attributes of the item."""
        return {
            "run": self.id,
            "way": self.direction.value,
            "worker": self.worker_id,
            "until": self.lease_until,
            "digests": list(self.digests),
            "actors": list(self.actors),
            "expires": self.expires,
            "attempts": self.attempts,
            "standing": list(self.runs_in_force),
            "undoes": list(self.runs_to_undo),
            "end": self.end_state.value,
            "back": self.from_state.value if self.from_state else "",
            "why": self.reason,
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> "Run":
        """Read back what `to_item` wrote."""
        return cls(
            id=str(item["run"]),
            direction=Direction(item["way"]),
            worker_id=str(item["worker"]),
            lease_until=int(item["until"]),
            digests=tuple(item["digests"]),
            actors=tuple(item["actors"]),
            expires=int(item["expires"]),
            attempts=int(item["attempts"]),
            runs_in_force=tuple(item["standing"]),
            runs_to_undo=tuple(item["undoes"]),
            end_state=State(item["end"]),
            from_state=State(item["back"]) if item["back"] else None,
            reason=str(item["why"]),
        )


@dataclass(frozen=True, slots=True)
class Intent:
    """One write of a run, with the full documents before and after.

    `opened` and `closed` are the seconds of the read before and the read after the last write.
    """

    run_id: str
    number: int
    patch: Patch
    step: Step = Step.PLANNED
    opened: int = 0
    closed: int = 0

    @property
    def sk(self) -> str:
        """The sort key of its item."""
        return f"intent#{self.run_id}#{self.number:02}"

    def to_item(self) -> dict[str, Any]:
        """The attributes of the item."""
        return {
            "run": self.run_id,
            "number": self.number,
            "patch": json.dumps(self.patch.to_json()),
            "step": self.step.value,
            "opened": self.opened,
            "closed": self.closed,
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> "Intent":
        """Read back what `to_item` wrote.

        Raises:
            ValueError: if the patch does not match its digest.
        """
        return cls(
            run_id=str(item["run"]),
            number=int(item["number"]),
            patch=Patch.from_json(json.loads(str(item["patch"]))),
            step=Step(item["step"]),
            opened=int(item["opened"]),
            closed=int(item["closed"]),
        )


@dataclass(frozen=True, slots=True)
class Approval:
    """The first of two approvals."""

    digests: tuple[str, ...]
    approver: str
    expires: int
