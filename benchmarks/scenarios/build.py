"""Write `scenarios.jsonl.gz`: labelled denials, each a record, a world and the right verdicts.

    python benchmarks/scenarios/build.py

A scenario is {"id", "cause", "record", "world", "writable", "expected"}; those of kinds from the field have
"source" too, AWS's page. The labels follow from how
a world is built (a grant is put in or left out), not from the product. `${KEY}` and `${ROLE_ID}`
stand for what AWS chooses when the world is made.
"""

import gzip
import itertools
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scenarios.causes import causes
from scenarios.field_at_denial import field_at_denial
from scenarios.field_jobs import field_jobs
from scenarios.field_keys import field_keys
from scenarios.field_objects import field_objects
from scenarios.field_verdicts import field_verdicts
from scenarios.rare_causes import rare_causes
from scenarios.words import (
    ACCESS,
    BUCKET,
    GRANTED,
    MISSING,
    NOT_NEEDED,
    OBJECT,
    expected,
    grants,
    no,
    record,
    root,
    says,
    world,
)

VERSION = 4
"""Of the scenarios that are new; those of a version before stay as they are."""
FILE = Path(__file__).with_name("scenarios.jsonl.gz")


def subsets() -> list[dict[str, Any]]:
    """Every subset of the grants, for each kind of access, bare and detailed message, and both copies."""
    found = []
    for have in itertools.product((True, False), repeat=4):
        for access, kind, copy in itertools.product(
            ACCESS, ("bare", "detailed"), ("caller", "owner")
        ):
            bucket, key, iam_bucket, iam_key = have
            in_bucket, in_key, in_iam = grants(access)
            _, action, _, kms = ACCESS[access]
            uses_key = kms is not None
            if not uses_key and not (key and iam_key):
                continue  # the same world as another one
            iam = (*(in_iam[:1] if iam_bucket else ()), *(in_iam[1:] if iam_key else ()))
            words = [GRANTED if there else MISSING for there in have]
            if not uses_key:
                words[1] = words[3] = NOT_NEEDED
            message = (
                _detailed(words, action, kms, access) if kind == "detailed" else "Access Denied"
            )
            name = "".join(
                letter if there else "-" for letter, there in zip("BKik", have, strict=True)
            )
            found.append({
                "id": f"subset-{access}-{name}-{kind}-{copy}",
                "cause": "missing grants" if MISSING in words else "already fixed",
                "record": record(access, copy, message),
                "world": world((in_bucket,) if bucket else (), (root(), in_key) if key and in_key else None, iam),
                "expected": expected(*words, outcome="fixable" if MISSING in words else "already_allowed"),
            })  # fmt: skip
    return found


def _detailed(words: list[str], action: str, kms: str | None, access: str) -> str:
    bucket, _, iam_bucket, iam_key = words
    target = BUCKET if access == "list" else OBJECT
    if iam_bucket == MISSING or MISSING not in words:
        return says(action, target, no("identity-based", action))
    if bucket == MISSING:
        return says(action, target, no("resource-based", action))
    layer = "identity-based" if iam_key == MISSING else "resource-based"
    return says(str(kms), "${KEY}", no(layer, str(kms)))


def scenarios() -> list[dict[str, Any]]:
    # As a reader of the file finds them: JSON has no tuples.
    old = [{"version": 2, **scenario} for scenario in (*subsets(), *causes())]
    field = [{"version": 3, **scenario} for scenario in (*field_verdicts(), *field_keys())]
    new = [
        {"version": VERSION, **scenario}
        for scenario in (*field_at_denial(), *field_objects(), *field_jobs(), *rare_causes())
    ]
    listed: list[dict[str, Any]] = json.loads(json.dumps([*old, *field, *new]))
    return listed


if __name__ == "__main__":
    listed = scenarios()
    with gzip.GzipFile(FILE, "wb", mtime=0) as file:
        for scenario in listed:
            file.write((json.dumps(scenario) + "\n").encode())
    print(f"{len(listed)} scenarios, {len({s['cause'] for s in listed})} causes: {FILE.name}")
