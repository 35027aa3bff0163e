"""Policies that allow nothing by themselves: each with its sentence, and what AWS says of them itself."""

from dataclasses import replace

import pytest

from support.names import A, B
from support.policies import allow, policy
from support.worlds import ADMIN, ROLE, call, delegates, evidence
from threegrants.cloudtrail import CallerType
from threegrants.cloudtrail.denied_call import Message, StatedPolicyType
from threegrants.diagnosis import Certainty, MissingInformation
from threegrants.diagnosis.aws_details import blockers_named_by_aws, certainty
from threegrants.diagnosis.facts import facts_of
from threegrants.diagnosis.guardrails import guardrails, unread_guardrails
from threegrants.diagnosis.legs import LegVerdicts
from threegrants.diagnosis.verdicts import Blocker, BlockerKind, Grant, Verdict
from threegrants.evidence import (
    AccessPointEvidence,
    Authorization,
    AuthorizedAction,
    Check,
    EndpointEvidence,
    LevelEvidence,
    NamedPolicy,
    OrganizationEvidence,
    PolicyKind,
    Read,
    Unread,
)

UNREAD = Unread("not read", "x:Read")
POINT = f"arn:aws:s3:eu-west-1:{A}:accesspoint/p"
PLAIN = call()
NO_S3 = {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Sid": "No"}
UNKNOWN_MFA = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
MFA_UNKNOWN = "aws:MultiFactorAuthPresent"
TELLS_BOUNDARY = "whoever set the boundary of this role or user"
ADMINS = "the organisation's administrators"


def bounded(*statements, account=B, bucket=(), **more):
    seen = evidence(bucket, account=account, encrypted=False, **more)
    text = policy(*statements)
    boundary = Read(NamedPolicy("limits", text, PolicyKind.BOUNDARY) if text else None)
    return replace(seen, caller=replace(seen.caller, boundary=boundary))


def level(*statements, name="r-1"):
    return LevelEvidence(name, (NamedPolicy("p-1", policy(*statements)),))


def organized(account, scps=(), rcps=(), manager="999999999999", **more):
    place = OrganizationEvidence(
        account, Read("o-1"), Read(manager), Read("o-1/"), Read(scps), Read(rcps)
    )
    return evidence(encrypted=False, organizations={account: place}, **more)


def through_endpoint(*statements):
    found = Read(EndpointEvidence("vpce-1", B, "vpc-1", Read(policy(*statements))))
    return evidence(encrypted=False, endpoint=found)


def through_point(*statements, owner=A):
    point = AccessPointEvidence(
        POINT, owner, Read("a-reports"), Read(A), Read(policy(*statements)), Read("Internet")
    )
    return evidence(encrypted=False, access_point=Read(point))


AT_POINT = replace(PLAIN, access_point_arn=POINT)


def blocked(found):
    """What stops the call, without the reasons in brackets, which tests of their own hold."""
    return [
        (one.kind.value, one.verdict.value, one.policy, one.sid, one.detail.partition(" (")[0],
         one.detail.rpartition("; ask ")[2], one.owner, one.deliberate)
        for one in found
    ]  # fmt: skip


def row(kind, verdict, policy_name, sid, detail, owner, *, deliberate=True):
    return [(kind, verdict, policy_name, sid, detail, owner, owner, deliberate)]


FULL = {**ADMIN, "Principal": "*"}
ENDS = [
    pytest.param(PLAIN, evidence(encrypted=False), [], id="nothing"),
    pytest.param(PLAIN, bounded(ADMIN), [], id="a boundary that allows"),
    pytest.param(PLAIN, bounded(allow(action="ec2:*")), row(
        "permissions_boundary", "missing", "limits", None, "the permissions boundary limits does not allow s3:GetObject", TELLS_BOUNDARY),
        id="a boundary that does not"),
    pytest.param(PLAIN, bounded(ADMIN, NO_S3), row(
        "permissions_boundary", "denied", "limits", "No", "the permissions boundary limits denies s3:GetObject", TELLS_BOUNDARY),
        id="a boundary that denies"),
    pytest.param(PLAIN, organized(B, (level(ADMIN), level(ADMIN, NO_S3, name="ou-1"))), row(
        "service_control_policy", "denied", "p-1", "No", "the service control policy p-1 at ou-1 denies s3:GetObject", ADMINS),
        id="an SCP of one level"),
    pytest.param(PLAIN, organized(B, (level(allow(action="ec2:*")), level(NO_S3, name="ou-1"))), row(
        "service_control_policy", "missing", "p-1", None, "the service control policy p-1 at r-1 does not allow s3:GetObject", ADMINS),
        id="the first level that refuses"),
    pytest.param(PLAIN, organized(A, (level(NO_S3),)), [], id="an SCP of the bucket's account"),
    pytest.param(PLAIN, organized(A, (), (level(FULL, {**NO_S3, "Principal": "*"}),)), row(
        "resource_control_policy", "denied", "p-1", "No", "the resource control policy p-1 at r-1 denies s3:GetObject", ADMINS),
        id="an RCP of the bucket's account"),
    pytest.param(PLAIN, organized(A, (), (level({**NO_S3, "Principal": "*"}),), manager=A), [], id="an RCP of the management account"),
    pytest.param(PLAIN, organized(B, (), (level({**NO_S3, "Principal": "*"}),)), [], id="an RCP of the caller's account"),
    pytest.param(PLAIN, through_endpoint(allow("*", "s3:*", "*")), [], id="an endpoint that allows"),
    pytest.param(PLAIN, through_endpoint(allow("*", "s3:PutObject", "*")), row(
        "vpc_endpoint_policy", "missing", "vpce-1", "#0",
        "the vpc endpoint policy vpce-1 does not allow s3:GetObject", "the owner of the VPC endpoint"),
        id="an endpoint that does not"),
    pytest.param(AT_POINT, through_point(allow("*", "s3:*", "*")), [], id="an access point that allows"),
    pytest.param(AT_POINT, through_point(allow(ROLE, "s3:PutObject", f"{POINT}/object/*")), row(
        "access_point_policy", "missing", "access point policy", "#0",
        f"the access point policy {POINT} does not allow s3:GetObject", "the owner of the access point", deliberate=False),
        id="an access point that does not"),
    pytest.param(AT_POINT, through_point(allow("*", "s3:*", f"{POINT}/object/*", effect="Deny", Sid="No")), row(
        "access_point_policy", "denied", "access point policy", "No",
        f"the access point policy {POINT} denies s3:GetObject", "the owner of the access point"),
        id="an access point that denies"),
    pytest.param(AT_POINT, through_point(allow(ROLE, "s3:PutObject", f"{POINT}/object/*"), owner=B), [], id="an access point of the caller's account"),
]  # fmt: skip


@pytest.mark.parametrize(("denied_call", "seen", "rows"), ENDS)
def test_what_a_guardrail_stops(denied_call, seen, rows):
    assert blocked(guardrails(facts_of(denied_call, seen)).blockers) == rows


SAME = call(account=A)
MINE = f"arn:aws:iam::{A}:role/analyst"
SESSION = f"arn:aws:sts::{A}:assumed-role/analyst/s"
NARROW = allow(action="ec2:*", resource="*")
EXEMPT = [
    pytest.param(allow(SESSION), True, None, id="an Allow for the session itself"),
    pytest.param(allow("*"), True, None, id="an Allow for everyone"),
    pytest.param(allow(MINE), False, None, id="an Allow for the role"),
    pytest.param(allow(A), False, None, id="an Allow for the account"),
    pytest.param(allow(SESSION, **UNKNOWN_MFA), False,
                 "it does not allow it, and whether the resource's policy names the caller so that this "
                 "does not matter is not known", id="an Allow that is not certain"),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "exempt", "doubt"), EXEMPT)
def test_whom_a_boundary_does_not_limit_in_one_account(statement, exempt, doubt):
    found = guardrails(facts_of(SAME, bounded(NARROW, account=A, bucket=(statement,))))
    assert bool(found.blockers) is (not exempt and doubt is None)
    supply = "a look at that policy with the request in hand, or AWS's detailed message"
    wanted = (
        ()
        if doubt is None
        else (MissingInformation("permissions boundary", f"limits: {doubt}", supply),)
    )
    assert found.missing_information == wanted


def test_across_accounts_a_boundary_limits_everyone():
    found = guardrails(facts_of(PLAIN, bounded(NARROW, bucket=(allow("*"),))))
    assert [one.kind for one in found.blockers] == ["permissions_boundary"]


def test_which_guardrails_were_evaluated():
    nothing = guardrails(facts_of(PLAIN, evidence(encrypted=False)))
    assert nothing.evaluated == {BlockerKind.PERMISSIONS_BOUNDARY}
    place = guardrails(facts_of(PLAIN, organized(B)))
    assert place.evaluated == {BlockerKind.PERMISSIONS_BOUNDARY, BlockerKind.SERVICE_CONTROL_POLICY}
    owner = guardrails(facts_of(PLAIN, organized(A)))
    assert owner.evaluated == {
        BlockerKind.PERMISSIONS_BOUNDARY,
        BlockerKind.RESOURCE_CONTROL_POLICY,
    }
    hangs = guardrails(facts_of(PLAIN, bounded({**ADMIN, **UNKNOWN_MFA})))
    assert hangs.evaluated == frozenset()
    assert [one.what for one in hangs.missing_information] == ["permissions boundary"]
    assert MFA_UNKNOWN in hangs.missing_information[0].why
    service = replace(bounded(NARROW), caller=replace(bounded(NARROW).caller, type=CallerType.ROOT))
    assert guardrails(facts_of(PLAIN, service)).blockers == ()


SESSION_POLICY = (
    "session policy", "CloudTrail does not record the session policy of an AssumeRole call here",
    "the AssumeRole record of this session",
)  # fmt: skip


def unread_place(account):
    place = OrganizationEvidence(account, Read("o-1"), Read(None), Read("o-1/"), UNREAD, UNREAD)
    return evidence(encrypted=False, organizations={account: place})


def checked(*checks, action="s3:GetObject", encrypted=False):
    details = Authorization("id", (AuthorizedAction(action, "r", "DENY", {}, checks),))
    return evidence(encrypted=encrypted, authorization=Read(details))


def caller(seen, **parts):
    return replace(seen, caller=replace(seen.caller, **parts))


NOT_READ = [
    pytest.param(evidence(), [], True, id="a session's policy alone"),
    pytest.param(caller(evidence(), boundary=UNREAD), ["permissions boundary"], True, id="a boundary"),
    pytest.param(caller(evidence(), boundary=UNREAD, type=CallerType.SERVICE), [], False, id="a service has none"),
    pytest.param(unread_place(B), [f"service control policies of account {B}"], True, id="SCPs of the caller"),
    pytest.param(unread_place(A), [f"resource control policies of account {A}"], True, id="RCPs of the owner"),
    pytest.param(unread_place("333333333333"), [], True, id="those of another account"),
    pytest.param(evidence(endpoint=UNREAD), ["VPC endpoint policy"], True, id="an endpoint"),
    pytest.param(evidence(access_point=UNREAD), ["access point"], True, id="an access point"),
    pytest.param(caller(evidence(), type=CallerType.USER), [], False, id="a user has no session policy"),
    pytest.param(caller(evidence(), type=CallerType.FEDERATED_USER), [], True, id="a federated user has one"),
    pytest.param(checked(Check("session", "ALLOW", None, (), ())), [], False, id="AWS checked the session policy"),
    pytest.param(checked(Check("identity", "ALLOW", None, (), ())), [], True, id="AWS checked another"),
]  # fmt: skip


@pytest.mark.parametrize(("seen", "whats", "session"), NOT_READ)
def test_which_guardrails_were_not_read(seen, whats, session):
    found = list(unread_guardrails(facts_of(PLAIN, seen)))
    wanted = [MissingInformation(what, "not read", "x:Read") for what in whats]
    assert found == wanted + [MissingInformation(*SESSION_POLICY)] * session


def says(policy_type=None, *, deny=None, action="s3:GetObject", arn=None):
    return replace(PLAIN, message=Message("x", None, action, None, policy_type, deny, arn))


SCP = StatedPolicyType.SCP
REFUSED_BY_SCP = Check("scp", "EXPLICIT_DENY", "r-1", ("p-1", "p-2"), ("No",))
NAMED = [
    pytest.param(PLAIN, checked(REFUSED_BY_SCP), [
        ("service_control_policy", "denied", "p-1, p-2", "No",
         f"AWS's own check at r-1: a service control policy denies s3:GetObject; ask {ADMINS}", ADMINS)], id="a check that denies"),
    pytest.param(PLAIN, checked(Check("boundary", "IMPLICIT_DENY", None, (), ())), [
        ("permissions_boundary", "missing", None, None,
         f"AWS's own check: a permissions boundary does not allow s3:GetObject; ask {TELLS_BOUNDARY}", TELLS_BOUNDARY)], id="a check that does not allow"),
    pytest.param(PLAIN, checked(Check("scp", "ALLOW", None, (), ())), [], id="a check that allows"),
    pytest.param(PLAIN, checked(Check("scp", "ALLOW", None, (), ()), REFUSED_BY_SCP, REFUSED_BY_SCP), [
        ("service_control_policy", "denied", "p-1, p-2", "No",
         f"AWS's own check at r-1: a service control policy denies s3:GetObject; ask {ADMINS}", ADMINS)], id="the same check twice"),
    pytest.param(PLAIN, checked(Check("identity", "EXPLICIT_DENY", None, (), ())), [], id="a check that is no guardrail's"),
    pytest.param(says(SCP, deny=True, arn="arn:p"), evidence(), [
        ("service_control_policy", "denied", "arn:p", None,
         f"AWS says that a service control policy explicitly denies s3:GetObject; ask {ADMINS}", ADMINS)], id="a message that denies"),
    pytest.param(says(StatedPolicyType.TRUST, deny=False), evidence(), [
        ("role_trust_policy", "missing", None, None,
         "AWS says that a role trust policy does not allow s3:GetObject; ask the role's owner", "the role's owner")], id="a message that does not allow"),
    pytest.param(replace(says(SCP, deny=False, action=None), action=None), evidence(), [
        ("service_control_policy", "missing", None, None,
         f"AWS says that a service control policy does not allow the call; ask {ADMINS}", ADMINS)], id="a message without the action"),
    pytest.param(says(StatedPolicyType.IDENTITY, deny=True), evidence(), [], id="a message about a grant"),
    pytest.param(says(SCP, deny=True), checked(REFUSED_BY_SCP), [
        ("service_control_policy", "denied", "p-1, p-2", "No",
         f"AWS's own check at r-1: a service control policy denies s3:GetObject; ask {ADMINS}", ADMINS)], id="a check before the message"),
]  # fmt: skip


@pytest.mark.parametrize(("denied_call", "seen", "rows"), NAMED)
def test_guardrails_that_aws_names(denied_call, seen, rows):
    facts = facts_of(denied_call, seen)
    wanted = [
        Blocker(BlockerKind(k), Verdict(v), name, sid, detail, owner)
        for k, v, name, sid, detail, owner in rows
    ]
    assert blockers_named_by_aws(facts, frozenset()) == wanted
    assert blockers_named_by_aws(facts, frozenset(BlockerKind)) == []


OURS = {
    name: Grant(Verdict(name)) for name in ("granted", "missing", "denied", "unknown", "not_needed")
}
RESOURCE, IDENTITY = StatedPolicyType.RESOURCE, StatedPolicyType.IDENTITY
SCP_KIND = BlockerKind.SERVICE_CONTROL_POLICY
KMS_SAYS = says(RESOURCE, deny=False, action="kms:Decrypt")
CERTAINTIES = [
    pytest.param(PLAIN, evidence(), "missing", "granted", (), (), [], "evaluated", id="AWS says nothing"),
    pytest.param(says(RESOURCE, deny=False), evidence(), "missing", "granted", (), (), [], "confirmed", id="it says the same"),
    pytest.param(says(RESOURCE, deny=False), evidence(), "missing", "unknown", (), (), [], "evaluated", id="the same, and something is unknown"),
    pytest.param(says(RESOURCE, deny=False), evidence(), "granted", "granted", (), (),
                 ["the resource-based policy did not allow s3:GetObject"], "contradicted", id="we allow what it does not"),
    pytest.param(says(IDENTITY, deny=True), evidence(), "granted", "missing", (), (),
                 ["the identity-based policy explicitly denied s3:GetObject"], "contradicted", id="it denies what we miss"),
    pytest.param(says(RESOURCE, deny=False), evidence(), "denied", "granted", (), (),
                 ["the resource-based policy did not allow s3:GetObject"], "contradicted", id="we deny what it misses"),
    pytest.param(says(RESOURCE, deny=True), evidence(), "denied", "granted", (), (), [], "confirmed", id="both deny"),
    pytest.param(KMS_SAYS, evidence(), "granted", "granted", (), (), [], "confirmed", id="it speaks of the key"),
    pytest.param(says(SCP, deny=True), evidence(), "granted", "granted", (SCP_KIND,), (SCP_KIND,), [], "confirmed", id="a guardrail that was found"),
    pytest.param(says(SCP, deny=True), evidence(), "granted", "granted", (), (SCP_KIND,),
                 ["a service control policy explicitly denied s3:GetObject"], "contradicted", id="a guardrail that allows"),
    pytest.param(says(SCP, deny=True), evidence(), "granted", "granted", (), (), [], "evaluated", id="a guardrail that was not read"),
    pytest.param(PLAIN, checked(Check("resource", "EXPLICIT_DENY", None, (), ())), "granted", "granted", (), (),
                 ["the resource-based policy denied s3:GetObject"], "contradicted", id="a check that denies what we allow"),
    pytest.param(PLAIN, checked(Check("identity", "IMPLICIT_DENY", None, (), ())), "granted", "granted", (), (),
                 ["the identity-based policy did not allow s3:GetObject"], "contradicted", id="a check that misses what we allow"),
    pytest.param(PLAIN, checked(Check("resource", "IMPLICIT_DENY", None, (), ())), "missing", "granted", (), (), [], "confirmed", id="a check that says the same"),
    pytest.param(PLAIN, checked(Check("resource", "ALLOW", None, (), ())), "missing", "granted", (), (), [], "evaluated", id="a check that allows"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("denied_call", "seen", "resource", "identity", "found", "evaluated", "said", "how"),
    CERTAINTIES,
)
def test_whether_aws_says_the_same(
    denied_call, seen, resource, identity, found, evaluated, said, how
):
    s3, kms = (
        LegVerdicts(OURS[resource], OURS[identity]),
        LegVerdicts(OURS["missing"], OURS["granted"]),
    )
    got = certainty(facts_of(denied_call, seen), s3, kms, frozenset(found), frozenset(evaluated))
    wanted = tuple(
        MissingInformation(
            "AWS's own message",
            f"AWS said at 2026-11-24T03:00:00Z that {what}, but the policies read at 2026-11-24T03:01:00Z say "
            "otherwise: they were changed since, or something decides that the record does not carry",
            "a newer record of the same denial",
        )
        for what in said
    )  # fmt: skip
    assert got == (Certainty(how), wanted)


def test_a_key_of_aws_is_bound_by_no_rcp():
    place = OrganizationEvidence(
        A, Read("o-1"), Read("999999999999"), Read("o-1/"), Read(()),
        Read((level({"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*"}),)),
    )  # fmt: skip
    seen = evidence((allow(ROLE),), (delegates(),), organizations={A: place})
    assert [one.kind for one in guardrails(facts_of(PLAIN, seen)).blockers] == [
        "resource_control_policy"
    ]
    managed = replace(seen, key=Read(replace(seen.key.value, manager=Read("AWS"))))
    denies = [one.detail for one in guardrails(facts_of(PLAIN, managed)).blockers]
    assert not [one for one in denies if "kms:Decrypt" in one]
