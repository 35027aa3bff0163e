"""Who a signed-in person is, beside AWS's identities: the same one, the denied one, or not to be told."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.worlds import A, B
from threegrants.cloudtrail import Access, CallerType
from threegrants.remediation import Refused
from threegrants.remediation.approval import require_not_own_grant
from threegrants.remediation.approvers import is_identified, same_person
from threegrants.remediation.page_access import GroupRight, PageAccess
from threegrants.remediation.page_decisions import require_may_approve, require_told_apart
from threegrants.remediation.person import Person, is_the_denied
from threegrants.report import PrincipalReport
from unit.remediation.reports import ANALYST, report_of
from unit.remediation.test_approval import IN_BUCKET, IN_IAM, TO_ACCOUNT, incident

ISSUER = "https://id.example.com/pool"


def person(subject="1", *names, issuer=ISSUER):
    return str(Person.known_as(issuer, subject, names))


def session(role, name, account=B):
    return f"arn:aws:sts::{account}:assumed-role/{role}/{name}"


SSO = "AWSReservedSSO_Analyst_0123456789abcdef"
SAM = person("1", "sam@example.com", "sam")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param(SAM, True, id="with names"),
        pytest.param(person(), True, id="without names"),
        pytest.param("https://id.example.com/pool#a|b", True, id="a subject with a bar"),
        pytest.param("https://id.example.com/pool", False, id="no subject"),
        pytest.param("https://id.example.com/pool#", False, id="an empty subject"),
        pytest.param("ftp://id.example.com#1", False, id="another scheme"),
        pytest.param(SAM + "\n", False, id="a line feed"),
        pytest.param(SAM + " ", False, id="a space at the end"),
        pytest.param(person() + " (sam, <b>)", False, id="a name that AWS does not take"),
        pytest.param(person() + " ()", False, id="no name in brackets"),
        pytest.param("sam@example.com", False, id="a bare address"),
    ],
)
def test_identified(text, wanted):
    assert is_identified(text) is wanted


@given(st.text(max_size=30), st.lists(st.text(max_size=20), max_size=4))
def test_what_is_written_is_read_back_or_is_nobody(subject, names):
    made = Person.known_as(ISSUER, subject, names)
    back = Person.parse(str(made))
    assert back in (made, None)
    assert (back is None) == (
        not (subject.isascii() and subject and all("!" <= c <= "~" for c in subject))
    )


PERSONS = [
    ("one subject", SAM, person("1"), True),
    ("one subject, another address by now", SAM, person("1", "kim@example.com"), True),
    ("two subjects", SAM, person("2", "kim@example.com"), False),
    ("two subjects without names", person("1"), person("2"), False),
    ("two accounts of one address", SAM, person("2", "Sam@Example.com"), True),
    ("two providers, one address", SAM, person("9", "sam@example.com", issuer="https://b.example"), True),
    ("two providers, nothing to tell by", SAM, person("9", issuer="https://b.example"), True),
    ("two providers, two addresses", SAM, person("9", "kim@x.example", issuer="https://b.example"), False),
    ("the same user of Identity Center", SAM, session(SSO, "sam"), True),
    ("the same user there, by address", SAM, session(SSO, "SAM@example.com"), True),
    ("another user of Identity Center", SAM, session(SSO, "kim"), False),
    ("sam of another domain", person("1", "sam@example.com"), session(SSO, "sam@other.example"), False),
    ("Identity Center, and no names", person("1"), session(SSO, "kim"), True),
    ("a session's name is chosen", SAM, session("on-call", "kim"), True),
    ("an IAM user", SAM, f"arn:aws:iam::{A}:user/kim", True),
    ("root", SAM, f"arn:aws:iam::{A}:root", True),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "wanted"), [c[1:] for c in PERSONS],
                         ids=[c[0] for c in PERSONS])  # fmt: skip
def test_same_person(one, other, wanted):
    assert same_person(one, other) is same_person(other, one) is wanted


def denied(kind=CallerType.ROLE, arn=f"arn:aws:iam::{B}:role/analyst", session_arn=None, **more):
    return PrincipalReport(arn, session_arn, B, kind, **more)


OWN = [
    ("a session of that name", denied(session_arn=session("analyst", "sam")), True),
    ("a session of another name, which is chosen", denied(session_arn=session("analyst", "x")), None),
    ("a source identity", denied(source_identity="sam@example.com"), True),
    ("another source identity", denied(source_identity="kim"), False),
    ("a source identity beside a chosen name", denied(session_arn=session("analyst", "x"),
     source_identity="sam"), True),
    ("Identity Center, the same user", denied(session_arn=session(SSO, "sam")), True),
    ("Identity Center, another user", denied(session_arn=session(SSO, "kim")), False),
    ("a user's id in Identity Center", denied(CallerType.IDENTITY_CENTER_USER, None,
     identity_center_user_id="sam"), True),
    ("an IAM user of that name", denied(CallerType.USER, f"arn:aws:iam::{B}:user/team/sam"), True),
    ("an IAM user of another name", denied(CallerType.USER, f"arn:aws:iam::{B}:user/kim"), None),
    ("a session that sam made", denied(CallerType.FEDERATED_USER, None,
     f"arn:aws:sts::{B}:federated-user/x", issuer_arn=f"arn:aws:iam::{B}:user/sam"), True),
    ("a service", denied(CallerType.SERVICE, None, service="logging.s3.amazonaws.com"), False),
    ("an account", denied(CallerType.ACCOUNT, None), None),
]  # fmt: skip


@pytest.mark.parametrize(("principal", "wanted"), [c[1:] for c in OWN], ids=[c[0] for c in OWN])
def test_is_the_denied(principal, wanted):
    assert is_the_denied(Person.parse(SAM), principal) is wanted


def test_nobody_without_a_name_is_told_apart():
    assert is_the_denied(Person.parse(person()), denied(source_identity="kim")) is None


@pytest.mark.parametrize("principal", [c[1] for c in OWN if c[2]], ids=[c[0] for c in OWN if c[2]])
def test_nobody_decides_about_their_own_denial(principal):
    with pytest.raises(Refused, match="denied principal"):
        require_not_own_grant(incident(report_of(IN_BUCKET, principal=principal)), SAM, ())


WRITES = PageAccess(must_be_told=frozenset({Access.WRITE}))


def test_who_cannot_be_told_is_refused_where_the_access_demands_it():
    sam = Person.parse(SAM)
    reads = report_of(IN_BUCKET, principal=denied(session_arn=session("analyst", "x")))
    writes = replace(reads, request=replace(reads.request, access=Access.WRITE))
    require_told_apart(WRITES, sam, reads, [IN_BUCKET])
    with pytest.raises(Refused, match="nobody can tell"):
        require_told_apart(WRITES, sam, writes, [IN_BUCKET])
    told = replace(writes, principal=denied(session_arn=session(SSO, "kim")))
    require_told_apart(WRITES, sam, told, [IN_BUCKET])
    with pytest.raises(Refused, match="nobody can tell"):
        require_told_apart(WRITES, sam, told, [TO_ACCOUNT])  # who of that account is sam?


READS_IN_A = GroupRight(group="a", accounts=frozenset({A}), access=frozenset({Access.READ}))
ALL_IN_B = GroupRight(group="b", accounts=frozenset({B}))
ACCESS = PageAccess(
    viewers=frozenset({"look"}),
    approvers=(READS_IN_A, ALL_IN_B, GroupRight(group="all")),
    break_glass=frozenset({"glass"}),
)


@pytest.mark.parametrize(
    ("groups", "patches", "kind", "allowed"),
    [
        pytest.param({"all"}, [IN_BUCKET, IN_IAM], Access.WRITE, True, id="everything"),
        pytest.param({"a"}, [IN_BUCKET], Access.READ, True, id="reads in A"),
        pytest.param({"a"}, [IN_BUCKET], Access.WRITE, False, id="the call was a write"),
        pytest.param({"a"}, [IN_IAM], Access.READ, False, id="a patch in B"),
        pytest.param({"a", "b"}, [IN_BUCKET, IN_IAM], Access.READ, True, id="one right for each patch"),
        pytest.param({"b"}, [IN_BUCKET, IN_IAM], Access.READ, False, id="half of them"),
        pytest.param({"look"}, [IN_BUCKET], Access.READ, False, id="a viewer"),
        pytest.param({"glass"}, [IN_BUCKET], Access.READ, False, id="break-glass alone approves nothing"),
        pytest.param(set(), [IN_BUCKET], Access.READ, False, id="no group"),
    ],
)  # fmt: skip
def test_who_may_approve(groups, patches, kind, allowed):
    report = report_of(*patches, access=kind)
    if allowed:
        require_may_approve(ACCESS, groups, report, patches)
    else:
        with pytest.raises(Refused, match="none of your groups"):
            require_may_approve(ACCESS, groups, report, patches)


@pytest.mark.parametrize(
    ("groups", "views", "decides"),
    [
        pytest.param({"look"}, True, False, id="viewer"),
        pytest.param({"all"}, True, True, id="approver"),
        pytest.param({"a"}, True, True, id="approver of the bucket's account"),
        pytest.param({"other"}, False, False, id="another group"),
        pytest.param(set(), False, False, id="no group"),
    ],
)
def test_who_may_look_and_decide(groups, views, decides):
    report = report_of(IN_BUCKET, principal=ANALYST)
    assert ACCESS.may_view(groups) is views
    assert ACCESS.may_decide(groups, report) is decides
    assert ACCESS.may_decide(groups, None) is decides


def test_without_a_configuration_nobody_may_anything():
    nobody = PageAccess()
    assert not nobody.may_view({"on-call"})
    assert not nobody.may_decide({"on-call"}, None)
    assert not nobody.may_break_glass({"on-call"})
