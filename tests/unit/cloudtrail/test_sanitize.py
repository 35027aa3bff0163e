"""What the maker of a call chose cannot move a cursor, colour a line, or forge one."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threegrants.cloudtrail import strip_control_characters

HOSTILE = [
    ("an escape sequence", "a\x1b[31mb", "a\ufffd[31mb"),
    ("the one-character escape", "a\x9b31mb", "a\ufffd31mb"),
    ("a bell", "a\x07", "a\ufffd"),
    ("a new line", "a\nOutcome: fixable", "a\ufffdOutcome: fixable"),
    ("a carriage return", "a\rb", "a\ufffdb"),
    ("a backspace", "a\x08b", "a\ufffdb"),
    ("DEL", "a\x7fb", "a\ufffdb"),
    ("NUL", "a\x00b", "a\ufffdb"),
    ("text turned around", "a\u202etxt.exe", "a\ufffdtxt.exe"),
    ("a line separator", "a\u2028b", "a\ufffdb"),
    ("a space that is not seen", "a\u200bb", "a\ufffdb"),
    ("half a character", "a\ud800b", "a\ufffdb"),
]
HARMLESS = [
    "",
    "reports/2026/q3.csv",
    "a b",
    "\u00fcber/\u4e2d\u6587/\U0001f600",
    "${aws:userid}*?",
]


@pytest.mark.parametrize(("text", "wanted"), [c[1:] for c in HOSTILE], ids=[c[0] for c in HOSTILE])
def test_hostile(text, wanted):
    assert strip_control_characters(text) == wanted


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless(text):
    assert strip_control_characters(text) == text


def test_what_is_no_text_is_written_as_one():
    assert strip_control_characters(7) == "7"
    assert strip_control_characters(ValueError("a\x1bb")) == "a\ufffdb"


@given(st.text())
def test_nothing_that_controls_is_left(text):
    found = strip_control_characters(text)
    assert len(found) == len(text)
    assert not {unicodedata.category(char) for char in found} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert strip_control_characters(found) == found
