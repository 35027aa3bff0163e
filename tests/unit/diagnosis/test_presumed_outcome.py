"""What the outcome would be if a key that only the caller names is the right one."""

from dataclasses import replace

import pytest

from support.worlds import KEY, ROLE, A, B, allow, call, delegates, evidence
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.cloudtrail import KeySource
from threegrants.evidence import Read, Unread
from threegrants.patches import PatchOperation

IN_BUCKET = (allow(ROLE),)
IN_KEY = (delegates(), allow(ROLE, "kms:Decrypt", "*"))
IN_IAM = (allow(), allow(action="kms:Decrypt", resource=KEY))
TRUSTED = AnalysisOptions(writable=frozenset({A, B}))
ONLY_B = AnalysisOptions(writable=frozenset({B}))


def named(*policies, **changes):
    """Evidence in which only the caller names the key."""
    seen = evidence(*policies, **changes)
    key = replace(seen.key.value, source=KeySource.ERROR_MESSAGE, corroborated=False)
    return replace(seen, key=Read(key))


def unread_bucket(seen):
    return replace(seen, bucket=replace(seen.bucket, policy=Unread("refused", "a role")))


CASES = [
    ("nothing is in place", named(), TRUSTED, "fixable"),
    ("only the bucket's grant is missing", named((), IN_KEY, IN_IAM), TRUSTED, "fixable"),
    ("all is in place", named(IN_BUCKET, IN_KEY, IN_IAM), TRUSTED, "already_allowed"),
    ("the key's account is not trusted", named(), ONLY_B, "handoff"),
    ("the bucket policy is not known", unread_bucket(named()), TRUSTED, "unknown"),
    ("the key's policy denies", named((), (*IN_KEY, allow(ROLE, "kms:Decrypt", "*", Effect="Deny"))),
     TRUSTED, "do_not_patch"),
    ("a condition on how", named((allow(ROLE, Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}),)),
     TRUSTED, "handoff"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "options", "presumed"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_the_presumed_outcome(seen, options, presumed):
    found = analyze_evidence(call(), seen, options).diagnosis
    assert (found.outcome.value, found.presumed_outcome) == ("unknown", presumed)


@pytest.mark.parametrize("account", [A, B])
def test_a_key_that_was_read_is_not_presumed(account):
    found = analyze_evidence(call(account=account), evidence(account=account), TRUSTED).diagnosis
    assert (found.outcome.value, found.presumed_outcome) == ("fixable", None)


def test_what_surely_denies_needs_no_presumption():
    deny = allow(ROLE, Effect="Deny")
    found = analyze_evidence(call(), named((deny,)), TRUSTED).diagnosis
    assert (found.outcome.value, found.presumed_outcome) == ("do_not_patch", None)


def test_of_a_copy_the_graver_part_counts():
    denied = call("CopyObject", **{"x-amz-copy-source": "b-drafts/draft.csv"})
    source = replace(named(), bucket=replace(named().bucket, name="b-drafts"))
    for reading, presumed in ((source, "fixable"), (unread_bucket(source), "unknown")):
        seen = replace(evidence(), source=reading)
        found = analyze_evidence(denied, seen, TRUSTED).diagnosis
        assert (found.outcome.value, found.presumed_outcome) == ("unknown", presumed)


def test_the_patches_of_a_named_key_pass_the_whole_check():
    """Each is offered because the call works with it and the others, not for its own grant alone."""
    found = analyze_evidence(call(), named(), TRUSTED)
    beside = [patch for patch in found.offered if patch.key_named_by_caller]
    assert {patch.grant.value for patch in beside} == {"key_policy", "iam_policy"}
    assert PatchOperation.CREATE_GRANT in {patch.operation for patch in beside}
    assert [patch.grant.value for patch in found.patches] == ["bucket_policy"]
    assert not any("still be refused" in one.why for one in found.diagnosis.unknowns)
