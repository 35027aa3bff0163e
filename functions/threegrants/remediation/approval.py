"""What an approval must fulfil before anything is written: who asks, what is offered, what limits say.

Everything here only reads. A refusal leaves the incident as it is.
"""

from collections.abc import Sequence
from http import HTTPStatus

from threegrants.aws.arn import bucket_arn
from threegrants.evidence import RoleClients
from threegrants.incidents import Incident
from threegrants.incidents.states import AWAITING_DECISION
from threegrants.patches import Patch
from threegrants.patches.grant_end import with_end
from threegrants.patches.verify import dated_violation
from threegrants.remediation.approval_request import UNTIL_REVOKED
from threegrants.remediation.approvers import account_of, is_identified
from threegrants.remediation.grant_hours import (
    EndRefused,
    GrantHours,
    rules_for,
    seconds_granted,
)
from threegrants.remediation.limit_facts import LimitFacts, read_limit_facts
from threegrants.remediation.limits import Limits
from threegrants.remediation.opened_access import opened_access
from threegrants.remediation.own_denial import is_denied_principal
from threegrants.remediation.patch_checks import accounts, grants_to_account, objection
from threegrants.remediation.person import Person, is_the_denied
from threegrants.remediation.results import Refused
from threegrants.remediation.runs import Asked
from threegrants.remediation.standing_approvals import decide
from threegrants.remediation.standing_parameter import StandingApproval
from threegrants.report import Report

QUOTA_EXCEEDED = (
    "MaxPatchesPerHour patches have been applied in this clock hour, so nothing was changed. Approve "
    "again in the next hour, or approve fewer patches"
)
_MINUTE = 60
_NOT_IDENTIFIED = (
    "AWS did not say which person asks. Call the API with IAM authorization, as a role, a user or "
    "root. (The name of a federated user is its own choice, so it identifies nobody.)"
)


def require_identified(actor: str) -> None:
    """Make sure that AWS named someone whom we can tell from others.

    Raises:
        Refused: if not.
    """
    if not is_identified(actor):
        raise Refused(HTTPStatus.FORBIDDEN, _NOT_IDENTIFIED)


def require_report(incident: Incident) -> Report:
    """The diagnosis report that a decision is about.

    Raises:
        Refused: if the incident has none yet.
    """
    report = incident.report
    if report is None:
        raise Refused(
            HTTPStatus.CONFLICT,
            f"incident {incident.id} has no diagnosis yet: read it again in a minute",
        )
    return report


def select_patches(incident: Incident, digests: Sequence[str]) -> tuple[Patch, ...]:
    """The patches that are approved, as the diagnosis offers them now.

    Raises:
        Refused: if the incident is not open and fixable, or does not offer one of them.
    """
    report = require_report(incident)
    if incident.state not in AWAITING_DECISION:
        raise Refused(HTTPStatus.CONFLICT, f"incident {incident.id} is {incident.state}, not open")
    if not report.is_fixable and not report.is_fixable_by_two:
        raise Refused(
            HTTPStatus.CONFLICT,
            f"the outcome of incident {incident.id} is {report.outcome}, so no patch can be approved: "
            f"{report.summary}",
        )
    if report.is_fixable and report.request.key_is_named_by_caller:
        raise Refused(
            HTTPStatus.CONFLICT,
            f"nothing but the denied call names the key {report.request.kms_key}, and this diagnosis of "
            "an earlier version does not take that into account: replay the denial, or wait for the next",
        )
    offered = report.patches_by_digest
    if not digests or any(digest not in offered for digest in digests):
        raise Refused(
            HTTPStatus.CONFLICT,
            "the approval names no patch, or one that is not offered (any more): read the "
            f"incident again. Offered: {', '.join(offered) or 'none'}",
        )
    try:
        patches = tuple(offered[digest].to_patch() for digest in dict.fromkeys(digests))
    except ValueError as error:
        raise Refused(HTTPStatus.CONFLICT, str(error)) from error
    if report.is_fixable_by_two:
        _require_whole(report, patches)
    return patches


def _require_whole(report: Report, patches: Sequence[Patch]) -> None:
    """Make sure that a key which only the caller names is opened because somebody said so.

    The patch of such a key is never the proposed one. Who approves what is proposed has not named it,
    and the call would still be refused.
    """
    wanted = {(offered.grant, offered.target) for offered in report.patches}
    left = wanted - {(patch.grant, patch.target) for patch in patches}
    if left:
        raise Refused(
            HTTPStatus.CONFLICT,
            f"only the denied call names the key {report.request.kms_key}: choose the patches by their "
            "digests, one for each grant. Without one of "
            f"{', '.join(sorted(target for _, target in left))} the call would still be refused",
        )


def require_not_own_grant(incident: Incident, actor: str, patches: Sequence[Patch]) -> None:
    """Make sure that the denied principal decides nothing about its own incident.

    Not by an approval, and not by a rejection or a mute, which hide it from the others. Until the
    first diagnosis nobody knows who that is. A federated user of its account may be it, and is
    never identified.

    Args:
        incident: the incident.
        actor: who asks.
        patches: what is approved; none for another decision.

    Raises:
        Refused: if it asks, nobody does, or nobody knows who was denied.
    """
    require_identified(actor)
    principal = require_report(incident).principal
    denied = principal.arn or principal.session_arn
    person = Person.parse(actor)
    if person is not None and is_the_denied(person, principal):
        raise Refused(
            HTTPStatus.FORBIDDEN,
            "the denied principal decides nothing about its own incident: by its name you are "
            f"{principal.session_arn or denied}. Ask someone else",
        )
    if denied and is_denied_principal(actor, principal):
        raise Refused(
            HTTPStatus.FORBIDDEN,
            f"the denied principal decides nothing about its own incident: you are {denied}. "
            "Ask someone else",
        )
    if account_of(actor) in grants_to_account(patches):
        raise Refused(
            HTTPStatus.FORBIDDEN,
            f"these patches grant to account {account_of(actor)} as a whole: someone of "
            "another account has to approve",
        )


def require_covered(
    approval: StandingApproval,
    incident: Incident,
    digests: Sequence[str],
    limits: Limits,
    now: float,
) -> None:
    """Make sure that a standing approval is in force and covers exactly these patches.

    Args:
        approval: the standing approval, as it was when it was found.
        incident: the incident as it is now.
        digests: the patches that are to be applied.
        limits: the limits as they are now.
        now: seconds since the epoch.

    Raises:
        Refused: if not.
    """
    if approval not in limits.standing_approvals or not approval.is_valid_at(now):
        raise Refused(
            HTTPStatus.FORBIDDEN,
            f"the standing approval {approval.name} has expired or was taken away",
        )
    report = require_report(incident)
    decision = decide(approval, report, limits.four_eyes, replayed=incident.replayed)
    if set(decision.digests) != set(digests):
        why = decision.why_not or "it covers other patches by now"
        raise Refused(HTTPStatus.FORBIDDEN, f"the standing approval {approval.name}: {why}")


def hours_for(limits: Limits, report: Report, patches: Sequence[Patch]) -> tuple[GrantHours, ...]:
    """The rules about how long these patches may grant: by whose policies, and each kind of access.

    Args:
        limits: the limits as they are now.
        report: the diagnosis report.
        patches: what is to be applied.
    """
    access = {kind for patch in patches for kind in opened_access(patch).access}
    return rules_for(
        limits.grant_hours, (patch.account for patch in patches), access | {report.request.access}
    )


def with_ends(
    limits: Limits, report: Report, offered: Sequence[Patch], wanted: int | None, now: float
) -> tuple[tuple[Patch, ...], Asked]:
    """The patches as they are written, with their end, and what the run is to know of it.

    The end is at a full minute, by this service's clock, and never later than was asked for.

    Args:
        limits: the limits as they are now.
        report: the diagnosis report.
        offered: the patches as they are offered.
        wanted: the seconds that were asked for; None for what the limits say.
        now: seconds since the epoch.

    Raises:
        Refused: if the limits forbid it, or the end cannot stand in a statement.
    """
    seconds = granted(limits, report, offered, wanted)
    if seconds == UNTIL_REVOKED:
        return tuple(offered), Asked()
    ends_at = end_of(now, seconds)
    try:
        patches = tuple(with_end(patch, ends_at) for patch in offered)
    except ValueError as error:
        raise Refused(HTTPStatus.CONFLICT, str(error)) from error
    for before, after in zip(offered, patches, strict=True):
        problem = dated_violation(before, after, ends_at, int(now))
        if problem:
            raise Refused(
                HTTPStatus.CONFLICT,
                f"the patch of {before.target} with its end is not offered: {problem}",
            )
    return patches, Asked(ends_at=ends_at, offered=tuple(patch.digest for patch in offered))


def granted(limits: Limits, report: Report, offered: Sequence[Patch], wanted: int | None) -> int:
    """For how many seconds patches grant; `UNTIL_REVOKED` for ever.

    Args:
        limits: the limits as they are now.
        report: the diagnosis report.
        offered: the patches.
        wanted: the seconds that were asked for; None for what the limits say.

    Raises:
        Refused: if the limits forbid it.
    """
    try:
        return seconds_granted(hours_for(limits, report, offered), wanted)
    except EndRefused as refused:
        raise Refused(HTTPStatus.FORBIDDEN, str(refused)) from refused


def end_of(now: float, seconds: int) -> int:
    """When a grant of so many seconds ends, in seconds since the epoch: at a full minute."""
    return (int(now) + seconds) // _MINUTE * _MINUTE


def needs_two_people(
    limits: Limits, report: Report, patches: Sequence[Patch], *, extends: bool = False
) -> bool:
    """Whether two people have to approve these patches, by what the call was and each patch opens.

    A copy writes one bucket and reads another: its patches are of two kinds of access. Where only the
    denied call names the key it always takes two.

    Args:
        limits: the limits as they are now.
        report: the diagnosis report.
        patches: what is to be applied.
        extends: whether they only prolong what was approved: then the verdict of today, by which the call
            is allowed, says nothing.
    """
    fixable = report.is_fixable or (extends and not report.is_fixable_by_two)
    if not fixable or any(patch.key_named_by_caller for patch in patches):
        return True
    opened = (kind for patch in patches for kind in opened_access(patch).access)
    return not limits.four_eyes.isdisjoint({report.request.access, *opened})


def check_limits(
    limits: Limits, incident: Incident, patches: Sequence[Patch], reader: RoleClients
) -> None:
    """Hold the patches against the limits, as AWS is now.

    Args:
        limits: the limits as they are now.
        incident: whose patches they are.
        patches: what is to be applied.
        reader: clients by which tags, organisations and the roles that write are read.

    Raises:
        Refused: with the limit that does not hold, or what could not be read.
    """
    report = require_report(incident)
    facts = _limit_facts(limits, report, patches, reader.for_incident(incident.id))
    found = objection(limits, report.principal, patches, facts)
    if found is not None:
        raise Refused(HTTPStatus.FORBIDDEN, found)
    if len(patches) > limits.patches_an_hour:
        raise Refused(HTTPStatus.TOO_MANY_REQUESTS, QUOTA_EXCEEDED)


def _limit_facts(
    limits: Limits, report: Report, patches: Sequence[Patch], reader: RoleClients
) -> LimitFacts:
    touched = accounts(report.principal, patches)
    if touched - limits.trusted:
        return LimitFacts()  # refused for that; not even read there
    try:
        return read_limit_facts(
            patches,
            touched,
            reader,
            organization=limits.organization is not None,
            owners=_likely_owners(limits, report, patches),
            role_prefix=limits.role_prefix,
        )
    except Exception as error:
        words = " ".join(str(error).split())
        raise Refused(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"nothing was changed, because the limits could not be checked: {words}",
        ) from error


def _likely_owners(
    limits: Limits, report: Report, patches: Sequence[Patch]
) -> dict[str, tuple[str, ...]]:
    """For each bucket that is opened or was asked for, the trusted accounts that may own it.

    An owner that a record names is asked first, but nothing is believed: S3 gives a bucket's tags
    only where `ExpectedBucketOwner` is right.
    """
    request, source = report.request, report.copy_source
    owners = {patch.target: patch.account for patch in report.patches}
    if request.bucket and request.bucket_account:
        owners.setdefault(bucket_arn(request.bucket, request.region or ""), request.bucket_account)
    asked = (request.bucket, source.bucket if source else None)
    arns = {bucket_arn(bucket, request.region or "") for bucket in asked if bucket}
    arns.update(*(opened_access(patch).buckets for patch in patches))
    also = (request.bucket_account, report.principal.account)
    return {
        arn: tuple(one for one in dict.fromkeys((owners.get(arn), *also)) if one in limits.trusted)
        for arn in sorted(arns)
    }
