"""What an event costs in DynamoDB's write units, which moto does not count: `make bench-intake` measures all kinds."""

from contextlib import redirect_stdout
from io import StringIO

import pytest
from intake import MOST_UNITS, grow, metered

from support.handlers import deliver, serving
from support.records import s3

LARGEST = 20_000
"""Bytes of a policy."""


@pytest.fixture
def served(aws, monkeypatch):
    yield from serving(aws, monkeypatch)


def test_an_event_that_only_counts_is_cheap_whatever_the_policies_size(served, aws):
    grow(aws, LARGEST)
    with metered() as meter, redirect_stdout(StringIO()):
        for event in ("o-1", "o-2"):
            assert not deliver(s3(event), message=event)
        diagnosed, meter.units = meter.units, 0
        assert not deliver(s3("o-3"), message="o-3")
    assert diagnosed > 2 * MOST_UNITS, "the report is large"
    assert 0 < meter.units <= MOST_UNITS
