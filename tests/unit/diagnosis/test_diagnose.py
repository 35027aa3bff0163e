"""The three grants and the outcome, case by case."""

import json
from dataclasses import replace
from itertools import product

import pytest

from support.records import denied, s3
from support.worlds import ADMIN, BUCKET, KEY, ROLE, A, B, allow, call, delegates, evidence, policy
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.cloudtrail import CallerType
from threegrants.diagnosis import diagnose
from threegrants.evidence import BucketEvidence, Encryption, NamedPolicy, Read, Unread
from threegrants.patches import Profile

ROOT_B = f"arn:aws:iam::{B}:root"
IN_BUCKET = (allow(ROLE),)
IN_KEY = (delegates(), allow(ROLE, "kms:Decrypt", "*"))
IN_IAM = (allow(), allow(action="kms:Decrypt", resource=KEY))


def verdicts(diagnosis):
    return (
        diagnosis.bucket_policy.verdict.value,
        diagnosis.key_policy.verdict.value,
        diagnosis.iam_policy.bucket.verdict.value,
        diagnosis.iam_policy.key.verdict.value,
        diagnosis.outcome.value,
    )


@pytest.mark.parametrize("have", list(product((True, False), repeat=4)))
def test_every_subset_of_grants(have):
    bucket, key, iam_bucket, iam_key = have
    iam = (*((IN_IAM[0],) if iam_bucket else ()), *((IN_IAM[1],) if iam_key else ()))
    seen = evidence(
        bucket=IN_BUCKET if bucket else (), key=IN_KEY if key else (delegates(),), iam=iam
    )
    analysis = analyze_evidence(call(), seen, AnalysisOptions())
    words = ["granted" if there else "missing" for there in have]
    outcome = "already_allowed" if all(have) else "fixable"
    assert verdicts(analysis.diagnosis) == (*words, outcome)
    missing = (not bucket) + (not key) + (not (iam_bucket and iam_key))
    assert len(analysis.patches) == missing


SAME = f"arn:aws:iam::{A}:role/analyst"
CASES = [
    ("account id as principal", call(), evidence((allow(B),), IN_KEY, IN_IAM),
     ("granted", "granted", "granted", "granted", "already_allowed")),
    ("account root as principal", call(), evidence((allow(ROOT_B),), IN_KEY, IN_IAM),
     ("granted", "granted", "granted", "granted", "already_allowed")),
    ("star as principal", call(), evidence((allow("*"),), IN_KEY, IN_IAM),
     ("granted", "granted", "granted", "granted", "already_allowed")),
    ("administrator in B", call(), evidence(IN_BUCKET, IN_KEY, (ADMIN,)),
     ("granted", "granted", "granted", "granted", "already_allowed")),
    ("another role", call(), evidence((allow(f"{ROLE}2"),), IN_KEY, IN_IAM),
     ("missing", "granted", "granted", "granted", "fixable")),
    ("bucket ARN for an object action", call(), evidence((allow(ROLE, resource=BUCKET),), IN_KEY,
     IN_IAM), ("missing", "granted", "granted", "granted", "fixable")),
    ("explicit deny in the bucket policy", call(),
     evidence((*IN_BUCKET, allow("*", effect="Deny")), IN_KEY, IN_IAM),
     ("denied", "granted", "granted", "granted", "do_not_patch")),
    ("explicit deny in IAM", call(),
     evidence(IN_BUCKET, IN_KEY, (*IN_IAM, allow(effect="Deny", action="kms:*", resource="*"))),
     ("granted", "granted", "granted", "denied", "do_not_patch")),
    ("a condition met", call(), evidence((allow(ROLE, Condition={"IpAddress": {
        "aws:SourceIp": "198.51.100.0/24"}}),), IN_KEY, IN_IAM),
     ("granted", "granted", "granted", "granted", "already_allowed")),
    ("a condition not met", call(), evidence((allow(ROLE, Condition={"IpAddress": {
        "aws:SourceIp": "203.0.113.0/24"}}),), IN_KEY, IN_IAM),
     ("missing", "granted", "granted", "granted", "handoff")),
    ("a condition on what the record lacks", call(), evidence((allow(ROLE, Condition={
        "StringEquals": {"aws:PrincipalOrgID": "o-1"}}),), IN_KEY, IN_IAM),
     ("unknown", "granted", "granted", "granted", "unknown")),
    ("a deny that hangs on what the record lacks", call(), evidence((*IN_BUCKET, allow("*",
        effect="Deny", Condition={"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}})), IN_KEY,
        IN_IAM), ("unknown", "granted", "granted", "granted", "unknown")),
    ("list needs no key", call("ListObjects"), evidence((allow(ROLE, "s3:ListBucket", BUCKET),), (),
     (allow(action="s3:ListBucket", resource=BUCKET),)),
     ("granted", "not_needed", "granted", "not_needed", "already_allowed")),
    ("write needs GenerateDataKey", call("PutObject"),
     evidence((allow(ROLE, "s3:PutObject"),), IN_KEY, (ADMIN,)),
     ("granted", "missing", "granted", "granted", "fixable")),
    ("no KMS key", call(), evidence(IN_BUCKET, encrypted=False, iam=IN_IAM),
     ("granted", "not_needed", "granted", "not_needed", "already_allowed")),
    ("same account, IAM suffices", call(account=A), evidence((), (delegates(),), IN_IAM, A),
     ("not_needed", "granted", "granted", "granted", "already_allowed")),
    ("same account, bucket policy suffices", call(account=A),
     evidence((allow(SAME),), (allow(SAME, "kms:Decrypt", "*"),), (), A),
     ("granted", "granted", "not_needed", "not_needed", "already_allowed")),
    ("same account, nothing", call(account=A), evidence((), (delegates(),), (), A),
     ("not_needed", "granted", "missing", "missing", "fixable")),
    ("same account, key does not delegate", call(account=A),
     evidence((), (allow(ROOT_B, "kms:*", "*"),), IN_IAM, A),
     ("not_needed", "missing", "granted", "granted", "fixable")),
]  # fmt: skip


@pytest.mark.parametrize(("denied", "seen", "wanted"), [c[1:] for c in CASES],
                         ids=[c[0] for c in CASES])  # fmt: skip
def test_case(denied, seen, wanted):
    assert verdicts(analyze_evidence(denied, seen, AnalysisOptions()).diagnosis) == wanted


UNREAD = Unread("the reader was refused", "s3:GetBucketPolicy on bucket a-reports")


def test_an_unread_policy_is_unknown_never_missing():
    seen = evidence(IN_BUCKET, IN_KEY, IN_IAM)
    no_bucket = replace(seen, bucket=replace(seen.bucket, policy=UNREAD))
    no_iam = replace(seen, caller=replace(seen.caller, policies=UNREAD))
    no_key = replace(seen, key=Read(replace(seen.key.value, policy=UNREAD)))
    assert verdicts(diagnose(call(), no_bucket))[0] == "unknown"
    assert verdicts(diagnose(call(), no_iam))[2:4] == ("unknown", "unknown")
    assert verdicts(diagnose(call(), no_key))[1] == "unknown"
    for lacking in (no_bucket, no_iam, no_key):
        found = diagnose(call(), lacking)
        assert found.outcome.value == "unknown"
        assert UNREAD.needs in [lack.needs for lack in found.unknowns]


def test_without_the_owner_the_callers_own_side_is_still_judged():
    seen = evidence(IN_BUCKET, IN_KEY, IN_IAM)
    nobody = BucketEvidence("a-reports", UNREAD, UNREAD, UNREAD, UNREAD, UNREAD)
    assert verdicts(diagnose(call(), replace(seen, bucket=nobody)))[:3] == (
        "unknown", "granted", "granted"
    )  # fmt: skip
    poor = evidence(IN_BUCKET, IN_KEY, ())
    assert verdicts(diagnose(call(), replace(poor, bucket=nobody)))[2] == "unknown"


def test_the_article_profile_grants_its_five_actions():
    patches = analyze_evidence(
        call(), evidence((), None, ()), AnalysisOptions(profile=Profile.ARTICLE)
    ).patches
    [key] = [patch for patch in patches if patch.grant == "key_policy"]
    assert key.statement["Action"] == [
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:ReEncrypt*",
        "kms:GenerateDataKey*",
        "kms:DescribeKey",
    ]


def test_a_policy_that_would_grow_too_large_is_not_offered():
    long = tuple(allow(ROLE, "s3:ListBucket", BUCKET, Sid=f"S{n}x{'y' * 80}") for n in range(100))
    analysis = analyze_evidence(call(), evidence(long, IN_KEY, IN_IAM), AnalysisOptions())
    assert analysis.patches == ()
    assert analysis.diagnosis.outcome.value == "handoff"
    assert "limit is 20480" in analysis.diagnosis.unknowns[-1].why


HOSTILE = [
    ("a star", "in/*/x", "in/*"),
    ("a variable", "in/${aws:username}/x", "in/*"),
    ("at the top", "x.csv", "x.csv"),
    ("outside Latin-1", "in/\u4e2d/x", "in/*"),
    ("a line break", "in/a\nb/x", "in/*"),
]


@pytest.mark.parametrize(("key", "pattern"), [c[1:] for c in HOSTILE], ids=[c[0] for c in HOSTILE])
def test_a_hostile_object_key_never_widens_a_patch_beyond_its_folder(key, pattern):
    [patch] = analyze_evidence(
        call(key=key), evidence((), IN_KEY, IN_IAM), AnalysisOptions()
    ).patches
    assert patch.statement["Resource"] == f"{BUCKET}/{pattern}"


def test_accounts_nobody_trusts_are_handed_off():
    analysis = analyze_evidence(
        call(), evidence((), IN_KEY, IN_IAM), AnalysisOptions(writable=frozenset())
    )
    assert analysis.diagnosis.outcome.value == "handoff"
    assert len(analysis.patches) == 1


def test_a_boundary_blocks_and_is_not_patched():
    bound = NamedPolicy("limits", policy(allow(action="ec2:*", resource="*")), "boundary")
    seen = evidence((), IN_KEY, IN_IAM)
    seen = replace(seen, caller=replace(seen.caller, boundary=Read(bound)))
    analysis = analyze_evidence(call(), seen, AnalysisOptions())
    assert [blocker.kind for blocker in analysis.diagnosis.blockers] == ["permissions_boundary"]
    assert analysis.diagnosis.outcome.value == "do_not_patch"
    assert analysis.patches == ()


def test_notprincipal_spares_nobody_who_has_a_boundary():
    session = f"arn:aws:sts::{B}:assumed-role/analyst/s"
    spared = {"NotPrincipal": {"AWS": [session, ROLE, ROOT_B]}}
    deny = {"Effect": "Deny", **spared, "Action": "s3:*", "Resource": "*"}
    seen = evidence((*IN_BUCKET, deny), IN_KEY, IN_IAM)
    bound = NamedPolicy("limits", policy(ADMIN), "boundary")
    limited = replace(seen, caller=replace(seen.caller, boundary=Read(bound)))
    unread = replace(seen, caller=replace(seen.caller, boundary=UNREAD))
    found = [diagnose(call(), e).bucket_policy.verdict.value for e in (seen, limited, unread)]
    assert found == ["granted", "denied", "unknown"]


def test_a_missing_object_looks_like_a_missing_grant():
    seen = evidence(IN_BUCKET, IN_KEY, IN_IAM, object=Read(None))
    found = diagnose(call(), seen)
    assert found.allowed_as_read
    assert "the object may not exist" in found.summary
    assert "whether the object exists" in [lack.what for lack in found.unknowns]
    lister = allow(ROLE, "s3:ListBucket", BUCKET), allow(action="s3:ListBucket", resource=BUCKET)
    seen = evidence((*IN_BUCKET, lister[0]), IN_KEY, (*IN_IAM, lister[1]))
    assert "may not exist" not in diagnose(call(), seen).summary


def test_awss_own_word_of_a_policy_we_cannot_read():
    message = (
        f"User: arn:aws:sts::{B}:assumed-role/analyst/s is not authorized to perform: "
        f's3:GetObject on resource: "{BUCKET}/2026/q3.csv" with an explicit deny in a service '
        "control policy"
    )
    found = diagnose(call(message=message), evidence(IN_BUCKET, IN_KEY, IN_IAM))
    assert [blocker.kind for blocker in found.blockers] == ["service_control_policy"]
    assert found.outcome.value == "do_not_patch"


def test_what_works_in_the_owners_account_only_is_never_granted():
    across = analyze_evidence(call("PutBucketPolicy"), evidence(iam=(ADMIN,)), AnalysisOptions())
    assert [b.kind for b in across.diagnosis.blockers] == ["owner_account_only"]
    assert (across.diagnosis.outcome.value, across.patches) == ("do_not_patch", ())
    inside = diagnose(call("PutBucketPolicy", account=A), evidence(iam=(ADMIN,), account=A))
    assert inside.blockers == ()


def test_aws_managed_key_cannot_be_shared():
    seen = evidence(IN_BUCKET, IN_KEY, IN_IAM)
    seen = replace(seen, key=Read(replace(seen.key.value, manager=Read("AWS"))))
    found = diagnose(call(), seen)
    assert found.key_policy.verdict.value == "denied"
    assert found.key_policy.reasons[0].code == "aws_managed_key"
    assert found.outcome.value == "do_not_patch"


def test_a_disabled_key_is_no_matter_of_grants():
    seen = evidence(IN_BUCKET, IN_KEY, IN_IAM)
    seen = replace(seen, key=Read(replace(seen.key.value, state=Read("Disabled"))))
    assert [b.kind for b in diagnose(call(), seen).blockers] == ["key_state"]


def test_with_a_bucket_key_the_encryption_context_of_a_read_is_not_known():
    condition = {"StringEquals": {"kms:EncryptionContext:aws:s3:arn": f"{BUCKET}/2026/q3.csv"}}
    key = (delegates(), allow(ROLE, "kms:Decrypt", "*", Condition=condition))
    seen = evidence(IN_BUCKET, key, IN_IAM, object=Read(None))
    assert diagnose(call(), seen).key_policy.verdict.value == "granted"
    keyed = replace(seen.bucket, encryption=Read(Encryption("aws:kms", KEY, bucket_key=True)))
    assert diagnose(call(), replace(seen, bucket=keyed)).key_policy.verdict.value == "unknown"


def test_patches_name_exactly_what_is_needed():
    patches = {p.grant: p for p in analyze_evidence(call(), evidence(), AnalysisOptions()).patches}
    bucket, key, iam = (patches[n].statement for n in ("bucket_policy", "key_policy", "iam_policy"))
    assert bucket["Principal"] == key["Principal"] == {"AWS": ROLE}
    assert (bucket["Action"], bucket["Resource"]) == ("s3:GetObject", f"{BUCKET}/2026/*")
    assert (key["Action"], key["Resource"]) == ("kms:Decrypt", "*")
    assert (iam["Action"], iam["Resource"]) == ("s3:GetObject", f"{BUCKET}/2026/*")
    of_key = patches["iam_policy"].statements[1]
    assert (of_key["Action"], of_key["Resource"]) == ("kms:Decrypt", KEY)
    assert of_key["Condition"] == key["Condition"]
    for patch in patches.values():
        assert patch.statement["Sid"].isalnum()
        statements = json.loads(patch.after)["Statement"]
        before = json.loads(patch.before)["Statement"] if patch.before else []
        assert statements == [*before, *patch.statements]


@pytest.mark.parametrize(("multi", "instead"), [(True, "its replica"), (False, "a key of that")])
def test_a_key_of_another_region(multi, instead):
    seen = evidence(IN_BUCKET, IN_KEY, IN_IAM)
    far = replace(seen.key.value, region="us-east-1", multi_region=multi)
    [blocker] = diagnose(call(), replace(seen, key=Read(far))).blockers
    assert blocker.kind == "key_region"
    assert instead in blocker.detail
    assert blocker.owner == "the bucket's owner"


def test_a_service_that_asks_no_bucket_has_no_policies_that_could_lack():
    record = s3(
        operation="ListBuckets",
        userIdentity={"type": "AWSService", "invokedBy": "macie.amazonaws.com"},
        requestParameters={},
        resources=[],
    )
    found = evidence()
    caller = replace(found.caller, type=CallerType.SERVICE, account=None, arn=Read(None))
    diagnosis = diagnose(denied(record), replace(found, caller=caller, bucket=None, key=Read(None)))
    assert diagnosis.outcome == "unknown"
    assert diagnosis.iam_policy.bucket.verdict == "not_needed"
