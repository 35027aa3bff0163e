"""Account clocks on moto's DynamoDB: who was heard of when, and who is silent."""

import pytest

from support.names import A, B
from threegrants.incidents import AccountClocks, account_clocks

HOUR = 3600
START = 1_790_000_000


class Clock:
    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def clocks(table, clock):
    return AccountClocks(table, clock)


def test_an_account_is_silent_once_its_hours_are_over(clocks, clock):
    clocks.heard(A)
    clock.now += 2 * HOUR
    clocks.heard(B)
    assert clocks.all() == {A: START, B: START + 2 * HOUR}
    assert clocks.silent(2) == []
    clock.now += 1
    assert clocks.silent(2) == [A]
    clock.now += 2 * HOUR
    assert clocks.silent(2) == [A, B]
    assert clocks.silent(0) == []
    clocks.heard(A)
    assert clocks.silent(2) == [B]


def test_a_clock_is_written_once_an_hour_by_each_worker(clocks, clock, monkeypatch):
    written = []
    monkeypatch.setattr(account_clocks, "update_if", lambda *asked, **_: written.append(asked[1]))
    for seconds in (0, 1, HOUR - 2, 1, HOUR):
        clock.now += seconds
        clocks.heard(A)
    assert written == [{"pk": "accounts", "sk": A}] * 3


def test_a_slow_worker_does_not_put_a_clock_back(table, clocks, clock):
    clock.now += HOUR
    clocks.heard(A)
    clock.now -= HOUR
    AccountClocks(table, clock).heard(A)
    assert clocks.all() == {A: START + HOUR}


def test_accounts_that_send_nothing_any_more_are_forgotten(table, clocks):
    clocks.heard(A)
    item = table.get_item(Key={"pk": "accounts", "sk": A})["Item"]
    assert int(item["expires_at"]) > START + account_clocks._COARSE_SECONDS * 1000
    assert sorted(item) == ["expires_at", "heard_at", "pk", "sk"]
