"""Who decides, and what a decision opens: approvals that an attacker would like to steer."""

import json
from types import SimpleNamespace

import pytest

from support.attacks import Ends, attack
from support.handlers import API_SECRET, api_event
from support.harness import APPROVER, EVERYTHING, SECOND, TRUSTED, Harness, bucket_policy
from support.names import A, B
from support.policies import policy, root
from support.records import ROLE, s3
from support.worlds import ROLE as ANALYST
from threegrants.aws.policy_json import sid_of_ours
from threegrants.cloudtrail import REPLAY_SOURCE, Access
from threegrants.handlers import people_routes, remediate
from threegrants.incidents import State
from threegrants.notifications.alert_policy import AlertPolicy
from threegrants.patches import Patch, Scope
from threegrants.remediation import Limits, LimitsError, Refused, find_standing_approval
from threegrants.remediation.approval import needs_two_people
from unit.remediation.reports import report_of

THIRD = f"arn:aws:sts::{A}:assumed-role/manager/alex"
NOW = 1_795_000_000.0
SECRETS = "arn:aws:s3:::a-secrets"


def with_standing(desk, identity, **changes):
    text = json.dumps({"standing": [desk.standing(identity, **changes)]})
    desk.limits = Limits(trusted=TRUSTED).with_ssm_parameter(text)


@attack("8", "a new bucket (role, key) whose name fits the pattern of a standing approval",
        "it is opened without a person", Ends.REFUSED)  # fmt: skip
@pytest.mark.parametrize(
    "changes",
    [{"bucket": "a-*"}, {"principals": [f"arn:aws:iam::{B}:role/*"]}, {"prefix": "*/x"},
     {"keys": ["*"]}, {"actions": ["s3:*"]}, {"expires": "2099-01-01T00:00:00Z"}],
    ids=str,
)  # fmt: skip
def test_a_standing_approval_is_exact(desk, changes):
    identity = desk.handle().id
    with pytest.raises(LimitsError):
        with_standing(desk, identity, **changes)


@attack("8.1", "a second value of one name in the operators' JSON", "the looser one counts",
        Ends.REFUSED)  # fmt: skip
def test_a_name_stands_once():
    with pytest.raises(LimitsError, match="once"):
        Limits().with_ssm_parameter('{"protected": ["a-secrets"], "protected": ["nothing"]}')


@attack("8.2", "another role of an account whose role has a standing approval",
        "it is let in without a person", Ends.WAITS)  # fmt: skip
def test_another_role_waits_for_a_person(desk, aws):
    identity = desk.handle().id
    with_standing(desk, identity, principals=[f"{ROLE}-2"])
    assert not any("standing" in what for what in desk.sweep())
    assert desk.store.get(identity).state is State.OPEN
    assert bucket_policy(aws) is None


@attack("8.3", "a record that a person feeds in by hand", "a standing approval opens what it says",
        Ends.WAITS)  # fmt: skip
def test_replayed_records_wait_for_a_person(desk, aws):
    replayed = {"source": REPLAY_SOURCE, "detail-type": "AWS API Call via CloudTrail",
                "detail": s3()}  # fmt: skip
    identity = desk.handle(replayed).id
    with_standing(desk, identity)
    assert not any("standing" in what for what in desk.sweep())
    assert bucket_policy(aws) is None
    desk.handle(s3("e-2"))
    assert desk.store.get(identity).replayed, "a genuine record later does not wash it off"
    assert "Replayed" in json.loads(desk.alerts[0].message)["email"]


@attack("8.4", "a replayed record that has the id of a genuine one",
        "a standing approval opens what it says", Ends.WAITS)  # fmt: skip
def test_a_replayed_record_cannot_hide_behind_the_id_of_a_genuine_one(desk):
    identity = desk.handle(s3("e-1")).id
    record = {"source": REPLAY_SOURCE, "detail-type": "x", "detail": s3("e-1", key="2025/other")}
    desk.store.save_diagnosis(
        desk.store.get(identity), desk.store.get(identity).report, State.OPEN, "now",
        alert_due=False, record=record,
    )  # fmt: skip
    assert desk.store.get(identity).replayed


def patch_of(bucket, action, account=A):
    statement = {"Effect": "Allow", "Principal": {"AWS": ANALYST}, "Action": action,
                 "Resource": f"{bucket}/2026/*"}  # fmt: skip
    statement["Sid"] = sid_of_ours("read", [action], [f"{bucket}/2026/*"])
    return Patch("bucket_policy", account, "eu-west-1", bucket, "s3:PutBucketPolicy",
                 None, policy(statement), statement, None, Scope.PREFIX)  # fmt: skip


WRITE = patch_of("arn:aws:s3:::a-reports", "s3:PutObject")
READ = patch_of(SECRETS, "s3:GetObject")


@attack("4", "a copy, so that a rule for writes to one bucket is asked about the read of another",
        "the source is opened for reads", Ends.WAITS)  # fmt: skip
def test_a_standing_approval_for_writes_opens_no_source():
    entry = {
        "name": "writes", "owner": A, "principals": [ANALYST], "bucket": "a-reports", "prefix": "*",
        "keys": [], "actions": ["s3:PutObject", "s3:GetObject"],
        "starts": "2026-11-01T00:00:00Z", "expires": "2026-12-31T00:00:00Z",
    }  # fmt: skip
    limits = Limits().with_ssm_parameter(json.dumps({"standing": [entry]}))
    asked = {
        "access": Access.WRITE, "object_key": "2026/x", "kms_key": None,
        "kms_key_source": None, "kms_key_corroborated": None,
    }  # fmt: skip
    assert find_standing_approval(limits, report_of(WRITE, READ, **asked), NOW) is None
    assert find_standing_approval(limits, report_of(WRITE, **asked), NOW) is not None


@attack("4.1", "a copy, where two people are wanted for reads only",
        "one person opens the source for reads", Ends.NEEDS_TWO)  # fmt: skip
def test_two_people_for_what_each_patch_opens():
    limits = Limits(four_eyes=frozenset({Access.READ}))
    copy = report_of(WRITE, READ, access=Access.WRITE)
    assert needs_two_people(limits, copy, [WRITE, READ])
    assert not needs_two_people(limits, copy, [WRITE])


@pytest.fixture
def only_iam_is_missing(aws):
    """B's role is named by bucket and key policy of A, and has no policy of its own."""
    key = aws.world()
    allow = {"Effect": "Allow", "Principal": {"AWS": ROLE}}
    aws.client("s3").put_bucket_policy(
        Bucket="a-reports",
        Policy=policy(allow | {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::a-reports/*"}),
    )
    aws.client("kms").put_key_policy(
        KeyId=key, PolicyName="default",
        Policy=policy(root(A), allow | {"Action": "kms:Decrypt", "Resource": "*"}),
    )  # fmt: skip
    found = Harness(aws)
    found.stop_clock()
    return found


@attack("9", "an IAM policy for a protected bucket or key", "the data is opened from the other side",
        Ends.REFUSED)  # fmt: skip
@pytest.mark.parametrize("what", ["the bucket's name", "a folder", "the key's ARN",
                                  "the bucket's tag", "the key's tag"])  # fmt: skip
def test_protected_is_the_data_whichever_document(only_iam_is_missing, aws, what):
    desk, tag = only_iam_is_missing, "threegrants:protected"
    identity = desk.handle().id
    key = aws.client("kms").list_keys()["Keys"][0]
    protected = {
        "the bucket's name": ("a-reports",),
        "a folder": ("arn:aws:s3:::a-reports/2026/q3*",),
        "the key's ARN": (key["KeyArn"],),
    }
    desk.limits = Limits(trusted=TRUSTED, protected=protected.get(what, ()))
    if what == "the bucket's tag":
        tags = {"TagSet": [{"Key": tag, "Value": "true"}]}
        aws.client("s3").put_bucket_tagging(Bucket="a-reports", Tagging=tags)
    if what == "the key's tag":
        marked = [{"TagKey": tag, "TagValue": "true"}]
        aws.client("kms").tag_resource(KeyId=key["KeyId"], Tags=marked)
    report = desk.store.get(identity).report
    assert {patch.grant for patch in report.proposed_patches} == {"iam_policy"}
    with pytest.raises(Refused, match="protected"):
        desk.approve(identity)
    assert desk.store.get(identity).state is State.OPEN


@attack("9.1", "the use of a key for objects of a protected folder, or bucket", "the data is opened by its key",
        Ends.REFUSED)  # fmt: skip
@pytest.mark.parametrize("how", ["a folder", "the bucket's name"])
def test_the_key_does_not_open_protected_data(aws, how):
    aws.world(iam=EVERYTHING)
    aws.client("s3").put_bucket_policy(
        Bucket="a-reports",
        Policy=policy({"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "s3:GetObject",
                       "Resource": "arn:aws:s3:::a-reports/*"}),
    )  # fmt: skip
    desk = Harness(aws)
    identity = desk.handle().id
    protected = {"a folder": "arn:aws:s3:::a-reports/2026/q3*", "the bucket's name": "a-reports"}
    desk.limits = Limits(trusted=TRUSTED, protected=(protected[how],))
    report = desk.store.get(identity).report
    assert {patch.grant for patch in report.proposed_patches} == {"key_policy"}
    for offered in report.patches:
        with pytest.raises(Refused, match="protected"):
            desk.approve(identity, digests=[offered.digest])
    assert desk.store.get(identity).state is State.OPEN


def test_what_is_not_protected_is_applied_from_the_other_side(only_iam_is_missing):
    identity = only_iam_is_missing.handle().id
    assert only_iam_is_missing.approve(identity).state is State.VERIFIED


def asks(desk, monkeypatch, identity, what, arn, body):
    """The answer of the API to a caller whom IAM has named."""
    fake = SimpleNamespace(
        store=desk.store, alert=lambda *_: None, alert_policy=AlertPolicy, ask_worker=lambda _: None
    )
    monkeypatch.setattr(remediate, "_service", lambda: desk.api)
    monkeypatch.setattr(remediate, "api_secret", lambda: API_SECRET)
    monkeypatch.setattr(remediate, "dependencies", lambda: fake)
    monkeypatch.setattr(people_routes, "dependencies", lambda: fake)
    context = SimpleNamespace(
        function_name="f", memory_limit_in_mb=1, invoked_function_arn="arn", aws_request_id="r",
        get_remaining_time_in_millis=lambda: 29_000,
    )  # fmt: skip
    event = api_event("POST", f"/incidents/{identity}/{what}", body, arn)
    return remediate.handler(event, context)


@attack("10", "the denied principal, or a federated user of its account, mutes its own incident",
        "the on-call hears no more of it", Ends.REFUSED)  # fmt: skip
@pytest.mark.parametrize(
    "arn",
    [f"arn:aws:sts::{B}:assumed-role/analyst/again", f"arn:aws:sts::{B}:federated-user/analyst"],
)
@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("mute", {"hours": 720}), ("reject", {}), ("acknowledge", {}), ("assign", {"to": "me"}),
        ("snooze", {"what": "principal", "hours": 72}), ("snooze", {"what": "bucket", "hours": 72}),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:No application metrics")
def test_the_denied_principal_silences_nothing(desk, monkeypatch, arn, what, body):
    identity = desk.handle().id
    answer = asks(desk, monkeypatch, identity, what, arn, body)
    assert answer["statusCode"] == 403, answer
    incident = desk.store.get(identity)
    assert (incident.muted_until, incident.state) == (0, State.OPEN)
    assert asks(desk, monkeypatch, identity, what, APPROVER, body)["statusCode"] == 200


def federated_by(user):
    """A denied session of a federated user, as CloudTrail shows it."""
    return {
        "type": "FederatedUser", "principalId": f"{B}:guest", "accountId": B,
        "arn": f"arn:aws:sts::{B}:federated-user/guest",
        "sessionContext": {"sessionIssuer": {
            "type": "IAMUser", "principalId": "AIDAEXAMPLE", "arn": user, "accountId": B}},
    }  # fmt: skip


@attack("10", "an IAM user lets a federated session of its own be denied, and rejects or mutes the incident",
        "the on-call hears no more of it", Ends.REFUSED)  # fmt: skip
@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("mute", {"hours": 720}), ("reject", {}), ("acknowledge", {}), ("assign", {"to": "me"}),
        ("snooze", {"what": "principal", "hours": 72}), ("snooze", {"what": "bucket", "hours": 72}),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:No application metrics")
def test_who_made_the_denied_session_silences_nothing(desk, monkeypatch, what, body):
    ann, ben = f"arn:aws:iam::{B}:user/ann", f"arn:aws:iam::{B}:user/ben"
    identity = desk.handle(s3("e-federated", userIdentity=federated_by(ann))).id
    assert asks(desk, monkeypatch, identity, what, ann, body)["statusCode"] == 403
    assert desk.store.get(identity).muted_until == 0
    assert asks(desk, monkeypatch, identity, what, ben, body)["statusCode"] == 200


@attack("10.1", "a second approval that overtakes the change of the first",
        "the run has an approval that was replaced or withdrawn", Ends.REFUSED)  # fmt: skip
@pytest.mark.parametrize("meanwhile", ["replaced", "by another"])
def test_the_first_approval_is_a_condition_of_the_run(desk, aws, monkeypatch, meanwhile):
    desk.limits = Limits(trusted=TRUSTED, four_eyes=frozenset({Access.READ}))
    identity = desk.handle().id
    desk.approve(identity)
    begin = type(desk.run_store).begin

    def overtaken(store, *given, **more):
        monkeypatch.setattr(type(desk.run_store), "begin", begin)
        one = desk.digests(identity)[:1]
        if meanwhile == "replaced":
            desk.approve(identity, APPROVER, one)
        else:
            desk.approve(identity, THIRD, one)
        return begin(store, *given, **more)

    monkeypatch.setattr(type(desk.run_store), "begin", overtaken)
    with pytest.raises(Refused, match="first of the two approvals"):
        desk.approve(identity, SECOND)
    assert desk.store.get(identity).state is State.PROPOSED
    assert bucket_policy(aws) is None
