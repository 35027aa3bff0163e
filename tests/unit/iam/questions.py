"""The questions of the case files."""

import gzip
import json
from pathlib import Path


def questions(name):
    with gzip.open(Path(__file__).parent / "cases" / f"{name}.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]
