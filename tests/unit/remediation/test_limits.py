"""Limits as data: what is read, what is refused, and that more never means looser."""

import json

import pytest

from support.worlds import A, B
from threegrants.cloudtrail import Access
from threegrants.patches import Scope
from threegrants.remediation import Limits, LimitsError, StandingApproval
from threegrants.remediation.limits import from_env

RULE = {
    "name": "reports for analysts",
    "owner": A,
    "caller": B,
    "bucket": "a-*",
    "access": ["read", "list"],
    "scope": "prefix",
    "expires": "2030-01-01T00:00:00Z",
}


def test_from_env():
    limits = from_env(
        {
            "TRUSTED_ACCOUNTS": f"{A}, {B}",
            "ORGANIZATION_ID": "o-1",
            "PROTECTED_RESOURCES": "secret-*",
            "FOUR_EYES_ACCESS": "write,delete",
            "APPROVAL_HOURS": "2",
            "MAX_PATCHES_PER_HOUR": "3",
        }
    )
    assert limits.trusted == {A, B}
    assert limits.four_eyes == {Access.WRITE, Access.DELETE}
    assert (limits.approval_seconds, limits.patches_an_hour) == (7200, 3)
    assert limits.protects("arn:aws:s3:::secret-plans") == "secret-*"
    assert from_env({}) == Limits()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRUSTED_ACCOUNTS", "12345"),
        ("FOUR_EYES_ACCESS", "writes"),
        ("APPROVAL_HOURS", "0"),
        ("MAX_PATCHES_PER_HOUR", "-1"),
        ("MAX_PATCHES_PER_HOUR", "many"),
    ],
)
def test_a_wrong_variable_is_named(name, value):
    with pytest.raises(LimitsError, match=name):
        from_env({name: value})


def test_more_is_stricter():
    limits = Limits(protected=("a",), four_eyes=frozenset({Access.WRITE}), patches_an_hour=5)
    more = limits.with_ssm_parameter(
        json.dumps(
            {
                "protected": ["b"],
                "protecting_tags": {"env": "prod"},
                "four_eyes": ["delete"],
                "approval_hours": 1000,
                "patches_an_hour": 1000,
            }
        )
    )
    assert more.protected == ("a", "b")
    assert ("threegrants:protected", "true") in more.protecting_tags
    assert ("env", "prod") in more.protecting_tags
    assert more.four_eyes == {Access.WRITE, Access.DELETE}
    assert (more.approval_seconds, more.patches_an_hour) == (limits.approval_seconds, 5)


WRONG = [
    ("no JSON", "{", r"\$"),
    ("a list", "[]", "a JSON object"),
    ("a word it does not know", '{"trusted": ["111111111111"]}', "trusted"),
    ("protected", '{"protected": "a"}', "a list"),
    ("a number in it", '{"protected": [1]}', r"protected\[0\]"),
    ("access", '{"four_eyes": ["all"]}', r"four_eyes\[0\]"),
    ("hours", '{"approval_hours": true}', "approval_hours"),
    *(
        (f"standing without {name}",
         json.dumps({"standing": [{k: v for k, v in RULE.items() if k != name}]}), "standing")
        for name in RULE
    ),
    ("a bucket pattern for all", json.dumps({"standing": [{**RULE, "bucket": "*"}]}), "bucket"),
    ("no zone", json.dumps({"standing": [{**RULE, "expires": "2030-01-01"}]}), "zone"),
    ("no time", json.dumps({"standing": [{**RULE, "expires": "never"}]}), "standing"),
    ("a scope", json.dumps({"standing": [{**RULE, "scope": "all"}]}), "standing"),
    ("an account", json.dumps({"standing": [{**RULE, "owner": "*"}]}), "owner"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), [c[1:] for c in WRONG], ids=[c[0] for c in WRONG])
def test_a_wrong_parameter_is_refused(text, words):
    with pytest.raises(LimitsError, match=words):
        Limits().with_ssm_parameter(text)


PROTECTED = [
    ("by name", ("secret-*",), "arn:aws:s3:::secret-plans", "secret-*"),
    ("by ARN", ("arn:aws:s3:::plans",), "arn:aws:s3:::plans", "arn:aws:s3:::plans"),
    ("a role by name, not by path", ("analyst",), f"arn:aws:iam::{A}:role/team/analyst", "analyst"),
    ("another case is another name", ("Secret-*",), "arn:aws:s3:::secret-plans", None),
    ("only part of the name", ("secret",), "arn:aws:s3:::secret-plans", None),
]


@pytest.mark.parametrize(("patterns", "target", "wanted"), [c[1:] for c in PROTECTED],
                         ids=[c[0] for c in PROTECTED])  # fmt: skip
def test_what_is_protected(patterns, target, wanted):
    assert Limits(protected=patterns).protects(target) == wanted


def test_the_parameter_can_only_lower_numbers():
    lower = Limits().with_ssm_parameter('{"approval_hours": 1, "patches_an_hour": 2}')
    assert (lower.approval_seconds, lower.patches_an_hour) == (3600, 2)


def test_a_standing_approval_is_read():
    [approval] = Limits().with_ssm_parameter(json.dumps({"standing": [RULE]})).standing_approvals
    assert approval == StandingApproval(
        name="reports for analysts",
        owner=A,
        caller=B,
        bucket="a-*",
        access=frozenset({Access.READ, Access.LIST}),
        scope=Scope.PREFIX,
        expires=1_893_456_000.0,
    )
