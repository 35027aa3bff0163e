"""The list of incidents: which lines are asked for, where a page goes on."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.incidents import diagnosed, incident
from support.names import A, B
from support.worlds import ROLE
from threegrants.incidents import State
from threegrants.incidents.listing import (
    MOST_ROWS,
    USUAL_ROWS,
    ListingError,
    ListingFilter,
    listed_incident,
    page_token,
    parse_limit,
    parse_token,
    row_of,
)

COUNTED = {"count": 12, "last_seen": "2026-11-24T09:00:00Z"}


def item(**changes):
    """An incident's item in the index."""
    of = diagnosed(**changes)
    return {
        "id": of.id,
        "state": of.state.value,
        "last_seen": of.last_seen,
        "listed_row": row_of(of),
    }


def test_a_line_says_who_where_and_what():
    line = listed_incident(item(), COUNTED)
    assert (line.who, line.where) == (f"analyst@{B}", "a-reports")
    assert line.what == "bucket policy, key policy and IAM policy missing"
    assert (line.count, line.last_seen) == (12, COUNTED["last_seen"])
    assert (line.principal, line.principal_account, line.bucket_account) == (ROLE, B, A)
    assert json.loads(json.dumps(line.to_json()))["state"] == "open"


def test_one_that_was_not_analyzed_is_a_line_too():
    of = incident(bucket=None)
    line = listed_incident({"id": of.id, "state": "open", "listed_row": row_of(of)}, COUNTED)
    assert (line.who, line.what, line.outcome, line.bucket) == ("", "", None, None)


WANTED = [
    pytest.param({}, True, id="nothing asked for"),
    pytest.param({"state": "open"}, True, id="its state"),
    pytest.param({"state": "failed,open"}, True, id="one of two states"),
    pytest.param({"state": "rejected"}, False, id="another state"),
    pytest.param({"account": A}, True, id="the bucket's account"),
    pytest.param({"account": B}, True, id="the principal's account"),
    pytest.param({"account": "333333333333"}, False, id="a third account"),
    pytest.param({"bucket": "a-reports"}, True, id="its bucket"),
    pytest.param({"bucket": "a-*"}, True, id="a pattern of it"),
    pytest.param({"bucket": "reports"}, False, id="a part of its name"),
    pytest.param({"principal": ROLE}, True, id="its ARN"),
    pytest.param({"principal": "analyst"}, True, id="its name"),
    pytest.param({"principal": f"analyst@{B}"}, True, id="its name and account"),
    pytest.param({"principal": "*admin*"}, False, id="another name"),
    pytest.param({"bucket": "a-*", "principal": "admin"}, False, id="one of two"),
]


@pytest.mark.parametrize(("query", "wanted"), WANTED)
def test_what_is_asked_for(query, wanted):
    assert ListingFilter.parse(query).wants(item()) is wanted


WRONG = [
    pytest.param({"state": "opened"}, "state: no state opened; one of open, ", id="state"),
    pytest.param({"account": "1234"}, "account: '1234' is none; expected 12 digits", id="account"),
    pytest.param({"since": "6h"}, "since: '6h' is none; expected a time in UTC", id="since"),
    pytest.param({"since": "9999-99-99"}, "since: ", id="no day"),
    pytest.param({"bucket": "x" * 600}, "bucket: expected at most 512", id="bucket"),
    pytest.param({"principal": "x" * 600}, "principal: expected at most 512", id="principal"),
]


@pytest.mark.parametrize(("query", "words"), WRONG)
def test_a_wrong_filter_is_named(query, words):
    with pytest.raises(ListingError) as caught:
        ListingFilter.parse(query)
    assert str(caught.value).startswith(words)


@pytest.mark.parametrize("text", ["0", "101", "-1", "ten", "1.5", "٣", "9" * 5000])
def test_a_wrong_number_of_rows(text):
    with pytest.raises(ListingError, match=r"limit: .* expected 1 to 100"):
        parse_limit(text)


def test_the_number_of_rows():
    assert (parse_limit(""), parse_limit("1"), parse_limit("100")) == (USUAL_ROWS, 1, MOST_ROWS)


def test_times_are_compared_in_utc():
    assert ListingFilter.parse({"since": "2026-11-24T05:00:00+02:00"}).since == (
        "2026-11-24T03:00:00Z"
    )
    assert ListingFilter.parse({"since": "2026-11-24"}).since == "2026-11-24T00:00:00Z"


def test_a_token_goes_on_behind_its_line():
    wanted = ListingFilter(bucket="a-*")
    token = page_token(item(), wanted)
    assert parse_token(token, wanted) == (item()["id"], item()["last_seen"])
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


def test_a_token_of_another_list_is_refused():
    token = page_token(item(), ListingFilter(bucket="a-*"))
    with pytest.raises(ListingError, match="other filters"):
        parse_token(token, ListingFilter(states=frozenset({State.OPEN})))


def encoded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


FINGERPRINT = ListingFilter().fingerprint
TOKENS = [
    pytest.param("!", id="no base64"),
    pytest.param("e30", id="an object"),
    pytest.param(encoded(["tg-1", "2026-01-01T00:00:00Z"]), id="a part is missing"),
    pytest.param(encoded(["../x", "2026-01-01T00:00:00Z", FINGERPRINT]), id="no id"),
    pytest.param(encoded(["tg-1", "yesterday", FINGERPRINT]), id="no time"),
    pytest.param(encoded("[" * 9), id="a text"),
    pytest.param("W1tbW1tbW1tb" * 9000, id="too deep"),
    pytest.param("ü", id="no ASCII"),
]


@pytest.mark.parametrize("token", TOKENS)
def test_what_is_no_token_is_refused(token):
    with pytest.raises(ListingError, match="next: no page token"):
        parse_token(token, ListingFilter())


@given(st.text(max_size=60))
def test_no_text_does_more_than_be_refused(text):
    with pytest.raises(ListingError):
        parse_token(text, ListingFilter())
