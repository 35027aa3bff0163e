"""The table of attacks: what passed, what followed, and where it was shown."""

import io

import attack
import pytest
from attack import Row, Table, embedded, table, worse

from support.attacks import PROPERTY, Attack, Ends
from support.attacks import attack as mark

TEST = "tests/attacks/test_x.py::test_y"
SERVICE = "tests/service/test_service.py::test_z"


class Report:
    """Of one phase of one test, as pytest gives it."""

    def __init__(self, nodeid, outcome="passed", when="call", row=None):
        self.nodeid, self.outcome, self.when = nodeid, outcome, when
        properties = {} if row is None else {PROPERTY: vars(row)}
        self.user_properties = list(properties.items())


def a_row(item="1", does="a | b", enforced=""):
    return Attack(item, does, "c", Ends.REFUSED.value, enforced)


def lines(found):
    return table(found.rows.values(), found.results)


def test_a_passed_case_is_an_attack_that_ended_as_it_should():
    found = Table()
    for case in ("[a]", "[b]"):
        for when in ("setup", "call", "teardown"):
            found.pytest_runtest_logreport(Report(f"{TEST}{case}", when=when, row=a_row()))
    assert lines(found)[2:] == [r"| 1 | a \| b | c | refused (2 cases) | moto |  |"]


@pytest.mark.parametrize("when", ["setup", "call", "teardown"])
def test_a_failed_case_is_an_attack_that_succeeded(when):
    found = Table()
    found.pytest_runtest_logreport(Report(f"{TEST}[a]", row=a_row()))
    found.pytest_runtest_logreport(Report(f"{TEST}[b]", "failed", when, a_row()))
    assert "| FOLLOWED (2 cases) |" in lines(found)[2]


def test_a_skipped_attack_is_not_called_refused():
    found = Table()
    found.pytest_runtest_logreport(Report(TEST, "skipped", "setup", a_row()))
    assert "| not run |" in lines(found)[2]


def test_the_rows_stand_in_the_order_of_the_page():
    found = Table()
    for number, item in enumerate(("10.2", "9", "10.1", "2")):
        found.pytest_runtest_logreport(Report(f"{TEST}{number}", row=a_row(item)))
    assert [line.split(" ")[1] for line in lines(found)[2:]] == ["2", "9", "10.1", "10.2"]


@pytest.mark.parametrize(
    ("outcome", "said"),
    [("passed", "enforced"), ("failed", "FOLLOWED"), ("skipped", "skipped"), (None, "not run now")],
)
def test_what_the_embedded_aws_says(outcome, said):
    row = Row(a_row(enforced="test_service.py::test_z"), TEST)
    results = {SERVICE: outcome} if outcome else {}
    assert embedded(row, results) == f"{said}: test_z"
    assert embedded(Row(a_row(), SERVICE), results) == "this row"


def test_the_worse_outcome_of_a_test_counts():
    assert worse("passed", "failed") == worse("failed", "skipped") == "failed"
    assert worse("passed", "skipped") == "skipped"


@pytest.mark.parametrize(("status", "left"), [(0, 0), (1, 1)])
def test_the_exit_status_is_pytests(monkeypatch, status, left):
    asked = []

    def run(arguments, plugins):
        asked.extend(arguments)
        plugins[0].pytest_runtest_logreport(Report(TEST, row=a_row()))
        return status

    monkeypatch.setattr(pytest, "main", run)
    out = io.StringIO()
    assert attack.main(["--embedded", "-n", "0"], out) == left
    assert asked[-2:] == ["tests/attacks", "tests/service"]
    assert "1 attacks of 1 kinds, 1 cases: 0 followed" in out.getvalue()


def test_a_number_that_is_none_fails_where_it_is_written():
    with pytest.raises(ValueError, match="x"):
        mark("x", "does", "never", Ends.REFUSED)
