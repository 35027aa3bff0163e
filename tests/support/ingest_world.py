"""The world of ingest: one table on moto, evidence that is given, and workers.

The analysis is the real one; only what AWS would answer the reader is given, so that nothing of S3,
KMS and IAM has to be there. With them there: tests/aws/test_intake*.py.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from support.incidents import stored_incidents
from support.records import Record, denied, kms, s3, session_of
from support.runs import run_store
from support.worlds import KEY, ROLE, A, B, allow, delegates, evidence
from threegrants import analysis
from threegrants.analysis import AnalysisOptions
from threegrants.cloudtrail import DeniedCall
from threegrants.evidence import Evidence, Read, RoleClients, Unread
from threegrants.incidents import Incident, Move, State, Store
from threegrants.ingest import Ingest
from threegrants.notifications import Alert

WHO = session_of(ROLE)
FIXED: dict[str, Any] = {
    "bucket": (allow(ROLE),),
    "key": (delegates(), allow(ROLE, "kms:Decrypt", "*")),
    "iam": (allow(), allow(action="kms:Decrypt", resource=KEY)),
}
OTHER_KEY = f"arn:aws:kms:eu-west-1:{A}:key/99999999-2222-3333-4444-555555555555"


def from_s3(event: str = "e-1", when: float = -600, **changes: Any) -> Record:
    return s3(event, when, userIdentity=WHO, **changes)


def from_kms(event: str = "k-1", when: float = -599, **changes: Any) -> Record:
    return kms(event, when, userIdentity={**WHO, "invokedBy": "fas.s3.amazonaws.com"}, **changes)


class World:
    """One table, evidence that tests change, and workers that remember nothing of each other."""

    def __init__(self, table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.table, self.late = table, 0
        self.policies: dict[str, Any] = {}
        self.now = int(time.time())  # it stands still, however slow the machine is
        self.read: list[Any] = []
        self.alerts: list[Alert] = []
        self.held: list[Incident] = []
        self.unknown = False
        self.during_read: Callable[[], Any] = lambda: None
        monkeypatch.setattr(analysis, "gather", self.gather)
        self.ingest = self.worker()
        self.store = self.ingest.store

    def gather(self, call: DeniedCall, _clients: RoleClients, *, fresh: bool = False) -> Evidence:
        self.read.append(SimpleNamespace(call=call, fresh=fresh))
        self.during_read()
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.clock()))
        found: Any = replace(evidence(**self.policies), at=now)
        if self.unknown:
            unread = replace(found.bucket, policy=Unread("refused", "s3:GetBucketPolicy"))
            found = replace(found, bucket=unread)
        if call.kms_key:
            named = replace(
                found.key.value,
                arn=call.kms_key,
                source=call.kms_key_source,
                corroborated=call.kms_key == found.key.value.arn,
            )
            found = replace(found, key=Read(named))
        return cast("Evidence", found)

    def clock(self) -> float:
        return self.now + self.late

    def worker(self) -> Ingest:
        return Ingest(
            Store(self.table),
            RoleClients("none"),
            AnalysisOptions(writable=frozenset({A, B})),
            "threegrants",
            self.alerts.append,
            self.held.append,
            self.clock,
        )

    def handle(self, record: Record, ingest: Ingest | None = None, **how: Any) -> Any:
        return (ingest or self.ingest).handle(denied(record), record, **how)

    def ids(self) -> list[str]:
        return [incident["id"] for incident in stored_incidents(self.table)]

    def only(self) -> Incident:
        [found] = self.ids()
        return self.store.get(found)

    def reasons(self) -> list[str]:
        return [alert.attributes["reason"] for alert in self.alerts]

    def move(self, state: State) -> None:
        runs = run_store(self.table, self.table, {}, None)  # no run: a move alone needs no seal
        runs.move(self.only(), Move(state, "sam", str(state)))
