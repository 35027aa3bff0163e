"""Where a policy is full: what else would do, and how narrow that is."""

import json
from dataclasses import replace

import pytest

from support.worlds import BUCKET, KEY, ROLE, A, B, allow, call, delegates, evidence, policy
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.cloudtrail import CallerType
from threegrants.evidence import Encryption, NamedPolicy, Read
from threegrants.evidence.snapshot import ObjectEvidence
from threegrants.patches import (
    Profile,
    describe_patch,
)
from unit.patches.test_make import IN_BUCKET, IN_IAM, IN_KEY, of, offered

LONG = tuple(allow(ROLE, "s3:ListBucket", BUCKET, Sid=f"S{n}x{'y' * 80}") for n in range(100))


def test_a_full_bucket_policy_is_handed_off_with_an_access_point():
    analysis = analyze_evidence(call(), evidence(LONG, IN_KEY, IN_IAM), AnalysisOptions())
    [handoff] = analysis.handoffs
    assert (handoff.kind, handoff.account, handoff.target) == ("access_point", A, BUCKET)
    point = f"arn:aws:s3:eu-west-1:{A}:accesspoint/threegrants-a-reports/object/2026/*"
    assert all(point in code for code in handoff.snippets.values())
    assert "s3:DataAccessPointAccount" in handoff.why
    assert (analysis.offered, analysis.diagnosis.outcome.value) == ((), "handoff")


def test_a_full_key_policy_is_answered_by_a_grant():
    full = (delegates(), *(allow(A, "kms:Decrypt", "*", Sid=f"S{n}{'y' * 280}") for n in range(90)))
    analysis = analyze_evidence(call(), evidence(IN_BUCKET, full, IN_IAM), AnalysisOptions())
    [patch] = analysis.offered
    assert (patch.operation, patch.default, patch.before) == ("kms:CreateGrant", True, None)
    assert analysis.diagnosis.outcome.value == "fixable"


def crowded(managed=0, document=""):
    seen = evidence(
        IN_BUCKET, IN_KEY, (allow(action="sqs:*", resource=f"arn:aws:sqs:::{'q' * 10_100}"),)
    )
    more = tuple(
        NamedPolicy(f"m{n}", policy(allow(action="sqs:*")), "managed") for n in range(managed)
    )
    held = (*seen.caller.policies.value, *more)
    return replace(seen, caller=replace(seen.caller, policies=Read(held)))


def test_full_inline_policies_are_answered_by_a_managed_policy():
    analysis = analyze_evidence(call(), crowded(9), AnalysisOptions())
    [default] = analysis.patches
    assert (default.operation, default.scope, default.before) == (
        "iam:CreatePolicy",
        "prefix",
        None,
    )
    assert {p.scope for p in analysis.offered} == {"object", "prefix", "bucket"}
    assert default.target == ROLE
    assert analysis.diagnosis.outcome.value == "fixable"


def test_where_nothing_fits_it_says_so():
    analysis = analyze_evidence(call(), crowded(10), AnalysisOptions())
    why = analysis.diagnosis.unknowns[-1].why
    assert analysis.offered == ()
    assert analysis.diagnosis.outcome.value == "handoff"
    assert "limit is 10240" in why
    assert "10 managed policies are attached" in why


def test_a_user_has_less_room_than_a_role():
    user = f"arn:aws:iam::{B}:user/sam"
    seen = evidence(
        IN_BUCKET, IN_KEY, (allow(action="sqs:*", resource=f"arn:aws:sqs:::{'q' * 1_900}"),)
    )
    seen = replace(seen, caller=replace(seen.caller, arn=Read(user), type=CallerType.USER))
    role = next(p for p in offered(None, evidence(IN_BUCKET, IN_KEY)) if p.default)
    assert role.operation == "iam:PutRolePolicy"
    found = [p for p in of("iam_policy", offered(None, seen)) if p.default]
    assert [(p.operation, p.target) for p in found] == [("iam:CreatePolicy", user)]


def bucket_key(encryption, **parameters):
    seen = evidence(
        (allow(ROLE, "s3:PutObject"),), (delegates(),), (allow(action="*", resource="*"),)
    )
    seen = replace(seen, bucket=replace(seen.bucket, encryption=Read(encryption)))
    found = offered(call(parameters.pop("operation", "PutObject"), **parameters), seen)
    [grant] = [p for p in found if p.operation == "kms:CreateGrant"]
    return json.loads(grant.after)


KEYED = Encryption("aws:kms", KEY, bucket_key=True)


def object_key(encryption, key="2026/q3.csv", operation="GetObject"):
    """The KMS grant for a read of an object that was looked at."""
    seen = evidence((allow(ROLE),), (delegates(),), (allow(action="*", resource="*"),))
    looked = Read(ObjectEvidence(Read(True), Read(encryption), Read(None), Read(None)))
    found = offered(call(operation, key=key), replace(seen, object=looked))
    [grant] = [p for p in found if p.operation == "kms:CreateGrant"]
    return grant


READS = [
    ("its own ARN", Encryption("aws:kms", KEY), "2026/q3.csv", f"{BUCKET}/2026/q3.csv"),
    ("with a Bucket Key the bucket's", KEYED, "2026/q3.csv", BUCKET),
    ("a value that is too long for a grant", Encryption("aws:kms", KEY), "k" * 400, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("encryption", "key", "context"), [one[1:] for one in READS], ids=[one[0] for one in READS]
)
def test_a_grant_to_read_an_object_that_was_looked_at_is_held_to_its_context(
    encryption, key, context
):
    grant = object_key(encryption, key)
    held = json.loads(grant.after).get("Constraints", {}).get("EncryptionContextSubset", {})
    assert held.get("aws:s3:arn") == context
    assert (f"for the encryption context {context}, also directly" in describe_patch(grant)) is (
        context is not None
    )


def test_a_grant_is_held_to_an_encryption_context_only_where_it_is_certain():
    wanted = {"EncryptionContextSubset": {"aws:s3:arn": BUCKET}}
    assert bucket_key(KEYED)["Constraints"] == wanted
    header = {"x-amz-server-side-encryption-bucket-key-enabled": "false"}
    for free in (
        bucket_key(Encryption("aws:kms", KEY)),
        bucket_key(Encryption("aws:kms:dsse", KEY, bucket_key=True)),
        bucket_key(KEYED, operation="UploadPart"),
        bucket_key(KEYED, **header),
    ):
        assert "Constraints" not in free


def test_a_grant_holds_operations_not_patterns():
    found = offered(options=AnalysisOptions(profile=Profile.ARTICLE))
    [grant] = [p for p in found if p.operation == "kms:CreateGrant"]
    held = json.loads(grant.after)
    assert {"Decrypt", "DescribeKey", "ReEncryptFrom", "GenerateDataKey"} <= set(held["Operations"])
    assert "CreateGrant" not in held["Operations"]
    assert held["Name"].startswith("threegrants-")
    assert dict(grant.statement) == held


def test_in_one_account_a_grant_is_not_offered_beside():
    seen = evidence((), (allow(f"arn:aws:iam::{B}:root", "kms:*", "*"),), IN_IAM, A)
    assert {p.operation for p in offered(call(account=A), seen)} == {"kms:PutKeyPolicy"}
