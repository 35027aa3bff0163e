"""docs/alerts.md shows what the code sends, one sample for each cause and each kind of event."""

import re

from scenarios.reports import stored

from support.alert_page import PAGE, drawn
from threegrants.incidents import AlertReason

CAUSES = PAGE.with_name("causes.md")


def test_the_page_is_what_the_code_makes():
    assert drawn(PAGE.read_text()) == PAGE.read_text()


def test_every_cause_is_shown():
    headings = set(re.findall(r"^### (\w+)", CAUSES.read_text(), re.MULTILINE))
    shown = {row["cause"] for row in stored()}
    assert shown == headings


def test_every_kind_of_event_is_shown():
    text = PAGE.read_text()
    kinds = set(AlertReason) - {AlertReason.LIMIT}
    assert all(f"\n### {reason}\n" in text for reason in kinds)
