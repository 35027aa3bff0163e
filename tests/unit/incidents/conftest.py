"""A table on moto, and an incident in it."""

import pytest

from support.aws import mocked
from support.incidents import CALL, ID, RECORD, report
from support.once import work_out_once
from threegrants.incidents import (
    Conflict,
    State,
    Store,
    correlation,
    store,
)
from threegrants.incidents.correlation import KmsCorrelator
from threegrants.incidents.table import transact

work_out_once()


@pytest.fixture
def table():
    with mocked() as aws:
        yield aws.table()


@pytest.fixture
def incidents(table):
    return Store(table)


@pytest.fixture
def opened(incidents):
    return incidents.record_event(ID, CALL, RECORD).incident


@pytest.fixture
def diagnosed(incidents, opened):
    at = "2026-11-24T03:01:00Z"
    return incidents.save_diagnosis(opened, report(), State.OPEN, at, alert_due=True)


@pytest.fixture
def correlator(incidents):
    return KmsCorrelator(incidents)


@pytest.fixture
def refusing(monkeypatch):
    """Let the next transactions of the stores be refused, as if others were faster."""

    def refuse(times, refused=frozenset()):
        left = [times]

        def transact_or_refuse(table, writes):
            if left[0]:
                left[0] -= 1
                raise Conflict("someone else was faster", refused)
            transact(table, writes)

        for module in (store, correlation.store):
            monkeypatch.setattr(module, "transact", transact_or_refuse)
            monkeypatch.setattr(module, "back_off", lambda _: None)

    return refuse
