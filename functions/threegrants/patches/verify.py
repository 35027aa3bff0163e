"""Check a patch before anyone is asked to approve it.

With the patch the denied call is allowed; the text differs by what is meant only; and the evaluator
gives the same answer as before to every probe request that the grant is not about: of somebody else,
for something else, or made another way than its conditions say. A patch that fails one of the checks
is not offered.

A request gets another answer only if a statement that was added, changed or taken away may apply to
it. So only those probe requests are decided before and after; that the others are not touched is
told by the evaluator's own matching of principals, actions and resources.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from threegrants.aws.policy_json import (
    aws_principals,
    is_ours,
    same_grant,
    statements,
    texts,
)
from threegrants.diagnosis import (
    Diagnosis,
    Facts,
    GrantName,
    GuardrailFindings,
    MissingInformation,
    ParsedPolicy,
    Verdict,
    diagnose_facts,
    guardrails,
)
from threegrants.iam import (
    CompiledPolicies,
    KmsGrant,
    Policies,
    Policy,
    Request,
    Statement,
)
from threegrants.iam.predicates import ACTIONS_INCLUDE, RESOURCE_PREDICATES
from threegrants.patches.documents import (
    DocumentReader,
    PatchDocuments,
    json_of,
    with_documents,
)
from threegrants.patches.grant_statement import GrantStatement
from threegrants.patches.make import Draft
from threegrants.patches.patch import Patch
from threegrants.patches.policy_checks import (
    ALL,
    ALLOW_ALL_IDENTITY,
    lockout_violation,
    public_violation,
)
from threegrants.patches.probe_requests import ProbeRequest, probe_requests, session_of

_NO_STATEMENTS = Policy("none", ())


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
        _edit_violation(documents, draft.grant_statements)
        or _access_violation(documents, draft.grant_statements, grantee)
        or public_violation(documents)
        or lockout_violation(documents)
    )


def _principal_was_seen(facts: Facts) -> bool:
    """Whether the role or user was seen now: its tags or boundary come with its description."""
    caller = facts.evidence.caller
    described = caller.tags.value_or_none is not None or facts.has_boundary is not None
    return caller.arn.value_or_none is not None and described


def _edit_violation(documents: PatchDocuments, grant_statements: tuple[GrantStatement, ...]) -> str:
    """What is written differs from what was there by the statements that are meant, and no more."""
    grant = documents.grant
    if grant is not None:
        held = (grant.grantee_principal, {f"kms:{one}" for one in grant.operations})
        same = [(one.principal, set(one.actions)) for one in grant_statements] == [held]
        return "" if same else "the KMS grant is not the one that is meant"
    before, after = json_of(documents.before), json_of(documents.after)
    if documents.before is not None and _outside_statements(before) != _outside_statements(after):
        return "the patch changes the document outside its statements"
    old, new = statements(before), statements(after)
    changed = [index for index, one in enumerate(new) if index >= len(old) or one != old[index]]
    if len(changed) != len(grant_statements) or len(new) < len(old):
        return f"the patch changes {len(changed)} statements, not {len(grant_statements)}"
    unsaid = list(grant_statements)
    for index in changed:
        ours = new[index]
        if index >= len(old):
            names: tuple[str, ...] = ()
        elif is_ours(old[index]) and _without_principal(old[index]) == _without_principal(ours):
            names = aws_principals(old[index])
        else:
            return "the patch changes a statement that is not ours"
        said = next((one for one in unsaid if _says(ours, one, names)), None)
        if said is None:
            return "the statement does not say exactly what it is meant to"
        unsaid.remove(said)
        if any(action == "*" or action.endswith(":*") for action in texts(ours["Action"])):
            return "the statement allows every action of a service"
    return ""


def _says(ours: Mapping[str, Any], meant: GrantStatement, names: tuple[str, ...]) -> bool:
    """Whether a statement of ours says exactly what is meant, beside principals it named before."""
    names += () if meant.principal is None else (meant.principal,)
    return (
        is_ours(ours) and same_grant(ours, meant.to_statement("")) and aws_principals(ours) == names
    )


def _outside_statements(document: Mapping[str, Any]) -> dict[str, Any]:
    return {element: value for element, value in document.items() if element != "Statement"}


def _without_principal(statement: Mapping[str, Any]) -> dict[str, Any]:
    return {element: value for element, value in statement.items() if element != "Principal"}


def _access_violation(
    documents: PatchDocuments, grant_statements: tuple[GrantStatement, ...], grantee: str
) -> str:
    """No answer of the evaluator changes but those that the grant is about, and those do."""
    owner = documents.patch.account
    grant_context = _context(documents)
    probes = list(
        dict.fromkeys(
            probe
            for one in grant_statements
            for probe in probe_requests(documents, one, grantee, owner)
        )
    )
    meant = [(one, _Part.covered_by(one, probes)) for one in grant_statements]
    # A request beside the grant is asked where the conditions hold: there most would be let in.
    contexts = [{**grant_context, **one.contexts_inside()[0]} for one in grant_statements]
    touched = _touched(documents, probes, grant_context)
    before, after = (
        [
            CompiledPolicies(policies)
            for policies in _surrounding_policies(documents, patched=patched)
        ]
        for patched in (False, True)
    )
    meant_for = {grantee, session_of(grantee)} if ":role/" in grantee else {grantee}
    beside = _SAMPLED_BESIDE
    for probe in probes:
        about = [one for one, part in meant if part.holds(probe)]
        if about and probe[0] in meant_for:
            for context in (inside for one in about for inside in one.contexts_inside()):
                request = Request(*probe, owner, {**grant_context, **context})
                if not after[0].decide(request).allowed:
                    return f"it does not allow {probe[0]} {probe[1]} on {probe[2]}"
        if about:
            if not beside or not any(one.is_conditional for one in about):
                continue
            beside -= 1
            asked = [
                context
                for one in about
                for context in one.contexts_outside()
                if not any(other.covers_context(context) for other in about)
            ]
        elif touched is None or any(part.holds(probe) for part in touched):
            asked = contexts
        else:
            continue
        for context in asked:
            request = Request(*probe, owner, context)
            if any(
                old.decide(request).allowed != new.decide(request).allowed
                for old, new in zip(before, after, strict=True)
            ):
                way = ", made another way than it is meant for" if about else ""
                return f"it would change whether {probe[0]} may {probe[1]} on {probe[2]}{way}"
    return ""


_SAMPLED_BESIDE = 12
"""How many of the requests that a grant is about are also asked with its conditions not met."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the probe requests: every combination of some principals, actions, resources."""

    principals: frozenset[str]
    actions: frozenset[str]
    resources: frozenset[str]

    def holds(self, probe: ProbeRequest) -> bool:
        """Whether a probe request is in this part."""
        principal, action, resource = probe
        return (
            action in self.actions and principal in self.principals and resource in self.resources
        )

    @classmethod
    def covered_by(cls, grant_statement: GrantStatement, probes: Iterable[ProbeRequest]) -> "_Part":
        """What the grant is about, told without the evaluator."""
        principals, actions, resources = (set(part) for part in zip(*probes, strict=True))
        return cls(
            frozenset(filter(grant_statement.covers_principal, principals)),
            frozenset(filter(grant_statement.covers_action, actions)),
            frozenset(filter(grant_statement.covers_resource, resources)),
        )

    @classmethod
    def of_statement(
        cls, statement: Statement, probes: Iterable[ProbeRequest], owner: str
    ) -> "_Part":
        """What a statement may apply to, whatever its conditions say."""
        principals, actions, resources = (set(part) for part in zip(*probes, strict=True))
        about, where, named = statement.actions, statement.resources, statement.principals
        if about is None or where is None:
            return cls(frozenset(), frozenset(), frozenset())
        anything = next(iter(actions)), next(iter(resources)), owner
        is_on = RESOURCE_PREDICATES[where]
        return cls(
            frozenset(
                one
                for one in principals
                if named is None or named.match(Request(one, *anything).environment)
            ),
            frozenset(one for one in actions if ACTIONS_INCLUDE[one.lower()][about]),
            frozenset(one for one in resources if is_on(one, {})),
        )

    @classmethod
    def of_grant(
        cls, grant: KmsGrant, probes: Iterable[ProbeRequest], owner: str, context: Mapping[str, str]
    ) -> "_Part":
        """What a KMS grant applies to."""
        principals, actions, _ = (set(part) for part in zip(*probes, strict=True))
        operation, key = f"kms:{grant.operations[0]}", grant.key_arn

        def applies(principal: str, action: str) -> bool:
            return bool(grant.match(Request(principal, action, key, owner, context)))

        return cls(
            frozenset(one for one in principals if applies(one, operation)),
            frozenset(one for one in actions if applies(grant.grantee_principal, one)),
            frozenset({key}),
        )


def _touched(
    documents: PatchDocuments, probes: Iterable[ProbeRequest], context: Mapping[str, str]
) -> list[_Part] | None:
    """The probe requests that a statement may apply to which is not in both documents.

    None for all: what is changed outside the statements is about every one of them.
    """
    before, after, owner = documents.before, documents.after, documents.patch.account
    if documents.grant is not None:
        return [_Part.of_grant(documents.grant, probes, owner, context)]
    if after is None or after.policy is None:
        return None
    if before is None or before.policy is None:
        changed = list(after.policy.statements)
    elif _outside_statements(json_of(before)) != _outside_statements(json_of(after)):
        return None
    else:
        old, new = statements(json_of(before)), statements(json_of(after))
        changed = [
            one
            for these, those, policy in ((new, old, after.policy), (old, new, before.policy))
            for stated, one in zip(these, policy.statements, strict=True)
            if stated not in those
        ]
    return [_Part.of_statement(one, probes, owner) for one in changed if one.allows]


def _surrounding_policies(documents: PatchDocuments, *, patched: bool) -> list[Policies]:
    """What is in force around the policy: everything its other side could allow, and nothing.

    Denies are left out, for they stay as they are: what one of them hides today, nobody relies on.
    """
    patch = documents.patch
    policy = _allow_statements(documents.after if patched else documents.before)
    if patch.grant == GrantName.IAM_POLICY:
        return [Policies(identity=(policy,), resource=_delegation(patch.account))]
    if documents.grant is not None:
        grants = (documents.grant,) if patched else ()
        resource = _delegation(patch.account)
        return [
            Policies(identity=identity, resource=resource, grants=grants)
            for identity in (ALLOW_ALL_IDENTITY, ())
        ]
    return [Policies(identity=identity, resource=policy) for identity in (ALLOW_ALL_IDENTITY, ())]


def _delegation(owner: str) -> Policy:
    """A resource-based policy that leaves everything to the owner's own IAM policies."""
    statement = {**ALL, "Principal": {"AWS": owner}}
    return Policy.parse({"Version": "2012-10-17", "Statement": statement}, "delegation")


def _allow_statements(policy: ParsedPolicy | None) -> Policy:
    if policy is None or policy.policy is None:
        return _NO_STATEMENTS
    allows = tuple(one for one in policy.policy.statements if one.allows)
    return policy.policy._replace(statements=allows)


def _context(documents: PatchDocuments) -> dict[str, str]:
    """The encryption context that a KMS grant wants."""
    constraints = documents.grant.constraints if documents.grant is not None else {}
    subset = constraints.get("EncryptionContextSubset", {})
    return {f"kms:EncryptionContext:{key}": value for key, value in subset.items()}
