"""The tables of docs/context-keys.md, drawn from `threegrants.diagnosis.context_keys`.

`make context-keys` writes them between the markers; a test fails when the page says something else.
"""

from pathlib import Path

from threegrants.diagnosis.context_keys import (
    GLOBAL_KEYS,
    KMS_KEYS,
    S3_EXPRESS_KEYS,
    S3_KEYS,
    ContextKey,
)

PAGE = Path(__file__).parents[2] / "docs" / "context-keys.md"
BEGIN = "<!-- drawn from diagnosis/context_keys by `make context-keys`: begin -->"
END = "<!-- end -->"
_SHOWN = 4


def _carried_by(row: ContextKey) -> str:
    actions = sorted(row.only_for)
    if not actions:
        return "any"
    more = f" and {len(actions) - _SHOWN} more" if len(actions) > _SHOWN else ""
    return ", ".join(actions[:_SHOWN]) + more


def table(rows: tuple[ContextKey, ...]) -> str:
    """A row for each key: where it is seen, what holds otherwise, which actions carry it."""
    lines = [
        f"| `{row.name}` | {row.where or '—'} | {row.otherwise} | {_carried_by(row)} |"
        for row in rows
    ]
    head = "| key | where it is seen | otherwise | carried by |\n|---|---|---|---|"
    return "\n".join([head, *lines])


def drawn(page: str) -> str:
    """The page's text with everything between the markers drawn anew."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN!r} and {END!r}")
    parts = [
        before + begin,
        f"## Global keys ({len(GLOBAL_KEYS)})",
        table(GLOBAL_KEYS),
        f"## Keys of S3 ({len(S3_KEYS)})",
        table(S3_KEYS),
        f"## Keys of directory buckets ({len(S3_EXPRESS_KEYS)})",
        table(S3_EXPRESS_KEYS),
        f"## Keys of KMS ({len(KMS_KEYS)})",
        table(KMS_KEYS),
    ]
    return "\n\n".join([*parts, end + after])


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
