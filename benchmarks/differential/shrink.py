"""Make a disagreement small: drop policies, statements and conditions as long as it stays."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

Case = dict[str, Any]
Answers = Callable[[list[Case]], list[tuple[str, str]]]
"""Our decision and theirs, for each case."""

_LISTS = ("identityPolicies", "permissionBoundaries", "scps", "rcps", "vpcEndpointPolicies")


def shrink(bad: list[Case], answers: Answers) -> list[Case]:
    """The smallest cases found that still divide the engines in the same way."""
    pairs = answers(bad)
    found = list(bad)
    open_ = set(range(len(bad)))
    while open_:
        tried = [(n, smaller) for n in sorted(open_) for smaller in _smaller(found[n])]
        decided = answers([case for _, case in tried])
        kept: dict[int, Case] = {}
        for (n, case), pair in zip(tried, decided, strict=True):
            if pair == pairs[n]:
                kept.setdefault(n, case)
        for n, case in kept.items():
            found[n] = case
        open_ = set(kept)
    return found


def _smaller(case: Case) -> Iterator[Case]:
    for name in ("resourcePolicy", "sessionPolicy"):
        if case.get(name):
            yield {**case, name: None}
    for name in _LISTS:
        for place in range(len(case.get(name) or ())):
            yield {**case, name: case[name][:place] + case[name][place + 1 :]}
    for path in paths(case):
        statements = at(case, path)["Statement"]
        for place, statement in enumerate(statements):
            if len(statements) > 1:
                yield _with(case, path, statements[:place] + statements[place + 1 :])
            for smaller in _smaller_statements(statement):
                yield _with(case, path, [*statements[:place], smaller, *statements[place + 1 :]])
    for key in case["request"]["context"]:
        context = {k: v for k, v in case["request"]["context"].items() if k != key}
        yield {**case, "request": {**case["request"], "context": context}}


def _smaller_statements(statement: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Condition" in statement:
        yield {k: v for k, v in statement.items() if k != "Condition"}
        for condition in _smaller_conditions(statement["Condition"]):
            yield {**statement, "Condition": condition}
    for element in ("Action", "NotAction", "Resource", "NotResource"):
        for fewer in _fewer(statement.get(element)):
            yield {**statement, element: fewer}
    for element in ("Action", "Resource"):
        if statement.get(element, "*") != "*":
            yield {**statement, element: "*"}


def _smaller_conditions(condition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for operator, block in condition.items():
        if len(condition) > 1:
            yield {k: v for k, v in condition.items() if k != operator}
        for key, values in block.items():
            for fewer in _fewer(values):
                yield {**condition, operator: {**block, key: fewer}}


def _fewer(values: Any) -> Iterator[list[str]]:
    if isinstance(values, list) and len(values) > 1:
        for place in range(len(values)):
            yield values[:place] + values[place + 1 :]


def paths(case: Case) -> list[tuple[Any, ...]]:
    """Where the policy documents of a case are."""
    found: list[tuple[Any, ...]] = [
        (n,) for n in ("resourcePolicy", "sessionPolicy") if case.get(n)
    ]
    for name in ("identityPolicies", "permissionBoundaries", "vpcEndpointPolicies"):
        found += [(name, n, "policy") for n in range(len(case.get(name) or ()))]
    for name in ("scps", "rcps"):
        for level, entry in enumerate(case.get(name) or ()):
            found += [(name, level, "policies", n, "policy") for n in range(len(entry["policies"]))]
    return found


def at(case: Case, path: tuple[Any, ...]) -> dict[str, Any]:
    """The policy document at a path."""
    value: Any = case
    for step in path:
        value = value[step]
    return value


def _with(case: Case, path: tuple[Any, ...], statements: list[dict[str, Any]]) -> Case:
    changed = copy.deepcopy(case)
    at(changed, path)["Statement"] = statements
    return changed
