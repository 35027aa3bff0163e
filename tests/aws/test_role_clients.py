"""Where a role is assumed, and with what: member accounts only, 900 seconds, one purpose."""

import sys
from datetime import UTC, datetime, timedelta

import pytest

from support.aws import mocked
from support.harness import OPTIONS
from support.names import BUCKET, A, B
from support.records import denied, s3
from support.wire import answer_calls, calls_made, refusal
from threegrants.analysis import analyze
from threegrants.diagnosis import Outcome
from threegrants.evidence import (
    AccountError,
    MemberAccounts,
    RoleClients,
    SessionScope,
    Unread,
    gather,
)
from threegrants.evidence.bucket import find_bucket_owner
from threegrants.evidence.caller import look_up_unique_id

STRANGER = "999999999999"
LISTED = MemberAccounts(frozenset({A, B}), "AccountsToRead")


def reader(members=LISTED, **more):
    return RoleClients("threegrants-reader", "secret", members=members, **more)


def entered(calls):
    """The AssumeRole calls: account and parameters."""
    return [
        (call.parameters["RoleArn"].split(":")[4], call.parameters)
        for call in calls
        if call.operation == "AssumeRole"
    ]


def test_a_session_of_an_incident(aws, monkeypatch):
    made = calls_made(monkeypatch)
    reader().for_incident("tg-0123456789abcdef").client(A, "s3")
    [(account, asked)] = entered(made)
    assert account == A
    assert asked == {
        "RoleArn": f"arn:aws:iam::{A}:role/threegrants-reader",
        "RoleSessionName": "tg-0123456789abcdef",
        "DurationSeconds": 900,
        "ExternalId": "secret",
    }


def test_one_session_for_one_purpose(aws, monkeypatch):
    made = calls_made(monkeypatch)
    clients = reader()
    one, other = clients.for_incident("tg-01"), clients.for_incident("tg-02")
    assert one.client(A, "s3") is one.client(A, "s3")
    one.client(A, "kms")
    assert other.client(A, "s3") is not one.client(A, "s3")
    assert clients.for_incident("tg-01").client(A, "s3") is one.client(A, "s3")
    assert [asked["RoleSessionName"] for _, asked in entered(made)] == ["tg-01", "tg-02"]
    assert one.cache is other.cache


def test_another_role_has_sessions_of_its_own(aws, monkeypatch):
    made = calls_made(monkeypatch)
    clients = reader()
    scope = SessionScope("tg-01", source_identity="run-1", policy='{"Version":"2012-10-17"}')
    writer = clients.within(scope, "threegrants-remediation-key")
    clients.for_incident("tg-01").client(A, "kms")
    writer.client(A, "kms")
    [(_, reading), (_, writing)] = entered(made)
    assert reading["RoleArn"].endswith("/threegrants-reader")
    assert writing["RoleArn"].endswith("/threegrants-remediation-key")
    assert (writing["SourceIdentity"], writing["Policy"]) == ("run-1", scope.policy)
    assert clients.role_name == "threegrants-reader"
    assert "threegrants-remediation-key" in writer.needs("kms:PutKeyPolicy", "x", A)


@pytest.mark.parametrize("account", [STRANGER, "12345", "", "anonymous", f"{A}:role/x"])
def test_no_role_is_assumed_anywhere_else(aws, monkeypatch, account):
    made = calls_made(monkeypatch)
    with pytest.raises(AccountError) as refused:
        reader().client(account, "s3")
    assert made == []
    if account == STRANGER:
        assert (
            refused.value.why == f"account {STRANGER} is not in AccountsToRead, so it is not asked"
        )
        assert refused.value.code == "account_not_listed"


def test_accounts_of_the_organisation_are_left_to_aws(aws, monkeypatch):
    """The role's own policy decides by aws:ResourceOrgID (template.yaml)."""
    members = MemberAccounts(frozenset({A}), "AccountsToRead", "o-0123456789")
    made = calls_made(monkeypatch)
    reader(members).client(B, "s3")
    assert [account for account, _ in entered(made)] == [B]
    assert members.hint(A) == ""
    assert "organisation o-0123456789" in members.hint(B)


def test_the_external_id_is_read_when_it_is_needed(aws, monkeypatch):
    asked = []

    def external_id():
        asked.append(1)
        return "from-ssm"

    clients = RoleClients("r", external_id, members=LISTED)
    made = calls_made(monkeypatch)
    with pytest.raises(AccountError):
        clients.client(STRANGER, "s3")
    assert asked == []
    clients.client(A, "s3")
    assert entered(made)[0][1]["ExternalId"] == "from-ssm"


def test_an_external_id_that_cannot_be_read_makes_everything_unread(aws):
    def external_id():
        raise AccountError("the ExternalId could not be read", "ssm:GetParameter")

    found = analyze(denied(s3()), RoleClients("r", external_id, members=LISTED), OPTIONS)
    assert found.diagnosis.outcome is Outcome.UNKNOWN
    assert any("the ExternalId could not be read" in one.why for one in found.diagnosis.unknowns)


def test_an_owner_who_was_not_asked_is_named(aws):
    found = find_bucket_owner(reader(), BUCKET, None, (B, STRANGER), "eu-west-1")
    assert isinstance(found.owner, Unread)
    assert f"{B}: AWS answered NoSuchBucket" in found.owner.why
    assert f"{STRANGER}: not one of the accounts to read" in found.owner.why


MANY = tuple(str(200_000_000_000 + at) for at in range(1_000))


def answered_by(monkeypatch, owner):
    """Everybody may be entered; one account owns the bucket. The accounts that S3 was asked in."""
    asked = []

    def answer(call):
        if call.operation == "AssumeRole":
            keys = dict.fromkeys(("AccessKeyId", "SecretAccessKey", "SessionToken"), "x")
            until = datetime.now(UTC) + timedelta(hours=1)
            return {"Credentials": {**keys, "Expiration": until}}
        account = call.parameters.get("ExpectedBucketOwner")
        if call.operation == "GetBucketPolicy":
            asked.append(account)
            if account == owner:
                return {"Policy": "{}"}
        raise refusal(call.operation)

    answer_calls(monkeypatch, answer)
    return asked


def ask_many(owner, monkeypatch):
    asked = answered_by(monkeypatch, owner)
    members = MemberAccounts(frozenset({B, *MANY}), "AccountsToRead")
    clients = RoleClients("r", "x", members=members, candidate_owners=MANY)
    found = gather(denied(s3(owner="", recipientAccountId=B)), clients)
    return found.bucket.account, asked


def test_of_1000_accounts_so_many_are_asked_as_it_takes(monkeypatch):
    """The bucket is the third's: one round, and nobody after it."""
    owner, asked = ask_many(MANY[2], monkeypatch)
    assert owner.value == MANY[2]
    assert set(asked) == {B, *MANY[:15]}


def test_accounts_that_were_not_asked_are_said(monkeypatch):
    for module in ("gather", "bucket"):
        monkeypatch.setattr(sys.modules[f"threegrants.evidence.{module}"], "MOST_ASKED", 20)
    owner, asked = ask_many(None, monkeypatch)
    assert set(asked) == {B, *MANY[:20]}
    assert isinstance(owner, Unread)
    assert "and 13 more does not own it" in owner.why
    assert "(980 more accounts to read were not asked: 20 are at most)" in owner.why
    assert len(owner.why) < 500


def test_a_unique_id_is_looked_up_in_a_session_of_its_own(aws, monkeypatch):
    unique = aws.role("analyst")
    made = calls_made(monkeypatch)
    found = look_up_unique_id(reader(), B, unique)
    assert found.value == f"arn:aws:iam::{B}:role/analyst"
    [(_, asked)] = entered(made)
    assert asked["RoleSessionName"] == "threegrants-diagnose"
    assert "iam:ListRoles" in asked["Policy"]
    assert "s3:" not in asked["Policy"]


def test_many_incidents_do_not_fill_the_memory():
    with mocked():
        clients = reader()
        for number in range(300):
            clients.for_incident(f"tg-{number}").client(A, "kms")
        assert len(clients._clients) <= 256
        assert len(clients._sessions) <= 300
