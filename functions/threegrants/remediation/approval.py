"""What an approval must fulfil before anything is written: who asks, what is offered, what limits say.

Everything here only reads. A refusal leaves the incident as it is.
"""

from collections.abc import Sequence
from http import HTTPStatus

from threegrants.evidence import RoleClients
from threegrants.incidents import Incident
from threegrants.incidents.states import AWAITING_DECISION
from threegrants.patches import Patch
from threegrants.remediation.approvers import account_of, is_identified, same_principal
from threegrants.remediation.limit_facts import LimitFacts, read_limit_facts
from threegrants.remediation.limits import Limits
from threegrants.remediation.patch_checks import accounts, grants_to_account, objection
from threegrants.remediation.results import Refused
from threegrants.report import Report

QUOTA_EXCEEDED = (
    "MaxPatchesPerHour patches have been applied in this clock hour, so nothing was changed. Approve "
    "again in the next hour, or approve fewer patches"
)
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
    if not report.is_fixable:
        raise Refused(
            HTTPStatus.CONFLICT,
            f"the outcome of incident {incident.id} is {report.outcome}, so no patch can be approved: "
            f"{report.summary}",
        )
    if report.request.key_is_named_by_caller:
        raise Refused(
            HTTPStatus.CONFLICT,
            f"nothing but the denied call names the key {report.request.kms_key}, and whoever makes a "
            "call can choose that, so no patch of it can be approved here. With ReadObjects=true the "
            "object's own key is read; or two people who know the key write the statement by hand",
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
    return patches


def require_not_own_grant(incident: Incident, actor: str, patches: Sequence[Patch]) -> None:
    """Make sure that the denied principal decides nothing about its own incident.

    Raises:
        Refused: if it asks, or nobody does.
    """
    require_identified(actor)
    report = incident.report
    denied = report.principal.arn if report else None
    if denied and same_principal(actor, denied):
        raise Refused(
            HTTPStatus.FORBIDDEN,
            f"the denied principal cannot approve its own grant: you are {denied}. Ask someone else",
        )
    if account_of(actor) in grants_to_account(patches):
        raise Refused(
            HTTPStatus.FORBIDDEN,
            f"these patches grant to account {account_of(actor)} as a whole: someone of "
            "another account has to approve",
        )


def check_limits(
    limits: Limits, incident: Incident, patches: Sequence[Patch], remediation_role: RoleClients
) -> None:
    """Hold the patches against the limits, as AWS is now.

    Args:
        limits: the limits as they are now.
        incident: whose patches they are.
        patches: what is to be applied.
        remediation_role: clients by which tags and organisations are read.

    Raises:
        Refused: with the limit that does not hold, or what could not be read.
    """
    report = require_report(incident)
    facts = _limit_facts(limits, report, patches, remediation_role)
    found = objection(limits, report.principal, patches, facts)
    if found is not None:
        raise Refused(HTTPStatus.FORBIDDEN, found)
    if len(patches) > limits.patches_an_hour:
        raise Refused(HTTPStatus.TOO_MANY_REQUESTS, QUOTA_EXCEEDED)


def _limit_facts(
    limits: Limits, report: Report, patches: Sequence[Patch], remediation_role: RoleClients
) -> LimitFacts:
    touched = accounts(report.principal, patches)
    if touched - limits.trusted:
        return LimitFacts()  # refused for that; not even read there
    organization = limits.organization is not None
    try:
        return read_limit_facts(patches, touched, remediation_role, organization=organization)
    except Exception as error:
        words = " ".join(str(error).split())
        raise Refused(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"nothing was changed, because the limits could not be checked: {words}",
        ) from error
