"""When an alert is due, and when an analysis is."""

from dataclasses import replace
from datetime import datetime

import pytest

from support.incidents import READ_AT, SEEN, diagnosed, incident, report
from support.worlds import KEY, call
from threegrants.diagnosis import Outcome
from threegrants.incidents import (
    AlertReason,
    State,
    analysis_is_due,
    due_alert,
    is_muted,
    recheck_is_due,
)
from threegrants.incidents.alert_schedule import (
    alerted_count_after,
    count_threshold,
    suppressed_alert,
)
from threegrants.incidents.analysis_schedule import asks_another_question, happened_after_evidence
from threegrants.report import KeySource

# --- alerts ---------------------------------------------------------------------------------------

DUE = [
    ("not analyzed yet", incident(alert_due=True, count=50, alerted_count=1), None),
    ("the first report", diagnosed(alert_due=True, alerted_count=0), AlertReason.OPENED),
    ("another report", diagnosed(alert_due=True, alerted_count=1), AlertReason.CHANGED),
    ("another report goes before a count", diagnosed(alert_due=True, count=10),
     AlertReason.CHANGED),
    ("nothing new", diagnosed(), None),
    ("the ninth", diagnosed(count=9), None),
    ("the tenth", diagnosed(count=10), AlertReason.COUNT),
    ("the eleventh, if the tenth was jumped over", diagnosed(count=11), AlertReason.COUNT),
    ("the eleventh after the tenth", diagnosed(count=11, alerted_count=10), None),
    ("the 99th after the tenth", diagnosed(count=99, alerted_count=10), None),
    ("the 100th", diagnosed(count=100, alerted_count=10), AlertReason.COUNT),
    ("the 1,000th, if the 100th was jumped over", diagnosed(count=1000, alerted_count=10),
     AlertReason.COUNT),
    ("a count before the first alert", diagnosed(count=10, alerted_count=0), None),
    *((f"the tenth of one that is {state}", diagnosed(count=10, state=state), reason)
      for state, reason in ((State.FAILED, AlertReason.COUNT), (State.PROPOSED, None),
                            (State.REJECTED, None), (State.APPLYING, None),
                            (State.VERIFIED, None), (State.STUCK, None))),
]  # fmt: skip


@pytest.mark.parametrize(("found", "wanted"), [d[1:] for d in DUE], ids=[d[0] for d in DUE])
def test_which_alert_is_due(found, wanted):
    assert due_alert(found) is wanted


THRESHOLDS = [(0, 0), (1, 0), (9, 0), (10, 10), (99, 10), (100, 100), (999, 100), (1000, 1000),
              (123_456, 100_000)]  # fmt: skip


@pytest.mark.parametrize(("count", "threshold"), THRESHOLDS)
def test_thresholds_are_powers_of_ten(count, threshold):
    assert count_threshold(count) == threshold
    assert alerted_count_after(incident(count=count)) == max(1, threshold)


def test_what_was_alerted_is_not_due_again():
    for count in (1, 10, 57, 100):
        sent = diagnosed(count=count, alerted_count=alerted_count_after(incident(count=count)))
        assert due_alert(sent) is None


def test_a_mute_ends_at_its_second():
    muted = incident(muted_until=100)
    assert [is_muted(muted, now) for now in (0, 99.9, 100, 101)] == [True, True, False, False]
    assert not is_muted(incident(), 0)


def test_each_alert_that_a_mute_holds_back_has_a_name_of_its_own():
    names = [
        suppressed_alert(diagnosed(count=12), AlertReason.COUNT),
        suppressed_alert(diagnosed(count=99), AlertReason.COUNT),
        suppressed_alert(diagnosed(count=100), AlertReason.COUNT),
        suppressed_alert(diagnosed(alert_fingerprint="x"), AlertReason.OPENED),
        suppressed_alert(diagnosed(alert_fingerprint="x", count=100), AlertReason.CHANGED),
        suppressed_alert(diagnosed(alert_fingerprint="y"), AlertReason.CHANGED),
    ]
    assert names == ["count 10", "count 10", "count 100", "opened x", "changed x", "changed y"]


# --- analyses -------------------------------------------------------------------------------------

CALL = call()
NEW = replace(CALL, time="2026-11-24T03:01:30Z")
READ = 1795489260.0
"""`READ_AT` in seconds since the epoch."""
UNKNOWN = replace(report(), outcome=Outcome.UNKNOWN)
KEYED = replace(CALL, kms_key=KEY)

ANALYSES = [
    # name, call, incident, seconds after the evidence was read, replayed, is it due
    ("never analyzed", CALL, incident(), 0, False, True),
    ("made before the evidence", CALL, diagnosed(), 1000, False, False),
    ("made after it, read a minute ago", NEW, diagnosed(), 60, False, False),
    ("made after it, a second later", NEW, diagnosed(), 61, False, True),
    ("made when it was read", replace(CALL, time=READ_AT), diagnosed(), 61, False, True),
    ("another question", CALL, diagnosed(question_version=2), 0, False, True),
    ("names a key, though one was read", KEYED, diagnosed(), 0, False, False),
    ("names a key; an older report does not say if it was read", KEYED,
     diagnosed({"kms_key_corroborated": None}), 0, False, True),
    ("names the key that a record stated", KEYED,
     diagnosed({"kms_key_source": KeySource.KMS_RECORD}), 1000, False, False),
    ("names a key where none was read", KEYED,
     diagnosed({"kms_key": None, "kms_key_source": None}), 61, False, True),
    ("the same, too early", KEYED,
     diagnosed({"kms_key": None, "kms_key_source": None}), 60, False, False),
    ("a person feeds in what was unknown", CALL, diagnosed(diagnosis=UNKNOWN), 61, True, True),
    ("the same, too early", CALL, diagnosed(diagnosis=UNKNOWN), 60, True, False),
    ("the queue delivers what was unknown", CALL, diagnosed(diagnosis=UNKNOWN), 61, False, False),
    ("a person feeds in what is known", CALL, diagnosed(), 61, True, False),
    ("it is not known when the evidence was read", NEW, diagnosed(diagnosed_at=""), 0, False, True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("made", "found", "late", "replayed", "wanted"),
    [a[1:] for a in ANALYSES],
    ids=[a[0] for a in ANALYSES],
)
def test_when_an_analysis_is_due(made, found, late, replayed, wanted):
    assert analysis_is_due(made, found, READ + late, replayed=replayed) is wanted


def test_the_parts_of_that_decision():
    assert not asks_another_question(CALL, incident(question_version=0))
    assert asks_another_question(CALL, incident())
    assert not happened_after_evidence(CALL, diagnosed())
    assert happened_after_evidence(replace(CALL, time=SEEN), diagnosed(diagnosed_at=SEEN))


HOUR, DAY = 3600, 86_400
SEEN_AT = datetime.fromisoformat(SEEN).timestamp()
RECHECKS = [
    ("within the hour at each sweep", 1800, 300, True),
    ("within the day not at each sweep", 2 * HOUR, HOUR - 1, False),
    ("within the day each hour", 2 * HOUR, HOUR, True),
    ("within the week not each hour", 2 * DAY, 6 * HOUR - 1, False),
    ("within the week four times a day", 2 * DAY, 6 * HOUR, True),
    ("older ones not four times a day", 30 * DAY, DAY - 1, False),
    ("older ones once a day", 30 * DAY, DAY, True),
]


@pytest.mark.parametrize(
    ("age", "since", "due"), [r[1:] for r in RECHECKS], ids=[r[0] for r in RECHECKS]
)
def test_the_sweep_backs_off_with_an_incidents_age(age, since, due):
    now = SEEN_AT + age
    assert recheck_is_due(diagnosed(rechecked_at=int(now - since)), now) is due


def test_a_diagnosis_counts_as_a_look():
    read_at = datetime.fromisoformat(READ_AT).timestamp()
    assert not recheck_is_due(diagnosed(last_seen="2026-11-20T00:00:00Z"), read_at + HOUR)


def test_ten_open_incidents_of_a_week_are_examined_ten_times_a_day():
    looked_at, looks = 0, 0
    for sweep in range(DAY // 300):
        now = SEEN_AT + 8 * DAY + 300 * sweep
        if recheck_is_due(diagnosed(rechecked_at=looked_at), now):
            looked_at, looks = int(now), looks + 1
    assert looks == 1
