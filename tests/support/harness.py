"""The service's parts on moto, wired as the functions wire them; a clock, and what was sent."""

import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.aws import Aws
from support.incidents import stored_incidents
from support.names import BUCKET, A, B
from support.records import ROLE, Record, denied, s3
from support.runs import mac_keys, run_store, runs_table
from support.wire import ApiCall, Died, answer_calls
from threegrants.analysis import Analysis, AnalysisOptions, analyze
from threegrants.evidence import RoleClients
from threegrants.evidence.ttl_cache import TtlCache
from threegrants.incidents import Incident, Move, State, Store
from threegrants.incidents.fitting import unpack
from threegrants.incidents.states import RUN_IN_PROGRESS
from threegrants.ingest import Ingest
from threegrants.notifications import Alert
from threegrants.patches import Patch
from threegrants.patches.grant_end import end_text
from threegrants.remediation import (
    Limits,
    RemediationService,
    Sweep,
    WorkerService,
    intent_steps,
    policy_io,
)
from threegrants.remediation.approval_request import ApprovalRequest
from threegrants.remediation.remediation_roles import RemediationRoles
from threegrants.remediation.results import Result
from threegrants.remediation.seals import Signer

APPROVER = f"arn:aws:sts::{A}:assumed-role/on-call/sam"
SECOND = f"arn:aws:sts::{A}:assumed-role/lead/kim"
TRUSTED = frozenset({A, B})
OPTIONS = AnalysisOptions(writable=TRUSTED)
EVERYTHING = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
"""A standing approval for reading A's buckets from B."""


class Harness:
    """Workers of one table, a clock that can be put forward, and the alerts that went out."""

    def __init__(self, aws: Aws) -> None:
        self.aws = aws
        self.stopped_at: float | None = None
        self.alerts: list[Alert] = []
        self.held: list[Incident] = []
        self.told: list[tuple[Any, ...]] = []
        self.table = aws.table()
        self.store, self.runs = Store(self.table), runs_table(self.table)
        self.keys = mac_keys()
        self.run_store = run_store(self.runs, self.table, self.keys, Signer.APPROVER)
        self.queue: list[str] = []
        self.failed: list[tuple[str, Exception]] = []
        self.reader = self.new_reader()
        self.ingest = self.worker(self.reader)
        self.limits = Limits(trusted=TRUSTED)
        self.read_limits: Callable[[], Limits] = lambda: self.limits
        self.roles = RemediationRoles(RoleClients("none", "external-id"))
        aws.remediation_roles()
        self.service = Desk(self)

    def clock(self) -> float:
        """Seconds since the epoch; time goes on as it does, until `later` stops it."""
        return time.time() if self.stopped_at is None else self.stopped_at

    def stop_clock(self) -> None:
        """From now on time passes by `later` alone, however slow the machine is."""
        self.stopped_at = self.clock()

    def later(self, seconds: float) -> None:
        """Put the clock forward, and stop it."""
        self.stopped_at = self.clock() + seconds

    # --- intake ---

    def new_reader(self) -> RoleClients:
        """A reader that has read nothing yet."""
        reader = RoleClients("threegrants-reader", "external-id", candidate_owners=(A,))
        reader.cache = TtlCache(clock=self.clock)
        return reader

    def worker(self, reader: RoleClients | None = None) -> Ingest:
        """One more worker, with nothing in its memory."""
        return Ingest(
            Store(self.table),
            reader or self.new_reader(),
            OPTIONS,
            "threegrants",
            self.alerts.append,
            self.held.append,
            self.clock,
        )

    def handle(
        self,
        record: Record | None = None,
        *,
        waited: bool = False,
        ingest: Ingest | None = None,
        **changes: Any,
    ) -> Any:
        """Take a record in, or one of B's denied call with these changes; its incident, or None."""
        given = s3(**changes) if record is None else record
        return (ingest or self.ingest).handle(denied(given), given, was_parked=waited)

    def incidents(self) -> list[dict[str, Any]]:
        """Every incident of its own, as it is stored."""
        return stored_incidents(self.table)

    def kms_record(self, incident_id: str) -> Record:
        """The KMS record that is kept for an incident of S3 calls."""
        key = {"pk": f"incident#{incident_id}", "sk": "kms_record"}
        record: Record = unpack(self.table.get_item(Key=key)["Item"]["record"])
        return record

    def move(self, incident: Incident, state: State, actor: str, what: str) -> None:
        """Move an incident that no run holds."""
        self.run_store.move(incident, Move(state, actor, what))

    def only(self) -> Incident:
        """The only incident there is."""
        [item] = self.incidents()
        return self.ingest.store.get(item["id"])

    def reasons(self) -> list[str]:
        """Why each alert was sent."""
        return [alert.attributes["reason"] for alert in self.alerts]

    # --- remediation ---

    @property
    def api(self) -> RemediationService:
        """What the function behind the API has, as one that has just started builds it."""
        return RemediationService(
            self.store,
            run_store(self.runs, self.table, self.keys, Signer.APPROVER),
            RoleClients("threegrants-reader", "external-id"),
            self.read_limits,
            self.queue.append,
            self.clock,
        )

    def new_worker(self, **changes: Any) -> WorkerService:
        """What the worker function has, as one that has just started builds it."""
        service = WorkerService(
            self.store,
            run_store(self.runs, self.table, self.keys, Signer.WORKER),
            RoleClients("threegrants-reader", "external-id"),
            self.roles,
            self.read_limits,
            self.reanalyze,
            lambda *alert: self.told.append(alert),
            lambda incident_id, error: self.failed.append((incident_id, error)),
            lambda _: None,
            self.clock,
        )
        return replace(service, **changes)

    def new_sweep(self, **changes: Any) -> Sweep:
        """What the sweep has, as one that has just started builds it."""
        sweep = Sweep(
            self.store,
            run_store(self.runs, self.table, self.keys, None),
            self.reanalyze,
            self.queue.append,
            lambda *alert: self.told.append(alert),
            lambda incident_id, error: self.failed.append((incident_id, error)),
            self.clock,
            self.clock() + 100,
            standing=True,
        )
        return replace(sweep, **changes)

    def work(self, deadline: float | None = None) -> Counter[str]:
        """What the queue delivers to the worker function, until it is empty; how many of what was done.

        Args:
            deadline: the second by which it must have ended; then it only carries runs on.
        """
        done: Counter[str] = Counter()
        while self.queue:
            incident_id, worker = self.queue.pop(0), self.new_worker()
            if deadline is not None:
                worker.resume(incident_id, deadline)
                continue
            seen = len(self.failed)
            try:
                done += worker.attend(incident_id, self.clock() + 100)
            except Exception:
                if len(self.failed) == seen:
                    raise  # it was not told, as every error is
        return done

    def reanalyze(self, incident: Incident) -> Analysis:
        """The incident's call, from fresh evidence."""
        call = replace(
            denied(dict(self.store.record(incident.id))), time=end_text(int(self.clock()))
        )
        reader = self.reader.for_incident(incident.id)
        return analyze(call, reader, OPTIONS, fresh=True)

    def digests(self, incident_id: str) -> list[str]:
        """The digests of the proposed patches."""
        report = self.store.get(incident_id).report
        assert report is not None
        return [patch.digest for patch in report.proposed_patches]

    def approve(
        self,
        incident_id: str,
        approver: str = APPROVER,
        digests: list[str] | None = None,
        **more: Any,
    ) -> Result:
        """Approve the proposed patches, or those with these digests."""
        chosen = digests or self.digests(incident_id)
        return self.service.approve(incident_id, chosen, approver, **more)

    def sweep(self, *, errors: bool = False, **more: Any) -> Counter[str]:
        """One run of the sweep and what the worker does for it, which must meet no error."""
        self.failed.clear()
        found = Counter(self.new_sweep(**more).run())
        found += self.work()
        assert errors or not self.failed, self.failed
        return found

    def standing(self, incident_id: str, **changes: Any) -> dict[str, Any]:
        """A standing approval for the proposed patches, valid from an hour ago on."""
        report = self.store.get(incident_id).report
        assert report is not None
        keys = [p.target for p in report.proposed_patches if p.grant == "key_policy"]
        starts, ends = (
            datetime.fromtimestamp(self.clock() + seconds, UTC).isoformat()
            for seconds in (-3600, 86_400)
        )
        return {
            "name": "analysts",
            "owner": A,
            "principals": [ROLE],
            "bucket": BUCKET,
            "prefix": "*",
            "keys": keys,
            "actions": ["s3:GetObject", "kms:Decrypt"],
            "starts": starts,
            "expires": ends,
        } | changes

    def moves(self, incident_id: str) -> list[str]:
        """The states that the incident went through."""
        return [line["to"] for line in self.store.history(incident_id)]


class Desk:
    """A person who asks and waits for the end, as the command line does.

    Args:
        harness: the service's parts.
    """

    def __init__(self, harness: Harness) -> None:
        self.harness = harness

    def approve(
        self,
        incident_id: str,
        digests: list[str],
        approver: str,
        deadline: float | None = None,
        **said: Any,
    ) -> Result:
        """Approve, and see how it ends; `said` is what an `ApprovalRequest` holds."""
        request = ApprovalRequest(**said)
        return self._end(
            self.harness.api.approve(incident_id, digests, approver, request), deadline
        )

    def rollback(
        self, incident_id: str, actor: str, deadline: float | None = None, reason: str = ""
    ) -> Result:
        """Roll back, and see how it ends."""
        return self._end(self.harness.api.rollback(incident_id, actor, reason), deadline)

    def extend(self, incident_id: str, approver: str, **said: Any) -> Result:
        """Extend, and see how it ends; `said` is what an `ApprovalRequest` holds."""
        request = ApprovalRequest(**said)
        return self._end(self.harness.api.extend(incident_id, approver, request), None)

    def reject(self, incident_id: str, actor: str) -> Result:
        """Reject."""
        return self.harness.api.reject(incident_id, actor)

    def _end(self, asked: Result, deadline: float | None) -> Result:
        if asked.state not in RUN_IN_PROGRESS:
            return asked
        self.harness.work(deadline)
        run = self.harness.api.progress(asked.id)
        assert run is not None
        return Result(asked.id, State(run["state"]), run["detail"], tuple(run["patches"]))


def bucket_policy(aws: Aws) -> str | None:
    """A's bucket policy as it is."""
    try:
        return str(aws.client("s3").get_bucket_policy(Bucket=BUCKET)["Policy"])
    except ClientError:
        return None


def die_at_write(monkeypatch: pytest.MonkeyPatch, number: int) -> Any:
    """Let the process die at the write of this number, before it; the real write is returned."""
    real, left = policy_io.write, [number]

    def write_or_die(patch: Patch, text: str | None, *more: Any) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Died
        real(patch, text, *more)

    monkeypatch.setattr(intent_steps, "write", write_or_die)
    return real


def event_history(monkeypatch: pytest.MonkeyPatch, *events: Record) -> list[dict[str, Any]]:
    """CloudTrail's event history, which moto does not keep; what is asked of it is returned."""
    asked = []

    def answer(call: ApiCall) -> Any:
        if call.operation != "LookupEvents":
            return call.proceed()
        asked.append(call.parameters)
        name = call.parameters["LookupAttributes"][0]["AttributeValue"]
        found = [event for event in events if event["eventName"] == name]
        listed = [{"EventName": name, "CloudTrailEvent": json.dumps(event)} for event in found]
        return {"Events": listed}

    answer_calls(monkeypatch, answer)
    return asked
