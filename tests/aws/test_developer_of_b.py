"""A developer of account B with B's credentials and B's record alone: what is said, by what they may read."""

import importlib
import json

import pytest
from click.testing import CliRunner

from support.names import A, B
from support.policies import policy as document
from support.records import s3
from support.wire import answer_calls, refusal
from threegrants.cli import main
from threegrants.evidence import MemberAccounts, RoleClients
from threegrants.report import Report

diagnose = importlib.import_module("threegrants.cli.diagnose")
GET = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::a-reports/*"}
DECRYPT = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}
LIST = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}
DENY = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
RECORD = {
    **s3(),
    "recipientAccountId": B,
    "resources": [
        {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::a-reports/2026/q3.csv"},
        {"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::a-reports", "accountId": ""},
    ],
}


@pytest.fixture
def from_b(aws, monkeypatch):
    """Run diagnose where nothing of A can be read: no role there, and S3 refuses B."""

    def run(iam, *arguments, record=RECORD, **clients):
        aws.world(iam=iam)

        def reader(role, external_id, known, *_, **__):
            given = {"candidate_owners": known, **clients}
            return RoleClients(role, external_id, **given)

        def answer(call):
            if call.operation == "AssumeRole" and A in call.parameters["RoleArn"]:
                raise refusal(call.operation)
            if call.service in {"s3", "s3control"}:
                raise refusal(call.operation)
            return call.proceed()

        monkeypatch.setattr(diagnose, "role_clients", reader)
        answer_calls(monkeypatch, answer)
        done = CliRunner().invoke(main, ["diagnose", "-", *arguments], input=json.dumps(record))
        assert done.exit_code == 0, done.output
        return done.stdout

    return run


HALVES = [
    pytest.param([GET, DECRYPT], "Your half is granted", [], id="both granted"),
    pytest.param([GET], "Your half is granted", [], id="the key is not known"),
    pytest.param([LIST], "Your half is missing: add this", ["s3:GetObject"], id="the bucket"),
]


@pytest.mark.parametrize(("iam", "said", "adds"), HALVES)
def test_the_own_half_is_said_and_what_to_add(from_b, iam, said, adds):
    [body] = json.loads(from_b(iam, "--format", "json"))
    half = Report.from_json(body).other_half
    assert half.own_in_words.startswith(said)
    assert [one["Action"] for one in half.add] == adds
    assert body["outcome"] == "unknown"


def test_where_the_own_half_denies_nobody_else_is_asked(from_b):
    [body] = json.loads(from_b([DENY, GET], "--format", "json"))
    assert (body["outcome"], body.get("other_half")) == ("do_not_patch", None)


@pytest.mark.parametrize("iam", [[GET, DECRYPT], [LIST]], ids=["granted", "missing"])
def test_the_letter_has_the_owners_statements_each_unverified_with_its_condition(from_b, iam):
    text = from_b(iam)
    flat = " ".join(text.split())
    for words in (
        "the bucket policy of a-reports (not verified)",
        '(not verified): { "Sid"',
        "kms:ViaService is s3.eu-west-1.amazonaws.com",
        "which KMS key the objects have",
        "nobody has verified it",
    ):
        assert words in flat, words


REASONS = [
    pytest.param((), {}, "does not own it, or does not let the reader ask", id="nobody is listed"),
    pytest.param(
        ("--account", A), {}, f"{A}: arn:aws:iam::{A}:role/threegrants-reader could not be assumed",
        id="not assumable",
    ),
    pytest.param(
        ("--account", A), {"members": MemberAccounts(frozenset({B}), "--account")},
        f"{A}: not one of the accounts to read", id="not in the list",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "clients", "why"), REASONS)
def test_why_the_owner_cannot_be_seen_is_said_once(from_b, arguments, clients, why):
    flat = " ".join(from_b([GET, DECRYPT], *arguments, **clients).split())
    assert flat.count(why) == 1
    assert "did not claim" not in flat
    assert flat.count("cannot be seen from here: ") == 1


def test_no_credentials_is_a_reason_of_its_own(aws, monkeypatch):
    monkeypatch.setattr("boto3.Session.get_credentials", lambda _: None)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    done = CliRunner().invoke(main, ["diagnose", "-"], input=json.dumps(RECORD))
    assert "no AWS credentials" in done.stderr
    assert "did not claim" not in done.output


def test_an_owner_that_the_record_names_is_named(from_b):
    named = json.loads(json.dumps(RECORD))
    named["resources"][1]["accountId"] = A
    text = from_b([GET, DECRYPT], record=named)
    assert f"bucket a-reports, account {A}" in " ".join(text.split())


def test_the_letter_alone_is_what_is_sent(from_b):
    letter = from_b([GET, DECRYPT], "--format", "letter")
    assert letter.startswith("Subject: access to a-reports")
    statements = [
        json.loads(block[block.index("{") : block.rindex("}") + 1])
        for block in letter.split("(not verified):")[1:]
    ]
    assert [one["Action"] for one in statements] == ["s3:GetObject", "kms:Decrypt"]
    assert document(*statements)
