"""Denied calls become findings: copies and the two records of one call are joined, actions are not."""

from itertools import permutations

import pytest

from support.records import ROLE, at, denied, kms, s3, session_of
from threegrants.cli.findings import Findings
from threegrants.cloudtrail import KeySource
from threegrants.incidents import incident_id_of

KEY = "arn:aws:kms:eu-west-1:111111111111:key/11111111-2222-3333-4444-555555555555"
A, B = "111111111111", "222222222222"
UNIQUE = "AROAEXAMPLEEXAMPLE001"


def callers_copy(event="e-1", shared="s-1", **changes):
    """Names the caller, not the owner."""
    record = s3(event, userIdentity=session_of(ROLE, UNIQUE), recipientAccountId=B,
                sharedEventID=shared, **changes)  # fmt: skip
    record["resources"][0]["accountId"] = ""
    return record


def owners_copy(event="e-2", shared="s-1", **changes):
    """Names the owner; of the caller only the unique id."""
    who = {"type": "AWSAccount", "principalId": f"{UNIQUE}:s", "accountId": B}
    return s3(event, userIdentity=who, recipientAccountId=A, sharedEventID=shared, **changes)


def joined(*records):
    findings = Findings()
    for record in records:
        findings.add(denied(record))
    return findings.joined()


def test_calls_of_one_cause_are_one_finding():
    found = joined(s3("e-1"), s3("e-2", key="2026/q4.csv"), s3("e-3", bucket="b-reports"))
    assert [finding.count for finding in found] == [2, 1]
    assert found[0].folders == ("2026/",)
    assert found[0].events == ("e-1", "e-2")
    assert found[0].incident_id == incident_id_of(denied(s3()))


COPIES = [
    ("the same event twice", [s3("e-1"), s3("e-1")], 1),
    ("two events", [s3("e-1"), s3("e-2")], 2),
    ("two events without an id", [s3(""), s3("")], 2),
]


@pytest.mark.parametrize(("records", "count"), [c[1:] for c in COPIES], ids=[c[0] for c in COPIES])
def test_an_event_counts_once(records, count):
    assert [finding.count for finding in joined(*records)] == [count]


@pytest.mark.parametrize("records", [*permutations([callers_copy(), owners_copy()])])
def test_both_copies_are_one_call_with_principal_and_owner(records):
    [finding] = joined(*records)
    assert finding.count == 1
    assert finding.call.caller.arn == ROLE
    assert finding.call.bucket_account == A
    assert set(finding.events) >= {"e-1"}
    assert finding.incident_id == incident_id_of(denied(callers_copy()))


@pytest.mark.parametrize(
    "records", [*permutations([callers_copy("e-1", "s-1"), owners_copy("e-2", "s-2")])]
)
def test_copies_of_two_calls_of_one_role_are_one_finding(records):
    [finding] = joined(*records)
    assert finding.count == 2
    assert finding.call.caller.arn == ROLE
    assert finding.call.bucket_account == A


def test_an_owners_copy_alone_keeps_what_it_knows():
    [finding] = joined(owners_copy())
    assert finding.principal == UNIQUE
    assert finding.call.bucket_account == A


def test_copies_without_a_unique_id_are_one_call():
    nameless = {**owners_copy(), "userIdentity": {"type": "AWSAccount", "accountId": B}}
    for records in permutations([callers_copy(), nameless]):
        [finding] = joined(*records)
        assert (finding.count, finding.call.caller.arn) == (1, ROLE)


@pytest.mark.parametrize("form", ["fas", "internal"])
@pytest.mark.parametrize("order", [1, -1])
def test_the_kms_record_and_the_s3_record_of_one_call_are_one_finding(form, order):
    [finding] = joined(*[s3("e-1"), kms("e-2", form=form, key=KEY)][::order])
    assert finding.count == 1
    assert (finding.call.kms_key, finding.call.kms_key_source) == (KEY, KeySource.KMS_RECORD)
    assert finding.events == ("e-1", "e-2")


def test_a_kms_record_of_another_time_stays_alone():
    found = joined(s3("e-1", -4300), kms("e-2", -600, key=KEY))
    assert [finding.target for finding in found] == ["a-reports", KEY]
    assert found[0].call.kms_key is None


def test_a_kms_record_that_fits_two_buckets_stays_alone():
    found = joined(s3("e-1"), s3("e-2", bucket="b-reports"), kms("e-3", key=KEY))
    assert [finding.target for finding in found] == ["a-reports", "b-reports", KEY]


def test_a_direct_call_of_kms_is_its_own_finding():
    direct = {**kms("e-2", key=KEY), "userIdentity": session_of(ROLE)}
    assert len(joined(s3("e-1"), direct)) == 2


def test_each_action_is_a_finding_of_the_same_incident():
    operations = ("GetBucketAcl", "GetBucketPolicy", "GetBucketTagging", "GetBucketLogging")
    found = joined(*[s3(f"e-{n}", operation=name) for n, name in enumerate(operations)])
    assert len({finding.action for finding in found}) == 4
    assert len({finding.incident_id for finding in found}) == 1


def test_operations_of_one_action_are_one_finding_by_the_surer_call():
    [finding] = joined(s3("e-1", -700), s3("e-2", operation="HeadObject"))
    assert finding.count == 2
    assert finding.call.operation == "GetObject"


def test_the_times_of_a_finding():
    [finding] = joined(s3("e-1", -60), s3("e-2", -600), s3("e-3", -300))
    assert (finding.first_seen, finding.last_seen) == (at(-600), at(-60))
    assert finding.call.event_id == "e-1"


def test_a_sample_of_events_is_kept():
    [finding] = joined(*[s3(f"e-{n}") for n in range(50)])
    assert finding.count == 50
    assert len(finding.events) == 20


def test_who_was_denied_has_a_name():
    assert joined(s3())[0].principal == ROLE
    service = s3(userIdentity={"type": "AWSService", "invokedBy": "config.amazonaws.com"})
    assert joined(service)[0].principal == "config.amazonaws.com"


LATE = [
    pytest.param("2026-11-24T03:00:40Z", True, id="forty seconds later"),
    pytest.param("2026-11-24T02:30:00Z", True, id="half an hour before"),
    pytest.param("2026-11-24T05:00:00Z", False, id="two hours later"),
]


@pytest.mark.parametrize(("when", "joins"), LATE)
@pytest.mark.parametrize("kms_first", [False, True])
def test_a_late_kms_record_joins_the_only_call_of_the_hour(when, joins, kms_first):
    """As in the service: nearest within five seconds, else the only incident within the hour."""
    of_s3 = s3("e-1", when="2026-11-24T03:00:00Z")
    of_kms = kms("e-2", when=when, key=KEY)
    records = [of_kms, of_s3] if kms_first else [of_s3, of_kms]
    found = joined(*records)
    assert len(found) == (1 if joins else 2)
    [of_call] = [one for one in found if one.call.service == "s3"]
    assert (of_call.call.kms_key == KEY) is joins


def test_a_late_kms_record_joins_none_of_two_buckets():
    buckets = [
        s3("e-1", when="2026-11-24T03:00:00Z"),
        s3("e-2", when="2026-11-24T03:10:00Z", bucket="b-reports"),
    ]
    found = joined(*buckets, kms("e-3", when="2026-11-24T03:20:00Z"))
    assert [one.call.service.value for one in found] == ["s3", "s3", "kms"]


def test_two_actions_of_one_incident_are_one_for_a_late_kms_record():
    calls = [
        s3("e-1", when="2026-11-24T03:00:00Z"),
        s3("e-2", operation="GetObjectAttributes", when="2026-11-24T03:10:00Z"),
    ]
    found = joined(*calls, kms("e-3", when="2026-11-24T03:12:00Z", key=KEY))
    assert [one.call.service.value for one in found] == ["s3", "s3"]
    assert [one.call.kms_key for one in found] == [None, KEY]


NOISE = [
    pytest.param({"userIdentity": {"type": "AWSAccount", "principalId": "", "accountId": "anonymous"}}, "anonymous-scan", id="anonymous"),
    pytest.param(
        {"userIdentity": {"type": "AWSService", "invokedBy": "trustedadvisor.amazonaws.com"}, "operation": "GetBucketAcl"},
        "service-probe",
        id="a service that looks at every bucket",
    ),
    pytest.param({}, None, id="a role"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "preset"), NOISE)
def test_what_the_service_holds_back_is_marked(changes, preset):
    [found] = joined(s3("e-1", **changes))
    assert (found.noise.name if found.noise else None) == preset
