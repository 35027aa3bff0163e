"""Whether somebody is the principal that was denied, who decides nothing about its own incident; pure."""

from threegrants.cloudtrail import CallerType
from threegrants.remediation.approvers import account_of, same_principal
from threegrants.remediation.person import Person, is_the_denied
from threegrants.report import PrincipalReport


def is_denied_principal(actor: str, principal: PrincipalReport) -> bool:
    """Whether who asks is who was denied, or may have made its session.

    A federated user acts under the IAM user who called GetFederationToken:
    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html

    Args:
        actor: the ARN of who asks, or the person who signed in.
        principal: who was denied.
    """
    if (person := Person.parse(actor)) is not None:
        return bool(is_the_denied(person, principal))
    denied = principal.arn or principal.session_arn
    if denied and same_principal(actor, denied):
        return True
    if principal.type is not CallerType.FEDERATED_USER:
        return False
    if principal.issuer_arn:
        return same_principal(actor, principal.issuer_arn)
    return account_of(actor) == principal.account and ":user/" in actor
