"""A copy is granted twice: its writing, and the reading of its source."""

import json
from dataclasses import replace

from support.worlds import BUCKET, KEY, ROLE, A, call, evidence
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.cloudtrail import copy_source_read
from threegrants.diagnosis import facts_of
from threegrants.evidence import BucketEvidence, Encryption, Read
from threegrants.patches import with_patches

SOURCE = "arn:aws:s3:::a-drafts"


def copying(source="a-drafts"):
    """A copy of which nothing is granted, both buckets under the same key."""
    denied = call("CopyObject", **{"x-amz-copy-source": f"{source}/in/draft.csv"})
    seen = evidence()
    there = replace(seen.bucket, name=source)
    return denied, replace(seen, source=replace(seen, bucket=there))


def test_both_halves_are_patched_one_on_top_of_the_other():
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
        ("key_policy", KEY),
        ("iam_policy", ROLE),
    ]
    write, read = (p for p in analysis.patches if p.grant == "key_policy")
    assert read.before == write.after
    assert [s.get("Action") for s in json.loads(read.after)["Statement"][1:]] == [
        "kms:GenerateDataKey",
        "kms:Decrypt",
    ]
    facts = facts_of(denied, seen)
    patched = with_patches(facts.source, analysis.patches).evidence
    after = replace(with_patches(facts, analysis.patches).evidence, source=patched)
    assert analyze_evidence(denied, after, AnalysisOptions()).diagnosis.allowed


def test_within_one_bucket_the_second_patch_starts_from_the_first():
    denied, seen = copying("a-reports")
    analysis = analyze_evidence(denied, seen, AnalysisOptions())
    for grant in ("bucket_policy", "key_policy", "iam_policy"):
        first, second = (p for p in analysis.patches if p.grant == grant)
        assert second.before == first.after
        assert len({first.digest, second.digest}) == 2


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
