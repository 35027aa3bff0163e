"""What the tests of remedies share: an approver, the sweep, a clock, workers that die."""

import json

from botocore.client import BaseClient
from botocore.exceptions import ClientError

from aws.conftest import A, B
from aws.test_flow import APPROVER, Harness
from threegrants.remediation import Sweep, worker

SECOND = f"arn:aws:sts::{A}:assumed-role/lead/kim"
TRUSTED = frozenset({A, B})
STATEMENT = {
    "name": "analysts",
    "owner": A,
    "caller": B,
    "bucket": "a-*",
    "access": ["read"],
    "scope": "prefix",
    "expires": "2099-01-01T00:00:00Z",
}


def opened(aws):
    """A desk for remedies: the caller may do everything, and what is told to people is kept."""
    aws.world(iam=[{"Effect": "Allow", "Action": "*", "Resource": "*"}])
    desk = Harness(aws)
    desk.told = []
    return desk


def approve(desk, identity, approver=APPROVER, digests=None, **more):
    return desk.service.approve(identity, digests or desk.digests(identity), approver, **more)


def sweep(desk, **more):
    failed = []
    found = Sweep(
        desk.new_service(),
        lambda *alert: desk.told.append(alert),
        lambda identity, error: failed.append((identity, error)),
        desk.clock() + 100,
        **more,
    ).run()
    assert not failed, failed
    return found


def later(desk, seconds):
    now = desk.clock() + seconds
    desk.clock = lambda: now


def moves(desk, identity):
    return [line["to"] for line in desk.store.history(identity)]


def bucket_policy(aws):
    try:
        return aws.client("s3").get_bucket_policy(Bucket="a-reports")["Policy"]
    except ClientError:
        return None


class Died(BaseException):
    """The process is gone."""


def dying(monkeypatch, at):
    """The process dies at the write of this many."""
    real, left = worker.write, [at]

    def write_or_die(patch, text, *more):
        left[0] -= 1
        if left[0] == 0:
            raise Died
        real(patch, text, *more)

    monkeypatch.setattr(worker, "write", write_or_die)
    return real


def history_of(monkeypatch, *events):
    """CloudTrail's event history, which moto does not keep."""
    real, asked = BaseClient._make_api_call, []

    def call(self, operation, parameters):
        if operation != "LookupEvents":
            return real(self, operation, parameters)
        asked.append(parameters)
        name = parameters["LookupAttributes"][0]["AttributeValue"]
        return {
            "Events": [
                {"EventName": e["eventName"], "CloudTrailEvent": json.dumps(e)}
                for e in events
                if e["eventName"] == name
            ]
        }

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    return asked
