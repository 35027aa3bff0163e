"""The nearest miss: the Allow statement that fails on the fewest elements, and on which.

Written for someone who was woken up: each mismatch says in one sentence what stands in the policy
and what the request was.
"""

from dataclasses import dataclass

from threegrants.iam.conditions import Condition
from threegrants.iam.documents import Policy, Statement
from threegrants.iam.principals import Reach
from threegrants.iam.request import Asked
from threegrants.iam.statement import action_matches, principal_reach, resource_matches

_SHOWN = 4


@dataclass(frozen=True, slots=True)
class StatementRef:
    """A statement, as a person finds it: policy name, Sid if it has one, position from 0."""

    policy: str
    sid: str | None
    index: int


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One element of a statement that does not fit the request."""

    element: str
    """principal | action | resource | condition"""
    code: str
    wanted: str
    actual: str
    detail: str


@dataclass(frozen=True, slots=True)
class NearestMiss:
    """The statement that came nearest, and everything that keeps it from applying."""

    ref: StatementRef
    failed: tuple[Mismatch, ...]


_WEIGHTS = {"condition": 1, "principal": 2, "resource": 3, "action": 4}
"""Which near miss is nearer where the counts are equal: one condition is nearer than an action."""


def nearest_miss(policies: tuple[Policy, ...], asked: Asked) -> NearestMiss | None:
    """The nearest Allow; None if there is no Allow that shares an action's service."""
    service = asked.action.partition(":")[0]
    best: tuple[tuple[int, int], NearestMiss] | None = None
    for policy in policies:
        for statement in policy.statements:
            if not statement.allows or not _same_service(statement, service):
                continue
            failed = mismatches(statement, asked)
            if not failed:
                continue
            rank = (len(failed), sum(_WEIGHTS[miss.element] for miss in failed))
            if best is None or rank < best[0]:
                ref = StatementRef(policy.name, statement.sid, statement.index)
                best = rank, NearestMiss(ref, failed)
    return best[1] if best else None


def mismatches(statement: Statement, asked: Asked) -> tuple[Mismatch, ...]:
    """Every element of a statement that keeps it from applying to the request."""
    if statement.inert:
        detail = "the statement has no Action or no Resource, so it never applies"
        return (Mismatch("action", "inert_statement", "", asked.request.action, detail),)
    failed = []
    if principal_reach(statement, asked) is Reach.NONE:
        failed.append(_principal(statement, asked))
    if not action_matches(statement, asked):
        failed.append(_action(statement, asked))
    if not resource_matches(statement, asked):
        failed.append(_resource(statement, asked))
    failed += [_condition(c, asked) for c in statement.conditions if not c.holds(asked.context)]
    return tuple(failed)


def _same_service(statement: Statement, service: str) -> bool:
    if statement.not_actions or statement.inert:
        return True
    return any(a == "*" or a.partition(":")[0] == service for a in statement.actions)


def _principal(statement: Statement, asked: Asked) -> Mismatch:
    principals = statement.principals
    actual = asked.role or asked.request.principal
    if principals is None:
        return Mismatch("principal", "principal_mismatch", "", actual, "the principal is another")
    if principals.stale:
        wanted = ", ".join(principals.stale)
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


def _action(statement: Statement, asked: Asked) -> Mismatch:
    wanted, actual = _some(list(statement.actions)), asked.request.action
    word = "excludes" if statement.not_actions else "does not include"
    detail = f"the statement {word} {actual} (it names {wanted})"
    return Mismatch("action", "action_mismatch", wanted, actual, detail)


def _resource(statement: Statement, asked: Asked) -> Mismatch:
    texts = [resource.text for resource in statement.resources]
    wanted, actual = _some(texts), asked.request.resource
    bucket, slash, _ = actual.partition("/")
    if asked.action.startswith("s3:") and not statement.not_resources:
        if slash and bucket in texts:
            detail = f"the resource is the bucket; object actions need {bucket}/*"
            return Mismatch("resource", "bucket_arn_for_object_action", wanted, actual, detail)
        if not slash and any(text.startswith(f"{actual}/") for text in texts):
            detail = f"the resource is objects; {asked.request.action} needs the bucket {actual}"
            return Mismatch("resource", "object_arn_for_bucket_action", wanted, actual, detail)
    word = "excludes" if statement.not_resources else "does not cover"
    detail = f"the statement {word} {actual} (it names {wanted})"
    return Mismatch("resource", "resource_mismatch", wanted, actual, detail)


def _condition(condition: Condition, asked: Asked) -> Mismatch:
    wanted = _some([template.text for template in condition.wanted])
    values = asked.context.get(condition.key)
    if not values:
        detail = (
            f"the condition {condition.text} on {condition.shown_key} wants {wanted}; "
            "the request does not carry that key"
        )
        return Mismatch("condition", "condition_key_missing", wanted, "", detail)
    actual = _some(list(values))
    detail = (
        f"the condition {condition.text} on {condition.shown_key} wants {wanted}; "
        f"the request has {actual}"
    )
    return Mismatch("condition", "condition_not_met", wanted, actual, detail)


def _some(texts: list[str]) -> str:
    shown = ", ".join(texts[:_SHOWN])
    more = len(texts) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
