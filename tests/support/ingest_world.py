"""The world of ingest: one table on moto, evidence that is given, and workers.

The analysis is the real one; only what AWS would answer the reader is given, so that nothing of S3,
KMS and IAM has to be there. With them there: tests/aws/test_intake*.py.
"""

import time
from dataclasses import replace
from types import SimpleNamespace

from support.records import kms, s3, session_of
from support.worlds import KEY, ROLE, A, B, allow, delegates, evidence
from threegrants import analysis
from threegrants.analysis import AnalysisOptions
from threegrants.cloudtrail import parse_record
from threegrants.evidence import Read, Unread
from threegrants.incidents import Store
from threegrants.ingest import Ingest
from threegrants.remediation.run_store import Move, RunStore

WHO = session_of(ROLE)
FIXED = {
    "bucket": (allow(ROLE),),
    "key": (delegates(), allow(ROLE, "kms:Decrypt", "*")),
    "iam": (allow(), allow(action="kms:Decrypt", resource=KEY)),
}
OTHER_KEY = f"arn:aws:kms:eu-west-1:{A}:key/99999999-2222-3333-4444-555555555555"


def from_s3(event="e-1", when=-600, **changes):
    return s3(event, when, userIdentity=WHO, **changes)


def from_kms(event="k-1", when=-599, **changes):
    return kms(event, when, userIdentity={**WHO, "invokedBy": "fas.s3.amazonaws.com"}, **changes)


class World:
    """One table, evidence that tests change, and workers that remember nothing of each other."""

    def __init__(self, table, monkeypatch):
        self.table, self.late, self.policies = table, 0, {}
        self.now = int(time.time())  # it stands still, however slow the machine is
        self.read, self.alerts, self.held = [], [], []
        self.unknown = False
        self.during_read = lambda: None
        monkeypatch.setattr(analysis, "gather", self.gather)
        self.ingest = self.worker()
        self.store = self.ingest.store

    def gather(self, call, clients, *, fresh=False):
        self.read.append(SimpleNamespace(call=call, fresh=fresh))
        self.during_read()
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.clock()))
        found = replace(evidence(**self.policies), at=now)
        if self.unknown:
            unread = replace(found.bucket, policy=Unread("refused", "s3:GetBucketPolicy"))
            found = replace(found, bucket=unread)
        if call.kms_key:
            found = replace(
                found,
                key=Read(replace(found.key.value, arn=call.kms_key, source=call.kms_key_source)),
            )
        return found

    def clock(self):
        return self.now + self.late

    def worker(self):
        return Ingest(
            Store(self.table),
            SimpleNamespace(),
            AnalysisOptions(writable=frozenset({A, B})),
            "threegrants",
            self.alerts.append,
            self.held.append,
            self.clock,
        )

    def handle(self, record, ingest=None, **how):
        return (ingest or self.ingest).handle(parse_record(record), record, **how)

    def ids(self):
        items = self.table.scan()["Items"]
        return [i["id"] for i in items if i["sk"] == "meta" and "joined_to" not in i]

    def only(self):
        [found] = self.ids()
        return self.store.get(found)

    def reasons(self):
        return [alert.attributes["reason"] for alert in self.alerts]

    def move(self, state):
        RunStore(self.table).move(self.only(), Move(state, "sam", str(state)))
