"""However many policies there are, at most five AWS calls follow one after the other."""

import diagnose
import pytest

LATENCY = 0.05
"""Seconds of each call. With none, the thread that enters the organisation's account at the start could
come after one that needs its session later, which AWS's latency never lets happen."""


@pytest.mark.parametrize("policies", [0, 9])
@pytest.mark.parametrize("name", diagnose.WORLDS)
def test_at_most_five_calls_in_a_row(name, policies):
    _, _, slow, found = diagnose.measure(name, policies, latency=LATENCY)
    assert len(slow.longest) <= diagnose.MOST_CALLS, slow.longest
    assert "AssumeRole" in slow.longest[0]
    assert found.diagnosis.key_policy.verdict == "missing"
