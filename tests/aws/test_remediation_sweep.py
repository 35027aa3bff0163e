"""The sweep, on moto: what it rechecks, applies, tells, and who else wrote in our window."""

import json

import pytest
from botocore.exceptions import ClientError

from support.harness import APPROVER, TRUSTED, bucket_policy, event_history
from support.names import A
from support.policies import policy
from support.records import ROLE, s3
from support.wire import answer_calls, refusal
from threegrants.cloudtrail import parse_record
from threegrants.incidents import State
from threegrants.remediation import Limits, Refused
from threegrants.remediation.policy_io import write

# --- the sweep ---


def test_what_is_allowed_by_now_is_resolved(harness, aws):
    incident_id = harness.handle().id
    assert "resolved" not in harness.sweep()
    for offered in harness.store.get(incident_id).report.patches:
        patch = offered.to_patch()
        write(patch, patch.after, harness.roles.for_patch(patch, incident_id, "a-run"))
    assert harness.sweep()["resolved"] == 1
    assert harness.store.get(incident_id).state is State.RESOLVED
    assert [why for _, why, _ in harness.told] == ["resolved"]


def test_patches_are_made_anew_for_policies_that_changed(harness, aws):
    incident_id = harness.handle().id
    stale = harness.digests(incident_id)
    theirs = policy({"Sid": "New", "Effect": "Allow", "Principal": {"AWS": A},
                       "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a-reports/*"})  # fmt: skip
    aws.client("s3").put_bucket_policy(Bucket="a-reports", Policy=theirs)
    harness.sweep()
    assert harness.digests(incident_id) != stale
    with pytest.raises(Refused, match="read the incident again"):
        harness.approve(incident_id, digests=stale)
    assert harness.approve(incident_id).state is State.VERIFIED
    assert json.loads(theirs)["Statement"][0] in json.loads(bucket_policy(aws))["Statement"]


def test_a_bounded_number_is_rechecked_in_turn(harness):
    seen = set()
    for number in range(5):
        event = {**s3(event=f"e-{number}")}
        event["requestParameters"] = {"bucketName": f"gone-{number}", "key": "k"}
        event["resources"] = []
        harness.ingest.handle(parse_record(event), event)
    for _ in range(4):
        asked = []
        harness.new_sweep(
            reanalyze=lambda i, asked=asked: asked.append(i.id) or harness.reanalyze(i), rechecks=2
        ).run()
        assert len(asked) <= 2
        seen |= set(asked)
    assert len(seen) == 5


SLOW = [
    ("time for all", 1000.0, 5, 0),
    ("time for three", 90.0, 3, 2),
    ("just time for one", 12.0, 1, 4),
    ("no time", 11.9, 0, 5),
]


@pytest.mark.parametrize(("seconds", "analyzed", "left"), [c[1:] for c in SLOW],
                         ids=[c[0] for c in SLOW])  # fmt: skip
def test_a_sweep_begins_nothing_that_might_not_end_in_its_time(harness, seconds, analyzed, left):
    for number in range(5):
        event = {**s3(event=f"e-{number}"), "resources": []}
        event["requestParameters"] = {"bucketName": f"gone-{number}", "key": "k"}
        harness.ingest.handle(parse_record(event), event)
    start, asked = harness.clock(), []

    def slow(incident):
        asked.append(incident.id)
        harness.later(30)
        return harness.reanalyze(incident)

    report = harness.new_sweep(reanalyze=slow, deadline=start + seconds).run()
    assert len(asked) == analyzed
    # What is due is not sent either, once the time is over.
    overdue = int(30 * analyzed + 12 > seconds)
    assert report.get("left for the next sweep", 0) == left + overdue


def test_a_standing_approval_is_applied_and_alerted(harness, aws):
    incident_id = harness.handle().id
    harness.sweep()
    assert harness.store.get(incident_id).state is State.OPEN
    harness.limits = Limits(trusted=TRUSTED).with_ssm_parameter(
        json.dumps({"standing": [harness.standing(incident_id)]})
    )
    assert harness.sweep()["standing: verified"] == 1
    assert ROLE in bucket_policy(aws)
    [told] = [note for _, why, note in harness.told if why == "standing"]
    assert "standing approval analysts" in told
    line = next(x for x in harness.store.history(incident_id) if x["to"] == "applying")
    assert line["actor"] == "standing approval analysts"
    assert line["digests"]


def test_the_guardrails_hold_for_standing_approvals(harness, aws):
    incident_id = harness.handle().id
    more = {"standing": [harness.standing(incident_id)], "protected": ["a-reports"]}
    harness.limits = Limits(trusted=TRUSTED).with_ssm_parameter(json.dumps(more))
    assert harness.sweep(errors=True)["standing: refused"] == 1
    assert harness.store.get(incident_id).state is State.OPEN
    assert bucket_policy(aws) is None


def test_alerts_are_sent_until_they_went_out(harness):
    incident_id = harness.handle().id
    aws_bucket = harness.digests(incident_id)[:1]
    harness.api.approve(incident_id, aws_bucket, APPROVER)

    def broken(*_):
        raise ClientError({"Error": {"Code": "InternalError", "Message": ""}}, "Publish")

    with pytest.raises(ClientError):
        harness.new_worker(alert=broken).attend(incident_id, harness.clock() + 100)
    assert harness.store.get(incident_id).state is State.FAILED
    harness.queue.clear()
    harness.failed.clear()
    harness.new_sweep(alert=broken, rechecks=0).run()
    assert harness.failed
    harness.sweep(rechecks=0)
    harness.sweep(rechecks=0)
    assert [why for _, why, _ in harness.told] == ["failed"]
    assert "taken back" in harness.told[0][2]


# --- overwritten windows ---


def written_by(role, **changes):
    return {
        "eventName": "PutBucketPolicy",
        "eventTime": "2026-11-24T03:00:00Z",
        "eventID": "ev-1",
        "userIdentity": {
            "arn": f"arn:aws:sts::{A}:assumed-role/{role}/s",
            "sessionContext": {"sessionIssuer": {"arn": f"arn:aws:iam::{A}:role/{role}"}},
        },
        "requestParameters": {"bucketName": "a-reports", "bucketPolicy": {"Theirs": 1}},
        **changes,
    }


WINDOWS = [
    ("someone else", written_by("admin"), True),
    ("we ourselves", written_by("threegrants-remediation-bucket"), False),
    ("another bucket", written_by("admin", requestParameters={"bucketName": "b"}), False),
    ("refused", written_by("admin", errorCode="AccessDenied"), False),
]


@pytest.mark.parametrize(("event", "alerted"), [w[1:] for w in WINDOWS],
                         ids=[w[0] for w in WINDOWS])  # fmt: skip
def test_who_else_wrote_in_our_window(harness, monkeypatch, event, alerted):
    incident_id = harness.handle().id
    harness.approve(incident_id)
    asked = event_history(monkeypatch, event)
    harness.sweep(rechecks=0)
    assert not asked, "CloudTrail is not that quick"
    harness.later(21 * 60)
    assert harness.sweep(rechecks=0)["windows looked into"] == 2
    looked_at = [a["EndTime"].timestamp() - a["StartTime"].timestamp() for a in asked]
    assert len(looked_at) >= 2
    assert max(looked_at) < 60
    told = [note for _, why, note in harness.told if why == "overwritten"]
    assert bool(told) is alerted
    if alerted:
        for words in ('{"Theirs": 1}', "assumed-role/admin", "ours, after:", ROLE):
            assert words in told[0]
    count = len(asked)
    harness.sweep(rechecks=0)
    assert len(asked) == count, "looked into once"


def test_a_window_that_cannot_be_looked_into_is_told(harness, monkeypatch):
    incident_id = harness.handle().id
    harness.approve(incident_id)

    def refused(made):
        if made.operation == "LookupEvents":
            raise refusal(made.operation)
        return made.proceed()

    answer_calls(monkeypatch, refused)
    harness.later(21 * 60)
    for _ in range(13):
        harness.sweep(errors=True, rechecks=0)
    told = [note for _, why, note in harness.told if why == "window"]
    assert len(told) == 2
    assert "cloudtrail:LookupEvents" in told[0]
