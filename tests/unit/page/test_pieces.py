"""The pieces of the pages: differences, quotes, what a patch opens, pictures, times, hand-offs, redaction."""

import dataclasses
import json
import shutil
import subprocess

import pytest
from hypothesis import given

from support.examples import examples
from support.html_of import parsed
from support.page_gallery import NOW, PAGES, facts_of, grown_policy, incident_of, report_of
from support.worlds import KEY, ROLE, A
from threegrants.aws.policy_json import same_policy
from threegrants.diagnosis import Verdict
from threegrants.incidents import State
from threegrants.page.view import render
from threegrants.page.view.beyond import beyond_the_call
from threegrants.page.view.handoff import handoffs_of, letter_of
from threegrants.page.view.json_lines import json_lines
from threegrants.page.view.picture import picture_of
from threegrants.page.view.redacted import redacted
from threegrants.page.view.side_by_side import side_by_side
from threegrants.page.view.statement_quote import quote, quote_from_policy
from threegrants.page.view.times import duration_words, expiry_value, shown_time
from threegrants.page.view.visible import cells, fitted
from threegrants.page.view.words import STATES, VERDICTS
from threegrants.page.viewer import Viewer
from unit.report.values import JSON, REPORTS

STATEMENT = {
    "Sid": "One", "Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": ["s3:GetObject", "s3:PutObject"],
    "Resource": "*", "Condition": {"StringEquals": {"aws:a": "x", "aws:b": "y"}, "Bool": {"aws:c": "true"}},
}  # fmt: skip
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny"}, STATEMENT]})


@given(JSON)
@examples(40)
def test_json_lines_are_those_of_json(value):
    text = "\n".join(line.text for line in json_lines(value))
    assert text == json.dumps(value, indent=2, ensure_ascii=False)


@given(JSON, JSON)
@examples(40)
def test_both_columns_of_a_difference_hold_the_whole_texts(before, after):
    found = side_by_side(json.dumps(before), json.dumps(after))
    for side, value in (("left", before), ("right", after)):
        whole = json.dumps(value, indent=2, ensure_ascii=False).split("\n")
        read = []
        for row in found.rows:
            if row.kind == "gap":
                read += whole[len(read) : len(read) + row.hidden]
            elif getattr(row, f"{side}_number"):
                read.append(getattr(row, side))
                assert getattr(row, f"{side}_number") == len(read)
        assert read == whole


def test_a_difference_leaves_out_what_did_not_change():
    old = json.dumps([{"n": n} for n in range(30)])
    new = json.dumps([{"n": n if n != 15 else 99} for n in range(30)])
    found = side_by_side(old, new)
    assert [row.kind for row in found.rows] == [
        "gap",
        "same",
        "same",
        "changed",
        "same",
        "same",
        "gap",
    ]
    assert (found.added, found.removed) == (1, 1)
    hidden = sum(row.hidden for row in found.rows)
    assert hidden + 5 == len(json.dumps(json.loads(old), indent=2).split("\n"))


@pytest.mark.parametrize("text", [None, "no JSON", "[" * 100_000], ids=["none", "no-json", "deep"])
def test_a_text_that_cannot_be_compared_has_no_rows(text):
    assert side_by_side(text, text).rows == ()


MARKED = [
    pytest.param("principal_mismatch", "", ['"Principal": {', f'"AWS": "{ROLE}"', "},"], id="principal"),
    pytest.param("action_mismatch", "", ['"Action": [', '"s3:GetObject",', '"s3:PutObject"', "],"], id="action"),
    pytest.param("resource_mismatch", "", ['"Resource": "*",'], id="resource"),
    pytest.param("condition_not_met", "the condition StringEquals on aws:b wants z; the request has y",
                 ['"aws:b": "y"'], id="one-key-of-a-condition"),
    pytest.param("explicit_deny", "", ['"Effect": "Allow",'], id="deny"),
    pytest.param("allowed", "", ['"Effect": "Allow",'], id="allow"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "detail", "marked"), MARKED)
@pytest.mark.parametrize("sid", ["One", "#1"])
def test_the_element_that_decides_is_marked(code, detail, marked, sid):
    found = quote_from_policy(POLICY, sid, code, detail)
    assert found.where == "statement 2 of 2"
    assert [line.text.strip() for line in found.lines if line.marked] == marked


@pytest.mark.parametrize(
    ("text", "sid"),
    [
        (POLICY, "Other"),
        (POLICY, "#9"),
        (POLICY, None),
        (None, "One"),
        ("no JSON", "One"),
        ("[]", "#0"),
    ],
)
def test_a_statement_that_is_not_there_is_not_quoted(text, sid):
    assert quote_from_policy(text, sid, "allowed", "") is None


def test_a_long_statement_is_cut():
    found = quote({"Action": [f"s3:A{n}" for n in range(100)]}, "", "allowed", "")
    assert len(found.lines) == 40
    assert found.cut > 60


def by_scope(report, grant="bucket_policy"):
    return {one.scope: beyond_the_call(report, one) for one in report.patches if one.grant == grant}


def test_what_each_scope_opens_beyond_the_call():
    found = by_scope(report_of("bucket-policy-missing"))
    session = "Every session of role analyst: whoever can assume it."
    later = "also those that are written later."
    assert found == {
        "object": (session,),
        "prefix": (session, f"Every other object under 2026/ in a-reports, {later}"),
        "bucket": (session, f"Every other object in bucket a-reports, {later}"),
    }


BEYOND = [
    pytest.param("grant-to-the-account", "Everybody in account 222222222222", id="account"),
    pytest.param("profile-article", "Actions that the call did not need", id="more-actions"),
    pytest.param("profile-article", "calling KMS directly", id="directly"),
    pytest.param("key-policy-full", "calling KMS directly", id="kms-grant"),
    pytest.param("key-named-by-the-caller-only", "nobody but the denied call names", id="named-by-caller"),
]  # fmt: skip


@pytest.mark.parametrize(("situation", "words"), BEYOND)
def test_what_else_a_patch_opens(situation, words):
    report = report_of(situation)
    found = " ".join(text for patch in report.patches for text in beyond_the_call(report, patch))
    assert words in found


def test_the_picture_says_what_the_report_says():
    found = picture_of(grown_policy())
    assert [gate.word.text for gate in found.iam] == ["granted", "granted"]
    assert [gate.word.text for gate in found.resource_policies] == ["missing", "granted"]
    assert [(one.x, one.kind) for one in found.segments if one.is_last] == [
        (98, "stops"),
        (262, "passes"),
    ]
    assert "bucket policy missing" in found.alt
    assert found.border == f"account {A}"
    blocked = picture_of(report_of("scp"))
    assert blocked.blockers == ("service control policy",)
    assert "also blocked by service control policy" in blocked.alt
    idle = picture_of(report_of("no-bucket-encryption"))
    assert not idle.targets[1].needed
    assert [one.kind for one in idle.segments if one.x == 262] == ["idle"] * 3


@given(REPORTS)
@examples(12)
def test_any_report_has_a_picture_whose_texts_fit(report):
    found = picture_of(report)
    names = [found.caller, *(one.name for one in found.targets)]
    assert all(cells(name) <= 31 for name in names)


def test_a_name_is_cut_to_its_columns():
    assert fitted("abcdef", 6) == "abcdef"
    assert cells(fitted("漢" * 30, 10)) <= 10
    assert fitted("a" * 30, 9).count("…") == 1


def test_every_state_and_verdict_has_its_word_and_sign():
    assert set(STATES) == set(State)
    assert set(VERDICTS) == set(Verdict)
    signs = {word.text: (word.tone, word.sign) for word in VERDICTS.values()}
    assert len(set(signs.values())) == len(signs)


TIMES = [
    pytest.param("2026-11-24T03:00:00Z", "24 Nov 2026, 03:00:00 UTC", "4 minutes ago", id="past"),
    pytest.param("2026-11-24T05:04:30+01:00", "24 Nov 2026, 04:04:30 UTC", "in 1 hour", id="future-elsewhere"),
    pytest.param(1795518000, "24 Nov 2026, 11:00:00 UTC", "in 7 hours", id="seconds"),
    pytest.param("yesterday", "yesterday", "", id="no-time"),
    pytest.param("", "not known", "", id="nothing"),
    pytest.param(10**20, str(10**20), "", id="beyond-all-calendars"),
]  # fmt: skip


@pytest.mark.parametrize(("when", "text", "ago"), TIMES)
def test_times(when, text, ago):
    found = shown_time(when, NOW)
    assert (found.text, found.ago) == (text, ago)


@pytest.mark.parametrize(
    ("seconds", "words", "value"),
    [(3600, "1 hour", "1h"), (28800, "8 hours", "8h"), (259200, "3 days", "3d"), (90000, "1 day 1 hour", "25h"),
     (0, "0 seconds", "until-revoked")],
)  # fmt: skip
def test_durations(seconds, words, value):
    assert (duration_words(seconds), expiry_value(seconds)) == (words, value)


HANDED = [
    "bucket-policy-missing",
    "key-policy-missing",
    "iam-policy-missing",
    "owned-by-a-stack",
    "odd-key",
]


@pytest.mark.parametrize("situation", HANDED)
def test_a_handoff_has_every_language_in_ascii(situation):
    report = report_of(situation)
    found = handoffs_of(report, None)
    assert found
    for one in found:
        labels = {text.label for text in one.texts} | set(one.left_out)
        assert {"Terraform", "CloudFormation"} <= labels
        assert all(
            line.isascii() and line.isprintable() for text in one.texts for line in text.lines
        )


def test_the_letter_says_who_what_and_the_statements():
    text = "\n".join(letter_of(report_of("bucket-policy-missing")).lines)
    for wanted in (
        ROLE,
        "s3:GetObject",
        "arn:aws:s3:::a-reports",
        "Access Denied",
        '"Effect": "Allow"',
    ):
        assert wanted in text
    assert letter_of(report_of("scp")) is None


@pytest.mark.skipif(
    shutil.which("jq") is None, reason="jq is not installed: it runs the AWS CLI snippets"
)
@pytest.mark.parametrize("situation", ["key-policy-missing", "near-miss-action"])
def test_the_commands_make_the_policy_that_the_patch_would(situation, tmp_path):
    report = report_of(situation)
    [patch] = report.proposed_patches
    [one] = handoffs_of(report, None)
    [cli] = [text for text in one.texts if text.label == "AWS CLI"]
    (tmp_path / "before.json").write_text(patch.before)
    lines = list(cli.lines)
    assert lines[0].endswith("> before.json")
    edit = "\n".join(lines[1:-1])
    subprocess.run(["bash", "-c", edit], cwd=tmp_path, check=True)
    assert same_policy((tmp_path / "after.json").read_text(), patch.after)
    assert lines[-1].endswith("--policy file://after.json")


PRIVATE = (
    ROLE,
    "analyst",
    A,
    "222222222222",
    "a-reports",
    "2026/q3",
    "11111111-2222",
    "Analyst2025",
    KEY,
)


def test_a_signed_link_shows_no_name_and_no_policy():
    page = PAGES["signed-link"]()
    assert [word for word in PRIVATE if word in page] == []
    assert not parsed(page).all("form")
    for wanted in ("role-1", "bucket-1", "000000000001", "000000000002", "missing", "s3:GetObject"):
        assert wanted in page


@given(REPORTS)
@examples(12)
def test_a_redacted_report_has_no_free_text(report):
    marked = dataclasses.replace(
        report,
        summary="zqzq", message="zqzq", evidence_at="2026-11-24T03:00:00Z",
        principal=dataclasses.replace(report.principal, arn="arn:aws:iam::222222222222:role/zqzq"),
        request=dataclasses.replace(report.request, bucket="zqzq", object_key="zqzq", kms_key="zqzq",
                                    resource="zqzq", action="s3:Get zqzq", region="zqzq"),
    )  # fmt: skip
    kept = dataclasses.replace(redacted(marked), id="tg-0000000000000000")
    assert "zqzq" not in json.dumps(kept.to_json())
    page = render.signed_link_page(facts_of(incident_of(marked)), int(NOW.timestamp()) + 60)
    assert "zqzq" not in page


@given(REPORTS)
@examples(12)
def test_any_report_at_all_makes_a_page(report):
    page = render.incident_page(facts_of(incident_of(report)), _viewer(), "t")
    assert parsed(page).unclosed == []


def _viewer():
    return dataclasses.replace(Viewer(issuer="i", subject="s"), may_approve=True)


def test_an_error_says_nothing_of_incidents():
    for status in (400, 401, 403, 404, 409, 418, 429, 500, 503):
        text = parsed(render.error_page(status)).text
        assert "tg-" not in text
        assert len(text) > 60
