"""A patch as a value: its digest, and its JSON there and back."""

import json
from dataclasses import fields, replace

import pytest

from support.worlds import BUCKET, KEY, B
from threegrants.patches import (
    Patch,
    PatchOperation,
)
from threegrants.patches.size_limits import _CHECKS
from threegrants.remediation.policy_io import _KINDS
from unit.patches.test_make import offered

CHANGES = {
    "grant": "key_policy", "account": B, "region": "eu-north-1", "target": KEY,
    "operation": "kms:PutKeyPolicy", "before": "{}", "after": "{}", "policy_name": "n",
    "scope": "bucket",
}  # fmt: skip


@pytest.mark.parametrize("field", CHANGES)
def test_the_digest_names_every_part_of_the_change(field):
    patch = next(p for p in offered() if p.default)
    changed = replace(patch, **{field: CHANGES[field]})
    assert changed.digest != patch.digest
    with pytest.raises(ValueError, match="do not match"):
        Patch.from_json({**changed.to_json(), "digest": patch.digest})


def test_an_operation_that_this_service_does_not_call_is_refused():
    known = next(p for p in offered() if p.default).to_json()
    with pytest.raises(ValueError, match=f"s3:CreateAccessPoint: change {BUCKET} by hand"):
        Patch.from_json({**known, "operation": "s3:CreateAccessPoint"})


def test_every_operation_of_a_patch_can_be_read_and_written():
    assert set(_KINDS) == set(PatchOperation) == set(_CHECKS)


def test_every_field_is_either_in_the_digest_or_follows_from_it():
    assert {f.name for f in fields(Patch)} - CHANGES.keys() == {
        "statement", "default", "key_named_by_caller",
    }  # fmt: skip


def test_json_there_and_back():
    for patch in offered():
        assert Patch.from_json(json.loads(json.dumps(patch.to_json()))) == patch
