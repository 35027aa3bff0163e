"""Examine one denied call: evidence, diagnosis and proven patches, in one pass.

In: a `DeniedCall` and the accounts' reader roles. Out: a `Finding`. Used by the service, by the
verification after a patch, and by the command line, so that all three say the same.
"""

from dataclasses import dataclass, replace

from threegrants.diagnosis import Diagnosis, Lack, Outcome, diagnose
from threegrants.evidence import Accounts, Evidence, complete, gather
from threegrants.patches import Drafts, Patch, Profile, Scope, make_patches, with_patches
from threegrants.records import DeniedCall, reading_source


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator decided: where patches may go, and how they are cut.

    `writable` None means "not asked here": the command line, which applies nothing.
    """

    writable: frozenset[str] | None = None
    profile: Profile = Profile.LEAST
    scope: Scope = Scope.PREFIX


@dataclass(frozen=True, slots=True)
class Finding:
    """One examined call."""

    call: DeniedCall
    evidence: Evidence
    diagnosis: Diagnosis
    patches: tuple[Patch, ...]


def examine(
    call: DeniedCall,
    accounts: Accounts,
    rules: Rules,
    prefix: str | None = None,
    *,
    fresh: bool = False,
) -> Finding:
    """Read the evidence and draw the conclusions.

    Args:
        call: the denied call.
        accounts: clients with the reader role.
        rules: what the operator decided.
        prefix: the common prefix of all denied keys, if more than this call's key is known.
        fresh: read everything anew, as the verification of a change must.
    """
    evidence = gather(call, accounts, fresh=fresh)
    return conclude(complete(call, evidence), evidence, rules, prefix)


def conclude(
    call: DeniedCall, evidence: Evidence, rules: Rules, prefix: str | None = None
) -> Finding:
    """The pure part of `examine`: diagnosis, patches, and the proof that the patches suffice."""
    diagnosis = diagnose(call, evidence, rules.writable)
    if diagnosis.outcome in (Outcome.ALREADY_ALLOWED, Outcome.DO_NOT_PATCH):
        return Finding(call, evidence, diagnosis, ())
    drafts = _drafts(call, evidence, diagnosis, rules, prefix)
    if drafts.lacks:
        diagnosis = _demote(diagnosis, drafts.lacks)
    elif diagnosis.outcome in (Outcome.FIXABLE, Outcome.HANDOFF) and drafts.patches:
        after = diagnose(call, _patched(evidence, drafts.patches), rules.writable)
        if not after.allowed:
            why = f"with these patches the call would still be refused: {after.summary}"
            lack = Lack("proof of the patches", why, "a person who reads the policies")
            return Finding(call, evidence, _demote(diagnosis, (lack,)), ())
    return Finding(call, evidence, diagnosis, drafts.patches)


def _drafts(
    call: DeniedCall, evidence: Evidence, diagnosis: Diagnosis, rules: Rules, prefix: str | None
) -> Drafts:
    """The patches of a call; of a copy, those for its source come on top of its own."""
    drafts = make_patches(call, evidence, diagnosis, rules.profile, rules.scope, prefix)
    read = reading_source(call)
    if read is None or diagnosis.source is None or evidence.source is None:
        return drafts
    # One policy may be patched for both: the second patch starts from what the first one writes.
    below = with_patches(evidence.source, drafts.patches)
    more = make_patches(read, below, diagnosis.source, rules.profile, rules.scope)
    return Drafts((*drafts.patches, *more.patches), (*drafts.lacks, *more.lacks))


def _patched(evidence: Evidence, patches: tuple[Patch, ...]) -> Evidence:
    after = with_patches(evidence, patches)
    if after.source is None:
        return after
    return replace(after, source=with_patches(after.source, patches))


def _demote(diagnosis: Diagnosis, lacks: tuple[Lack, ...]) -> Diagnosis:
    outcome = Outcome.HANDOFF if diagnosis.outcome is Outcome.FIXABLE else diagnosis.outcome
    return replace(diagnosis, outcome=outcome, unknowns=(*diagnosis.unknowns, *lacks))
