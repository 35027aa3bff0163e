"""Who may approve, leases, expiry, the sweep, other kinds of patches; on moto."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from aws.conftest import A, B, document
from aws.test_flow import APPROVER, ROLE, Desk, record
from threegrants.evidence import Accounts
from threegrants.handlers import remediate
from threegrants.incidents import Busy, Conflict, Intent, Move, State, Step
from threegrants.patches import Patch
from threegrants.records import Access, parse_record
from threegrants.remedy import Guardrails, Refused, Sweep, run
from threegrants.remedy.write import read, write

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


@pytest.fixture
def desk(aws):
    aws.world(iam=[{"Effect": "Allow", "Action": "*", "Resource": "*"}])
    desk = Desk(aws)
    desk.told = []
    return desk


def approve(desk, identity, approver=APPROVER, digests=None, **more):
    return desk.remedy.approve(identity, digests or desk.digests(identity), approver, **more)


def sweep(desk, **more):
    failed = []
    found = Sweep(
        desk.new_remedy(),
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
    real, left = run.write, [at]

    def write_or_die(patch, text, accounts):
        left[0] -= 1
        if left[0] == 0:
            raise Died
        real(patch, text, accounts)

    monkeypatch.setattr(run, "write", write_or_die)
    return real


# --- who may approve ---


def test_two_people_for_kinds_of_access_that_want_them(desk, aws):
    desk.rails = Guardrails(trusted=TRUSTED, four_eyes=frozenset({Access.READ}))
    identity = desk.see().id
    first = approve(desk, identity)
    assert first.state is State.PROPOSED
    assert bucket_policy(aws) is None
    again = approve(desk, identity, APPROVER.replace("/sam", "/kim"))
    assert again.state is State.PROPOSED, "two sessions of one role are one person"
    assert approve(desk, identity, SECOND).state is State.VERIFIED
    work = desk.ledger.work(identity)
    assert work.actors == (APPROVER.replace("/sam", "/kim"), SECOND)
    assert moves(desk, identity)[2:] == ["proposed", "proposed", "applying", "verified"]


def test_two_people_must_mean_the_same_digests(desk, aws):
    desk.rails = Guardrails(trusted=TRUSTED, four_eyes=frozenset({Access.READ}))
    identity = desk.see().id
    one, two = desk.digests(identity)
    approve(desk, identity, APPROVER, [one])
    assert approve(desk, identity, SECOND, [one, two]).state is State.PROPOSED
    assert bucket_policy(aws) is None
    assert approve(desk, identity, APPROVER, [two, one]).state is State.VERIFIED


def test_a_first_approval_expires(desk):
    desk.rails = Guardrails(
        trusted=TRUSTED, four_eyes=frozenset({Access.READ}), approval_seconds=3600
    )
    identity = desk.see().id
    approve(desk, identity)
    later(desk, 3599)
    assert "approvals expired" not in sweep(desk, rechecks=0)
    later(desk, 2)
    assert approve(desk, identity, SECOND).state is State.PROPOSED, "the first one is void"
    later(desk, 3601)
    assert sweep(desk, rechecks=0)["approvals expired"] == 1
    assert desk.store.get(identity).state is State.OPEN


def test_the_denied_principal_may_not_reject_either(desk):
    identity = desk.see().id
    with pytest.raises(Refused, match="denied principal"):
        desk.remedy.reject(identity, f"arn:aws:sts::{B}:assumed-role/analyst/other-session")
    with pytest.raises(Refused, match="federated"):
        desk.remedy.rollback(identity, f"arn:aws:sts::{A}:federated-user/sam")


GUARDS = [
    (Guardrails(trusted=TRUSTED, protected=("a-reports",)), 403, "is protected"),
    (Guardrails(trusted=TRUSTED, organization="o-1"), 403, "organisation"),
    (Guardrails(trusted=TRUSTED, patches_an_hour=1), 429, "MaxPatchesPerHour"),
]


@pytest.mark.parametrize(("rails", "status", "words"), GUARDS, ids=[g[2] for g in GUARDS])
def test_guardrails(desk, aws, rails, status, words):
    desk.rails = rails
    identity = desk.see().id
    with pytest.raises(Refused, match=words) as refused:
        approve(desk, identity)
    assert refused.value.status == status
    assert desk.store.get(identity).state is State.OPEN
    assert bucket_policy(aws) is None


@pytest.mark.parametrize("what", ["bucket", "key"])
def test_a_tag_protects(desk, aws, what):
    identity = desk.see().id
    if what == "bucket":
        tags = {"TagSet": [{"Key": "threegrants:protected", "Value": "true"}]}
        aws.client("s3").put_bucket_tagging(Bucket="a-reports", Tagging=tags)
    else:
        key = aws.client("kms").list_keys()["Keys"][0]["KeyId"]
        tags = [{"TagKey": "threegrants:protected", "TagValue": "true"}]
        aws.client("kms").tag_resource(KeyId=key, Tags=tags)
    with pytest.raises(Refused, match="tag threegrants:protected"):
        approve(desk, identity)


def test_the_hours_quota_is_counted(desk):
    desk.rails = Guardrails(trusted=TRUSTED, patches_an_hour=3)
    identity = desk.see().id
    approve(desk, identity)
    desk.remedy.rollback(identity, APPROVER)
    desk.store.move(desk.store.get(identity), State.OPEN, "service", "opened again")
    with pytest.raises(Refused, match="MaxPatchesPerHour") as refused:
        approve(desk, identity)
    assert refused.value.status == 429
    later(desk, 3600)
    assert approve(desk, identity).state is State.VERIFIED


# --- exactly once ---


def test_an_approval_that_comes_twice_is_answered_twice_and_done_once(desk, monkeypatch):
    identity = desk.see().id
    digests = desk.digests(identity)
    first = approve(desk, identity, digests=digests)
    monkeypatch.setattr(run, "write", None)
    second = approve(desk, identity, digests=digests)
    assert first.state is second.state is State.VERIFIED
    assert [p["written"] for p in second.patches] == [True, True]
    with pytest.raises(Refused, match="not open"):
        approve(desk, identity, digests=digests[:1])


def test_what_does_not_fit_into_the_answers_time_is_finished_by_the_sweep(desk, aws):
    identity = desk.see().id
    result = approve(desk, identity, until=desk.clock() + 2)
    assert result.state is State.APPLYING
    assert bucket_policy(aws) is None
    assert sweep(desk, rechecks=0)["resumed: verified"] == 1
    assert [why for _, why, _ in desk.told] == ["verified"]
    assert ROLE in bucket_policy(aws)


def test_a_worker_whose_time_is_over_can_record_nothing(desk):
    identity = desk.see().id
    approve(desk, identity, until=desk.clock() + 2)
    stale = desk.ledger.work(identity)
    intents = desk.ledger.intents(identity, (stale.run,))
    sweep(desk, rechecks=0)
    with pytest.raises(Conflict):
        desk.ledger.record(identity, stale, [replace(intents[0], step=Step.UNDONE)])
    assert desk.ledger.intents(identity, (stale.run,))[0].step is Step.WRITTEN


def test_a_repeated_approval_goes_on_where_a_dead_worker_stopped(desk, monkeypatch):
    identity = desk.see().id
    digests = desk.digests(identity)
    real = dying(monkeypatch, 2)
    with pytest.raises(Died):
        approve(desk, identity)
    monkeypatch.setattr(run, "write", real)
    assert approve(desk, identity, digests=digests).state is State.APPLYING, "it may still live"
    later(desk, 61)
    assert approve(desk, identity, digests=digests).state is State.VERIFIED


@pytest.mark.parametrize("write_number", [1, 2])
def test_a_crash_in_the_middle_is_undone_by_rollback(desk, aws, monkeypatch, write_number):
    identity = desk.see().id
    real = dying(monkeypatch, write_number)
    with pytest.raises(Died):
        approve(desk, identity)
    monkeypatch.setattr(run, "write", real)
    with pytest.raises(Refused, match="try again"):
        desk.remedy.rollback(identity, APPROVER)
    later(desk, 61)
    assert desk.remedy.rollback(identity, APPROVER).state is State.ROLLED_BACK
    assert bucket_policy(aws) is None


def test_an_expired_approval_only_goes_back(desk, aws, monkeypatch):
    history_of(monkeypatch)
    identity = desk.see().id
    real = dying(monkeypatch, 2)
    with pytest.raises(Died):
        approve(desk, identity)
    monkeypatch.setattr(run, "write", real)
    assert ROLE in bucket_policy(aws)
    later(desk, 25 * 3600)
    sweep(desk, rechecks=0)
    assert desk.store.get(identity).state is State.FAILED
    assert bucket_policy(aws) is None
    assert "expired half-way" in desk.told[0][2]


def test_a_guardrail_that_was_set_meanwhile_holds(desk, aws, monkeypatch):
    history_of(monkeypatch)
    identity = desk.see().id
    real = dying(monkeypatch, 2)
    with pytest.raises(Died):
        approve(desk, identity)
    monkeypatch.setattr(run, "write", real)
    later(desk, 61)
    desk.rails = replace(desk.rails, protected=("a-reports",))
    sweep(desk, rechecks=0)
    assert desk.store.get(identity).state is State.FAILED
    assert bucket_policy(aws) is None
    assert "is protected" in desk.told[0][2]


def test_two_incidents_on_one_bucket_never_interleave(desk, aws, monkeypatch):
    one = desk.see().id
    event = {**record(event="e-9"), "eventName": "PutObject"}
    other = desk.watch.see(parse_record(event), event).id
    assert one != other
    real = dying(monkeypatch, 1)
    with pytest.raises(Died):
        approve(desk, one)
    monkeypatch.setattr(run, "write", real)
    with pytest.raises(Refused, match=f"by incident {one}"):
        approve(desk, other)
    later(desk, 61)
    with pytest.raises(Refused, match=f"by incident {one}"):
        approve(desk, other)  # not even when the worker is dead: its intent comes first
    sweep(desk, rechecks=0)
    assert desk.store.get(one).state is State.VERIFIED
    failed = approve(desk, other)
    assert failed.state is State.FAILED, "its patches were made for the policies before"
    sweep(desk)  # makes them anew
    assert approve(desk, other).state is State.VERIFIED


def test_a_lease_is_refused_by_the_table_itself(desk):
    identity = desk.see().id
    approve(desk, identity, until=desk.clock() + 2)
    event = {**record(event="e-9"), "eventName": "PutObject"}
    other = desk.watch.see(parse_record(event), event)
    work = replace(desk.ledger.work(identity), run="r", worker="w")
    with pytest.raises(Busy):
        desk.ledger.begin(
            other, Move(State.APPLYING, "x", "approved"), work, (), ["arn:aws:s3:::a-reports"]
        )
    assert desk.store.get(other.id).state is State.OPEN
    assert desk.ledger.work(other.id) is None


# --- undo ---


def test_an_edited_statement_refuses_a_rollback_before_anything_is_written(desk, aws):
    identity = desk.see().id
    approve(desk, identity)
    s3 = aws.client("s3")
    live = json.loads(bucket_policy(aws))
    live["Statement"][-1]["Action"] = "s3:GetObjectVersion"
    s3.put_bucket_policy(Bucket="a-reports", Policy=json.dumps(live))
    with pytest.raises(Refused) as refused:
        desk.remedy.rollback(identity, APPROVER)
    for words in ("before us: not there", '"s3:GetObject"', '"s3:GetObjectVersion"'):
        assert words in refused.value.detail
    assert desk.store.get(identity).state is State.VERIFIED
    assert json.loads(bucket_policy(aws)) == live


def test_what_cannot_be_undone_is_told_to_a_person(desk, aws, monkeypatch):
    history_of(monkeypatch)
    identity = desk.see().id
    approve(desk, identity)

    def refused(patch, text, accounts):
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "PutKeyPolicy")

    real = run.write
    monkeypatch.setattr(run, "write", refused)
    assert desk.remedy.rollback(identity, APPROVER).state is State.ROLLING_BACK
    for _ in range(5):
        later(desk, 300)
        sweep(desk, rechecks=0)
    assert desk.store.get(identity).state is State.STUCK
    assert [why for _, why, _ in desk.told] == ["stuck"]
    monkeypatch.setattr(run, "write", real)
    assert desk.remedy.rollback(identity, APPROVER).state is State.ROLLED_BACK
    assert bucket_policy(aws) is None


def test_a_rollback_takes_back_every_approval_that_stands(desk, aws):
    identity = desk.see().id
    key = aws.client("kms").list_keys()["Keys"][0]["KeyId"]
    before = aws.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    approve(desk, identity)
    # Another prefix is denied: the incident opens again and gets another patch.
    desk.see(event="e-2", at="2999-01-01T00:00:00Z", key="2027/q1.csv")
    assert desk.store.get(identity).state is State.OPEN
    assert approve(desk, identity).state is State.VERIFIED
    assert len(desk.ledger.work(identity).standing) == 2
    assert desk.remedy.rollback(identity, APPROVER).state is State.ROLLED_BACK
    assert bucket_policy(aws) is None
    assert aws.client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"] == before
    with pytest.raises(Refused, match="nothing to roll back"):
        desk.remedy.rollback(identity, APPROVER)


# --- the sweep ---


def test_what_is_allowed_by_now_is_resolved(desk, aws):
    identity = desk.see().id
    assert "resolved" not in sweep(desk)
    for patch in desk.store.get(identity).document()["patches"]:
        write(Patch.from_json(patch), patch["after"], desk.remedy.mender)
    assert sweep(desk)["resolved"] == 1
    assert desk.store.get(identity).state is State.RESOLVED
    assert [why for _, why, _ in desk.told] == ["resolved"]


def test_patches_are_made_anew_for_policies_that_changed(desk, aws):
    identity = desk.see().id
    stale = desk.digests(identity)
    theirs = document({"Sid": "New", "Effect": "Allow", "Principal": {"AWS": A},
                       "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a-reports/*"})  # fmt: skip
    aws.client("s3").put_bucket_policy(Bucket="a-reports", Policy=theirs)
    sweep(desk)
    assert desk.digests(identity) != stale
    with pytest.raises(Refused, match="read the incident again"):
        approve(desk, identity, digests=stale)
    assert approve(desk, identity).state is State.VERIFIED
    assert json.loads(theirs)["Statement"][0] in json.loads(bucket_policy(aws))["Statement"]


def test_a_bounded_number_is_rechecked_in_turn(desk):
    seen = set()
    for number in range(5):
        event = {**record(event=f"e-{number}")}
        event["requestParameters"] = {"bucketName": f"gone-{number}", "key": "k"}
        event["resources"] = []
        desk.watch.see(parse_record(event), event)
    for _ in range(4):
        asked = []
        remedy = replace(
            desk.new_remedy(),
            reexamine=lambda i, asked=asked: asked.append(i.id) or desk.reexamine(i),
        )
        Sweep(remedy, lambda *_: None, lambda *_: None, desk.clock() + 100, rechecks=2).run()
        assert len(asked) <= 2
        seen |= set(asked)
    assert len(seen) == 5


def test_a_standing_approval_is_applied_and_alerted(desk, aws):
    identity = desk.see().id
    sweep(desk)
    assert desk.store.get(identity).state is State.OPEN
    desk.rails = Guardrails(trusted=TRUSTED).with_more(json.dumps({"standing": [STATEMENT]}))
    assert sweep(desk)["standing: verified"] == 1
    assert ROLE in bucket_policy(aws)
    [told] = [note for _, why, note in desk.told if why == "standing"]
    assert "standing approval analysts" in told
    line = next(x for x in desk.store.history(identity) if x["to"] == "applying")
    assert line["actor"] == "standing approval analysts"
    assert line["digests"]


def test_the_guardrails_hold_for_standing_approvals(desk, aws):
    identity = desk.see().id
    more = {"standing": [STATEMENT], "protected": ["a-reports"]}
    desk.rails = Guardrails(trusted=TRUSTED).with_more(json.dumps(more))
    report = Sweep(desk.new_remedy(), lambda *_: None, lambda *_: None, desk.clock() + 100).run()
    assert report["standing: refused"] == 1
    assert desk.store.get(identity).state is State.OPEN
    assert bucket_policy(aws) is None


def test_alerts_are_sent_until_they_went_out(desk):
    identity = desk.see().id
    aws_bucket = desk.digests(identity)[:1]
    assert approve(desk, identity, digests=aws_bucket).state is State.FAILED

    def broken(*_):
        raise ClientError({"Error": {"Code": "InternalError", "Message": ""}}, "Publish")

    errors = []
    Sweep(desk.new_remedy(), broken, lambda *e: errors.append(e), desk.clock() + 100, 0).run()
    assert errors
    sweep(desk, rechecks=0)
    sweep(desk, rechecks=0)
    assert [why for _, why, _ in desk.told] == ["failed"]
    assert "taken back" in desk.told[0][2]


# --- overwritten windows ---


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
    ("we ourselves", written_by("threegrants-mender"), False),
    ("another bucket", written_by("admin", requestParameters={"bucketName": "b"}), False),
    ("refused", written_by("admin", errorCode="AccessDenied"), False),
]


@pytest.mark.parametrize(("event", "alerted"), [w[1:] for w in WINDOWS],
                         ids=[w[0] for w in WINDOWS])  # fmt: skip
def test_who_else_wrote_in_our_window(desk, monkeypatch, event, alerted):
    identity = desk.see().id
    approve(desk, identity)
    asked = history_of(monkeypatch, event)
    sweep(desk, rechecks=0)
    assert not asked, "CloudTrail is not that quick"
    later(desk, 21 * 60)
    assert sweep(desk, rechecks=0)["windows looked into"] == 2
    assert all(a["EndTime"].timestamp() - a["StartTime"].timestamp() < 60 for a in asked)
    told = [note for _, why, note in desk.told if why == "overwritten"]
    assert bool(told) is alerted
    if alerted:
        for words in ('{"Theirs": 1}', "assumed-role/admin", "ours, after:", ROLE):
            assert words in told[0]
    count = len(asked)
    sweep(desk, rechecks=0)
    assert len(asked) == count, "looked into once"


def test_a_window_that_cannot_be_looked_into_is_told(desk, monkeypatch):
    identity = desk.see().id
    approve(desk, identity)
    real = BaseClient._make_api_call

    def refused(self, operation, parameters):
        if operation == "LookupEvents":
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, operation)
        return real(self, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", refused)
    later(desk, 21 * 60)
    for _ in range(13):
        Sweep(
            desk.new_remedy(),
            lambda *alert: desk.told.append(alert),
            lambda *_: None,
            desk.clock() + 100,
            rechecks=0,
        ).run()
    told = [note for _, why, note in desk.told if why == "window"]
    assert len(told) == 2
    assert "cloudtrail:LookupEvents" in told[0]


# --- other kinds of patches ---


def mender():
    return Accounts("threegrants-mender", "external-id")


def grant_patch(key):
    stated = {"GranteePrincipal": ROLE, "Name": "threegrants-1", "Operations": ["Decrypt"]}
    return Patch("key_policy", A, "eu-west-1", key, "kms:CreateGrant", None,
                 json.dumps(stated, sort_keys=True), stated)  # fmt: skip


def managed_patch(**changes):
    text = document({"Sid": "ThreegrantsRead1", "Effect": "Allow", "Action": "s3:GetObject",
                     "Resource": "arn:aws:s3:::a-reports/*"})  # fmt: skip
    return replace(
        Patch("iam_policy", B, "eu-west-1", ROLE, "iam:CreatePolicy", None, text,
              json.loads(text)["Statement"][0], "threegrants-a-reports"),
        **changes,
    )  # fmt: skip


def test_a_grant_is_made_once_found_by_name_and_revoked(aws):
    patch = grant_patch(aws.world())
    assert read(patch, mender()) is None
    write(patch, patch.after, mender())
    assert json.loads(read(patch, mender())) == json.loads(patch.after)
    write(patch, None, mender())
    write(patch, None, mender())
    assert read(patch, mender()) is None


def test_a_managed_policy_is_made_attached_and_removed(aws):
    aws.world()
    patch, iam = managed_patch(), aws.client("iam", B)
    write(patch, patch.after, mender())
    assert json.loads(read(patch, mender())) == json.loads(patch.after)
    attached = iam.list_attached_role_policies(RoleName="analyst")["AttachedPolicies"]
    assert [p["PolicyName"] for p in attached] == ["threegrants-a-reports"]
    write(patch, None, mender())
    write(patch, None, mender())
    assert read(patch, mender()) is None


def test_a_managed_policy_that_is_half_there_is_finished_or_removed(aws):
    aws.world()
    patch, iam = managed_patch(), aws.client("iam", B)
    iam.create_policy(PolicyName=patch.policy_name, PolicyDocument=patch.after)
    assert "Unattached" in read(patch, mender())
    write(patch, patch.after, mender())
    assert json.loads(read(patch, mender())) == json.loads(patch.after)


def test_a_managed_policy_of_someone_else_is_not_taken_for_ours(aws):
    aws.world()
    patch, iam = managed_patch(), aws.client("iam", B)
    other = document({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    iam.create_policy(PolicyName=patch.policy_name, PolicyDocument=other)
    with pytest.raises(ClientError, match="EntityAlreadyExists"):
        write(patch, patch.after, mender())
    assert iam.list_attached_role_policies(RoleName="analyst")["AttachedPolicies"] == []


def test_a_key_never_loses_its_policy(aws):
    patch = replace(grant_patch(aws.world()), operation="kms:PutKeyPolicy")
    with pytest.raises(ValueError, match="cannot be removed"):
        write(patch, None, mender())


def test_an_intent_survives_storage(desk):
    identity = desk.see().id
    patches = [Patch.from_json(p) for p in desk.store.get(identity).document()["patches"]]
    intent = Intent("run", 1, patches[0], Step.WRITING, 3, 4)
    assert Intent.from_item(intent.to_item()) == intent


# --- the API ---


def event(route, path, authorizer, body=None):
    method = route.split()[0]
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "http": {"method": method, "path": path},
            "stage": "$default",
            "requestId": "r",
            "authorizer": authorizer,
        },
        "body": json.dumps(body or {}),
        "isBase64Encoded": False,
    }


NOBODY = [
    ("no authorizer", {}),
    ("an authorizer that is not IAM", {"jwt": {"claims": {"sub": "sam"}}}),
    ("IAM without a caller", {"iam": {"accountId": A}}),
    ("a federated user", {"iam": {"userArn": f"arn:aws:sts::{A}:federated-user/sam"}}),
]


@pytest.mark.parametrize("action", ["approve", "reject", "rollback"])
@pytest.mark.parametrize("authorizer", [n[1] for n in NOBODY], ids=[n[0] for n in NOBODY])
def test_a_caller_without_iams_word_is_refused(desk, aws, monkeypatch, authorizer, action):
    identity = desk.see().id
    monkeypatch.setattr(remediate, "_remedy", lambda: desk.remedy)
    context = SimpleNamespace(
        function_name="f",
        memory_limit_in_mb=1,
        invoked_function_arn="arn",
        aws_request_id="r",
        get_remaining_time_in_millis=lambda: 29_000,
    )
    asked = event(
        f"POST /incidents/{identity}/{action}",
        f"/incidents/{identity}/{action}",
        authorizer,
        {"digests": desk.digests(identity)},
    )
    answer = remediate.handler(asked, context)
    assert answer["statusCode"] == 403, answer
    assert desk.store.get(identity).state is State.OPEN
    assert bucket_policy(aws) is None
