"""Filters: which calls are asked for."""

from datetime import UTC, datetime

import pytest

from support.records import ROLE, denied, kms, s3
from threegrants.cli.selection import Selection, TimeError, parse_end, parse_time

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
CALL = denied(s3(when="2026-11-20T09:01:00Z"))
DAY = datetime(2026, 11, 20, tzinfo=UTC)

TIMES = [
    ("2026-11-20", DAY),
    ("2026-11-20T09:01:00Z", datetime(2026, 11, 20, 9, 1, tzinfo=UTC)),
    ("2026-11-20T09:01:00+02:00", datetime.fromisoformat("2026-11-20T09:01:00+02:00")),
    ("90m", datetime(2026, 11, 27, 10, 30, tzinfo=UTC)),
    ("6h", datetime(2026, 11, 27, 6, tzinfo=UTC)),
    ("2d", datetime(2026, 11, 25, 12, tzinfo=UTC)),
    ("1w", datetime(2026, 11, 20, 12, tzinfo=UTC)),
]


@pytest.mark.parametrize(("text", "wanted"), TIMES)
def test_a_time(text, wanted):
    assert parse_time(text, NOW) == wanted


def test_a_day_counts_whole():
    assert CALL in Selection(until=parse_end("2026-11-20", NOW))
    assert CALL not in Selection(until=parse_end("2026-11-19", NOW))
    assert parse_end("2026-11-20T09:00:00Z", NOW) == datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "6", "h", "99999999999d", "2026-13-01"])
def test_no_time(text):
    with pytest.raises(TimeError, match="expected 2026-11-20"):
        parse_time(text, NOW)


LATER = datetime(2026, 11, 21, tzinfo=UTC)
ASKED = [
    ("everything", Selection(), True),
    ("since", Selection(since=DAY), True),
    ("since later", Selection(since=LATER), False),
    ("until", Selection(until=LATER), True),
    ("until before", Selection(until=DAY), False),
    ("the bucket", Selection(buckets=("a-reports",)), True),
    ("buckets", Selection(buckets=("x", "a-*")), True),
    ("another bucket", Selection(buckets=("b-*",)), False),
    ("the caller", Selection(callers=(ROLE,)), True),
    ("the caller without its path", Selection(callers=("arn:aws:iam::*:role/analyst",)), True),
    ("the caller's name", Selection(callers=("analyst",)), True),
    ("the caller's session", Selection(callers=("*assumed-role/analyst/s",)), True),
    ("the caller's account", Selection(callers=("222222222222",)), True),
    ("another caller", Selection(callers=("writer",)), False),
    ("the action", Selection(actions=("s3:getobject",)), True),
    ("the operation", Selection(actions=("GetObject",)), True),
    ("a key's action", Selection(actions=("kms:*",)), True),
    ("another action", Selection(actions=("s3:Put*",)), False),
    ("all of them", Selection(DAY, LATER, ("a-*",), ("analyst",), ("s3:*",)), True),
    ("one of them not", Selection(DAY, LATER, ("a-*",), ("writer",), ("s3:*",)), False),
]


@pytest.mark.parametrize(("asked", "wanted"), [c[1:] for c in ASKED], ids=[c[0] for c in ASKED])
def test_what_is_asked_for(asked, wanted):
    assert (CALL in asked) is wanted


def test_a_key_is_a_target_too():
    key = "arn:aws:kms:eu-west-1:111111111111:key/11111111-2222-3333-4444-555555555555"
    assert denied(kms("e-1", key=key)) in Selection(buckets=("*:key/1111*",))


def test_a_call_without_a_time_is_in_no_span():
    timeless = denied(s3(when="soon"))
    assert timeless in Selection()
    assert timeless not in Selection(since=DAY)
