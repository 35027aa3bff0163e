"""Examine one denied call: evidence, diagnosis and checked patches, in one pass.

In: a `DeniedCall` and the accounts' reader roles. Out: an `Analysis`. Used by the service, by the
verification after a patch, and by the command line, so that all three say the same.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from threegrants.cloudtrail import DeniedCall
from threegrants.diagnosis import (
    Diagnosis,
    Facts,
    GrantName,
    GuardrailFindings,
    MissingInformation,
    Outcome,
    diagnose_facts,
    facts_of,
    guardrails,
)
from threegrants.evidence import (
    Evidence,
    Item,
    Read,
    RoleClients,
    Unread,
    gather,
    reading_scope,
    with_bucket_of_access_point,
)
from threegrants.evidence.analyzer import review_policy
from threegrants.patches import (
    Choices,
    Drafts,
    GranteeScope,
    Handoff,
    Patch,
    Profile,
    Scope,
    combine_drafts,
    dead_principals,
    iac_owner,
    make_patches,
    not_patchable,
    unmodifiable_reason,
    verify_patches,
)

Review = Callable[[Patch], Item[tuple[str, ...]]]
"""A second opinion on a patch: what speaks against it, or why that could not be asked."""


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """What the operator decided: where patches may go, and how they are cut.

    `writable` None means "not asked here": the command line, which applies nothing. `owner_tags`
    and `write_owned` are about what infrastructure code owns; `require_patchable_tag` leaves roles and
    users alone that nobody has tagged for it (`PATCHABLE_TAG`); `analyzer` asks IAM Access Analyzer
    about each patch, in the account it is for, where that account allows it. `kept_tags` names the
    bucket's tags that go into the report, because rules about alerts ask for them.
    """

    writable: frozenset[str] | None = None
    profile: Profile = Profile.LEAST
    scope: Scope = Scope.PREFIX
    principal: GranteeScope = GranteeScope.PRINCIPAL
    owner_tags: tuple[str, ...] = ()
    write_owned: bool = False
    require_patchable_tag: bool = False
    analyzer: bool = False
    kept_tags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Analysis:
    """One examined call.

    `offered` holds every checked patch: for each missing grant the proposed one (`default`), the
    same in other scopes, and other ways to the same end. `bucket_tags` are those of the bucket's tags
    that were asked for (`AnalysisOptions.kept_tags`).
    """

    call: DeniedCall
    evidence: Evidence
    diagnosis: Diagnosis
    offered: tuple[Patch, ...] = ()
    handoffs: tuple[Handoff, ...] = ()
    bucket_tags: tuple[tuple[str, str], ...] = ()

    @property
    def patches(self) -> tuple[Patch, ...]:
        """The proposed patches: one for each missing grant."""
        return tuple(patch for patch in self.offered if patch.default)


def analyze(
    call: DeniedCall,
    clients: RoleClients,
    options: AnalysisOptions,
    folders: tuple[str, ...] = (),
    *,
    fresh: bool = False,
) -> Analysis:
    """Read the evidence and draw the conclusions.

    Args:
        call: the denied call.
        clients: clients with the reader role; their sessions get a policy for this call.
        options: what the operator decided.
        folders: the folders of all denied keys, if more than this call's key is known.
        fresh: read everything anew, as the verification of a change must.
    """
    clients = clients.within(reading_scope(call, clients.scope.name, objects=clients.objects))

    def review_patch(patch: Patch) -> Item[tuple[str, ...]]:
        where = (patch.account, patch.region)
        return review_policy(clients, where, patch.operation, patch.before, patch.after)

    evidence = gather(call, clients, fresh=fresh)
    review = review_patch if options.analyzer else None
    return analyze_evidence(
        with_bucket_of_access_point(call, evidence), evidence, options, folders, review
    )


def analyze_evidence(
    call: DeniedCall,
    evidence: Evidence,
    options: AnalysisOptions,
    folders: tuple[str, ...] = (),
    review: Review | None = None,
) -> Analysis:
    """The pure part of `analyze`: diagnosis, patches, and the checks that they do what they say.

    Args:
        call: the denied call, with its bucket named if it went through an access point.
        evidence: what was read for it.
        options: what the operator decided.
        folders: the folders of all denied keys, if more than this call's key is known.
        review: a second opinion on each patch; None to ask for none.
    """
    facts = facts_of(call, evidence)
    findings = guardrails(facts)
    diagnosis = diagnose_facts(facts, options.writable, findings)
    if diagnosis.outcome in (Outcome.ALREADY_ALLOWED, Outcome.DO_NOT_PATCH):
        return Analysis(call, evidence, diagnosis, bucket_tags=_kept_tags(evidence, options))
    asked = list(_bucket_calls(facts, findings, diagnosis, folders))
    choices = Choices(options.profile, options.scope, options.principal)
    made = [
        make_patches(
            one.facts.call, one.facts.evidence, one.diagnosis.in_force, choices, one.folders
        )
        for one in asked
    ]
    drafts = combine_drafts([one.drafts for one in made], evidence.caller, call.access.value)
    aim = diagnosis.presumed_outcome or diagnosis.outcome
    parts = [
        _checked(one, replace(other, drafts=these), aim, options, review)
        for one, other, these in zip(asked, made, drafts, strict=True)
    ]
    missing_information = _unique(item for part in parts for item in part.missing_information)
    complete = all(part.complete for part in parts)
    outcome, presumed = diagnosis.outcome, diagnosis.presumed_outcome
    if not complete:
        outcome = Outcome.HANDOFF if outcome is Outcome.FIXABLE else outcome
        presumed = Outcome.HANDOFF if presumed is Outcome.FIXABLE else presumed
    return Analysis(
        call,
        evidence,
        replace(
            diagnosis,
            outcome=outcome,
            presumed_outcome=presumed,
            unknowns=(*diagnosis.unknowns, *missing_information),
        ),
        _offered(parts),
        tuple(handoff for part in parts for handoff in part.handoffs),
        _kept_tags(evidence, options),
    )


def _kept_tags(evidence: Evidence, options: AnalysisOptions) -> tuple[tuple[str, str], ...]:
    """The bucket's tags that are asked for, as the owner's account has them; none that nobody could read."""
    found = evidence.bucket.tags if evidence.bucket else None
    tags = found.value if isinstance(found, Read) else {}
    return tuple((name, tags[name]) for name in sorted(options.kept_tags) if name in tags)


@dataclass(frozen=True, slots=True)
class _BucketCall:
    """A call as one bucket sees it: the whole call, or of a copy its writing or its reading."""

    facts: Facts
    findings: GuardrailFindings
    diagnosis: Diagnosis
    folders: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Part:
    """What is offered for one bucket; `complete` if nothing keeps the service from writing it all."""

    offered: tuple[Patch, ...]
    refused: frozenset[str]
    """the digests of drafts that failed a check"""
    missing_information: tuple[MissingInformation, ...]
    handoffs: tuple[Handoff, ...]
    complete: bool


def _bucket_calls(
    facts: Facts, findings: GuardrailFindings, diagnosis: Diagnosis, folders: tuple[str, ...]
) -> Iterator[_BucketCall]:
    yield _BucketCall(replace(facts, source=None), findings, diagnosis, folders)
    source = facts.source
    if source is not None and diagnosis.source is not None:
        yield _BucketCall(source, guardrails(source), diagnosis.source, ())


def _offered(parts: Iterable[_Part]) -> tuple[Patch, ...]:
    """What is offered for all parts; a patch for both parts of a copy must pass the checks of both."""
    each = list(parts)
    refused = {digest for part in each for digest in part.refused}
    found = {patch.digest: patch for part in each for patch in part.offered}
    return tuple(patch for digest, patch in found.items() if digest not in refused)


def _checked(
    asked: _BucketCall,
    made: Drafts,
    outcome: Outcome,
    options: AnalysisOptions,
    review: Review | None,
) -> _Part:
    facts, diagnosis = asked.facts, asked.diagnosis.in_force
    offered, doubts = verify_patches(
        made.drafts,
        facts,
        diagnosis,
        asked.findings,
        own_grant_only=outcome is Outcome.UNKNOWN,
    )
    if review is not None:
        offered, opinions = _keep_unopposed(offered, review)
        doubts += opinions
    owned_elsewhere = _unique(
        item for patch in offered if (item := _owned_elsewhere(patch, facts.evidence, options))
    )
    given = {patch.grant for patch in offered if patch.default or patch.key_named_by_caller}
    complete = not owned_elsewhere and given == diagnosis.missing_grants
    return _Part(
        offered,
        frozenset(draft.patch.digest for draft in made.drafts)
        - {patch.digest for patch in offered},
        (*made.missing_information, *doubts, *owned_elsewhere),
        made.handoffs,
        complete,
    )


def _owned_elsewhere(
    patch: Patch, evidence: Evidence, options: AnalysisOptions
) -> MissingInformation | None:
    """Why a patch is not for this service to write, if it is not."""
    what = f"direct write to {patch.target}"
    if dead := dead_principals(patch):
        refused = (
            f"the stored policy names {', '.join(dead)}, which AWS shows in place of a principal that "
            "was deleted, and refuses in a policy that is written"
        )
        return MissingInformation(
            what,
            refused,
            "the owner, who takes the dead id out of the policy and adds the statement",
        )
    if patch.grant == GrantName.IAM_POLICY and (why := unmodifiable_reason(patch.target)):
        return MissingInformation(what, why, "the change where it is owned: see the snippets")
    if options.require_patchable_tag and (found := not_patchable(patch, evidence.caller.tags)):
        return MissingInformation(what, found.why, found.needs)
    if options.write_owned:
        return None
    owner = iac_owner(patch, evidence, options.owner_tags)
    if isinstance(owner, Unread):
        why = f"whether infrastructure code owns it is not known: {owner.why}"
        return MissingInformation(what, why, owner.needs)
    if owner:
        return MissingInformation(
            what, owner, "the change in the code that owns it: see the snippets"
        )
    return None


def _keep_unopposed(
    offered: tuple[Patch, ...], review: Review
) -> tuple[tuple[Patch, ...], tuple[MissingInformation, ...]]:
    """The patches nothing speaks against; and what was said against others, or could not be asked."""
    kept: list[Patch] = []
    missing_information: list[MissingInformation] = []
    for patch in offered:
        answer = review(patch)
        if isinstance(answer, Unread):
            kept.append(patch)  # a second opinion is optional; the checks hold without it
            missing_information.append(
                MissingInformation("IAM Access Analyzer's opinion", answer.why, answer.needs)
            )
        elif answer.value:
            what = " ".join(word for word in ("patch of", patch.target, patch.scope) if word)
            why = f"IAM Access Analyzer: {'; '.join(answer.value)}"
            missing_information.append(
                MissingInformation(what, why, "a person who reads the policies")
            )
        else:
            kept.append(patch)
    return tuple(kept), tuple(missing_information)


def _unique(missing_information: Iterable[MissingInformation]) -> tuple[MissingInformation, ...]:
    return tuple(dict.fromkeys(missing_information))
