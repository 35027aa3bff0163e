"""What a person says with a decision is read from the request, or refused with what is wanted."""

import pytest

from threegrants.remediation.approval_request import (
    MAX_REASON,
    UNTIL_REVOKED,
    ApprovalRequest,
    RequestError,
    duration_text,
    request_of,
    seconds_of,
)

HOUR = 3600
GOOD = [
    pytest.param({}, ApprovalRequest(), id="nothing is said"),
    pytest.param({"reason": None, "for": None}, ApprovalRequest(), id="nothing, in so many words"),
    pytest.param(
        {"reason": " to  read\nit ", "ticket": "OPS-1", "for": "8h"},
        ApprovalRequest("to read it", "OPS-1", 8 * HOUR),
        id="all of it, on one line",
    ),
    pytest.param({"for": "3d"}, ApprovalRequest(seconds=72 * HOUR), id="days"),
    pytest.param(
        {"for": "until-revoked"}, ApprovalRequest(seconds=UNTIL_REVOKED), id="without an end"
    ),
    pytest.param(
        {"reason": "\x1b[31mred\ud800"},
        ApprovalRequest("\ufffd[31mred\ufffd"),
        id="no control characters, no half of one",
    ),
]
WRONG = [
    pytest.param({"reason": 5}, "reason must be a text", id="a number as reason"),
    pytest.param({"reason": "x" * (MAX_REASON + 1)}, "at most 500", id="a long reason"),
    pytest.param({"ticket": "x" * 101}, "ticket must be a text of at most 100", id="a long ticket"),
    *(
        pytest.param({"for": value}, "whole hours or days", id=f"for {value!r}")
        for value in ("8", "8 h", "0h", "08h", "1.5h", "30m", "-1h", "99999h", "", 8, ["8h"], True)
    ),
]


@pytest.mark.parametrize(("body", "wanted"), GOOD)
def test_what_is_said(body, wanted):
    assert request_of(body) == wanted


@pytest.mark.parametrize(("body", "words"), WRONG)
def test_what_is_not_understood_is_refused(body, words):
    with pytest.raises(RequestError, match=words):
        request_of(body)


@pytest.mark.parametrize("text", ["1h", "8h", "23h", "1d", "3d", "until-revoked"])
def test_a_duration_is_written_as_it_is_read(text):
    assert duration_text(seconds_of(text)) == text
