"""`threegrants config`: what is said of a document, in lines and as JSON; and the pages' own examples."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from support.configured import APPROVAL
from threegrants.cli import main
from threegrants.cli.standing import limits_in
from threegrants.cloudtrail import Access
from threegrants.configuration import ConfigurationError
from threegrants.configuration.schema import schema
from threegrants.remediation import LimitsError

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
VALID = {"schema": "threegrants.config/1", "accounts": {"read": ["111111111111"]}}
WRONG = {"schema": "threegrants.config/1", "accounts": {"read": ["1"], "trusted": ["2"]}, "x": 1}


@pytest.fixture
def check(tmp_path):
    def check(document, *options):
        file = tmp_path / "configuration.json"
        file.write_text(document if isinstance(document, str) else json.dumps(document))
        done = CliRunner().invoke(main, ["config", "check", str(file), *options])
        return done, str(file)

    return check


def test_a_valid_document(check):
    done, file = check(VALID)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{file}: valid; 1 account(s) to read, 0 trusted account(s)")


def test_everything_that_is_wrong_stands_in_a_line_of_its_own(check):
    done, file = check(WRONG)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f'{file}: $.accounts.read[0] is "1"; write an account id: 12 digits in quotes',
        f'{file}: $.accounts.trusted[0] is "2"; write an account id: 12 digits in quotes',
        f"{file}: $.x is not known; take it out; known here: {', '.join(schema()['properties'])}",
    ]


@pytest.mark.parametrize(("document", "status"), [(VALID, 0), (WRONG, 2), ("{", 2)])
def test_json(check, document, status):
    done, file = check(document, "--format", "json")
    found = json.loads(done.stdout)
    assert done.exit_code == status
    assert (found["file"], found["valid"]) == (file, status == 0)
    assert all(set(one) == {"path", "what", "fix"} for one in found["problems"])
    assert bool(found["problems"]) is (status == 2)


def test_what_a_document_says_does_not_reach_the_terminal_raw(check):
    done, _ = check({"schema": "\x1b[2J\u202e\nvalid"})
    assert done.exit_code == 2
    assert "\x1b" not in done.stderr
    assert "\u202e" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_standard_input():
    done = CliRunner().invoke(main, ["config", "check", "-"], input=json.dumps(VALID))
    assert done.exit_code == 0
    assert done.stdout.startswith("-: valid")


def test_a_file_that_is_not_there():
    done = CliRunner().invoke(main, ["config", "check", "nowhere.json"])
    assert done.exit_code == 2
    assert "nowhere.json" in done.stderr


def test_the_schema_is_printed():
    done = CliRunner().invoke(main, ["config", "schema"])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == schema()


EXAMPLES = re.findall(r"^```json\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_page_are_valid(check, example):
    done, _ = check(example)
    assert (done.exit_code, done.stderr) == (0, "")


def test_the_page_has_examples():
    assert len(EXAMPLES) == 2


# --- the dry run of standing approvals takes both forms ---------------------------------------------


def test_standing_approvals_of_a_configuration_are_tried():
    text = {**VALID, "standing_approvals": [APPROVAL], "limits": {"four_eyes_access": ["read"]}}
    limits = limits_in(json.dumps(text))
    assert [one.name for one in limits.standing_approvals] == [APPROVAL["name"]]
    assert limits.four_eyes == {Access.READ}


def test_standing_approvals_of_the_guardrails_are_tried():
    limits = limits_in(json.dumps({"standing": [APPROVAL]}))
    assert [one.name for one in limits.standing_approvals] == [APPROVAL["name"]]


@pytest.mark.parametrize(("text", "error"), [
    ("{", LimitsError),
    ("[]", LimitsError),
    ('{"standings": []}', LimitsError),
    (json.dumps(WRONG), ConfigurationError),
    ('{"schema": "threegrants.config/2"}', ConfigurationError),
])  # fmt: skip
def test_a_wrong_file_of_standing_approvals_is_named(text, error):
    with pytest.raises(error):
        limits_in(text)
