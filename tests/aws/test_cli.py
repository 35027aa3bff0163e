"""The terminal: every form of output, and one clear line for bad input."""

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from aws.test_flow import SCHEMA
from support.records import s3
from threegrants.cli import main

EVENTS = sorted((Path(__file__).parents[2] / "events").glob("*.json"))


def run(*arguments, **options):
    return CliRunner().invoke(main, arguments, **options)


def test_diagnose_json(aws):
    aws.world()
    done = run("diagnose", "-", "--format", "json", input=json.dumps({"Records": [s3()]}))
    assert done.exit_code == 0, done.output
    [body] = json.loads(done.stdout)
    jsonschema.validate(body, SCHEMA)
    assert body["outcome"] == "fixable"
    assert [p["grant"] for p in body["patches"] if p["default"]] == [
        "bucket_policy",
        "key_policy",
        "iam_policy",
    ]


def test_diagnose_text_names_the_grants(aws):
    aws.world()
    done = run("diagnose", "-", input=json.dumps(s3()))
    assert done.exit_code == 0
    for words in ("bucket policy", "missing", "s3:PutBucketPolicy", "digest sha256:"):
        assert words in done.stdout


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_every_sample_event(aws, path):
    aws.world()
    done = run("diagnose", str(path), "--format", "json")
    assert done.exit_code == 0, done.output
    for body in json.loads(done.stdout):
        jsonschema.validate(body, SCHEMA)


def test_one_incident_for_the_same_cause(aws):
    aws.world()
    lines = "\n".join(json.dumps(s3(event=f"e-{n}", key=f"2026/{n}.csv")) for n in range(3))
    [body] = json.loads(run("diagnose", "-", "--format", "json", input=lines).stdout)
    assert body["request"]["count"] == 3


BAD = [
    ("no JSON", "not json", "no JSON"),
    ("nothing", "", "nothing"),
    ("second line", '{"eventSource": "s3.amazonaws.com"}\nnope', "line 2"),
    ("wrong type", ('{"eventSource": "s3.amazonaws.com", "errorCode": "AccessDenied", '
     '"userIdentity": []}'), "userIdentity: a list; expected an object"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "said"), [case[1:] for case in BAD], ids=[c[0] for c in BAD])
def test_bad_input_is_one_line_and_exit_2(aws, text, said):
    done = run("diagnose", "-", input=text)
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_other_records_are_skipped_by_name(aws):
    done = run("diagnose", "-", input='{"eventSource": "ec2.amazonaws.com", "errorCode": "x"}')
    assert done.exit_code == 0
    assert "skipped 1: not S3 or KMS" in done.stderr


def test_evaluate(tmp_path):
    case = {
        "id": "one",
        "request": {
            "principal": "arn:aws:iam::111111111111:user/u",
            "action": "s3:GetObject",
            "resource": {"arn": "arn:aws:s3:::b/k", "accountId": "111111111111"},
        },
    }
    file = tmp_path / "cases.jsonl"
    file.write_text(json.dumps(case))
    done = run("evaluate", str(file))
    assert json.loads(done.stdout) == {
        "id": "one",
        "decision": "ImplicitlyDenied",
        "causes": ["identity:implicit", "resource:implicit"],
    }
    explained = run("evaluate", str(file), "--explain").stdout.splitlines()
    assert explained[:2] == ["one", "  implicit deny (identity:implicit, resource:implicit)"]
