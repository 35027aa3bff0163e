"""Intake, on moto: a crash at any write neither miscounts nor loses the alert."""

import json
import os

import pytest

from support.harness import Harness
from support.names import B
from support.records import kms, s3
from support.wire import Died, answer_calls
from threegrants.incidents import due_alert

WRITES = frozenset({"TransactWriteItems", "UpdateItem", "PutItem", "DeleteItem"})


class Mortal:
    """Lets the process die before or after its nth write; a dead process does nothing more."""

    def __init__(self, monkeypatch):
        self.left, self.after, self.dead, self.writes = 0, False, False, 0

        def mortally(call):
            return self.step(call.proceed, counts=call.operation in WRITES)

        answer_calls(monkeypatch, mortally)

    def step(self, act, *, counts):
        if self.dead:
            raise Died
        if not counts:
            return act()
        self.writes += 1
        self.left -= 1
        if self.left == 0 and not self.after:
            self.dead = True
            raise Died
        done = act()
        if self.left == 0:
            self.dead = True
            raise Died
        return done


def emptied(table):
    keys = [{"pk": item["pk"], "sk": item["sk"]} for item in table.scan()["Items"]]
    with table.batch_writer() as batch:
        for key in keys:
            batch.delete_item(Key=key)


STORIES = {
    "one S3 record": [("s3", False)],
    "KMS first": [("kms", False), ("s3", False), ("kms", True)],
    "S3 first": [("s3", False), ("kms", False)],
    "KMS alone": [("kms", False), ("kms", True)],
    "S3 after the wait": [("kms", False), ("kms", True), ("s3", False)],
}


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("story", STORIES)
def test_a_crash_at_any_write_neither_miscounts_nor_loses_the_alert(
    aws, monkeypatch, story, after
):  # fmt: skip
    # Of each write either what comes before it or what comes after it, unless all are wanted.
    step = 1 if os.environ.get("CRASH_TABLE") == "all" else 2
    harness, point, mortal = Harness(aws), 1 - step if after else 0, Mortal(monkeypatch)
    while True:
        point += step
        bucket, role = f"bucket-{point}", f"role-{point}"
        who = {
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::{B}:assumed-role/{role}/s",
            "accountId": B,
        }
        records = {
            "s3": s3(f"s-{point}", bucket=bucket, userIdentity=who),
            "kms": kms(f"k-{point}", userIdentity={**who, "invokedBy": "fas.s3.amazonaws.com"}),
        }
        mortal.left, mortal.after, crashed = point, after, False
        alerts = []

        def sending(alert, alerts=alerts):
            mortal.step(lambda: alerts.append(alert), counts=True)

        for name, waited in STORIES[story]:
            for _ in range(2):
                ingest = harness.worker()  # a new process each time
                object.__setattr__(ingest.due_alerts, "send", sending)
                try:
                    harness.handle(records[name], waited=waited, ingest=ingest)
                    break
                except Died:
                    mortal.dead, crashed = False, True
                    harness.later(61)  # the message comes again after its visibility timeout
        found = [i for i in harness.incidents() if role in json.dumps(i.get("diagnosis", ""))]
        [item] = found
        assert item["count"] == 1, point
        assert set(item["event_ids"]) >= {records[STORIES[story][0][0]]["eventID"]}
        assert due_alert(harness.ingest.store.get(item["id"])) is None
        assert len(alerts) in ((1, 2) if story != "S3 after the wait" else (1, 2, 3)), point
        if not crashed:
            break
        # moto copies the whole table at each transaction, so what is done with goes.
        emptied(harness.table)
    assert point > 3
