"""OnCallPolicy: what the commands and `threegrants doctor` need in the service's account, and no more."""

import fnmatch
import re

import pytest

from support.deployed_roles import Deployed
from support.names import A
from support.templates import ROOT, SERVICE

DEPLOYED = Deployed("template.yaml", A)
STATEMENTS = DEPLOYED.resolved(SERVICE["OnCallPolicy"]["Properties"]["PolicyDocument"])["Statement"]
COMMANDS = {
    "execute-api:Invoke",  # incidents, show, approve, reject, rollback, mute
    "cloudformation:DescribeStacks",  # by which each of them finds the API
}
NO_RESOURCE = {
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "lambda:ListEventSourceMappings",
}


def listed(value):
    return value if isinstance(value, list) else [value]


def documented():
    """The actions that docs/doctor.md names for the service's account: its first four rows."""
    page = (ROOT / "docs" / "doctor.md").read_text()
    table = page.partition("## What it looks at")[2].partition("\n\nThe roles in the members")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    own = [line for line in rows if "`--member-role`" not in line]
    assert len(own) == len(rows) - 1
    return set(re.findall(r"`([a-z-]+:[A-Za-z]+)`", "\n".join(own)))


def test_it_has_what_is_documented_and_nothing_else():
    allowed = {action for one in STATEMENTS for action in listed(one["Action"])}
    assert allowed == documented() | COMMANDS


def test_nothing_is_on_everything_but_what_has_no_resource():
    assert {one["Effect"] for one in STATEMENTS} == {"Allow"}
    assert not [action for one in STATEMENTS for action in listed(one["Action"]) if "*" in action]
    on_all = {a for one in STATEMENTS if "*" in listed(one["Resource"]) for a in listed(one["Action"])}  # fmt: skip
    assert on_all == NO_RESOURCE
    for one in STATEMENTS:
        for resource in set(listed(one["Resource"])) - {"*"}:
            assert resource.startswith("arn:aws:")
            assert f":{A}:" in resource


def test_it_invokes_the_two_functions_that_can_tell_and_no_other():
    [invoke] = [one for one in STATEMENTS if one["Action"] == "lambda:InvokeFunction"]
    assert [arn.rpartition(":")[2] for arn in invoke["Resource"]] == [
        "SweepFunction",
        "WorkerFunction",
    ]


PATHS = [
    pytest.param(method.upper(), path, path != "/replay", id=f"{method} {path}")
    for path, methods in SERVICE["Api"]["Properties"]["DefinitionBody"]["paths"].items()
    for method in methods
]


@pytest.mark.parametrize(("method", "path", "wanted"), PATHS)
def test_it_calls_all_of_the_api_but_replay(method, path, wanted):
    [api] = [one for one in STATEMENTS if one["Action"] == "execute-api:Invoke"]
    forms = [arn.partition("/v1/")[2] for arn in api["Resource"]]
    called = f"{method}{path.replace('{id}', 'tg-1')}"
    assert any(fnmatch.fnmatchcase(called, form) for form in forms) is wanted
