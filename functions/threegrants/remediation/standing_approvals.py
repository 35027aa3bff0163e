"""Standing approvals: which patches of a diagnosis are applied without a person. Pure.

Each patch is held by itself against what a standing approval names, by the text that it writes. What
a person has to look at is never covered: replayed records, a key that only the caller names, an IAM
policy, another outcome than `fixable` (so no condition that was not met), a copy from another bucket.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from threegrants.aws.arn import parse_arn
from threegrants.aws.policy_json import keeps_conditions, texts
from threegrants.cloudtrail import Access
from threegrants.patches import Patch, PatchOperation, Scope
from threegrants.remediation.limits import Limits
from threegrants.remediation.opened_access import (
    encrypted_objects,
    new_statements,
    opened_access,
)
from threegrants.remediation.standing_parameter import StandingApproval
from threegrants.report import PatchReport, Report

_WIDTH = {"": 0, Scope.OBJECT.value: 1, Scope.PREFIX.value: 2, Scope.BUCKET.value: 3}
"""From the narrowest; a grant to which scope does not apply (a key's) is the narrowest."""


@dataclass(frozen=True, slots=True)
class StandingDecision:
    """What one standing approval says of one diagnosis.

    Args:
        digests: the patches that it covers, one for each grant and target; empty if it does not.
        why_not: why it covers nothing; empty if it does.
    """

    digests: tuple[str, ...]
    why_not: str = ""


def find_standing_approval(
    limits: Limits, report: Report, now: float, *, replayed: bool = False
) -> tuple[StandingApproval, tuple[str, ...]] | None:
    """The first standing approval that covers a diagnosis now, and one digest for each target.

    Args:
        limits: the limits, with the standing approvals.
        report: the diagnosis report.
        now: seconds since the epoch.
        replayed: whether a person fed in any record of the incident.
    """
    for approval in limits.standing_approvals:
        if approval.is_valid_at(now):
            decision = decide(approval, report, limits.four_eyes, replayed=replayed)
            if decision.digests:
                return approval, decision.digests
    return None


def decide(
    approval: StandingApproval, report: Report, four_eyes: frozenset[Access], *, replayed: bool
) -> StandingDecision:
    """What a standing approval says of a diagnosis, whenever it begins and ends.

    Args:
        approval: the standing approval.
        report: the diagnosis report.
        four_eyes: the kinds of access that two people approve: it is not even one.
        replayed: whether a person fed in any record of the incident.
    """
    why_not = _never(report, replayed=replayed) or _not_about(approval, report)
    if why_not:
        return StandingDecision((), why_not)
    chosen: list[PatchReport] = []
    for offered in _by_target(report.patches).values():
        fits = [patch for patch in offered if _fits(patch, approval)]
        if not fits:
            why = (
                f"no patch of {offered[0].target} keeps to its principals, prefix, keys and actions"
            )
            return StandingDecision((), why)
        chosen.append(max(fits, key=lambda patch: (patch.default, _WIDTH[patch.scope])))
    if not chosen:
        return StandingDecision((), "no patch is offered")
    wanted = {kind for patch in chosen for kind in opened_access(patch.to_patch()).access}
    twice = (wanted | {report.request.access}) & four_eyes
    if twice:
        return StandingDecision((), f"two people have to approve {', '.join(sorted(twice))} access")
    return StandingDecision(tuple(patch.digest for patch in chosen))


def _never(report: Report, *, replayed: bool) -> str | None:
    """Why no standing approval at all covers a diagnosis."""
    if not report.is_fixable:
        return f"the outcome is {report.outcome}"
    if replayed:
        return "records were replayed: a person has to look"
    doubtful = any(patch.key_named_by_caller for patch in report.patches)
    if doubtful or report.request.key_is_named_by_caller:
        return "only the caller names the key: a person has to look"
    if any(patch.grant == "iam_policy" for patch in report.patches):
        return "an IAM policy has to be changed: a person has to look"
    return None


def _not_about(approval: StandingApproval, report: Report) -> str | None:
    """Why a standing approval is not about the denied call."""
    request, source = report.request, report.copy_source
    if request.bucket != approval.bucket:
        return f"it is about bucket {approval.bucket}"
    if request.bucket_account != approval.owner:
        return f"it is about a bucket of account {approval.owner}"
    if source is not None and source.bucket != approval.bucket:
        return f"the call copies from bucket {source.bucket}"
    if report.principal.arn not in approval.principals:
        return "it does not name the principal"
    keys = (request.object_key, source.object_key if source else None)
    if any(key is not None and not _is_within(key, approval.prefix) for key in keys):
        return f"it is about {approval.prefix}"
    return None


def _by_target(patches: Iterable[PatchReport]) -> dict[tuple[str, str], list[PatchReport]]:
    """The patches of each grant and target, of which one is to be chosen."""
    found: dict[tuple[str, str], list[PatchReport]] = {}
    for patch in patches:
        found.setdefault((patch.grant, patch.target), []).append(patch)
    return found


def _fits(offered: PatchReport, approval: StandingApproval) -> bool:
    """Whether the text that a patch writes opens nothing beside what is approved."""
    try:
        patch = offered.to_patch()
        opened = opened_access(patch)
    except (ValueError, AttributeError):
        return False
    if any(map(keeps_conditions, new_statements(patch))):
        return False  # a person looks at what an owner's conditions are worth
    if (
        offered.alternative
        or offered.scope not in _WIDTH
        or not opened.principals
        or not opened.principals <= approval.principals
        or not opened.actions
        or not {action.lower() for action in opened.actions} <= approval.actions
    ):
        return False
    if patch.operation == PatchOperation.PUT_KEY_POLICY:
        return patch.target in approval.keys and all(
            _is_of_bucket(arn, approval)
            for statement in new_statements(patch)
            for arn in encrypted_objects(statement)
        )
    return (
        patch.operation == PatchOperation.PUT_BUCKET_POLICY
        and patch.account == approval.owner
        and _is_bucket(patch.target, approval.bucket)
        and all(_keeps_to_prefix(statement, patch, approval) for statement in new_statements(patch))
    )


def _keeps_to_prefix(
    statement: Mapping[str, Any], patch: Patch, approval: StandingApproval
) -> bool:
    """Whether a statement of a bucket policy stays in the bucket and below the prefix.

    On the bucket itself, as lists are, it stays there only by a condition on `s3:prefix`.
    """
    resources = texts(statement.get("Resource"))
    listed = all(_is_within(prefix, approval.prefix) for prefix in _listed_prefixes(statement))
    for resource in resources:
        bucket, slash, key = resource.partition("/")
        if bucket != patch.target:
            return False
        below = _is_within(key, approval.prefix) if slash else listed
        if not below:
            return False
    return bool(resources)


def _listed_prefixes(statement: Mapping[str, Any]) -> Sequence[str]:
    """The values that a condition on `s3:prefix` allows; `*` (all) if there is none."""
    conditions = statement.get("Condition")
    for operator in ("StringEquals", "StringLike"):
        found = conditions.get(operator) if isinstance(conditions, dict) else None
        values = texts(found.get("s3:prefix")) if isinstance(found, dict) else ()
        if values:
            return values
    return ("*",)


def _is_of_bucket(arn: str, approval: StandingApproval) -> bool:
    """Whether an ARN is the bucket's (as with a Bucket Key), or of objects below the prefix."""
    bucket, slash, key = arn.partition("/")
    return _is_bucket(bucket, approval.bucket) and (not slash or _is_within(key, approval.prefix))


def _is_bucket(target: str, bucket: str) -> bool:
    arn = parse_arn(target)
    return arn is not None and arn.service == "s3" and arn.resource == bucket


def _is_within(key: str, prefix: str) -> bool:
    """Whether an object key, or a pattern of keys, stays within an approved prefix."""
    return key.startswith(prefix[:-1]) if prefix.endswith("*") else key == prefix
