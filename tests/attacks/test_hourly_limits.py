"""Forged callers against the limits of one hour: nobody is paged all night, and nothing that matters is lost."""

import dataclasses
import json

import pytest

from support.attacks import Ends, attack
from support.names import A, B
from support.records import s3, session_of
from threegrants.incidents import hourly_limits, store
from threegrants.incidents.hourly_limits import HourlyLimit, HourlyLimits, LimitReached


def forged(number, **changes):
    role = f"arn:aws:iam::{B}:role/forged-{number}"
    return s3(f"e-{number}", userIdentity=session_of(role), recipientAccountId=A, **changes)


def limited(desk, incidents=(1000, 1000, 1000), alerts=(1000, 1000, 1000)):
    limits = HourlyLimits(HourlyLimit(*incidents), HourlyLimit(*alerts))
    return dataclasses.replace(desk.worker(), limits=limits)


@attack("12", "20 forged callers, each denied once", "20 alerts hide the one that matters",
        Ends.BOUNDED)  # fmt: skip
def test_forged_callers_do_not_page_all_night(desk):
    ingest = limited(desk, alerts=(10, 5, 60))
    for number in range(20):
        assert desk.handle(forged(number), ingest=ingest)
    assert desk.reasons() == ["opened"] * 5 + ["limit"]
    assert len(desk.incidents()) == 20, "every incident is kept"
    told = json.loads(desk.alerts[-1].message)["email"]
    assert f"account {A}" in told
    desk.later(3600)
    desk.handle(forged(19, eventID="later"), ingest=ingest)
    assert desk.reasons()[-1] == "opened", "what was held back is alerted afterwards"


def sweep_held(desk, ingest):
    def failed(incident_id, error):
        raise AssertionError(incident_id) from error

    return ingest.due_alerts.send_held(desk.clock() + 1000, failed)


@attack("12.4", "forged callers fill the hour, and the denial that matters is never repeated",
        "its alert waits for ever", Ends.NO_ALERT)  # fmt: skip
def test_a_held_alert_goes_out_when_the_hour_is_over(desk):
    ingest = limited(desk, alerts=(10, 5, 60))
    for number in range(12):
        desk.handle(forged(number), ingest=ingest)
    assert sweep_held(desk, ingest) == 0, "the hour is not over"
    sent = []
    for _ in range(3):
        desk.later(3600)
        sweep_held(desk, ingest)
        sweep_held(desk, ingest)
        sent.append(desk.reasons().count("opened"))
    assert sent == [10, 12, 12], "the limit of each hour holds for them too"
    told = {alert.attributes.get("incident_id") for alert in desk.alerts} - {None}
    assert len(told) == 12, "each incident is alerted once"
    desk.later(3600)
    assert sweep_held(desk, ingest) == 0


def test_a_held_alert_that_went_out_with_the_next_denial_is_not_sent_again(desk):
    ingest = limited(desk, alerts=(10, 1, 60))
    for number in range(2):
        desk.handle(forged(number), ingest=ingest)
    desk.later(3600)
    desk.handle(forged(1, eventID="again"), ingest=ingest)
    assert desk.reasons().count("opened") == 2
    desk.later(3600)
    assert (sweep_held(desk, ingest), desk.reasons().count("opened")) == (1, 2)


@attack("12.1", "40 forged callers, and a limit of new incidents", "the table fills without end",
        Ends.BOUNDED)  # fmt: skip
def test_forged_callers_open_so_many_incidents(desk):
    ingest = limited(desk, incidents=(10, 6, 60))
    refused = 0
    for number in range(40):
        try:
            desk.handle(forged(number), ingest=ingest)
        except LimitReached:
            refused += 1
    assert (len(desk.incidents()), refused) == (6, 34)
    assert desk.reasons().count("limit") == 1
    assert desk.handle(forged(0, eventID="again"), ingest=ingest).count == 2, "known ones count on"
    other = s3("e-real", recipientAccountId=B)
    assert desk.handle(other, ingest=ingest), "another account's incident is opened all the same"


@attack("12.2", "one caller, denied at many buckets", "its noise fills the hour of its account",
        Ends.BOUNDED)  # fmt: skip
def test_one_principal_has_a_limit_of_its_own(desk):
    ingest = limited(desk, incidents=(3, 6, 60))
    for number in range(10):
        record = s3(f"e-{number}", bucket=f"b-{number}", recipientAccountId=A)
        try:
            desk.handle(record, ingest=ingest)
        except LimitReached as reached:
            assert "principal" in str(reached)
    assert len(desk.incidents()) == 3
    assert desk.handle(forged(99), ingest=ingest)


@attack("12.3", "forged callers, all at the same moment", "workers at once count past the limit",
        Ends.BOUNDED)  # fmt: skip
@pytest.mark.parametrize("what", ["incidents", "alerts"])
def test_a_limit_is_a_condition_of_the_transaction(desk, monkeypatch, what):
    """Another worker takes the last place right before this one's transaction."""
    one, other = (limited(desk, **{what: (10, 1, 60)}) for _ in range(2))
    module = {"incidents": store, "alerts": hourly_limits}[what]
    real = module.transact

    def overtaken(*given):
        monkeypatch.setattr(module, "transact", real)
        desk.handle(forged(2), ingest=other)
        return real(*given)

    monkeypatch.setattr(module, "transact", overtaken)
    if what == "incidents":
        with pytest.raises(LimitReached):
            desk.handle(forged(1), ingest=one)
        assert len(desk.incidents()) == 1
    else:
        desk.handle(forged(1), ingest=one)
    assert sorted(desk.reasons()) == ["limit", "opened"]
