"""Standing approvals: which patches of a diagnosis are applied without a person. Pure."""

import fnmatch
from collections.abc import Sequence

from threegrants.patches import Scope
from threegrants.remediation.limits import Limits, StandingApproval
from threegrants.report import PatchReport, Report

_WIDTH = {"": 0, Scope.OBJECT.value: 1, Scope.PREFIX.value: 2, Scope.BUCKET.value: 3}
"""From the narrowest; a grant to which scope does not apply (a key's) is the narrowest."""


def find_standing_approval(
    limits: Limits, report: Report, now: float
) -> tuple[StandingApproval, tuple[str, ...]] | None:
    """The first standing approval that covers a diagnosis, and one digest for each target.

    Where two people are wanted, none covers: a standing approval is not even one person. None covers
    a key either that nothing but the denied call names.

    Args:
        limits: the limits, with the standing approvals.
        report: the diagnosis report.
        now: seconds since the epoch.
    """
    if not report.is_fixable or report.request.access in limits.four_eyes:
        return None
    if report.request.key_is_named_by_caller:
        return None
    for approval in limits.standing_approvals:
        if approval.expires > now and _covers(approval, report):
            chosen = _chosen(report.patches, approval, report.principal.arn)
            if chosen is not None:
                return approval, chosen
    return None


def _covers(approval: StandingApproval, report: Report) -> bool:
    """Whether owner, caller, bucket and kind of access are those that are approved."""
    return (
        approval.owner == report.request.bucket_account
        and approval.caller == report.principal.account
        and fnmatch.fnmatchcase(report.request.bucket or "", approval.bucket)
        and report.request.access in approval.access
    )


def _chosen(
    patches: Sequence[PatchReport], approval: StandingApproval, principal: str | None
) -> tuple[str, ...] | None:
    """For each grant and target: the proposed patch if it fits, else the widest that fits.

    None if a grant has no patch that fits. A patch that grants to a whole account, or opens a key that only the call
    names, never does.
    """
    fitting: dict[tuple[str, str], list[PatchReport]] = {}
    for patch in patches:
        fits = fitting.setdefault((patch.grant, patch.target), [])
        if (
            not patch.alternative
            and not patch.key_named_by_caller
            and _WIDTH.get(patch.scope, len(_WIDTH)) <= _WIDTH[approval.scope.value]
            and patch.grantee in (None, principal)
        ):
            fits.append(patch)
    if not fitting or not all(fitting.values()):
        return None
    return tuple(
        max(fits, key=lambda patch: (patch.default, _WIDTH[patch.scope])).digest
        for fits in fitting.values()
    )
