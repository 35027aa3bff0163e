"""Every command of docs/deploy.md is one that its program takes, with parameters that the templates have."""

import re

import pytest
from click.testing import CliRunner

from support.page_commands import Command, commands, wrong
from support.templates import ROOT, template
from threegrants.cli import main

PAGE = (ROOT / "docs" / "deploy.md").read_text()
COMMANDS = list(commands(PAGE))
OUTPUTS = template("template.yaml")["Outputs"]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda one: " ".join(one.words)[:70])
def test_a_command_is_taken(command):
    assert list(wrong(command)) == []
    assert [one for one in command.outputs if one not in OUTPUTS] == []


def test_there_are_commands_of_every_kind():
    programs = {command.words[0].rpartition("/")[2] for command in COMMANDS}
    assert programs == {"aws", "sam", "make", "git", "threegrants", "openssl"}
    assert len(COMMANDS) > 30


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("aws s3api get-objects --bucket b", "has no get-objects", id="an operation"),
        pytest.param("aws s3api get-object --bucket b --key k --buckets b", "--buckets", id="an option"),
        pytest.param("aws s3api get-object --bucket b", "wants --key", id="an option is missing"),
        pytest.param("aws cloudformation deploy --template f", "has no --template", id="deploy"),
        pytest.param("sam deploy --guide", "sam has none", id="another program"),
        pytest.param("x/sam deploy --guide", "has no --guide", id="sam"),
        pytest.param("x/sam deploy --parameter-overrides Trusted=1", "no parameter Trusted", id="a parameter"),
        pytest.param("aws cloudformation deploy --template-file templates/forwarder.yaml --parameter-overrides "
                     "RuleState=ENABLED --capabilities CAPABILITY_IAM", "EventBusArn is wanted", id="one is missing"),
        pytest.param("aws cloudformation deploy --template-file templates/forwarder.yaml --parameter-overrides "
                     "EventBusArn=a", "wants --capabilities", id="no capability"),
        pytest.param("aws cloudformation deploy --template-file templates/member.yaml --capabilities CAPABILITY_IAM "
                     "--parameter-overrides ExternalId=a", "CAPABILITY_NAMED_IAM", id="too small a capability"),
    ],
)  # fmt: skip
def test_a_wrong_command_is_named(text, why):
    why = why.replace("sam has none", "not a program")
    assert why in "; ".join(wrong(Command(tuple(text.split()), ())))


@pytest.mark.parametrize(
    "line", sorted({*re.findall(r"`(threegrants [^`]+)`", PAGE), "threegrants incidents --help"})
)
def test_the_command_line_takes_its_commands(line):
    result = CliRunner().invoke(main, line.split()[1:])
    assert result.exit_code == 0


@pytest.mark.parametrize("name", re.findall(r"`(\w+)=\w+`", PAGE))
def test_a_parameter_that_the_page_gives_exists(name):
    pages = ("template.yaml", *(f"templates/{one.name}" for one in (ROOT / "templates").iterdir()))
    assert any(name in template(page)["Parameters"] for page in pages) or name == "BUILD"


def test_the_version_of_sam_is_the_makefiles():
    makefile = (ROOT / "Makefile").read_text()
    [version] = re.findall(r"^SAM_VERSION := (\S+)$", makefile, re.MULTILINE)
    assert set(re.findall(r"\.build/sam-([\d.]+)/bin/sam", PAGE)) == {version}
