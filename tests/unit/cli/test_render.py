"""What the terminal shows of patches."""

from dataclasses import replace

from threegrants.analysis import AnalysisOptions, analyze_evidence
from threegrants.cli.render import console, show_diagnosis
from threegrants.evidence import Read
from threegrants.patches import GranteeScope
from threegrants.report import report_for
from unit.patches.test_make import LONG
from unit.worlds import BUCKET, KEY, ROLE, allow, call, delegates, evidence

IN_KEY = (delegates(), allow(ROLE, "kms:Decrypt", "*"))
IN_IAM = (allow(), allow(action="kms:Decrypt", resource=KEY))


def shown(seen, options=None, tool=None, denied=None):
    analysis = analyze_evidence(denied or call(), seen, options or AnalysisOptions())
    with console().capture() as captured:
        show_diagnosis(report_for(analysis, "id").to_json(), tool)
    return analysis, captured.get()


def test_the_proposed_patch_as_a_diff_and_the_others_by_digest():
    analysis, text = shown(evidence((), IN_KEY, IN_IAM))
    [proposed] = analysis.patches
    before, after = text.split("or instead")
    assert f"s3:PutBucketPolicy {BUCKET}, scope prefix" in before
    assert f"digest {proposed.digest}" in before
    assert all(p.digest in after for p in analysis.offered if not p.default)
    assert proposed.digest not in after
    assert '"Resource"' not in after


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
