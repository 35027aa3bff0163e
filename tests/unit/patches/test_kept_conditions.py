"""A statement of the owner that is for something else: a patch keeps its other conditions."""

import json
from dataclasses import replace

import pytest

from support.worlds import BUCKET, KEY, ROLE, A, B, allow, call, delegates, evidence
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.aws.policy_json import as_list, is_ours, keeps_conditions
from threegrants.diagnosis import GrantName, KeptCondition, facts_of
from threegrants.evidence import Read
from threegrants.iam import Policies, Policy, Request, authorize
from threegrants.patches import Draft, PatchOperation, describe_patch
from threegrants.patches.access_checks import access_violation
from threegrants.patches.documents import DocumentReader
from threegrants.patches.grant_statement import GrantCondition, GrantStatement
from threegrants.patches.verify import violation
from threegrants.remediation.limit_facts import LimitFacts
from threegrants.remediation.limits import Limits
from threegrants.remediation.patch_checks import objection
from threegrants.report import report_for

TRUSTED = AnalysisOptions(writable=frozenset({A, B}))
SESSION = f"arn:aws:sts::{B}:assumed-role/analyst/sam"
IN_BUCKET = (allow(ROLE),)
IN_KEY = (delegates(), allow(ROLE, "kms:Decrypt", "*"))
IN_IAM = (allow(), allow(action="kms:Decrypt", resource=KEY))
EVERYTHING = Policy.parse(
    {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}, "e"
)
OTHER = "kms:EncryptionContext:aws:s3:arn"
ELSEWHERE = {"StringLike": {OTHER: f"{BUCKET}/2025/*"}}
VIA = "s3.eu-west-1.amazonaws.com"
THROUGH_S3 = {"kms:ViaService": VIA, OTHER: f"{BUCKET}/2026/q1.csv"}
ADDRESS = {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}
LISTING = call("ListObjects", key=None, prefix="2026/q1")


def listing(condition):
    """The bucket policy lets the role list another prefix, under one condition more."""
    stated = {"StringLike": {"s3:prefix": "2025/*"}, **condition}
    statement = allow(ROLE, "s3:ListBucket", BUCKET, Condition=stated)
    in_iam = (allow(action="s3:ListBucket", resource=BUCKET),)
    return evidence((statement,), None, in_iam, encrypted=False)


def in_key(**condition):
    """A key policy whose Allow for the role is for another folder, under more conditions."""
    stated = {name: dict(block) for name, block in ELSEWHERE.items()}
    for operator, block in condition.items():
        stated.setdefault(operator, {}).update(block)
    return (delegates(), allow(ROLE, "kms:Decrypt", "*", Condition=stated))


def analyzed(key, denied=None):
    return analyze_evidence(denied or call(), evidence(IN_BUCKET, key, IN_IAM), TRUSTED)


def allows(patch, context):
    policy = Policy.parse(json.loads(patch.after), "patched")
    request = Request(SESSION, "kms:Decrypt", KEY, A, context)
    return authorize(request, Policies(identity=(EVERYTHING,), resource=policy)).allowed


KEPT = [
    # name, the owner's other condition, another context in which it is not met
    ("through S3", {"StringEquals": {"kms:ViaService": VIA}}, {"kms:ViaService": "ssm.eu-west-1.amazonaws.com"}),
    ("over TLS", {"Bool": {"aws:SecureTransport": "true"}}, {"aws:SecureTransport": "false"}),
    ("until a date", {"DateLessThan": {"aws:CurrentTime": "2099-01-01T00:00:00Z"}},
     {"aws:CurrentTime": "2099-06-01T00:00:00Z"}),
    ("of an account", {"StringEquals": {"kms:CallerAccount": B}}, {"kms:CallerAccount": A}),
]  # fmt: skip


@pytest.mark.parametrize(("condition", "unmet"), [c[1:] for c in KEPT], ids=[c[0] for c in KEPT])
def test_a_key_patch_keeps_what_the_owner_wants_beside(condition, unmet):
    found = analyzed(in_key(**condition))
    assert found.diagnosis.outcome.value == "fixable", found.diagnosis.unknowns
    [patch] = found.patches
    assert is_ours(patch.statement)
    stated = patch.statement["Condition"]
    for operator, block in condition.items():
        assert stated[operator].items() >= block.items()
    met = dict(facts_of(call(), evidence(IN_BUCKET, in_key(), IN_IAM)).kms_context.values)
    assert allows(patch, met | THROUGH_S3)
    assert not allows(patch, met | THROUGH_S3 | unmet)
    assert not allows(patch, met | THROUGH_S3 | {OTHER: f"{BUCKET}/2024/q1.csv"})


LISTED = [
    ("from an address", ADDRESS, {"aws:SourceIp": "203.0.113.9"}),
    ("not from an address", {"NotIpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, {"aws:SourceIp": "203.0.113.9"}),
    ("not through an endpoint", {"Null": {"aws:SourceVpce": "true"}}, {"aws:SourceVpce": "vpce-0a"}),
    ("over TLS", {"Bool": {"aws:SecureTransport": "true"}}, {"aws:SecureTransport": "false"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "unmet"), [c[1:] for c in LISTED], ids=[c[0] for c in LISTED]
)
def test_a_listing_patch_keeps_what_the_owner_wants_beside(condition, unmet):
    found = analyze_evidence(LISTING, listing(condition), TRUSTED)
    assert found.diagnosis.outcome.value == "fixable", found.diagnosis.unknowns
    [patch] = found.patches
    assert patch.statement["Condition"] == {**condition, "StringLike": {"s3:prefix": "2026/*"}}
    policy = Policy.parse(json.loads(patch.after), "patched")
    met = dict(facts_of(LISTING, listing(condition)).s3_context.values)
    ends = [
        authorize(
            Request(SESSION, "s3:ListBucket", BUCKET, A, met | more),
            Policies(identity=(EVERYTHING,), resource=policy),
        ).allowed
        for more in ({}, unmet, {"s3:prefix": "2024/"})
    ]
    assert ends == [True, False, False]


def test_the_patch_says_what_it_keeps_and_is_accepted_at_approval():
    found = analyze_evidence(LISTING, listing(ADDRESS), TRUSTED)
    [patch] = found.patches
    assert keeps_conditions(patch.statement)
    assert "aws:SourceIp is as the owner wants it (IpAddress 198.51.100.0/24)" in describe_patch(
        patch
    )
    report = report_for(found, "tg-1")
    limits = Limits(trusted=frozenset({A, B}))
    assert (
        objection(limits, report.principal, found.patches, LimitFacts({BUCKET: Read({})})) is None
    )


def test_no_kms_grant_is_offered_beside_for_it_cannot_keep_them():
    kept, plain = analyzed(in_key(Bool={"aws:SecureTransport": "true"})), analyzed((delegates(),))
    grants = [
        PatchOperation.CREATE_GRANT in {p.operation for p in one.offered} for one in (kept, plain)
    ]
    assert grants == [False, True]


GUARDED = [
    ("the other one is not met", in_key(StringEquals={"kms:ViaService": "ssm.eu-west-1.amazonaws.com"})),
    ("the address that KMS sees is not known", in_key(IpAddress={"aws:SourceIp": "198.51.100.0/24"})),
    ("whether the other one is met is not known", in_key(Bool={"aws:MultiFactorAuthPresent": "true"})),
    ("it has a policy variable", in_key(StringLike={"aws:UserAgent": "*${aws:username}*"})),
    ("two statements that want different things", (
        *in_key(StringEquals={"kms:ViaService": VIA}),
        *in_key(StringEquals={"kms:ViaService": [VIA, "s3.us-east-1.amazonaws.com"]})[1:])),
]  # fmt: skip


@pytest.mark.parametrize("key", [c[1] for c in GUARDED], ids=[c[0] for c in GUARDED])
def test_nothing_is_patched_around_what_cannot_be_kept(key):
    found = analyzed(key)
    assert (found.offered, found.diagnosis.outcome.value) == ((), "handoff")


def test_in_one_account_the_other_policys_conditions_are_kept():
    """IAM would have to say it; the bucket policy is for another folder, from an address."""
    mine = f"arn:aws:iam::{A}:role/analyst"
    tagged = {
        "StringEquals": {"s3:ResourceAccount": B},
        "IpAddress": {"aws:SourceIp": "198.51.100.0/24"},
    }
    seen = evidence((allow(mine, Condition=tagged),), (), (), A, encrypted=False)
    found = analyze_evidence(call(account=A), seen, TRUSTED)
    [patch] = found.patches
    assert patch.grant is GrantName.IAM_POLICY
    assert patch.statement["Condition"] == {"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}


def test_a_statement_of_ours_that_keeps_conditions_guards_like_the_owners():
    [patch] = analyze_evidence(LISTING, listing(ADDRESS), TRUSTED).patches
    ours = json.loads(patch.after)["Statement"][-1]
    seen = evidence(
        (ours,), None, (allow(action="s3:ListBucket", resource=BUCKET),), encrypted=False
    )
    for address, outcome in (("198.51.100.7", "already_allowed"), ("203.0.113.9", "handoff")):
        found = analyze_evidence(replace(LISTING, source_ip=address), seen, TRUSTED)
        assert (found.offered, found.diagnosis.outcome.value) == ((), outcome)


def test_the_check_refuses_a_patch_that_lost_the_condition():
    """With the owner's condition not met, nothing may be opened."""
    seen = listing(ADDRESS)
    [patch] = analyze_evidence(LISTING, seen, TRUSTED).patches
    kept = KeptCondition("IpAddress", "aws:SourceIp", ("198.51.100.0/24",), ("198.51.100.7",))
    prefix = GrantCondition("s3:prefix", ("2026/*",))
    plain = GrantStatement(ROLE, ("s3:ListBucket",), (BUCKET,), (prefix,))
    meant = replace(plain, kept=(kept,))
    document, facts = json.loads(patch.before), facts_of(LISTING, seen)
    ends = []
    for written in (meant, plain):
        statements = [*as_list(document["Statement"]), written.to_statement("list")]
        draft = Draft(
            replace(patch, after=json.dumps({**document, "Statement": statements})), (meant,)
        )
        ends.append(violation(draft, DocumentReader(facts).read(draft.patch), facts, ROLE))
    assert ends[0] == ""
    assert "does not say exactly" in ends[1]
    opened = replace(patch, after=json.dumps({**document, "Statement": statements}))
    lost = Draft(opened, (plain,))
    documents = DocumentReader(facts).read(opened)
    assert "made another way" in access_violation(documents, (meant,), ROLE)
    assert access_violation(documents, lost.grant_statements, ROLE) == ""


@pytest.mark.parametrize(
    "operator", ["StringEquals", "StringNotEquals", "Null", "NumericLessThan", "ArnLike"]
)
def test_a_kept_condition_is_asked_where_it_fails(operator):
    values = {"Null": "true", "NumericLessThan": "5", "ArnLike": "arn:aws:s3:::x*"}.get(
        operator, "a"
    )
    met = {"StringEquals": ("a",), "NumericLessThan": ("3",), "ArnLike": ("arn:aws:s3:::xy",)}.get(
        operator, ()
    )
    one = GrantStatement(
        ROLE, ("kms:Decrypt",), ("*",), (), (KeptCondition(operator, "aws:x", (values,), met),)
    )
    assert all(one.covers_context(context) for context in one.contexts_inside())
    outside = one.contexts_outside()
    assert outside
    assert not any(one.covers_context(context) for context in outside)
    assert one.uncheckable_condition is None


def test_a_condition_that_nothing_near_fails_is_not_offered():
    anything = KeptCondition("StringLikeIfExists", "aws:UserAgent", ("*",), ("curl",))
    one = GrantStatement(ROLE, ("kms:Decrypt",), ("*",), (), (anything,))
    assert one.uncheckable_condition == anything
