"""Whether one statement applies to a request: principal, action, resource, condition; all four.

See docs.aws.amazon.com/IAM/latest/UserGuide/
reference_policies_evaluation-logic_policy-eval-denyallow.html.

Principal and action do not change between requests of one kind, nor does the set of condition keys.
Binding a statement to such a kind answers all that depends on nothing else, and leaves the tests of
the resource's ARN and of the context's values.
"""

from threegrants.iam.conditions import Condition, Test
from threegrants.iam.documents import Policy, Statement
from threegrants.iam.principals import Reach
from threegrants.iam.request import Asked
from threegrants.iam.variables import Context

Tests = tuple[Test, ...]
Bound = tuple[Policy, Statement, Reach, Tests]
"""A statement that applies if its tests hold, and how it reaches the principal."""


def hold(tests: Tests, arn: str, context: Context) -> bool:
    """Whether all tests hold."""
    for test in tests:  # noqa: SIM110 - all() costs a generator in the hottest loop
        if not test(arn, context):
            return False
    return True


def principal_reach(statement: Statement, asked: Asked) -> Reach:
    """How the statement names the principal; a statement without Principal means its holder."""
    if statement.principals is None:
        return Reach.DIRECT
    return statement.principals.reach(asked, deny=not statement.allows)


def action_matches(statement: Statement, asked: Asked) -> bool:
    """Whether the statement is about the action."""
    return statement.actions is not None and statement.actions.include(asked.action)


def resource_matches(statement: Statement, asked: Asked) -> bool:
    """Whether the statement is about the resource."""
    request = asked.request
    if statement.resources is None:
        return False
    bound = statement.resources.bind(asked.names, wildcard_only=request.wildcard_only)
    return bound if isinstance(bound, bool) else bound(request.resource, request.context)


def condition_holds(condition: Condition, asked: Asked) -> bool:
    """Whether one condition is met."""
    bound = condition.bind(asked.names)
    request = asked.request
    return bound if isinstance(bound, bool) else bound(request.resource, request.context)


def bind(policy: Policy, asked: Asked) -> list[Bound]:
    """The statements of a policy that could apply to requests like this one."""
    found = []
    names, wildcard_only = asked.names, asked.request.wildcard_only
    for statement in policy.about(asked.action):
        principals, resources = statement.principals, statement.resources
        reach = Reach.DIRECT
        if principals is not None:
            reach = principals.reach(asked, deny=not statement.allows)
            if reach is Reach.NONE:
                continue
        if resources is None:
            continue
        test = resources.bind(names, wildcard_only=wildcard_only)
        if test is False:
            continue
        tests = () if test is True else (test,)
        for condition in statement.conditions:
            test = condition.bind(names)
            if test is False:
                break
            if test is not True:
                tests += (test,)
        else:
            found.append((policy, statement, reach, tests))
    return found
