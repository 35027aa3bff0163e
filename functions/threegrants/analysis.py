"""Examine one denied call: evidence, diagnosis and proven patches, in one pass.

In: a `DeniedCall` and the accounts' reader roles. Out: a `Finding`. Used by the service, by the
verification after a patch, and by the command line, so that all three say the same.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from threegrants.cloudtrail import DeniedCall, reading_source
from threegrants.diagnosis import Diagnosis, Lack, Outcome, Verdict, diagnose
from threegrants.evidence import Accounts, Evidence, Item, Unread, complete, gather
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
    with_patches,
)

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

    def ask(patch: Patch) -> Item[tuple[str, ...]]:
        where = (patch.account, patch.region)
        return review(accounts, where, patch.operation, patch.before, patch.after)

    evidence = gather(call, accounts, fresh=fresh)
    second = ask if rules.analyzer else None
    return conclude(complete(call, evidence), evidence, rules, prefix, second)


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
    parts: list[_Part] = []
    for half in _halves(call, evidence, diagnosis, prefix):
        # One policy may be patched for both halves of a copy: the second patch starts from what
        # the proposed first one writes.
        first = [patch for part in parts for patch in part.offered if patch.default]
        seen = replace(with_patches(half.evidence, first), source=None)
        parts.append(_patched(replace(half, evidence=seen), diagnosis.outcome, rules, second))
    lacks = _unique(lack for part in parts for lack in part.lacks)
    outcome = diagnosis.outcome
    if outcome is Outcome.FIXABLE and not all(part.complete for part in parts):
        outcome = Outcome.HANDOFF
    return Finding(
        call,
        evidence,
        replace(diagnosis, outcome=outcome, unknowns=(*diagnosis.unknowns, *lacks)),
        tuple(patch for part in parts for patch in part.offered),
        tuple(handoff for part in parts for handoff in part.handoffs),
    )


@dataclass(frozen=True, slots=True)
class _Half:
    """A call as one bucket sees it: the whole call, or of a copy its writing or its reading."""

    call: DeniedCall
    evidence: Evidence
    diagnosis: Diagnosis
    prefix: str | None


@dataclass(frozen=True, slots=True)
class _Part:
    """What is offered for one half; `complete` if nothing keeps the service from writing it all."""

    offered: tuple[Patch, ...]
    lacks: tuple[Lack, ...]
    handoffs: tuple[Handoff, ...]
    complete: bool


def _halves(
    call: DeniedCall, evidence: Evidence, diagnosis: Diagnosis, prefix: str | None
) -> Iterator[_Half]:
    yield _Half(call, evidence, diagnosis, prefix)
    read = reading_source(call)
    if read is not None and diagnosis.source is not None and evidence.source is not None:
        yield _Half(read, evidence.source, diagnosis.source, None)


def _patched(half: _Half, outcome: Outcome, rules: Rules, second: Review | None) -> _Part:
    call, evidence, diagnosis = half.call, half.evidence, half.diagnosis
    choices = Choices(rules.profile, rules.scope, rules.principal)
    made = make_patches(call, evidence, diagnosis, choices, half.prefix)
    offered, doubts = proven(
        made.drafts, call, evidence, diagnosis, partly=outcome is Outcome.UNKNOWN
    )
    if second is not None:
        offered, opinions = _reviewed(offered, second)
        doubts += opinions
    hands = _unique(lack for patch in offered if (lack := _in_other_hands(patch, evidence, rules)))
    proposed = {patch.grant for patch in offered if patch.default}
    complete = not hands and proposed == _missing(diagnosis)
    return _Part(offered, (*made.lacks, *doubts, *hands), made.handoffs, complete)


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
) -> tuple[tuple[Patch, ...], tuple[Lack, ...]]:
    """The patches nothing speaks against; and what was said against others, or could not be asked."""
    kept: list[Patch] = []
    lacks: list[Lack] = []
    for patch in offered:
        answer = second(patch)
        if isinstance(answer, Unread):
            kept.append(patch)  # a second opinion is optional; the proofs hold without it
            lacks.append(Lack("IAM Access Analyzer's opinion", answer.why, answer.needs))
        elif answer.value:
            what = " ".join(word for word in ("patch of", patch.target, patch.scope) if word)
            why = f"IAM Access Analyzer: {'; '.join(answer.value)}"
            lacks.append(Lack(what, why, "a person who reads the policies"))
        else:
            kept.append(patch)
    return tuple(kept), tuple(lacks)


def _unique(lacks: Iterable[Lack]) -> tuple[Lack, ...]:
    return tuple(dict.fromkeys(lacks))
