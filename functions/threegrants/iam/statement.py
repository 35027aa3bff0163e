"""Whether one statement applies to a request: principal, action, resource, conditions; all of them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from typing import NamedTuple

from threegrants.iam.conditions import Condition
from threegrants.iam.documents import Policy, Statement
from threegrants.iam.principals import PrincipalMatch
from threegrants.iam.request import Request


class StatementRef(NamedTuple):
    """A statement, as a person finds it: policy name, Sid if it has one, position from 0."""

    policy: str
    sid: str | None
    position: int


def reference(policy: Policy, statement: Statement) -> StatementRef:
    """The reference to a statement of a policy."""
    return StatementRef(policy.name, statement.sid, statement.position)


def applies(
    statement: Statement, request: Request, *, names_principal: bool, has_boundary: bool
) -> PrincipalMatch:
    """How closely a statement that applies means the principal; NONE if it does not apply.

    Args:
        statement: of any policy.
        request: what is asked.
        names_principal: whether the statement has to name its principal, as in a resource-based
            policy; in the others it means the principal that the policy is attached to.
        has_boundary: whether a permissions boundary is on the principal.
    """
    if not (
        action_matches(statement, request)
        and resource_matches(statement, request)
        and all(condition_holds(condition, request) for condition in statement.conditions)
    ):
        return PrincipalMatch.NONE
    if statement.principals is None and names_principal:
        return PrincipalMatch.NONE
    return principal_match(statement, request, has_boundary=has_boundary)


def principal_match(
    statement: Statement, request: Request, *, has_boundary: bool = False
) -> PrincipalMatch:
    """How closely the statement means the principal; one without Principal means its holder.

    Args:
        statement: of any policy.
        request: what is asked.
        has_boundary: whether a permissions boundary is on the principal.
    """
    if statement.principals is None:
        return PrincipalMatch.DIRECT
    return statement.principals.match(
        request.environment, deny=not statement.allows, has_boundary=has_boundary
    )


def action_matches(statement: Statement, request: Request) -> bool:
    """Whether the statement is about the action."""
    return statement.actions is not None and statement.actions.include(request.environment.action)


def resource_matches(statement: Statement, request: Request) -> bool:
    """Whether it is about the resource; an action that takes none is matched by `*` only."""
    resources = statement.resources
    if resources is None:
        return False
    if request.wildcard_only:
        return resources.everything is not resources.inverted
    return resources.include(request.resource, request.values)


def condition_holds(condition: Condition, request: Request) -> bool:
    """Whether one condition is met."""
    return condition.holds(request.values)
