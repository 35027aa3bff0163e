"""AWS's own check against ours, cell by cell; and what its message contradicts."""

import itertools

import pytest

from support.worlds import KEY, ROLE, B, allow, call, delegates, evidence
from threegrants.diagnosis import Certainty, Grant, Verdict, diagnose, facts_of
from threegrants.diagnosis.aws_details import certainty, reconcile_with_aws
from threegrants.diagnosis.legs import LegVerdicts
from threegrants.evidence import Authorization, AuthorizedAction, Check, Read

EFFECTS = ("ALLOW", "NO_IMPACT", "IMPLICIT_DENY", "EXPLICIT_DENY")
SAID = {
    # ours: what comes out for each of AWS's effects, in their order
    "granted": ("granted", "granted", "granted", "granted"),
    "missing": ("unknown", "unknown", "missing", "denied"),
    "denied": ("unknown", "unknown", "denied", "denied"),
    "unknown": ("granted", "not_needed", "missing", "denied"),
    "not_needed": ("not_needed", "not_needed", "not_needed", "not_needed"),
}
CELLS = [
    (ours, effect, out)
    for ours, row in SAID.items()
    for effect, out in zip(EFFECTS, row, strict=True)
]


def details(policy_type, effect, action="s3:GetObject"):
    check = Check(policy_type, effect, None, (), ())
    return Read(Authorization("id", (AuthorizedAction(action, "r", "ALLOW", {}, (check,)),)))


@pytest.mark.parametrize(("ours", "effect", "out"), CELLS)
def test_both_words(ours, effect, out):
    verdicts = LegVerdicts(Grant(Verdict(ours)), Grant(Verdict.GRANTED))
    seen = facts_of(call(), evidence(authorization=details("resource", effect)))
    found = reconcile_with_aws(verdicts, "s3", seen)
    assert found.resource.verdict == out
    assert found.identity == verdicts.identity


def test_nothing_of_ours_is_granted_by_aws_where_our_answer_is_certain():
    for ours, effect in itertools.product(("missing", "denied"), EFFECTS):
        verdicts = LegVerdicts(Grant(Verdict(ours)), Grant(Verdict(ours)))
        seen = facts_of(call(), evidence(authorization=details("identity", effect)))
        assert reconcile_with_aws(verdicts, "s3", seen).identity.verdict is not Verdict.GRANTED


def test_the_other_leg_is_not_touched():
    verdicts = LegVerdicts(Grant(Verdict.UNKNOWN), Grant(Verdict.UNKNOWN))
    seen = facts_of(call(), evidence(authorization=details("resource", "ALLOW", "kms:Decrypt")))
    assert reconcile_with_aws(verdicts, "s3", seen) == verdicts
    assert reconcile_with_aws(verdicts, "kms", seen).resource.verdict is Verdict.GRANTED


def test_the_gravest_of_several_checks_counts():
    checks = tuple(Check("resource", effect, None, (), ()) for effect in EFFECTS)
    action = AuthorizedAction("s3:GetObject", "r", "EXPLICIT_DENY", {}, checks)
    seen = facts_of(call(), evidence(authorization=Read(Authorization("id", (action,)))))
    verdicts = LegVerdicts(Grant(Verdict.UNKNOWN), Grant(Verdict.GRANTED))
    assert reconcile_with_aws(verdicts, "s3", seen).resource.verdict is Verdict.DENIED


WHO = f"User: arn:aws:sts::{B}:assumed-role/analyst/s is not authorized to perform: "
FINE = evidence(
    (allow(ROLE),),
    (delegates(), allow(ROLE, "kms:Decrypt", "*")),
    (allow(), allow(action="kms:Decrypt", resource=KEY)),
)
MESSAGES = [
    ("Access Denied", Certainty.EVALUATED),
    (f"{WHO}s3:GetObject because no identity-based policy allows the s3:GetObject action",
     Certainty.CONTRADICTED),
    (f"{WHO}kms:Decrypt because no resource-based policy allows the kms:Decrypt action",
     Certainty.CONTRADICTED),
    (f"{WHO}s3:GetObject because no permissions boundary allows the s3:GetObject action",
     Certainty.CONTRADICTED),
    (f"{WHO}s3:GetObject because no service control policy allows the s3:GetObject action",
     Certainty.CONFIRMED),
]  # fmt: skip


@pytest.mark.parametrize(("message", "wanted"), MESSAGES)
def test_a_message_against_grants_that_are_all_in_place(message, wanted):
    found = diagnose(call(message=message), FINE)
    assert found.certainty is wanted
    said = [lack for lack in found.unknowns if lack.what == "AWS's own message"]
    assert bool(said) is (wanted is Certainty.CONTRADICTED)


def test_a_contradiction_says_both_times():
    message = f"{WHO}s3:GetObject because no identity-based policy allows the s3:GetObject action"
    [said] = [
        one for one in diagnose(call(message=message), FINE).unknowns if "AWS said" in one.why
    ]
    assert "2026-11-24T03:00:00Z" in said.why
    assert FINE.at in said.why


def test_the_cross_account_sentence_of_kms_names_no_cause():
    message = (
        f"{WHO}kms:Decrypt on this resource because the resource does not exist in this Region, no "
        "resource-based policies allow access, or a resource-based policy explicitly denies access"
    )
    granted = LegVerdicts(Grant(Verdict.GRANTED), Grant(Verdict.GRANTED))
    facts = facts_of(call(message=message), FINE)
    found = certainty(facts, granted, granted, frozenset(), frozenset())
    assert found == (Certainty.EVALUATED, ())
