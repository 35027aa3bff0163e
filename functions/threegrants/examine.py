"""Examine one denied call: evidence, diagnosis and proven patches, in one pass.

In: a `DeniedCall` and the accounts' reader roles. Out: a `Finding`. Used by the service, by the
verification after a patch, and by the command line, so that all three say the same.
"""

from dataclasses import dataclass, replace

from threegrants.diagnosis import Diagnosis, Lack, Outcome, diagnose
from threegrants.evidence import Accounts, Evidence, gather
from threegrants.patches import Patch, Profile, Scope, make_patches, with_patches
from threegrants.records import DeniedCall


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
    call: DeniedCall, accounts: Accounts, rules: Rules, prefix: str | None = None
) -> Finding:
    """Read the evidence now and draw the conclusions."""
    return conclude(call, gather(call, accounts), rules, prefix)


def conclude(
    call: DeniedCall, evidence: Evidence, rules: Rules, prefix: str | None = None
) -> Finding:
    """The pure part of `examine`: diagnosis, patches, and the proof that the patches suffice."""
    diagnosis = diagnose(call, evidence, rules.writable)
    if diagnosis.outcome in (Outcome.ALREADY_ALLOWED, Outcome.DO_NOT_PATCH):
        return Finding(call, evidence, diagnosis, ())
    drafts = make_patches(call, evidence, diagnosis, rules.profile, rules.scope, prefix)
    if drafts.lacks:
        diagnosis = _demote(diagnosis, drafts.lacks)
    elif diagnosis.outcome in (Outcome.FIXABLE, Outcome.HANDOFF) and drafts.patches:
        after = diagnose(call, with_patches(evidence, drafts.patches), rules.writable)
        if not after.allowed:
            why = f"with these patches the call would still be refused: {after.summary}"
            lack = Lack("proof of the patches", why, "a person who reads the policies")
            return Finding(call, evidence, _demote(diagnosis, (lack,)), ())
    return Finding(call, evidence, diagnosis, drafts.patches)


def _demote(diagnosis: Diagnosis, lacks: tuple[Lack, ...]) -> Diagnosis:
    outcome = Outcome.HANDOFF if diagnosis.outcome is Outcome.FIXABLE else diagnosis.outcome
    return replace(diagnosis, outcome=outcome, unknowns=(*diagnosis.unknowns, *lacks))
