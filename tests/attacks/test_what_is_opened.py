"""What a patch may open at all: whose data, which actions, under which conditions, how much.

Pure: the evaluator says what is allowed with a patch in place.
"""

import json
from dataclasses import replace

import pytest

from support.attacks import Ends, attack
from support.worlds import BUCKET, KEY, ROLE, A, B, allow, call, delegates, evidence
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.aws.policy_json import texts
from threegrants.cloudtrail.operations import S3
from threegrants.evidence import Read, Unread
from threegrants.iam import Policies, Policy, Request, authorize
from threegrants.patches import Profile, describe_patch
from threegrants.patches.scopes import with_key
from threegrants.remediation.limit_facts import LimitFacts
from threegrants.remediation.limits import Limits
from threegrants.remediation.patch_checks import objection
from threegrants.remediation.standing_approvals import decide
from threegrants.remediation.standing_parameter import StandingApproval
from threegrants.report import report_for

TRUSTED = AnalysisOptions(writable=frozenset({A, B}))
ONLY_B = AnalysisOptions(writable=frozenset({B}))
EVERYTHING = Policy.parse(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, "e"
)
DELEGATES_TO_B = Policy.parse(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Principal": {"AWS": B}, "Action": "*", "Resource": "*"},
    },
    "delegates",
)
SESSION = f"arn:aws:sts::{B}:assumed-role/analyst/sam"
IN_KEY = (delegates(), allow(ROLE, "kms:Decrypt", "*"))
IN_IAM = (allow(), allow(action="kms:Decrypt", resource=KEY))
THROUGH_S3 = {
    "kms:ViaService": "s3.eu-west-1.amazonaws.com",
    "kms:EncryptionContext:aws:s3:arn": f"{BUCKET}/2026/q1.csv",
}


def unreadable(why="access denied"):
    return Unread(why, "a role there")


# --- 3: other accounts' resources -----------------------------------------------------------------


@attack("3.1", "a role of a trusted account calls a stranger's bucket, which allows it",
        "our policy for the role opens the way out", Ends.HANDOFF)  # fmt: skip
def test_a_strangers_bucket_is_in_no_policy_of_ours():
    seen = evidence((allow(ROLE),), IN_KEY, ())
    assert analyze_evidence(call(), seen, TRUSTED).diagnosis.outcome.value == "fixable"
    found = analyze_evidence(call(), seen, ONLY_B).diagnosis
    assert found.outcome.value == "handoff"
    assert any(f"account {A} is not in TrustedAccounts" in lack.why for lack in found.unknowns)


@attack("3.2", "a record claims that a trusted account owns the stranger's bucket",
        "the claim counts as the owner", Ends.HANDOFF)  # fmt: skip
def test_an_owner_that_only_a_record_claims_is_no_owner():
    seen = evidence((allow(ROLE),), IN_KEY, ())
    claimed = replace(seen.bucket, policy=unreadable(), encryption=unreadable())
    found = analyze_evidence(call(), replace(seen, bucket=claimed), TRUSTED).diagnosis
    assert found.outcome.value != "fixable"


@attack("3.3", "a key's ARN names a trusted account in which nobody answers for the key",
        "the account in the ARN counts as the owner", Ends.HANDOFF)  # fmt: skip
def test_the_account_in_a_keys_arn_is_no_owner():
    seen = evidence((), IN_KEY, IN_IAM)
    guessed = replace(seen.key.value, policy=unreadable(), grants=unreadable())
    found = analyze_evidence(call(), replace(seen, key=Read(guessed)), TRUSTED).diagnosis
    assert found.outcome.value != "fixable"


# --- 4: how much ----------------------------------------------------------------------------------


@attack("4.1", "denied calls for two folders, then for keys all over",
        "the common prefix of all is the whole bucket", Ends.NARROW)  # fmt: skip
def test_two_folders_never_become_the_bucket():
    folders: tuple[str, ...] = ()
    for key in ("2026/q1.csv", "hr/pay.csv", "top.csv", "a/1", "b/1", "c/1", "d/1"):
        folders = with_key(folders, key)
    assert folders == ("2026/", "hr/", "top.csv", "a/", "b/")
    found = analyze_evidence(call(), evidence((), IN_KEY, IN_IAM), TRUSTED, folders)
    [patch] = found.patches
    assert patch.scope == "prefix"
    assert texts(patch.statement["Resource"]) == tuple(
        f"{BUCKET}/{part}" for part in ("2026/*", "hr/*", "top.csv", "a/*", "b/*")
    )


@attack("4.2", "one more folder is denied after the alert", "the scope grows unseen", Ends.SHOWN)
def test_a_scope_that_grows_is_alerted():
    seen = evidence((), IN_KEY, IN_IAM)
    first, more = (
        report_for(analyze_evidence(call(), seen, TRUSTED, folders), "tg-1")
        for folders in (("2026/",), ("2026/", "hr/"))
    )
    assert first.alert_fingerprint != more.alert_fingerprint
    assert "hr/*" in more.history_line


# --- 5: what at all -------------------------------------------------------------------------------

CONFIGURATION = [
    "PutBucketPolicy", "PutBucketLifecycleConfiguration", "PutBucketReplication",
    "PutBucketEncryption", "PutBucketNotificationConfiguration", "PutBucketTagging", "PutBucketAcl",
    "PutObjectAcl", "PutObjectRetention", "PutObjectLegalHold", "PutObjectLockConfiguration",
    "PutBucketVersioning", "PutBucketLogging", "PutBucketWebsite", "PutBucketCors",
    "GetBucketPolicy", "DeleteBucket",
]  # fmt: skip


@attack("5.1", "a denied call that configures the bucket",
        "a patch grants lifecycle, replication, encryption, ACLs, …", Ends.HANDOFF)  # fmt: skip
@pytest.mark.parametrize("operation", CONFIGURATION)
def test_configuration_is_never_granted(operation):
    assert operation in S3
    found = analyze_evidence(call(operation, account=A), evidence(account=A), TRUSTED)
    assert found.offered == ()
    assert found.diagnosis.outcome.value == "handoff"


@attack("5.2", "a direct call that administers the key or its grants, tags or material",
        "a patch grants it", Ends.HANDOFF)  # fmt: skip
@pytest.mark.parametrize(
    "name",
    ["CreateGrant", "TagResource", "ImportKeyMaterial", "CreateAlias", "PutKeyPolicy", "Sign"],
)
def test_administration_of_a_key_is_never_granted(name):
    denied = replace(call(account=A), service="kms", operation=name, action=f"kms:{name}",
                     s3_actions=(), kms_actions=(f"kms:{name}",), bucket=None)  # fmt: skip
    found = analyze_evidence(denied, replace(evidence(account=A), bucket=None), TRUSTED)
    assert found.offered == ()
    assert found.diagnosis.outcome.value == "handoff"


@attack("5.3", "DeleteObjects, whose record names no key", "the whole bucket may be emptied",
        Ends.HANDOFF)  # fmt: skip
def test_deletion_of_many_objects_is_handed_off():
    found = analyze_evidence(call("DeleteObjects", key=None), evidence(), TRUSTED)
    assert found.offered == ()
    assert found.diagnosis.outcome.value == "handoff"


# --- 6: conditions that the owner meant -----------------------------------------------------------

CONDITIONS = [
    ("a VPC endpoint", {"StringEquals": {"aws:SourceVpce": "vpce-0a"}}, "vpce-0a"),
    ("an address", {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, "203.0.113.0/24"),
    ("not from there", {"NotIpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, "anything but"),
    ("MFA", {"Bool": {"aws:MultiFactorAuthPresent": "true"}}, "sign in with MFA"),
    ("a date", {"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, "another time"),
    ("a user agent", {"StringLike": {"aws:UserAgent": "curl/*"}}, "aws:UserAgent is curl/*"),
    ("two, one met", {"Bool": {"aws:SecureTransport": "true"},
                      "StringEquals": {"aws:SourceVpce": "vpce-0a"}}, "vpce-0a"),
]  # fmt: skip


def with_mfa_known(denied):
    return replace(denied, mfa=False, user_agent="aws-cli/2")


@attack("6.1", "a call that an owner's Allow admits only through an endpoint, an address, MFA, a date",
        "a patch without the condition", Ends.HANDOFF)  # fmt: skip
@pytest.mark.parametrize(
    ("condition", "advice"), [c[1:] for c in CONDITIONS], ids=[c[0] for c in CONDITIONS]
)
def test_a_condition_is_not_patched_around(condition, advice):
    seen = evidence((allow(ROLE, Condition=condition),), IN_KEY, IN_IAM)
    found = analyze_evidence(with_mfa_known(call()), seen, TRUSTED)
    assert found.diagnosis.outcome.value == "handoff"
    assert found.offered == ()
    assert advice in found.diagnosis.summary
    assert advice in "".join(reason.advice for reason in found.diagnosis.bucket_policy.reasons)
    assert any("would take it away" in lack.why for lack in found.diagnosis.unknowns)


@attack("6.2", "the same in one account: the bucket policy has the condition, IAM says nothing",
        "a policy of the role goes around it", Ends.HANDOFF)  # fmt: skip
def test_nor_around_the_other_policy_of_one_account():
    mine = allow(f"arn:aws:iam::{A}:role/analyst",
                 Condition={"StringEquals": {"aws:SourceVpce": "vpce-0a"}})  # fmt: skip
    found = analyze_evidence(call(account=A), evidence((mine,), (), (), A), TRUSTED)
    assert found.diagnosis.outcome.value == "handoff"
    assert found.offered == ()


@attack("6.3", "an upload without the encryption header that the owner's Allow wants",
        "uploads without it are allowed", Ends.HANDOFF)  # fmt: skip
def test_an_encryption_header_is_not_patched_around():
    header = {"StringEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}
    seen = evidence(
        (allow(ROLE, "s3:PutObject", Condition=header),), IN_KEY, IN_IAM, encrypted=False
    )
    found = analyze_evidence(call("PutObject"), seen, TRUSTED)
    assert found.offered == ()
    assert "send --sse aws:kms" in found.diagnosis.summary


OWNERS = {"StringLike": {"s3:prefix": "2025/*"}, "IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}


@attack("6.4", "a listing of another prefix than the owner's Allow is for, which holds at one address only",
        "the patch leaves the address out, or is applied without a person", Ends.NARROW)  # fmt: skip
def test_the_owners_other_conditions_are_kept():
    statement = allow(ROLE, "s3:ListBucket", BUCKET, Condition=OWNERS)
    in_iam = (allow(action="s3:ListBucket", resource=BUCKET),)
    seen = evidence((statement,), None, in_iam, encrypted=False)
    found = analyze_evidence(call("ListObjects", key=None, prefix="2026/q1"), seen, TRUSTED)
    [patch] = found.patches
    inside = {"s3:prefix": "2026/q1", "aws:SourceIp": "198.51.100.7"}
    for context, ends in (
        (inside, True),
        (inside | {"aws:SourceIp": "203.0.113.9"}, False),
        ({"s3:prefix": "2026/q1"}, False),
        (inside | {"s3:prefix": "2024/"}, False),
    ):
        assert allows(patch, "s3:ListBucket", BUCKET, context) is ends
    approval = StandingApproval(
        name="lists", owner=A, principals=frozenset({ROLE}), bucket="a-reports", prefix="*",
        keys=frozenset(), actions=frozenset({"s3:listbucket"}), starts=0.0, expires=2e9,
    )  # fmt: skip
    kept, plain = (
        decide(approval, report_for(one, "tg-1"), frozenset(), replayed=False)
        for one in (found, analyze_evidence(found.call, replace(
            seen, bucket=replace(seen.bucket, policy=Read(None))), TRUSTED))
    )  # fmt: skip
    assert (kept.digests, len(plain.digests)) == ((), 1)


def test_a_condition_on_who_is_another_principal():
    who = {"StringEquals": {"aws:PrincipalArn": f"{ROLE}2"}}
    seen = evidence((allow("*", Condition=who),), IN_KEY, IN_IAM)
    found = analyze_evidence(call(), seen, TRUSTED)
    assert found.diagnosis.outcome.value == "fixable"


# --- 7: no more than the call ---------------------------------------------------------------------


def allows(patch, action, resource, context, *, policy_of_key=True):
    """Whether the caller may, with the patch, and everything on the other side."""
    policy = Policy.parse(json.loads(patch.after), "patched")
    resource_policy = policy if policy_of_key else DELEGATES_TO_B
    identity = (EVERYTHING,) if policy_of_key else (policy,)
    request = Request(SESSION, action, resource, A if policy_of_key else B, context)
    return authorize(request, Policies(identity=identity, resource=resource_policy)).allowed


BESIDE = [
    ("the key, called directly", {}),
    ("through another service", THROUGH_S3 | {"kms:ViaService": "ssm.eu-west-1.amazonaws.com"}),
    ("through S3 elsewhere", THROUGH_S3 | {"kms:ViaService": "s3.us-east-1.amazonaws.com"}),
    ("for another bucket", THROUGH_S3 | {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::b/x"}),
    ("for another folder",
     THROUGH_S3 | {"kms:EncryptionContext:aws:s3:arn": f"{BUCKET}/2027/q1.csv"}),
    ("without encryption context", {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}),
]  # fmt: skip


@attack("7.1", "the granted role uses the key directly, elsewhere, or for other objects",
        "the key opens more than the objects of the call", Ends.NARROW)  # fmt: skip
@pytest.mark.parametrize("context", [c[1] for c in BESIDE], ids=[c[0] for c in BESIDE])
def test_a_key_opens_only_the_objects_in_scope(context):
    found = analyze_evidence(call(), evidence(), TRUSTED)
    patches = {patch.grant: patch for patch in found.patches}
    for_key = patches["key_policy"]
    assert allows(for_key, "kms:Decrypt", KEY, THROUGH_S3)
    with_bucket_key = THROUGH_S3 | {"kms:EncryptionContext:aws:s3:arn": BUCKET}
    assert allows(for_key, "kms:Decrypt", KEY, with_bucket_key)
    assert not allows(for_key, "kms:Decrypt", KEY, context)
    in_iam = patches["iam_policy"]
    assert allows(in_iam, "kms:Decrypt", KEY, THROUGH_S3, policy_of_key=False)
    assert not allows(in_iam, "kms:Decrypt", KEY, context, policy_of_key=False)
    assert allows(in_iam, "s3:GetObject", f"{BUCKET}/2026/x", {}, policy_of_key=False)


@attack("7.2", "the granted role lists another prefix, or the whole bucket",
        "a listing patch opens every prefix", Ends.NARROW)  # fmt: skip
@pytest.mark.parametrize("prefix", [None, "", "2027/", "2026", "202"])
def test_a_listing_stays_below_its_prefix(prefix):
    denied = call("ListObjects", key=None, prefix="2026/q1")
    found = analyze_evidence(denied, evidence(encrypted=False), TRUSTED)
    context = {} if prefix is None else {"s3:prefix": prefix}
    assert [patch.grant for patch in found.patches] == ["bucket_policy", "iam_policy"]
    for patch in found.patches:
        of_bucket = patch.grant == "bucket_policy"
        inside = {"s3:prefix": "2026/q1"}
        assert allows(patch, "s3:ListBucket", BUCKET, inside, policy_of_key=of_bucket)
        assert not allows(patch, "s3:ListBucket", BUCKET, context, policy_of_key=of_bucket)


@attack("7.3", "an approver takes profile `article` for what the call needs",
        "its width is not said", Ends.SHOWN)  # fmt: skip
def test_the_published_form_says_what_it_opens_beside():
    options = replace(TRUSTED, profile=Profile.ARTICLE)
    found = analyze_evidence(call(), evidence(), options)
    for patch in found.patches:
        more = describe_patch(patch).startswith("OPENS MORE THAN THE CALL")
        assert more is (patch.grant != "bucket_policy")


def test_a_direct_call_of_kms_gets_neither_condition():
    denied = replace(call(), service="kms", operation="Decrypt", action="kms:Decrypt",
                     s3_actions=(), kms_actions=("kms:Decrypt",), bucket=None)  # fmt: skip
    found = analyze_evidence(denied, replace(evidence(), bucket=None), TRUSTED)
    assert [patch.grant for patch in found.patches] == ["key_policy", "iam_policy"]
    assert all("Condition" not in patch.statement for patch in found.patches)


# --- 15: both parts of a copy ---------------------------------------------------------------------


@attack("15.1", "a copy within one bucket, for which two patches of one policy were offered",
        "an approval that can never be given", Ends.NARROW)  # fmt: skip
def test_a_copy_within_one_bucket_can_be_approved():
    denied = call("CopyObject", **{"x-amz-copy-source": "a-reports/in/draft.csv"})
    seen = evidence()
    found = analyze_evidence(denied, replace(seen, source=seen), TRUSTED)
    assert found.diagnosis.outcome.value == "fixable"
    report = report_for(found, "tg-1")
    facts = LimitFacts({patch.target: Read({}) for patch in found.patches})
    limits = Limits(trusted=frozenset({A, B}))
    assert objection(limits, report.principal, found.patches, facts) is None
