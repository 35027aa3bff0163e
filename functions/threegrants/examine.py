"""Examine one denied call: evidence, diagnosis and proven patches, in one pass.

In: a `DeniedCall` and the accounts' reader roles. Out: a `Finding`. Used by the service, by the
verification after a patch, and by the command line, so that all three say the same.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from threegrants.diagnosis import Diagnosis, Lack, Outcome, Verdict, diagnose
from threegrants.evidence import Accounts, Evidence, Item, Unread, gather
from threegrants.evidence.analyzer import review
from threegrants.patches import (
    Choices,
    Handoff,
    Named,
    Patch,
    Profile,
    Scope,
    make_patches,
    owner,
    proven,
    reserved,
)
from threegrants.records import DeniedCall

Review = Callable[[Patch], Item[tuple[str, ...]]]
"""A second opinion on a patch: what speaks against it, or why that could not be asked."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator decided: where patches may go, and how they are cut.

    `writable` None means "not asked here": the command line, which applies nothing. `owner_tags`
    and `write_owned` are about what infrastructure code owns; `analyzer` asks IAM Access Analyzer
    about each patch, in the account it is for, where that account allows it.
    """

    writable: frozenset[str] | None = None
    profile: Profile = Profile.LEAST
    scope: Scope = Scope.PREFIX
    principal: Named = Named.PRINCIPAL
    owner_tags: tuple[str, ...] = ()
    write_owned: bool = False
    analyzer: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One examined call.

    `offered` holds every proven patch: for each missing grant the proposed one (`default`), the
    same in other scopes, and other ways to the same end.
    """

    call: DeniedCall
    evidence: Evidence
    diagnosis: Diagnosis
    offered: tuple[Patch, ...] = ()
    handoffs: tuple[Handoff, ...] = ()

    @property
    def patches(self) -> tuple[Patch, ...]:
        """The proposed patches: one for each missing grant."""
        return tuple(patch for patch in self.offered if patch.default)


def examine(
    call: DeniedCall, accounts: Accounts, rules: Rules, prefix: str | None = None
) -> Finding:
    """Read the evidence now and draw the conclusions."""

    def ask(patch: Patch) -> Item[tuple[str, ...]]:
        where = (patch.account, patch.region)
        return review(accounts, where, patch.operation, patch.before, patch.after)

    return conclude(call, gather(call, accounts), rules, prefix, ask if rules.analyzer else None)


def conclude(
    call: DeniedCall,
    evidence: Evidence,
    rules: Rules,
    prefix: str | None = None,
    second: Review | None = None,
) -> Finding:
    """The pure part of `examine`: diagnosis, patches, and the proofs that they do what they say."""
    diagnosis = diagnose(call, evidence, rules.writable)
    if diagnosis.outcome in (Outcome.ALREADY_ALLOWED, Outcome.DO_NOT_PATCH):
        return Finding(call, evidence, diagnosis)
    choices = Choices(rules.profile, rules.scope, rules.principal)
    made = make_patches(call, evidence, diagnosis, choices, prefix)
    offered, doubts = proven(made.drafts, call, evidence, diagnosis)
    notes: tuple[Lack, ...] = ()
    if second is not None:
        offered, against, notes = _reviewed(offered, second)
        doubts += against
    hands = tuple(lack for patch in offered if (lack := _in_other_hands(patch, evidence, rules)))
    diagnosis = replace(
        diagnosis, unknowns=(*diagnosis.unknowns, *made.lacks, *doubts, *notes, *_unique(hands))
    )
    proposed = {patch.grant for patch in offered if patch.default}
    if diagnosis.outcome is Outcome.FIXABLE and (hands or proposed != _missing(diagnosis)):
        diagnosis = replace(diagnosis, outcome=Outcome.HANDOFF)
    return Finding(call, evidence, diagnosis, offered, made.handoffs)


def _missing(diagnosis: Diagnosis) -> set[str]:
    grants = {
        "bucket_policy": diagnosis.bucket_policy.verdict,
        "key_policy": diagnosis.key_policy.verdict,
        "iam_policy": diagnosis.iam_policy.verdict,
    }
    return {name for name, verdict in grants.items() if verdict is Verdict.MISSING}


def _in_other_hands(patch: Patch, evidence: Evidence, rules: Rules) -> Lack | None:
    """Why a patch is not for this service to write, if it is not."""
    what = f"direct write to {patch.target}"
    if patch.grant == "iam_policy" and (why := reserved(patch.target)):
        return Lack(what, why, "the change where it is owned: see the snippets")
    if rules.write_owned:
        return None
    found = owner(patch, evidence, rules.owner_tags)
    if isinstance(found, Unread):
        why = f"whether infrastructure code owns it is not known: {found.why}"
        return Lack(what, why, found.needs)
    if found:
        return Lack(what, found, "the change in the code that owns it: see the snippets")
    return None


def _reviewed(
    offered: tuple[Patch, ...], second: Review
) -> tuple[tuple[Patch, ...], tuple[Lack, ...], tuple[Lack, ...]]:
    """The patches nothing speaks against; what speaks against others; what could not be asked."""
    kept: list[Patch] = []
    against: list[Lack] = []
    notes: list[Lack] = []
    for patch in offered:
        answer = second(patch)
        if isinstance(answer, Unread):
            kept.append(patch)  # a second opinion is optional; the proofs hold without it
            notes.append(Lack("IAM Access Analyzer's opinion", answer.why, answer.needs))
        elif answer.value:
            what = " ".join(word for word in ("patch of", patch.target, patch.scope) if word)
            why = f"IAM Access Analyzer: {'; '.join(answer.value)}"
            against.append(Lack(what, why, "a person who reads the policies"))
        else:
            kept.append(patch)
    return tuple(kept), tuple(against), _unique(notes)


def _unique(lacks: tuple[Lack, ...] | list[Lack]) -> tuple[Lack, ...]:
    return tuple(dict.fromkeys(lacks))
