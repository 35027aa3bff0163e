"""A patch that does more than it is meant to is refused, by each check alone."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.worlds import BUCKET, KEY, ROLE, A, B, allow, call, delegates, evidence, policy
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.diagnosis import diagnose, diagnose_facts, facts_of
from threegrants.evidence import NamedPolicy, PolicyKind, Read
from threegrants.iam import CompiledPolicies, Policies, Policy, Request, authorize
from threegrants.patches import Choices, GranteeScope, make_patches, verify_patches, with_patches
from threegrants.patches.access_checks import (
    _context,
    _surrounding_policies,
    _touched,
    access_violation,
)
from threegrants.patches.documents import DocumentReader
from threegrants.patches.edit_checks import edit_violation
from threegrants.patches.grant_statement import GrantStatement
from threegrants.patches.make import Draft
from threegrants.patches.policy_checks import lockout_violation, public_violation
from threegrants.patches.probe_requests import probe_requests
from threegrants.patches.verify import still_denied, violation

THEIRS = (allow(f"{ROLE}2", "s3:PutObject"), allow("*", effect="Deny", action="s3:DeleteBucket"))
SEEN = evidence(THEIRS, (delegates(),), (allow(action="sqs:*", resource="*"),))
ROOT_B = f"arn:aws:iam::{B}:root"


def drafts(seen=SEEN, choices=None):
    denied = call()
    made = make_patches(denied, seen, diagnose(denied, seen), choices or Choices())
    return {(d.patch.operation, d.patch.scope): d for d in made.drafts}


DRAFTS = drafts()
FACTS = facts_of(call(), SEEN)
READER = DocumentReader(FACTS)
read = READER.read
BUCKET_DRAFT = DRAFTS["s3:PutBucketPolicy", "prefix"]
KEY_DRAFT = DRAFTS["kms:PutKeyPolicy", "prefix"]
IAM_DRAFT = DRAFTS["iam:PutRolePolicy", "prefix"]
GRANT_DRAFT = DRAFTS["kms:CreateGrant", None]


@pytest.mark.parametrize("name", DRAFTS, ids=[" ".join(filter(None, name)) for name in DRAFTS])
def test_every_draft_passes_every_check(name):
    assert violation(DRAFTS[name], read(DRAFTS[name].patch), FACTS, ROLE) == ""


@pytest.mark.parametrize("named", list(GranteeScope))
@pytest.mark.parametrize("account", [A, B])
def test_drafts_of_either_side_and_kind_pass_every_check(named, account):
    seen = evidence((), (allow(f"arn:aws:iam::{A}:user/admin", "kms:*", "*"),), (), account)
    denied = call(account=account)
    found = make_patches(denied, seen, diagnose(denied, seen), Choices(principal=named))
    kept, missing_information = verify_patches(
        found.drafts, facts_of(denied, seen), diagnose(denied, seen)
    )
    assert missing_information == ()
    assert len(kept) == len(found.drafts) > 0


def edited(draft, **changes):
    """The draft with its statement changed in the document and in what is shown."""
    document = json.loads(draft.patch.after)
    statement = {**document["Statement"][-1], **changes}
    after = json.dumps({**document, "Statement": [*document["Statement"][:-1], statement]})
    return Draft(replace(draft.patch, after=after, statement=statement), draft.grant_statements)


WIDER = [
    ("everyone", edited(BUCKET_DRAFT, Principal="*")),
    ("everyone, in a list", edited(BUCKET_DRAFT, Principal={"AWS": [ROLE, "*"]})),
    ("its account", edited(BUCKET_DRAFT, Principal={"AWS": ROOT_B})),
    ("another role too", edited(BUCKET_DRAFT, Principal={"AWS": [ROLE, f"{ROLE}-admin"]})),
    ("a role of another account", edited(BUCKET_DRAFT, Principal={"AWS": [ROLE, ROLE.replace(B, A)]})),
    ("a service too", edited(BUCKET_DRAFT, Principal={"AWS": ROLE, "Service": "ec2.amazonaws.com"})),
    ("every action of S3", edited(BUCKET_DRAFT, Action="s3:*")),
    ("a pattern of actions", edited(BUCKET_DRAFT, Action="s3:GetObject*")),
    ("one action more", edited(BUCKET_DRAFT, Action=["s3:GetObject", "s3:PutBucketPolicy"])),
    ("NotAction", edited(BUCKET_DRAFT, Action=[], NotAction="s3:DeleteBucket")),
    ("the whole bucket", edited(BUCKET_DRAFT, Resource=f"{BUCKET}/*")),
    ("the prefix without its slash", edited(BUCKET_DRAFT, Resource=f"{BUCKET}/2026*")),
    ("everything", edited(BUCKET_DRAFT, Resource="*")),
    ("buckets of similar names", edited(BUCKET_DRAFT, Resource=[f"{BUCKET}/2026/*", f"{BUCKET}2/*"])),
    ("the key, for another role too", edited(KEY_DRAFT, Principal={"AWS": [ROLE, f"{ROLE}2"]})),
    ("the key, for its account", edited(KEY_DRAFT, Principal={"AWS": ROOT_B})),
    ("the key's administration", edited(KEY_DRAFT, Action=["kms:Decrypt", "kms:PutKeyPolicy"])),
    ("grants of the key", edited(KEY_DRAFT, Action=["kms:Decrypt", "kms:CreateGrant"])),
    ("every use of the key", edited(KEY_DRAFT, Action="kms:*")),
    ("IAM, every bucket", edited(IAM_DRAFT, Resource=["arn:aws:s3:::*", KEY])),
    ("IAM, every key", edited(IAM_DRAFT, Resource=[f"{BUCKET}/2026/*", "*"])),
    ("IAM, another service", edited(IAM_DRAFT, Action=["s3:GetObject", "kms:Decrypt", "iam:PassRole"])),
]  # fmt: skip


@pytest.mark.parametrize("draft", [c[1] for c in WIDER], ids=[c[0] for c in WIDER])
def test_a_widened_patch_is_refused_by_text_and_by_evaluation(draft):
    assert edit_violation(read(draft.patch), draft.grant_statements) != ""
    assert access_violation(read(draft.patch), draft.grant_statements, ROLE) != ""


ALL_DRAFTS = [(" ".join(filter(None, name)), draft) for name, draft in DRAFTS.items()] + WIDER


@pytest.mark.parametrize("draft", [c[1] for c in ALL_DRAFTS], ids=[c[0] for c in ALL_DRAFTS])
def test_a_probe_request_that_no_change_may_apply_to_gets_the_same_answer(draft):
    """What is not decided before and after need not be: the evaluator says so for each of them."""
    documents = read(draft.patch)
    context = _context(documents)
    probes = probe_requests(documents, draft.grant_statements[0], ROLE, draft.patch.account)
    touched = _touched(documents, probes, context)
    assert touched is not None
    untouched = [one for one in probes if not any(part.holds(one) for part in touched)]
    assert 0 < len(untouched) < len(probes)
    before, after = (
        [CompiledPolicies(one) for one in _surrounding_policies(documents, patched=patched)]
        for patched in (False, True)
    )
    for probe in untouched:
        request = Request(*probe, draft.patch.account, context)
        for old, new in zip(before, after, strict=True):
            assert old.decide(request) == new.decide(request), probe


def with_statements(draft, *listed):
    document = json.loads(draft.patch.after)
    after = json.dumps({**document, "Statement": list(listed)})
    return Draft(replace(draft.patch, after=after), draft.grant_statements)


HELD = json.loads(BUCKET_DRAFT.patch.after)["Statement"]
NARROWER = [
    ("a deny fewer", with_statements(BUCKET_DRAFT, HELD[0], HELD[2])),
    ("a statement of others widened",
     with_statements(BUCKET_DRAFT, {**HELD[0], "Action": "s3:*"}, *HELD[1:])),
    ("a condition dropped from others", with_statements(BUCKET_DRAFT, {**HELD[0], "Sid": "X"}, *HELD[1:])),
    ("one more statement", with_statements(BUCKET_DRAFT, *HELD, allow("*"))),
    ("not at the end", with_statements(BUCKET_DRAFT, HELD[2], *HELD[:2])),
    ("no statement", with_statements(BUCKET_DRAFT, *HELD[:2])),
    ("nothing of others", with_statements(BUCKET_DRAFT, HELD[2])),
    ("a condition on ours", edited(BUCKET_DRAFT, Condition={"Bool": {"aws:SecureTransport": "true"}})),
    ("a deny", edited(BUCKET_DRAFT, Effect="Deny")),
    ("the version", Draft(replace(BUCKET_DRAFT.patch, after=BUCKET_DRAFT.patch.after.replace(
        "2012-10-17", "2008-10-17")), BUCKET_DRAFT.grant_statements)),
]  # fmt: skip


@pytest.mark.parametrize("draft", [c[1] for c in NARROWER], ids=[c[0] for c in NARROWER])
def test_a_patch_that_changes_anything_else_is_refused(draft):
    assert violation(draft, read(draft.patch), FACTS, ROLE) != ""


def test_a_grant_to_another_or_for_more_is_refused():
    held = json.loads(GRANT_DRAFT.patch.after)
    for changes in (
        {"GranteePrincipal": f"{ROLE}2"},
        {"GranteePrincipal": ROOT_B},
        {"Operations": ["CreateGrant", "Decrypt"]},
        {"Operations": ["Encrypt"]},
    ):
        patch = replace(GRANT_DRAFT.patch, after=json.dumps({**held, **changes}))
        assert edit_violation(read(patch), GRANT_DRAFT.grant_statements) != ""
        assert access_violation(read(patch), GRANT_DRAFT.grant_statements, ROLE) != ""


extras = st.fixed_dictionaries(
    {
        "Effect": st.just("Allow"),
        "Principal": st.sampled_from(["*", {"AWS": ROOT_B}, {"AWS": f"{ROLE}9"}, {"AWS": "999999999999"},
                                      {"AWS": f"arn:aws:iam::{A}:user/x"}]),
        "Action": st.sampled_from(["s3:*", "s3:Put*", "s3:DeleteObjectVersion", "*", ["s3:GetBucketAcl"]]),
        "Resource": st.sampled_from(["*", BUCKET, f"{BUCKET}/*", f"{BUCKET}/logs/*", "arn:aws:s3:::*/x"]),
    }
)  # fmt: skip


@examples(60)
@given(extras)
def test_evaluation_alone_finds_a_foreign_grant_in_the_document(extra):
    draft = with_statements(BUCKET_DRAFT, *HELD[:2], extra, HELD[2])
    assert access_violation(read(draft.patch), draft.grant_statements, ROLE) != ""


def test_public_policies():
    public = edited(BUCKET_DRAFT, Principal="*").patch
    assert "public" in public_violation(read(public))
    assert public_violation(read(BUCKET_DRAFT.patch)) == ""
    was = replace(public, before=policy(allow("*")))
    assert public_violation(read(was)) == ""


def doubled(text):
    """The policy with its statements hidden from a reader who takes the last of two equal keys."""
    return text.replace("{", '{"Statement": [], ', 1)


@pytest.mark.parametrize("draft", [BUCKET_DRAFT, KEY_DRAFT, IAM_DRAFT])
def test_a_document_in_which_a_key_stands_twice_is_not_written(draft):
    twice = Draft(replace(draft.patch, after=doubled(draft.patch.after)), draft.grant_statements)
    assert "stands twice" in violation(twice, read(twice.patch), FACTS, ROLE)


TWICE = [
    ("bucket_policy", replace(SEEN, bucket=replace(SEEN.bucket, policy=Read(doubled(policy(*THEIRS)))))),
    ("key_policy", replace(SEEN, key=Read(replace(SEEN.key.value, policy=Read(doubled(policy(delegates()))))))),
]  # fmt: skip


@pytest.mark.parametrize(("grant", "seen"), TWICE, ids=[c[0] for c in TWICE])
def test_a_live_document_in_which_a_key_stands_twice_is_not_patched(grant, seen):
    analysis = analyze_evidence(call(), seen, AnalysisOptions())
    assert grant not in {patch.grant for patch in analysis.offered}
    assert analysis.diagnosis.verdict_on(grant) == "unknown"
    assert analysis.diagnosis.outcome == "unknown"


KEYS = [
    ("the administrators' statement is gone", policy(allow(ROLE, "kms:Decrypt", "*")), "any more"),
    ("a deny for them", policy(delegates(), allow("*", "kms:PutKeyPolicy", "*", effect="Deny")), "any more"),
]  # fmt: skip


@pytest.mark.parametrize(("after", "why"), [c[1:] for c in KEYS], ids=[c[0] for c in KEYS])
def test_the_keys_administrators_stay(after, why):
    assert why in lockout_violation(read(replace(KEY_DRAFT.patch, after=after)))
    assert lockout_violation(read(KEY_DRAFT.patch)) == ""


def test_a_key_policy_that_nobody_can_change_is_not_written():
    orphan = policy(allow(ROLE, "kms:Decrypt", "*"))
    patch = replace(KEY_DRAFT.patch, before=orphan, after=orphan)
    assert "nobody who is named" in lockout_violation(read(patch))


def test_a_patch_that_does_not_help_is_not_offered():
    whole = [read(DRAFTS[name].patch) for name in DRAFTS if DRAFTS[name].patch.default]
    others = [one for one in whole if one.patch.grant != "bucket_policy"]
    elsewhere = replace(
        BUCKET_DRAFT.patch, after=BUCKET_DRAFT.patch.after.replace("/2026/", "/2025/")
    )
    denies = with_statements(BUCKET_DRAFT, *HELD, allow("*", effect="Deny")).patch
    assert still_denied(read(BUCKET_DRAFT.patch), FACTS, others) == ""
    assert "still be refused" in still_denied(read(elsewhere), FACTS, others)
    assert "still be refused" in still_denied(read(BUCKET_DRAFT.patch), FACTS, [])
    assert "still be refused" in still_denied(read(denies), FACTS, others)


def test_a_failed_check_is_told_and_hands_the_matter_off(monkeypatch):
    monkeypatch.setattr(
        "threegrants.patches.verify.public_violation",
        lambda one: "it would be public" if one.patch.grant == "bucket_policy" else "",
    )
    analysis = analyze_evidence(call(), SEEN, AnalysisOptions())
    assert "bucket_policy" not in {patch.grant for patch in analysis.offered}
    assert analysis.diagnosis.outcome.value == "handoff"
    assert "it would be public" in [lack.why for lack in analysis.diagnosis.unknowns]


def test_a_principal_that_is_gone():
    gone = replace(SEEN, caller=replace(SEEN.caller, arn=Read(None)))
    assert "still exists" in violation(
        BUCKET_DRAFT, read(BUCKET_DRAFT.patch), facts_of(call(), gone), ROLE
    )


def test_with_patches_replaces_only_its_own_policy():
    held = (NamedPolicy("threegrants-a-reports", "{}", PolicyKind.MANAGED), NamedPolicy("x", "{}"))
    seen = replace(SEEN, caller=replace(SEEN.caller, policies=Read(held)))
    after = with_patches(facts_of(call(), seen), [IAM_DRAFT.patch, GRANT_DRAFT.patch])
    for policies in (after.evidence.caller.policies.value, after.identity_policies.value):
        assert [one.name for one in policies[:2]] == ["threegrants-a-reports", "x"]
        assert len(policies) == 3
    assert after.evidence.caller.policies.value[:2] == held
    assert after.identity_policies.value[2].text == IAM_DRAFT.patch.after
    for key in (after.key, after.evidence.key.value):
        [grant] = key.grants.value
        assert grant.grantee_principal == ROLE
    granted = diagnose_facts(with_patches(FACTS, [GRANT_DRAFT.patch]))
    assert granted.key_policy.verdict == "granted"


@pytest.mark.parametrize("name", DRAFTS, ids=[" ".join(filter(None, name)) for name in DRAFTS])
def test_patched_facts_are_the_facts_of_the_patched_evidence(name):
    """What is not worked out anew is what working out anew would give."""
    patched = with_patches(FACTS, [DRAFTS[name].patch])
    assert patched == facts_of(call(), patched.evidence)
    assert patched != FACTS


def test_the_probe_requests_are_the_same_each_time_and_look_over_every_fence():
    draft = BUCKET_DRAFT
    asked = probe_requests(read(draft.patch), draft.grant_statements[0], ROLE, A)
    assert asked == probe_requests(read(draft.patch), draft.grant_statements[0], ROLE, A)
    who, what, where = ({probe[n] for probe in asked} for n in range(3))
    assert {
        ROLE,
        f"{ROLE}2",
        ROOT_B,
        f"arn:aws:iam::{A}:root",
        "anonymous",
        "s3.amazonaws.com",
    } <= who
    assert {"s3:GetObject", "s3:GetObjectVersion", "s3:PutBucketPolicy", "kms:Decrypt"} <= what
    assert {BUCKET, f"{BUCKET}/2026", f"{BUCKET}/2026-old/a", f"{BUCKET}2"} <= where
    inside = [probe for probe in asked if covers(draft.grant_statements[0], probe)]
    assert 2 < len(inside) < len(asked) / 2


def covers(grant_statement, probe):
    """Whether the statement allows a request, told without the evaluator."""
    principal, action, resource = probe
    return (
        grant_statement.covers_principal(principal)
        and grant_statement.covers_action(action)
        and grant_statement.covers_resource(resource)
    )


roles = st.sampled_from(["r", "analyst", "a.b+c", "Admin"])
paths = st.sampled_from(["", "team/", "a/b/"])
keys = st.text("ab/-. é", max_size=6)


@examples(60)
@given(
    roles,
    paths,
    st.lists(
        st.sampled_from(["s3:GetObject", "s3:PutObject", "s3:Get*"]),
        min_size=1,
        max_size=2,
        unique=True,
    ),
    keys,
    st.booleans(),
)
def test_what_a_grant_statement_covers_is_what_the_evaluator_allows(
    role, path, actions, key, below
):
    """The check's own reading of a statement against the evaluator's, on every probe request."""
    grantee = f"arn:aws:iam::{B}:role/{path}{role}"
    grant_statement = GrantStatement(
        grantee, tuple(actions), (f"{BUCKET}/{key}{'*' if below else ''}",)
    )
    document = Policy.parse(
        {"Version": "2012-10-17", "Statement": grant_statement.to_statement("read")}, "p"
    )
    patch = replace(
        BUCKET_DRAFT.patch, after=json.dumps({"Statement": grant_statement.to_statement("read")})
    )
    everything = Policy.parse(policy({"Effect": "Allow", "Action": "*", "Resource": "*"}), "all")
    for probe in probe_requests(DocumentReader().read(patch), grant_statement, grantee, A):
        if probe[0].split(":")[4:5] == [A]:
            continue  # the owner's own principals need no bucket policy
        allowed = authorize(
            Request(*probe, A), Policies(identity=(everything,), resource=document)
        ).allowed
        assert allowed is covers(grant_statement, probe), probe
