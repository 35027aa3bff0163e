"""What a mailbox and a program get of an incident, to the letter where people read it."""

import json
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from support.worlds import ROLE, call, evidence
from threegrants.diagnosis import Certainty, Outcome, Verdict
from threegrants.incidents import AlertReason
from threegrants.notifications import CERTAINTY_TEXT, build_alert, publish
from threegrants.notifications.alert_policy import AlertPolicy
from threegrants.notifications.content import MAX_DIFF_LINES, content_of, in_zone
from threegrants.notifications.limits import MAX_MESSAGE_BYTES
from threegrants.notifications.payload import MAX_NOTE_CHARACTERS, mail_text
from threegrants.report import BlockerReport, Report
from unit.patches.test_copies import copying
from unit.report.values import BY_OUTCOME, ID, IN_IAM, IN_KEY, owned, report


def alert(made, reason=AlertReason.OPENED, **more):
    return build_alert(made, "x", reason, **more)


def said(made, reason=AlertReason.OPENED, **more):
    """The message of an alert: one string for each protocol."""
    return json.loads(alert(made, reason, **more).message)


def mail(made, reason=AlertReason.OPENED, note=""):
    return mail_text(content_of(made, "x", reason, note))


def about(**changes):
    """A report of which the request says something else."""
    made = report()
    return replace(made, request=replace(made.request, **changes))


def test_the_mail_says_everything():
    made = report(seen=evidence((), IN_KEY, IN_IAM), count=3)
    (patch,) = made.proposed_patches
    text = mail(made, AlertReason.CHANGED).split("\n")
    at = text.index(f"  Digest: {patch.digest}")
    diff = text[text.index("    @@ -0,0 +1,14 @@") : at]
    assert [line.strip() for line in diff][-3:] == ["+    }", "+  ]", "+}"]
    del text[text.index("    @@ -0,0 +1,14 @@") : at]
    assert text == [
        "The verdict is another than the last alert said.",
        made.summary,
        "",
        f"Incident   {ID} (changed; 3 events)",
        f"Principal  {ROLE}",
        "Request    s3:GetObject on arn:aws:s3:::a-reports/2026/q3.csv",
        "Owner      account 111111111111",
        "Region     eu-west-1",
        f"Key        {made.request.kms_key} (known from: bucket default)",
        "Denied     2026-11-24 03:00:00 UTC",
        "Outcome    fixable (from the policies; AWS's message says nothing)",
        "",
        "bucket policy missing",
        "    lacks s3:GetObject",
        "    there is no bucket policy",
        "key policy    granted",
        "    key policy #1: allows kms:Decrypt",
        "IAM policy    granted",
        "    own #0: allows s3:GetObject",
        "    own #1: allows kms:Decrypt",
        "",
        "Not known",
        "  - session policy: CloudTrail does not record the session policy of an AssumeRole call here",
        "    Needs: the AssumeRole record of this session",
        "",
        "Proposed      s3:PutBucketPolicy arn:aws:s3:::a-reports, scope prefix",
        f"  {patch.says}",
        "  Opens: arn:aws:s3:::a-reports/2026/*",
        f"  Digest: {patch.digest}",
        "",
        "Look, then approve or reject:",
        f"  threegrants show {ID} --stack x",
        f"  threegrants approve {ID} --stack x",
        f"  threegrants reject {ID} --stack x",
    ]


def test_the_mail_and_the_default_are_the_same_text():
    text = said(report())
    assert text["email"] == text["default"] == mail(report())


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
    assert f"{label}{verdict.value.replace('_', ' ')}" in mail(made).split("\n")


NEXT = [
    (Outcome.FIXABLE, "Look, then approve or reject:", ("show", "approve", "reject")),
    (Outcome.HANDOFF, "Send the statement to the owner of that account:", ("show",)),
    (Outcome.DO_NOT_PATCH, "Do not patch; talk to the owner of what blocks:", ("show",)),
    (Outcome.ALREADY_ALLOWED, "Nothing to do if the next call works:", ("show",)),
    (Outcome.UNKNOWN, "Supply what is lacking, then replay:", ("show",)),
]


@pytest.mark.parametrize(("outcome", "step", "commands"), NEXT, ids=str)
def test_the_next_step_of_each_outcome(outcome, step, commands):
    lines = mail(BY_OUTCOME[outcome]()).split("\n")
    following = lines[lines.index(step) + 1 :]
    assert following == [f"  threegrants {command} {ID} --stack x" for command in commands]


SETTLED = [AlertReason.VERIFIED, AlertReason.ROLLED_BACK, AlertReason.RESOLVED]


@pytest.mark.parametrize("reason", SETTLED)
def test_what_is_over_proposes_nothing(reason):
    text = mail(report(), reason)
    assert "approve" not in text.replace("The approved patch", "").replace("had been approved", "")
    assert "Proposed" not in text
    assert "Nothing to do" in text


def test_of_a_key_that_only_the_caller_names_two_people_are_asked():
    made = replace(about(kms_key="arn:k"), outcome=Outcome.UNKNOWN)
    asked = replace(made, presumed_outcome=Outcome.FIXABLE)
    command = f"threegrants approve {ID} --stack x --digest DIGEST (one for each grant)"
    assert command in said(asked)["email"]
    assert "two people who know that arn:k is meant" in said(asked)["email"]
    assert "threegrants approve" not in said(made)["email"]


@pytest.mark.parametrize("certainty", Certainty)
def test_how_sure_it_is(certainty):
    text = mail(replace(report(), certainty=certainty))
    assert f"Outcome    fixable ({CERTAINTY_TEXT[certainty]})" in text.split("\n")


def test_a_long_summary_is_not_cut_in_the_mail():
    long = "a sentence that names every grant; " * 40
    assert mail(replace(report(), summary=long)).split("\n")[0] == long


def test_blockers_who_decides_and_what_the_caller_can_do():
    blocker = BlockerReport(
        "permissions_boundary", Verdict.DENIED, "limits", "#0", "denies it", "team B"
    )
    unknown = replace(blocker, kind="a_new_kind", policy=None, sid=None, owner="")
    text = mail(replace(report(), blockers=(blocker, unknown)))
    assert (
        "Blocked by    permissions boundary limits #0: denies it\n"
        "Who decides   team B\n"
        "The caller    use a role without this boundary, or ask who set it\n"
    ) in text
    assert "Blocked by    a new kind: denies it\nWho decides   not known: ask" in text


def test_a_statement_that_denies_is_named_with_its_owner():
    text = mail(BY_OUTCOME[Outcome.DO_NOT_PATCH]())
    assert (
        "Blocked by    bucket policy #1: denies s3:GetObject\n"
        "Who decides   the owner of bucket a-reports, account 111111111111\n"
        "The caller    nothing alone: ask who decides, and say what the call is for"
    ) in text


def test_what_is_lacking_stands_before_what_is_never_known():
    text = mail(BY_OUTCOME[Outcome.UNKNOWN]())
    lacks = text.index(
        "  - bucket policy: the reader was refused\n    Needs: s3:GetBucketPolicy on"
    )
    assert lacks < text.index("  - session policy: ")


def test_a_hand_off_holds_the_statement():
    made = BY_OUTCOME[Outcome.HANDOFF]()
    text = mail(made)
    (patch,) = made.proposed_patches
    assert "To send       account 111111111111, for the policy of arn:aws:s3:::a-reports" in text
    block = text.partition("To send")[2].partition("\n")[2].partition("\n\n")[0]
    assert json.loads(block) == patch.statement


def test_the_source_of_a_copy():
    made = report(*copying())
    lines = mail(made).split("\n")
    assert f"Copy source   s3://a-drafts: {made.copy_source.summary}" in lines
    assert "source's bucket policy missing" in lines
    assert "Copy source" not in mail(report())


def test_a_long_diff_ends_and_says_so():
    made = report(seen=evidence((), IN_KEY, IN_IAM))
    (first,) = made.proposed_patches
    long = json.dumps({f"k{number}": number for number in range(500)})
    text = mail(replace(made, patches=(replace(first, after=long),)))
    assert f"    … and {503 - MAX_DIFF_LINES} more lines" in text


def test_a_text_that_is_no_json_has_no_diff():
    made = report(seen=evidence((), IN_KEY, IN_IAM))
    (first,) = made.proposed_patches
    text = mail(replace(made, patches=(replace(first, after="{"),)))
    assert f"  Digest: {first.digest}" in text


TIMES = [
    ("2026-11-24T03:00:00Z", None, "2026-11-24 03:00:00 UTC"),
    ("2026-11-24T03:00:00Z", "Europe/Berlin", "2026-11-24 03:00:00 UTC (2026-11-24 04:00:00 CET)"),
    ("2026-07-24T23:30:00Z", "Europe/Berlin", "2026-07-24 23:30:00 UTC (2026-07-25 01:30:00 CEST)"),
    ("2026-11-24T03:00:00", None, "2026-11-24 03:00:00 UTC"),
    ("yesterday", "Europe/Berlin", "yesterday"),
    ("0001-01-01T00:00:00Z", "America/New_York", "0001-01-01T00:00:00Z"),
]


@pytest.mark.parametrize(("time", "zone", "text"), TIMES, ids=[f"{t[0]} {t[1]}" for t in TIMES])
def test_times_are_said_in_utc_and_in_the_peoples_zone(time, zone, text):
    assert in_zone(time, ZoneInfo(zone) if zone else None) == text


def test_the_zone_reaches_the_mail():
    text = said(report(), policy=AlertPolicy(time_zone="Europe/Berlin"))["email"]
    assert "Denied     2026-11-24 03:00:00 UTC (2026-11-24 04:00:00 CET)" in text


def test_a_note_comes_first_and_keeps_its_lines():
    lines = said(report(), note="it failed\nbecause")["email"].split("\n")
    assert lines[:4] == ["it failed", "because", report().summary, ""]


def test_a_note_is_cut_at_its_limit():
    text = said(report(), note="n" * (MAX_NOTE_CHARACTERS + 1))["email"]
    assert text.startswith("n" * MAX_NOTE_CHARACTERS + "\n")


HOSTILE = "a\x1b[2J\x9b31m\x07\u202eb"
CLEAN = "a\ufffd[2J\ufffd31m\ufffd\ufffdb"
PLACES = [
    ("the summary", replace(report(), summary=HOSTILE)),
    ("the principal", replace(report(), principal=replace(report().principal, arn=HOSTILE))),
    ("the resource", about(resource=HOSTILE)),
    ("a blocker", replace(report(), blockers=(
        BlockerReport("scp", Verdict.DENIED, None, None, HOSTILE, "x"),))),
    ("a time", about(first_seen=HOSTILE)),
]  # fmt: skip


@pytest.mark.parametrize("made", [c[1] for c in PLACES], ids=[c[0] for c in PLACES])
def test_no_control_character_in_what_people_read(made):
    text = said(made)["default"]
    assert CLEAN in text
    assert text.replace("\n", "").isprintable()


def test_a_line_break_in_a_string_forges_no_line():
    text = mail(replace(report(), summary="x\nOutcome    fixed"))
    assert text.split("\n")[0] == "x\ufffdOutcome    fixed"


def test_no_control_character_in_a_note():
    text = said(report(), note=f"{HOSTILE}\nnext\r")["email"]
    assert text.split("\n")[:2] == [CLEAN, "next\ufffd"]


def test_a_template_in_a_string_is_only_a_string():
    text = mail(replace(report(), summary="{{ 7 * 7 }}{% for x in y %}"))
    assert text.startswith("{{ 7 * 7 }}{% for x in y %}\n")


def test_a_program_gets_the_report_and_the_routing_fields():
    made = report()
    text = said(made)
    assert text["sqs"] == text["lambda"]
    told = json.loads(text["sqs"])
    assert Report.from_json(told) == made
    assert told["alert"] == {
        "incident_id": ID,
        "reason": "opened",
        "status": "open",
        "severity": "warning",
        "outcome": "fixable",
        "access": "read",
        "bucket": "a-reports",
        "bucket_account": "111111111111",
        "principal": ROLE,
        "principal_account": "222222222222",
        "region": "eu-west-1",
        "count": "1",
    }


def test_a_lone_surrogate_can_be_sent():
    made = replace(report(), message="a\ud800b", summary="\udfff")
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
    """The report with AWS's message so long that its alert is about `extra` bytes over the limit."""
    missing = MAX_MESSAGE_BYTES + extra - len(alert(made).message.encode())
    # The report stands in the message twice: for SQS and for Lambda.
    return replace(made, message=unit * (missing // (2 * encoded(unit))))


UNITS = [
    pytest.param("p", id="plain"),
    pytest.param("\u00e9", id="two bytes each"),
    pytest.param("\U0001f510", id="four bytes each"),
    pytest.param('"', id="quotes, escaped twice"),
    pytest.param("\n", id="line breaks, escaped twice"),
    pytest.param("\x01", id="control characters, escaped twice"),
]


@pytest.mark.parametrize("unit", UNITS)
def test_an_alert_is_whole_up_to_the_limit_as_it_is_sent(unit):
    made = padded(replace(report(), message=""), 0, unit)
    message = alert(made).message
    assert MAX_MESSAGE_BYTES - 40 < len(message.encode()) <= MAX_MESSAGE_BYTES
    assert Report.from_json(json.loads(json.loads(message)["sqs"])) == made


@pytest.mark.parametrize("unit", UNITS)
def test_an_alert_over_the_limit_has_no_policy_texts(unit):
    made = padded(replace(report(), message=""), 60, unit)
    message = alert(made).message
    assert len(message.encode()) <= MAX_MESSAGE_BYTES
    shown = Report.from_json(json.loads(json.loads(message)["sqs"]))
    assert shown == made.without_policy_texts()
    assert json.loads(message)["email"] == mail(made)


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
NOTE_UNITS = [
    pytest.param("\U0001f510", id="four bytes"),
    pytest.param('"', id="quote"),
    pytest.param("\\", id="backslash"),
    pytest.param("\n", id="line break"),
    pytest.param("\u00e9\n", id="two bytes and a line break"),
    pytest.param("\x7f", id="delete"),
]


@pytest.mark.parametrize("unit", NOTE_UNITS)
def test_the_note_is_cut_last_so_that_the_rest_is_said(unit):
    made = report(seen=evidence((), IN_KEY, IN_IAM))
    grown = replace(made, message="m" * 100_000)
    sent = alert(grown, note=unit * MAX_NOTE_CHARACTERS)
    size = len(sent.message.encode())
    assert MAX_MESSAGE_BYTES - 40 < size <= MAX_MESSAGE_BYTES
    text = json.loads(sent.message)["email"]
    note, _, rest = text.partition("…\n")
    assert set(note) <= {*unit, "\ufffd"} - {"\x7f"}
    assert rest == mail(grown)


def test_a_report_that_is_too_long_without_a_note_is_sent_as_short_as_it_can_be():
    made = replace(report(), message="m" * MAX_MESSAGE_BYTES)
    message = alert(made).message
    assert len(message.encode()) <= MAX_MESSAGE_BYTES
    shown = json.loads(json.loads(message)["sqs"])
    assert shown["shortened"] is True
    assert (shown["id"], shown["outcome"]) == (ID, "fixable")
    assert shown["alert"]["outcome"] == "fixable"
    text = json.loads(message)["email"]
    assert text.startswith(mail(made))
    assert text.endswith(f"(shortened: threegrants show {ID} --stack x has the whole)")


def test_a_call_that_lists_has_no_object():
    assert "Request    s3:ListBucket on arn:aws:s3:::a-reports" in mail(report(call("ListObjects")))


class Topic:
    """Keeps what `sns:Publish` is called with."""

    def publish(self, **given):
        self.given = given
        return {"MessageId": "m-1"}


def test_an_alert_is_published_as_json_with_its_attributes():
    topic, sent = Topic(), alert(report())
    assert publish(topic, "arn:aws:sns:eu-west-1:111111111111:alerts", sent) == "m-1"
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
