"""The facts of a call are worked out once, and patched facts are those of the patched evidence."""

import json
from dataclasses import replace
from typing import Any

import pytest

import threegrants.diagnosis.facts as facts_module
from support.worlds import ADMIN, BUCKET, KEY, ROLE, A, B, allow, call, delegates, evidence, policy
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.cloudtrail import CallerType
from threegrants.diagnosis import ParsedPolicy, diagnose, facts_of
from threegrants.evidence import (
    LevelEvidence,
    NamedPolicy,
    OrganizationEvidence,
    PolicyKind,
    Read,
    Unread,
)
from threegrants.iam import KmsGrant, Policy

UNREAD = Unread("the reader was refused", "s3:GetBucketPolicy")


def with_caller(**changes):
    seen = evidence()
    return replace(seen, caller=replace(seen.caller, **changes))


def with_bucket(**changes):
    seen = evidence()
    return replace(seen, bucket=replace(seen.bucket, **changes))


SESSION = f"arn:aws:sts::{B}:assumed-role/analyst/s"
PRINCIPALS = [
    ("a session of a role", evidence(), SESSION),
    ("a user", with_caller(type=CallerType.USER, arn=Read(f"arn:aws:iam::{B}:user/ann")),
     f"arn:aws:iam::{B}:user/ann"),
    ("anonymous", with_caller(type=CallerType.ANONYMOUS, account=None, arn=Read(None)), "anonymous"),
    ("a service that the record does not name", with_caller(type=CallerType.SERVICE), None),
    ("a role that could not be read is known by its session", with_caller(arn=UNREAD), SESSION),
]  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "wanted"), [c[1:] for c in PRINCIPALS], ids=[c[0] for c in PRINCIPALS]
)
def test_who_the_evaluator_is_asked_about(seen, wanted):
    assert facts_of(call(), seen).principal == wanted


BOUNDARIES = [
    ("none", Read(None), False),
    ("one", Read(NamedPolicy("limit", policy(ADMIN), PolicyKind.BOUNDARY)), True),
    ("not read", UNREAD, None),
]


@pytest.mark.parametrize(
    ("boundary", "wanted"), [c[1:] for c in BOUNDARIES], ids=[c[0] for c in BOUNDARIES]
)
def test_whether_a_boundary_is_on_the_caller(boundary, wanted):
    assert facts_of(call(), with_caller(boundary=boundary)).has_boundary is wanted


def test_requests_are_those_of_the_call():
    asked = [one.request for one in facts_of(call(), evidence()).requests()]
    assert [(one.action, one.resource, one.resource_account) for one in asked] == [
        ("s3:GetObject", f"{BUCKET}/2026/q3.csv", A),
        ("kms:Decrypt", KEY, A),
    ]


def test_without_the_owner_the_callers_own_policies_can_be_asked():
    facts = facts_of(call(), with_bucket(account=UNREAD))
    assert facts.bucket_owner is None
    assert facts.s3_request("s3:GetObject").request.resource_account == ""
    assert facts.resource_owners == {A}  # the key's


def test_without_a_principal_nothing_can_be_asked():
    facts = facts_of(call(), with_caller(type=CallerType.SERVICE))
    assert facts.requests() == ()
    assert facts.s3_context is None
    assert facts.kms_context is None


POINT = f"arn:aws:s3:eu-west-1:{A}:accesspoint/reports"


def test_through_an_access_point_the_request_has_two_resources():
    facts = facts_of(replace(call(), access_point_arn=POINT), evidence())
    assert facts.s3_request("s3:GetObject").request.resource == f"{BUCKET}/2026/q3.csv"
    own = facts.access_point_request("s3:GetObject")
    assert own.request.resource == f"{POINT}/object/2026/q3.csv"
    assert own.request.resource_account == A
    assert facts_of(call(), evidence()).access_point_request("s3:GetObject") is None


DOCUMENTS = [
    ("a policy", policy(ADMIN), True, ""),
    ("no JSON", "{", False, "policy own is not JSON"),
    ("JSON, but no object", "[]", False, "policy own is not a JSON object"),
    ("deeper than Python reads", "[" * 100_000, False, "policy own is not JSON"),
    ("no policy", '{"Statement": [{"Effect": "Allow", "Acton": "s3:*"}]}', False, "Acton"),
    (
        "a key that stands twice",
        policy(ADMIN).replace("{", '{"Statement": [],', 1),
        False,
        "policy own is ambiguous: Statement: stands twice",
    ),
    (
        "a key that stands twice in a statement",
        policy(ADMIN).replace('"Effect"', '"Action": [], "Action"'),
        False,
        "Statement[0].Action: stands twice",
    ),
]


@pytest.mark.parametrize(
    ("text", "parsed", "why"), [c[1:] for c in DOCUMENTS], ids=[c[0] for c in DOCUMENTS]
)
def test_what_cannot_be_read_is_a_value(text, parsed, why):
    found = ParsedPolicy.parse(NamedPolicy("own", text))
    assert (found.policy is not None) is parsed
    assert bool(found.error) is not parsed
    assert why in found.error


def test_a_policy_that_cannot_be_read_is_said_where_it_stands():
    seen = with_caller(policies=Read((NamedPolicy("own", "{"), NamedPolicy("fine", policy(ADMIN)))))
    found = diagnose(call(), seen)
    assert found.iam_policy.verdict == "unknown"
    assert {reason.code for reason in found.iam_policy.reasons} == {"policy_not_readable"}
    assert found.bucket_policy.verdict == "missing"


OTHER = ParsedPolicy.parse(NamedPolicy("bucket policy", policy(allow(ROLE)), PolicyKind.RESOURCE))
IN_KEY = ParsedPolicy.parse(NamedPolicy("key policy", policy(delegates(B)), PolicyKind.RESOURCE))
INLINE = ParsedPolicy.parse(NamedPolicy("own", policy(allow())))
MANAGED = ParsedPolicy.parse(NamedPolicy("own", policy(allow()), PolicyKind.MANAGED))
GRANT = KmsGrant(KEY, ROLE, ("Decrypt",), {}, "g-1")
SEEN = evidence((allow("*"),), None, (allow(action="sqs:*", resource="*"),))
CHANGES = [
    ("a bucket policy", lambda facts: facts.with_bucket_policy(OTHER)),
    ("a key policy", lambda facts: facts.with_key_policy(IN_KEY)),
    ("a grant", lambda facts: facts.with_kms_grant(GRANT)),
    ("an inline policy, written anew", lambda facts: facts.with_identity_policy(INLINE)),
    ("a managed policy of the same name", lambda facts: facts.with_identity_policy(MANAGED)),
]


@pytest.mark.parametrize("change", [c[1] for c in CHANGES], ids=[c[0] for c in CHANGES])
def test_changed_facts_are_the_facts_of_the_changed_evidence(change):
    before = facts_of(call(), SEEN)
    after = change(before)
    assert after != before
    assert after == facts_of(call(), after.evidence)
    assert after.s3_context is before.s3_context
    assert after.kms_context is before.kms_context


def test_a_policy_of_the_same_name_and_kind_takes_the_old_ones_place():
    before = facts_of(call(), SEEN)
    assert before.with_identity_policy(INLINE).identity_policies == Read((INLINE,))
    assert len(before.with_identity_policy(MANAGED).identity_policies.value) == 2


def test_what_is_not_there_cannot_be_changed():
    nothing = facts_of(call(), replace(SEEN, bucket=None, key=Read(None)))
    assert nothing.with_bucket_policy(OTHER) is nothing
    assert nothing.with_key_policy(IN_KEY) is nothing
    assert nothing.with_kms_grant(GRANT) is nothing
    unread = facts_of(call(), with_caller(policies=UNREAD))
    assert unread.with_identity_policy(INLINE) is unread


@pytest.fixture
def counted(monkeypatch):
    """How often contexts are built and policies are parsed."""
    counts: dict[str, Any] = {"contexts": 0, "policies": []}

    def count(name):
        real = getattr(facts_module, name)

        def wrapped(*given):
            counts["contexts"] += 1
            return real(*given)

        monkeypatch.setattr(facts_module, name, wrapped)

    count("s3_request_context")
    count("kms_request_context")
    real = Policy.parse

    def parse(document, name):
        counts["policies"].append(json.dumps(document, sort_keys=True))
        return real(document, name)

    monkeypatch.setattr(Policy, "parse", parse)
    return counts


def test_one_analysis_works_everything_out_once(counted):
    own = (allow(action="sqs:*", resource="*"),)
    full = {"scps": Read((LevelEvidence("r-1", (NamedPolicy("Full", policy(ADMIN)),)),))}
    place = OrganizationEvidence(
        B, Read("o-1"), Read("9" * 12), Read("o-1/r-1/"), rcps=Read(()), **full
    )
    seen = evidence((allow(f"{ROLE}2"),), None, own, organizations={B: place})
    found = analyze_evidence(call(), seen, AnalysisOptions())
    assert len(found.offered) == 8
    assert counted["contexts"] == 2
    written = [json.loads(patch.after) for patch in found.offered]
    documents = [json.loads(text) for text in counted["policies"]]
    once = [one for one in documents if one in written or one == json.loads(policy(*own))]
    assert len(once) == 8  # seven documents that are written, and the role's own policy
    read = [json.loads(policy(allow(f"{ROLE}2"))), json.loads(policy(delegates()))]
    assert [documents.count(one) for one in read] == [1, 1]


def test_one_accessor_for_what_was_read():
    assert Read("x").value_or_none == "x"
    assert Read(None).value_or_none is None
    assert UNREAD.value_or_none is None
