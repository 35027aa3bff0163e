"""The change of a policy as two columns, before and after, with unchanged stretches left out; pure."""

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass

_CONTEXT = 2
_MOST_ROWS = 60
"""Of one patch; the whole documents are in the incident's JSON."""


@dataclass(frozen=True, slots=True)
class DiffRow:
    """One row of the two columns.

    Args:
        kind: `same`, `changed`, `added`, `removed`, or `gap` for lines that are left out.
        left_number: the line before, from 1; 0 if there is none.
        left: its text.
        right_number: the line after, from 1; 0 if there is none.
        right: its text.
        hidden: of a gap, how many unchanged lines it stands for.
    """

    kind: str
    left_number: int = 0
    left: str = ""
    right_number: int = 0
    right: str = ""
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class SideBySide:
    """The change of one document.

    Args:
        rows: the rows; empty if a text is no JSON, or is not kept.
        added: how many lines are new.
        removed: how many lines are gone.
        cut: how many rows are not shown.
        is_new: whether there was no document before.
    """

    rows: tuple[DiffRow, ...]
    added: int
    removed: int
    cut: int
    is_new: bool


def side_by_side(before: str | None, after: str | None, context: int = _CONTEXT) -> SideBySide:
    """The change from one document to another, both pretty-printed.

    Args:
        before: the document as JSON; None if there is none.
        after: the document as JSON; None if it is not kept.
        context: how many unchanged lines are shown around a change.
    """
    try:
        old, new = _pretty(before), _pretty(after)
    except (ValueError, RecursionError):
        old, new = [], []
    rows = list(_rows(old, new, context)) if new else []
    return SideBySide(
        rows=tuple(rows[:_MOST_ROWS]),
        added=sum(row.kind in ("added", "changed") for row in rows),
        removed=sum(row.kind in ("removed", "changed") for row in rows),
        cut=max(0, len(rows) - _MOST_ROWS),
        is_new=before is None,
    )


def _pretty(document: str | None) -> list[str]:
    if document is None:
        return []
    return json.dumps(json.loads(document), indent=2, ensure_ascii=False).split("\n")


def _rows(old: list[str], new: list[str], context: int) -> Iterator[DiffRow]:
    blocks = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    for number, (tag, i1, i2, j1, j2) in enumerate(blocks):
        if tag == "equal":
            first, last = number == 0, number == len(blocks) - 1
            around = (0 if first else context, 0 if last else context)
            yield from _unchanged(old, (i1, i2, j1), around)
            continue
        paired = min(i2 - i1, j2 - j1)
        for k in range(paired):
            yield DiffRow("changed", i1 + k + 1, old[i1 + k], j1 + k + 1, new[j1 + k])
        for i in range(i1 + paired, i2):
            yield DiffRow("removed", left_number=i + 1, left=old[i])
        for j in range(j1 + paired, j2):
            yield DiffRow("added", right_number=j + 1, right=new[j])


def _unchanged(
    old: list[str], place: tuple[int, int, int], around: tuple[int, int]
) -> Iterator[DiffRow]:
    """A stretch of equal lines: some next to a change, and a gap for the rest."""
    i1, i2, j1 = place
    head, tail = around
    hidden = i2 - i1 - head - tail
    for i in range(i1, i2):
        offset = i - i1
        if hidden > 1 and head <= offset < head + hidden:
            if offset == head:
                yield DiffRow("gap", hidden=hidden)
            continue
        yield DiffRow("same", i + 1, old[i], j1 + offset + 1, old[i])
