"""Every code a diagnosis can name has its section in docs/causes.md."""

import ast
import re
from pathlib import Path

import pytest

from threegrants.diagnosis import BlockerKind
from threegrants.diagnosis.reasons import _DENIES

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "functions" / "threegrants"
SECTIONS = set(re.findall(r"^### (\w+)$", (ROOT / "docs" / "causes.md").read_text(), re.MULTILINE))
SAYS_NOTHING = {
    # Reasons of grants that are in place or not needed: no cause of a denial.
    "allowed", "allowed_by_delegation", "root_user", "same_account", "no_kms_key", "no_kms_leg",
    "direct_kms_call", "no_identity_policies", "no_bucket",
}  # fmt: skip
MAKERS = {"Reason": 0, "Mismatch": 1, "unknown": 1, "not_needed": 0}


def named(path):
    """The codes that stand as text where a reason or a blocker is made."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            place = MAKERS.get(node.func.id)
            if place is not None and place < len(node.args):
                yield from (
                    value.value
                    for value in ast.walk(node.args[place])
                    if isinstance(value, ast.Constant) and isinstance(value.value, str)
                )


def codes():
    found = set()
    for path in [*(PACKAGE / "diagnosis").glob("*.py"), PACKAGE / "iam" / "explain.py"]:
        found |= set(named(path))
    denies = {"explicit_deny", *(code for _, code in _DENIES)}
    return sorted((found | set(BlockerKind) | denies) - SAYS_NOTHING)


def test_codes_are_found():
    assert {"no_policy", "stale_principal", "key_state", "deny_tls", "session_policy"} <= set(
        codes()
    )


@pytest.mark.parametrize("code", codes())
def test_every_code_has_its_section(code):
    assert code in SECTIONS


def test_every_section_is_of_a_code():
    assert sorted(SECTIONS - set(codes())) == []
