"""The functions' environment stays far below Lambda's 4 KB, however many accounts there are."""

import pytest

from support.deployed_roles import Deployed
from support.names import A
from support.strict.stack import Stack
from support.templates import ROOT, SERVICE, template

MOST_BYTES = 2048
MOST_LISTED = 150
"""Accounts that the parameters take together; more stand in a document (docs/configuration.md)."""
ACCOUNTS = [f"{number:012}" for number in range(1, 1001)]


def sizes(**parameters):
    stack = Stack(Deployed("template.yaml", A, AllowReplay="true", **parameters))
    return {
        name: sum(len(str(key)) + len(str(value).encode()) for key, value in
                  function["Environment"]["Variables"].items())
        for name, function in stack.functions()
    }  # fmt: skip


@pytest.mark.parametrize("number", [1, MOST_LISTED, 1000])
def test_the_environment_does_not_grow_with_the_accounts(number):
    listed = ",".join(ACCOUNTS[:number])
    found = sizes(TrustedAccounts=listed, MemberAccounts=listed, ProtectedResources=listed)
    assert found == sizes()
    assert max(found.values()) < MOST_BYTES


def test_the_package_is_built_by_the_python_that_runs_it():
    runtime = template("template.yaml")["Globals"]["Function"]["Runtime"]
    makefile = (ROOT / "Makefile").read_text()
    assert f"for p in {runtime} " in makefile
    assert "BUILD=--use-container" in makefile
    assert not [one for one in SERVICE.values() if "Runtime" in one.get("Properties", {})]
