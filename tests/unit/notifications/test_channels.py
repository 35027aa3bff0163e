"""Subject, phone, chats and pager: what each shows first, and that no string of a record means anything."""

import json
from dataclasses import replace

import pytest

from support.worlds import evidence
from threegrants.diagnosis import Outcome
from threegrants.diagnosis.verdicts import BlockerKind
from threegrants.incidents import AlertReason
from threegrants.notifications import build_alert, incident_bodies
from threegrants.notifications.caller_steps import BY_BLOCKER, step_for_blocker, step_for_denial
from threegrants.notifications.content import content_of
from threegrants.notifications.neutralize import chat_line, gsm_line, slack_line
from threegrants.notifications.phone import phone_text
from threegrants.notifications.severity import PagerAction, Severity, pager_action, severity_of
from threegrants.notifications.shorten import cut_line, cut_text
from threegrants.notifications.subject import subject_line
from threegrants.notifications.wording import HAPPENED, STATUS
from unit.report.values import BY_OUTCOME, ID, IN_BUCKET, IN_IAM, IN_KEY, report

WHO = "analyst@222222222222"


def content(made, reason=AlertReason.OPENED):
    return content_of(made, "x", reason)


def about(**changes):
    made = report(seen=evidence((), IN_KEY, IN_IAM))
    return replace(made, request=replace(made.request, **changes))


def called(name):
    made = about()
    arn = f"arn:aws:iam::222222222222:role/{name}"
    return replace(made, principal=replace(made.principal, arn=arn))


def fixable_by_two():
    made = replace(about(kms_key="arn:k"), outcome=Outcome.UNKNOWN)
    return replace(made, presumed_outcome=Outcome.FIXABLE)


SUBJECTS = [
    pytest.param(about(), AlertReason.OPENED, f"[open] {WHO} -> a-reports: bucket policy missing"),
    pytest.param(
        report(), AlertReason.OPENED,
        f"[open] {WHO} -> a-reports: bucket policy, key policy and IAM policy missing",
    ),
    pytest.param(about(), AlertReason.VERIFIED, f"[verified] {WHO} -> a-reports: bucket policy missing"),
    pytest.param(about(), AlertReason.STUCK, f"[stuck] {WHO} -> a-reports: bucket policy missing"),
    pytest.param(
        about(), AlertReason.OVERWRITTEN, f"[overwritten] {WHO} -> a-reports: bucket policy missing"
    ),
    pytest.param(
        about(), AlertReason.COUNT, f"[still denied] {WHO} -> a-reports: bucket policy missing"
    ),
    pytest.param(
        BY_OUTCOME[Outcome.DO_NOT_PATCH](), AlertReason.OPENED,
        f"[open] {WHO} -> a-reports: bucket policy denies",
    ),
    pytest.param(
        BY_OUTCOME[Outcome.UNKNOWN](), AlertReason.OPENED,
        f"[open] {WHO} -> a-reports: not known without bucket policy",
    ),
    pytest.param(
        BY_OUTCOME[Outcome.ALREADY_ALLOWED](), AlertReason.CHANGED,
        f"[changed] {WHO} -> a-reports: allowed now",
    ),
    pytest.param(fixable_by_two(), AlertReason.OPENED, f"[open] {WHO} -> a-reports: key named by the caller only"),
    pytest.param(
        about(bucket=None, kms_key="arn:aws:kms:eu-west-1:111111111111:key/k1"), AlertReason.OPENED,
        f"[open] {WHO} -> KMS key k1: bucket policy missing",
    ),
    pytest.param(
        about(bucket="b\u00fccher\r\nBcc: x\x1b"), AlertReason.OPENED,
        f"[open] {WHO} -> b?cher??Bcc: x?: bucket policy missing",
    ),
    pytest.param(
        called("r" * 64), AlertReason.OPENED,
        f"[open] {'r' * 53}... -> a-reports: bucket policy missing",
    ),
    pytest.param(
        about(bucket="b" * 63), AlertReason.OPENED,
        f"[open] {WHO} -> {'b' * 42}...: bucket policy missing",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("made", "reason", "subject"), SUBJECTS)
def test_the_subject_says_status_who_where_and_cause(made, reason, subject):
    assert subject_line(content(made, reason)) == subject
    assert len(subject) <= 99
    assert build_alert(made, "x", reason).subject == subject


PHONES = [
    pytest.param(about(), AlertReason.OPENED,
        f"bucket policy lacks s3:GetObject; approve or reject. {WHO} > a-reports {ID}", id="missing"),
    pytest.param(report(), AlertReason.OPENED,
        "bucket+IAM policy lack s3:GetObject, key+IAM policy lack kms:Decrypt; approve or reject. "
        f"analyst@222222222.. > a-reports {ID}", id="all missing"),
    pytest.param(about(), AlertReason.VERIFIED,
        f"verified: bucket policy lacks s3:GetObject. {WHO} > a-reports {ID}", id="verified"),
    pytest.param(about(), AlertReason.STUCK,
        f"stuck: bucket policy lacks s3:GetObject; look at once. {WHO} > a-reports {ID}", id="stuck"),
    pytest.param(BY_OUTCOME[Outcome.DO_NOT_PATCH](), AlertReason.OPENED,
        f"bucket policy denies; ask the owner of bucket a-reports,... {WHO} > a-reports {ID}", id="denied"),
    pytest.param(BY_OUTCOME[Outcome.HANDOFF](), AlertReason.OPENED,
        f"bucket policy lacks s3:GetObject; send the statement. {WHO} > a-reports {ID}", id="handoff"),
    pytest.param(BY_OUTCOME[Outcome.UNKNOWN](), AlertReason.OPENED,
        f"not known without bucket policy; needs s3:GetBucketPolicy on bucket... {WHO} > a-reports {ID}",
        id="unknown"),
    pytest.param(BY_OUTCOME[Outcome.ALREADY_ALLOWED](), AlertReason.OPENED,
        f"allowed now; try again. {WHO} > a-reports {ID}", id="allowed"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "reason", "text"), PHONES)
def test_the_phone_shows_the_cause_first_and_the_id_last(made, reason, text):
    assert phone_text(content(made, reason)) == text
    assert len(text) <= 140


def test_every_reason_has_its_words():
    assert set(STATUS) == set(HAPPENED) == set(AlertReason)
    assert all(word.isascii() for word in STATUS.values())


def test_every_blocker_has_its_step_for_the_caller():
    assert set(BY_BLOCKER) == set(BlockerKind)
    assert step_for_blocker("of a later version") == step_for_denial("explicit_deny")
    assert "MFA" in step_for_denial("deny_mfa")


ALPHABET = [
    pytest.param("{a}[b]`c~", "(a)(b)'c-", id="the extended alphabet"),
    pytest.param("ключ → é", "???? > é", id="another alphabet"),
    pytest.param("a\x1bb\u202ec\n", "a?b?c?", id="control characters"),
]


@pytest.mark.parametrize(("text", "shown"), ALPHABET)
def test_a_phone_gets_the_basic_alphabet_of_gsm(text, shown):
    assert gsm_line(text) == shown


HOSTILE = [
    pytest.param("<!channel> <!here> <@U123>", "&lt;!channel&gt; &lt;!here&gt; &lt;@U123&gt;",
        "‹!channel› ‹!here› ‹@\u200bU123›", id="mentions of Slack"),  # noqa: RUF001
    pytest.param("@here @channel", "@here @channel", "@\u200bhere @\u200bchannel", id="mentions in words"),
    pytest.param("<https://evil.example|login>", "&lt;hxxps://evil.example|login&gt;",
        "‹hxxps://evil.example|login›", id="a link of Slack"),  # noqa: RUF001
    pytest.param("[login](https://evil.example)", "[login](hxxps://evil.example)",
        "[login] (hxxps://evil.example)", id="a link of markdown"),
    pytest.param("a\nb\u202ec\u200fd", "a\ufffdb\ufffdc\ufffdd", "a\ufffdb\ufffdc\ufffdd",
        id="a line break and marks of direction"),
    pytest.param("```x```", "'''x'''", "'''x'''", id="a code block"),
    pytest.param("&amp;", "&amp;amp;", "&amp;", id="an entity"),
    pytest.param("s3://a-reports/x", "s3://a-reports/x", "s3://a-reports/x", id="a path of S3"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "slack", "chat"), HOSTILE)
def test_a_string_means_nothing_in_a_chat(text, slack, chat):
    assert slack_line(text) == slack
    assert chat_line(text) == chat


EVIL = "<!channel> [x](https://evil.example)\n\u202e```"


def test_no_hostile_string_reaches_a_chat_as_it_is():
    made = report(seen=evidence((*IN_BUCKET,), IN_KEY, IN_IAM))
    made = replace(made, summary=EVIL, principal=replace(made.principal, arn=EVIL))
    made = replace(made, request=replace(made.request, bucket=EVIL, resource=EVIL))
    bodies = incident_bodies(made, "x", AlertReason.OPENED, note=EVIL)
    slack = [block["text"]["text"] for block in bodies["slack"]["blocks"]]
    notification = json.loads(
        json.loads(build_alert(made, "x", AlertReason.OPENED).message)["https"]
    )
    chat = [notification["content"]["title"], notification["content"]["description"]]
    for text in (*slack, bodies["slack"]["text"], *chat):
        assert "<" not in text
        assert "https://" not in text
        assert "\u202e" not in text
        assert text.count("```") % 2 == 0
    assert all(block["text"].get("verbatim", True) for block in bodies["slack"]["blocks"])
    assert all("](" not in text for text in chat)


def test_teams_gets_runs_of_plain_text():
    bodies = incident_bodies(about(bucket=EVIL), "x", AlertReason.OPENED)
    (attachment,) = bodies["teams"]["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    blocks = attachment["content"]["body"]
    assert {block["type"] for block in blocks} == {"RichTextBlock"}
    runs = [run for block in blocks for run in block["inlines"]]
    assert {run["type"] for run in runs} == {"TextRun"}
    assert "[open] analyst@222222222222 → " in runs[0]["text"]
    assert "\u202e" not in "".join(run["text"] for run in runs)


def test_a_notification_of_amazon_q_is_a_thread_of_the_incident():
    made = about()
    body = json.loads(json.loads(build_alert(made, "x", AlertReason.OPENED).message)["https"])
    assert (body["version"], body["source"]) == ("1.0", "custom")
    assert body["content"]["textType"] == "client-markdown"
    assert body["content"]["keywords"] == ["open", "fixable"]
    assert body["content"]["nextSteps"] == [
        "Look, then approve or reject",
        f"`threegrants show {ID} --stack x`",
        f"`threegrants approve {ID} --stack x`",
        f"`threegrants reject {ID} --stack x`",
    ]
    assert body["metadata"]["threadId"] == ID
    assert body["metadata"]["enableCustomActions"] is True
    assert body["metadata"]["additionalContext"]["severity"] == "warning"
    assert made.principal.arn in body["metadata"]["relatedResources"]


def test_a_page_is_an_event_of_the_events_api():
    made = about(last_seen="2026-11-24T03:00:00Z")
    body = incident_bodies(made, "x", AlertReason.OPENED)["pagerduty"]
    assert body["event_action"] == "trigger"
    assert body["dedup_key"] == ID
    payload = body["payload"]
    assert payload["summary"] == f"[open] {WHO} -> a-reports: bucket policy missing"
    assert payload["source"] == "a-reports"
    assert payload["severity"] == "warning"
    assert payload["timestamp"] == "2026-11-24T03:00:00Z"
    assert payload["custom_details"]["incident_id"] == ID
    assert "routing_key" not in body


PAGES = [
    (AlertReason.OPENED, Outcome.FIXABLE, 1, Severity.WARNING, PagerAction.TRIGGER),
    (AlertReason.COUNT, Outcome.FIXABLE, 100, Severity.ERROR, PagerAction.TRIGGER),
    (AlertReason.CHANGED, Outcome.ALREADY_ALLOWED, 1, Severity.INFO, PagerAction.RESOLVE),
    (AlertReason.FAILED, Outcome.FIXABLE, 1, Severity.ERROR, PagerAction.TRIGGER),
    (AlertReason.STUCK, Outcome.FIXABLE, 1, Severity.CRITICAL, PagerAction.TRIGGER),
    (AlertReason.FORGED, Outcome.FIXABLE, 1, Severity.CRITICAL, PagerAction.TRIGGER),
    (AlertReason.OVERWRITTEN, Outcome.FIXABLE, 1, Severity.CRITICAL, PagerAction.TRIGGER),
    (AlertReason.WINDOW, Outcome.FIXABLE, 1, Severity.WARNING, PagerAction.TRIGGER),
    (AlertReason.STANDING, Outcome.FIXABLE, 1, Severity.INFO, PagerAction.ACKNOWLEDGE),
    (AlertReason.VERIFIED, Outcome.FIXABLE, 500, Severity.INFO, PagerAction.RESOLVE),
    (AlertReason.ROLLED_BACK, Outcome.FIXABLE, 1, Severity.INFO, PagerAction.RESOLVE),
    (AlertReason.RESOLVED, Outcome.ALREADY_ALLOWED, 1, Severity.INFO, PagerAction.RESOLVE),
]


@pytest.mark.parametrize(
    ("reason", "outcome", "count", "severity", "action"), PAGES, ids=[str(one[0]) for one in PAGES]
)
def test_how_grave_it_is_and_what_a_pager_does(reason, outcome, count, severity, action):
    assert severity_of(reason, outcome, count) is severity
    assert pager_action(reason, outcome) is action


def test_a_text_is_cut_at_a_line_and_closes_its_code():
    text = "head\n```\n" + "line\n" * 20 + "```"
    cut = cut_text(text, 60, "(more)")
    assert len(cut) <= 60
    assert cut.endswith("\nline\n```\n(more)")
    assert cut_text("short", 60, "(more)") == "short"
    assert cut_line("abcdef", 4) == "abc…"


def test_code_that_is_long_goes_on_in_the_next_section():
    made = BY_OUTCOME[Outcome.HANDOFF]()
    (patch,) = made.proposed_patches
    long = {"Sid": "S", "Resource": [f"arn:aws:s3:::a-reports/{n}/*" for n in range(140)]}
    made = replace(made, patches=(replace(patch, statement=long, statements=(long,)),))
    blocks = incident_bodies(made, "x", AlertReason.OPENED)["slack"]["blocks"]
    texts = [block["text"]["text"] for block in blocks[1:]]
    assert len(texts) > 2
    assert all(len(text) <= 3000 and text.count("```") % 2 == 0 for text in texts)
