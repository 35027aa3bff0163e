"""The table of moves, the named sets of states, and the page that is drawn from them."""

import pytest

from support.state_diagram import MEANINGS, PAGE, drawn
from threegrants.incidents import states
from threegrants.incidents.states import (
    ALERTED_BY_COUNT,
    AWAITING_DECISION,
    CLOSED,
    REOPENED_BY_DENIAL,
    RUN_IN_PROGRESS,
    SETS,
    TABLE,
    TRANSITIONS,
    State,
    after_diagnosis,
)


def test_the_docs_show_this_table():
    page = PAGE.read_text()
    assert page == drawn(page), "run `make diagrams`"


def test_every_state_can_be_reached_and_left():
    assert {row.target for row in TABLE} == set(State)
    assert all(TRANSITIONS[state] for state in State)


def sources(target):
    return {state for state in State if target in TRANSITIONS[state]}


def test_the_sets_say_what_the_table_allows():
    """A set that promises a move promises one that the store does not refuse."""
    assert sources(State.APPLYING) == AWAITING_DECISION | {State.VERIFIED}, (
        "an extension is a run too"
    )
    assert sources(State.REJECTED) == AWAITING_DECISION
    assert sources(State.RESOLVED) >= AWAITING_DECISION
    assert sources(State.OPEN) >= REOPENED_BY_DENIAL | {State.REJECTED, State.PROPOSED}
    assert TRANSITIONS[State.STUCK] == {State.ROLLING_BACK}
    assert not TRANSITIONS[State.APPLYING] & {State.OPEN, State.REJECTED}
    assert State.REJECTED not in TRANSITIONS[State.ROLLING_BACK]


def test_every_set_of_states_is_on_the_page():
    found = {name: what for name, what in vars(states).items() if isinstance(what, frozenset)}
    assert found == SETS
    assert MEANINGS.keys() == SETS.keys()


def test_what_needs_a_person_does_not_expire():
    assert not CLOSED & (AWAITING_DECISION | RUN_IN_PROGRESS | {State.STUCK})
    assert ALERTED_BY_COUNT <= AWAITING_DECISION
    assert RUN_IN_PROGRESS | AWAITING_DECISION | CLOSED | {State.STUCK} == set(State)


AFTER = [
    # state, allowed, changed, where it goes
    (State.OPEN, True, False, State.RESOLVED),
    (State.OPEN, False, True, State.OPEN),
    (State.PROPOSED, True, True, State.PROPOSED),
    (State.PROPOSED, False, True, State.PROPOSED),
    (State.VERIFIED, False, False, State.OPEN),
    (State.VERIFIED, True, True, State.VERIFIED),
    (State.ROLLED_BACK, False, False, State.OPEN),
    (State.RESOLVED, False, False, State.OPEN),
    (State.FAILED, False, False, State.OPEN),
    (State.FAILED, True, True, State.FAILED),
    (State.REJECTED, False, False, State.REJECTED),
    (State.REJECTED, False, True, State.OPEN),
    (State.REJECTED, True, True, State.REJECTED),
    (State.STUCK, False, True, State.STUCK),
]


@pytest.mark.parametrize(("state", "allowed", "changed", "after"), AFTER)
def test_where_a_diagnosis_moves_an_incident(state, allowed, changed, after):
    assert after_diagnosis(state, allowed=allowed, changed=changed) is after
    assert after is state or after in TRANSITIONS[state]
