"""Who is who: sessions, roles, users, and two approvals by one person."""

import pytest

from support.worlds import A, B
from threegrants.remediation.approvers import (
    account_of,
    completes,
    is_identified,
    same_person,
    same_principal,
)
from threegrants.remediation.first_approval import Approval


def session(role, name="sam", account=A):
    return f"arn:aws:sts::{account}:assumed-role/{role}/{name}"


def user(name, account=A):
    return f"arn:aws:iam::{account}:user/{name}"


KNOWN = [
    (session("on-call"), True),
    (user("team/sam"), True),
    (f"arn:aws-us-gov:iam::{A}:root", True),
    (f"arn:aws:sts::{A}:federated-user/sam", False),
    (f"arn:aws:iam::{A}:role/on-call", False),
    ("", False),
    ("sam", False),
    (session("on-call") + "\n", False),
    (session("on-call") + "/more", False),
    ("arn:aws:sts::12345:assumed-role/on-call/sam", False),
]


@pytest.mark.parametrize(("arn", "wanted"), KNOWN)
def test_known(arn, wanted):
    assert is_identified(arn) is wanted


SAME = [
    (session("analyst"), f"arn:aws:iam::{A}:role/analyst", True),
    (session("analyst"), f"arn:aws:iam::{A}:role/team/analyst", True),
    (session("Analyst"), f"arn:aws:iam::{A}:role/analyst", True),
    (session("analyst", account=B), f"arn:aws:iam::{A}:role/analyst", False),
    (session("analyst2"), f"arn:aws:iam::{A}:role/analyst", False),
    (user("analyst"), f"arn:aws:iam::{A}:role/analyst", False),
    (user("team/sam"), user("sam"), True),
]


@pytest.mark.parametrize(("one", "other", "wanted"), SAME)
def test_same_principal(one, other, wanted):
    assert same_principal(one, other) is wanted


SSO_ADMIN, SSO_READER = (
    "AWSReservedSSO_Admin_0123456789abcdef",
    "AWSReservedSSO_Read_fedcba9876543210",
)
PERSONS = [
    ("two sessions of one role", session("on-call", "sam"), session("on-call", "kim"), True),
    ("two roles", session("on-call", "sam"), session("lead", "sam"), False),
    ("user and role", user("sam"), session("on-call", "sam"), False),
    (
        "two permission sets, one person",
        session(SSO_ADMIN, "sam"),
        session(SSO_READER, "Sam"),
        True,
    ),
    ("two permission sets, two people", session(SSO_ADMIN), session(SSO_READER, "kim"), False),
    ("one permission set", session(SSO_ADMIN, "sam"), session(SSO_ADMIN, "kim"), True),
]


@pytest.mark.parametrize(("one", "other", "wanted"), [c[1:] for c in PERSONS],
                         ids=[c[0] for c in PERSONS])  # fmt: skip
def test_same_person(one, other, wanted):
    assert same_person(one, other) is same_person(other, one) is wanted


FIRST = Approval(("one", "two"), ("c-1", "c-2"), session("on-call"), 900, 1000)
LEAD = session("lead", "kim")
SECONDS = [
    ("another person, in time, the same digests", FIRST, ("two", "one"), LEAD, 999, True),
    ("no first approval", None, ("one", "two"), LEAD, 0, False),
    ("the first has just expired", FIRST, ("one", "two"), LEAD, 1000, False),
    ("a digest fewer", FIRST, ("one",), LEAD, 0, False),
    ("a digest more", FIRST, ("one", "two", "three"), LEAD, 0, False),
    ("the same person", FIRST, ("one", "two"), session("on-call"), 0, False),
    ("the same role, another session", FIRST, ("one", "two"), session("on-call", "kim"), 0, False),
]


@pytest.mark.parametrize(("first", "digests", "approver", "now", "wanted"), [c[1:] for c in SECONDS],
                         ids=[c[0] for c in SECONDS])  # fmt: skip
def test_the_second_of_two_approvals(first, digests, approver, now, wanted):
    assert completes(first, digests, approver, now) is wanted


ACCOUNTS = [
    (session("on-call", account=B), B),
    (f"arn:aws:iam::{A}:root", A),
    ("sam", ""),
    ("", ""),
]


@pytest.mark.parametrize(("arn", "account"), ACCOUNTS)
def test_account_of(arn, account):
    assert account_of(arn) == account
