"""The list, the approvals, the audit and its export, the health page."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.html_of import parsed
from support.page_gallery import (
    ANN,
    CSRF,
    FINDINGS,
    HISTORY,
    NOW,
    PAGES,
    audit_lines,
    grown_policy,
    incident_of,
    listed,
)
from threegrants.incidents import State
from threegrants.page.view import render
from threegrants.page.view.audit import (
    COLUMNS,
    audit_csv,
    audit_json,
    audit_view,
    found_lines,
)
from threegrants.page.view.audit import (
    audit_lines as lines_of,
)
from threegrants.page.view.inputs import (
    AuditFacts,
    AuditLine,
    ListedIncident,
    ListFacts,
    ListFilter,
)
from threegrants.page.view.listing import list_filter, list_view

ALL = listed()


def shown(**asked):
    return list_view(ListFacts(incidents=ALL, now=NOW, asked=ListFilter(**asked)))


FILTERS = [
    pytest.param({}, 10, id="all"),
    pytest.param({"state": State.VERIFIED}, 2, id="state"),
    pytest.param({"search": "a-reports"}, 10, id="bucket"),
    pytest.param({"search": "ANN@example.com"}, 1, id="assignee-in-other-case"),
    pytest.param({"search": "analyst verified"}, 2, id="two-words"),
    pytest.param({"search": "222222222222 nobody"}, 0, id="no-such-words"),
    pytest.param({"only_open_access": True}, 3, id="open-access"),
    pytest.param({"only_open_access": True, "state": State.APPLYING}, 1, id="both"),
]


@pytest.mark.parametrize(("asked", "count"), FILTERS)
def test_filters(asked, count):
    found = shown(**asked)
    assert found.total == count
    assert len(found.rows) == count


def test_counts_by_state_keep_the_other_filters():
    found = shown(search="analyst", state=State.OPEN)
    assert {one.value: one.count for one in found.counts}[""] == 10
    assert {one.value: one.count for one in found.counts}["open"] == 4
    [current] = [one for one in found.counts if one.is_current]
    assert current.value == "open"
    assert all("q=analyst" in one.href for one in found.counts)


def test_pages_hold_every_incident_once():
    many = tuple(ListedIncident(incident=incident_of(None, State.OPEN, n)) for n in range(1, 61))
    seen = []
    for page in (1, 2, 3):
        facts = ListFacts(incidents=many, now=NOW, asked=ListFilter(page=page))
        found = list_view(facts)
        seen += [row.id for row in found.rows]
        assert bool(found.previous) == (page > 1)
        assert bool(found.following) == (page < 3)
        assert f"Page {page} of 3" in parsed(render.list_page(facts, ANN, CSRF)).text
    assert seen == [one.incident.id for one in many]
    beyond = list_view(ListFacts(incidents=many, now=NOW, asked=ListFilter(page=99)))
    assert beyond.page == 3


QUERIES = [
    pytest.param({}, ListFilter(), id="nothing"),
    pytest.param({"state": "open", "q": " a b ", "open": "yes", "page": "2"},
                 ListFilter(state=State.OPEN, search="a b", only_open_access=True, page=2), id="all"),
    pytest.param({"state": "<b>", "page": "-1", "open": "1"}, ListFilter(), id="nonsense"),
    pytest.param({"page": "٣"}, ListFilter(), id="digits-of-another-script"),
    pytest.param({"page": "9" * 50}, ListFilter(), id="huge"),
    pytest.param({"q": "x" * 999}, ListFilter(search="x" * 200), id="long"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "wanted"), QUERIES)
def test_a_query_string(query, wanted):
    assert list_filter(query) == wanted


def test_a_row_says_what_follows_only_while_somebody_has_to_decide():
    whys = {row.state.text: row.why for row in shown().rows}
    assert whys["verified"] == "Key policy missing"
    assert "Can be fixed here: bucket policy missing" in [row.why for row in shown().rows]


FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "  =1",
    "\uff1d1",
    "=cmd|' /C calc'!A0",
    "\n=1",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_the_csv_is_a_formula(text):
    line = AuditLine(
        at="2026-11-24T03:00:00Z", incident_id="tg-1", actor=text, what="approved", reason=text
    )
    [_, row] = list(csv.reader(io.StringIO(audit_csv([line]).removeprefix("\ufeff"))))
    by_name = dict(zip(COLUMNS, row, strict=True))
    assert by_name["actor"].startswith("'")
    assert by_name["reason"].startswith("'")
    assert by_name["what"] == "approved"


@given(st.text(max_size=30))
@examples(100)
def test_the_csv_has_one_row_for_each_line(text):
    line = AuditLine(at=text, incident_id=text, actor=text, what=text, digests=(text, text))
    exported = audit_csv([line, line])
    rows = list(csv.reader(io.StringIO(exported.removeprefix("\ufeff"))))
    assert [len(row) for row in rows] == [len(COLUMNS)] * 3
    assert exported.count("\r\n") == 3
    exported.encode()


def test_the_json_has_every_field():
    body = json.loads(audit_json(audit_lines(), truncated=True))
    assert body["schema"] == "threegrants.audit/1"
    assert body["truncated"] is True
    assert [set(one) for one in body["lines"]] == [set(COLUMNS)] * 3
    assert body["lines"][0]["digests"] == list(audit_lines()[0].digests)


def test_the_audit_of_a_history_is_what_people_did():
    incident = incident_of(grown_policy())
    [line] = lines_of(incident, HISTORY)
    assert (line.actor, line.what, line.reason, line.ticket) == (
        ANN.identity, "approved", "Quarterly close needs the 2026 reports", "OPS-4711",
    )  # fmt: skip
    assert line.bucket == "a-reports"
    assert len(lines_of(incident, HISTORY, service_too=True)) == len(HISTORY)


def test_the_audit_is_searched_and_exported_as_it_is_shown():
    assert [one.what for one in found_lines(audit_lines(), "ops-4711")] == ["approved"]
    view = audit_view(AuditFacts(lines=audit_lines(), now=NOW, search="a-drafts"))
    assert view.total == 2
    assert view.csv_href == "/audit.csv?q=a-drafts"


def test_the_approvals_page_has_what_waits_what_is_open_and_what_was_decided():
    text = parsed(PAGES["approvals"]()).text
    for wanted in ("Waiting for a decision", "Open by your approval", "in 7 hours", "OPS-4711"):
        assert wanted in text


def test_findings_stand_by_severity_with_their_fix():
    text = parsed(PAGES["health"]()).text
    places = [text.index(word) for word in ("Critical", "Warning", "Note")]
    assert places == sorted(places)
    for one in FINDINGS:
        assert one.fix in text
        assert one.code in text
    links = [
        one["href"]
        for one in parsed(PAGES["health"]()).all("a")
        if one.get("rel") == "noreferrer noopener"
    ]
    assert links == [FINDINGS[0].link]


def test_an_installation_that_is_well_or_was_not_looked_at():
    assert "Nothing is wrong." in PAGES["health-well"]()
    assert "Nobody has looked yet" in render.health_page((), "", ANN, CSRF)
    assert (
        "could not be looked at: no role"
        in parsed(render.health_page((), "", ANN, CSRF, "no role")).text
    )
