"""What a call adds to its incident: counts, sample, prefix, owner, key; and what it does not."""

import json
from dataclasses import replace

import pytest

from support.incidents import ID, SEEN, diagnosed, incident, kms_call
from support.worlds import KEY, A, call
from threegrants.cloudtrail import CallerType
from threegrants.cloudtrail.denied_call import CopySource
from threegrants.incidents import State, needs_kms, with_incident_facts
from threegrants.incidents.events import (
    SAMPLE_SIZE,
    event_id_of,
    joined_by_s3,
    kms_actions_of,
    new_facts,
    only_counts,
    opened_by,
    with_event,
    with_kms_record,
)
from threegrants.report import KeySource

CALL = call()
LATER, EARLIER = "2026-11-24T04:00:00Z", "2026-11-24T02:00:00Z"
OTHER_KEY = f"arn:aws:kms:eu-west-1:{A}:key/other"


def said(key=KEY, source="error_message", **changes):
    return replace(CALL, kms_key=key, kms_key_source=source, **changes)


# --- ids and KMS actions --------------------------------------------------------------------------


def test_both_copies_of_an_event_have_one_id():
    assert event_id_of(replace(CALL, shared_event_id="shared"), {}) == "shared"
    assert event_id_of(CALL, {}) == "e-1"


def test_a_record_without_an_id_is_known_by_its_content():
    nameless = replace(CALL, event_id="")
    one, same, other = {"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 2}
    assert event_id_of(nameless, one) == event_id_of(nameless, same)
    assert event_id_of(nameless, one) != event_id_of(nameless, other)
    assert len(event_id_of(nameless, one)) == 64


def test_a_copy_also_decrypts_its_source():
    write = replace(CALL, kms_actions=("kms:GenerateDataKey",))
    assert kms_actions_of(write) == ("kms:GenerateDataKey",)
    copied = replace(write, copy_source=CopySource("a-drafts", "k"))
    assert kms_actions_of(copied) == ("kms:Decrypt", "kms:GenerateDataKey")


NEEDS = [
    ("a read", CALL, True),
    ("a list", call("ListObjects"), False),
    ("an anonymous read", replace(CALL, caller=replace(CALL.caller, type=CallerType.ANONYMOUS)),
     False),
]  # fmt: skip


@pytest.mark.parametrize(("made", "wanted"), [n[1:] for n in NEEDS], ids=[n[0] for n in NEEDS])
def test_whether_s3_calls_kms(made, wanted):
    assert needs_kms(made) is wanted


# --- the first event, and one more ----------------------------------------------------------------


def test_the_incident_that_a_call_opens():
    assert opened_by(ID, CALL) == incident(version=1)


def test_a_call_without_time_and_id_opens_one_now():
    opened = opened_by(ID, replace(CALL, time="", event_id=""))
    assert opened.event_ids == ()
    assert opened.first_seen == opened.last_seen > SEEN
    assert opened.state is State.OPEN


def test_one_more_call_counts():
    two = with_event(incident(), replace(CALL, event_id="e-2", time=LATER))
    assert two == incident(version=2, count=2, last_seen=LATER, event_ids=("e-1", "e-2"))


def test_an_earlier_call_moves_the_beginning():
    two = with_event(incident(), replace(CALL, event_id="e-2", time=EARLIER))
    assert (two.first_seen, two.last_seen) == (EARLIER, SEEN)


def test_the_sample_is_bounded_and_without_repetition():
    some = incident(event_ids=tuple(f"e-{n}" for n in range(19)))
    full = with_event(some, replace(CALL, event_id="twentieth"))
    assert full.event_ids == (*some.event_ids, "twentieth")
    assert with_event(full, replace(CALL, event_id="more")).event_ids == full.event_ids
    assert with_event(incident(), CALL).event_ids == ("e-1",)
    assert with_event(incident(), replace(CALL, event_id="")).event_ids == ("e-1",)


# --- facts ----------------------------------------------------------------------------------------

STATED = {
    "stated_key_arn": KEY,
    "stated_key_source": KeySource.KMS_RECORD,
    "stated_key_at": SEEN,
}
FACTS = [
    # name, incident, call, what changes
    ("more of the same", incident(), CALL, {}),
    ("an object of another folder", incident(), replace(CALL, object_key="2025/x.csv"),
     {"prefix": "", "question_version": 2}),
    ("an object of a folder below", incident(), replace(CALL, object_key="2026/q3/x.csv"), {}),
    ("no object", incident(), replace(CALL, object_key=None), {}),
    ("the first object", incident(prefix=None), CALL, {"prefix": "2026/", "question_version": 2}),
    ("the bucket of KMS records", incident(bucket=None), CALL,
     {"bucket": "a-reports", "question_version": 2}),
    ("no bucket", incident(), replace(CALL, bucket=None), {}),
    ("the owner is named first", incident(bucket_account=None), CALL,
     {"bucket_account": A, "question_version": 2}),
    ("the owner that the report found", diagnosed(bucket_account=None), CALL,
     {"bucket_account": A}),
    ("another owner than the report's", diagnosed({"bucket_account": "3" * 12}, bucket_account=None),
     CALL, {"bucket_account": A, "question_version": 2}),
    ("no owner", incident(), replace(CALL, bucket_account=None), {}),
    ("one more KMS action", incident(), replace(CALL, kms_actions=("kms:GenerateDataKey",)),
     {"kms_actions": ("kms:Decrypt", "kms:GenerateDataKey")}),
    ("AWS states the key", incident(), said(),
     {"stated_key_arn": KEY, "stated_key_source": KeySource.ERROR_MESSAGE, "stated_key_at": SEEN,
      "question_version": 2}),
    ("AWS states the key of the report", diagnosed(), said(), {}),
    ("another key than was read", diagnosed(), said(OTHER_KEY), {}),
    ("another key than the call named", diagnosed({"kms_key_corroborated": False}),
     said(OTHER_KEY),
     {"stated_key_arn": OTHER_KEY, "stated_key_source": KeySource.ERROR_MESSAGE,
      "stated_key_at": SEEN, "question_version": 2}),
    ("a key that the request names", incident(), said(source="request"), {}),
    ("a key without an ARN", incident(), said("alias/reports"), {}),
    ("no key", incident(), said(None), {}),
    ("a second key at once", incident(**STATED), said(OTHER_KEY), {}),
    ("a second key within a minute", incident(**STATED),
     replace(said(OTHER_KEY), time="2026-11-24T03:01:00Z"), {}),
    ("a second key after that", incident(**STATED),
     replace(said(OTHER_KEY), time="2026-11-24T03:01:01Z"),
     {"stated_key_arn": OTHER_KEY, "stated_key_source": KeySource.ERROR_MESSAGE,
      "stated_key_at": "2026-11-24T03:01:01Z", "question_version": 2}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("known", "made", "wanted"), [f[1:] for f in FACTS], ids=[f[0] for f in FACTS]
)
def test_what_a_call_adds(known, made, wanted):
    assert new_facts(known, made) == wanted
    assert only_counts(known, made) is (not wanted)
    changed = with_event(known, made)
    assert {name: getattr(changed, name) for name in wanted} == wanted


ONLY_COUNTS = [
    ("at the same time", incident(), CALL, True),
    ("later", incident(), replace(CALL, time=LATER), True),
    ("earlier", incident(), replace(CALL, time=EARLIER), False),
    ("a call whose KMS record counted", incident(counted_by_kms=1, counted_by_kms_until=SEEN),
     CALL, False),
    ("a later call", incident(counted_by_kms=1, counted_by_kms_until=SEEN),
     replace(CALL, time=LATER), True),
    ("all of those came", incident(counted_by_kms=0, counted_by_kms_until=SEEN), CALL, True),
    ("a KMS call", incident(counted_by_kms=1, counted_by_kms_until=SEEN), kms_call(), True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("known", "made", "wanted"), [c[1:] for c in ONLY_COUNTS], ids=[c[0] for c in ONLY_COUNTS]
)
def test_whether_a_call_only_counts(known, made, wanted):
    assert only_counts(known, made) is wanted


# --- KMS records ----------------------------------------------------------------------------------


def test_a_call_that_its_kms_record_counted_is_not_counted_again():
    known = incident(count=2, counted_by_kms=2, counted_by_kms_until=SEEN)
    one = with_event(known, replace(CALL, event_id="e-2"))
    two = with_event(one, replace(CALL, event_id="e-3"))
    three = with_event(two, replace(CALL, event_id="e-4"))
    assert [(i.count, i.counted_by_kms) for i in (one, two, three)] == [(2, 1), (2, 0), (3, 0)]


def test_the_first_kms_record_is_kept_and_not_counted():
    linked = with_kms_record(incident(), kms_call())
    assert linked == incident(version=2, event_ids=("e-1", "k-1"), kms_event_id="k-1")


def test_a_kms_record_that_states_the_key_asks_anew():
    named = diagnosed({"kms_key_corroborated": False})
    linked = with_kms_record(named, kms_call(kms_key=OTHER_KEY))
    assert (linked.stated_key_arn, linked.stated_key_source) == (OTHER_KEY, KeySource.KMS_RECORD)
    assert linked.has_unanswered_question
    same = with_kms_record(named, kms_call(kms_key=KEY))
    assert same.stated_key_arn == KEY
    assert not same.has_unanswered_question


def test_a_kms_record_that_says_nothing_new_changes_nothing():
    known = incident(
        event_ids=tuple(f"e-{n}" for n in range(SAMPLE_SIZE)),
        kms_event_id="k-0",
        **STATED,
    )
    assert with_kms_record(known, kms_call(kms_key=OTHER_KEY)) is known
    nameless = with_kms_record(incident(kms_event_id=None), kms_call(event_id=""))
    assert nameless.kms_event_id == event_id_of(kms_call(event_id=""), {})


def test_the_kms_records_incident_becomes_that_of_the_s3_call():
    alone = incident(bucket=None, count=3, last_seen=LATER, event_ids=("k-1", "k-2"),
                     stated_key_arn=KEY, stated_key_source=KeySource.ERROR_MESSAGE)  # fmt: skip
    assert joined_by_s3(alone, CALL) == replace(
        alone,
        bucket="a-reports",
        counted_by_kms=3,
        counted_by_kms_until=LATER,
        question_version=2,
        kms_event_id="k-1",
        stated_key_source=KeySource.KMS_RECORD,
        version=2,
    )
    bare = joined_by_s3(incident(bucket=None, event_ids=()), replace(CALL, time=LATER))
    assert (bare.kms_event_id, bare.stated_key_source) == (None, None)
    assert bare.counted_by_kms_until == LATER


# --- what other records know ----------------------------------------------------------------------

COMPLETED = [
    ("the owner", incident(), replace(CALL, bucket_account=None), (A, None, None)),
    ("its own owner stays", incident(), replace(CALL, bucket_account="3" * 12),
     ("3" * 12, None, None)),
    ("the key", incident(**STATED), CALL, (A, KEY, "kms_record")),
    ("its own key stays", incident(**STATED), said(OTHER_KEY, "request"), (A, OTHER_KEY, "request")),
    ("its own key is not that which was read", diagnosed(), said(OTHER_KEY), (A, None, None)),
    ("it names the key that was read", diagnosed(), said(KEY, "request"), (A, KEY, "request")),
    ("the key is of another hour", incident(**STATED),
     replace(CALL, time="2026-11-24T04:00:01Z"), (A, None, None)),
    ("a KMS call stays", incident(**STATED), kms_call(), (None, None, None)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("known", "made", "wanted"), [c[1:] for c in COMPLETED], ids=[c[0] for c in COMPLETED]
)
def test_a_call_with_what_its_incident_knows(known, made, wanted):
    found = with_incident_facts(made, known)
    assert (found.bucket_account, found.kms_key, found.kms_key_source) == wanted
    assert json.dumps(found.kms_key_source) == json.dumps(wanted[2])
