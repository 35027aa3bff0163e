"""`RunStore`: what is kept of runs in DynamoDB: runs, intents, leases, first approvals, the outbox.

Every change is one transaction with its conditions, over both tables: a run begins whole or not at all,
a worker whose time is over can record nothing, and what ends gives its leases back as it ends.

In the table of runs, an incident's partition holds `work` (its last run), `approval` (the first of two),
`intent#RUN#NN`, and of each run `begun#RUN` (as it was approved), `rollback#RUN` (a person wants it back)
and `ended#RUN`. `lease#ARN`, `quota#patches` and `agenda` (windows and second looks) are partitions of
their own. The state, the history, the agenda of alerts and `sweep` are in the table of incidents. See
docs/remediation.md.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.conditions import Key

from threegrants.incidents import Incident, State
from threegrants.incidents.fitting import fitting_detail
from threegrants.incidents.items import item_key, put_write
from threegrants.incidents.moves import Move, move_writes
from threegrants.incidents.table import Conflict, transact
from threegrants.remediation import leases
from threegrants.remediation.first_approval import Approval
from threegrants.remediation.outbox import (
    Outbox,
    OutboxItem,
    OutboxTask,
    done_write,
    outbox_writes,
)
from threegrants.remediation.run_reader import RunReader, rollback_content
from threegrants.remediation.runs import Intent, Run
from threegrants.remediation.seals import Seals

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table


class LeaseHeld(Conflict):
    """The lease of a target is held by another incident."""


class QuotaExceeded(Conflict):
    """The hour's quota of patches is used up."""


class FirstApprovalChanged(Conflict):
    """The first of two approvals is not what it was when the second was given."""


class LeaseLost(Conflict):
    """The run has another worker by now, or has ended."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Part:
    """One write of a transaction, and what it means if its condition does not hold."""

    write: dict[str, Any]
    refused: type[Conflict] = Conflict


class RunStore(RunReader):
    """The table of runs, and what remediation writes in the table of incidents.

    Args:
        table: a boto3 DynamoDB Table resource: the table of runs.
        incidents: the table of the `Store`.
        seals: makes and checks the seals.
    """

    def __init__(self, table: "Table", incidents: "Table", seals: Seals) -> None:
        super().__init__(table, seals)
        self._incidents = incidents
        self.outbox = Outbox(table)
        """overwrite windows and second looks"""
        self.alerts = Outbox(incidents)

    def begin(
        self,
        incident: Incident,
        move: Move,
        run: Run,
        intents: Sequence[Intent],
        target_arns: Iterable[str],
        *,
        quota: tuple[int, float] | None = None,
        outbox: Sequence[OutboxItem] = (),
        first: Approval | None = None,
    ) -> None:
        """Begin a run: move, run, intents, leases and quota, all or nothing.

        Args:
            incident: as it was read.
            move: where it goes.
            run: the new run; replaces the record of the last one.
            intents: what it will write; none for a rollback.
            target_arns: the ARNs whose leases it needs.
            quota: the most patches an hour, and the time; None to count none.
            outbox: what becomes due with it.
            first: the first of two approvals that the run needs; it must still stand, and is used
                up. What was read before the transaction proves nothing.

        Raises:
            FirstApprovalChanged: if the first approval is another by now, or was used.
            LeaseHeld: if another incident holds a lease.
            QuotaExceeded: if the hour's quota is used up.
            Conflict: if the move is not allowed, or the incident changed since it was read.
        """
        item = self._run_item(incident.id, run)
        parts = [
            *self._move_writes(incident, move),
            _Part(put_write({**item_key(incident.id, "work"), **item})),
            _Part(put_write({**item_key(incident.id, f"begun#{run.id}"), **item})),
            *(_Part(self._intent(incident.id, intent)) for intent in intents),
            *(
                _Part({**lease}, LeaseHeld)
                for lease in leases.take(target_arns, incident.id, run.worker_id, run.lease_until)
            ),
            *self._outbox_writes(outbox),
        ]
        if first is not None:
            parts.append(_Part(_use_first(incident.id, run.id, first), FirstApprovalChanged))
        if quota is not None:
            parts.append(_Part(leases.quota(len(intents), *quota), QuotaExceeded))
        self._write(parts)

    def take_over(
        self,
        incident_id: str,
        run: Run,
        target_arns: Iterable[str],
        worker_id: str,
        lease_until: int,
    ) -> Run:
        """Become the worker of a run whose worker's time is over.

        Args:
            incident_id: the incident.
            run: the run, as it was read.
            target_arns: the ARNs whose leases the run holds.
            worker_id: the new worker.
            lease_until: the second until which it may act.

        Raises:
            LeaseLost: if someone else took it over, or it ended.
        """
        mine = dataclasses.replace(
            run, worker_id=worker_id, lease_until=lease_until, attempts=run.attempts + 1
        )
        held = leases.pass_on(target_arns, incident_id, worker_id, lease_until)
        self._write(
            [self._fenced(incident_id, mine, run), *(_Part(lease, LeaseLost) for lease in held)]
        )
        return mine

    def record_steps(
        self,
        incident_id: str,
        run: Run,
        intents: Sequence[Intent],
        outbox: Sequence[OutboxItem] = (),
    ) -> None:
        """Record the steps of intents.

        Args:
            incident_id: the incident.
            run: the run, as this worker holds it.
            intents: the intents as they are now.
            outbox: what becomes due with it.

        Raises:
            LeaseLost: if the run has another worker by now.
        """
        self._write(
            [
                self._fenced(incident_id, run, run),
                *(_Part(self._intent(incident_id, intent)) for intent in intents),
                *self._outbox_writes(outbox),
            ]
        )

    def turn_to_undo(self, incident: Incident, move: Move, old: Run, new: Run) -> None:
        """Turn a run back: it keeps its leases, and undoes from now on.

        Args:
            incident: as it was read.
            move: where it goes, and what the history says of it.
            old: the run, as this worker holds it.
            new: the same run, as it goes on.

        Raises:
            LeaseLost: if the run has another worker by now.
            Conflict: if the incident changed since it was read.
        """
        self._write([self._fenced(incident.id, new, old), *self._move_writes(incident, move)])

    def finish(
        self,
        incident: Incident,
        move: Move,
        run: Run,
        target_arns: Iterable[str],
        outbox: Sequence[OutboxItem] = (),
    ) -> None:
        """End a run: the incident moves, the leases are free, what follows is in the outbox.

        Args:
            incident: as it was read.
            move: where it goes, and what the history says of it.
            run: the run, as this worker holds it.
            target_arns: the ARNs whose leases it holds.
            outbox: what becomes due with it.

        Raises:
            LeaseLost: if the run has another worker by now.
            Conflict: if the incident changed since it was read.
        """
        ended = dataclasses.replace(run, lease_until=0, progress=move.detail)
        end = {"state": move.to.value, "detail": fitting_detail(move.detail)}
        self._write(
            [
                self._fenced(incident.id, ended, run),
                # No role may delete it: what has ended does not go on.
                _Part(put_write({**item_key(incident.id, f"ended#{run.id}"), **end})),
                *self._move_writes(incident, move),
                *(_Part(lease, LeaseLost) for lease in leases.release(target_arns, incident.id)),
                *self._outbox_writes(outbox),
            ]
        )

    def release(
        self, incident_id: str, run: Run, target_arns: Iterable[str], progress: str
    ) -> None:
        """Stop working on a run before it ended, so that the next worker need not wait.

        Args:
            incident_id: the incident.
            run: the run, as this worker holds it.
            target_arns: the ARNs whose leases it holds.
            progress: why, for people.

        Raises:
            LeaseLost: if the run has another worker by now.
        """
        ended = dataclasses.replace(run, lease_until=0, progress=progress)
        held = leases.pass_on(target_arns, incident_id, run.worker_id, 0)
        self._write(
            [self._fenced(incident_id, ended, run), *(_Part(lease, LeaseLost) for lease in held)]
        )

    def save_first_approval(
        self,
        incident: Incident,
        move: Move,
        approval: Approval,
        outbox: Sequence[OutboxItem] = (),
    ) -> None:
        """Keep the first of two approvals.

        Args:
            incident: as it was read.
            move: where it goes, and what the history says of it.
            approval: the first approval.
            outbox: what becomes due with it.

        Raises:
            Conflict: if the move is not allowed, or the incident changed since it was read.
        """
        seal = self._seals.seal("first approval", approval.sealed(incident.id))
        key = item_key(incident.id, approval.sk)
        item = {**key, **approval.to_item(), "seal": seal}
        self._write(
            [
                *self._move_writes(incident, move),
                _Part(put_write(item)),
                *self._outbox_writes(outbox),
            ]
        )

    def ask_rollback(self, incident_id: str, run: Run, actor: str) -> None:
        """Keep that a person wants a run back that is half done; its next worker does it."""
        seal = self._seals.seal("rollback", rollback_content(incident_id, run, actor))
        key = item_key(incident_id, f"rollback#{run.id}")
        self._table.put_item(Item={**key, "actor": actor, "seal": seal})

    def move(self, incident: Incident, move: Move, outbox: Sequence[OutboxItem] = ()) -> None:
        """Move an incident that no run holds.

        Args:
            incident: as it was read.
            move: where it goes, and what the history says of it.
            outbox: what becomes due with it.

        Raises:
            Conflict: if the move is not allowed, or the incident changed since it was read.
        """
        self._write([*self._move_writes(incident, move), *self._outbox_writes(outbox)])

    def settle(self, item: OutboxItem, outbox: Sequence[OutboxItem]) -> None:
        """Mark an item of the outbox as done, together with what becomes due instead.

        Args:
            item: the item.
            outbox: what becomes due.

        Raises:
            Conflict: if it is done already.
        """
        self._write([_Part(done_write(item)), *self._outbox_writes(outbox)])

    def incidents_in_state(
        self, state: State, most: int, after: dict[str, Any] | None = None
    ) -> tuple[list[str], dict[str, Any] | None]:
        """Ids of incidents in a state, the longest unseen first, and where to go on.

        Args:
            state: the state.
            most: how many ids at most.
            after: where the last call stopped, as it returned it; None to begin.
        """
        start: dict[str, Any] = {"ExclusiveStartKey": after} if after else {}
        answer = self._incidents.query(
            IndexName="by_state",
            KeyConditionExpression=Key("state").eq(state.value),
            Limit=most,
            **start,
        )
        return [str(item["id"]) for item in answer["Items"]], answer.get("LastEvaluatedKey")

    def sweep_position(self, name: str) -> dict[str, Any] | None:
        """Where the last sweep stopped."""
        key = {"pk": "sweep", "sk": name}
        item: Any = self._incidents.get_item(Key=key, ConsistentRead=True).get("Item")
        after: dict[str, Any] | None = item.get("after") if item else None
        return after

    def save_sweep_position(self, name: str, after: dict[str, Any] | None) -> None:
        """Remember where this sweep stopped."""
        self._incidents.put_item(Item={"pk": "sweep", "sk": name, "after": after})

    def _run_item(self, incident_id: str, run: Run) -> dict[str, Any]:
        return {**run.to_item(), "seal": self._seals.seal("run", run.sealed(incident_id))}

    def _intent(self, incident_id: str, intent: Intent) -> dict[str, Any]:
        item = {**item_key(incident_id, intent.sk), **intent.to_item()}
        if not intent.is_fresh:
            item["seal"] = self._seals.seal("intent", intent.sealed(incident_id))
        return put_write(item)

    def _of_incidents(self, writes: Iterable[dict[str, Any]]) -> list[_Part]:
        return [_Part({"TableName": self._incidents.name, **write}) for write in writes]

    def _move_writes(self, incident: Incident, move: Move) -> list[_Part]:
        return self._of_incidents(move_writes(incident, move))

    def _outbox_writes(self, items: Sequence[OutboxItem]) -> list[_Part]:
        alerts = [item for item in items if item.task is OutboxTask.ALERT]
        others = [item for item in items if item.task is not OutboxTask.ALERT]
        return [*self._of_incidents(outbox_writes(alerts)), *map(_Part, outbox_writes(others))]

    def _fenced(self, incident_id: str, new: Run, old: Run) -> _Part:
        """Write the run, if its worker is still the one of `old`."""
        values = self._run_item(incident_id, new)
        return _Part(
            {
                "Key": item_key(incident_id, "work"),
                "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in values),
                "ConditionExpression": "#run = :was_run AND #worker = :was_worker",
                "ExpressionAttributeNames": {f"#{name}": name for name in values},
                "ExpressionAttributeValues": {
                    **{f":{name}": value for name, value in values.items()},
                    ":was_run": old.id,
                    ":was_worker": old.worker_id,
                },
            },
            LeaseLost,
        )

    def _write(self, parts: Sequence[_Part]) -> None:
        try:
            transact(self._table, [part.write for part in parts])
        except Conflict as conflict:
            for place in sorted(conflict.refused):
                raise parts[place].refused(str(conflict)) from conflict
            raise


def _use_first(incident_id: str, run_id: str, first: Approval) -> dict[str, Any]:
    """Use up the first of two approvals, if it is still exactly this one and was never used."""
    names = first.to_item()
    same = " AND ".join(f"#{name} = :{name}" for name in names)
    return {
        "Key": item_key(incident_id, first.sk),
        "UpdateExpression": "SET #used = :run",
        "ConditionExpression": f"{same} AND attribute_not_exists(#used)",
        "ExpressionAttributeNames": {f"#{name}": name for name in (*names, "used")},
        "ExpressionAttributeValues": {
            **{f":{name}": value for name, value in names.items()},
            ":run": run_id,
        },
    }
