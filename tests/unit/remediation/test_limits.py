"""Guardrails as data: what is read, what is refused, and that more never means looser."""

import json

import pytest

from threegrants.cloudtrail import Access
from threegrants.patches import Scope
from threegrants.remediation import GuardrailError, Guardrails, standing
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
    rails = from_env(
        {
            "TRUSTED_ACCOUNTS": f"{A}, {B}",
            "ORGANIZATION_ID": "o-1",
            "PROTECTED_RESOURCES": "secret-*",
            "FOUR_EYES_ACCESS": "write,delete",
            "APPROVAL_HOURS": "2",
            "MAX_PATCHES_PER_HOUR": "3",
        }
    )
    assert rails.trusted == {A, B}
    assert rails.four_eyes == {Access.WRITE, Access.DELETE}
    assert (rails.approval_seconds, rails.patches_an_hour) == (7200, 3)
    assert rails.protects("arn:aws:s3:::secret-plans") == "secret-*"
    assert from_env({}) == Guardrails()


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
    with pytest.raises(GuardrailError, match=name):
        from_env({name: value})


def test_more_is_stricter():
    rails = Guardrails(protected=("a",), four_eyes=frozenset({Access.WRITE}), patches_an_hour=5)
    more = rails.with_more(
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
    assert (more.approval_seconds, more.patches_an_hour) == (rails.approval_seconds, 5)


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
    with pytest.raises(GuardrailError, match=words):
        Guardrails().with_more(text)


def rails(**changes):
    return Guardrails().with_more(json.dumps({"standing": [{**RULE, **changes}]}))


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
    rule, digests = standing(rails(), body(), NOW)
    assert rule.scope is Scope.PREFIX
    assert digests == ("d",)


UNCOVERED = [
    ("no rules", Guardrails(), body()),
    ("another caller", rails(caller=A), body()),
    ("another owner", rails(owner=B), body()),
    ("another bucket", rails(bucket="b-*"), body()),
    ("another access", rails(), body(access="write")),
    ("expired", rails(expires="2020-01-01T00:00:00Z"), body()),
    ("too wide", rails(scope="object"), body()),
    ("not fixable", rails(), {**body(), "outcome": "handoff"}),
    ("a whole account", rails(),
     body(patch(statement={"Principal": {"AWS": f"arn:aws:iam::{B}:root"}}))),
    ("two people are wanted", rails().with_more('{"four_eyes": ["read"]}'), body()),
    ("a scope nobody knows", rails(), body(patch(scope="everything"))),
    ("nothing offered", rails(), {**body(), "patches": []}),
    ("only an alternative", rails(), body(patch(alternative=True))),
]  # fmt: skip


@pytest.mark.parametrize(("given_rails", "document"), [c[1:] for c in UNCOVERED],
                         ids=[c[0] for c in UNCOVERED])  # fmt: skip
def test_no_rule_covers(given_rails, document):
    assert standing(given_rails, document, NOW) is None


def test_of_several_scopes_the_proposed_one_if_it_fits_else_the_widest():
    offered = [
        patch(digest="o", scope="object", default=False),
        patch(digest="p", scope="prefix", default=False),
        patch(digest="b", scope="bucket", default=True),
        patch("key_policy", "k", "", target="key"),
    ]
    assert standing(rails(scope="bucket"), body(*offered), NOW)[1] == ("b", "k")
    assert standing(rails(scope="prefix"), body(*offered), NOW)[1] == ("p", "k")
    assert standing(rails(scope="object"), body(*offered), NOW)[1] == ("o", "k")
