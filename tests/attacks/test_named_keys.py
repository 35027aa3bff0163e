"""1: a key that only the denied call names is opened by two people who name it, and by nobody else."""

import dataclasses
import json

import pytest

from support.attacks import Ends, attack
from support.harness import APPROVER, EVERYTHING, SECOND, TRUSTED, Harness, bucket_policy
from support.names import BUCKET_ARN, A
from support.policies import policy, root
from support.records import ROLE, SESSION
from threegrants.diagnosis import Outcome
from threegrants.incidents import State
from threegrants.remediation import Limits, Refused
from threegrants.remediation.standing_approvals import decide

HEADERS = {
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-server-side-encryption-aws-kms-key-id": "",
}


@pytest.fixture
def victim(aws):
    """A key of A's that has nothing to do with the bucket; the bucket has its own."""
    aws.world(iam=EVERYTHING)
    made = aws.client("kms").create_key(Policy=policy(root(A)))
    return str(made["KeyMetadata"]["Arn"])


def offered(harness, incident):
    """Outcome, and the patches of the victim's key."""
    report = harness.store.get(incident.id).report
    return report, [one.to_patch() for one in report.patches_by_digest.values()]


@attack(
    "1",
    "a key's ARN in an object key, which S3's message quotes",
    "that key is opened",
    Ends.IGNORED,
)
def test_a_key_in_an_object_key(aws, victim):
    said = "because no resource-based policy allows the s3:GetObject action"
    who = f"User: {SESSION} is not authorized to perform: s3:GetObject"
    message = f'{who} on resource: "{BUCKET_ARN}/{victim}" {said}'
    harness = Harness(aws)
    _, patches = offered(harness, harness.handle(key=victim, errorMessage=message))
    assert patches
    assert not [one for one in patches if victim in one.target]
    keys = [one for one in patches if one.grant == "iam_policy" and f'"{victim}"' in one.after]
    assert keys == []


@attack(
    "1.1",
    "an encryption header that names any key, on a read",
    "that key is opened",
    Ends.IGNORED,
)
def test_a_header_on_a_read(aws, victim):
    named = dict.fromkeys(HEADERS, victim) | {"x-amz-server-side-encryption": "aws:kms"}
    parameters = {"bucketName": "a-reports", "key": "2026/q3.csv", **named}
    harness = Harness(aws)
    _, patches = offered(harness, harness.handle(requestParameters=parameters))
    assert patches
    assert not [one for one in patches if one.target == victim]


@attack(
    "1.2",
    "an encryption header that names any key, on a write",
    "that key is opened by the patch that is proposed",
    Ends.UNKNOWN,
)
def test_a_header_on_a_write(aws, victim):
    named = dict.fromkeys(HEADERS, victim) | {"x-amz-server-side-encryption": "aws:kms"}
    parameters = {"bucketName": "a-reports", "key": "2026/q3.csv", **named}
    harness = Harness(aws)
    incident = harness.handle(operation="PutObject", requestParameters=parameters)
    report, patches = offered(harness, incident)
    assert report.outcome is Outcome.UNKNOWN
    assert not [one for one in patches if one.target == victim and one.default]


# --- its patch: beside, for two people ---


@pytest.fixture
def named(aws, victim):
    """An incident of a write that names the victim's key, with a clock that stands still."""
    desk = Harness(aws)
    desk.stop_clock()
    return desk, write_under(desk, victim), victim


def write_under(desk, key, **changes):
    """A denied write whose header names a key; its incident."""
    headers = dict.fromkeys(HEADERS, key) | {"x-amz-server-side-encryption": "aws:kms"}
    parameters = {"bucketName": "a-reports", "key": "2026/q3.csv", **headers}
    return desk.handle(operation="PutObject", requestParameters=parameters, **changes).id


def chosen(desk, identity):
    """The digests that people who know the key would name: one patch for each grant."""
    report = desk.store.get(identity).report
    beside = [one for one in report.patches if one.key_named_by_caller and one.scope == "prefix"]
    return desk.digests(identity) + [one.digest for one in beside]


def key_policy(aws, key):
    return str(aws.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"])


@attack("1.7", "one person approves the patch of a key that only the denied call names",
        "it is written", Ends.NEEDS_TWO)  # fmt: skip
def test_one_person_opens_no_named_key(aws, named):
    desk, identity, victim = named
    assert desk.limits.four_eyes == frozenset(), "two people are wanted for nothing else"
    again = APPROVER.replace("/sam", "/sam-again")
    for approver in (APPROVER, APPROVER, again):
        assert desk.approve(identity, approver, chosen(desk, identity)).state is State.PROPOSED
    assert ROLE not in key_policy(aws, victim)
    assert bucket_policy(aws) is None


def test_two_people_open_a_named_key_and_take_it_back(aws, named):
    desk, identity, victim = named
    before = key_policy(aws, victim)
    desk.approve(identity, APPROVER, chosen(desk, identity))
    done = desk.approve(identity, SECOND, chosen(desk, identity))
    assert done.state is State.VERIFIED, done.detail
    assert f"if the key is {victim}, which only the call names" in done.detail
    assert ROLE in key_policy(aws, victim)
    assert desk.service.rollback(identity, APPROVER).state is State.ROLLED_BACK
    assert json.loads(key_policy(aws, victim)) == json.loads(before)


@attack("1.8", "an approval of what is proposed, by as many people as may be",
        "it opens a key that nobody named", Ends.REFUSED)  # fmt: skip
def test_what_is_proposed_has_no_named_key(aws, named):
    desk, identity, victim = named
    report = desk.store.get(identity).report
    assert report.proposed_patches, "the bucket's patch is proposed all the same"
    assert not any(one.key_named_by_caller for one in report.proposed_patches)
    for approver in (APPROVER, SECOND):
        with pytest.raises(Refused, match="by their digests"):
            desk.approve(identity, approver)
    assert desk.store.get(identity).state is State.OPEN
    assert (bucket_policy(aws), ROLE in key_policy(aws, victim)) == (None, False)


def test_each_patch_of_a_named_key_says_so_first(named):
    desk, identity, victim = named
    report = desk.store.get(identity).report
    assert (report.outcome, report.presumed_outcome) == (Outcome.UNKNOWN, Outcome.FIXABLE)
    beside = [one for one in report.patches if one.target == victim]
    assert len(beside) > 1
    for one in beside:
        assert "Only the denied call names this key" in one.says.splitlines()[0]
        assert "two people" in one.says.splitlines()[0]


@attack("1.9", "a standing approval that names that very key", "it is opened without a person",
        Ends.WAITS)  # fmt: skip
def test_no_standing_approval_opens_a_named_key(aws, named):
    desk, identity, victim = named
    entry = desk.standing(identity, keys=[victim], actions=["s3:PutObject", "kms:GenerateDataKey"])
    desk.limits = Limits(trusted=TRUSTED).with_ssm_parameter(json.dumps({"standing": [entry]}))
    assert not any("standing" in what for what in desk.sweep())
    assert (bucket_policy(aws), ROLE in key_policy(aws, victim)) == (None, False)
    [approval] = desk.limits.standing_approvals
    report = desk.store.get(identity).report
    taken_for_fixable = dataclasses.replace(report, outcome=Outcome.FIXABLE)
    decision = decide(approval, taken_for_fixable, frozenset(), replayed=False)
    assert (decision.digests, "only the caller names" in decision.why_not) == ((), True)


@attack("1.10", "the object's own key becomes known between the two approvals",
        "the second one opens the key that the call named", Ends.REFUSED)  # fmt: skip
def test_a_corroborated_key_replaces_a_named_one(aws, victim):
    desk = Harness(aws)
    desk.stop_clock()
    who = f"User: {SESSION} is not authorized to perform: kms:Decrypt on resource: {victim}"
    identity = desk.handle(errorMessage=f"{who} because no resource-based policy allows it").id
    assert desk.store.get(identity).report.request.kms_key == victim
    first = chosen(desk, identity)
    assert desk.approve(identity, APPROVER, first).state is State.PROPOSED
    aws.client("s3").put_object(Bucket="a-reports", Key="2026/q3.csv", Body=b"")
    desk.reader.objects = True
    desk.later(60)
    desk.sweep()
    assert desk.store.get(identity).state is State.PROPOSED
    request = desk.store.get(identity).report.request
    assert (request.kms_key == victim, request.kms_key_corroborated) == (False, True)
    with pytest.raises(Refused, match="not offered"):
        desk.approve(identity, SECOND, first)
    assert ROLE not in key_policy(aws, victim)
