"""`RunReader`: what is kept of runs, read back; what is not genuine is refused here, and nowhere else.

A run is as the approving role began it, or as the worker left it. An intent is as the run began (then its
patch stands in the run's own content), or as the worker left it. Whatever else stands in the table,
whoever wrote it, is `NotGenuine` (`seals.py`).
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from boto3.dynamodb.conditions import Key

from threegrants.incidents import State
from threegrants.incidents.items import item_key
from threegrants.remediation import leases
from threegrants.remediation.first_approval import Approval
from threegrants.remediation.runs import (
    Direction,
    Intent,
    Run,
    content_of,
)
from threegrants.remediation.seals import NotGenuine, Seals, Signer

if TYPE_CHECKING:
    from types_boto3_dynamodb.service_resource import Table

_Value = TypeVar("_Value")
_REMEMBERED = 256
"""Runs as they were begun that a process remembers: they never change."""


@dataclasses.dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended.

    Args:
        state: the incident's state by it.
        detail: what people are told.
    """

    state: State
    detail: str


class RunReader:
    """The table of runs, to be read.

    Args:
        table: a boto3 DynamoDB Table resource: the table of runs.
        seals: checks the seals.
    """

    def __init__(self, table: "Table", seals: Seals) -> None:
        self._table = table
        self._seals = seals
        self._begun: dict[tuple[str, str], Run] = {}

    def last_run(self, incident_id: str) -> Run | None:
        """The last run of an incident.

        Raises:
            NotGenuine: if neither the approving role nor the worker left it so.
        """
        item = self._expected_item(item_key(incident_id, "work"))
        return self._genuine_run(incident_id, item) if item else None

    def begun_at(self, incident_id: str) -> int | None:
        """When the last run began, in seconds since the epoch: for a metric, so no seal is asked about."""
        item = self._table.get_item(Key=item_key(incident_id, "work")).get("Item")
        return int(str(item.get("approved_at", 0))) if item else None

    def begun(self, incident_id: str, run_id: str) -> Run:
        """A run as it was begun: what was approved or asked for, and by whom.

        Raises:
            NotGenuine: if there is none, or it was changed since.
        """
        known = self._begun.get((incident_id, run_id))
        if known is not None:
            return known
        item = self._expected_item(item_key(incident_id, f"begun#{run_id}"))
        if item is None:
            raise NotGenuine(f"nobody has begun run {run_id}")
        run = self._genuine_run(incident_id, item)
        if run.id != run_id or not run.is_fresh:
            raise NotGenuine(f"what is kept of the beginning of run {run_id} is of another moment")
        if len(self._begun) >= _REMEMBERED:
            self._begun.clear()
        self._begun[incident_id, run_id] = run
        return run

    def require_approved(self, incident_id: str, run: Run) -> None:
        """Make sure that what a run is to apply was approved, exactly so.

        Raises:
            NotGenuine: if not.
        """
        if run.direction is Direction.APPLY and not run.continues(self.begun(incident_id, run.id)):
            raise NotGenuine(f"run {run.id} is not what was approved")

    def ended(self, incident_id: str, run_id: str) -> Ended | None:
        """How a run ended; None if it has not."""
        item = self._item(item_key(incident_id, f"ended#{run_id}"))
        return _parsed("end of a run", _ended, item) if item else None

    def intents(self, incident_id: str, runs: Sequence[str]) -> list[Intent]:
        """The intents of these runs, in the order in which they were to be written.

        Raises:
            NotGenuine: if one is not what was approved, or is not as the worker left it.
        """
        found: list[Intent] = []
        for run_id in runs:
            answer = self._table.query(
                KeyConditionExpression=Key("pk").eq(item_key(incident_id, "")["pk"])
                & Key("sk").begins_with(f"intent#{run_id}#"),
                ConsistentRead=True,
            )
            of_run = [self._genuine_intent(incident_id, item) for item in answer["Items"]]
            contents = tuple(content_of(intent.patch) for intent in of_run)
            if contents != self.begun(incident_id, run_id).contents:
                raise NotGenuine(f"the intents of run {run_id} are not what was approved")
            found += of_run
        return found

    def first_approval(self, incident_id: str, *, extension: bool = False) -> Approval | None:
        """The first of two approvals, the newest.

        Args:
            incident_id: the incident.
            extension: of an extension instead of patches.

        Raises:
            NotGenuine: if the approving role did not write it.
        """
        item = self._item(item_key(incident_id, "extension" if extension else "approval"))
        if item is None:
            return None
        approval = _parsed("first approval", Approval.from_item, item)
        self._require("first approval", approval.sealed(incident_id), item, Signer.APPROVER)
        return approval

    def first_approval_expires(self, incident_id: str) -> int:
        """The second in which what stands as a first approval ends; 0 if nothing does.

        Its seal is not checked: this is only for ending it, and the sweep has no right to a key.
        """
        item = self._item(item_key(incident_id, "approval"))
        return int(item.get("expires", 0)) if item else 0

    def rollback_asked(self, incident_id: str, run: Run) -> str | None:
        """Who wants a run back that is half done; None if nobody.

        Raises:
            NotGenuine: if the approving role did not write it.
        """
        item = self._item(item_key(incident_id, f"rollback#{run.id}"))
        if item is None:
            return None
        actor = str(item.get("actor"))
        self._require("rollback", rollback_content(incident_id, run, actor), item, Signer.APPROVER)
        return actor

    def lease_holder(self, target: str) -> str | None:
        """The incident that holds the lease of a target."""
        item = self._item(leases.key_of_lease(target))
        held = str(item["incident"]) if item else "-"
        return None if held == "-" else held

    def _genuine_run(self, incident_id: str, item: dict[str, Any]) -> Run:
        run = _parsed("run", Run.from_item, item)
        signer = self._require("run", run.sealed(incident_id), item)
        if signer is Signer.APPROVER and not run.is_fresh:
            raise NotGenuine("the run has been worked on, and no worker has sealed it")
        return run

    def _genuine_intent(self, incident_id: str, item: dict[str, Any]) -> Intent:
        intent = _parsed("intent", Intent.from_item, item)
        if item["sk"] != intent.sk:
            raise NotGenuine("an intent stands in the place of another")
        if not intent.is_fresh:
            self._require("intent", intent.sealed(incident_id), item, Signer.WORKER)
        return intent

    def _require(
        self, what: str, content: dict[str, Any], item: dict[str, Any], signer: Signer | None = None
    ) -> Signer:
        found = self._seals.require(what, content, item.get("seal"))
        if signer is not None and found is not signer:
            raise NotGenuine(f"the {what} is sealed by the {found}, not by the {signer}")
        return found

    def _expected_item(self, key: dict[str, str]) -> dict[str, Any] | None:
        """An item whose absence would mean that someone else wrote the table: that is asked twice."""
        return self._item(key) or self._item(key)

    def _item(self, key: dict[str, str]) -> dict[str, Any] | None:
        item: dict[str, Any] | None = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
        return item


def rollback_content(incident_id: str, run: Run, actor: str) -> dict[str, Any]:
    """What the seal covers when a person wants a half-done run back."""
    return {"incident": incident_id, "run": run.id, "actor": actor}


def _ended(item: dict[str, Any]) -> Ended:
    return Ended(State(item["state"]), str(item["detail"]))


def _parsed(what: str, parse: Callable[[dict[str, Any]], _Value], item: dict[str, Any]) -> _Value:
    try:
        return parse(item)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise NotGenuine(f"the {what} cannot be read: {type(error).__name__}") from error
