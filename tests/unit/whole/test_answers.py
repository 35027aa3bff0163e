"""The whole answer to each situation, word for word: verdicts, reasons, patches, code, and the mail.

A change of any word shows here. Look at the difference, and if it is meant, write the files anew:

    make answers
"""

import json
import os
from pathlib import Path

import pytest

from threegrants.incidents import AlertReason
from threegrants.notifications import build_alert
from threegrants.report import report_for
from unit.whole.situations import SITUATIONS

ANSWERS = Path(__file__).with_name("answers")
WRITE = os.environ.get("THREEGRANTS_ANSWERS") == "write"

OTHER = {"grant", "operation", "target", "scope", "policy_name", "says"}
"""What is kept of a patch in another scope, or of another way."""
PROPOSED = {*OTHER, "account", "statements", "snippets", "digest", "key_named_by_caller"}


def answer(situation):
    report = report_for(situation.analysis(), "tg-0123456789abcdef")
    written = report.to_json()
    del written["evidence_age_seconds"]  # of the clock
    # Not the whole policies: what is done to their text is tested in unit/patches.
    written["patches"] = [
        {name: value for name, value in patch.items() if name in kept}
        for patch in written["patches"]
        for kept in [PROPOSED if patch["default"] else OTHER]
    ]
    mail = build_alert(report, "threegrants", AlertReason.OPENED)
    texts = json.loads(mail.message)
    return {
        "report": written,
        "subject": mail.subject,
        "mail": texts["email"].split("\n"),
        "sms": texts["sms"],
    }


def text_of(value):
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda one: one.name)
def test_answer(situation):
    path = ANSWERS / f"{situation.name}.json"
    found = text_of(answer(situation))
    if WRITE:
        ANSWERS.mkdir(exist_ok=True)
        path.write_text(found)
    assert found == path.read_text()


def test_each_file_has_its_situation():
    assert {one.stem for one in ANSWERS.glob("*.json")} == {one.name for one in SITUATIONS}
