"""docs/recordings.md shows what the terminal shows now."""

import pytest

from support.recordings_page import PAGE, recorded, stable

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics")


def test_the_page_is_of_a_run_of_now():
    assert PAGE.read_text(encoding="utf-8") == recorded(), "make recordings writes it"


def test_what_is_of_the_moment_is_a_word():
    text = "tg-0123456789abcdef  open   2m   1  at 2026-01-01T00:00:00.5Z key/0a1b2c3d-0000-1111-2222-333344445555"
    assert stable(text) == "tg-0123456789abcdef  open   AGE  1  at TIME key/KEY-ID"
