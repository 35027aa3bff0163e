"""Whether an approval may be acted on: what is offered, who asks, and what the guardrails say.

Everything here only reads; a refusal leaves the incident as it is.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from threegrants.evidence import RoleClients
from threegrants.incidents import Incident
from threegrants.incidents.states import AWAITING_DECISION
from threegrants.patches import Patch
from threegrants.remediation.approvers import account_of, is_identified, same_principal
from threegrants.remediation.limit_facts import LimitFacts, read_limit_facts
from threegrants.remediation.limits import Limits
from threegrants.remediation.patch_checks import accounts, grants_to_account, objection
from threegrants.remediation.policy_io import APPLICABLE_OPERATIONS
from threegrants.remediation.results import Refused

QUOTA_EXCEEDED = "as many patches as MaxPatchesPerHour allows were applied in this hour; try later"
_NOBODY = (
    "AWS did not say who asks: use the API with IAM authorization, as a role, a user or root (a "
    "federated user's name is its own choice)"
)


def require_identified(actor: str) -> None:
    """Make sure that AWS named someone.

    Raises:
        Refused: if not.
    """
    if not is_identified(actor):
        raise Refused(HTTPStatus.FORBIDDEN, _NOBODY)


def select_patches(incident: Incident, digests: Sequence[str]) -> tuple[Patch, ...]:
    """The patches that are approved, as the diagnosis offers them now.

    Raises:
        Refused: if the incident is not open and fixable, or does not offer one of them.
    """
    body = incident.document() or {}
    if incident.state not in AWAITING_DECISION:
        raise Refused(HTTPStatus.CONFLICT, f"incident {incident.id} is {incident.state}, not open")
    if body.get("outcome") != "fixable":
        raise Refused(
            HTTPStatus.CONFLICT,
            f"incident {incident.id} is not fixable: {body.get('outcome')}",
        )
    try:
        known_here = {data["digest"]: Patch.from_json(data) for data in body["patches"]}
    except ValueError as error:
        raise Refused(HTTPStatus.CONFLICT, str(error)) from error
    if not digests or any(digest not in known_here for digest in digests):
        raise Refused(
            HTTPStatus.CONFLICT,
            "the approval names no patch, or one that is not offered (any more): read the "
            f"incident again. Offered: {', '.join(known_here) or 'none'}",
        )
    patches = tuple(known_here[digest] for digest in dict.fromkeys(digests))
    by_hand = [patch.operation for patch in patches if patch.operation not in APPLICABLE_OPERATIONS]
    if by_hand:
        raise Refused(HTTPStatus.CONFLICT, f"{by_hand[0]} is not applied by this service")
    return patches


def require_not_own_grant(incident: Incident, actor: str, patches: Sequence[Patch]) -> None:
    """Make sure that the denied principal decides nothing about its own incident.

    Raises:
        Refused: if it asks, or nobody does.
    """
    require_identified(actor)
    principal = str((incident.document() or {}).get("principal", {}).get("arn") or "")
    if principal and same_principal(actor, principal):
        raise Refused(HTTPStatus.FORBIDDEN, "the denied principal cannot approve its own grant")
    if account_of(actor) in grants_to_account(patches):
        raise Refused(
            HTTPStatus.FORBIDDEN,
            f"these patches grant to account {account_of(actor)} as a whole: someone of "
            "another account has to approve",
        )


def check_limits(
    limits: Limits, incident: Incident, patches: Sequence[Patch], remediation_role: RoleClients
) -> None:
    """Hold the patches against the guardrails, as AWS is now.

    Raises:
        Refused: with the rule that does not hold, or what could not be read.
    """
    body = incident.document() or {}
    found = objection(limits, body, patches, _limit_facts(limits, body, patches, remediation_role))
    if found is not None:
        raise Refused(HTTPStatus.FORBIDDEN, found)
    if len(patches) > limits.patches_an_hour:
        raise Refused(HTTPStatus.TOO_MANY_REQUESTS, QUOTA_EXCEEDED)


def _limit_facts(
    limits: Limits, body: dict[str, Any], patches: Sequence[Patch], remediation_role: RoleClients
) -> LimitFacts:
    written = accounts(body, patches)
    if written - limits.trusted:
        return LimitFacts()  # refused for that; not even read there
    try:
        return read_limit_facts(
            patches, written, remediation_role, organization=limits.organization is not None
        )
    except Exception as error:
        words = " ".join(str(error).split())
        raise Refused(
            HTTPStatus.SERVICE_UNAVAILABLE, f"the guardrails could not be checked: {words}"
        ) from error
