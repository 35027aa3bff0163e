"""What is not for the service to write: who owns it, and the same change as code."""

import json
import re
from dataclasses import replace

import pytest
import yaml
from cfnlint.api import ManualArgs, lint
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.worlds import BUCKET, KEY, ROLE, A, B, allow, call, delegates, evidence, policy
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.cloudtrail import CallerType
from threegrants.evidence import NamedPolicy, Read, Unread
from threegrants.patches import iac_snippets
from threegrants.patches.snippets import _hcl, _hcl_string
from threegrants.report import report_for
from unit.patches.test_alternatives import LONG, crowded

IN_KEY = (delegates(), allow(ROLE, "kms:Decrypt", "*"))
IN_IAM = (allow(), allow(action="kms:Decrypt", resource=KEY))
IN_PLACE = Read((NamedPolicy("own", policy(*IN_IAM)),))
STACK = {"aws:cloudformation:stack-name": "network"}


def tagged(part, tags):
    """A world in which all grants are missing, and one of the three targets has tags."""
    seen = evidence()
    tags = tags if isinstance(tags, Unread) else Read(tags)
    if part == "key":
        return replace(seen, key=Read(replace(seen.key.value, tags=tags)))
    return replace(seen, **{part: replace(getattr(seen, part), tags=tags)})


OWNED = [
    ("the bucket's stack", "bucket", STACK, (), "CloudFormation stack network owns it"),
    ("the key's stack", "key", STACK, (), "CloudFormation stack network owns it"),
    ("the role's stack", "caller", STACK, (), "CloudFormation stack network owns it"),
    ("a tag of ours", "bucket", {"terraform": ""}, ("terraform",), "tag terraform="),
    ("a tag with its value", "key", {"ManagedBy": "tf"}, ("x", "ManagedBy=tf"), "tag ManagedBy=tf"),
]


@pytest.mark.parametrize(("part", "tags", "rule", "why"), [c[1:] for c in OWNED],
                         ids=[c[0] for c in OWNED])  # fmt: skip
def test_what_code_owns_is_handed_off_with_the_code(part, tags, rule, why):
    analysis = analyze_evidence(call(), tagged(part, tags), AnalysisOptions(owner_tags=rule))
    assert analysis.diagnosis.outcome.value == "handoff"
    assert [why in lack.why for lack in analysis.diagnosis.unknowns].count(True) == 1
    for patch in report_for(analysis, "id").patches:
        assert patch.snippets
    forced = analyze_evidence(
        call(), tagged(part, tags), AnalysisOptions(owner_tags=rule, write_owned=True)
    )
    assert forced.diagnosis.outcome.value == "fixable"
    assert not any(patch.snippets for patch in report_for(forced, "id").patches)


PATCHABLE = {"threegrants:patchable": "true"}
TAGGED = [
    ("tagged for it", PATCHABLE, "fixable", ""),
    ("not tagged", {}, "handoff", "it has no tag threegrants:patchable=true"),
    ("another value", {"threegrants:patchable": "yes"}, "handoff", "it has no tag"),
    ("another case", {"Threegrants:Patchable": "true"}, "handoff", "it has no tag"),
    ("tags that were not read", Unread("the reader was refused", "iam:GetRole"), "handoff",
     "is not known: the reader was refused"),
]  # fmt: skip


@pytest.mark.parametrize(("tags", "outcome", "why"), [c[1:] for c in TAGGED],
                         ids=[c[0] for c in TAGGED])  # fmt: skip
def test_a_role_is_patched_only_if_it_is_tagged_for_it(tags, outcome, why):
    rule = AnalysisOptions(require_patchable_tag=True)
    analysis = analyze_evidence(call(), tagged("caller", tags), rule)
    assert analysis.diagnosis.outcome.value == outcome
    if why:
        [said] = [one for one in analysis.diagnosis.unknowns if why in one.why]
        assert said.what == f"direct write to {ROLE}"
        assert "tag threegrants:patchable=true" in said.needs
        assert all(patch.snippets for patch in report_for(analysis, "id").patches)
    without = analyze_evidence(call(), tagged("caller", tags), AnalysisOptions(write_owned=True))
    assert without.diagnosis.outcome.value == "fixable"


def test_the_tag_is_about_roles_and_users_only():
    """Buckets and keys are written to without it: their remediation roles can be left out."""
    seen = replace(evidence(), caller=replace(evidence().caller, policies=IN_PLACE))
    found = analyze_evidence(call(), seen, AnalysisOptions(require_patchable_tag=True))
    assert {patch.grant.value for patch in found.patches} == {"bucket_policy", "key_policy"}
    assert found.diagnosis.outcome.value == "fixable"


FREE = [
    ("no tags", {}, ("terraform",)),
    ("another tag", {"team": "terraform"}, ("terraform",)),
    ("another value", {"ManagedBy": "hand"}, ("ManagedBy=tf",)),
]


@pytest.mark.parametrize(("tags", "rule"), [c[1:] for c in FREE], ids=[c[0] for c in FREE])
def test_what_nobody_owns_is_fixable(tags, rule):
    analysis = analyze_evidence(call(), tagged("bucket", tags), AnalysisOptions(owner_tags=rule))
    assert analysis.diagnosis.outcome.value == "fixable"


def test_tags_that_were_not_read_are_no_permission():
    unread = Unread("the reader was refused", "s3:GetBucketTagging on bucket a-reports")
    analysis = analyze_evidence(call(), tagged("bucket", unread), AnalysisOptions())
    assert analysis.diagnosis.outcome.value == "handoff"
    assert analysis.diagnosis.unknowns[-1].needs == unread.needs


SSO = f"arn:aws:iam::{B}:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Data_0123456789abcdef"


def test_identity_center_gets_the_permission_sets_statement():
    seen = evidence((allow(SSO),), (delegates(), allow(SSO, "kms:Decrypt", "*")), ())
    seen = replace(seen, caller=replace(seen.caller, arn=Read(SSO)))
    session = f"arn:aws:sts::{B}:assumed-role/{SSO.rsplit('/', 1)[-1]}/sam"
    denied = replace(call(), caller=replace(call().caller, arn=SSO, session_arn=session))
    analysis = analyze_evidence(denied, seen, AnalysisOptions(write_owned=True))
    assert analysis.diagnosis.outcome.value == "handoff"
    assert {patch.grant for patch in analysis.offered} == {"iam_policy"}
    code = iac_snippets(analysis.patches[0])
    assert "aws_ssoadmin_permission_set_inline_policy of permission set Data" in code["terraform"]
    assert "AWS::SSO::PermissionSet Data" in code["cloudformation"]
    assert yaml.safe_load(code["cloudformation"]) == list(analysis.patches[0].statements)
    assert [one["Action"] for one in analysis.patches[0].statements] == [
        "s3:GetObject",
        "kms:Decrypt",
    ]


def patches():
    """One patch of every kind, by its operation."""
    user = f"arn:aws:iam::{B}:user/sam"
    seen = evidence()
    named = replace(seen, caller=replace(seen.caller, arn=Read(user), type=CallerType.USER))
    held = evidence((allow(f"{ROLE}2", "s3:PutObject"),), IN_KEY, IN_IAM)
    found = [
        *analyze_evidence(call(), seen, AnalysisOptions()).offered,
        *analyze_evidence(call(), named, AnalysisOptions()).offered,
        *analyze_evidence(call(), crowded(), AnalysisOptions()).offered,
        *analyze_evidence(call(), held, AnalysisOptions()).offered,
    ]
    return {(p.operation, p.before is None): p for p in found}


PATCHES = patches()


def lints(template):
    matches = lint(template, config=ManualArgs(regions=["eu-west-1"]))
    return [f"{match.rule.id} {match.message}" for match in matches]


@pytest.mark.parametrize(
    "kind", PATCHES, ids=[f"{op} {'new' if new else 'held'}" for op, new in PATCHES]
)
def test_cloudformation(kind):
    patch = PATCHES[kind]
    code = iac_snippets(patch)["cloudformation"]
    loaded = yaml.safe_load(code)
    if patch.operation == "kms:CreateGrant":
        assert loaded is None
        assert "no resource for KMS grants" in code
    elif isinstance(loaded, list):
        assert loaded == [patch.statement]
        properties = {"KeyPolicy": json.loads(patch.after)}
        if patch.grant == "key_policy":
            whole = {"Resources": {"K": {"Type": "AWS::KMS::Key", "Properties": properties}}}
            assert lints(json.dumps(whole)) == []
    else:
        [resource] = loaded["Resources"].values()
        assert resource["Properties"]["PolicyDocument"] == json.loads(patch.after)
        assert lints(code) == []


@pytest.mark.parametrize(
    "kind", PATCHES, ids=[f"{op} {'new' if new else 'held'}" for op, new in PATCHES]
)
def test_terraform(kind):
    patch = PATCHES[kind]
    code = iac_snippets(patch)["terraform"]
    resource = {
        "s3:PutBucketPolicy": "aws_s3_bucket_policy",
        "kms:PutKeyPolicy": "locals",
        "kms:CreateGrant": "aws_kms_grant",
        "iam:PutRolePolicy": "aws_iam_role_policy",
        "iam:PutUserPolicy": "aws_iam_user_policy",
        "iam:CreatePolicy": "aws_iam_role_policy_attachment",
    }[patch.operation]
    assert resource in code
    assert code.count("{") == code.count("}")
    assert 'data "aws_iam_policy_document"' not in code
    # A policy that exists is never given as a resource that would replace it.
    assert ("resource" in code) is not (patch.before is not None and patch.grant != "iam_policy")


def test_an_access_point_is_a_template_too():
    [handoff] = analyze_evidence(call(), evidence(LONG, IN_KEY, IN_IAM), AnalysisOptions()).handoffs
    assert lints(handoff.snippets["cloudformation"]) == []
    assert 'resource "aws_s3_access_point"' in handoff.snippets["terraform"]


ESCAPES = [
    ("an interpolation", "a${aws}", '"a$${aws}"'),
    ("a directive", "%{if x}", '"%%{if x}"'),
    ("quotes", 'a"b', '"a\\"b"'),
    ("a backslash", "a\\b", '"a\\\\b"'),
    ("line breaks", "a\nb\rc\td", '"a\\nb\\rc\\td"'),
    ("beyond ASCII", "\u00e9\u4e2d\U0001f600", '"\\u00e9\\u4e2d\\U0001f600"'),
    ("controls", "\x00\x7f\x85", '"\\u0000\\u007f\\u0085"'),
    ("plain signs", "$ % $x %x { }", '"$ % $x %x { }"'),
]


@pytest.mark.parametrize(("text", "wanted"), [c[1:] for c in ESCAPES], ids=[c[0] for c in ESCAPES])
def test_terraform_strings(text, wanted):
    assert _hcl_string(text) == wanted


@examples(300)
@given(
    st.text(
        st.one_of(st.characters(exclude_categories=("Cs",)), st.sampled_from('${%"\\\n')),
        max_size=12,
    )
)
def test_no_text_breaks_out_of_a_terraform_string(text):
    """Read back by HCL's rules: one literal, without interpolation, that says the same."""
    inner = _hcl_string(text)[1:-1]
    assert _hcl_string(text)[0] == _hcl_string(text)[-1] == '"'
    token = re.compile(r'\\u([0-9a-f]{4})|\\U([0-9a-f]{8})|\\([nrt"\\])|\$\$\{|%%\{|([ -~])')
    read, at = "", 0
    while at < len(inner):
        found = token.match(inner, at)
        assert found
        four, eight, escape, plain = found.groups()
        if plain:
            assert plain not in '"\\'
            assert not inner.startswith(("${", "%{"), at)
        read += (
            chr(int(four or eight, 16)) if four or eight
            else {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}[escape] if escape
            else plain or found.group()[1:]
        )  # fmt: skip
        at = found.end()
    assert read == text


def test_terraform_values():
    assert _hcl({"A": ["x", "y"], "B": {"C": True}}, 0) == (
        '{\n  "A" = ["x", "y"]\n  "B" = {\n    "C" = true\n  }\n}'
    )


HOSTILE = ['q"; x = "/a', "q\\/a", "%{ for x in y }/a", "{{resolve:ssm:x}}/a", "&{aws:username}/a",
           "\u00e9\x7f'/a", "a: b # c/a", "- x/a", "<<EOF/a"]  # fmt: skip


@pytest.mark.parametrize("key", HOSTILE)
def test_hostile_keys_in_code(key):
    seen = evidence((allow(f"{ROLE}2", "s3:PutObject"),), IN_KEY, IN_IAM)
    found = {p.scope: p for p in analyze_evidence(call(key=key), seen, AnalysisOptions()).offered}
    for scope, patch in found.items():
        code = iac_snippets(patch)
        assert code["terraform"].isascii()
        assert code["cloudformation"].isascii()
        if "{{resolve:" in key and scope != "bucket":
            assert yaml.safe_load(code["cloudformation"]) is None
            continue
        assert yaml.safe_load(code["cloudformation"]) == [patch.statement]
        assert _hcl_string(patch.statement["Resource"]) in code["terraform"]


def test_an_extended_statement_replaces_itself():
    seen = evidence((), IN_KEY, IN_IAM)
    first = analyze_evidence(call(), seen, AnalysisOptions()).patches[0]
    theirs = {**first.statement, "Principal": {"AWS": f"{ROLE}2"}}
    patch = analyze_evidence(
        call(), evidence((theirs,), IN_KEY, IN_IAM), AnalysisOptions()
    ).patches[0]
    for code in iac_snippets(patch).values():
        assert code.startswith(
            f"# Replace statement {first.statement['Sid']} in the policy of {BUCKET}"
        )


def test_long_policies_leave_only_the_proposed_patches_in_the_document():
    lines = tuple(allow(f"{ROLE}{n}", Sid=f"S{n}x{'y' * 60}") for n in range(85))
    keys = (delegates(), *(allow(A, "kms:Decrypt", "*", Sid=f"S{n}{'y' * 250}") for n in range(86)))
    denied = call("CopyObject", **{"x-amz-copy-source": "a-drafts/in/draft.csv"})
    seen = evidence(lines, keys)
    seen = replace(seen, source=replace(seen, bucket=replace(seen.bucket, name="a-drafts")))
    analysis = analyze_evidence(denied, seen, AnalysisOptions())
    body = report_for(analysis, "id").to_json()
    assert len(analysis.offered) > len(analysis.patches) == 4
    assert [p["digest"] for p in body["patches"]] == [p.digest for p in analysis.patches]
    assert len(json.dumps(json.dumps(body))) < 400_000
    assert body["unknowns"][-1]["what"] == "other scopes and other ways"


def test_the_document_shows_every_choice():
    options = AnalysisOptions(writable=frozenset({A, B}))
    report = report_for(analyze_evidence(call(), evidence(), options), "id")
    assert report.outcome.value == "fixable"
    assert [p.scope for p in report.patches if p.grant == "bucket_policy"] == [
        "object", "prefix", "bucket",
    ]  # fmt: skip
    assert len(report.proposed_patches) == 3
    assert all(p.says.endswith(".") for p in report.patches)
