"""Guardrails as data: what is read, what is refused, and that more never means looser."""

import json

import pytest

from threegrants.cloudtrail import Access
from threegrants.patches import Scope
from threegrants.remediation import Limits, LimitsError, find_standing_approval
from threegrants.remediation.limits import from_env
from unit.worlds import BUCKET, ROLE, A, B

NOW = 1_800_000_000.0
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
    more = limits.with_more(
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
        Limits().with_more(text)


def limits(**changes):
    return Limits().with_more(json.dumps({"standing": [{**RULE, **changes}]}))


def patch(grant="bucket_policy", digest="d", scope="prefix", **more):
    return {
        "grant": grant,
        "target": BUCKET,
        "digest": digest,
        "scope": scope,
        "default": True,
        "statement": {"Principal": {"AWS": ROLE}},
        **more,
    }


def body(*patches, **request):
    return {
        "outcome": "fixable",
        "principal": {"arn": ROLE, "account": B},
        "request": {"access": "read", "bucket": "a-reports", "bucket_account": A, **request},
        "patches": list(patches) or [patch()],
    }


def test_a_rule_covers_what_it_names():
    found = find_standing_approval(limits(), body(), NOW)
    assert found
    rule, digests = found
    assert rule.scope is Scope.PREFIX
    assert digests == ("d",)


UNCOVERED = [
    ("no rules", Limits(), body()),
    ("another caller", limits(caller=A), body()),
    ("another owner", limits(owner=B), body()),
    ("another bucket", limits(bucket="b-*"), body()),
    ("another access", limits(), body(access="write")),
    ("expired", limits(expires="2020-01-01T00:00:00Z"), body()),
    ("too wide", limits(scope="object"), body()),
    ("not fixable", limits(), {**body(), "outcome": "handoff"}),
    ("a whole account", limits(),
     body(patch(statement={"Principal": {"AWS": f"arn:aws:iam::{B}:root"}}))),
    ("two people are wanted", limits().with_more('{"four_eyes": ["read"]}'), body()),
    ("a scope nobody knows", limits(), body(patch(scope="everything"))),
    ("nothing offered", limits(), {**body(), "patches": []}),
    ("only an alternative", limits(), body(patch(alternative=True))),
]  # fmt: skip


@pytest.mark.parametrize(("given_limits", "document"), [c[1:] for c in UNCOVERED],
                         ids=[c[0] for c in UNCOVERED])  # fmt: skip
def test_no_rule_covers(given_limits, document):
    assert find_standing_approval(given_limits, document, NOW) is None


def test_of_several_scopes_the_proposed_one_if_it_fits_else_the_widest():
    offered = [
        patch(digest="o", scope="object", default=False),
        patch(digest="p", scope="prefix", default=False),
        patch(digest="b", scope="bucket", default=True),
        patch("key_policy", "k", "", target="key"),
    ]
    assert find_standing_approval(limits(scope="bucket"), body(*offered), NOW)[1] == ("b", "k")
    assert find_standing_approval(limits(scope="prefix"), body(*offered), NOW)[1] == ("p", "k")
    assert find_standing_approval(limits(scope="object"), body(*offered), NOW)[1] == ("o", "k")
