"""Item 13 on moto: where roles are assumed, and what is written with which of them."""

import json

import pytest

from support.attacks import Ends, attack
from support.harness import APPROVER, OPTIONS
from support.names import BUCKET_ARN, A, B
from support.records import ROLE, denied, kms, s3, session_of
from support.wire import calls_made
from threegrants.analysis import AnalysisOptions, analyze
from threegrants.diagnosis import Verdict
from threegrants.evidence import MemberAccounts, RoleClients
from threegrants.incidents import State
from threegrants.remediation import Limits, Refused

STRANGER = "999999999999"


def assumed(calls):
    """The parameters of the AssumeRole calls."""
    return [call.parameters for call in calls if call.operation == "AssumeRole"]


@pytest.fixture
def missing_all(aws, harness):
    """The world in which the role lacks all three grants."""
    aws.client("iam", B).delete_role_policy(RoleName="analyst", PolicyName="own")
    return harness.handle()


STRANGE_KEY = f"arn:aws:kms:eu-west-1:{STRANGER}:key/11111111-2222-3333-4444-555555555555"
RECORDS = [
    ("as the bucket's owner", s3(owner=STRANGER)),
    ("as the caller", s3(userIdentity=session_of(f"arn:aws:iam::{STRANGER}:role/analyst"))),
    ("as the account that sent the record", s3(recipientAccountId=STRANGER, owner="")),
    ("in a key's ARN", kms("e-1", key=STRANGE_KEY)),
    (
        "in a header",
        s3(
            operation="PutObject",
            requestParameters={
                "bucketName": "a-reports",
                "key": "x",
                "x-amz-server-side-encryption": "aws:kms",
                "x-amz-server-side-encryption-aws-kms-key-id": STRANGE_KEY,
            },
        ),
    ),
]


@attack(
    "13.6",
    "a stranger's account id in a record: as owner, caller, key or recipient",
    "a role is assumed there, and the stranger reads our ExternalId in its CloudTrail",
    Ends.UNKNOWN,
    embedded="test_roles.py::test_who_enters_a_remediation_role",
)
@pytest.mark.parametrize("record", [r[1] for r in RECORDS], ids=[r[0] for r in RECORDS])
def test_a_strangers_account_in_a_record_gets_nothing(aws, monkeypatch, record):
    aws.world()
    made = calls_made(monkeypatch)
    members = MemberAccounts(frozenset({A, B}), "AccountsToRead")
    found = analyze(denied(record), RoleClients("r", "secret", members=members), OPTIONS)
    entered = {asked["RoleArn"].split(":")[4] for asked in assumed(made)}
    assert entered <= {A, B}
    if record == RECORDS[0][1]:
        assert found.diagnosis.bucket_policy.verdict is Verdict.UNKNOWN
        [reason] = found.diagnosis.bucket_policy.reasons
        assert reason.code == "account_not_listed"
        assert f"account {STRANGER} is not in AccountsToRead" in reason.detail


@attack(
    "13.7",
    "an approved patch of a role that its owner has not tagged for the service",
    "the role is written to",
    Ends.REFUSED,
    embedded="test_roles.py::test_a_session_of_a_run_reaches_one_target",
)
def test_a_role_that_is_not_tagged_is_not_written_to(aws, harness, missing_all):
    harness.limits = Limits(trusted=frozenset({A, B}), require_patchable_tag=True)
    incident = missing_all
    with pytest.raises(Refused, match="it has no tag threegrants:patchable=true"):
        harness.approve(incident.id)
    assert aws.client("iam", B).list_role_policies(RoleName="analyst")["PolicyNames"] == []
    rule = AnalysisOptions(writable=OPTIONS.writable, require_patchable_tag=True)
    found = analyze(denied(s3()), harness.reader, rule)
    assert found.diagnosis.outcome.value == "handoff"
    aws.client("iam", B).tag_role(
        RoleName="analyst", Tags=[{"Key": "threegrants:patchable", "Value": "true"}]
    )
    found = analyze(denied(s3()), harness.reader, rule, fresh=True)
    assert found.diagnosis.outcome.value == "fixable"
    assert harness.approve(incident.id).state is State.VERIFIED


@attack(
    "13.8",
    "one of the three remediation roles is left out in the account",
    "a run begins that cannot write all of its patches",
    Ends.REFUSED,
)
@pytest.mark.parametrize(
    ("account", "kind"), [(A, "bucket"), (A, "key"), (B, "iam")], ids=["bucket", "key", "IAM"]
)
def test_a_role_that_is_left_out_makes_a_hand_off(aws, harness, missing_all, account, kind):
    incident = missing_all
    aws.client("iam", account).delete_role(RoleName=f"threegrants-remediation-{kind}")
    with pytest.raises(
        Refused, match=f"account {account} has no role.*-{kind}.*hand the statement"
    ):
        harness.approve(incident.id)
    assert harness.store.get(incident.id).state is State.OPEN
    assert harness.moves(incident.id).count("applying") == 0


def test_each_write_has_a_session_for_its_own_target(harness, missing_all, monkeypatch):
    """By what is really sent to STS: role, name, run, 900 seconds, and the one target."""
    incident = missing_all
    [key] = [p.target for p in incident.report.proposed_patches if p.grant == "key_policy"]
    made = calls_made(monkeypatch)
    assert harness.approve(incident.id, APPROVER).state is State.VERIFIED
    writing = [asked for asked in assumed(made) if "remediation" in asked["RoleArn"]]
    run = harness.run_store.last_run(incident.id)
    targets = {
        f"arn:aws:iam::{A}:role/threegrants-remediation-bucket": BUCKET_ARN,
        f"arn:aws:iam::{A}:role/threegrants-remediation-key": key,
        f"arn:aws:iam::{B}:role/threegrants-remediation-iam": ROLE,
    }
    assert {asked["RoleArn"] for asked in writing} == set(targets)
    for asked in writing:
        assert asked["RoleSessionName"] == incident.id
        assert asked["SourceIdentity"] == run.id
        assert asked["DurationSeconds"] == 900
        for statement in json.loads(asked["Policy"])["Statement"]:
            assert statement["Resource"] == [targets[asked["RoleArn"]]]
    reading = [asked for asked in assumed(made) if "remediation" not in asked["RoleArn"]]
    assert {asked["RoleSessionName"] for asked in reading} == {incident.id}
    assert all("SourceIdentity" not in asked and asked["Policy"] for asked in reading)
