"""The authorization questions of the case files in `tests/unit/iam/cases`."""

import gzip
import json
from pathlib import Path
from typing import Any

CASES = Path(__file__).parents[1] / "unit" / "iam" / "cases"


def questions(name: str) -> list[dict[str, Any]]:
    """The questions of a case file, with the answers that are right."""
    with gzip.open(CASES / f"{name}.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]
