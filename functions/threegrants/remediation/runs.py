"""What an approval sets going, as values: the run, its intents, and the first of two approvals. Pure.

The names of the DynamoDB attributes are stored data: `to_item` and `from_item` map them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from threegrants.incidents.fitting import pack, unpack
from threegrants.incidents.states import State
from threegrants.patches import Patch
from threegrants.remediation.live_policy import NO_IDS, AwsIds


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
    """The last run of an incident, who works on it, and what is in force; stored as item `work`.

    Args:
        id: the run.
        direction: whether it applies or undoes.
        worker_id: the worker that holds it.
        lease_until: seconds since the epoch. The worker begins nothing that might not end before;
            afterwards another worker may take over. 0 if the run has ended.
        digests: the patches that were approved.
        actors: who approved (both, if two were needed), or who asked for the rollback.
        expires: seconds since the epoch; when the approval expires: later, the run only goes back.
        attempts: how many workers have tried to finish it in this direction.
        runs_in_force: runs whose patches are in force, the oldest first.
        runs_to_undo: runs that an undo takes back, the oldest first.
        end_state: where a finished undo ends: failed or rolled_back.
        from_state: the state from which a rollback was asked for.
        reason: why it is undone.
        waits: how many of the attempts ended because AWS did not show an acknowledged write yet.
    """

    id: str
    direction: Direction
    worker_id: str
    lease_until: int
    digests: tuple[str, ...]
    actors: tuple[str, ...]
    expires: int
    attempts: int = 1
    runs_in_force: tuple[str, ...] = ()
    runs_to_undo: tuple[str, ...] = ()
    end_state: State = State.FAILED
    from_state: State | None = None
    reason: str = ""
    waits: int = 0

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
            "waits": self.waits,
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
            waits=int(item.get("waits", 0)),
        )


_FACTS = ("acknowledged", "undo_begun", "undo_acknowledged", "second_looks")
"""Numbers of an intent that are stored under their own names."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One write of a run, with the full documents before and after.

    Args:
        run_id: the run.
        number: its place among the writes of the run, from 0.
        patch: what is written.
        step: how far it has come.
        opened: the second of the read before the last write; 0 if there was none.
        closed: the second of the read after the last write; 0 if there was none.
        aws_ids: AWS's own ids of what it made, as far as they are known.
        acknowledged: the second in which AWS acknowledged the write, or in which it was seen; 0 if
            neither.
        undo_begun: the second in which it was first to be taken back; 0 if it was not.
        undo_acknowledged: the second in which AWS last acknowledged the undo; 0 if it did not.
        second_looks: how often it was found again after it had been taken back.
    """

    run_id: str
    number: int
    patch: Patch
    step: Step = Step.PLANNED
    opened: int = 0
    closed: int = 0
    aws_ids: AwsIds = NO_IDS
    acknowledged: int = 0
    undo_begun: int = 0
    undo_acknowledged: int = 0
    second_looks: int = 0

    @property
    def sk(self) -> str:
        """The sort key of its item."""
        return f"intent#{self.run_id}#{self.number:02}"

    def to_item(self) -> dict[str, Any]:
        """The attributes of the item."""
        return {
            "run": self.run_id,
            "number": self.number,
            "patch": pack(self.patch.to_json()),
            "step": self.step.value,
            "opened": self.opened,
            "closed": self.closed,
            "aws_ids": self.aws_ids.to_item(),
            **{name: getattr(self, name) for name in _FACTS},
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
            patch=Patch.from_json(unpack(item["patch"])),
            step=Step(item["step"]),
            opened=int(item["opened"]),
            closed=int(item["closed"]),
            # Intents that were written by earlier versions have none of these.
            aws_ids=AwsIds.from_item(item.get("aws_ids") or {}),
            **{name: int(item.get(name, 0)) for name in _FACTS},
        )


@dataclass(frozen=True, slots=True)
class Approval:
    """The first of two approvals.

    Args:
        digests: the patches that it names.
        approver: the ARN of who gave it.
        expires: seconds since the epoch; a second approval has to come before.
    """

    digests: tuple[str, ...]
    approver: str
    expires: int

    def to_item(self) -> dict[str, Any]:
        """The attributes of the item."""
        return {
            "digests": list(self.digests),
            "approver": self.approver,
            "expires": self.expires,
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> "Approval":
        """Read back what `to_item` wrote."""
        return cls(tuple(item["digests"]), str(item["approver"]), int(item["expires"]))
