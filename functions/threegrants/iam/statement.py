"""Whether one statement applies to a request: principal, action, resource, condition; all four.

Source: IAM user guide, "How AWS enforcement code logic evaluates requests".
"""

from threegrants.iam.arns import matches as arn_matches
from threegrants.iam.documents import Statement
from threegrants.iam.principals import Reach
from threegrants.iam.request import Asked


def principal_reach(statement: Statement, asked: Asked) -> Reach:
    """How the statement names the principal; a statement without Principal means its holder."""
    if statement.principals is None:
        return Reach.DIRECT
    return statement.principals.reach(asked, deny=not statement.allows)


def action_matches(statement: Statement, asked: Asked) -> bool:
    """Action names are case-insensitive."""
    found = any(matcher.matches(asked.action) for matcher in statement.action_matchers)
    return found is not statement.not_actions


def resource_matches(statement: Statement, asked: Asked) -> bool:
    """The resource's ARN; an action that takes no resource is matched by `*` only."""
    if asked.request.wildcard_only:
        found = any(resource.text == "*" for resource in statement.resources)
    else:
        arn, context = asked.request.resource, asked.context
        found = any(arn_matches(resource, arn, context) for resource in statement.resources)
    return found is not statement.not_resources


def conditions_hold(statement: Statement, asked: Asked) -> bool:
    """All operators, and all keys below each."""
    return all(condition.holds(asked.context) for condition in statement.conditions)


def applies(statement: Statement, asked: Asked) -> Reach:
    """How the statement reaches the request; `Reach.NONE` if it does not apply."""
    if statement.inert or not action_matches(statement, asked):
        return Reach.NONE
    reach = principal_reach(statement, asked)
    if reach is Reach.NONE or not resource_matches(statement, asked):
        return Reach.NONE
    return reach if conditions_hold(statement, asked) else Reach.NONE
