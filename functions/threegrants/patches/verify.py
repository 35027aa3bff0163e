"""Check a patch before anyone is asked to approve it.

With the patch the denied call is allowed; the text differs by what is meant only; and the evaluator
gives the same answer as before to every probe request that the grant is not about: of somebody else,
for something else, or made another way than its conditions say. A patch that fails one of the checks
is not offered.
"""

from collections.abc import Iterable
from dataclasses import replace

from threegrants.diagnosis import (
    Diagnosis,
    Facts,
    GuardrailFindings,
    MissingInformation,
    Verdict,
    diagnose_facts,
    guardrails,
)
from threegrants.patches.access_checks import access_violation
from threegrants.patches.documents import DocumentReader, PatchDocuments, with_documents
from threegrants.patches.edit_checks import edit_violation
from threegrants.patches.grant_end import (
    end_text,
    end_violation,
    ending_grants,
    exchange_violation,
    holds_end,
)
from threegrants.patches.make import Draft
from threegrants.patches.patch import Patch
from threegrants.patches.policy_checks import lockout_violation, public_violation
from threegrants.patches.size_limits import document_violation


def verify_patches(
    drafts: Iterable[Draft],
    facts: Facts,
    diagnosis: Diagnosis,
    findings: GuardrailFindings | None = None,
    *,
    own_grant_only: bool = False,
) -> tuple[tuple[Patch, ...], tuple[MissingInformation, ...]]:
    """The drafts that pass every check, and for each other one the reason.

    Args:
        drafts: the patches, each with what it is meant to grant.
        facts: of the call that they were made for.
        diagnosis: of the same call.
        findings: what the guardrails say, where that is known already.
        own_grant_only: see `still_denied`.
    """
    reader = DocumentReader(facts)
    listed = [(draft, reader.read(draft.patch)) for draft in drafts]
    proposed = [documents for draft, documents in listed if draft.preferred]
    findings = findings or guardrails(facts)
    grantee = diagnosis.grantee or ""
    kept: list[Patch] = []
    missing_information: list[MissingInformation] = []
    for draft, documents in listed:
        patch = draft.patch
        others = [other for other in proposed if other.patch.grant != patch.grant]
        problem = violation(draft, documents, facts, grantee) or still_denied(
            documents, facts, others, findings, own_grant_only=own_grant_only
        )
        if problem:
            what = " ".join(word for word in ("patch of", patch.target, patch.scope) if word)
            missing_information.append(
                MissingInformation(
                    f"check of the {what}", problem, "a person who reads the policies"
                )
            )
        else:
            kept.append(patch)
    return tuple(kept), tuple(dict.fromkeys(missing_information))


def still_denied(
    documents: PatchDocuments,
    facts: Facts,
    other_patches: Iterable[PatchDocuments],
    findings: GuardrailFindings | None = None,
    *,
    own_grant_only: bool = False,
) -> str:
    """Why the denied call would still be refused; empty if it would be allowed.

    Args:
        documents: the patch.
        facts: of the call; only what the patches change is evaluated from other policies.
        other_patches: the patches of the other grants.
        findings: what the guardrails say, where that is known already.
        own_grant_only: something else about the call is not known, so nobody is asked to approve;
            then it is enough that this grant is not missing any more.
    """
    patched = replace(with_documents(facts, (*other_patches, documents)), source=None)
    after = diagnose_facts(patched, findings=findings, hints=False)
    if after.presumably_allowed:
        return ""
    own = after.verdict_on(documents.patch.grant)
    if own_grant_only and own is not Verdict.MISSING:
        return ""
    return f"with it the call would still be refused: {after.summary}"


def violation(draft: Draft, documents: PatchDocuments, facts: Facts, grantee: str) -> str:
    """Why a patch grants something else than it is meant to; empty if every check holds.

    Args:
        draft: the patch and what it is meant to grant.
        documents: of the same patch.
        facts: of the call that it was made for.
        grantee: the ARN of the role or user it is for.
    """
    if not _principal_was_seen(facts):
        return (
            "whether the principal still exists was not seen: AWS would refuse the policy, or keep "
            f"a dead id in it; needs iam:GetRole or iam:GetUser for {grantee}"
        )
    if documents.error:
        return f"the evaluator cannot read the policy: {documents.error}"
    for one in draft.grant_statements:
        if one.uncheckable_condition is not None:
            key = one.uncheckable_condition.key
            return f"whether the owner's condition on {key} keeps anything out cannot be checked"
    return (
        edit_violation(documents, draft.grant_statements)
        or access_violation(documents, draft.grant_statements, grantee)
        or public_violation(documents)
        or lockout_violation(documents)
    )


def dated_violation(offered: Patch, dated: Patch, ends_at: int, now: int) -> str:
    """Why a patch with an end may not take the place of the offered one; empty if it may.

    Its statements are those of the offered patch with one condition more each, which can only narrow them.
    The evaluator is asked as well, where it can be told what meets every condition: it can not for those
    that are kept of an owner.

    Args:
        offered: the patch that was checked and offered.
        dated: the same with an end (`grant_end.with_end`).
        ends_at: seconds since the epoch.
        now: seconds since the epoch: the grant must hold now.
    """
    if not now < ends_at:
        return f"{end_text(ends_at)} is over"
    problem = end_violation(offered, dated, ends_at) or document_violation(dated)
    if problem or not holds_end(offered):
        return problem or ""
    documents = DocumentReader().read(dated)
    if documents.error:
        return f"the evaluator cannot read the policy: {documents.error}"
    meant = ending_grants(dated, ends_at, now)
    found = public_violation(documents) or lockout_violation(documents)
    if found or meant is None:
        return found
    grantee = meant[0].principal or dated.target
    return edit_violation(documents, meant) or access_violation(documents, meant, grantee)


def later_violation(written: Patch, later: Patch, ends_at: int, now: int) -> str:
    """Why a patch that exchanges the end of a grant may not be written; empty if it may.

    Args:
        written: what is in force, with its end.
        later: the patch that exchanges it (`grant_end.with_later_end`).
        ends_at: seconds since the epoch.
        now: seconds since the epoch.
    """
    if not now < ends_at:
        return f"{end_text(ends_at)} is over"
    problem = exchange_violation(written, later, ends_at) or document_violation(later)
    if problem:
        return problem
    documents = DocumentReader().read(later)
    if documents.error:
        return f"the evaluator cannot read the policy: {documents.error}"
    return public_violation(documents) or lockout_violation(documents)


def _principal_was_seen(facts: Facts) -> bool:
    """Whether the role or user was seen now: its tags or boundary come with its description."""
    caller = facts.evidence.caller
    described = caller.tags.value_or_none is not None or facts.has_boundary is not None
    return caller.arn.value_or_none is not None and described
