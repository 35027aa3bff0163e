"""Whether one statement applies to a request: principal, action, resource, condition; all four.

See docs.aws.amazon.com/IAM/latest/UserGuide/
reference_policies_evaluation-logic_policy-eval-denyallow.html.

Principal and action are what requests of one kind have in common. Binding a statement to that kind
answers both, and leaves the tests of the resource's ARN and of the context's values.
"""

from collections.abc import Iterable
from typing import NamedTuple

from threegrants.iam.conditions import Condition, Predicate
from threegrants.iam.documents import Policy, Statement
from threegrants.iam.principals import PrincipalMatch
from threegrants.iam.request import Request, RequestEnvironment
from threegrants.iam.variables import ContextValues


class StatementRef(NamedTuple):
    """A statement, as a person finds it: policy name, Sid if it has one, position from 0."""

    policy: str
    sid: str | None
    position: int


Tests = tuple[Predicate, ...]
_DIRECT = PrincipalMatch.DIRECT  # looking up an Enum's member costs as much as a call


BoundStatement = tuple[Tests, PrincipalMatch, Statement, Policy]
"""A statement that applies if its tests hold, and how it reaches the principal."""


def all_hold(tests: Tests, arn: str, values: ContextValues) -> bool:
    """Whether all tests hold."""
    for test in tests:  # noqa: SIM110 - all() costs a generator in the hottest loop
        if not test(arn, values):
            return False
    return True


def match_principal(statement: Statement, environment: RequestEnvironment) -> PrincipalMatch:
    """How the statement names the principal; a statement without Principal means its holder."""
    if statement.principals is None:
        return PrincipalMatch.DIRECT
    return statement.principals.match(environment)


def action_matches(statement: Statement, environment: RequestEnvironment) -> bool:
    """Whether the statement is about the action."""
    return statement.actions is not None and statement.actions.include[environment.action]


def resource_matches(statement: Statement, request: Request) -> bool:
    """Whether it is about the resource; an action that takes none is matched by `*` only."""
    resources = statement.resources
    if resources is None:
        return False
    if resources.everything or request.wildcard_only:
        return resources.everything is not resources.inverted
    return resources.test(request.resource, request.values)


def condition_holds(condition: Condition, request: Request) -> bool:
    """Whether one condition is met."""
    return condition.test(request.resource, request.values)


def bind_statements(
    group: Iterable[Policy],
    environment: RequestEnvironment,
    has_boundary: bool,  # noqa: FBT001 - by position, in the hottest loop
    named: bool = False,  # noqa: FBT001, FBT002
) -> tuple[list[BoundStatement], list[BoundStatement]]:
    """The Allow and the Deny statements that could apply to requests of one kind.

    Args:
        group: the policies.
        environment: the kind of request.
        has_boundary: whether a permissions boundary is on the principal.
        named: whether a statement has to name its principal, as in a resource-based policy.
    """
    allows: list[BoundStatement] = []
    denies: list[BoundStatement] = []
    action = environment.action
    for policy in group:
        statements = (
            policy.statements
            if policy.statements_by_action is None
            else policy.statements_by_action[action]
        )
        for statement in statements:
            _, allow, principals, actions, resources, conditions, _ = statement
            if actions is None or resources is None or not actions.include[action]:
                continue
            match = _DIRECT
            if principals is not None:
                match = (
                    principals.match(environment, not allow, has_boundary)
                    if principals.inverted
                    else principals.match_names(environment)
                )
            elif named:
                continue
            tests: Tests = ()
            if not (resources.everything or environment.wildcard_only):
                tests = (resources.test,)
            elif resources.everything is resources.inverted:
                continue
            if match:
                for condition in conditions:
                    tests += (condition.test,)
                (allows if allow else denies).append((tests, match, statement, policy))
    return allows, denies
