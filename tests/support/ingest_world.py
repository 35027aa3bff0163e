"""The world of ingest: one table on moto, evidence that is given, and workers.

The analysis is the real one; only what AWS would answer the reader is given, so that nothing of S3,
KMS and IAM has to be there. With them there: tests/aws/test_intake*.py.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from support.records import Record, kms, s3, session_of
from support.worlds import KEY, ROLE, A, B, allow, delegates, evidence
from threegrants import analysis
from threegrants.analysis import AnalysisOptions
from threegrants.cloudtrail import DeniedCall, parse_record
from threegrants.evidence import Evidence, Read, Unread
from threegrants.incidents import Incident, Move, State, Store
from threegrants.ingest import Ingest
from threegrants.notifications import Alert
from threegrants.remediation.run_store import RunStore

WHO = session_of(ROLE)
FIXED = {
    "bucket": (allow(ROLE),),
    "key": (delegates(), allow(ROLE, "kms:Decrypt", "*")),
    "iam": (allow(), allow(action="kms:Decrypt", resource=KEY)),
}
OTHER_KEY = f"arn:aws:kms:eu-west-1:{A}:key/99999999-2222-3333-4444-555555555555"


def from_s3(event: str = "e-1", when: float = -600, **changes: Any) -> Record:
    """S3's record of the call that `evidence()` is about."""
    return s3(event, when, userIdentity=WHO, **changes)


def from_kms(event: str = "k-1", when: float = -599, **changes: Any) -> Record:
    """KMS's record of the same call."""
    return kms(event, when, userIdentity={**WHO, "invokedBy": "fas.s3.amazonaws.com"}, **changes)


class World:
    """One table, evidence that tests change, and workers that remember nothing of each other."""

    def __init__(self, table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.table = table
        self.late = 0.0
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

    def gather(self, call: Any, clients: Any, *, fresh: bool = False) -> Evidence:
        """What AWS would answer the reader now."""
        self.read.append(SimpleNamespace(call=call, fresh=fresh))
        self.during_read()
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.clock()))
        found: Any = replace(evidence(**self.policies), at=now)
        if self.unknown:
            unread = replace(found.bucket, policy=Unread("refused", "s3:GetBucketPolicy"))
            found = replace(found, bucket=unread)
        if call.kms_key:
            found = replace(
                found,
                key=Read(replace(found.key.value, arn=call.kms_key, source=call.kms_key_source)),
            )
        given: Evidence = found
        return given

    def clock(self) -> float:
        """Seconds since the epoch; only `late` moves them."""
        return self.now + self.late

    def worker(self) -> Ingest:
        """One more worker, with nothing in its memory."""
        reader: Any = SimpleNamespace()  # nothing is asked of it: `gather` answers
        return Ingest(
            Store(self.table),
            reader,
            AnalysisOptions(writable=frozenset({A, B})),
            "threegrants",
            self.alerts.append,
            self.held.append,
            self.clock,
        )

    def handle(self, record: Record, ingest: Ingest | None = None, **how: bool) -> Any:
        """Take a record in; its incident, or None if it waits."""
        call = parse_record(record)
        assert isinstance(call, DeniedCall), call
        return (ingest or self.ingest).handle(call, record, **how)

    def ids(self) -> list[str]:
        """The ids of all incidents of their own."""
        items = self.table.scan()["Items"]
        return [i["id"] for i in items if i["sk"] == "meta" and "joined_to" not in i]

    def only(self) -> Incident:
        """The only incident there is."""
        [found] = self.ids()
        return self.store.get(found)

    def reasons(self) -> list[str]:
        """Why each alert was sent."""
        return [alert.attributes["reason"] for alert in self.alerts]

    def move(self, state: State) -> None:
        """Move the only incident, as a person does."""
        RunStore(self.table).move(self.only(), Move(state, "sam", str(state)))
