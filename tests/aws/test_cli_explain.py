"""`threegrants explain` with credentials goes on to a live diagnosis."""

import boto3
from botocore.stub import Stubber
from click.testing import CliRunner

from support.names import BUCKET, B
from threegrants.cli import main

BARE = "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied"


def run(*arguments, **options):
    return CliRunner().invoke(main, ["explain", *arguments], **options)


def test_a_live_diagnosis_follows(aws):
    aws.world()
    role = f"arn:aws:iam::{B}:role/analyst"
    done = run(f"s3://{BUCKET}/2026/q1.csv {BARE}", "--principal", role)
    assert done.exit_code == 0, done.output
    assert "What this leaves open" in done.stdout
    assert "incident" in done.stdout
    assert "outcome" in done.stdout


def test_who_called_is_taken_to_be_the_person(aws):
    aws.world()
    done = run(f"s3://{BUCKET}/2026/q1.csv {BARE}")
    assert done.exit_code == 0, done.output
    assert "taking you" in done.stderr


def test_without_the_bucket_there_is_no_live_diagnosis(aws):
    aws.world()
    done = run(BARE)
    assert done.exit_code == 0
    assert "the bucket (--bucket) is not said" in done.stderr


def test_offline_asks_nothing(aws):
    aws.world()
    done = run(f"s3://{BUCKET}/2026/q1.csv {BARE}", "--offline")
    assert "incident" not in done.stdout
    assert done.stderr == ""


def stubbed_sts(monkeypatch):
    """moto decodes nothing; botocore's stub holds the request against STS's model."""
    client = boto3.client("sts", region_name="us-east-1")
    stub = Stubber(client)
    stub.activate()
    monkeypatch.setattr(boto3, "client", lambda *_, **__: client)
    return stub


ENCODED = "Zm9v" * 20
TEXT = f"Encoded authorization failure message: {ENCODED}"


def test_an_encoded_message_is_decoded(aws, monkeypatch):
    stub = stubbed_sts(monkeypatch)
    said = {"DecodedMessage": '{"allowed": false, "explicitDeny": true}'}
    stub.add_response("decode_authorization_message", said, {"EncodedMessage": ENCODED})
    done = run("-", input=TEXT)
    assert done.exit_code == 0, done.output
    assert '"explicitDeny": true' in done.stdout


def test_an_encoded_message_that_may_not_be_decoded(aws, monkeypatch):
    stub = stubbed_sts(monkeypatch)
    stub.add_client_error("decode_authorization_message", "AccessDenied", "no")
    done = run("-", input=TEXT)
    assert "needs sts:DecodeAuthorizationMessage" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
