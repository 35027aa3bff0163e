"""From a record to a verified patch and back, on moto: evidence, incidents, alerts, remediation."""

import json
from collections import Counter
from importlib import resources

import jsonschema
import pytest

from support.harness import APPROVER, OPTIONS
from support.names import A, B
from support.policies import policy as document
from support.records import ROLE, denied, s3
from support.wire import calls_made
from threegrants.analysis import analyze
from threegrants.evidence import Read, RoleClients, Unread, gather
from threegrants.incidents import Conflict, State
from threegrants.remediation import Limits, Refused

OBJECTS = "arn:aws:s3:::a-reports/*"
SCHEMA = json.loads(
    (resources.files("threegrants") / "schema" / "diagnosis.schema.json").read_text()
)


def test_evidence_is_read_in_both_accounts(aws):
    key = aws.world(iam=[{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}])
    seen = gather(denied(s3()), RoleClients("threegrants-reader"))
    assert seen.caller.arn == Read(ROLE)
    assert [p.name for p in seen.caller.policies.value] == ["own"]
    assert seen.bucket.policy == Read(None)
    assert seen.key.value.arn == key
    assert seen.key.value.state == Read("Enabled")


def test_a_principal_that_is_gone_is_unknown(aws):
    aws.world()
    aws.client("iam", B).delete_role(RoleName="analyst")
    seen = gather(denied(s3()), RoleClients("threegrants-reader"))
    assert isinstance(seen.caller.arn, Unread)
    assert "does not exist" in seen.caller.arn.why
    assert analyze(denied(s3()), RoleClients("r"), OPTIONS).patches == ()


def test_the_document_follows_its_schema(harness):
    incident = harness.handle()
    jsonschema.validate(incident.report.to_json(), SCHEMA)
    assert incident.report.is_fixable


def test_an_event_counts_once_and_alerts_once(harness):
    first = harness.handle()
    harness.handle()
    harness.handle(event="e-2")
    incident = harness.store.get(first.id)
    assert incident.count == 2
    assert len(harness.alerts) == 1
    assert json.loads(harness.alerts[0].message)["default"].startswith("Role analyst")


def test_both_copies_of_a_record_are_one_incident_and_one_event(harness, aws):
    unique = aws.client("iam", B).get_role(RoleName="analyst")["Role"]["RoleId"]
    bucket = {"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::a-reports"}
    callers = {
        **s3(event="e-caller"),
        "sharedEventID": "shared",
        "resources": [{**bucket, "accountId": ""}],
        "recipientAccountId": B,
    }
    owners = {
        **s3(event="e-owner"),
        "sharedEventID": "shared",
        "userIdentity": {"type": "AWSAccount", "principalId": f"{unique}:s", "accountId": B},
        "recipientAccountId": A,
    }
    one, two = (harness.ingest.handle(denied(event), event) for event in (callers, owners))
    assert one.id == two.id
    assert harness.store.get(one.id).count == 1
    assert harness.store.get(one.id).report.is_fixable


def test_a_growing_incident_alerts_at_ten(harness):
    for number in range(12):
        harness.handle(event=f"e-{number}")
    assert [alert.attributes["reason"] for alert in harness.alerts] == ["opened", "count"]


def test_a_storm_of_one_denial_costs_next_to_nothing(harness, aws, monkeypatch):
    role = aws.client("iam", B).get_role(RoleName="analyst")["Role"]["RoleId"]
    owners = {"type": "AWSAccount", "principalId": f"{role}:s", "accountId": B}
    calls = calls_made(monkeypatch)
    for number in range(120):
        event = {**s3(event=f"e-{number}"), "userIdentity": owners}
        event["eventTime"] = f"2026-11-24T03:{number % 60:02}:00Z"
        incident = harness.ingest.handle(denied(event), event)
    assert incident.count == harness.store.get(incident.id).count == 120
    assert (incident.first_seen, incident.last_seen) == (
        "2026-11-24T03:00:00Z", "2026-11-24T03:59:00Z"
    )  # fmt: skip
    assert len(harness.alerts) == 3  # opened, 10, 100
    reads = Counter(call.service for call in calls if call.service not in {"dynamodb", "sts"})
    assert sum(reads.values()) < 60
    assert Counter(call.operation for call in calls)["ListRoles"] == 1


def test_an_incident_that_is_opened_again_does_not_expire(harness, aws):
    first = harness.handle()
    table = harness.store._table
    harness.move(first, State.REJECTED, "a person", "rejected")
    key = {"pk": f"incident#{first.id}", "sk": "meta"}
    assert "expires_at" in table.get_item(Key=key)["Item"]
    harness.move(harness.store.get(first.id), State.OPEN, "service", "opened again")
    assert "expires_at" not in table.get_item(Key=key)["Item"]


def test_other_objects_widen_the_prefix(harness):
    harness.handle(key="2026/q3/a.csv")
    incident = harness.handle(event="e-2", key="2026/q4/b.csv")
    patches = {p.grant: p for p in harness.store.get(incident.id).report.proposed_patches}
    assert patches["bucket_policy"].statement["Resource"] == "arn:aws:s3:::a-reports/2026/*"


def test_approve_verify_roll_back(harness, aws):
    before = aws.client("kms").list_keys()["Keys"][0]["KeyId"]
    key_policy = aws.client("kms").get_key_policy(KeyId=before, PolicyName="default")["Policy"]
    incident_id = harness.handle().id
    result = harness.service.approve(incident_id, harness.digests(incident_id), APPROVER)
    assert result.state is State.VERIFIED
    assert ROLE in aws.client("s3").get_bucket_policy(Bucket="a-reports")["Policy"]
    assert harness.reanalyze(harness.store.get(incident_id)).diagnosis.allowed_as_read
    harness.service.rollback(incident_id, APPROVER)
    assert harness.store.get(incident_id).state is State.ROLLED_BACK
    assert aws.client("kms").get_key_policy(KeyId=before, PolicyName="default")["Policy"] == (
        key_policy
    )
    with pytest.raises(aws.client("s3").exceptions.ClientError):
        aws.client("s3").get_bucket_policy(Bucket="a-reports")
    told = [line["to"] for line in harness.store.history(incident_id)]
    assert told == ["open", "open", "applying", "verified", "rolling_back", "rolled_back"]


def test_rollback_keeps_what_others_wrote_meanwhile(harness, aws):
    incident_id = harness.handle().id
    harness.service.approve(incident_id, harness.digests(incident_id), APPROVER)
    s3 = aws.client("s3")
    live = json.loads(s3.get_bucket_policy(Bucket="a-reports")["Policy"])
    theirs = {"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket",
              "Resource": "arn:aws:s3:::a-reports"}  # fmt: skip
    s3.put_bucket_policy(
        Bucket="a-reports",
        Policy=json.dumps({**live, "Statement": [*live["Statement"], theirs]}),
    )
    harness.service.rollback(incident_id, APPROVER)
    after = json.loads(s3.get_bucket_policy(Bucket="a-reports")["Policy"])
    assert after["Statement"] == [theirs]


def test_a_policy_that_changed_since_the_diagnosis_is_not_touched(harness, aws):
    incident_id = harness.handle().id
    digests = harness.digests(incident_id)
    other = document({"Sid": "New", "Effect": "Allow", "Principal": {"AWS": A}, "Action": "s3:*",
                      "Resource": OBJECTS})  # fmt: skip
    aws.client("s3").put_bucket_policy(Bucket="a-reports", Policy=other)
    result = harness.service.approve(incident_id, digests, APPROVER)
    assert result.state is State.FAILED
    assert "changed since the diagnosis" in result.detail
    assert aws.client("s3").get_bucket_policy(Bucket="a-reports")["Policy"] == other


def test_one_patch_of_two_does_not_help_and_is_taken_back(harness, aws):
    incident_id = harness.handle().id
    bucket = [
        p.digest
        for p in harness.store.get(incident_id).report.proposed_patches
        if p.grant == "bucket_policy"
    ]
    result = harness.service.approve(incident_id, bucket, APPROVER)
    assert result.state is State.FAILED
    with pytest.raises(aws.client("s3").exceptions.ClientError):
        aws.client("s3").get_bucket_policy(Bucket="a-reports")
    again = harness.service.approve(incident_id, harness.digests(incident_id), APPROVER)
    assert again.state is State.VERIFIED


REFUSED = [
    ("unknown digest", ["sha256:" + "0" * 64], APPROVER, 409),
    ("no digest", [], APPROVER, 409),
    ("the denied principal itself", None, f"arn:aws:sts::{B}:assumed-role/analyst/s", 403),
    ("nobody", None, "", 403),
]


@pytest.mark.parametrize(("digests", "approver", "status"), [case[1:] for case in REFUSED])
def test_refused(harness, digests, approver, status):
    incident_id = harness.handle().id
    with pytest.raises(Refused) as refused:
        harness.service.approve(
            incident_id, harness.digests(incident_id) if digests is None else digests, approver
        )
    assert refused.value.status == status
    assert harness.store.get(incident_id).state is State.OPEN


def test_nothing_is_applied_for_accounts_nobody_trusts(harness):
    incident_id = harness.handle().id
    harness.limits = Limits(trusted=frozenset({A}))
    with pytest.raises(Refused, match="TrustedAccounts"):
        harness.service.approve(incident_id, harness.digests(incident_id), APPROVER)


def test_a_rejected_incident_stays_quiet(harness):
    incident_id = harness.handle().id
    harness.service.reject(incident_id, APPROVER)
    harness.handle(event="e-2", when="2999-01-01T00:00:00Z")
    assert harness.store.get(incident_id).state is State.REJECTED
    assert len(harness.alerts) == 1
    with pytest.raises(Refused, match="is rejected: it cannot be rejected"):
        harness.service.reject(incident_id, APPROVER)


def test_two_at_once_one_wins(harness):
    incident = harness.handle()
    held = harness.store.get(incident.id)
    harness.move(held, State.REJECTED, "one", "rejected")
    with pytest.raises(Conflict):
        harness.move(held, State.REJECTED, "two", "rejected")
