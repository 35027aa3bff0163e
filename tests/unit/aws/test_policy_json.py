"""Policy documents as AWS gives them back: one or many, the normal form, and what is ours."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threegrants.aws.policy_json import (
    as_list,
    aws_principals,
    is_ours,
    normal_form,
    one_or_many,
    same_grant,
    same_policy,
    same_statement,
    sid_of_ours,
    statement_objects,
    statements,
    texts,
)

A, B = "111111111111", "222222222222"
ROLE, OTHER = f"arn:aws:iam::{B}:role/analyst", f"arn:aws:iam::{B}:role/other"
BUCKET = "arn:aws:s3:::a-reports"
ALLOW = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "s3:GetObject",
         "Resource": f"{BUCKET}/*"}  # fmt: skip

ONE_OR_MANY = [
    ("one", "a", ["a"], ("a",)),
    ("several", ["a", "b"], ["a", "b"], ("a", "b")),
    ("none", [], [], ()),
    ("nothing", None, [None], ()),
    ("a number among them", ["a", 1], ["a", 1], ()),
    ("an object", {"a": 1}, [{"a": 1}], ()),
]


@pytest.mark.parametrize(("value", "listed", "found"), [c[1:] for c in ONE_OR_MANY],
                         ids=[c[0] for c in ONE_OR_MANY])  # fmt: skip
def test_one_or_many(value, listed, found):
    assert as_list(value) == listed
    assert texts(value) == found


@given(st.lists(st.text(), min_size=1).map(tuple))
def test_texts_are_read_as_they_are_written(values):
    assert texts(one_or_many(values)) == values


STATEMENTS = [
    ("a list", {"Statement": [ALLOW, ALLOW]}, [ALLOW, ALLOW]),
    ("one without a list", {"Statement": ALLOW}, [ALLOW]),
    ("none", {"Version": "2012-10-17"}, []),
    ("something else among them", {"Statement": [ALLOW, "text"]}, [ALLOW, "text"]),
]


@pytest.mark.parametrize(("document", "wanted"), [c[1:] for c in STATEMENTS],
                         ids=[c[0] for c in STATEMENTS])  # fmt: skip
def test_statements(document, wanted):
    assert statements(document) == wanted
    assert statement_objects(document) == [one for one in wanted if one != "text"]


PRINCIPALS = [
    ("one", {"AWS": ROLE}, (ROLE,)),
    ("several", {"AWS": [ROLE, OTHER]}, (ROLE, OTHER)),
    ("a service beside", {"AWS": ROLE, "Service": "s3.amazonaws.com"}, (ROLE,)),
    ("a service alone", {"Service": "s3.amazonaws.com"}, ()),
    ("everyone", "*", ()),
    ("no texts", {"AWS": [1]}, ()),
]


@pytest.mark.parametrize(("principal", "wanted"), [c[1:] for c in PRINCIPALS],
                         ids=[c[0] for c in PRINCIPALS])  # fmt: skip
def test_aws_principals(principal, wanted):
    assert aws_principals({**ALLOW, "Principal": principal}) == wanted


def test_a_statement_of_an_iam_policy_names_nobody():
    assert aws_principals({k: v for k, v in ALLOW.items() if k != "Principal"}) == ()


def having(**changes):
    return {**ALLOW, **changes}


REWRITTEN = [
    ("an account id", having(Principal={"AWS": A}),
     having(Principal={"AWS": f"arn:aws:iam::{A}:root"})),
    ("an account id in China", having(Principal={"AWS": A}),
     having(Principal={"AWS": f"arn:aws-cn:iam::{A}:root"})),
    ("one among several", having(Principal={"AWS": [ROLE, A]}),
     having(Principal={"AWS": [f"arn:aws:iam::{A}:root", ROLE]})),
    ("a list of one", having(Action=["s3:GetObject"]), ALLOW),
    ("a set in another order", having(Action=["s3:GetObject", "s3:PutObject"]),
     having(Action=["s3:PutObject", "s3:GetObject"])),
    ("one twice", having(Action=["s3:GetObject", "s3:GetObject"]), ALLOW),
    ("an empty Sid", having(Sid=""), ALLOW),
    ("elements in another order", dict(reversed(ALLOW.items())), ALLOW),
    ("condition values in a list", having(Condition={"Bool": {"aws:SecureTransport": ["true"]}}),
     having(Condition={"Bool": {"aws:SecureTransport": "true"}})),
]  # fmt: skip
CHANGED = [
    ("one action more", having(Action=["s3:GetObject", "s3:PutObject"]), ALLOW),
    ("another Sid", having(Sid="A"), having(Sid="B")),
    ("a Sid", having(Sid="A"), ALLOW),
    ("another account", having(Principal={"AWS": A}), having(Principal={"AWS": B})),
    ("another case", having(Resource=BUCKET.upper()), having(Resource=BUCKET)),
    ("an account id as a resource", having(Resource=A), having(Resource=f"arn:aws:iam::{A}:root")),
    ("a condition", having(Condition={"Bool": {"aws:SecureTransport": "true"}}), ALLOW),
]


def document(*listed):
    return json.dumps({"Version": "2012-10-17", "Statement": list(listed)})


@pytest.mark.parametrize(
    ("one", "other"), [c[1:] for c in REWRITTEN], ids=[c[0] for c in REWRITTEN]
)
def test_what_aws_rewrites_is_no_change(one, other):
    assert same_statement(one, other)
    assert same_policy(document(one), document(other))
    assert same_policy(document(one), json.dumps({"Statement": other, "Version": "2012-10-17"}))


@pytest.mark.parametrize(("one", "other"), [c[1:] for c in CHANGED], ids=[c[0] for c in CHANGED])
def test_what_is_a_change(one, other):
    assert not same_statement(one, other)
    assert not same_policy(document(one), document(other))


def test_the_order_of_statements_counts():
    assert not same_policy(document(ALLOW, having(Sid="A")), document(having(Sid="A"), ALLOW))


def test_no_document_is_like_none():
    assert normal_form(None) is None
    assert same_policy(None, None)
    assert not same_policy(None, document(ALLOW))


values = st.recursive(
    st.text(max_size=4) | st.just(A) | st.booleans() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["AWS", "Statement", "Sid", "Action", "x"]), inner)
    ),
    max_leaves=12,
)


@given(values.map(lambda value: {"Statement": value}))
def test_the_normal_form_is_its_own_normal_form(value):
    once = normal_form(json.dumps(value))
    assert normal_form(json.dumps(once)) == once


ACTIONS, RESOURCES = ("s3:GetObject", "s3:GetObjectAttributes"), (f"{BUCKET}/2026/*", BUCKET)
OURS = {"Sid": sid_of_ours("read", ACTIONS, RESOURCES), "Effect": "Allow",
        "Principal": {"AWS": ROLE}, "Action": list(ACTIONS), "Resource": list(RESOURCES)}  # fmt: skip

KNOWN = [
    ("as written", OURS, True),
    ("sets reordered", {**OURS, "Action": OURS["Action"][::-1],
                        "Resource": OURS["Resource"][::-1]}, True),
    ("elements reordered", dict(reversed(OURS.items())), True),
    ("an action in another case", {**OURS, "Action": ["S3:getobject", ACTIONS[1]]}, True),
    ("more principals", {**OURS, "Principal": {"AWS": [ROLE, OTHER]}}, True),
    ("the id of a deleted principal", {**OURS, "Principal": {"AWS": ["AROAX", ROLE]}}, True),
    ("in an IAM policy", {k: v for k, v in OURS.items() if k != "Principal"}, True),
    ("a second one", {**OURS, "Sid": f"{OURS['Sid']}x2"}, True),
    ("one action more", {**OURS, "Action": [*OURS["Action"], "s3:PutObject"]}, False),
    ("another resource", {**OURS, "Resource": BUCKET}, False),
    ("everyone", {**OURS, "Principal": "*"}, False),
    ("everyone in a list", {**OURS, "Principal": {"AWS": [ROLE, "*"]}}, False),
    ("nobody", {**OURS, "Principal": {"AWS": []}}, False),
    ("a service", {**OURS, "Principal": {"AWS": ROLE, "Service": "s3.amazonaws.com"}}, False),
    ("a condition", {**OURS, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}, False),
    ("a deny", {**OURS, "Effect": "Deny"}, False),
    ("NotAction", {k: v for k, v in {**OURS, "NotAction": "s3:*"}.items() if k != "Action"}, False),
    ("no Resource", {k: v for k, v in OURS.items() if k != "Resource"}, False),
    ("another Sid", {**OURS, "Sid": "ThreegrantsRead000000000000"}, False),
    ("words behind the Sid", {**OURS, "Sid": f"{OURS['Sid']}x2b"}, False),
    ("no Sid", {k: v for k, v in OURS.items() if k != "Sid"}, False),
    ("no strings", {**OURS, "Action": [1]}, False),
    ("no object", "ThreegrantsRead", False),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "ours"), [c[1:] for c in KNOWN], ids=[c[0] for c in KNOWN])
def test_what_is_ours(statement, ours):
    assert is_ours(statement) is ours


def test_a_sid_is_of_letters_and_digits():
    read, write = (sid_of_ours(access, ACTIONS, RESOURCES) for access in ("read", "write"))
    assert read.isalnum()
    assert read.startswith("ThreegrantsRead")
    assert write.removeprefix("ThreegrantsWrite") == read.removeprefix("ThreegrantsRead")


SAME = [
    ("other principals", {**OURS, "Principal": {"AWS": OTHER}}, True),
    ("in another order", {**OURS, "Action": OURS["Action"][::-1]}, True),
    ("another action", {**OURS, "Action": ACTIONS[0]}, False),
    ("another resource", {**OURS, "Resource": BUCKET}, False),
]


@pytest.mark.parametrize(("other", "same"), [c[1:] for c in SAME], ids=[c[0] for c in SAME])
def test_the_same_grant(other, same):
    assert same_grant(OURS, other) is same
