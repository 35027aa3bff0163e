"""What all commands have in common: whose credentials, one line for what goes wrong, exit codes."""

import os

import click
import pytest
from botocore.exceptions import (
    EndpointConnectionError,
    NoCredentialsError,
    TokenRetrievalError,
)
from click.testing import CliRunner

from threegrants.cli import main
from threegrants.cli.service import ServiceClient, ServiceError
from unit.report.values import ID


@pytest.fixture
def run(monkeypatch, tmp_path):
    for name in [one for one in os.environ if one.startswith(("AWS_", "THREEGRANTS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    config = tmp_path / "config"
    config.write_text("[profile on-call]\nregion = eu-west-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # What a command sets is undone with the rest.
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID"):
        monkeypatch.setenv(name, "x")
        monkeypatch.delenv(name)

    def run(*arguments, **options):
        return CliRunner().invoke(main, arguments, **options)

    return run


@pytest.mark.parametrize("asked", ["-h", "--help"])
def test_help(run, asked):
    for command in ("", *main.commands):
        done = run(*([command] if command else []), asked)
        assert done.exit_code == 0
        assert "Usage:" in done.stdout


def test_every_command_takes_profile_and_region():
    alone = {name: one for name, one in main.commands.items() if not isinstance(one, click.Group)}
    for name, command in alone.items():
        options = {text for one in command.params for text in one.opts}
        assert {"--profile", "--region"} <= options, name


def test_a_profile_is_used_instead_of_keys_in_the_environment(run, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    asked = []
    monkeypatch.setattr(
        ServiceClient, "for_stack", lambda _stack: asked.append(dict(os.environ)) or _Api()
    )
    done = run("incidents", "--profile", "on-call", "--region", "eu-central-1")
    assert done.exit_code == 0, done.output
    assert asked[0]["AWS_PROFILE"] == "on-call"
    assert "AWS_ACCESS_KEY_ID" not in asked[0]
    assert asked[0]["AWS_REGION"] == "eu-central-1"


class _Api:
    def call(self, _method, _path, _body=None):
        return {"incidents": []}


@pytest.mark.parametrize(
    ("error", "message"),
    [
        pytest.param(NoCredentialsError(), "no AWS credentials; sign in", id="none"),
        pytest.param(TokenRetrievalError(provider="sso", error_msg="expired"),
                     "the sign-in has ended", id="ended"),
        pytest.param(EndpointConnectionError(endpoint_url="https://x"), "AWS does not answer",
                     id="no network"),
    ],
)  # fmt: skip
def test_where_aws_cannot_be_asked_the_exit_code_is_4(run, monkeypatch, error, message):
    def fails(_stack):
        raise error

    monkeypatch.setattr(ServiceClient, "for_stack", fails)
    done = run("incidents")
    assert done.exit_code == 4
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr


def test_a_service_that_refuses_is_exit_2_and_one_that_is_silent_4(run, monkeypatch):
    for unreachable, code in ((False, 2), (True, 4)):

        def refuses(_stack, unreachable=unreachable):
            raise ServiceError("no", unreachable=unreachable)

        monkeypatch.setattr(ServiceClient, "for_stack", refuses)
        assert run("incidents").exit_code == code


TEXT = "no error at all"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("diagnose", "nowhere.json"), "nowhere.json", id="no such file"),
        pytest.param(("diagnose",), "Missing argument", id="no file"),
        pytest.param(("diagnose", "-", "--account", "1"), "12 digits", id="no account"),
        pytest.param(("diagnose", "-", "--since", "soon"), "soon", id="no time"),
        pytest.param(("diagnose", "-", "--format", "xml"), "xml", id="no format"),
        pytest.param(("diagnose", "-", "--top", "none"), "none", id="no number"),
        pytest.param(("explain", TEXT), "no refusal of S3 or KMS found", id="no error text"),
        pytest.param(("explain", TEXT, "--format", "pdf"), "pdf", id="explain as pdf"),
        pytest.param(("evaluate", "nowhere.jsonl"), "nowhere.jsonl", id="no cases"),
        pytest.param(("check", "--bucket", "b"), "--principal", id="check nobody"),
        pytest.param(("check", "--principal", "mia", "--bucket", "b"), "is no principal", id="check mia"),
        pytest.param(("check", "--principal", "x", "--policies", "nowhere"), "nowhere", id="no folder"),
        pytest.param(("incidents", "--profile", "nobody"), "no profile 'nobody'", id="no profile"),
        pytest.param(("incidents", "--format", "yaml"), "yaml", id="incidents as yaml"),
        pytest.param(("incidents", "--state", "opened"), "opened", id="no state"),
        pytest.param(("incidents", "--account", "me"), "12 digits", id="incidents of no account"),
        pytest.param(("incidents", "--since", "soon"), "soon", id="incidents since no time"),
        pytest.param(("incidents", "--limit", "0"), "0", id="no incidents"),
        pytest.param(("recheck",), "Missing argument", id="recheck nothing"),
        pytest.param(("reopen",), "Missing argument", id="reopen nothing"),
        pytest.param(("show",), "Missing argument", id="show nothing"),
        pytest.param(("show", ID, "--format", "pdf"), "pdf", id="show as pdf"),
        pytest.param(("approve",), "Missing argument", id="approve nothing"),
        pytest.param(("approve", ID, "--scope", "world"), "world", id="no scope"),
        pytest.param(("approve", ID, "--only", "role"), "role", id="no grant"),
        pytest.param(("approve", ID, "--digest", "d", "--scope", "object", "--yes"),
                     "--digest names the patches", id="digest and scope"),
        pytest.param(("mute", ID), "--hours", id="mute for how long"),
        pytest.param(("mute", ID, "--hours", "-1"), "-1", id="mute for less than nothing"),
        pytest.param(("mute", ID, "--hours", "9999"), "9999", id="mute for ever"),
        pytest.param(("standing", "nowhere.json"), "nowhere.json", id="no limits"),
        pytest.param(("replay", "nowhere.json"), "nowhere.json", id="no records"),
        pytest.param(("fetch", "tape"), "tape", id="fetch from tape"),
        pytest.param(("configure",), "--stack", id="configure nothing"),
        pytest.param(("aprove", ID), "No such command", id="no such command"),
        pytest.param(("show", ID, "--colour"), "No such option", id="no such option"),
    ],
)  # fmt: skip
def test_a_wrong_input_is_one_error_and_exit_2(run, arguments, message):
    done = run(*arguments, input="")
    assert done.exit_code == 2, done.output
    [line] = done.stderr.splitlines()
    assert line.startswith("Error: ")
    assert message in line


def test_which_stack_is_asked(run, monkeypatch):
    asked = []
    monkeypatch.setattr(ServiceClient, "for_stack", lambda stack: asked.append(stack) or _Api())
    run("incidents")
    assert (
        run("configure", "--stack", "https://abc.execute-api.eu-west-1.amazonaws.com").exit_code
        == 0
    )
    run("incidents")
    monkeypatch.setenv("THREEGRANTS_STACK", "of-the-environment")
    run("incidents")
    run("incidents", "--stack", "of-the-option")
    assert asked == [
        "threegrants",
        "https://abc.execute-api.eu-west-1.amazonaws.com",
        "of-the-environment",
        "of-the-option",
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"stack": 1}', "{}"])
def test_a_broken_settings_file_says_how_to_write_it_anew(run, tmp_path, text):
    file = tmp_path / "settings" / "threegrants" / "config.json"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    done = run("incidents")
    assert done.exit_code == 2
    assert "threegrants configure" in done.stderr
