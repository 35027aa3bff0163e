"""The change of a policy as people read it; pure."""

import difflib
import json


def policy_diff(before: str | None, after: str | None) -> tuple[str, ...]:
    """Unified diff of a policy before and after, both pretty-printed, without the file names.

    Args:
        before: the document as JSON; None if there is none.
        after: the document as JSON; None if there is none.
    """
    lines = difflib.unified_diff(
        _pretty(before), _pretty(after), "before", "after", lineterm="", n=2
    )
    return tuple(lines)[2:]


def _pretty(document: str | None) -> list[str]:
    return json.dumps(json.loads(document), indent=2).splitlines() if document else []
