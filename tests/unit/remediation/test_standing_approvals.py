"""Standing approvals: which diagnosis they cover, and which patch of several they take."""

import json
from dataclasses import replace

import pytest

from support.worlds import BUCKET, ROLE, A, B
from threegrants.cloudtrail import Access
from threegrants.diagnosis import Outcome
from threegrants.remediation import Limits, find_standing_approval
from threegrants.report import PatchReport
from unit.remediation.reports import ANALYST, report_of

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


def limits(**changes):
    return Limits().with_ssm_parameter(json.dumps({"standing": [{**RULE, **changes}]}))


def patch(grant="bucket_policy", digest="d", scope="prefix", target=BUCKET, **more):
    return PatchReport(
        **{
            "grant": grant,
            "account": A,
            "region": "eu-west-1",
            "target": target,
            "operation": "s3:PutBucketPolicy",
            "policy_name": None,
            "scope": scope,
            "default": True,
            "alternative": False,
            "before_sha256": "",
            "after_sha256": "",
            "statement": {"Principal": {"AWS": ROLE}},
            "before": None,
            "after": "{}",
            "digest": digest,
            "says": "",
        }
        | more
    )


def test_a_standing_approval_covers_what_it_names():
    found = find_standing_approval(limits(), report_of(patch()), NOW)
    assert found
    approval, digests = found
    assert approval.name == "reports for analysts"
    assert digests == ("d",)


ACCOUNT = {"Principal": {"AWS": f"arn:aws:iam::{B}:root"}}
EVERYONE = {"Principal": "*"}
UNCOVERED = [
    ("there is none", Limits(), report_of(patch())),
    ("another caller", limits(caller=A), report_of(patch())),
    ("another owner", limits(owner=B), report_of(patch())),
    ("another bucket", limits(bucket="b-*"), report_of(patch())),
    ("a call without a bucket", limits(), report_of(patch(), bucket=None)),
    ("another access", limits(), report_of(patch(), access=Access.WRITE)),
    ("expired", limits(expires="2020-01-01T00:00:00Z"), report_of(patch())),
    ("too wide", limits(scope="object"), report_of(patch())),
    ("not fixable", limits(), report_of(patch(), outcome=Outcome.HANDOFF)),
    ("a whole account", limits(), report_of(patch(statement=ACCOUNT))),
    ("everyone", limits(), report_of(patch(statement=EVERYONE))),
    ("two people are wanted", limits().with_ssm_parameter('{"four_eyes": ["read"]}'),
     report_of(patch())),
    ("a scope nobody knows", limits(scope="bucket"), report_of(patch(scope="everything"))),
    ("nothing offered", limits(), report_of()),
    ("only an alternative", limits(), report_of(patch(alternative=True))),
    ("one grant of two has no fitting patch", limits(),
     report_of(patch(), patch("key_policy", "k", "", "key", alternative=True))),
]  # fmt: skip


@pytest.mark.parametrize(("given_limits", "report"), [c[1:] for c in UNCOVERED],
                         ids=[c[0] for c in UNCOVERED])  # fmt: skip
def test_no_standing_approval_covers(given_limits, report):
    assert find_standing_approval(given_limits, report, NOW) is None


def test_it_ends_at_its_second():
    expires = limits().standing_approvals[0].expires
    assert find_standing_approval(limits(), report_of(patch()), expires - 1) is not None
    assert find_standing_approval(limits(), report_of(patch()), expires) is None


def test_an_identity_policy_names_nobody_and_is_covered():
    nameless = patch("iam_policy", statement={"Action": "s3:GetObject"})
    assert find_standing_approval(limits(), report_of(nameless), NOW) is not None


def test_a_caller_that_is_not_known_is_granted_nothing():
    report = report_of(patch(), principal=replace(ANALYST, arn=None))
    assert find_standing_approval(limits(), report, NOW) is None


@pytest.mark.parametrize(
    ("scope", "wanted"), [("bucket", ("b", "k")), ("prefix", ("p", "k")), ("object", ("o", "k"))]
)
def test_of_several_scopes_the_proposed_one_if_it_fits_else_the_widest(scope, wanted):
    report = report_of(
        patch(digest="o", scope="object", default=False),
        patch(digest="p", scope="prefix", default=False),
        patch(digest="b", scope="bucket", default=True),
        patch("key_policy", "k", "", "key"),
    )
    assert find_standing_approval(limits(scope=scope), report, NOW)[1] == wanted


def test_the_proposed_patch_comes_before_a_wider_one():
    report = report_of(
        patch(digest="b", scope="bucket", default=False), patch(digest="p", scope="prefix")
    )
    assert find_standing_approval(limits(scope="bucket"), report, NOW)[1] == ("p",)
