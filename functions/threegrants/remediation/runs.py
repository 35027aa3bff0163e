"""What an approval sets going, as values: the run, its intents, and the first of two approvals. Pure.

Each has a `sealed` form: what its seal covers (`seals.py`).

The names of the DynamoDB attributes are stored data: `to_item` and `from_item` map them.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from threegrants.incidents.fitting import fitting_detail, pack, unpack
from threegrants.incidents.states import State
from threegrants.patches import Patch, sha256
from threegrants.remediation.live_policy import NO_IDS, AwsIds


class NewerRunError(RuntimeError):
    """A run was written by a later release than this one, so it is neither carried on nor refused."""


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

_HOUR = 3600
NOBODY = "-"
"""The worker of a run that no worker has taken over yet."""
RUN_SCHEMA = 2
"""Of the runs and first approvals that are written now. 1, which no item says, is of release 0.1: without
reason, ticket and end."""
_LEASE = frozenset({"worker", "until", "says"})
"""What a seal of a run does not cover: who works on it now, and what people are told meanwhile."""


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
        contents: for each patch that was approved, the digest of all of it (`content_of`).
        approved_at: the second in which it was begun.
        two_people: whether two people had to approve.
        standing: the name of the standing approval; empty if a person approved.
        progress: what people are told of it: why it waits, or how it ended.
        offered: the digests by which people named the patches, where what is written has an end of its
            own; empty if they are `digests`.
        reasons: why, of each of those who approved, in the order of `actors`; one for a rollback.
        ticket: what it belongs to elsewhere, as they said.
        ends_at: seconds since the epoch; when what it grants is taken back by itself. 0 for never.
        extends: runs in force whose grants it prolongs: they end with it.
        break_glass: whether one person approved alone where two are wanted.
        schema: the version of its item; `RUN_SCHEMA` for new ones, 1 for those of release 0.1.
    """

    id: str
    direction: Direction
    worker_id: str
    lease_until: int
    digests: tuple[str, ...]
    actors: tuple[str, ...]
    expires: int
    attempts: int = 0
    runs_in_force: tuple[str, ...] = ()
    runs_to_undo: tuple[str, ...] = ()
    end_state: State = State.FAILED
    from_state: State | None = None
    reason: str = ""
    waits: int = 0
    contents: tuple[str, ...] = ()
    approved_at: int = 0
    two_people: bool = False
    standing: str = ""
    progress: str = ""
    offered: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    ticket: str = ""
    ends_at: int = 0
    extends: tuple[str, ...] = ()
    break_glass: bool = False
    schema: int = RUN_SCHEMA

    @property
    def is_fresh(self) -> bool:
        """Whether no worker has taken it over yet."""
        return not self.attempts and not self.waits

    @property
    def seconds_granted(self) -> int:
        """For how long it grants, at least an hour (an end is at a full minute); 0 for without an end."""
        return max(_HOUR, self.ends_at - self.approved_at) if self.ends_at else 0

    def sealed(self, incident_id: str) -> dict[str, Any]:
        """What the seal covers: all but the lease."""
        covered = {name: value for name, value in self.to_item().items() if name not in _LEASE}
        return {"incident": incident_id, **covered}

    def continues(self, begun: "Run") -> bool:
        """Whether this is the run that was approved: the same patches, people and time."""
        return _approved(self) == _approved(begun)

    def to_item(self) -> dict[str, Any]:
        """The attributes of the item. One of release 0.1 stays as it was: its seal covers no more."""
        since_2 = {
            "schema": self.schema,
            "offered": list(self.offered),
            "reasons": list(self.reasons),
            "ticket": self.ticket,
            "ends": self.ends_at,
            "extends": list(self.extends),
            "alone": self.break_glass,
        }
        return {
            **(since_2 if self.schema > 1 else {}),
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
            "contents": list(self.contents),
            "approved": self.approved_at,
            "two": self.two_people,
            "rule": self.standing,
            "says": fitting_detail(self.progress),
        }

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> "Run":
        """Read back what `to_item` wrote.

        Raises:
            NewerRunError: if a later release wrote it.
        """
        schema = schema_of(item)
        return cls(
            schema=schema,
            offered=tuple(item["offered"]) if schema > 1 else (),
            reasons=tuple(item["reasons"]) if schema > 1 else (),
            ticket=str(item["ticket"]) if schema > 1 else "",
            ends_at=int(item["ends"]) if schema > 1 else 0,
            extends=tuple(item["extends"]) if schema > 1 else (),
            break_glass=bool(item["alone"]) if schema > 1 else False,
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
            waits=int(item["waits"]),
            contents=tuple(item["contents"]),
            approved_at=int(item["approved"]),
            two_people=bool(item["two"]),
            standing=str(item["rule"]),
            progress=str(item["says"]),
        )


def _approved(run: Run) -> tuple[Any, ...]:
    return (
        run.id,
        run.direction,
        run.digests,
        run.contents,
        run.actors,
        run.expires,
        run.approved_at,
        run.two_people,
        run.standing,
        run.runs_in_force,
        run.offered,
        run.reasons,
        run.ticket,
        run.ends_at,
        run.extends,
        run.break_glass,
    )


def schema_of(item: Mapping[str, Any]) -> int:
    """The version of a stored run or approval; items of release 0.1 do not say it.

    Raises:
        NewerRunError: if a later release wrote it.
    """
    schema = int(item.get("schema", 1))
    if schema > RUN_SCHEMA:
        raise NewerRunError(
            f"a run has schema {schema}; this release reads up to {RUN_SCHEMA}: install the release "
            "that wrote it, or a later one"
        )
    return schema


def content_of(patch: Patch) -> str:
    """The digest of all of a patch: also of what its own digest leaves out, such as the statement."""
    return sha256(json.dumps(patch.to_json(), sort_keys=True))


@dataclass(frozen=True, slots=True)
class Asked:
    """What people said with an approval, and what follows from it; see `Run`."""

    reasons: tuple[str, ...] = ()
    ticket: str = ""
    ends_at: int = 0
    offered: tuple[str, ...] = ()
    extends: tuple[str, ...] = ()
    break_glass: bool = False


NOTHING_SAID = Asked()


def run_to_apply(
    patches: Sequence[Patch],
    actors: tuple[str, ...],
    *,
    at: float,
    expires: int,
    last: Run | None,
    standing: str = "",
    asked: Asked = NOTHING_SAID,
) -> Run:
    """A new run that applies patches; no worker has it yet.

    Args:
        patches: what was approved.
        actors: who approved.
        at: seconds since the epoch.
        expires: seconds since the epoch; when the approval ends.
        last: the incident's last run, if there was one.
        standing: the name of the standing approval; empty if people approved.
        asked: what they said with it, and when it ends.
    """
    return Run(
        id=uuid.uuid4().hex,
        direction=Direction.APPLY,
        worker_id=NOBODY,
        lease_until=0,
        digests=tuple(patch.digest for patch in patches),
        actors=actors,
        expires=expires,
        runs_in_force=last.runs_in_force if last else (),
        contents=tuple(content_of(patch) for patch in patches),
        approved_at=int(at),
        two_people=len(actors) > 1,
        standing=standing,
        offered=asked.offered,
        reasons=asked.reasons,
        ticket=asked.ticket,
        ends_at=asked.ends_at,
        extends=asked.extends,
        break_glass=asked.break_glass,
        end_state=State.VERIFIED if asked.extends else State.FAILED,
    )


def run_to_undo(
    last: Run,
    actors: tuple[str, ...],
    runs: tuple[str, ...],
    *,
    at: float,
    end_state: State,
    reason: str,
    from_state: State | None = None,
    said: str = "",
) -> Run:
    """A new run that takes back what others wrote; no worker has it yet, none has tried or waited.

    Args:
        last: the incident's last run.
        actors: who asked for it.
        runs: the runs that are taken back, the oldest first.
        at: seconds since the epoch.
        end_state: where the incident goes once they are.
        reason: why.
        from_state: the state from which a person asked for it.
        said: why, in the words of who asked.
    """
    return Run(
        id=uuid.uuid4().hex,
        direction=Direction.UNDO,
        worker_id=NOBODY,
        lease_until=0,
        digests=last.digests,
        actors=actors,
        expires=last.expires,
        runs_in_force=last.runs_in_force,
        runs_to_undo=runs,
        end_state=end_state,
        from_state=from_state,
        reason=reason,
        approved_at=int(at),
        reasons=(said,) if said else (),
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

    @property
    def is_fresh(self) -> bool:
        """Whether nothing was done about it yet: then it is as the run began, and has no seal."""
        return self == Intent(self.run_id, self.number, self.patch)

    def sealed(self, incident_id: str) -> dict[str, Any]:
        """What the seal covers: all of it."""
        packed = {**self.to_item(), "patch": content_of(self.patch)}
        return {"incident": incident_id, **packed}

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
            aws_ids=AwsIds.from_item(item["aws_ids"]),
            **{name: int(item[name]) for name in _FACTS},
        )
