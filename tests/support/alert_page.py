"""The samples and the limits of docs/alerts.md, made by the code that sends alerts.

`make alerts-doc` writes them between the markers; a test fails when the page says something else.
"""

import json
from pathlib import Path

from scenarios.reports import stored

from support.incidents import diagnosed
from support.worlds import evidence
from threegrants.incidents import AlertReason, State
from threegrants.notifications import Alert, build_alert
from threegrants.notifications.alert_policy import DEFAULT, AlertPolicy
from threegrants.notifications.digest import DigestEntry, Listing, list_alert
from threegrants.notifications.limits import LIMITS
from threegrants.notifications.routing import reason_by_state, route_of
from threegrants.notifications.sample_report import sample_report
from threegrants.notifications.thread import NOBODY, Decision, Thread
from threegrants.notifications.wording import OWN_TROUBLE, SETTLED
from threegrants.report import Report
from unit.report.values import IN_IAM, IN_KEY, report

PAGE = Path(__file__).parents[2] / "docs" / "alerts.md"
BEGIN = "<!-- made from notifications/ by `make alerts-doc`: begin -->"
END = "<!-- end -->"
STACK = "threegrants"
_SAM = "arn:aws:sts::111111111111:assumed-role/on-call/sam"
_AT = 1_795_680_000
_DECIDED = Thread(
    decisions=(Decision("Approved", _SAM, "2026-11-24T03:10:00Z", "month-end close", "OPS-7"),)
)
_UNASKED = frozenset({AlertReason.RESOLVED, AlertReason.REJECTED, AlertReason.TEST})
"""Nobody had approved."""
_NOTES = {
    AlertReason.FAILED: "apply failed: the call is still denied",
    AlertReason.STUCK: "what was written could not be taken back: our statement was edited",
    AlertReason.OVERWRITTEN: "arn:aws:iam::111111111111:role/ci wrote the bucket policy at 03:00:01",
    AlertReason.ENDING: "The grant ends at 2026-11-24T11:00:00Z; then it is taken back.",
    AlertReason.ENDED: "The grant ended at 2026-11-24T11:00:00Z. What was written has been taken back.",
    AlertReason.STANDING: "standing approval reports-for-analysts",
}


def limits_table() -> str:
    """A row for each limit: what the channel takes, what we keep to, the source."""
    rows = [
        f"| {one.channel} | {one.part} | [{one.documented}]({one.source}) | {one.kept:,} {one.unit} |"
        for one in LIMITS
    ]
    return "\n".join(["| channel | part | documented | kept to |", "|---|---|---|---|", *rows])


def sample(made: Report, reason: AlertReason, note: str = "") -> str:
    """The subject, the SMS and the mail of one alert."""
    thread = _DECIDED if reason in SETTLED | OWN_TROUBLE and reason not in _UNASKED else NOBODY
    return shown_text(build_alert(made, STACK, reason, note, thread=thread))


def shown_text(alert: Alert) -> str:
    """The subject, the SMS and the mail of one alert."""
    message = json.loads(alert.message)
    return "\n".join(
        (
            f"- Subject: `{alert.subject}`",
            f"- SMS: `{message['sms']}`",
            "",
            "```text",
            message["email"].replace("```", "'''"),
            "```",
        )
    )


def digest_sample() -> str:
    """The subject, the SMS and the mail of a daily digest."""
    stuck = diagnosed(state=State.STUCK)
    taken = diagnosed(acknowledged_by=_SAM, assigned_to="Pat Doe", count=140)
    entries = [
        DigestEntry(one, one.report, route_of(one.report, reason_by_state(one.state)))
        for one in (stuck, taken)
        if one.report
    ]
    listing = Listing(AlertReason.DIGEST, _AT)
    policy = AlertPolicy(time_zone="Europe/Berlin")
    return shown_text(list_alert(DEFAULT, entries, listing, STACK, policy))


def drawn(page: str) -> str:
    """The page's text with everything between the markers made anew."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN!r} and {END!r}")
    made: Report = report(seen=evidence((), IN_KEY, IN_IAM))  # type: ignore[no-untyped-call]
    parts = [before + begin, "## Limits", limits_table(), "## One sample for each kind of event"]
    for reason in AlertReason:
        if reason not in (AlertReason.LIMIT, AlertReason.DIGEST):
            shown = sample_report(_SAM, _AT) if reason is AlertReason.TEST else made
            parts += [f"### {reason}", sample(shown, reason, _NOTES.get(reason, ""))]
    parts += ["### digest", digest_sample()]
    parts.append("## One sample for each cause")
    for row in stored():
        parts.append(f"### {row['cause']}")
        parts.append(sample(Report.from_json(row["report"]), AlertReason.OPENED))
    return "\n\n".join([*parts, end + after])


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
