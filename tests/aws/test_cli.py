"""The terminal: every form of output, and one clear line for bad input."""

import importlib
import json
import re
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from aws.test_flow import SCHEMA
from support.names import A, B
from support.records import s3
from support.wire import calls_made
from threegrants.cli import main

diagnose = importlib.import_module("threegrants.cli.diagnose")
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


ACL = {"operation": "GetBucketAcl", "requestParameters": {"bucketName": "a-reports"}}
MANY = [s3("e-1"), s3("e-2"), s3("e-3", operation="PutObject"), s3("e-4", **ACL)]


@pytest.fixture
def lines():
    return "\n".join(json.dumps(record) for record in MANY)


def test_one_bad_entry_costs_itself(aws, lines):
    aws.world()
    done = run("diagnose", "-", "--format", "json", input=f"{lines}\nnope\n")
    assert done.exit_code == 0
    assert len(json.loads(done.stdout)) == 3
    [line] = done.stderr.splitlines()
    assert line.startswith("warning: 1 entry could not be read: line 5: no JSON ('nope')")


def test_strict_means_all_of_it(aws, lines):
    aws.world()
    done = run("diagnose", "-", "--strict", "--format", "json", input=f"{lines}\nnope\n")
    assert done.exit_code == 2
    assert len(json.loads(done.stdout)) == 3
    assert run("diagnose", "-", "--strict", input=lines).exit_code == 0


def test_several_findings_begin_with_a_table(aws, lines):
    aws.world()
    done = run("diagnose", "-", input=lines)
    assert done.exit_code == 0
    before, _ = done.stdout.split("\nincident ", 1)
    assert before.startswith("3 finding(s), 4 denied call(s)\n")
    for action in ("s3:GetObject", "s3:PutObject", "s3:GetBucketAcl"):
        assert action in before
    assert done.stdout.count("\nincident ") == 3


def test_the_most_frequent_alone(aws, lines):
    aws.world()
    [body] = json.loads(run("diagnose", "-", "--top", "1", "--format", "json", input=lines).stdout)
    assert (body["request"]["action"], body["request"]["count"]) == ("s3:GetObject", 2)
    assert "1 of 3 finding(s)" in run("diagnose", "-", "--top", "1", input=lines).stdout


def test_a_summary_is_a_line_for_each(aws, lines):
    aws.world()
    done = run("diagnose", "-", "--summary", input=lines)
    assert done.exit_code == 0
    assert "digest" not in done.stdout
    assert re.findall(r"^(\d)  ", done.stdout, re.MULTILINE) == ["1", "2", "3"]
    found = json.loads(run("diagnose", "-", "--summary", "--format", "json", input=lines).stdout)
    assert [one["action"] for one in found] == ["s3:GetObject", "s3:PutObject", "s3:GetBucketAcl"]
    assert [one["outcome"] for one in found] == ["fixable", "fixable", "handoff"]


def test_filters(aws, lines):
    aws.world()
    asked = ("--action", "s3:Put*", "--bucket", "a-*", "--caller", "analyst", "--since", "1d")
    done = run("diagnose", "-", *asked, "--format", "json", input=lines)
    [body] = json.loads(done.stdout)
    assert body["request"]["action"] == "s3:PutObject"
    assert "skipped 3: not asked for" in done.stderr


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("--since", "soon", "is no time"),
        ("--account", "12948575929274", "no AWS account id"),
        ("--organizations-account", "me", "no AWS account id"),
    ],
)
def test_an_option_that_is_wrong_is_said_before_anything_is_asked(option, text, said):
    done = run("diagnose", "-", option, text, input="{}")
    assert done.exit_code == 2
    assert said in done.stderr


def test_an_account_of_14_digits_is_no_traceback(aws):
    aws.world()
    long = json.loads(json.dumps(s3()).replace("222222222222", "12948575929274"))
    done = run("diagnose", "-", "--format", "json", input=json.dumps(long))
    assert done.exit_code == 0, done.output
    [body] = json.loads(done.stdout)
    assert body["outcome"] == "unknown"
    assert "is no AWS account id" in json.dumps(body["unknowns"])


def test_an_error_of_one_finding_costs_that_finding(aws, lines, monkeypatch):
    aws.world()

    def analyze(call, *given):
        if call.operation == "PutObject":
            raise IndexError("x\x1b[2J")
        return analyze_really(call, *given)

    analyze_really = diagnose.analyze
    monkeypatch.setattr(diagnose, "analyze", analyze)
    done = run("diagnose", "-", "--format", "json", input=lines)
    assert done.exit_code == 1
    assert [b["request"]["action"] for b in json.loads(done.stdout)] == [
        "s3:GetObject",
        "s3:GetBucketAcl",
    ]
    [line] = done.stderr.splitlines()
    assert "s3:PutObject on a-reports" in line
    assert "IndexError" in line
    assert line.isprintable()


def test_a_bar_shows_how_far_it_is(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with diagnose._bar("reading", 2, shown=True) as advance:
        advance()
        advance()
    assert "2/2" in capsys.readouterr().err
    with diagnose._bar("reading", 2, shown=False) as advance:
        advance()
    assert capsys.readouterr().err == ""


def test_a_form_without_full_records_is_named(aws):
    text = "Event ID,Event time,Event source,Event name\na,t,s3.amazonaws.com,GetObject\n"
    done = run("diagnose", "-", input=text)
    assert done.exit_code == 2
    [line] = done.stderr.splitlines()
    assert "event history" in line
    assert "userIdentity" in line


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


def test_the_external_id_goes_to_named_accounts_only(aws, monkeypatch):
    aws.world()
    made = calls_made(monkeypatch)
    text = json.dumps(s3())
    own = ("--external-id", "secret", "--format", "json")
    [body] = json.loads(run("diagnose", "-", *own, "--account", A, input=text).stdout)
    entered = [call.parameters["RoleArn"] for call in made if call.operation == "AssumeRole"]
    assert entered
    assert {arn.split(":")[4] for arn in entered} == {A}
    assert any(f"account {B} is not in --account" in one["why"] for one in body["unknowns"])


ANONYMOUS = {"type": "AWSAccount", "principalId": "", "accountId": "anonymous"}


def test_noise_is_counted_with_its_reason_and_not_examined(aws):
    aws.world()
    lines = "\n".join(json.dumps(one) for one in (s3("e-1"), s3("e-2", userIdentity=ANONYMOUS)))
    done = run("diagnose", "-", input=lines)
    assert done.exit_code == 0
    assert "beside them 1 denied call(s) that are noise" in done.stdout
    assert "held back by the preset anonymous-scan" in done.stdout
    assert len(json.loads(run("diagnose", "-", "--format", "json", input=lines).stdout)) == 1
    everything = run("diagnose", "-", "--all", input=lines).stdout
    assert "(noise:" in everything
    assert (
        len(json.loads(run("diagnose", "-", "--all", "--format", "json", input=lines).stdout)) == 2
    )


def test_nothing_but_noise_asks_nobody():
    done = run("diagnose", "-", "--format", "json", input=json.dumps(s3(userIdentity=ANONYMOUS)))
    assert (done.exit_code, json.loads(done.stdout)) == (0, [])
    assert "--all examines them" in done.stderr
    assert "no AWS credentials" not in done.stderr
