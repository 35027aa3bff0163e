"""Snoozes of incidents, buckets and principals: how long, whose, and what they cover."""

from dataclasses import replace

import pytest

from support.incidents import ID, incident
from support.incidents import diagnosed as diagnosed_value
from support.worlds import ROLE
from threegrants.incidents import SnoozeError, SnoozeOf, Snoozes, mute, parse_hours_of, snoozed_name
from threegrants.incidents.snoozes import Snooze
from threegrants.notifications.held_back import held_until

SAM = "arn:aws:sts::111111111111:assumed-role/on-call/sam"
DENIED = f"{ROLE.replace(':iam:', ':sts:').replace(':role/', ':assumed-role/')}/session"


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def snoozes(table, clock):
    return Snoozes(table, clock)


def test_a_bucket_is_snoozed_for_its_hours(incidents, diagnosed, snoozes, clock):
    said = snoozes.snooze(diagnosed, SnoozeOf.BUCKET, 4, SAM)
    assert said == "snoozed bucket a-reports until 1970-01-12T17:46:40Z"
    [found] = snoozes.in_force()
    assert found == Snooze(SnoozeOf.BUCKET, "a-reports", 1_014_400, SAM, ID, 1_000_000)
    assert found.to_json()["until"] == "1970-01-12T17:46:40Z"
    assert snoozes.covering(replace(diagnosed, id="tg-0")) == (found,)
    assert incidents.history(ID)[-1]["what"] == "snoozed"
    clock.now += 4 * 3600
    assert snoozes.in_force() == snoozes.covering(diagnosed) == ()


def test_it_is_ended_and_prolonged(diagnosed, snoozes):
    assert snoozes.snooze(diagnosed, SnoozeOf.PRINCIPAL, 0, SAM).endswith("is not snoozed")
    snoozes.snooze(diagnosed, SnoozeOf.PRINCIPAL, 1, SAM)
    snoozes.snooze(diagnosed, SnoozeOf.PRINCIPAL, 2, "arn:aws:iam::111111111111:user/kim")
    [found] = snoozes.in_force()
    assert (found.name, found.until) == (ROLE, 1_007_200)
    assert snoozes.snooze(diagnosed, SnoozeOf.PRINCIPAL, 0, SAM) == f"snooze ended principal {ROLE}"
    assert snoozes.in_force() == ()


def test_a_mute_is_listed_too(incidents, diagnosed, snoozes, clock):
    mute(incidents, ID, 2, SAM, clock)
    assert [(one.of, one.name) for one in snoozes.in_force()] == [(SnoozeOf.INCIDENT, ID)]
    mute(incidents, ID, 0, SAM, clock)
    assert snoozes.in_force() == ()


def test_what_is_no_snooze_of_ours_holds_nothing_back(table, snoozes):
    table.put_item(Item={"pk": "snoozes", "sk": "x", "of": "everything", "until": 9_999_999_999})
    assert snoozes.in_force() == ()


COVERED = [
    pytest.param(SnoozeOf.INCIDENT, ID, True, id="the incident"),
    pytest.param(SnoozeOf.INCIDENT, "tg-1", False, id="another incident"),
    pytest.param(SnoozeOf.BUCKET, "a-reports", True, id="its bucket"),
    pytest.param(SnoozeOf.BUCKET, "a-report", False, id="another bucket"),
    pytest.param(SnoozeOf.PRINCIPAL, ROLE, True, id="its principal"),
    pytest.param(SnoozeOf.PRINCIPAL, ROLE + "s", False, id="another principal"),
]


@pytest.mark.parametrize(("of", "name", "covered"), COVERED)
def test_what_a_snooze_covers(of, name, covered):
    assert Snooze(of, name, 9, SAM, ID, 1).covers(diagnosed_value()) is covered


def test_before_the_first_diagnosis_nobody_is_snoozed():
    assert not Snooze(SnoozeOf.PRINCIPAL, ROLE, 9, SAM, ID, 1).covers(incident())
    with pytest.raises(SnoozeError, match="nobody knows"):
        snoozed_name(SnoozeOf.PRINCIPAL, incident())
    with pytest.raises(SnoozeError, match="of no bucket"):
        snoozed_name(SnoozeOf.BUCKET, incident(bucket=None))


@pytest.mark.parametrize("value", [-1, 73, 1.5, "4", None, True], ids=repr)
def test_no_hours(value):
    with pytest.raises(SnoozeError, match="0 to 72"):
        parse_hours_of(SnoozeOf.BUCKET, value, 72)


def by(actor, until=2000, of=SnoozeOf.BUCKET, name="a-reports"):
    return Snooze(of, name, until, actor, ID, 1)


HELD = [
    pytest.param({}, [], 0, id="nothing"),
    pytest.param({"muted_until": 1500}, [], 1500, id="muted"),
    pytest.param({"muted_until": 900}, [], 0, id="muted until before"),
    pytest.param({}, [by(SAM)], 2000, id="a bucket is snoozed"),
    pytest.param({"muted_until": 1500}, [by(SAM), by(SAM, 3000)], 3000, id="the longest counts"),
    pytest.param({}, [by(DENIED)], 0, id="by the denied principal itself"),
    pytest.param({}, [by(DENIED), by(SAM, 1200)], 1200, id="by it and by another"),
]


@pytest.mark.parametrize(("changes", "snoozes", "until"), HELD)
def test_until_when_alerts_are_held_back(changes, snoozes, until):
    assert held_until(diagnosed_value(**changes), snoozes, 1000.0) == until
