"""Limits as data: what is read, what is refused, and that more never means looser."""

import fnmatch
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.worlds import KEY, ROLE, A, B
from threegrants.cloudtrail import Access
from threegrants.remediation import Limits, LimitsError, StandingApproval

RULE = {
    "name": "reports for analysts",
    "owner": A,
    "principals": [ROLE],
    "bucket": "a-reports",
    "prefix": "2026/*",
    "keys": [KEY],
    "actions": ["s3:GetObject", "kms:Decrypt"],
    "starts": "2026-11-01T00:00:00Z",
    "expires": "2026-12-31T00:00:00Z",
}


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
    *(
        (f"{name} is {value!r}", json.dumps({"standing": [{**RULE, name: value}]}), name)
        for name, value in (
            ("expires", "2026-12-31"),
            ("expires", "never"),
            ("expires", "2026-10-31T00:00:00Z"),
            ("expires", "2027-01-30T00:00:01Z"),
            ("starts", None),
            ("owner", "*"),
            ("bucket", "a-*"),
            ("bucket", "*"),
            ("bucket", "arn:aws:s3:::a-reports"),
            ("prefix", ""),
            ("prefix", "*/secret"),
            ("prefix", "2026/*/x*"),
            ("prefix", "2026/?"),
            ("prefix", "${aws:username}/*"),
            ("principals", []),
            ("principals", ["*"]),
            ("principals", [f"arn:aws:iam::{B}:root"]),
            ("principals", [f"arn:aws:iam::{B}:role/*"]),
            ("principals", [B]),
            ("principals", ROLE),
            ("keys", ["*"]),
            ("keys", [KEY[:-1] + "*"]),
            ("keys", None),
            ("actions", []),
            ("actions", ["s3:*"]),
            ("actions", ["s3:Get*"]),
            ("actions", ["s3:PutBucketPolicy"]),
            ("actions", ["iam:PassRole"]),
            ("name", ""),
            ("name", "two\nlines"),
        )
    ),
    ("a field nobody knows", json.dumps({"standing": [{**RULE, "scope": "bucket"}]}), "exactly"),
    ("one name for two", json.dumps({"standing": [RULE, RULE]}), "each name once"),
    ("a limit twice", '{"protected": ["a"], "protected": []}', "each name once"),
    ("a field twice", json.dumps({"standing": [RULE]}).replace(
        '"bucket": "a-reports"', '"bucket": "a-reports", "bucket": "a-secrets"'), "each name once"),
    ("a tag twice", '{"protecting_tags": {"a": "1", "a": "2"}}', "each name once"),
    ("a deep one", "[" * 100_000, r"\$"),
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


def test_the_parameter_adds_standing_approvals():
    once = Limits().with_ssm_parameter(json.dumps({"standing": [RULE]}))
    twice = once.with_ssm_parameter(json.dumps({"standing": [{**RULE, "name": "more"}]}))
    assert [one.name for one in twice.standing_approvals] == [RULE["name"], "more"]
    with pytest.raises(LimitsError, match="each name once"):
        once.with_ssm_parameter(json.dumps({"standing": [RULE]}))


def test_a_standing_approval_is_read():
    [approval] = Limits().with_ssm_parameter(json.dumps({"standing": [RULE]})).standing_approvals
    assert approval == StandingApproval(
        name="reports for analysts",
        owner=A,
        principals=frozenset({ROLE}),
        bucket="a-reports",
        prefix="2026/*",
        keys=frozenset({KEY}),
        actions=frozenset({"s3:getobject", "kms:decrypt"}),
        starts=1_793_491_200.0,
        expires=1_798_675_200.0,
    )


PARTS = [
    ("the same", "arn:aws:s3:::b/secret/*", "arn:aws:s3:::b/secret/*", True),
    ("a wider patch", "arn:aws:s3:::b/secret/*", "arn:aws:s3:::b/*", True),
    ("a narrower patch", "arn:aws:s3:::b/secret/*", "arn:aws:s3:::b/secret/x.csv", True),
    ("patterns that cross", "arn:aws:s3:::b/*.key", "arn:aws:s3:::b/2026/*", True),
    ("one character", "arn:aws:s3:::b/?.key", "arn:aws:s3:::b/a*", True),
    ("another folder", "arn:aws:s3:::b/secret/*", "arn:aws:s3:::b/2026/*", False),
    ("another bucket", "arn:aws:s3:::b/secret/*", "arn:aws:s3:::bb/secret/*", False),
    ("too short", "arn:aws:s3:::b/??", "arn:aws:s3:::b/a", False),
    ("a name is no pattern of keys", "*secret*", "arn:aws:s3:::b/*", False),
]


@pytest.mark.parametrize(("pattern", "resource", "wanted"), [c[1:] for c in PARTS],
                         ids=[c[0] for c in PARTS])  # fmt: skip
def test_a_protected_part_of_a_bucket(pattern, resource, wanted):
    assert (Limits(protected=(pattern,)).protects_part_of(resource) is not None) is wanted


LETTERS = st.text("ab*?", max_size=6)


@given(LETTERS, LETTERS, st.text("ab", max_size=6))
def test_patterns_overlap_if_a_text_fits_both(one, other, text):
    limits = Limits(protected=(f"arn:{one}",))
    if fnmatch.fnmatchcase(text, one) and fnmatch.fnmatchcase(text, other):
        assert limits.protects_part_of(f"arn:{other}")
