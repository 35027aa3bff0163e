"""Every check of a patch by itself: the patch that is fine, and one change to it that is not."""

import json
from dataclasses import replace

import pytest

from support.worlds import BUCKET, KEY, ROLE, A, allow, delegates, policy
from support.worlds import A as OWNER
from support.worlds import B as CALLER
from threegrants.aws.policy_json import sid_of_ours, texts
from threegrants.cloudtrail import CallerType
from threegrants.evidence import Read, Unread
from threegrants.patches import Patch
from threegrants.remediation.limit_facts import LimitFacts
from threegrants.remediation.limits import Limits
from threegrants.remediation.opened_access import opened_access
from threegrants.remediation.patch_checks import grants_to_account, objection
from threegrants.report import PrincipalReport

THEIRS = allow(f"arn:aws:iam::{A}:role/other", "s3:GetObject", Sid="Theirs")
LIMITS = Limits(trusted=frozenset({OWNER, CALLER}))
DENIED = PrincipalReport(ROLE, None, CALLER, CallerType.ROLE)


def bucket(before, *after):
    return Patch("bucket_policy", A, "eu-west-1", BUCKET, "s3:PutBucketPolicy",
                 policy(*before), policy(*after), after[-1])  # fmt: skip


def key(*after):
    return Patch("key_policy", A, "eu-west-1", KEY, "kms:PutKeyPolicy",
                 policy(delegates()), policy(delegates(), *after), after[-1])  # fmt: skip


def iam(*after, target=ROLE):
    return Patch("iam_policy", CALLER, "eu-west-1", target, "iam:PutRolePolicy",
                 None, policy(*after), after[-1], "threegrants-a")  # fmt: skip


def grant(**changes):
    made = {"GranteePrincipal": ROLE, "Operations": ["Decrypt"], "Name": "x", **changes}
    return Patch("key_policy", A, "eu-west-1", KEY, "kms:CreateGrant", None, json.dumps(made), {})


def marked(statement):
    sid = sid_of_ours("read", texts(statement["Action"]), texts(statement["Resource"]))
    return {**statement, "Sid": sid}


def ours(**changes):
    return {**marked({**allow(ROLE), **changes}), **changes}


def facts(*patches, **tags):
    opened = [opened_access(patch) for patch in patches]
    named = {patch.target for patch in patches}.union(*(one.buckets | one.keys for one in opened))
    return LimitFacts({arn: Read(tags) for arn in named})


FINE = [
    bucket([THEIRS], THEIRS, ours()),
    bucket([THEIRS, ours(Principal={"AWS": f"arn:aws:iam::{A}:role/o"})], THEIRS,
           ours(Principal={"AWS": [f"arn:aws:iam::{A}:role/o", ROLE]})),
    bucket([], ours(Principal={"AWS": f"arn:aws:iam::{CALLER}:root"})),
    key(marked(allow(ROLE, ["kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*"], "*"))),
    iam(marked(allow(None, ["s3:GetObject", "kms:Decrypt"], [f"{BUCKET}/2026/*", KEY]))),
    grant(),
]  # fmt: skip


@pytest.mark.parametrize("patch", FINE)
def test_fine(patch):
    assert objection(LIMITS, DENIED, [patch], facts(patch)) is None


OTHERS = ours(Principal={"AWS": f"arn:aws:iam::{A}:role/o"})
BAD = [
    ("everyone", bucket([], ours(Principal="*")), "would grant to"),
    ("everyone in AWS", bucket([], ours(Principal={"AWS": "*"})), "would grant to"),
    ("a pattern", bucket([], ours(Principal={"AWS": f"arn:aws:iam::{CALLER}:role/*"})),
     "would grant to"),
    ("someone else", bucket([], ours(Principal={"AWS": f"arn:aws:iam::{A}:role/x"})),
     "would grant to"),
    ("a service", bucket([], ours(Principal={"Service": "ec2.amazonaws.com"})), "would grant to"),
    ("nobody named", bucket([], {k: v for k, v in ours().items() if k != "Principal"}),
     "names no principal"),
    ("everything", bucket([], ours(Action="s3:*")), "would grant"),
    ("star", bucket([], ours(Action="*")), "would grant"),
    ("the policy itself", bucket([], ours(Action="s3:PutBucketPolicy")), "would grant"),
    ("another service", bucket([], ours(Action="iam:PassRole")), "would grant"),
    ("another bucket", bucket([], ours(Resource="arn:aws:s3:::b/*")), "access to"),
    ("a longer bucket name", bucket([], ours(Resource=f"{BUCKET}2/*")), "access to"),
    ("all buckets", bucket([], ours(Resource="arn:aws:s3:::*")), "access to"),
    ("a deny", bucket([], ours(Effect="Deny")), "exactly one statement"),
    ("NotAction", bucket([], {**ours(), "NotAction": "s3:GetObject"}), "exactly one statement"),
    ("a lost statement", bucket([THEIRS], ours()), "not ours"),
    ("a changed statement", bucket([THEIRS], {**THEIRS, "Action": "s3:*"}, ours()), "not ours"),
    ("two statements", bucket([], ours(Resource=f"{BUCKET}/other/*"), ours()),
     "exactly one statement"),
    ("not marked", bucket([], ours(Sid="Mine")), "exactly one statement"),
    ("marked for other actions", bucket([], {**ours(), "Action": "s3:PutObject"}),
     "exactly one statement"),
    ("an edited one of ours", bucket([{**OTHERS, "Action": "s3:PutObject"}], ours()), "not ours"),
    ("key administration", key(marked(allow(ROLE, "kms:PutKeyPolicy", "*"))), "would grant"),
    ("every key action", key(marked(allow(ROLE, "kms:*", "*"))), "would grant"),
    ("IAM for another role", iam(marked(allow(None)), target=f"{ROLE}2"), "not the denied"),
    ("IAM on everything", iam(marked(allow(None, "s3:GetObject", "*"))), "access to"),
    ("IAM on every key", iam(marked(allow(None, "kms:Decrypt", KEY[:-1] + "*"))), "access to"),
    ("a grant to others", grant(GranteePrincipal=f"arn:aws:iam::{A}:role/x"), "would grant to"),
    ("a grant to grant", grant(Operations=["CreateGrant"]), "would grant CreateGrant"),
    ("a grant of nothing", grant(Operations=[]), "would grant none"),
    ("another account", replace(FINE[0], account="333333333333"), "TrustedAccounts"),
]  # fmt: skip


@pytest.mark.parametrize(("patch", "words"), [c[1:] for c in BAD], ids=[c[0] for c in BAD])
def test_refused(patch, words):
    assert words in str(objection(LIMITS, DENIED, [patch], facts(patch)))


def test_anonymous_callers_are_granted_nothing():
    nobody = PrincipalReport(None, None, CALLER, CallerType.ANONYMOUS)
    assert "anonymous" in str(objection(LIMITS, nobody, [FINE[0]], facts(FINE[0])))


def test_one_patch_for_each_grant_and_target():
    two = [FINE[0], bucket([], ours(Resource=f"{BUCKET}/other/*"))]
    assert "approve one of them" in str(objection(LIMITS, DENIED, two, facts(*two)))


PROTECTED = [
    (Limits(protected=("a-*",)), {}, "protected (a-*)"),
    (Limits(protected=(BUCKET,)), {}, "protected"),
    (Limits(protected=("other",)), {}, None),
    (Limits(), {"threegrants:protected": "true"}, "tag threegrants:protected"),
    (Limits(), {"threegrants:protected": "false"}, None),
    (Limits(protecting_tags=(("env", "prod"),)), {"env": "prod"}, "tag env=prod"),
]


@pytest.mark.parametrize(("limits", "tags", "words"), PROTECTED)
def test_protected(limits, tags, words):
    found = objection(
        replace(limits, trusted=LIMITS.trusted), DENIED, [FINE[0]], facts(FINE[0], **tags)
    )
    assert found is None if words is None else words in found


def test_tags_that_cannot_be_read_refuse():
    lacking = LimitFacts({BUCKET: Unread("the role was refused", "s3:GetBucketTagging")})
    found = objection(LIMITS, DENIED, [FINE[0]], lacking)
    assert "not known" in found
    assert "s3:GetBucketTagging" in found


ORGANIZATION = [
    ({A: Read("o-1"), CALLER: Read("o-1")}, None),
    ({A: Read("o-1"), CALLER: Read("o-2")}, "not in organisation"),
    ({A: Read("o-1"), CALLER: Read(None)}, "not in organisation"),
    (
        {A: Read("o-1"), CALLER: Unread("refused", "organizations:DescribeOrganization")},
        "Needed: organizations:DescribeOrganization",
    ),
    ({A: Read("o-1")}, "not known: it was not read"),
]


@pytest.mark.parametrize(("organizations", "words"), ORGANIZATION)
def test_organization(organizations, words):
    known = replace(facts(FINE[0]), organizations=organizations)
    found = objection(replace(LIMITS, organization="o-1"), DENIED, [FINE[0]], known)
    assert found is None if words is None else words in found


def test_whole_accounts_are_seen():
    assert grants_to_account([FINE[2]]) == {CALLER}
    assert grants_to_account([FINE[0]]) == frozenset()
