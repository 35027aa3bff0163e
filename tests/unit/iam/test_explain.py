"""What keeps a statement from applying: every field of each mismatch, element by element."""

import pytest

from threegrants.iam import Policy, Request
from threegrants.iam.explain import Mismatch, mismatches

A, B = "111111111111", "222222222222"
USER = f"arn:aws:iam::{A}:user/u"
SESSION, ROLE = f"arn:aws:sts::{A}:assumed-role/r/s", f"arn:aws:iam::{A}:role/r"
OBJECT = "arn:aws:s3:::b/k"


def asked(principal=USER, action="s3:GetObject", resource=OBJECT):
    return Request(principal, action, resource, A)


def allow(**more):
    return {"Effect": "Allow", "Action": "s3:*", "Resource": "*", **more}


MISMATCHES = [
    ("another principal", asked(), allow(Principal={"AWS": [f"{USER}2", B]}),
     Mismatch("principal", "principal_mismatch", f"{USER}2, account {B}", USER,
              f"the principal {USER} is not {USER}2, account {B}")),
    ("a session is shown as its role", asked(SESSION), allow(Principal={"AWS": USER}),
     Mismatch("principal", "principal_mismatch", USER, ROLE,
              f"the principal {ROLE} is not {USER}")),
    ("whoever is listed under NotPrincipal", asked(), allow(NotPrincipal={"AWS": USER}),
     Mismatch("principal", "principal_mismatch", USER, USER,
              f"the principal {USER} is excluded by NotPrincipal {USER}")),
    ("a deleted principal", asked(), allow(Principal={"AWS": "AIDAEXAMPLEDELETED00"}),
     Mismatch("principal", "stale_principal", "AIDAEXAMPLEDELETED00", USER,
              "the principal AIDAEXAMPLEDELETED00 is the unique id of a deleted role or user; if "
              "it was created anew under the same name, the statement has to name it again")),
    ("another action", asked(), allow(Action=["s3:PutObject", "ec2:*"]),
     Mismatch("action", "action_mismatch", "s3:PutObject, ec2:*", "s3:GetObject",
              "the statement does not include s3:GetObject (it names s3:PutObject, ec2:*)")),
    ("an action that NotAction leaves out",
     asked(), {"Effect": "Allow", "NotAction": "s3:Get*", "Resource": "*"},
     Mismatch("action", "action_mismatch", "s3:Get*", "s3:GetObject",
              "the statement excludes s3:GetObject (it names s3:Get*)")),
    ("the bucket in place of its objects", asked(), allow(Resource="arn:aws:s3:::b"),
     Mismatch("resource", "bucket_arn_for_object_action", "arn:aws:s3:::b", OBJECT,
              "the resource is the bucket; object actions need arn:aws:s3:::b/*")),
    ("the objects in place of their bucket",
     asked(action="s3:ListBucket", resource="arn:aws:s3:::b"), allow(Resource="arn:aws:s3:::b/*"),
     Mismatch("resource", "object_arn_for_bucket_action", "arn:aws:s3:::b/*", "arn:aws:s3:::b",
              "the resource is objects; s3:ListBucket needs the bucket arn:aws:s3:::b")),
    ("another resource", asked(), allow(Resource="arn:aws:s3:::c/*"),
     Mismatch("resource", "resource_mismatch", "arn:aws:s3:::c/*", OBJECT,
              f"the statement does not cover {OBJECT} (it names arn:aws:s3:::c/*)")),
    ("a resource that NotResource leaves out",
     asked(), {"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::b/*"},
     Mismatch("resource", "resource_mismatch", "arn:aws:s3:::b/*", OBJECT,
              f"the statement excludes {OBJECT} (it names arn:aws:s3:::b/*)")),
    ("more texts than are shown", asked(), allow(Resource=[f"arn:aws:s3:::{n}" for n in "cdefgh"]),
     Mismatch("resource", "resource_mismatch",
              "arn:aws:s3:::c, arn:aws:s3:::d, arn:aws:s3:::e, arn:aws:s3:::f and 2 more", OBJECT,
              f"the statement does not cover {OBJECT} (it names arn:aws:s3:::c, arn:aws:s3:::d, "
              "arn:aws:s3:::e, arn:aws:s3:::f and 2 more)")),
    ("a statement that never applies", asked(), {"Effect": "Allow", "Action": "kms:*"},
     Mismatch("action", "inert_statement", "", "s3:GetObject",
              "the statement has no Action or no Resource, so it never applies")),
    ("a condition on a key that the request lacks", asked(),
     allow(Condition={"StringNotLikeIfExists": {}, "StringLike": {"aws:Team": ["x*", "y"]}}),
     Mismatch("condition", "condition_key_missing", "x*, y", "",
              "the condition StringLike on aws:Team wants x*, y; the request does not carry that "
              "key", "aws:Team")),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "statement", "expected"), [row[1:] for row in MISMATCHES],
                         ids=[row[0] for row in MISMATCHES])  # fmt: skip
def test_mismatch(request_, statement, expected):
    [parsed] = Policy.parse({"Version": "2012-10-17", "Statement": statement}, "p").statements
    assert mismatches(parsed, request_) == (expected,)


def test_a_negated_condition_says_that_its_values_are_not_wanted():
    text = allow(Condition={"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}})
    [parsed] = Policy.parse({"Version": "2012-10-17", "Statement": text}, "p").statements
    request = Request(USER, "s3:GetObject", OBJECT, A, {"aws:requestedregion": "us-east-1"})
    assert mismatches(parsed, request) == (
        Mismatch(
            "condition", "condition_not_met", "us-east-1", "us-east-1",
            "the condition StringNotEquals on aws:RequestedRegion wants anything but us-east-1; "
            "the request has us-east-1", "aws:RequestedRegion", negated=True,
        ),
    )  # fmt: skip
