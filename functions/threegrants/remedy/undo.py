"""What to write to take one patch back, given what the policy says now; pure."""

import json
from dataclasses import dataclass
from typing import Any

from threegrants.patches import Patch, canonical, same_policy


@dataclass(frozen=True, slots=True)
class Undo:
    """`text` is to be written (None: remove the policy) unless `nothing` is to be done."""

    text: str | None = None
    nothing: bool = False


class Edited(Exception):
    """Our statement was changed by someone else; taking it back is for a person to decide."""


def undo(patch: Patch, live: str | None) -> Undo:
    """Restore the bytes if nothing else changed, else take out exactly our statement.

    Raises:
        Edited: if a statement with our Sid is there, but it no longer says what we wrote.
    """
    if live is None or same_policy(live, patch.before):
        return Undo(nothing=True)
    if same_policy(live, patch.after):
        return Undo(text=patch.before)
    document = json.loads(live)
    stated = document.get("Statement", [])
    listed = stated if isinstance(stated, list) else [stated]
    ours = _ours(patch)
    kept = [s for s in listed if not _same_statement(s, ours)]
    sid = ours.get("Sid")
    if any(isinstance(s, dict) and s.get("Sid") == sid for s in kept):
        raise Edited(
            f"statement {sid} in {patch.target} was edited after it was written: "
            f"we wrote {json.dumps(ours)}; before that there was no such statement; now it differs"
        )
    if len(kept) == len(listed):
        return Undo(nothing=True)
    if not kept and patch.before is None:
        return Undo(text=None)
    spread = 2 if "\n" in live.strip() else None
    text = json.dumps({**document, "Statement": kept}, ensure_ascii=False, indent=spread)
    return Undo(text=text)


def _ours(patch: Patch) -> dict[str, Any]:
    """Our statement as it was written: the last of `after`."""
    statements = json.loads(patch.after)["Statement"]
    ours: dict[str, Any] = statements[-1]
    return ours


def _same_statement(one: Any, other: Any) -> bool:
    return bool(canonical(json.dumps(one)) == canonical(json.dumps(other)))
