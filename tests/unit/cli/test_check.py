"""`threegrants check` with files: exit codes, formats, and one line for each wrong input."""

import json

import boto3
import pytest
from botocore.exceptions import NoCredentialsError
from click.testing import CliRunner

from support.names import BUCKET, REGION, A, B
from threegrants.cli import main

KEY = f"arn:aws:kms:{REGION}:{A}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ROLE = f"arn:aws:iam::{B}:role/reader"
ASKED = ("--principal", ROLE, "--bucket", BUCKET, "--object", "q1.csv", "--key", KEY)


def document(actions, **more):
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*", **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.fixture
def folder(tmp_path):
    who = {"Principal": {"AWS": ROLE}}
    (tmp_path / "identity-policies").mkdir()
    (tmp_path / "bucket-policy.json").write_text(
        document("s3:GetObject", **who | {"Resource": f"arn:aws:s3:::{BUCKET}/*"})
    )
    (tmp_path / "key-policy.json").write_text(document("kms:Decrypt", **who))
    (tmp_path / "identity-policies" / "own.json").write_text(
        document(["s3:GetObject", "kms:Decrypt"])
    )
    return tmp_path


def run(*arguments, **options):
    return CliRunner().invoke(main, ["check", *arguments], **options)


def test_allowed(folder):
    done = run(*ASKED, "--policies", str(folder))
    assert done.exit_code == 0, done.output
    assert "would be allowed" in done.stdout
    assert f"taken for granted: account {A} owns the bucket" in done.stdout


def test_not_allowed(folder):
    (folder / "key-policy.json").write_text(document("kms:*", Principal={"AWS": A}))
    done = run(*ASKED, "--policies", str(folder))
    assert done.exit_code == 1
    assert "would be refused" in done.stdout


def test_unknown(folder):
    (folder / "bucket-policy.json").unlink()
    done = run(*ASKED, "--policies", str(folder))
    assert done.exit_code == 3
    assert "the folder has no bucket-policy.json" in " ".join(done.stdout.split())


def test_strict_wants_everything_seen(folder):
    assert run(*ASKED, "--policies", str(folder), "--strict").exit_code == 3


def test_the_worst_answer_decides(folder):
    actions = ("--action", "s3:GetObject", "--action", "s3:DeleteObject")
    done = run(*ASKED, *actions, "--policies", str(folder))
    assert done.exit_code == 1
    assert done.stdout.count("would be allowed") == done.stdout.count("would be refused") == 1


@pytest.mark.parametrize(
    ("output_format", "read"),
    [
        pytest.param("json", lambda text: json.loads(text)[0]["access"] == "allowed", id="json"),
        pytest.param("sarif", lambda text: json.loads(text)["runs"][0]["results"] == [], id="sarif"),
        pytest.param("markdown", lambda text: "| KMS key policy | granted |" in text, id="markdown"),
    ],
)  # fmt: skip
def test_formats(folder, output_format, read):
    done = run(*ASKED, "--policies", str(folder), "--format", output_format)
    assert done.exit_code == 0
    assert read(done.stdout)


def test_a_plan_from_standard_input():
    plan = {"planned_values": {"root_module": {"resources": []}}}
    done = run(*ASKED, "--plan", "-", input=json.dumps(plan))
    assert done.exit_code == 3, done.output
    assert "the plan has no policy of bucket a-reports" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("--principal", ROLE), "neither --bucket nor --key says", id="nothing asked"),
        pytest.param(("--principal", "mia", "--bucket", BUCKET), "'mia' is no principal",
                     id="no principal"),
        pytest.param((*ASKED, "--action", "GetObject"), "is no action of S3 or KMS", id="no action"),
        pytest.param((*ASKED, "--context", "aws:SourceIp"), "expected KEY=VALUE", id="no value"),
        pytest.param((*ASKED, "--context", "ip=1"), "expected KEY=VALUE", id="no condition key"),
        pytest.param((*ASKED, "--bucket-account", "1"), "expected 12 digits", id="no account"),
        pytest.param((*ASKED[:6], "--key", "alias/own", "--bucket-account", A), "is no ARN",
                     id="no key"),
    ],
)  # fmt: skip
def test_wrong_input_is_one_line(tmp_path, arguments, message):
    (tmp_path / "bucket-policy.json").write_text("")
    done = run(*arguments, "--policies", str(tmp_path))
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        pytest.param("bucket-policy.json", b"{", "bucket-policy.json: $: not JSON", id="no JSON"),
        pytest.param("bucket-policy.json", b"\xff\xfe{", "cannot be read", id="no text"),
        pytest.param("other.json", b"{}", "none of the expected files", id="other files"),
    ],
)
def test_wrong_files_are_one_line(tmp_path, name, text, message):
    (tmp_path / name).write_bytes(text)
    done = run(*ASKED, "--policies", str(tmp_path))
    assert done.exit_code == 2
    assert message in done.stderr


def test_a_plan_that_is_none():
    for given, message in (("no json", "terraform show -json"), ("{}", "no Terraform plan")):
        done = run(*ASKED, "--plan", "-", input=given)
        assert done.exit_code == 2
        assert message in done.stderr


def test_two_sources(folder):
    done = run(*ASKED, "--policies", str(folder), "--plan", str(folder / "key-policy.json"))
    assert done.exit_code == 2
    assert "give one of them" in done.stderr


def test_without_credentials(monkeypatch):
    def no_client(*_, **__):
        raise NoCredentialsError

    monkeypatch.setattr(boto3, "client", no_client)
    done = run(*ASKED)
    assert done.exit_code == 4
    assert "no working AWS credentials" in done.stderr
    assert "--policies or --plan" in done.stderr
