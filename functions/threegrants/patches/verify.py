"""Prove a patch before anyone is asked to approve it.

With the patch the denied call is allowed; and nothing else is: the text differs by one grant only,
and the evaluator gives the same answer as before to every question the grant is not about. A patch
that fails is not offered.
"""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from threegrants.aws.arn import Arn, account_root
from threegrants.aws.policy_json import aws_principals, is_ours, same_grant, statements, texts
from threegrants.cloudtrail import DeniedCall
from threegrants.diagnosis import Diagnosis, MissingInformation, Verdict, diagnose
from threegrants.evidence import Evidence, KeyEvidence, NamedPolicy, Read
from threegrants.iam import (
    KmsGrant,
    Policies,
    Policy,
    PolicyError,
    Request,
    authorize,
    is_public,
)
from threegrants.patches.grant_statement import GrantStatement
from threegrants.patches.make import Draft
from threegrants.patches.patch import Patch
from threegrants.patches.probe_requests import probe_requests, session_of

_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}
_ALLOW_ALL_IDENTITY = (Policy.parse({"Version": "2012-10-17", "Statement": _ALL}, "everything"),)


def with_patches(evidence: Evidence, patches: Iterable[Patch]) -> Evidence:
    """The same snapshot, with what each patch writes in place."""
    for patch in patches:
        bucket = evidence.bucket
        key = evidence.key.value if isinstance(evidence.key, Read) else None
        if patch.grant == "bucket_policy":
            if bucket is not None and patch.target.endswith(f":::{bucket.name}"):
                evidence = replace(evidence, bucket=replace(bucket, policy=Read(patch.after)))
        elif patch.grant == "key_policy":
            if key is not None and patch.target == key.arn:
                evidence = replace(evidence, key=Read(_patched_key(key, patch)))
        elif isinstance(evidence.caller.policies, Read):
            kind = "managed" if patch.operation == "iam:CreatePolicy" else "inline"
            kept = [
                policy
                for policy in evidence.caller.policies.value
                if (policy.name, policy.kind) != (patch.policy_name, kind)
            ]
            policies = (*kept, NamedPolicy(patch.policy_name or "", patch.after, kind))
            evidence = replace(evidence, caller=replace(evidence.caller, policies=Read(policies)))
    return evidence


def _patched_key(key: KeyEvidence, patch: Patch) -> KeyEvidence:
    if patch.operation != "kms:CreateGrant":
        return replace(key, policy=Read(patch.after))
    held = key.grants.value if isinstance(key.grants, Read) else ()
    return replace(key, grants=Read((*held, _grant(patch))))


def violation(draft: Draft, evidence: Evidence, grantee: str, owner: str) -> str:
    """Why a patch grants something else than it is meant to; empty if every proof holds.

    Args:
        draft: the patch and what it is meant to grant.
        evidence: the snapshot it was made from.
        grantee: the ARN of the role or user it is for.
        owner: the account that owns the bucket, the key, or the role.
    """
    patch, grant_statement = draft.patch, draft.grant_statement
    if not _principal_was_seen(evidence):
        return (
            "whether the principal still exists was not seen: AWS would refuse the policy, or keep "
            f"a dead id in it; needs iam:GetRole or iam:GetUser for {grantee}"
        )
    try:
        return (
            _edit_violation(patch, grant_statement)
            or _access_violation(patch, grant_statement, grantee, owner)
            or _public_violation(patch)
            or _lockout_violation(patch, owner)
        )
    except PolicyError as error:
        return f"the evaluator cannot read the policy: {error}"


def still_denied(
    patch: Patch,
    call: DeniedCall,
    evidence: Evidence,
    other_patches: Iterable[Patch],
    *,
    own_grant_only: bool = False,
) -> str:
    """Why the denied call would still be refused; empty if it would be allowed.

    `other_patches` are the patches of the other grants. `own_grant_only`: something else about the call is not
    known, so nobody is asked to approve; then it is enough that this grant is not missing any more.
    """
    after = diagnose(call, with_patches(evidence, (*other_patches, patch)))
    if after.allowed:
        return ""
    still = {
        "bucket_policy": after.bucket_policy.verdict,
        "key_policy": after.key_policy.verdict,
        "iam_policy": after.iam_policy.verdict,
    }[patch.grant]
    if own_grant_only and still is not Verdict.MISSING:
        return ""
    return f"with it the call would still be refused: {after.summary}"


def verify_patches(
    drafts: Iterable[Draft],
    call: DeniedCall,
    evidence: Evidence,
    diagnosis: Diagnosis,
    *,
    own_grant_only: bool = False,
) -> tuple[tuple[Patch, ...], tuple[MissingInformation, ...]]:
    """The drafts whose proofs hold, and for each other one the reason."""
    listed = list(drafts)
    grantee = diagnosis.grantee or ""
    proposed = [draft.patch for draft in listed if draft.patch.default]
    kept: list[Patch] = []
    missing_information: list[MissingInformation] = []
    for draft in listed:
        patch = draft.patch
        other_patches = [other for other in proposed if other.grant != patch.grant]
        problem = violation(draft, evidence, grantee, patch.account) or still_denied(
            patch, call, evidence, other_patches, own_grant_only=own_grant_only
        )
        if problem:
            what = " ".join(word for word in ("patch of", patch.target, patch.scope) if word)
            missing_information.append(
                MissingInformation(
                    f"proof of the {what}", problem, "a person who reads the policies"
                )
            )
        else:
            kept.append(patch)
    return tuple(kept), tuple(dict.fromkeys(missing_information))


def _principal_was_seen(evidence: Evidence) -> bool:
    """Whether the role or user was seen now: its tags or boundary come with its description."""
    caller = evidence.caller
    seen = isinstance(caller.tags, Read) or isinstance(caller.boundary, Read)
    return isinstance(caller.arn, Read) and caller.arn.value is not None and seen


def _edit_violation(patch: Patch, grant_statement: GrantStatement) -> str:
    """What is written differs from what was there by one grant, which says what it is meant to."""
    if patch.operation == "kms:CreateGrant":
        grant = json.loads(patch.after)
        said = (grant["GranteePrincipal"], {f"kms:{one}" for one in grant["Operations"]})
        same = said == (grant_statement.principal, set(grant_statement.actions))
        return "" if same else "the KMS grant is not the one that is meant"
    before: Any = {} if patch.before is None else json.loads(patch.before)
    after: Any = json.loads(patch.after)
    if patch.before is not None and _outside_statements(before) != _outside_statements(after):
        return "the patch changes the document outside its statements"
    old, new = statements(before), statements(after)
    changed = [index for index, one in enumerate(new) if index >= len(old) or one != old[index]]
    if len(changed) != 1 or len(new) - len(old) not in (0, 1):
        return f"the patch changes {len(changed)} statements, not one"
    ours = new[changed[0]]
    if len(new) > len(old):
        names: tuple[str, ...] = ()
    elif is_ours(old[changed[0]]) and _without_principal(old[changed[0]]) == _without_principal(
        ours
    ):
        names = aws_principals(old[changed[0]])
    else:
        return "the patch changes a statement that is not ours"
    names += () if grant_statement.principal is None else (grant_statement.principal,)
    if (
        not is_ours(ours)
        or not same_grant(ours, grant_statement.to_statement(""))
        or aws_principals(ours) != names
    ):
        return "the statement does not say exactly what it is meant to"
    if any(action == "*" or action.endswith(":*") for action in texts(ours["Action"])):
        return "the statement allows every action of a service"
    return ""


def _outside_statements(document: dict[str, Any]) -> dict[str, Any]:
    return {element: value for element, value in document.items() if element != "Statement"}


def _without_principal(statement: dict[str, Any]) -> dict[str, Any]:
    return {element: value for element, value in statement.items() if element != "Principal"}


def _access_violation(
    patch: Patch, grant_statement: GrantStatement, grantee: str, owner: str
) -> str:
    """No answer of the evaluator changes but those that the grant is about, and those do."""
    context = _context(patch)
    before, after = (
        _surrounding_policies(patch, owner, patched=patched) for patched in (False, True)
    )
    meant_for = {grantee, session_of(grantee)} if ":role/" in grantee else {grantee}
    for probe in probe_requests(patch, grant_statement, grantee, owner):
        request = Request(*probe, owner, context)
        answers = [
            (authorize(request, old).allowed, authorize(request, new).allowed)
            for old, new in zip(before, after, strict=True)
        ]
        if grant_statement.covers_request(*probe):
            if probe[0] in meant_for and not answers[0][1]:
                return f"it does not allow {probe[0]} {probe[1]} on {probe[2]}"
        elif any(old != new for old, new in answers):
            return f"it would change whether {probe[0]} may {probe[1]} on {probe[2]}"
    return ""


def _surrounding_policies(patch: Patch, owner: str, *, patched: bool) -> list[Policies]:
    """What is in force around the policy: everything its other side could allow, and nothing.

    Denies are left out, for they stay as they are: what one of them hides today, nobody relies on.
    """
    text = patch.after if patched else patch.before
    if patch.grant == "iam_policy":
        delegates = {**_ALL, "Principal": {"AWS": owner}}
        resource = Policy.parse({"Version": "2012-10-17", "Statement": delegates}, "delegation")
        return [Policies(identity=(_allow_statements(text),), resource=resource)]
    if patch.operation == "kms:CreateGrant":
        delegates = {**_ALL, "Principal": {"AWS": owner}}
        resource = Policy.parse({"Version": "2012-10-17", "Statement": delegates}, "delegation")
        grants = (_grant(patch),) if patched else ()
        return [
            Policies(identity=identity, resource=resource, grants=grants)
            for identity in (_ALLOW_ALL_IDENTITY, ())
        ]
    return [
        Policies(identity=identity, resource=_allow_statements(text))
        for identity in (_ALLOW_ALL_IDENTITY, ())
    ]


def _allow_statements(text: str | None) -> Policy:
    """The Allow statements of a document."""
    loaded: Any = {"Statement": []} if text is None else json.loads(text)
    kept = [
        one
        for one in statements(loaded)
        if not isinstance(one, dict) or one.get("Effect") != "Deny"
    ]
    return Policy.parse({**loaded, "Statement": kept}, "policy")


def _context(patch: Patch) -> dict[str, str]:
    if patch.operation != "kms:CreateGrant":
        return {}
    subset = json.loads(patch.after).get("Constraints", {}).get("EncryptionContextSubset", {})
    return {f"kms:EncryptionContext:{key}": value for key, value in subset.items()}


def _public_violation(patch: Patch) -> str:
    """No policy becomes public; S3 would also shut out other accounts from a bucket then."""
    if patch.grant == "iam_policy" or patch.operation == "kms:CreateGrant":
        return ""
    before = Policy.parse(patch.before, "policy") if patch.before is not None else None
    if is_public(Policy.parse(patch.after, "policy")) and not (before and is_public(before)):
        return "it would make the policy public"
    return ""


def _lockout_violation(patch: Patch, owner: str) -> str:
    """Whoever could read and change the key policy still can, and somebody can."""
    if patch.operation != "kms:PutKeyPolicy" or patch.before is None:
        return ""
    old, new = (Policy.parse(text, "key policy") for text in (patch.before, patch.after))
    named = [
        name
        for one in statements(json.loads(patch.before))
        if isinstance(one, dict)
        for name in aws_principals(one)
    ]
    root = account_root(owner, Arn.parse(patch.target).partition)
    principals = [
        root,
        root.replace(":root", ":role/any"),
        *(n for n in named if n.startswith("arn:")),
    ]
    administrators = 0
    for principal in dict.fromkeys(principals):
        for action in ("kms:PutKeyPolicy", "kms:GetKeyPolicy"):
            request = Request(principal, action, patch.target, owner)
            could, can = (
                authorize(request, Policies(identity=_ALLOW_ALL_IDENTITY, resource=policy)).allowed
                for policy in (old, new)
            )
            if could and not can:
                return f"{principal} could not {action} any more"
            administrators += can and action == "kms:PutKeyPolicy"
    return "" if administrators else "nobody who is named could change the key policy afterwards"


def _grant(patch: Patch) -> KmsGrant:
    grant = json.loads(patch.after)
    return KmsGrant(
        patch.target,
        grant["GranteePrincipal"],
        tuple(grant["Operations"]),
        grant.get("Constraints", {}),
        grant["Name"],
    )
