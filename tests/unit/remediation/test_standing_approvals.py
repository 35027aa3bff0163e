"""Standing approvals: which diagnosis they cover, and which patch of several they take."""

import json
from dataclasses import replace

import pytest

from support.worlds import BUCKET, KEY, ROLE, A, B, allow, delegates, policy
from threegrants.aws.policy_json import sid_of_ours, texts
from threegrants.cloudtrail import Access, KeySource
from threegrants.diagnosis import Outcome
from threegrants.patches import Patch, Scope
from threegrants.remediation import Limits, find_standing_approval
from threegrants.remediation.standing_approvals import decide
from threegrants.report import CopySourceReport
from unit.remediation.reports import ANALYST, BASE, report_of

NOW = 1_795_000_000.0
RULE = {
    "name": "reports for analysts",
    "owner": A,
    "principals": [ROLE],
    "bucket": "a-reports",
    "prefix": "2026/*",
    "keys": [KEY],
    "actions": ["s3:GetObject", "kms:Decrypt", "s3:ListBucket"],
    "starts": "2026-11-01T00:00:00Z",
    "expires": "2026-12-31T00:00:00Z",
}


def limits(**changes):
    return Limits().with_ssm_parameter(json.dumps({"standing": [{**RULE, **changes}]}))


def ours(**changes):
    statement = {**allow(ROLE, "s3:GetObject", f"{BUCKET}/2026/*"), **changes}
    sid = sid_of_ours("read", texts(statement["Action"]), texts(statement["Resource"]))
    return {**statement, "Sid": sid}


def bucket(scope=Scope.PREFIX, *, account=A, target=BUCKET, default=True, **changes):
    new = ours(**changes)
    return Patch("bucket_policy", account, "eu-west-1", target, "s3:PutBucketPolicy",
                 None, policy(new), new, None, scope, default)  # fmt: skip


def key(actions="kms:Decrypt", *, target=KEY):
    new = ours(Action=actions, Resource="*")
    return Patch("key_policy", A, "eu-west-1", target, "kms:PutKeyPolicy",
                 policy(delegates()), policy(delegates(), new), new)  # fmt: skip


def grant():
    made = {"GranteePrincipal": ROLE, "Operations": ["Decrypt"], "Name": "x"}
    return Patch("key_policy", A, "eu-west-1", KEY, "kms:CreateGrant", None, json.dumps(made), made)


def iam():
    new = ours()
    new.pop("Principal")
    return Patch("iam_policy", B, "eu-west-1", ROLE, "iam:PutRolePolicy",
                 None, policy(new), new, "threegrants-a", Scope.PREFIX)  # fmt: skip


def report(*patches, **changes):
    asked = {"object_key": "2026/q3.csv", "kms_key": KEY,
             "kms_key_source": KeySource.BUCKET_DEFAULT} | changes  # fmt: skip
    return report_of(*patches, **asked)


def found(given_limits, given_report, **more):
    return find_standing_approval(given_limits, given_report, NOW, **more)


def test_a_standing_approval_covers_what_it_names():
    approval, digests = found(limits(), report(bucket(), key()))
    assert approval.name == "reports for analysts"
    assert digests == (bucket().digest, key().digest)


COPY = CopySourceReport("a-secrets", "x", Outcome.FIXABLE, "", BASE.grants)
OTHER = f"arn:aws:iam::{B}:role/other"
LISTS = {"Action": "s3:ListBucket", "Resource": BUCKET}
UNCOVERED = [
    ("there is none", Limits(), report(bucket())),
    ("another principal", limits(principals=[OTHER]), report(bucket())),
    ("another owner", limits(owner=B), report(bucket())),
    ("another account is written to", limits(), report(bucket(account=B))),
    ("another bucket", limits(bucket="a-reports2"), report(bucket())),
    ("another bucket is written to", limits(), report(bucket(target="arn:aws:s3:::a-secrets"))),
    ("a call without a bucket", limits(), report(bucket(), bucket=None)),
    ("another action", limits(actions=["s3:GetObjectTagging"]), report(bucket())),
    ("an action beside", limits(), report(bucket(Action=["s3:GetObject", "s3:PutObject"]))),
    ("expired", limits(starts="2026-10-01T00:00:00Z", expires="2026-10-02T00:00:00Z"),
     report(bucket())),
    ("not begun", limits(starts="2026-12-01T00:00:00Z"), report(bucket())),
    ("too wide", limits(prefix="2026/q3.csv"), report(bucket())),
    ("another folder", limits(prefix="2025/*"), report(bucket(), object_key=None)),
    ("the call's key is elsewhere", limits(), report(key(), object_key="2025/a")),
    ("the whole bucket", limits(), report(bucket(Scope.BUCKET, Resource=f"{BUCKET}/*"))),
    ("another bucket's objects", limits(), report(bucket(Resource="arn:aws:s3:::b/2026/*"))),
    ("a list without its prefix", limits(), report(bucket(Scope.BUCKET, **LISTS))),
    ("another key", limits(keys=[]), report(bucket(), key())),
    ("another key of the account", limits(), report(bucket(), key(target=KEY + "2"))),
    ("not fixable", limits(), report(bucket(), outcome=Outcome.HANDOFF)),
    ("a key that only the caller names", limits(),
     report(bucket(), kms_key_source=KeySource.REQUEST, kms_key_corroborated=False)),
    ("a patch for such a key", limits(),
     report(bucket(), replace(key(), key_named_by_caller=True))),
    ("a whole account", limits(), report(bucket(Principal={"AWS": f"arn:aws:iam::{B}:root"}))),
    ("everyone", limits(), report(bucket(Principal="*"))),
    ("two people are wanted", limits().with_ssm_parameter('{"four_eyes": ["read"]}'),
     report(bucket())),
    ("two people are wanted for what a patch opens",
     limits().with_ssm_parameter('{"four_eyes": ["read"]}'),
     report(bucket(), access=Access.WRITE)),
    ("nothing offered", limits(), report()),
    ("a KMS grant", limits(), report(grant())),
    ("one grant of two has no fitting patch", limits(), report(bucket(), grant())),
    ("an IAM policy", limits(), report(iam())),
    ("an IAM half", limits(), report(bucket(), iam())),
    ("a copy from another bucket", limits(), replace(report(bucket()), copy_source=COPY)),
    ("a caller who is not known", limits(),
     replace(report(bucket()), principal=replace(ANALYST, arn=None))),
]  # fmt: skip


@pytest.mark.parametrize(("given_limits", "given_report"), [c[1:] for c in UNCOVERED],
                         ids=[c[0] for c in UNCOVERED])  # fmt: skip
def test_no_standing_approval_covers(given_limits, given_report):
    assert found(given_limits, given_report) is None
    for approval in given_limits.standing_approvals:
        decision = decide(approval, given_report, given_limits.four_eyes, replayed=False)
        assert bool(decision.digests) != bool(decision.why_not)


def test_replayed_records_are_never_covered():
    assert found(limits(), report(bucket()), replayed=True) is None


def test_it_begins_and_ends_at_its_second():
    [approval] = limits().standing_approvals
    for at, covered in ((approval.starts, True), (approval.starts - 1, False),
                        (approval.expires - 1, True), (approval.expires, False)):  # fmt: skip
        assert (find_standing_approval(limits(), report(bucket()), at) is not None) is covered


def test_a_text_that_does_not_match_its_digest_is_not_covered():
    [offered] = report(bucket()).patches
    forged = replace(offered, after=policy(ours(Resource=f"{BUCKET}/*")))
    assert found(limits(prefix="*"), report(forged)) is None


def test_a_list_within_its_prefix_is_covered():
    listed = bucket(Scope.BUCKET, **LISTS, Condition={"StringLike": {"s3:prefix": "2026/*"}})
    assert found(limits(), report(listed)) is not None
    assert found(limits(prefix="2025/*"), report(listed, object_key=None)) is None
    whole = bucket(Scope.BUCKET, **LISTS)
    assert found(limits(prefix="*"), report(whole)) is not None


@pytest.mark.parametrize(
    ("prefix", "wanted"), [("*", "bucket"), ("2026/*", "prefix"), ("2026/q3.csv", "object")]
)
def test_of_several_scopes_the_proposed_one_if_it_fits_else_the_widest(prefix, wanted):
    offered = {
        "object": bucket(Scope.OBJECT, default=False, Resource=f"{BUCKET}/2026/q3.csv"),
        "prefix": bucket(Scope.PREFIX, default=False),
        "bucket": bucket(Scope.BUCKET, Resource=f"{BUCKET}/*"),
    }
    _, digests = found(limits(prefix=prefix), report(*offered.values(), key()))
    assert digests == (offered[wanted].digest, key().digest)


def test_the_proposed_patch_comes_before_a_wider_one():
    wider = bucket(Scope.BUCKET, default=False, Resource=f"{BUCKET}/*")
    assert found(limits(prefix="*"), report(wider, bucket()))[1] == (bucket().digest,)
