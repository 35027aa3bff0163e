"""A statement quoted in its policy, with the element that decided it marked; pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from threegrants.aws.policy_json import statements
from threegrants.page.view.json_lines import json_lines

_MOST_LINES = 40
_ELEMENTS: Mapping[str, tuple[str, ...]] = {
    "principal_mismatch": ("Principal", "NotPrincipal"),
    "stale_principal": ("Principal", "NotPrincipal"),
    "action_mismatch": ("Action", "NotAction"),
    "resource_mismatch": ("Resource", "NotResource"),
    "bucket_arn_for_object_action": ("Resource", "NotResource"),
    "object_arn_for_bucket_action": ("Resource", "NotResource"),
    "condition_not_met": ("Condition",),
    "condition_key_missing": ("Condition",),
}
"""Which elements of a statement a reason's code is about (iam/explain.py); of every other code, `Effect`."""
_CONDITION_KEY = re.compile(r"\bthe condition \S+ on (\S+) wants ")
"""How iam/explain.py names the key of a condition."""


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """One line of a quoted statement.

    Args:
        text: the line.
        marked: whether it is part of what decided.
    """

    text: str
    marked: bool


@dataclass(frozen=True, slots=True)
class StatementQuote:
    """A statement as it stands in its policy.

    Args:
        where: which policy, and which of its statements: `statement 2 of 5`.
        lines: the statement's JSON.
        cut: how many more lines it has.
        elements: the marked elements, by name.
    """

    where: str
    lines: tuple[QuotedLine, ...]
    cut: int
    elements: tuple[str, ...]


def quote_from_policy(
    text: str | None, sid: str | None, code: str, detail: str
) -> StatementQuote | None:
    """The statement of a policy that a reason names; None if it is not there.

    Args:
        text: the policy's document.
        sid: its `Sid`, or `#` and its position from 0.
        code: the reason's code.
        detail: the reason's sentence: it names the key of a condition.
    """
    if not text or not sid:
        return None
    try:
        document = json.loads(text)
        listed = statements(document) if isinstance(document, dict) else []
        for position, statement in enumerate(listed):
            if not isinstance(statement, dict):
                continue
            if sid in (f"#{position}", statement.get("Sid")):
                where = f"statement {position + 1} of {len(listed)}"
                return quote(statement, where, code, detail)
    except (ValueError, RecursionError):
        pass
    return None


def quote(statement: Mapping[str, Any], where: str, code: str, detail: str) -> StatementQuote:
    """A statement with the element marked that a reason is about.

    Args:
        statement: the statement.
        where: what is said of its place.
        code: the reason's code.
        detail: the reason's sentence.
    """
    about = _ELEMENTS.get(
        code, ("Condition", "Effect") if code.startswith("deny_") else ("Effect",)
    )
    key = _CONDITION_KEY.search(detail)
    wanted = key[1] if key and code.startswith("condition_") else None
    lines = [
        QuotedLine(line.text, _is_about(line.path, about, wanted)) for line in json_lines(statement)
    ]
    marked = tuple(name for name in about if name in statement)
    return StatementQuote(
        where, tuple(lines[:_MOST_LINES]), max(0, len(lines) - _MOST_LINES), marked
    )


def _is_about(path: tuple[str | int, ...], about: tuple[str, ...], key: str | None) -> bool:
    if not path or path[0] not in about:
        return False
    return key is None or path[0] != "Condition" or key in path[1:]
