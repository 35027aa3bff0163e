"""What the terminal shows: every outcome, patches, incidents, and nothing hostile."""

import json
from dataclasses import replace

import pytest

from support.worlds import BUCKET, KEY, ROLE, call, evidence
from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.cli.render import (
    console,
    diff,
    json_text,
    show_diagnosis,
    show_incident,
    show_patch,
    show_result,
)
from threegrants.diagnosis import Certainty, Outcome, Verdict
from threegrants.evidence import Read
from threegrants.notifications import CERTAINTY_TEXT
from threegrants.patches import GranteeScope
from threegrants.report import BlockerReport, UnknownReport, report_for
from unit.patches.test_alternatives import LONG
from unit.patches.test_copies import copying
from unit.report.values import BY_OUTCOME, ID, IN_IAM, IN_KEY, report


def printed(show, *given):
    with console().capture() as captured:
        show(*given)
    return captured.get()


def shown(seen, options=None, tool=None, denied=None):
    analysis = analyze_evidence(denied or call(), seen, options or AnalysisOptions())
    return analysis, printed(show_diagnosis, report_for(analysis, "id"), tool)


def lines(text):
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_with_its_verdicts_and_reasons(outcome):
    made = BY_OUTCOME[outcome]()
    text = printed(show_diagnosis, made)
    flat = " ".join(text.split())
    assert flat.startswith(f"{made.summary} incident {ID}")
    assert f"principal {ROLE}" in flat
    assert f"key {KEY} (known from: bucket default)" in flat
    assert f"outcome {outcome.value} ({CERTAINTY_TEXT[made.certainty]})" in flat
    assert f"seen 1 event(s), {made.request.first_seen} to {made.request.last_seen}" in flat
    iam = made.grants.iam_policy
    rows = {
        "bucket policy": made.grants.bucket_policy,
        "KMS key policy": made.grants.key_policy,
        "IAM policy, bucket": iam.bucket,
        "IAM policy, key": iam.key,
    }
    for name, grant in rows.items():
        [row] = [line for line in lines(text) if line.startswith(f"{name} {grant.verdict.value}")]
        assert grant.reasons
        detail, half = grant.reasons[0].detail, made.other_half
        assert half is None or flat.count(half.why) == 1
        assert detail[:30] in flat or (half and half.why in detail)
        assert not grant.reasons[0].policy or grant.reasons[0].policy in row


@pytest.mark.parametrize("outcome", Outcome)
def test_patches_and_code_by_outcome(outcome):
    made = BY_OUTCOME[outcome]()
    text = printed(show_diagnosis, made)
    assert text.count("digest sha256:") == len(made.patches)
    assert ("as code: --snippets" in text) is (outcome is Outcome.HANDOFF)
    assert ("or instead" in text) is bool(made.other_patches)


@pytest.mark.parametrize("certainty", Certainty)
def test_how_sure_it_is(certainty):
    text = printed(show_diagnosis, replace(report(), certainty=certainty))
    assert f"fixable ({CERTAINTY_TEXT[certainty]})" in text


AGES = [(0, "read at 2026-11-24T03:01:00Z"), (7, "read at 2026-11-24T03:01:00Z, 7 s before")]


@pytest.mark.parametrize(("age", "said"), AGES)
def test_how_old_the_evidence_is(age, said):
    text = printed(show_diagnosis, replace(report(), evidence_age_seconds=age))
    assert said in text
    assert ("before the diagnosis" in text) is (age > 0)


def test_a_call_without_a_key_shows_none():
    text = printed(show_diagnosis, report(seen=evidence(encrypted=False)))
    assert "known from" not in text


def test_a_principal_without_an_arn_is_shown_by_its_account():
    made = report()
    made = replace(made, principal=replace(made.principal, arn=None))
    assert "principal  222222222222" in printed(show_diagnosis, made)


def test_blockers_and_unknowns():
    blocker = BlockerReport("permissions_boundary", Verdict.DENIED, None, None, "denies", "team B")
    made = replace(
        report(),
        blockers=(blocker, replace(blocker, kind="scp", owner="")),
        unknowns=(UnknownReport("X", "refused", "s3:Y"), UnknownReport("Z", "never said", "")),
    )
    text = printed(show_diagnosis, made)
    assert "blocked by permissions boundary: denies\n  who decides: team B\n" in text
    assert "blocked by scp: denies\nnot known: X: refused; needs s3:Y\n" in text
    assert "not known: Z: never said\n" in text


def test_a_copy_has_the_grants_of_its_source_too():
    text = printed(show_diagnosis, report(*copying()))
    before, after = text.split("to read the copy's source, s3://a-drafts/in/draft.csv\n")
    assert "KMS key policy" in before
    assert "KMS key policy" in after


def test_the_proposed_patch_as_a_diff_and_the_others_by_digest():
    analysis, text = shown(evidence((), IN_KEY, IN_IAM))
    [proposed] = analysis.patches
    before, after = text.split("or instead")
    assert f"s3:PutBucketPolicy {BUCKET}, scope prefix" in before
    assert f"digest {proposed.digest}" in before
    assert all(p.digest in after for p in analysis.offered if not p.default)
    assert proposed.digest not in after
    assert '"Resource"' not in after


def test_a_patch_of_an_inline_policy_is_named():
    made = report(seen=evidence())
    [patch] = [p for p in made.proposed_patches if p.grant == "iam_policy"]
    text = printed(show_patch, patch)
    assert f"iam:PutRolePolicy {ROLE} ({patch.policy_name}), scope prefix" in text
    assert " ".join(patch.says.split()[:4]) in text
    assert "iam:PutRolePolicy" in printed(show_patch, replace(patch, says="", scope=""))


def test_a_diff_is_of_the_pretty_policy():
    patch = report().proposed_patches[0]
    first = replace(patch, before='{"a": 1}', after='{"a": 2}')
    assert diff(first) == ["@@ -1,3 +1,3 @@", " {", '-  "a": 1', '+  "a": 2', " }"]
    assert diff(replace(patch, before=None, after="{}")) == ["@@ -0,0 +1 @@", "+{}"]
    assert diff(patch.without_policy_texts()) == []


def test_a_whole_account_is_said_in_capitals():
    _, text = shown(evidence((), IN_KEY, IN_IAM), AnalysisOptions(principal=GranteeScope.ACCOUNT))
    assert "EVERY principal of account" in text


def test_code_of_what_is_handed_off():
    seen = evidence((), IN_KEY, IN_IAM)
    tags = {"aws:cloudformation:stack-name": "net\x1b[31m"}
    seen = replace(seen, bucket=replace(seen.bucket, tags=Read(tags)))
    _, hint = shown(seen)
    assert "--snippets terraform" in hint
    _, terraform = shown(seen, tool="terraform")
    assert 'resource "aws_s3_bucket_policy"' in terraform
    _, cloudformation = shown(seen, tool="cloudformation")
    assert '"Type": "AWS::S3::BucketPolicy"' in cloudformation
    assert "\x1b[31m" not in hint + terraform + cloudformation
    _, point = shown(evidence(LONG, IN_KEY, IN_IAM), tool="terraform")
    assert f"access_point for {BUCKET}" in point
    assert 'resource "aws_s3_access_point"' in point


def test_a_hostile_key_is_printed_as_text():
    _, text = shown(evidence((), IN_KEY, IN_IAM), denied=call(key="in/[red]\u00e9/a\x07b"))
    assert "[red]" in text
    assert "\x07" not in text


HOSTILE = "[red]a\x1b[2J\x9b31m\x07\u202e\rb"


def hostile(made):
    """The same report, every free text of it hostile; documents stay JSON."""
    patches = tuple(
        replace(
            patch,
            target=HOSTILE,
            policy_name=HOSTILE,
            scope=HOSTILE,
            says=HOSTILE,
            digest=HOSTILE,
            operation=HOSTILE,
            before=json.dumps({"Sid": HOSTILE}),
            after=json.dumps({"Id": HOSTILE}, ensure_ascii=False),
            snippets=patch.snippets
            and replace(patch.snippets, terraform=HOSTILE, cloudformation=HOSTILE),
        )
        for patch in made.patches
    )
    request = replace(
        made.request,
        action=HOSTILE,
        resource=HOSTILE,
        kms_key=HOSTILE,
        first_seen=HOSTILE,
        last_seen=HOSTILE,
    )
    bucket = made.grants.bucket_policy
    reasons = tuple(replace(r, policy=HOSTILE, sid=HOSTILE, detail=HOSTILE) for r in bucket.reasons)
    return replace(
        made,
        id=HOSTILE,
        summary=HOSTILE,
        principal=replace(made.principal, arn=HOSTILE),
        request=request,
        grants=replace(made.grants, bucket_policy=replace(bucket, reasons=reasons)),
        blockers=(BlockerReport(HOSTILE, Verdict.DENIED, None, None, HOSTILE, HOSTILE),),
        unknowns=(UnknownReport(HOSTILE, HOSTILE, HOSTILE),),
        patches=patches,
        evidence_at=HOSTILE,
    )


@pytest.mark.parametrize("outcome", Outcome)
@pytest.mark.parametrize("tool", [None, "terraform", "cloudformation"])
def test_no_control_character_of_a_report_reaches_the_terminal(outcome, tool):
    text = printed(show_diagnosis, hostile(BY_OUTCOME[outcome]()), tool)
    assert text.replace("\n", "").isprintable()
    assert "[red]a" in text


INCIDENT = {
    "id": ID,
    "state": "open",
    "outcome": "fixable",
    "count": 3,
    "last_seen": "2026-11-24T03:00:00Z",
    "summary": "a sentence",
    "history": [{"at": "03:01", "what": "opened", "from": "", "to": "open", "actor": "service"}],
}
SPOILED = {
    **dict.fromkeys(INCIDENT, HOSTILE),
    "count": 3,
    "history": [dict.fromkeys(("at", "what", "from", "to", "actor"), HOSTILE)],
}


def test_an_incident_with_its_history():
    text = printed(show_incident, INCIDENT, report())
    assert lines(text)[0] == f"{ID} open"
    assert report().summary[:40] in text
    assert lines(text)[-1] == "03:01 opened → open service"
    assert lines(printed(show_incident, INCIDENT, None)) == [lines(text)[0], lines(text)[-1]]


def test_the_answer_of_the_api():
    result = {"id": ID, "state": "verified", "detail": "3 patches applied"}
    assert printed(show_result, result) == f"{ID} verified\n3 patches applied\n"


@pytest.mark.parametrize(
    ("show", "given"),
    [
        (show_incident, (SPOILED, None)),
        (show_result, ({"id": HOSTILE, "state": HOSTILE, "detail": HOSTILE},)),
    ],
)
def test_no_control_character_of_the_api_reaches_the_terminal(show, given):
    text = printed(show, *given)
    assert text.replace("\n", "").isprintable()
    assert "[red]a" in text


def test_json_is_escaped_where_it_would_move_the_cursor():
    value = {"key": HOSTILE, "plain": "\u00e9\U0001f510", "more": "\U000e0001\ud800"}
    text = json_text([value])
    assert text.replace("\n", "").isprintable()
    assert "\u00e9\U0001f510" in text
    assert json.loads(text) == [value]
