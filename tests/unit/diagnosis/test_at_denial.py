"""What was in force at the denial, and what is in force now: which of them decides what."""

from dataclasses import replace

import pytest

from support.worlds import BUCKET, KEY, ROLE, A, B, allow, call, delegates, evidence, policy
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.diagnosis import diagnose, facts_of
from threegrants.diagnosis.at_denial import changed_since, session_is_shown
from threegrants.evidence import (
    Authorization,
    AuthorizedAction,
    Check,
    EvaluatedPolicy,
    NamedPolicy,
    Read,
    Unread,
)
from threegrants.iam import PolicyType
from threegrants.report import report_for

IN_BUCKET = (allow(ROLE),)
IN_KEY = (delegates(), allow(ROLE, "kms:Decrypt", "*"))
IN_IAM = (allow(), allow(action="kms:Decrypt", resource=KEY))
ELSEWHERE = (allow(ROLE, "s3:GetObject", f"{BUCKET}/2025/*"),)
OPTIONS = AnalysisOptions(writable=frozenset({A, B}))


def shown(*statements, kind=PolicyType.RESOURCE, to=BUCKET, grant_id=None):
    return EvaluatedPolicy("uri", kind, (to,), Read(policy(*statements)), grant_id)


def with_authorization(seen, *policies, **checks):
    """Evidence with what AWS says: the effect of each check, by the name of its policy type."""
    made = tuple(Check(PolicyType(kind), effect, None, (), ()) for kind, effect in checks.items())
    action = AuthorizedAction("s3:GetObject", f"{BUCKET}/2026/q3.csv", None, {}, made)
    return replace(seen, authorization=Read(Authorization("id", (action,), policies)))


def changed_bucket(now=IN_BUCKET):
    """The bucket policy lacked then; this is what it says now."""
    seen = evidence(now, IN_KEY, IN_IAM)
    return with_authorization(seen, shown(*ELSEWHERE), resource="IMPLICIT_DENY", identity="ALLOW")


def test_nothing_is_offered_where_the_policies_now_grant():
    found = analyze_evidence(call(), changed_bucket(), OPTIONS)
    assert found.diagnosis.bucket_policy.verdict.value == "missing"
    assert found.diagnosis.outcome.value == "already_allowed"
    assert found.diagnosis.allowed
    assert (found.offered, found.handoffs) == ((), ())


def test_a_patch_is_made_from_the_bytes_in_force_now():
    now = (allow(ROLE, "s3:GetObject", f"{BUCKET}/2024/*"),)
    found = analyze_evidence(call(), changed_bucket(now), OPTIONS)
    assert found.diagnosis.outcome.value == "fixable"
    [patch] = found.patches
    assert patch.before == policy(*now)
    assert f"{BUCKET}/2025/" not in patch.after


def test_what_lacks_now_is_patched_and_not_what_lacked_then():
    seen = evidence(IN_BUCKET, IN_KEY, IN_IAM[1:])
    mine = shown(allow(), kind=PolicyType.IDENTITY, to=ROLE)
    checks = {"resource": "IMPLICIT_DENY", "identity": "ALLOW"}
    seen = with_authorization(seen, shown(*ELSEWHERE), mine, **checks)
    found = analyze_evidence(call(), seen, OPTIONS)
    assert found.diagnosis.bucket_policy.verdict.value == "missing"
    assert found.diagnosis.iam_policy.bucket.verdict.value == "granted"
    assert {patch.grant for patch in found.patches} == {"iam_policy"}


def test_the_report_has_both():
    made = report_for(analyze_evidence(call(), changed_bucket(), OPTIONS), "tg-0123456789abcdef")
    assert made.grants.bucket_policy.verdict.value == "missing"
    assert made.since_denial.grants.bucket_policy.verdict.value == "granted"
    assert made.since_denial.changed == ("the bucket policy",)
    assert "in force now: bucket policy granted" in made.since_denial.words


def test_a_change_that_decides_nothing_is_said_without_verdicts_of_its_own():
    now = (allow(ROLE, "s3:GetObject", f"{BUCKET}/2024/*"),)
    made = report_for(analyze_evidence(call(), changed_bucket(now), OPTIONS), "tg-0123456789abcdef")
    assert made.since_denial.grants is None
    assert made.since_denial.words.endswith("comes to the same")


SAME = [
    pytest.param(IN_BUCKET, shown(*IN_BUCKET), id="the same"),
    pytest.param(IN_BUCKET, shown({**IN_BUCKET[0], "Sid": "made-up-by-AWS"}), id="a Sid that AWS made up"),
    pytest.param(
        (allow(ROLE, ["s3:GetObject", "s3:PutObject"]),),
        shown(allow(ROLE, ["s3:putobject", "s3:GetObject"])),
        id="case and order of actions",
    ),
    pytest.param(IN_BUCKET, shown(allow("AROAEXAMPLE000000000")), id="a principal by its unique id"),
    pytest.param(IN_BUCKET, shown(*ELSEWHERE, to=f"{BUCKET}-2"), id="the policy of another bucket"),
    pytest.param(IN_BUCKET, shown({"Effect": "Maybe"}), id="a document that is no policy"),
]  # fmt: skip


@pytest.mark.parametrize(("now", "then"), SAME)
def test_what_is_no_change(now, then):
    seen = with_authorization(evidence(now, IN_KEY, IN_IAM), then, resource="ALLOW")
    assert changed_since(facts_of(call(), seen)) == {}
    assert "Since the denial" not in diagnose(call(), seen).summary


def test_what_aws_leaves_out_of_other_services_is_no_change():
    seen = evidence(
        IN_BUCKET, IN_KEY, (*IN_IAM, allow(action=["s3:ListBucket", "ec2:*"], resource="*"))
    )
    then = shown(
        allow(), allow(action="s3:ListBucket", resource="*"), kind=PolicyType.IDENTITY, to=ROLE
    )
    assert changed_since(facts_of(call(), with_authorization(seen, then))) == {}


def test_a_kms_grant_is_no_change_of_the_key_policy():
    kms = f"User: {ROLE} is not authorized to perform: kms:Decrypt on resource: {KEY}"
    asked = call(message=kms)
    assert asked.message.action == "kms:Decrypt"
    grant = shown(allow(ROLE, "kms:Encrypt", "*"), to=KEY, grant_id="1")
    seen = with_authorization(evidence(IN_BUCKET, IN_KEY, IN_IAM), shown(*IN_KEY, to=KEY), grant)
    assert changed_since(facts_of(asked, seen)) == {}
    before = with_authorization(
        evidence(IN_BUCKET, IN_KEY, IN_IAM), shown(delegates(), to=KEY), grant
    )
    assert list(changed_since(facts_of(asked, before)).values()) == ["the key policy"]


SESSIONS = [
    pytest.param((), {}, False, id="nothing is said"),
    pytest.param((), {"session": "ALLOW"}, True, id="a check"),
    pytest.param((shown(allow(), kind=PolicyType.SESSION, to=ROLE),), {}, True, id="a document"),
    pytest.param(
        (replace(shown(kind=PolicyType.SESSION, to=ROLE), document=Unread("refused", "a permission")),),
        {"session": "ALLOW"},
        False,
        id="a document that is not shown",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("policies", "checks", "wanted"), SESSIONS)
def test_whether_the_session_policies_are_shown(policies, checks, wanted):
    seen = with_authorization(evidence(IN_BUCKET, IN_KEY, IN_IAM), *policies, **checks)
    assert session_is_shown(facts_of(call(), seen)) is wanted
    told = [item.what for item in diagnose(call(), seen).unknowns]
    assert ("session policy" not in told) is wanted


def test_a_boundary_is_that_of_the_denial_for_the_verdict_and_the_one_now_for_the_outcome():
    seen = evidence(IN_BUCKET, IN_KEY, IN_IAM)
    narrow = shown(allow(action="ec2:*", resource="*"), kind=PolicyType.BOUNDARY, to=ROLE)
    gone = diagnose(call(), with_authorization(seen, narrow, boundary="IMPLICIT_DENY"))
    assert [one.kind.value for one in gone.blockers] == ["permissions_boundary"]
    assert (gone.outcome.value, gone.in_force.blockers) == ("already_allowed", ())
    bound = NamedPolicy("limit", policy(allow(action="ec2:*", resource="*")))
    same = replace(seen, caller=replace(seen.caller, boundary=Read(bound)))
    kept = diagnose(call(), with_authorization(same, narrow, boundary="IMPLICIT_DENY"))
    assert (kept.outcome.value, kept.changed_since) == ("do_not_patch", ())


def test_documents_are_of_the_refusing_service_only():
    """What AWS shows of an S3 denial says nothing of KMS."""
    mine = shown(allow(), kind=PolicyType.IDENTITY, to=ROLE)
    found = diagnose(call(), with_authorization(evidence(IN_BUCKET, IN_KEY, IN_IAM), mine))
    assert found.iam_policy.key.verdict.value == "granted"
