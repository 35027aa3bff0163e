"""When the sweep closes an incident: what is still likely to stop the call keeps it open."""

from types import SimpleNamespace

import pytest

from threegrants.diagnosis import Outcome
from threegrants.remediation.refresh import is_mended

CASES = [
    # before, allowed, allowed as far as anything was read, closed
    (Outcome.FIXABLE, True, True, True),
    (Outcome.FIXABLE, False, True, True),
    (Outcome.HANDOFF, False, True, True),
    (Outcome.DO_NOT_PATCH, False, True, True),
    (Outcome.UNKNOWN, False, True, False),  # nothing was known to stop it: what nobody saw may
    (None, False, True, False),
    (Outcome.UNKNOWN, True, True, True),
    (Outcome.FIXABLE, False, False, False),
]


@pytest.mark.parametrize(("before", "allowed", "as_read", "closed"), CASES)
def test_what_closes_an_incident(before, allowed, as_read, closed):
    report = None if before is None else SimpleNamespace(outcome=before)
    now = SimpleNamespace(allowed=allowed, allowed_as_read=as_read)
    assert is_mended(SimpleNamespace(diagnosis=report), now) is closed
