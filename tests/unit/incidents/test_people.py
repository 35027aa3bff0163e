"""Who is at an incident: kept with its history, told to other systems, forgotten when it is news again."""

from dataclasses import replace

import pytest

from support.incidents import ID, incident
from threegrants.incidents import (
    AssigneeError,
    ClosedError,
    Conflict,
    Move,
    State,
    acknowledge,
    assign,
    parse_name,
    people,
)
from threegrants.incidents.items import change_writes
from threegrants.incidents.moves import move_writes
from threegrants.incidents.state_events import due_events
from threegrants.incidents.states import asks_people_anew
from threegrants.incidents.table import transact

SAM, KIM = (
    "arn:aws:sts::111111111111:assumed-role/on-call/sam",
    "arn:aws:iam::111111111111:user/kim",
)


def told(table):
    return [(one.what, one.actor, one.before, one.after) for one in due_events(table, 4e9)]


def test_acknowledged_once_by_the_first(incidents, diagnosed, table):
    assert acknowledge(incidents, ID, SAM, clock=lambda: 77.5) == "acknowledged"
    assert acknowledge(incidents, ID, KIM) == f"acknowledged before, by {SAM}"
    found = incidents.get(ID)
    assert (found.acknowledged_by, found.acknowledged_at) == (SAM, 77)
    assert found.version == diagnosed.version, "no writer is late because of it"
    assert [one["what"] for one in incidents.history(ID)].count("acknowledged") == 1
    assert ("acknowledged", SAM, "open", "open") in told(table)


def test_taken_back_by_anybody(incidents, diagnosed):
    assert acknowledge(incidents, ID, SAM, on=False) == "not acknowledged"
    acknowledge(incidents, ID, SAM)
    assert acknowledge(incidents, ID, KIM, on=False) == f"acknowledgement taken back it was {SAM}'s"
    assert not incidents.get(ID).acknowledged_by
    assert acknowledge(incidents, ID, KIM) == "acknowledged"


def test_assigned_and_again(incidents, diagnosed, table):
    assert assign(incidents, ID, "Pat Doe", SAM) == "assigned to Pat Doe"
    assert assign(incidents, ID, "Pat Doe", SAM) == "assigned to Pat Doe before"
    assert assign(incidents, ID, "Lee", KIM) == "assigned to Lee"
    assert assign(incidents, ID, "", KIM) == "assigned to nobody"
    assert assign(incidents, ID, "", KIM) == "assigned to nobody"
    assert [one for one, *_ in told(table)].count("assigned") == 3


def test_a_closed_incident_has_nobody_at_it(incidents, diagnosed):
    transact(incidents.table, move_writes(diagnosed, Move(State.REJECTED, SAM, "rejected")))
    with pytest.raises(ClosedError, match="rejected"):
        acknowledge(incidents, ID, SAM)
    with pytest.raises(ClosedError):
        assign(incidents, ID, "Pat", SAM)


def test_a_closed_incident_that_is_opened_again_has_to_be_acknowledged_anew(incidents, diagnosed):
    acknowledge(incidents, ID, SAM)
    assign(incidents, ID, "Pat", SAM)
    transact(
        incidents.table,
        move_writes(incidents.get(ID), Move(State.RESOLVED, "service", "diagnosed")),
    )
    assert incidents.get(ID).acknowledged_by == SAM
    transact(
        incidents.table, move_writes(incidents.get(ID), Move(State.OPEN, "service", "diagnosed"))
    )
    found = incidents.get(ID)
    assert (found.acknowledged_by, found.acknowledged_at, found.assigned_to) == ("", 0, "Pat")


ANEW = [
    ("resolved", "open", True),
    ("verified", "rolling_back", True),
    ("open", "stuck", True),
    ("open", "applying", False),
    ("stuck", "stuck", False),
    ("applying", "verified", False),
    ("verified", "verified", False),
]


@pytest.mark.parametrize(("before", "after", "anew"), ANEW)
def test_what_is_news_to_whoever_is_at_it(before, after, anew):
    old = replace(incident(), state=State(before))
    change = change_writes(old, replace(old, state=State(after), version=2))[0]
    assert asks_people_anew(State(before), State(after)) is anew
    assert ("acknowledged_by" in change["UpdateExpression"]) is anew


NAMES = [
    pytest.param("Pat Doe", "Pat Doe", id="a name"),
    pytest.param(" Zoë ", "Zoë", id="spaces around it"),
    pytest.param("", "", id="nobody"),
]


@pytest.mark.parametrize(("given", "name"), NAMES)
def test_names(given, name):
    assert parse_name(given) == name


@pytest.mark.parametrize("given", [None, 7, ["x"], "x" * 101, "a\nb", "a\u202eb"], ids=repr)
def test_no_names(given):
    with pytest.raises(AssigneeError, match="at most 100 characters"):
        parse_name(given)


def test_it_gives_up_when_others_are_always_faster(incidents, diagnosed, monkeypatch):
    def refuse(*_):
        raise Conflict("someone else was faster")

    monkeypatch.setattr(people, "transact", refuse)
    monkeypatch.setattr(people, "back_off", lambda _: None)
    with pytest.raises(Conflict, match="too many others"):
        acknowledge(incidents, ID, SAM)
