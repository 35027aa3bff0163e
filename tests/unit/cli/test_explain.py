"""`threegrants explain` without credentials: a text in, an answer out, and one line for what is none."""

import json

import boto3
import pytest
from click.testing import CliRunner

from support.names import REGION, A, B
from threegrants.cli import main

KEY = f"arn:aws:kms:{REGION}:{A}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SAID = (
    "download failed: s3://a-reports/2026/q1.csv to ./q1.csv An error occurred (AccessDenied) when "
    f"calling the GetObject operation: User: arn:aws:sts::{B}:assumed-role/analyst/mia is not "
    f"authorized to perform: kms:Decrypt on resource: {KEY} because no resource-based policy allows "
    "the kms:Decrypt action"
)
BARE = "An error occurred (AccessDenied) when calling the GetObject operation: Access Denied"


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch):
    monkeypatch.setattr(boto3.Session, "get_credentials", lambda _self: None)


def run(*arguments, **options):
    return CliRunner().invoke(main, ["explain", *arguments], **options)


def test_the_answer_in_words():
    done = run(SAID)
    assert done.exit_code == 0
    for words in (
        "AWS refused kms:Decrypt",
        "What this leaves open",
        "1. bucket policy of a-reports",
        f"2. key policy of {KEY}",
        "3. IAM policy of",
        "AWS says that this one does not allow it",
    ):
        assert words in done.stdout
    assert "no AWS credentials" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_standard_input(arguments):
    done = run(*arguments, input=SAID)
    assert done.exit_code == 0
    assert "AWS refused kms:Decrypt" in done.stdout


def test_json():
    (found,) = json.loads(run(SAID, "--format", "json").stdout)
    assert found["principal"] == f"arn:aws:iam::{B}:role/analyst"
    assert found["kms_key"] == KEY
    assert [one["grant"] for one in found["grants"]] == [
        "bucket_policy",
        "key_policy",
        "iam_policy",
    ]


def test_statements_are_printed_as_they_are_copied():
    done = run(SAID)
    start = done.stdout.index("{\n")
    statement, _ = json.JSONDecoder().raw_decode(done.stdout[start:])
    assert statement["Action"] == "s3:GetObject"


def test_the_letter_alone():
    done = run(SAID, "--format", "letter")
    assert done.exit_code == 0
    assert done.stdout.startswith("Subject: access to a-reports for ")
    assert done.stderr == ""


@pytest.mark.parametrize("output_format", ["text", "json", "letter"])
def test_redacted(output_format):
    done = run(SAID, "--redact", "--format", output_format)
    assert done.exit_code == 0
    for secret in (A, B, "a-reports", "analyst", "mia", "q1.csv", KEY.rpartition("/")[2]):
        assert secret not in done.stdout


def test_what_the_text_lacks_may_be_given():
    role = f"arn:aws:iam::{B}:role/analyst"
    done = run(BARE, "--bucket", "a-reports", "--object", "x.csv", "--principal", role)
    assert '"Resource": "arn:aws:s3:::a-reports/x.csv"' in done.stdout
    assert f'"AWS": "{role}"' in done.stdout


def test_several_errors_of_a_log_are_explained_each():
    other = BARE.replace("GetObject", "PutObject")
    found = json.loads(run("-", "--format", "json", input=f"{BARE}\n{other}\n{BARE}").stdout)
    assert [(one["operation"], one["count"]) for one in found] == [
        ("GetObject", 2),
        ("PutObject", 1),
    ]


WRONG = {
    "nothing": ("", "no refusal of S3 or KMS found"),
    "prose": ("it does not work", "no refusal of S3 or KMS found"),
    "another error": (
        "An error occurred (NoSuchKey) when calling the GetObject operation: gone",
        "no refusal of S3 or KMS found",
    ),
    "another service": (
        "User: arn:x is not authorized to perform: ec2:RunInstances",
        "no refusal of S3 or KMS found",
    ),
}


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG)
def test_what_is_no_error_of_ours_is_one_line_and_exit_2(text, said):
    done = run("-", input=text)
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_letter_that_has_nothing_to_ask_for():
    done = run("AccessDenied: Access Denied", "--format", "letter")
    assert done.exit_code == 2
    assert "nothing to ask" in done.stderr


def test_hostile_names_do_not_reach_the_terminal():
    hostile = SAID.replace("2026/q1.csv", "2026/q\x1b[2J\x9b31m.csv")
    done = run("-", input=hostile)
    assert "\x1b[2J" not in done.stdout
    assert "\x9b" not in done.stdout
