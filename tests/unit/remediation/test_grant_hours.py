"""For how long is granted: what is asked for, what the rules say, and what they forbid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.worlds import A, B
from threegrants.cloudtrail import Access
from threegrants.remediation.approval_request import UNTIL_REVOKED
from threegrants.remediation.grant_hours import (
    NO_RULE,
    EndRefused,
    GrantHours,
    rules_for,
    seconds_granted,
    still_allowed,
)

HOUR = 3600
WRITES = GrantHours(
    frozenset({A}), frozenset({Access.WRITE}), longest=12, default=4, until_revoked=False
)
OF_A = GrantHours(frozenset({A}), longest=72)
OTHERS = GrantHours(longest=24, until_revoked=False)
RULES = (WRITES, OF_A, OTHERS)
COUNTS = [
    pytest.param([A], [Access.WRITE], (WRITES,), id="the first that fits"),
    pytest.param([A], [Access.READ], (OF_A,), id="another kind of access"),
    pytest.param([B], [Access.WRITE], (OTHERS,), id="another account"),
    pytest.param(
        [A, B], [Access.READ, Access.WRITE], (OF_A, WRITES, OTHERS), id="all that fit one of them"
    ),
]


@pytest.mark.parametrize(("accounts", "access", "wanted"), COUNTS)
def test_which_rules_count(accounts, access, wanted):
    assert rules_for(RULES, accounts, access) == wanted


def test_without_a_rule_there_is_an_end_only_if_somebody_wants_one():
    assert rules_for((), [A], [Access.READ]) == (NO_RULE,)
    assert rules_for((), [], []) == (NO_RULE,)
    assert seconds_granted([NO_RULE], None) == UNTIL_REVOKED
    assert seconds_granted([NO_RULE], 8 * HOUR) == 8 * HOUR


GRANTED = [
    pytest.param([WRITES], None, 4 * HOUR, id="the default"),
    pytest.param([OTHERS], None, 24 * HOUR, id="the longest, where an end is demanded"),
    pytest.param([OF_A], None, UNTIL_REVOKED, id="until revoked, where that is allowed"),
    pytest.param([WRITES, OF_A, OTHERS], None, 4 * HOUR, id="the shortest default"),
    pytest.param([GrantHours(default=48), GrantHours(longest=24)], None, 24 * HOUR, id="within the longest of all"),
    pytest.param([WRITES], 12 * HOUR, 12 * HOUR, id="the longest"),
    pytest.param([WRITES], HOUR, HOUR, id="an hour"),
    pytest.param([OF_A], UNTIL_REVOKED, UNTIL_REVOKED, id="asked for without an end"),
]  # fmt: skip
REFUSED = [
    pytest.param([WRITES, OF_A], 13 * HOUR, "from 1h to 12h", id="too long"),
    pytest.param([WRITES], HOUR - 1, "from 1h to 12h", id="too short"),
    pytest.param(
        [OF_A, OTHERS], UNTIL_REVOKED, "has to end: ask for at most 1d", id="without an end"
    ),
]


@pytest.mark.parametrize(("rules", "asked", "wanted"), GRANTED)
def test_what_is_granted(rules, asked, wanted):
    assert seconds_granted(rules, asked) == wanted


@pytest.mark.parametrize(("rules", "asked", "words"), REFUSED)
def test_what_is_refused(rules, asked, words):
    with pytest.raises(EndRefused, match=words):
        seconds_granted(rules, asked)
    assert words in still_allowed(rules, asked)


HOURS = st.integers(1, 100)
ANY_RULE = st.builds(
    lambda longest, default, forever: GrantHours(
        longest=longest, default=min(default, longest) if default else None, until_revoked=forever
    ),
    HOURS, st.none() | HOURS, st.booleans(),
)  # fmt: skip


@examples(100)
@given(st.lists(ANY_RULE, min_size=1, max_size=4))
def test_what_the_rules_give_is_what_they_allow(rules):
    assert still_allowed(rules, seconds_granted(rules, None)) == ""
