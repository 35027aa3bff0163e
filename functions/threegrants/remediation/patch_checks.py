"""What must hold of patches before anything is written: a table of checks. Pure.

Patches are made and checked elsewhere (`patches/`); here each is looked at once more for what must
never be, by itself and without trust in who made it. What may be granted at all is the table of
`patches.grantable_actions`.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from threegrants.aws.arn import ACCOUNT_ID, PARTITION, account_root, parse_arn, via_s3
from threegrants.aws.policy_json import (
    is_our_condition,
    is_ours,
    outside_statements,
    same_statement,
    texts,
)
from threegrants.evidence import Unread
from threegrants.patches import Patch, not_patchable
from threegrants.patches.grant_end import without_end
from threegrants.patches.grantable_actions import GRANT_OPERATIONS, is_grantable
from threegrants.remediation.approvers import account_of
from threegrants.remediation.limit_facts import LimitFacts
from threegrants.remediation.limits import Limits
from threegrants.remediation.opened_access import (
    added_principals,
    new_statements,
    opened_access,
    statements_in,
)
from threegrants.remediation.remediation_roles import PARAMETERS, role_of
from threegrants.report import PrincipalReport

_PRINCIPAL = re.compile(
    rf"arn:{PARTITION}:iam::{ACCOUNT_ID}:(?:root|(?:role|user)/[\w+=,.@/-]+)", re.ASCII
)
_RESOURCE = re.compile(
    rf"arn:{PARTITION}:(?:"
    r"s3:::[a-z0-9.-]+(?:/.*)?"
    rf"|s3:[a-z0-9-]*:{ACCOUNT_ID}:accesspoint/[\w.-]+(?:/.*)?"
    rf"|kms:[a-z0-9-]+:{ACCOUNT_ID}:key/[\w-]+)",
    re.ASCII | re.DOTALL | re.IGNORECASE,
)
_MOST_STATEMENTS = 4
"""What one patch may add: the bucket's part and the key's, for both parts of a copy."""
_OBJECTS = re.compile(rf"arn:{PARTITION}:s3:::[A-Za-z0-9._-]+(?:/.+)?", re.ASCII | re.DOTALL)
Check = Callable[[Limits, PrincipalReport, Sequence[Patch], LimitFacts], str | None]
"""Limits, the denied principal, patches and facts in; what is wrong with them out, None if nothing."""


def objection(
    limits: Limits, principal: PrincipalReport, patches: Sequence[Patch], facts: LimitFacts
) -> str | None:
    """Why these patches may not be applied; None if they may.

    Args:
        limits: the limits as they are now.
        principal: who was denied: nobody else is granted anything.
        patches: what is to be applied.
        facts: what the limits need to know of AWS as it is now.
    """
    for check in CHECKS:
        found = check(limits, principal, patches, facts)
        if found is not None:
            return found
    return None


def accounts(principal: PrincipalReport, patches: Sequence[Patch]) -> frozenset[str]:
    """The accounts that are written to, that own a key which is opened, and the caller's."""
    keys = (key for patch in patches for key in opened_access(patch).keys)
    return frozenset(
        {patch.account for patch in patches}
        | {account_of(key) for key in keys}
        | {str(principal.account)}
    )


def grants_to_account(patches: Sequence[Patch]) -> frozenset[str]:
    """The accounts that these patches grant to as a whole."""
    return frozenset(
        account_of(arn)
        for patch in patches
        for arn in added_principals(patch)
        if arn.endswith(":root")
    )


def _trusted(
    limits: Limits, principal: PrincipalReport, patches: Sequence[Patch], _: LimitFacts
) -> str | None:
    strange = accounts(principal, patches) - limits.trusted
    if not strange:
        return None
    return f"account {', '.join(sorted(strange))} is not in TrustedAccounts: nothing is applied"


def _in_the_organization(
    limits: Limits, principal: PrincipalReport, patches: Sequence[Patch], facts: LimitFacts
) -> str | None:
    if limits.organization is None:
        return None
    for account in sorted(accounts(principal, patches)):
        item = facts.organizations.get(account)
        if item is None or isinstance(item, Unread):
            return f"the organisation of account {account} is not known: {_unread(item)}"
        if item.value != limits.organization:
            return f"account {account} is not in organisation {limits.organization}"
    return None


def _one_patch_a_target(
    _: Limits, __: PrincipalReport, patches: Sequence[Patch], ___: LimitFacts
) -> str | None:
    seen: set[tuple[str, str]] = set()
    for patch in patches:
        if (patch.grant, patch.target) in seen:
            return f"two patches of {patch.target}: approve one of them"
        seen.add((patch.grant, patch.target))
    return None


def _unprotected(
    limits: Limits, _: PrincipalReport, patches: Sequence[Patch], facts: LimitFacts
) -> str | None:
    """Nothing protected is written to, nor opened, whichever document the statement stands in."""
    opened = [opened_access(patch) for patch in patches]
    named = {patch.target for patch in patches}.union(*(one.buckets | one.keys for one in opened))
    for arn in sorted(named | set(facts.tags)):
        pattern = limits.protects(arn)
        if pattern is not None:
            return f"{arn} is protected ({pattern})"
        item = facts.tags.get(arn)
        if item is None or isinstance(item, Unread):
            return f"whether a tag protects {arn} is not known: {_unread(item)}"
        for name, value in limits.protecting_tags:
            if item.value.get(name) == value:
                return f"{arn} is protected (tag {name}={value})"
    data = frozenset().union(*(one.resources | one.encrypted for one in opened))
    if any(one.opens_key_for_anything for one in opened):
        data |= {f"{arn}/*" for arn in facts.tags if ":s3:::" in arn}  # the buckets of the call
    for resource in sorted(data):
        pattern = limits.protects_part_of(resource)
        if pattern is not None:
            return f"{resource} holds what is protected ({pattern})"
    return None


def _only_ours(
    _: Limits, __: PrincipalReport, patches: Sequence[Patch], ___: LimitFacts
) -> str | None:
    """Every statement that is not ours stays, and what is new or changed are statements of ours.

    One statement says one thing; a few where one cannot say it (see `patches.make`).
    """
    for patch in patches:
        if patch.operation == "kms:CreateGrant":
            continue
        after = statements_in(patch.after)
        lost = [old for old in statements_in(patch.before) if not _in(old, after)]
        if any(not is_ours(old) for old in lost):
            return f"the patch of {patch.target} would change a statement that is not ours"
        new = new_statements(patch)
        if not 1 <= len(new) <= _MOST_STATEMENTS or not all(map(is_ours, new)):
            return f"the patch of {patch.target} does not add statements of ours only"
        sids = [one.get("Sid") for one in new]
        said_again = [without_end(one) for one in new]
        gone = [old for old in lost if old.get("Sid") not in sids]
        if any(not _same_but_for_end(old, said_again) for old in gone) or len(set(sids)) < len(
            sids
        ):
            return f"the patch of {patch.target} would change more than its own statements"
        said = [(sorted(texts(one.get("Action"))), one.get("Condition")) for one in new]
        if any(one in said[:at] for at, one in enumerate(said)):
            return f"the patch of {patch.target} says in two statements what one can say"
        if _outside_statements(patch.before) not in ({}, _outside_statements(patch.after)):
            return f"the patch of {patch.target} would change more than its statements"
    return None


def _only_the_denied_principal(
    _: Limits, principal: PrincipalReport, patches: Sequence[Patch], ___: LimitFacts
) -> str | None:
    """Nothing is granted to anyone but the denied principal, or its account."""
    if not principal.can_be_named:
        return "nothing is granted to anonymous callers"
    arn = str(principal.arn)
    allowed = {arn}
    if parsed := parse_arn(arn):
        allowed.add(account_root(str(principal.account), parsed.partition))
    for patch in patches:
        added = added_principals(patch)
        if patch.grant == "iam_policy":
            if patch.target != arn:
                return f"{patch.target} is not the denied principal"
            if added:
                return f"the patch of {patch.target} names a principal in an IAM policy"
        elif not added:
            return f"the patch of {patch.target} names no principal"
        for one in added:
            if not _PRINCIPAL.fullmatch(one) or one not in allowed:
                return f"the patch of {patch.target} would grant to {one!r:.120}"
    return None


def _no_wildcards(
    _: Limits, __: PrincipalReport, patches: Sequence[Patch], ___: LimitFacts
) -> str | None:
    """No wild action, no administration, no wild resource but a key policy's own key.

    What is new is one plain Allow of ours: `_only_ours` refused everything else before.
    """
    for patch in patches:
        where = f"the patch of {patch.target}"
        if patch.operation == "kms:CreateGrant":
            strange = set(json.loads(patch.after).get("Operations") or ["none"]).difference(
                GRANT_OPERATIONS
            )
            if strange:
                return f"{where} would grant {', '.join(sorted(map(str, strange)))}"
            continue
        for statement in new_statements(patch):
            found = _too_wide(statement, patch)
            if found:
                return f"{where} would grant {found}"
    return None


def _too_wide(statement: Mapping[str, Any], patch: Patch) -> str | None:
    actions, resources = texts(statement.get("Action")), texts(statement.get("Resource"))
    if not actions or not resources:
        return "no action or no resource"
    for action in actions:
        if not is_grantable(action):
            return f"{action!r:.80}"
    for resource in resources:
        if patch.grant == "key_policy":
            if resource not in ("*", patch.target):
                return f"access to {resource!r:.120}"
        elif not _RESOURCE.fullmatch(resource) or (
            patch.grant == "bucket_policy"
            and resource != patch.target
            and not resource.startswith(f"{patch.target}/")
        ):
            return f"access to {resource!r:.120}"
    return _too_wide_condition(statement, patch)


def _too_wide_condition(statement: Mapping[str, Any], patch: Patch) -> str | None:
    """Of a condition of ours: a key only through S3 where the key is, for things of one bucket each.

    Statements without a condition are what a direct call of KMS needs, and AWS's published form. An
    owner's condition that is kept beside ours can only narrow.
    """
    resources = (patch.target, *texts(statement.get("Resource")))
    regions = {arn.region for arn in map(parse_arn, resources) if arn and arn.service == "kms"}
    for operator, block in (statement.get("Condition") or {}).items():
        for key, values in block.items():
            for value in texts(values) if is_our_condition(operator, key) else ():
                literal = value.removesuffix("*")
                if key.lower() == "kms:viaservice":
                    fine = value in {via_s3(region) for region in regions}
                elif key.lower() == "s3:prefix":
                    fine = literal not in ("", "/")
                else:
                    fine = _OBJECTS.fullmatch(value) is not None
                if not fine or set(literal) & set("*?$"):
                    return f"access where {key} is {value!r:.120}"
    return None


def _patchable(
    limits: Limits, _: PrincipalReport, patches: Sequence[Patch], facts: LimitFacts
) -> str | None:
    """Only roles and users that their owner has tagged for it; IAM itself refuses the others too."""
    for patch in patches if limits.require_patchable_tag else ():
        found = not_patchable(patch, facts.tags.get(patch.target))
        if found is not None:
            return f"{patch.target} is not written to: {found.why}. Needed: {found.needs}"
    return None


def _written_by_a_role_that_is_there(
    _: Limits, __: PrincipalReport, patches: Sequence[Patch], facts: LimitFacts
) -> str | None:
    """Each account decides which of the three remediation roles it has."""
    for patch in patches:
        found = facts.roles.get(patch.digest)
        if found is None:
            continue  # whether it is there could not be read: the write says so
        role, exists = found
        if not exists:
            return (
                f"account {patch.account} has no role {role}, so this service does not write "
                f"{patch.target}: hand the statement to its owner (threegrants show), or deploy "
                f"templates/member.yaml there with {PARAMETERS[role_of(patch)]}=true"
            )
    return None


CHECKS: tuple[Check, ...] = (
    _trusted,
    _in_the_organization,
    _one_patch_a_target,
    _only_the_denied_principal,
    _only_ours,
    _no_wildcards,
    _unprotected,
    _patchable,
    _written_by_a_role_that_is_there,
)


def _unread(item: Unread | None) -> str:
    return f"{item.why}. Needed: {item.needs}" if item else "it was not read"


def _same_but_for_end(old: dict[str, Any], new: Sequence[dict[str, Any]]) -> bool:
    """Whether a statement of ours with an end is said again, with another end and for nobody else."""
    bare = without_end(old)
    return bare != old and any(same_statement(bare, one) for one in new)


def _outside_statements(text: str | None) -> dict[str, Any]:
    return outside_statements(json.loads(text) if text else {})


def _in(statement: dict[str, Any], statements: list[dict[str, Any]]) -> bool:
    return any(same_statement(statement, other) for other in statements)
