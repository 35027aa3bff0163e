"""The nearest miss: the Allow statement that fails on the fewest elements, and on which.

Written for someone who was woken up: each mismatch says in one sentence what stands in the policy
and what the request was.

Elements of a statement: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
"""

from typing import NamedTuple

from threegrants.iam.authorize import PolicyTypeOutcome
from threegrants.iam.conditions import Condition, context_value
from threegrants.iam.documents import Statement
from threegrants.iam.policy_types import Effect
from threegrants.iam.principals import PrincipalMatch
from threegrants.iam.request import Request
from threegrants.iam.statement import (
    StatementRef,
    action_matches,
    condition_holds,
    principal_match,
    reference,
    resource_matches,
)

_SHOWN = 4


class Mismatch(NamedTuple):
    """One element of a statement that does not fit the request."""

    element: str
    """principal | action | resource | condition"""
    code: str
    wanted: str
    actual: str
    detail: str
    key: str = ""
    """of a condition: its key, as written"""
    negated: bool = False
    """of a condition: whether the values are those that it does not want"""


class NearestMiss(NamedTuple):
    """The statement that came nearest, and everything that keeps it from applying."""

    ref: StatementRef
    failed: tuple[Mismatch, ...]
    met: tuple[Condition, ...] = ()
    """of a statement that fails on conditions only: those that hold"""


_WEIGHTS = {"condition": 1, "principal": 2, "resource": 3, "action": 4}
"""Which near miss is nearer where the counts are equal: one condition is nearer than an action."""


def nearest_miss(outcome: PolicyTypeOutcome) -> NearestMiss | None:
    """The Allow statement that fails on the fewest elements, where no statement applies.

    None where a statement determines the outcome, and where no Allow shares the action's service.
    """
    if outcome.effect is not Effect.IMPLICIT_DENY:
        return None
    request = outcome.request
    service = request.environment.action.partition(":")[0]
    best: NearestMiss | None = None
    for policy in outcome.searched_policies:
        for statement in policy.statements:
            if not statement.allows or not _same_service(statement, service):
                continue
            failed = mismatches(statement, request)
            if not failed:
                continue
            if best is None or _distance(failed) < _distance(best.failed):
                best = NearestMiss(reference(policy, statement), failed)
    return best


def missed_by_condition(outcome: PolicyTypeOutcome) -> tuple[NearestMiss, ...]:
    """The Allow statements that fail on nothing but conditions, where no statement applies."""
    if outcome.effect is not Effect.IMPLICIT_DENY:
        return ()
    request = outcome.request
    found = [
        NearestMiss(
            reference(policy, statement),
            failed,
            tuple(one for one in statement.conditions if condition_holds(one, request)),
        )
        for policy in outcome.searched_policies
        for statement in policy.statements
        if statement.allows and statement.conditions
        for failed in (mismatches(statement, request),)
        if failed and all(miss.element == "condition" for miss in failed)
    ]
    return tuple(found)


def _distance(failed: tuple[Mismatch, ...]) -> tuple[int, int]:
    """How far a statement is from applying: by the count of mismatches, then by their weight."""
    return len(failed), sum(_WEIGHTS[miss.element] for miss in failed)


def mismatches(statement: Statement, request: Request) -> tuple[Mismatch, ...]:
    """Every element of a statement that keeps it from applying to the request."""
    if statement.never_applies:
        detail = "the statement has no Action or no Resource, so it never applies"
        return (Mismatch("action", "inert_statement", "", request.action, detail),)
    failed = []
    if principal_match(statement, request) is PrincipalMatch.NONE:
        failed.append(_principal(statement, request))
    if not action_matches(statement, request):
        failed.append(_action(statement, request))
    if not resource_matches(statement, request):
        failed.append(_resource(statement, request))
    unmet = (one for one in statement.conditions if not condition_holds(one, request))
    return (*failed, *(_condition(one, request) for one in unmet))


def _same_service(statement: Statement, service: str) -> bool:
    actions = statement.actions
    if actions is None or actions.inverted:
        return True
    return any(text == "*" or text.partition(":")[0] in (service, "*") for text in actions.texts)


def _principal(statement: Statement, request: Request) -> Mismatch:
    principals = statement.principals
    actual = request.environment.role or request.principal
    if principals is None:
        return Mismatch("principal", "principal_mismatch", "", actual, "the principal is another")
    if principals.deleted_principals:
        wanted = ", ".join(principals.deleted_principals)
        detail = (
            f"the principal {wanted} is the unique id of a deleted role or user; if it was created "
            "anew under the same name, the statement has to name it again"
        )
        return Mismatch("principal", "stale_principal", wanted, actual, detail)
    names = sorted(principals.names | principals.services | principals.federated)
    wanted = _some([*names, *(f"account {account}" for account in sorted(principals.accounts))])
    word = "is excluded by NotPrincipal" if principals.inverted else "is not"
    detail = f"the principal {actual} {word} {wanted}"
    return Mismatch("principal", "principal_mismatch", wanted, actual, detail)


def _action(statement: Statement, request: Request) -> Mismatch:
    actions = statement.actions
    wanted = _some(list(actions.as_written)) if actions else ""
    word = "excludes" if actions and actions.inverted else "does not include"
    detail = f"the statement {word} {request.action} (it names {wanted})"
    return Mismatch("action", "action_mismatch", wanted, request.action, detail)


def _resource(statement: Statement, request: Request) -> Mismatch:
    resources = statement.resources
    texts = [resource.text for resource in resources.texts] if resources else []
    inverted = resources is not None and resources.inverted
    wanted, actual = _some(texts), request.resource
    bucket, slash, _ = actual.partition("/")
    if request.environment.action.startswith("s3:") and not inverted:
        if slash and bucket in texts:
            detail = f"the resource is the bucket; object actions need {bucket}/*"
            return Mismatch("resource", "bucket_arn_for_object_action", wanted, actual, detail)
        if not slash and any(text.startswith(f"{actual}/") for text in texts):
            detail = f"the resource is objects; {request.action} needs the bucket {actual}"
            return Mismatch("resource", "object_arn_for_bucket_action", wanted, actual, detail)
    word = "excludes" if inverted else "does not cover"
    detail = f"the statement {word} {actual} (it names {wanted})"
    return Mismatch("resource", "resource_mismatch", wanted, actual, detail)


_REQUESTS = {
    "kms:viaservice": "the request came through {}",
    "kms:calleraccount": "the caller's account is {}",
    "aws:principalaccount": "the caller's account is {}",
    "aws:principalorgid": "the caller's organisation is {}",
    "aws:principalarn": "the caller is {}",
    "aws:sourceip": "the request came from {}",
    "aws:sourcevpc": "the request came from the VPC {}",
    "aws:sourcevpce": "the request came through the VPC endpoint {}",
    "aws:resourceaccount": "the resource's account is {}",
    "s3:resourceaccount": "the resource's account is {}",
    "s3:x-amz-server-side-encryption": "the request asks for encryption with {}",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": "the request names the KMS key {}",
    "s3:prefix": "the request lists the prefix {}",
}
"""What the request did, for keys whose bare value would have to be translated at 3 a.m."""


def _condition(condition: Condition, request: Request) -> Mismatch:
    wanted = _some([template.text for template in condition.policy_values])
    about = (condition.key_as_written, bool(condition.operator and condition.operator.negated))
    values = list(context_value(request.values, condition.key))
    demand = f"the condition {condition.text} on {condition.key_as_written} wants {_want(condition, wanted)}"
    if not values:
        detail = f"{demand}; the request does not carry that key"
        return Mismatch("condition", "condition_key_missing", wanted, "", detail, *about)
    actual = _some(values)
    said = _REQUESTS.get(condition.key, "the request has {}").format(actual or "an empty value")
    return Mismatch("condition", "condition_not_met", wanted, actual, f"{demand}; {said}", *about)


def _want(condition: Condition, wanted: str) -> str:
    if condition.operator is None:
        return "the key to be absent" if wanted.lower() == "true" else "the key to be there"
    return f"anything but {wanted}" if condition.operator.negated else wanted


def _some(texts: list[str]) -> str:
    shown = ", ".join(texts[:_SHOWN])
    more = len(texts) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
