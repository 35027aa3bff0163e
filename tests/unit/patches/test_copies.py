"""A copy is granted twice: its writing, and the reading of its source."""

import json
from dataclasses import replace

from support.worlds import BUCKET, KEY, ROLE, A, B, call, evidence
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.aws.policy_json import statements
from threegrants.cloudtrail import copy_source_read
from threegrants.diagnosis import facts_of
from threegrants.evidence import BucketEvidence, Encryption, Read
from threegrants.patches import with_patches
from threegrants.remediation.limit_facts import LimitFacts
from threegrants.remediation.limits import Limits
from threegrants.remediation.live_policy import LivePolicy
from threegrants.remediation.patch_checks import objection
from threegrants.remediation.rollback import undo
from threegrants.report import report_for

SOURCE = "arn:aws:s3:::a-drafts"


def copying(source="a-drafts"):
    """A copy of which nothing is granted, both buckets under the same key."""
    denied = call("CopyObject", **{"x-amz-copy-source": f"{source}/in/draft.csv"})
    seen = evidence()
    there = replace(seen.bucket, name=source)
    return denied, replace(seen, source=replace(seen, bucket=there))


def test_what_both_halves_need_of_one_policy_is_one_patch():
    denied, seen = copying()
    source = copy_source_read(denied)
    assert (source.bucket, source.object_key) == ("a-drafts", "in/draft.csv")
    analysis = analyze_evidence(denied, seen, AnalysisOptions())
    assert analysis.diagnosis.outcome.value == "fixable"
    found = [(p.grant, p.target) for p in analysis.patches]
    assert found == [
        ("bucket_policy", BUCKET),
        ("key_policy", KEY),
        ("iam_policy", ROLE),
        ("bucket_policy", SOURCE),
    ]
    [of_key] = (p for p in analysis.patches if p.grant == "key_policy")
    assert of_key.before == seen.key.value.policy.value
    assert [s.get("Action") for s in json.loads(of_key.after)["Statement"][1:]] == [
        "kms:GenerateDataKey",
        "kms:Decrypt",
    ]
    facts = facts_of(denied, seen)
    patched = with_patches(facts.source, analysis.patches).evidence
    after = replace(with_patches(facts, analysis.patches).evidence, source=patched)
    assert analyze_evidence(denied, after, AnalysisOptions()).diagnosis.allowed


def test_within_one_bucket_all_can_be_approved_together():
    denied, seen = copying("a-reports")
    analysis = analyze_evidence(denied, seen, AnalysisOptions())
    assert [p.grant for p in analysis.patches] == ["bucket_policy", "key_policy", "iam_policy"]
    report = report_for(analysis, "tg-1")
    facts = LimitFacts({patch.target: Read({}) for patch in analysis.patches})
    limits = Limits(trusted=frozenset({A, B}))
    assert objection(limits, report.principal, analysis.patches, facts) is None
    for one in analysis.offered:
        assert objection(limits, report.principal, [one], facts) is None
        assert one.before != one.after


def test_a_copys_patch_is_taken_back_as_one():
    denied, seen = copying("a-reports")
    for patch in analyze_evidence(denied, seen, AnalysisOptions()).patches:
        live = json.loads(patch.after)
        live["Statement"].append({"Sid": "Later", "Effect": "Deny", "Action": "*", "Resource": "*"})
        taken = undo(patch, LivePolicy(json.dumps(live)))
        left = [one["Sid"] for one in statements(json.loads(taken.text)) if "Sid" in one]
        assert left == ["Later"]


def test_a_half_that_cannot_be_patched_hands_the_whole_off():
    denied, seen = copying()
    owned = {"aws:cloudformation:stack-name": "drafts"}
    there = BucketEvidence(
        "a-drafts", Read(A), Read(None), Read(False), Read(Encryption("aws:kms", KEY)),
        Read("BucketOwnerEnforced"), tags=Read(owned),
    )  # fmt: skip
    seen = replace(seen, source=replace(seen.source, bucket=there))
    analysis = analyze_evidence(denied, seen, AnalysisOptions())
    assert analysis.diagnosis.outcome.value == "handoff"
    assert any("stack drafts owns it" in lack.why for lack in analysis.diagnosis.unknowns)
