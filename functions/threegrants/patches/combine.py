"""One patch for both parts of a copy, where both are about the same policy.

A copy is written to one bucket and read from another, or from the same one. Its two parts often miss
their grants in one policy: the caller's own, the key's, or the bucket's. Two patches of one policy
could not be approved together, for each starts from the text before the other. So what both parts
need of one policy is one patch, with a statement for each.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from threegrants.evidence import CallerEvidence
from threegrants.patches.make import Draft
from threegrants.patches.patch import Patch, PatchOperation
from threegrants.patches.scopes import Scope
from threegrants.patches.size_limits import limit_violation
from threegrants.patches.statement_edit import add_grants

_WIDTH = (None, *Scope)
"""Scopes, the narrowest first."""


def combine_drafts(
    parts: Sequence[tuple[Draft, ...]], caller: CallerEvidence, access: str
) -> list[tuple[Draft, ...]]:
    """The drafts of each part of a call; those of one policy are one draft that stands in both.

    Args:
        parts: the drafts of each part; one part, or the two of a copy.
        caller: whose policies have to hold what is added to them.
        access: the kind of access, which the statements' Sids name.
    """
    if len(parts) != 2:  # noqa: PLR2004 - a copy has two parts
        return list(parts)
    first, second = parts
    shared = [place for place in _places(first) if place in _places(second)]
    combined = [
        draft
        for place in shared
        for draft in _combined(_at(first, place), _at(second, place), caller, access)
    ]
    return [
        (*(draft for draft in part if _place(draft.patch) not in shared), *combined)
        for part in parts
    ]


def _place(patch: Patch) -> tuple[str, str]:
    return patch.grant, patch.target


def _places(drafts: Iterable[Draft]) -> list[tuple[str, str]]:
    return list(dict.fromkeys(_place(draft.patch) for draft in drafts))


def _at(drafts: Iterable[Draft], place: tuple[str, str]) -> list[Draft]:
    return [
        draft
        for draft in drafts
        if _place(draft.patch) == place and draft.patch.operation != PatchOperation.CREATE_GRANT
    ]


def _combined(
    first: list[Draft], second: list[Draft], caller: CallerEvidence, access: str
) -> list[Draft]:
    """Each draft of the first part with the one of the second in the same scope, or the preferred."""
    found: dict[str, Draft] = {}
    for one in first:
        both_preferred = [two for two in second if one.preferred and two.preferred]
        alike = [two for two in second if two.patch.scope == one.patch.scope]
        for two in [*both_preferred, *alike] or [two for two in second if two.preferred]:
            if one.patch.operation != two.patch.operation:
                continue
            draft = _with_both(one, two, access)
            if limit_violation(draft.patch, caller) is None:
                found.setdefault(draft.patch.digest, draft)
    return list(found.values())


def _with_both(one: Draft, two: Draft, access: str) -> Draft:
    meant = tuple(dict.fromkeys((*one.grant_statements, *two.grant_statements)))
    after, added = add_grants(one.patch.before, meant, access)
    patch = replace(
        one.patch,
        after=after,
        statement=added[0],
        scope=max(one.patch.scope, two.patch.scope, key=_WIDTH.index),
        default=one.patch.default and two.patch.default,
        key_named_by_caller=one.patch.key_named_by_caller or two.patch.key_named_by_caller,
    )
    return Draft(patch, meant, preferred=one.preferred and two.preferred)
