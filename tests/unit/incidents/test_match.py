"""Which KMS record belongs to which S3 call."""

from dataclasses import replace

import pytest

from support.incidents import ID, SEEN, kms_call
from support.worlds import KEY, A, B, call
from threegrants.cloudtrail import CallerType
from threegrants.incidents.correlation import (
    Candidate,
    correlation_key_of,
    kms_key_correlation_key,
    match_kms_only_incident,
    match_kms_record,
    match_late_kms_record,
    parking_key_of,
)
from threegrants.incidents.correlation.match import client_text, seconds_apart

OTHER_KEY = f"arn:aws:kms:eu-west-1:{A}:key/other"
KMS = kms_call(1, kms_key=KEY)
IP, AGENT, NAMED = KMS.source_ip, KMS.user_agent, KMS.kms_key


def candidate(ip=IP, agent=AGENT, **changes):
    made = {"incident_id": ID, "bucket": "a-reports", "kms_actions": ("kms:Decrypt",),
            "first_seen": SEEN, "last_seen": SEEN, "source_ip": ip, "user_agent": agent}  # fmt: skip
    return Candidate(**(made | changes))


CANDIDATE = candidate()

# --- a KMS record and one candidate ---------------------------------------------------------------

PAIRS = [
    # name, KMS call, candidate, do they match
    ("one second later", KMS, CANDIDATE, True),
    ("five seconds later", kms_call(5), CANDIDATE, True),
    ("six seconds later", kms_call(6), CANDIDATE, False),
    ("sixty seconds later", kms_call(60), CANDIDATE, False),
    ("five seconds earlier", kms_call(0), candidate(first_seen="2026-11-24T03:00:05Z",
     last_seen="2026-11-24T03:00:05Z"), True),
    ("six seconds earlier", kms_call(0), candidate(first_seen="2026-11-24T03:00:06Z",
     last_seen="2026-11-24T03:00:06Z"), False),
    ("within a long window", kms_call(300), candidate(last_seen="2026-11-24T04:00:00Z"), True),
    ("another operation", replace(KMS, operation="GenerateDataKey",
     kms_actions=("kms:GenerateDataKey",)), CANDIDATE, False),
    ("a data key without its plaintext",
     replace(KMS, operation="GenerateDataKeyWithoutPlaintext", kms_actions=()),
     candidate(kms_actions=("kms:GenerateDataKey",)), True),
    ("an operation that no table has", replace(KMS, operation="Encrypt", kms_actions=()),
     candidate(kms_actions=("kms:Encrypt",)), True),
    ("a candidate of KMS records alone", KMS, candidate(bucket=None), False),
    ("a closed incident", KMS, candidate(closed=True), True),
    ("both name the same key", replace(KMS, kms_key=KEY), candidate(key=KEY), True),
    ("they name two keys", replace(KMS, kms_key=OTHER_KEY), candidate(key=KEY), False),
    ("an alias may be any key", replace(KMS, kms_key=f"arn:aws:kms:eu-west-1:{A}:alias/x"),
     candidate(key=KEY), True),
    ("an id may be any key", replace(KMS, kms_key="1111-2222"), candidate(key=KEY), True),
    ("no key is known of the incident", replace(KMS, kms_key=OTHER_KEY), CANDIDATE, True),
    ("a time that is no time", replace(KMS, time="soon"), CANDIDATE, False),
    ("a time without a zone", replace(KMS, time="2026-11-24T03:00:01"), CANDIDATE, False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("made", "found", "wanted"), [p[1:] for p in PAIRS], ids=[p[0] for p in PAIRS]
)
def test_a_kms_record_and_an_incident(made, found, wanted):
    assert match_kms_record(made, [found]) == (found if wanted else None)


# --- several candidates ---------------------------------------------------------------------------


def at(second, **changes):
    seen = f"2026-11-24T03:00:{second:02}Z"
    return candidate(**{"first_seen": seen, "last_seen": seen, **changes})


SEVERAL = [
    ("none", [], None),
    ("two of its own key: the nearer in time",
     [at(5, incident_id="far", key=NAMED), at(2, incident_id="near", key=NAMED)], "near"),
    ("one of its own key, though farther", [at(5, incident_id="own", key=NAMED), at(1, incident_id="other")],
     "own"),
    ("two whose key is not known: nothing is guessed", [at(5, incident_id="far"), at(2, incident_id="near")],
     None),
    ("two, and a record without a key: the nearer in time", [at(5, incident_id="far"), at(2, incident_id="near")],
     "near"),
    ("one of another key is none", [at(2, incident_id="mine"), at(1, incident_id="other", key=OTHER_KEY)],
     "mine"),
    ("two equally near: nothing is guessed", [at(0, incident_id="one", key=NAMED), at(2, incident_id="two", key=NAMED)], None),
    ("the same client, though farther", [at(4, incident_id="mine", key=NAMED), at(1, incident_id="other", ip="203.0.113.9", key=NAMED)],
     "mine"),
    ("the same address, another program", [at(4, incident_id="mine", key=NAMED), at(1, incident_id="other", agent="curl", key=NAMED)],
     "mine"),
    ("nobody with the same client", [at(4, incident_id="a", ip=None, key=NAMED), at(1, incident_id="b", ip=None, key=NAMED)], "b"),
    ("of two with the same client the nearer",
     [at(4, incident_id="far", key=NAMED), at(2, incident_id="near", key=NAMED), at(1, incident_id="other", ip="203.0.113.9", key=NAMED)], "near"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "found", "wanted"), SEVERAL, ids=[s[0] for s in SEVERAL])
def test_a_kms_record_and_several_incidents(name, found, wanted):
    record = replace(KMS, kms_key=None) if "without a key" in name else KMS
    match = match_kms_record(record, found)
    assert (match.incident_id if match else None) == wanted


@pytest.mark.parametrize("agent", ["x" * 900_000, "é" * 400, "a\ud800" * 300])
def test_a_long_user_agent_is_kept_short_and_still_told_from_others(agent):
    kept = client_text(agent)
    assert len(kept) < 400
    assert "shortened by threegrants" in kept
    assert client_text(f"{agent}y") != kept
    record = replace(KMS, user_agent=agent)
    found = [
        at(4, incident_id="mine", agent=kept, key=NAMED),
        at(1, incident_id="other", key=NAMED),
    ]
    assert match_kms_record(record, found).incident_id == "mine"


# --- a KMS record that waited ---------------------------------------------------------------------

LATE = [
    ("the only one", kms_call(400), [CANDIDATE], True),
    ("an hour", replace(KMS, time="2026-11-24T04:00:00Z"), [CANDIDATE], True),
    ("a second more", replace(KMS, time="2026-11-24T04:00:01Z"), [CANDIDATE], False),
    ("one of two", kms_call(400), [CANDIDATE, at(1)], False),
    ("the other is closed", kms_call(400), [CANDIDATE, candidate(closed=True)], True),
    ("the only one is closed", kms_call(400), [candidate(closed=True)], False),
    ("the only one is of KMS records", kms_call(400), [candidate(bucket=None)], False),
    ("another operation", replace(KMS, operation="Sign", kms_actions=()), [CANDIDATE], False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("made", "found", "wanted"), [c[1:] for c in LATE], ids=[c[0] for c in LATE]
)
def test_a_kms_record_that_waited(made, found, wanted):
    assert match_late_kms_record(made, found) == (CANDIDATE if wanted else None)


# --- an S3 call and an incident of KMS records ----------------------------------------------------

ALONE = candidate(bucket=None)
S3 = call()
OPENING = [
    ("its KMS records", S3, ALONE, True),
    ("six seconds apart", replace(S3, time="2026-11-24T03:00:06Z"), ALONE, False),
    ("another S3 incident", S3, CANDIDATE, False),
    ("another action", replace(S3, kms_actions=("kms:GenerateDataKey",)), ALONE, False),
    ("another key", replace(S3, kms_key=OTHER_KEY), candidate(bucket=None, key=KEY),
     False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("made", "found", "wanted"), [c[1:] for c in OPENING], ids=[c[0] for c in OPENING]
)
def test_an_s3_call_and_an_incident_of_kms_records(made, found, wanted):
    assert match_kms_only_incident(made, [found]) == (found if wanted else None)
    assert match_kms_only_incident(made, [found, found]) is None


# --- keys -----------------------------------------------------------------------------------------


def test_calls_are_looked_for_by_principal_and_region():
    key = correlation_key_of(KMS, "principal")
    assert key == correlation_key_of(S3, "principal") == parking_key_of(KMS, "principal")
    others = [
        correlation_key_of(KMS, "another"),
        correlation_key_of(replace(KMS, region="us-east-1"), "principal"),
        kms_key_correlation_key(KEY, KMS.region),
        kms_key_correlation_key(KEY, "us-east-1"),
        kms_key_correlation_key(OTHER_KEY, KMS.region),
    ]
    assert len({key, *others}) == 6


def test_a_service_identity_names_nobody_so_the_key_is_left():
    service = replace(KMS.caller, type=CallerType.SERVICE, arn=None)
    record = replace(KMS, caller=service, kms_key=KEY)
    assert correlation_key_of(record, "x") == kms_key_correlation_key(KEY, KMS.region)
    assert parking_key_of(record, "x") == kms_key_correlation_key(KEY, KMS.region)
    named = replace(record, caller=replace(service, arn=f"arn:aws:iam::{B}:role/r"))
    assert correlation_key_of(named, "x") == correlation_key_of(KMS, "x")


@pytest.mark.parametrize("key", [None, "", "1111-2222", "alias/x"])
def test_without_an_arn_nothing_is_looked_for_but_every_record_can_wait(key):
    service = replace(KMS.caller, type=CallerType.UNKNOWN, arn=None)
    record = replace(KMS, caller=service, kms_key=key)
    assert correlation_key_of(record, "x") is None
    assert len(parking_key_of(record, "x")) == 32
    assert parking_key_of(record, "x") != parking_key_of(replace(record, region="other"), "x")


def test_the_gap_is_to_the_time_in_which_an_incident_was_seen():
    window = candidate(first_seen=SEEN, last_seen="2026-11-24T03:00:10Z")
    assert [seconds_apart(kms_call(s), window) for s in (0, 7, 12)] == [0, 0, 2]
    assert seconds_apart(replace(KMS, time="2026-11-24T02:59:57Z"), window) == 3
