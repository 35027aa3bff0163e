"""What a mailbox, a phone and a program get of an incident, to the letter where people read it."""

import json
from dataclasses import replace

import pytest

from support.worlds import ROLE, call, evidence
from threegrants.diagnosis import Certainty, Outcome, Verdict
from threegrants.incidents import AlertReason
from threegrants.notifications import CERTAINTY_TEXT, build_alert, publish
from threegrants.notifications.payload import (
    MAX_MESSAGE_BYTES,
    MAX_NOTE_CHARACTERS,
    mail_text,
    program_json,
    sms_text,
    subject_line,
)
from threegrants.report import BlockerReport, Report
from unit.patches.test_copies import copying
from unit.report.values import BY_OUTCOME, ID, IN_IAM, IN_KEY, owned, report

LINE = "Role analyst of account 222222222222 cannot read a-reports"


def alert(made, reason=AlertReason.OPENED, **more):
    return build_alert(made, "x", reason, **more)


def said(made, reason=AlertReason.OPENED, **more):
    """The message of an alert: one string for each protocol."""
    return json.loads(alert(made, reason, **more).message)


def about(**changes):
    """A report of which the request says something else."""
    made = report()
    return replace(made, request=replace(made.request, **changes))


def test_the_subject_is_said_whole():
    assert alert(report()).subject == "Access denied: read a-reports - fixable"


SUBJECTS = [
    ("a call to KMS itself", {"bucket": None}, "Access denied: read KMS key - fixable"),
    ("not ASCII", {"bucket": "b\u00fccher"}, "Access denied: read b?cher - fixable"),
    ("a line break", {"bucket": "a\r\nBcc: x"}, "Access denied: read a??Bcc: x - fixable"),
    ("an escape sequence", {"bucket": "a\x1b[31m\x7f"}, "Access denied: read a?[31m? - fixable"),
    ("the edges of ASCII", {"bucket": "a ~"}, "Access denied: read a ~ - fixable"),
    ("as long as SNS takes", {"bucket": "b" * 69}, f"Access denied: read {'b' * 69} - fixable"),
    ("longer", {"bucket": "b" * 70}, f"Access denied: read {'b' * 70} - fixabl"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "subject"), [c[1:] for c in SUBJECTS],
                         ids=[c[0] for c in SUBJECTS])  # fmt: skip
def test_the_subject_is_one_line_of_ascii(changes, subject):
    assert subject_line(about(**changes)) == subject
    assert len(subject) <= 99


def test_the_mail_says_everything():
    made = report(count=3)
    assert said(made, AlertReason.CHANGED)["default"].split("\n") == [
        made.summary,
        "",
        f"Incident   {ID} (changed; 3 events)",
        f"Principal  {ROLE}",
        "Request    s3:GetObject on arn:aws:s3:::a-reports/2026/q3.csv",
        "Outcome    fixable (from the policies; AWS's message says nothing)",
        "",
        "bucket policy missing",
        "key policy    missing",
        "IAM policy    missing",
        *(f"Proposed      {patch.says}" for patch in made.proposed_patches),
        "",
        "Look, then approve or reject:",
        f"  threegrants show {ID} --stack x",
        f"  threegrants approve {ID} --stack x",
    ]


def test_the_mail_and_the_default_are_the_same_text():
    text = said(report())
    assert text["email"] == text["default"] == mail_text(report(), "x", AlertReason.OPENED)


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize(
    ("grant", "label"),
    [
        ("bucket_policy", "bucket policy "),
        ("key_policy", "key policy    "),
        ("iam_policy", "IAM policy    "),
    ],
)
def test_each_grant_is_in_the_mail(grant, label, verdict):
    made = report()
    changed = replace(getattr(made.grants, grant), verdict=verdict)
    made = replace(made, grants=replace(made.grants, **{grant: changed}))
    assert f"{label}{verdict.value}" in mail_text(made, "x", AlertReason.OPENED).split("\n")


NEXT = [
    (Outcome.FIXABLE, "Look, then approve or reject:", True),
    (Outcome.HANDOFF, "Send the statement to the owner of that account:", False),
    (Outcome.DO_NOT_PATCH, "Do not patch; talk to the owner of what blocks:", False),
    (Outcome.ALREADY_ALLOWED, "Nothing to do if the next call works:", False),
    (Outcome.UNKNOWN, "Supply what is lacking, then replay:", False),
]


@pytest.mark.parametrize(("outcome", "step", "approve"), NEXT)
def test_the_next_step_of_each_outcome(outcome, step, approve):
    lines = mail_text(BY_OUTCOME[outcome](), "x", AlertReason.OPENED).split("\n")
    following = lines[lines.index(step) + 1 :]
    commands = ["show", "approve"] if approve else ["show"]
    assert following == [f"  threegrants {command} {ID} --stack x" for command in commands]


def test_of_a_key_that_only_the_caller_names_two_people_are_asked():
    made = replace(about(kms_key="arn:k"), outcome=Outcome.UNKNOWN)
    asked = replace(made, presumed_outcome=Outcome.FIXABLE)
    command = f"threegrants approve {ID} --stack x --digest DIGEST (one for each grant)"
    assert command in said(asked)["email"]
    assert "two people who know that arn:k is meant" in said(asked)["email"]
    assert "approve" not in said(made)["email"]


@pytest.mark.parametrize("certainty", Certainty)
def test_how_sure_it_is(certainty):
    text = mail_text(replace(report(), certainty=certainty), "x", AlertReason.OPENED)
    assert f"Outcome    fixable ({CERTAINTY_TEXT[certainty]})" in text.split("\n")


def test_a_long_summary_is_not_cut_in_the_mail():
    long = "a sentence that names every grant; " * 40
    lines = mail_text(replace(report(), summary=long), "x", AlertReason.OPENED).split("\n")
    assert lines[0] == long


def test_blockers_and_who_decides():
    blocker = BlockerReport(
        "permissions_boundary", Verdict.DENIED, None, None, "denies it", "team B"
    )
    made = replace(report(), blockers=(blocker, replace(blocker, kind="scp", owner="")))
    text = mail_text(made, "x", AlertReason.OPENED)
    assert "Blocked by    permissions boundary: denies it\nWho decides   team B\n" in text
    assert "Blocked by    scp: denies it\nProposed      Makes a policy" in text
    assert text.count("Who decides") == 1


def test_the_source_of_a_copy():
    made = report(*copying())
    lines = mail_text(made, "x", AlertReason.OPENED).split("\n")
    assert f"Copy source   s3://a-drafts: {made.copy_source.summary}" in lines
    assert "Copy source" not in mail_text(report(), "x", AlertReason.OPENED)


def test_a_note_comes_first_and_keeps_its_lines():
    lines = said(report(), note="it failed\nbecause")["email"].split("\n")
    assert lines[:4] == ["it failed", "because", "", report().summary]


def test_a_note_is_cut_at_its_limit():
    text = said(report(), note="n" * (MAX_NOTE_CHARACTERS + 1))["email"]
    assert text.startswith("n" * MAX_NOTE_CHARACTERS + "\n\n")


HOSTILE = "a\x1b[2J\x9b31m\x07\u202eb"
CLEAN = "a\ufffd[2J\ufffd31m\ufffd\ufffdb"
PLACES = [
    ("the summary", replace(report(), summary=HOSTILE)),
    ("the principal", replace(report(), principal=replace(report().principal, arn=HOSTILE))),
    ("the resource", about(resource=HOSTILE)),
    ("a blocker", replace(report(), blockers=(
        BlockerReport("scp", Verdict.DENIED, None, None, HOSTILE, "x"),))),
]  # fmt: skip


@pytest.mark.parametrize("made", [c[1] for c in PLACES], ids=[c[0] for c in PLACES])
def test_no_control_character_in_what_people_read(made):
    text = said(made)["default"]
    assert CLEAN in text
    assert text.replace("\n", "").isprintable()


def test_a_line_break_in_a_string_forges_no_line():
    text = mail_text(replace(report(), summary="x\nOutcome    fixed"), "x", AlertReason.OPENED)
    assert text.split("\n")[0] == "x\ufffdOutcome    fixed"


def test_no_control_character_in_a_note():
    text = said(report(), note=f"{HOSTILE}\nnext\r")["email"]
    assert text.split("\n")[:2] == [CLEAN, "next\ufffd"]


def test_the_phone_gets_the_summary():
    made = replace(report(), summary=LINE)
    assert said(made)["sms"] == f"{ID}: {LINE}"


def test_the_phone_gets_the_note_instead_if_there_is_one():
    assert said(report(), note="rolled back")["sms"] == f"{ID}: rolled back"


def test_the_phone_gets_one_plain_line_of_140_characters():
    text = sms_text(replace(report(), summary=f"{HOSTILE}\n" + "s" * 200))
    assert text == f"{ID}: {CLEAN}\ufffd".ljust(140, "s")


def test_a_program_gets_the_report():
    made = report()
    text = said(made)
    assert text["sqs"] == text["lambda"] == program_json(made)
    assert Report.from_json(json.loads(text["sqs"])) == made


def test_a_lone_surrogate_can_be_sent():
    made = replace(report(), message="a\ud800b")
    message = alert(made).message
    assert message.encode()
    assert json.loads(json.loads(message)["sqs"])["message"] == "a?b"


def test_the_attributes_by_which_a_subscription_selects():
    changed = alert(report(), AlertReason.CHANGED)
    assert changed.attributes == {"incident_id": ID, "outcome": "fixable", "reason": "changed"}
    assert alert(report()).attributes["reason"] == "opened"


def encoded(text):
    """The bytes that a text takes in JSON inside JSON, as the report stands in the message."""
    inner = json.dumps(text, ensure_ascii=False)[1:-1]
    return len(json.dumps(inner, ensure_ascii=False).encode()) - len('""')


def padded(made, extra, unit):
    """The report with a policy so long that its alert is about `extra` bytes over the limit."""
    missing = MAX_MESSAGE_BYTES + extra - len(alert(made).message.encode())
    first, *others = made.patches
    # The report stands in the message twice: for SQS and for Lambda.
    grown = replace(first, after=first.after + unit * (missing // (2 * encoded(unit))))
    return replace(made, patches=(grown, *others))


UNITS = [
    ("plain", "p"),
    ("two bytes each", "\u00e9"),
    ("four bytes each", "\U0001f510"),
    ("quotes, escaped twice", '"'),
    ("line breaks, escaped twice", "\n"),
    ("control characters, escaped twice", "\x01"),
]


@pytest.mark.parametrize("unit", [c[1] for c in UNITS], ids=[c[0] for c in UNITS])
def test_an_alert_is_whole_up_to_the_limit_as_it_is_sent(unit):
    made = padded(report(), 0, unit)
    message = alert(made).message
    assert MAX_MESSAGE_BYTES - 20 < len(message.encode()) <= MAX_MESSAGE_BYTES
    assert Report.from_json(json.loads(json.loads(message)["sqs"])) == made


@pytest.mark.parametrize("unit", [c[1] for c in UNITS], ids=[c[0] for c in UNITS])
def test_an_alert_over_the_limit_has_no_policy_texts(unit):
    made = padded(report(), 30, unit)
    message = alert(made).message
    assert len(message.encode()) <= MAX_MESSAGE_BYTES
    shown = Report.from_json(json.loads(json.loads(message)["sqs"]))
    assert shown == made.without_policy_texts()
    assert json.loads(message)["email"] == mail_text(made, "x", AlertReason.OPENED)


def test_code_is_left_out_after_the_texts():
    made = report(seen=owned())
    first, *others = made.patches
    code = replace(first.snippets, terraform="t" * MAX_MESSAGE_BYTES)
    made = replace(made, patches=(replace(first, snippets=code), *others))
    message = alert(made).message
    shown = Report.from_json(json.loads(json.loads(message)["sqs"]))
    assert shown == made.without_policy_texts().without_snippets()
    assert len(message.encode()) <= MAX_MESSAGE_BYTES


# Named, because a test's id with a backslash in it is not found again by pytest.
UNITS = [
    ("four bytes", "\U0001f510"),
    ("quote", '"'),
    ("backslash", "\\"),
    ("line break", "\n"),
    ("two bytes and a line break", "\u00e9\n"),
    ("delete", "\x7f"),
]


@pytest.mark.parametrize("unit", [c[1] for c in UNITS], ids=[c[0] for c in UNITS])
def test_the_note_is_cut_last_so_that_the_rest_is_said(unit):
    made = report(seen=evidence((), IN_KEY, IN_IAM))
    grown = replace(made, message="m" * 100_000)
    sent = alert(grown, note=unit * MAX_NOTE_CHARACTERS)
    size = len(sent.message.encode())
    assert MAX_MESSAGE_BYTES - 20 < size <= MAX_MESSAGE_BYTES
    text = json.loads(sent.message)["email"]
    note, _, rest = text.partition("…\n\n")
    assert set(note) <= {*unit, "\ufffd"} - {"\x7f"}
    assert rest == mail_text(grown, "x", AlertReason.OPENED)


def test_a_report_that_is_too_long_without_a_note_is_sent_as_short_as_it_can_be():
    made = replace(report(), message="m" * MAX_MESSAGE_BYTES)
    message = alert(made).message
    assert len(message.encode()) <= MAX_MESSAGE_BYTES
    shown = json.loads(json.loads(message)["sqs"])
    assert shown["shortened"] is True
    assert (shown["id"], shown["outcome"]) == (ID, "fixable")
    text = json.loads(message)["email"]
    assert text.startswith(mail_text(made, "x", AlertReason.OPENED))
    assert text.endswith(f"(shortened: threegrants show {ID} --stack x has the whole)")


def test_a_call_that_lists_has_no_object():
    made = report(call("ListObjects"))
    assert "Request    s3:ListBucket on arn:aws:s3:::a-reports" in mail_text(
        made, "x", AlertReason.OPENED
    )


class Topic:
    """Keeps what `sns:Publish` is called with."""

    def publish(self, **given):
        self.given = given


def test_an_alert_is_published_as_json_with_its_attributes():
    topic, sent = Topic(), alert(report())
    publish(topic, "arn:aws:sns:eu-west-1:111111111111:alerts", sent)
    assert topic.given == {
        "TopicArn": "arn:aws:sns:eu-west-1:111111111111:alerts",
        "Subject": sent.subject,
        "Message": sent.message,
        "MessageStructure": "json",
        "MessageAttributes": {
            "incident_id": {"DataType": "String", "StringValue": ID},
            "outcome": {"DataType": "String", "StringValue": "fixable"},
            "reason": {"DataType": "String", "StringValue": "opened"},
        },
    }
