"""What everybody in the thread learns: who is at it, who decided what and why."""

import json

from support.incidents import diagnosed
from threegrants.incidents import AlertReason
from threegrants.notifications import build_alert, incident_bodies
from threegrants.notifications.alert_policy import AlertPolicy
from threegrants.notifications.thread import Decision, Thread, thread_of
from unit.report.values import report

SAM, KIM = (f"arn:aws:sts::111111111111:assumed-role/on-call/{name}" for name in ("sam", "kim"))


def line(what, actor=SAM, before="open", after="open", **more):
    return {
        "at": "2026-11-24T04:00:00Z",
        "actor": actor,
        "what": what,
        "from": before,
        "to": after,
        **more,
    }


def test_decisions_of_people_with_their_reasons():
    history = [
        line("opened", "service"),
        line("acknowledged"),
        line("approved, first of two", reason="month end"),
        line("approved", KIM, reason="same", ticket="T-7"),
        line("verified", "service"),
    ]
    found = thread_of(diagnosed(acknowledged_by=KIM, acknowledged_at=5, assigned_to="Pat"), history)
    at = "2026-11-24T04:00:00Z"
    assert found == Thread(KIM, 5, "Pat", (
        Decision("Approved (first of two)", SAM, at, "month end"),
        Decision("Approved", KIM, at, "same", "T-7"),
    ))  # fmt: skip


def test_what_was_decided_before_it_was_opened_again_is_another_story():
    history = [line("rejected", after="rejected"), line("diagnosed", "service", before="rejected")]
    assert thread_of(diagnosed(), history).decisions == ()
    again = [
        line("rejected", after="rejected"),
        line("reopened", KIM, before="rejected", detail="wrong one"),
    ]
    [found] = thread_of(diagnosed(), again).decisions
    assert (found.what, found.actor, found.reason) == ("Opened again", KIM, "wrong one")


def test_at_most_six_and_the_latest():
    history = [line("approved", reason=str(number)) for number in range(9)]
    assert [one.reason for one in thread_of(diagnosed(), history).decisions] == list("345678")


THREAD = Thread(KIM, 1_795_000_000, "Pat", (
    Decision("Approved", SAM, "2026-11-24T04:00:00.000000001Z", "month end", "T-7"),
))  # fmt: skip


def test_every_channel_says_who_approved_and_why():
    policy = AlertPolicy(time_zone="Europe/Berlin")
    alert = build_alert(report(), "x", AlertReason.VERIFIED, policy=policy, thread=THREAD)
    texts = json.loads(alert.message)
    bodies = incident_bodies(report(), "x", AlertReason.VERIFIED, policy=policy, thread=THREAD)
    said = (
        f"Approved by {SAM} at 2026-11-24 04:00:00 UTC (2026-11-24 05:00:00 CET): month end (T-7)"
    )
    assert said in texts["email"]
    assert "month end" in texts["https"]
    for body in bodies.values():
        assert "month end" in json.dumps(body)
    assert f"At it      {KIM}, since 2026-11-18 " in texts["email"]
    assert "Assigned   to Pat" in texts["email"]


def test_a_reason_forges_no_line_and_mentions_nobody():
    evil = Thread(
        decisions=(Decision("Approved", SAM, "x", "fine\nVerified by <!channel> https://e.com"),)
    )
    texts = json.loads(build_alert(report(), "x", AlertReason.VERIFIED, thread=evil).message)
    assert "\nVerified by" not in texts["email"]
    slack = json.dumps(incident_bodies(report(), "x", AlertReason.VERIFIED, thread=evil)["slack"])
    assert "<!channel>" not in slack
    assert "https://e.com" not in slack
