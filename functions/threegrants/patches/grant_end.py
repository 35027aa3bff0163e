"""A grant that ends: the end stands in the statement itself, so that it ends whatever becomes of us.

A patch with an end is a patch of its own, with its own text and digest. It is made from an offered patch
and a time alone, so the same two always make the same bytes. Its statements are those of the offered patch,
each with one condition more: `DateLessThan` on `aws:CurrentTime`, which is in every request, and which AWS
fills in by its own clock. More conditions can only narrow a statement:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-currenttime
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html

A KMS grant has no such condition, so its patch stays as it is; it is revoked when its time has come:
https://docs.aws.amazon.com/kms/latest/APIReference/API_GrantConstraints.html
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from threegrants.aws.policy_json import (
    aws_principals,
    is_ours,
    keeps_conditions,
    one_or_many,
    outside_statements,
    same_statement,
    sid_of_ours,
    statement_objects,
    statements,
    texts,
)
from threegrants.diagnosis import KeptCondition
from threegrants.patches.alternatives import managed_policy_name
from threegrants.patches.grant_statement import GrantCondition, GrantStatement
from threegrants.patches.patch import Patch, PatchOperation
from threegrants.patches.statement_edit import add_statement, remove_principals

_KEY = "aws:CurrentTime"
_OPERATORS = ("DateLessThan", "DateLessThanEquals")
"""The second is for a statement that keeps an owner's condition of the first: in one block of one operator
and key, two values would mean that either is enough."""
_TIME = re.compile(r"20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z", re.ASCII)
_SID = re.compile(r"Threegrants([A-Z][a-z]+)[0-9a-f]{12}(?:x[0-9]+)?")


class StatementChanged(ValueError):
    """A statement of ours is not as it was written, so its end is not exchanged."""


def end_text(ends_at: int) -> str:
    """A time in seconds since the epoch as a policy states it: ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(ends_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def holds_end(patch: Patch) -> bool:
    """Whether what a patch writes can state its own end; a KMS grant cannot."""
    return patch.operation != PatchOperation.CREATE_GRANT


def with_end(offered: Patch, ends_at: int) -> Patch:
    """The patch that grants the same until then, and not after.

    Args:
        offered: a patch without an end.
        ends_at: seconds since the epoch.

    Raises:
        ValueError: if the end cannot stand in one of its statements.
    """
    if not holds_end(offered):
        return offered
    text, added = offered.before, []
    for statement in _granted(offered):
        text, one = add_statement(text, _ending(statement, ends_at))
        added.append(one)
    return _written(offered, offered.before, text, added)


def with_later_end(written: Patch, live: str | None, ends_at: int) -> Patch:
    """The patch that exchanges the end of what was written, in one write.

    The statement with the new end is added, and that with the old one taken out, in the document as it is
    now. A managed policy is not changed: another one takes its place beside it.

    Args:
        written: the patch with an end that is in force.
        live: the document now.
        ends_at: seconds since the epoch.

    Raises:
        StatementChanged: if a statement is not as we wrote it, or names others too.
        ValueError: if the end cannot stand in one of its statements.
    """
    if written.operation == PatchOperation.CREATE_POLICY:
        text, added = None, []
        for statement in written.statements:
            text, one = add_statement(text, _ending(without_end(statement), ends_at))
            added.append(one)
        return _written(written, None, text, added)
    if live is None:
        raise StatementChanged(f"{written.target} has no policy any more")
    text, added = live, []
    for statement in _granted(written):
        text, one = add_statement(text, _ending(without_end(statement), ends_at))
        added.append(one)
        place = _place(written, text, statement)
        text = remove_principals(text, place, aws_principals(statement)) or ""
    return _written(written, live, text, added)


def without_end(statement: Mapping[str, Any]) -> dict[str, Any]:
    """A statement of ours without the end that we gave it: the last of the conditions that state one."""
    conditions = statement.get("Condition") or {}
    ours = next((one for one in reversed(_OPERATORS) if _end_in(conditions.get(one))), None)
    if ours is None:
        return dict(statement)
    left = {name: block for name, block in conditions.items() if name != ours}
    others = {key: value for key, value in conditions[ours].items() if key != _KEY}
    if others:
        left[ours] = others
    bare = {name: value for name, value in statement.items() if name != "Condition"}
    found = {**bare, **({"Condition": left} if left else {})}
    return {**found, "Sid": _sid(found)}


def end_in(statement: Mapping[str, Any]) -> str:
    """The end that a statement of ours states, ISO 8601 in UTC; empty if it states none."""
    conditions = statement.get("Condition") or {}
    ends = (_end_in(conditions.get(operator)) for operator in _OPERATORS)
    return min(filter(None, ends), default="")


def states_end(operator: str, key: str) -> bool:
    """Whether a condition says until when a statement holds: ours, or one of an owner."""
    return operator in _OPERATORS and key.lower() == _KEY.lower()


def end_violation(offered: Patch, dated: Patch, ends_at: int) -> str:
    """How a patch with an end differs from the offered one by more than the end; empty if it does not.

    The offered patch has passed every check. What has one condition more in each of its statements, and
    else says the same, opens nothing beside it.

    Args:
        offered: the patch without an end.
        dated: the patch with it.
        ends_at: seconds since the epoch.
    """
    if not holds_end(offered):
        return "" if dated == offered else "a KMS grant cannot hold an end"
    same = ("grant", "account", "region", "target", "operation", "before", "scope")
    if any(getattr(offered, name) != getattr(dated, name) for name in same):
        return "the patch with the end is of another policy"
    before = json.loads(offered.before) if offered.before else {}
    after = json.loads(dated.after)
    if offered.before is not None and outside_statements(before) != outside_statements(after):
        return "the end changes the document outside its statements"
    granted, wanted = list(_granted(dated)), list(_granted(offered))
    if len(granted) != len(wanted):
        return f"the patch with the end has {len(granted)} statements, not {len(wanted)}"
    for one, other in zip(granted, wanted, strict=True):
        if not is_ours(one) or end_in(one) > end_text(ends_at) or not end_in(one):
            return f"a statement does not end at {end_text(ends_at)}"
        if not same_statement(_said(without_end(one)), _said(other)):
            return "the end changes what a statement grants"
    kept = [one for one in statement_objects(after) if one not in dated.statements]
    extended = len(statements(before)) - len(kept)
    if not 0 <= extended <= len(granted) or any(one not in statements(before) for one in kept):
        return "the end changes a statement that is not of the patch"
    return ""


def exchange_violation(written: Patch, later: Patch, ends_at: int) -> str:
    """How a patch that exchanges an end says more than another end; empty if it does not.

    Args:
        written: what is in force, with its end.
        later: the patch that exchanges it.
        ends_at: seconds since the epoch.
    """
    old, new = list(_granted(written)), list(_granted(later))
    new = [one for one in new if end_in(one) == end_text(ends_at)]
    pairs = zip(old, new, strict=False)
    if len(old) != len(new) or any(
        not is_ours(two) or not same_statement(_said(without_end(one)), _said(without_end(two)))
        for one, two in pairs
    ):
        return "the exchange changes what a statement grants"
    before = statement_objects(json.loads(later.before)) if later.before else []
    after = statement_objects(json.loads(later.after))
    sids = {one["Sid"] for one in (*old, *new)}
    kept = [one for one in before if one.get("Sid") not in sids]
    if [one for one in after if one.get("Sid") not in sids] != kept:
        return "the exchange changes a statement that is not of the grant"
    return ""


def ending_grants(dated: Patch, ends_at: int, now: int) -> tuple[GrantStatement, ...] | None:
    """What a patch with an end is meant to grant; None where it keeps conditions of an owner.

    Args:
        dated: the patch.
        ends_at: seconds since the epoch.
        now: seconds since the epoch, at which the end is not reached.
    """
    end = KeptCondition(_OPERATORS[0], _KEY, (end_text(ends_at),), (end_text(now),))
    found = []
    for statement in _granted(dated):
        bare = without_end(statement)
        if keeps_conditions(bare):
            return None
        ours = tuple(
            GrantCondition(key, texts(values))
            for block in (bare.get("Condition") or {}).values()
            for key, values in block.items()
        )
        principal = next(iter(aws_principals(statement)), None)
        actions, resources = texts(bare.get("Action")), texts(bare.get("Resource"))
        found.append(GrantStatement(principal, actions, resources, ours, (end,)))
    return tuple(found)


def _granted(patch: Patch) -> Iterator[dict[str, Any]]:
    """What each statement of a patch adds: of one that is shared, only the principals that are new."""
    old = statement_objects(json.loads(patch.before)) if patch.before else []
    held = {one.get("Sid"): aws_principals(one) for one in old if is_ours(one)}
    for statement in patch.statements:
        had, names = held.get(statement.get("Sid"), ()), aws_principals(statement)
        new = tuple(name for name in names if name not in had)
        named = {"Principal": {"AWS": one_or_many(new)}} if new else {}
        yield {**statement, **named}


def _ending(statement: Mapping[str, Any], ends_at: int) -> dict[str, Any]:
    """The statement with an end, under a Sid of its own."""
    conditions = {name: dict(block) for name, block in (statement.get("Condition") or {}).items()}
    free = next((one for one in _OPERATORS if not _has_time(conditions, one)), None)
    if free is None:
        raise ValueError(
            "the statement keeps the owner's own conditions on aws:CurrentTime, beside which no end can "
            "stand: approve it until it is revoked, or have the owner grant it"
        )
    conditions.setdefault(free, {})[_KEY] = end_text(ends_at)
    found = {**statement, "Condition": conditions}
    return {**found, "Sid": _sid(found)}


def _has_time(conditions: Mapping[str, Mapping[str, Any]], operator: str) -> bool:
    """Whether a condition on the time stands there already; neither name has a case."""
    return any(
        name.lower() == operator.lower() and any(key.lower() == _KEY.lower() for key in block)
        for name, block in conditions.items()
    )


def _sid(statement: Mapping[str, Any]) -> str:
    found = _SID.fullmatch(str(statement.get("Sid", "")))
    if found is None:
        raise ValueError(f"{statement.get('Sid')!r:.80} is not the Sid of a statement of ours")
    actions, resources = texts(statement.get("Action")), texts(statement.get("Resource"))
    return sid_of_ours(found[1], actions, resources, statement.get("Condition"))


def _end_in(block: Any) -> str:
    value = block.get(_KEY) if isinstance(block, Mapping) else None
    return value if isinstance(value, str) and _TIME.fullmatch(value) else ""


def _said(statement: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in statement.items() if name != "Sid"}


def _place(written: Patch, text: str, statement: Mapping[str, Any]) -> int:
    """Where a statement that we wrote stands, exactly so, beside principals of others."""
    listed = statements(json.loads(text))
    for index, one in enumerate(listed):
        if isinstance(one, dict) and one.get("Sid") == statement["Sid"]:
            ours, now = aws_principals(statement), aws_principals(one)
            bare = [
                {k: v for k, v in each.items() if k != "Principal"} for each in (one, statement)
            ]
            if same_statement(*bare) and set(ours) <= set(now):
                return index
    raise StatementChanged(
        f"our statement {statement['Sid']} in {written.target} is not as we wrote it: roll back, and "
        "approve anew"
    )


def _written(
    patch: Patch, before: str | None, after: str | None, added: list[dict[str, Any]]
) -> Patch:
    if not after or not added:
        raise ValueError(f"the patch of {patch.target} grants nothing")
    name = patch.policy_name
    if patch.operation == PatchOperation.CREATE_POLICY:
        name = managed_policy_name(patch.target, after)
    return replace(patch, before=before, after=after, statement=added[0], policy_name=name)
