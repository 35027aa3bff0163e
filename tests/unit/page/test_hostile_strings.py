"""Every string of an event is text: it makes no element, no attribute, and no character of it is unseen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.hostile_page import HOSTILE, PAGES
from support.html_of import parsed
from threegrants.page.view.visible import shortened, visible

PLAIN = "plain"
SHAPES = {name: parsed(make(PLAIN)).elements for name, make in PAGES.items()}
"""The elements of each page, where every string is a harmless word."""
SHORT = 100
_ALLOWED_UNSEEN = frozenset("\n")


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_string_is_text(name, text):
    page = PAGES[name](text)
    found = parsed(page)
    if name.startswith("incident") and len(text.encode("ascii", "backslashreplace")) > SHORT:
        assert set(found.elements) <= set(SHAPES[name])  # what is too long to hand off is left out
    else:
        assert found.elements == SHAPES[name]
    assert found.unclosed == []
    assert all(char.isprintable() or char in _ALLOWED_UNSEEN for char in page)
    assert shortened(text, 60)[:15].strip() in f"{found.text}{found.attributes}"
    page.encode()


@pytest.mark.parametrize("name", PAGES)
@given(text=st.text(min_size=1, max_size=6).map(lambda text: f"x{text}y"))
@examples(20)
def test_no_string_makes_an_element(name, text):
    assert parsed(PAGES[name](text)).elements == SHAPES[name]


@given(st.text())
@examples(300)
def test_visible_text_has_no_unseen_character_and_stays_as_it_is(text):
    shown = visible(text)
    assert shown.isprintable()
    assert visible(shown) == shown


VISIBLE = [
    pytest.param("plain text", "plain text", id="plain"),
    pytest.param("a\nb\tc", "a␊b␉c", id="control"),
    pytest.param("a\x7f", "a␡", id="delete"),
    pytest.param("cod\u202egpj.exe", "cod⟪U+202E⟫gpj.exe", id="right-to-left-override"),
    pytest.param("a\u200bb", "a⟪U+200B⟫b", id="zero-width"),
    pytest.param("\ufe0f\u3164", "⟪U+FE0F⟫⟪U+3164⟫", id="letters-without-ink"),
    pytest.param("e\u0301", "e\u0301", id="an-accent"),
    pytest.param("e\u0301\u0301\u0301", "e\u0301\u0301⟪U+0301⟫", id="stacked-accents"),
    pytest.param("שלום", "שלום", id="hebrew-letters"),
    pytest.param("\ud800", "⟪U+D800⟫", id="half-a-character"),
]


@pytest.mark.parametrize(("text", "shown"), VISIBLE)
def test_visible(text, shown):
    assert visible(text) == shown


def test_a_long_text_keeps_its_beginning_and_its_end():
    cut = shortened("a" * 500 + "z" * 500, 30)
    assert len(cut) == 30
    assert cut.startswith("aaaa")
    assert cut.endswith("zzzz")
    assert "…" in cut
