"""Standing approvals: which patches of a diagnosis are applied without a person; pure."""

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any

from threegrants.cloudtrail import Access
from threegrants.patches import Scope
from threegrants.remediation.limits import Limits, StandingApproval

_WIDTH = {"": 0, Scope.OBJECT.value: 1, Scope.PREFIX.value: 2, Scope.BUCKET.value: 3}
"""From the narrowest; a grant to which scope does not apply (a key's) is the narrowest."""


def find_standing_approval(
    limits: Limits, document: Mapping[str, Any], now: float
) -> tuple[StandingApproval, tuple[str, ...]] | None:
    """The first rule that covers a diagnosis, and the digests it approves: one for each target.

    Where two people are wanted, no rule covers: a rule is not even one person.

    Args:
        limits: the guardrails, with the rules.
        document: the diagnosis document (`threegrants.diagnosis/1`).
        now: seconds since the epoch.
    """
    if document.get("outcome") != "fixable":
        return None
    request, principal = document["request"], document["principal"]
    access = Access(request["access"])
    if access in limits.four_eyes:
        return None
    for approval in limits.standing_approvals:
        if (
            approval.expires > now
            and approval.owner == request["bucket_account"]
            and approval.caller == principal["account"]
            and fnmatch.fnmatchcase(str(request["bucket"] or ""), approval.bucket)
            and access in approval.access
        ):
            chosen = _chosen(document["patches"], approval, str(principal["arn"]))
            if chosen is not None:
                return approval, chosen
    return None


def _chosen(
    patches: Sequence[Mapping[str, Any]], approval: StandingApproval, principal: str
) -> tuple[str, ...] | None:
    """For each grant and target, the proposed patch if the rule allows it, else the widest it does."""
    wanted: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for patch in patches:
        fits = wanted.setdefault((patch["grant"], patch["target"]), [])
        scope = str(patch.get("scope") or "")
        named = _grantee(patch)
        if (
            not patch.get("alternative")
            and _WIDTH.get(scope, max(_WIDTH.values()) + 1) <= _WIDTH[approval.scope.value]
            and named in (None, principal)
        ):
            fits.append(patch)
    if not wanted or not all(wanted.values()):
        return None
    return tuple(
        str(max(fits, key=lambda p: (bool(p.get("default", True)), _width(p)))["digest"])
        for fits in wanted.values()
    )


def _width(patch: Mapping[str, Any]) -> int:
    return _WIDTH[str(patch.get("scope") or "")]


def _grantee(patch: Mapping[str, Any]) -> str | None:
    """Whom a statement names: a standing approval never grants to a whole account."""
    principal = patch["statement"].get("Principal")
    if principal is None:
        return None
    named = principal.get("AWS") if isinstance(principal, dict) else principal
    return named if isinstance(named, str) else repr(named)
