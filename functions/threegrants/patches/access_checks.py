"""No answer of the evaluator changes but those that a patch is about, and those do.

A request gets another answer only if a statement that was added, changed or taken away may apply to
it. So only those probe requests are decided before and after; that the others are not touched is
told by the evaluator's own matching of principals, actions and resources.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from threegrants.aws.policy_json import outside_statements, statements
from threegrants.diagnosis import GrantName, ParsedPolicy
from threegrants.iam import (
    CompiledPolicies,
    KmsGrant,
    Policies,
    Policy,
    Request,
    Statement,
)
from threegrants.iam.predicates import ACTIONS_INCLUDE, RESOURCE_PREDICATES
from threegrants.patches.documents import PatchDocuments, json_of
from threegrants.patches.grant_statement import GrantStatement
from threegrants.patches.policy_checks import ALL, ALLOW_ALL_IDENTITY
from threegrants.patches.probe_requests import ProbeRequest, probe_requests, session_of

_NO_STATEMENTS = Policy("none", ())


def access_violation(
    documents: PatchDocuments, grant_statements: tuple[GrantStatement, ...], grantee: str
) -> str:
    """Which answer changes that should not, or does not that should; empty if there is none.

    Args:
        documents: the patch.
        grant_statements: what it is meant to grant.
        grantee: the ARN of the role or user it is for.
    """
    owner = documents.patch.account
    grant_context = _context(documents)
    probes = list(
        dict.fromkeys(
            probe
            for one in grant_statements
            for probe in probe_requests(documents, one, grantee, owner)
        )
    )
    meant = [(one, _RequestPart.covered_by(one, probes)) for one in grant_statements]
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
class _RequestPart:
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
    def covered_by(
        cls, grant_statement: GrantStatement, probes: Iterable[ProbeRequest]
    ) -> "_RequestPart":
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
    ) -> "_RequestPart":
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
    ) -> "_RequestPart":
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
) -> list[_RequestPart] | None:
    """The probe requests that a statement may apply to which is not in both documents.

    None for all: what is changed outside the statements is about every one of them.
    """
    before, after, owner = documents.before, documents.after, documents.patch.account
    if documents.grant is not None:
        return [_RequestPart.of_grant(documents.grant, probes, owner, context)]
    if after is None or after.policy is None:
        return None
    if before is None or before.policy is None:
        changed = list(after.policy.statements)
    elif outside_statements(json_of(before)) != outside_statements(json_of(after)):
        return None
    else:
        old, new = statements(json_of(before)), statements(json_of(after))
        changed = [
            one
            for these, those, policy in ((new, old, after.policy), (old, new, before.policy))
            for stated, one in zip(these, policy.statements, strict=True)
            if stated not in those
        ]
    return [_RequestPart.of_statement(one, probes, owner) for one in changed if one.allows]


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
