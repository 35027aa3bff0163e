"""One layer's answer in two worlds: all that is unknown in our favour, and all of it against us.

A policy statement may hang on a condition key whose value the record does not carry (the VPC of a
request, a session tag). In the generous world such an Allow applies and such a Deny does not; in
the strict world it is the other way round. If both worlds give the same effect, the unknown key
does not matter and the effect is certain; if not, the answer is unknown, and the keys are named.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from threegrants.diagnosis.request_context import RequestContext
from threegrants.evidence import NamedPolicy
from threegrants.iam import (
    Effect,
    KmsGrant,
    Policies,
    Policy,
    PolicyError,
    PolicyLevel,
    PolicyType,
    PolicyTypeOutcome,
    Request,
    authorize_policy_type,
)

_NEVER = {"Bool": {"threegrants:never": "true"}}
"""A condition no request meets: keeps a statement in its place, without effect."""


@dataclass(frozen=True, slots=True)
class PartialResult:
    """A layer's certain outcome, or the condition keys (or broken policy) it hangs on."""

    outcome: PolicyTypeOutcome | None
    missing_context_keys: tuple[str, ...] = ()
    trouble: str = ""

    @property
    def effect(self) -> Effect | None:
        """The effect if it is certain, else None."""
        return self.outcome.effect if self.outcome else None


def judge(
    policy_type: PolicyType,
    request: Request,
    documents: Sequence[NamedPolicy],
    context: RequestContext,
    grants: tuple[KmsGrant, ...] = (),
    *,
    bounded: bool | None = False,
) -> PartialResult:
    """The outcome of one layer for one request, certain or not.

    `bounded` says whether a permissions boundary is on the caller (None: not known), for a
    resource-based policy's Deny with NotPrincipal hits every caller that has one.
    """
    if bounded is None:
        free, bound = (
            judge(policy_type, request, documents, context, grants, bounded=b)
            for b in (False, True)
        )
        if free.effect is bound.effect:
            return free
        return PartialResult(
            None, missing_context_keys=("whether the caller has a permissions boundary",)
        )
    try:
        loaded = [(document.name, _load(document)) for document in documents]
        limits = (Policy("permissions boundary", ()),) if bounded else ()
        generous = _outcome(policy_type, request, loaded, grants, limits, _World(context, "Allow"))
        keys = {
            key
            for _, document in loaded
            for statement in _statements(document)
            for key in unknown_keys(statement, context)
        }
        if not keys:
            return PartialResult(generous)  # both worlds are the same
        strict = _outcome(policy_type, request, loaded, grants, limits, _World(context, "Deny"))
    except PolicyError as error:
        return PartialResult(None, trouble=str(error))
    if generous.effect is strict.effect:
        return PartialResult(generous)
    return PartialResult(None, missing_context_keys=tuple(sorted(keys)))


def _load(document: NamedPolicy) -> Mapping[str, Any]:
    try:
        loaded = json.loads(document.document)
    except ValueError as error:
        raise PolicyError("$", f"policy {document.name} is not JSON: {error}") from error
    if not isinstance(loaded, dict):
        raise PolicyError("$", f"policy {document.name} is not a JSON object")
    return loaded


def _outcome(
    policy_type: PolicyType,
    request: Request,
    loaded: Iterable[tuple[str, Mapping[str, Any]]],
    grants: tuple[KmsGrant, ...],
    limits: tuple[Policy, ...],
    world: "_World",
) -> PolicyTypeOutcome:
    parsed = tuple(Policy.parse(world.of(document), name) for name, document in loaded)
    if policy_type is PolicyType.RESOURCE:
        policies = Policies(
            resource=parsed[0] if parsed else None, grants=grants, boundaries=limits
        )
    else:
        policies = _ALONE[policy_type](parsed)
    return authorize_policy_type(request, policy_type, policies)


_ALONE: Mapping[PolicyType, Callable[[tuple[Policy, ...]], Policies]] = {
    PolicyType.IDENTITY: lambda parsed: Policies(identity=parsed),
    PolicyType.BOUNDARY: lambda parsed: Policies(boundaries=parsed),
    PolicyType.SCP: lambda parsed: Policies(scps=(PolicyLevel("", parsed),)),
    PolicyType.RCP: lambda parsed: Policies(rcps=(PolicyLevel("", parsed),)),
    PolicyType.VPCE: lambda parsed: Policies(vpc_endpoint=parsed),
}
"""How the policies of one layer (of an organisation: of one level) are put for the evaluator."""


@dataclass(frozen=True, slots=True)
class _World:
    """Rewrites a policy: unknown conditions hold for statements with effect `favours` only."""

    context: RequestContext
    favours: str

    def of(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        if "Statement" not in document:
            return document
        stated = document["Statement"]
        listed = stated if isinstance(stated, list) else [stated]
        # What is no object stays as it is, for Policy.parse to refuse with its path.
        kept = [self._statement(s) if isinstance(s, dict) else s for s in listed]
        return {**document, "Statement": kept}

    def _statement(self, statement: Mapping[str, Any]) -> Mapping[str, Any]:
        unknown = {key.lower() for key in unknown_keys(statement, self.context)}
        if not unknown:
            return statement
        if statement.get("Effect") != self.favours:
            return {**statement, "Condition": _NEVER}
        kept = {
            operator: {
                key: value
                for key, value in block.items()
                if key.lower() not in unknown and not _variables(value, self.context)
            }
            for operator, block in _conditions(statement)
        }
        rest = {k: v for k, v in statement.items() if k != "Condition"}
        resource = rest.get("Resource")
        if resource is not None and _variables(resource, self.context):
            rest["Resource"] = [
                "*" if _variables(text, self.context) else text for text in _texts(resource)
            ]
        held = {operator: block for operator, block in kept.items() if block}
        return {**rest, "Condition": held} if held else rest


def unknown_keys(statement: Mapping[str, Any], context: RequestContext) -> tuple[str, ...]:
    """The condition keys and policy variables of a statement whose value is not known."""
    found = [
        key
        for _, block in _conditions(statement)
        for key, value in block.items()
        if not context.knows(key)
    ]
    found += [
        v
        for _, block in _conditions(statement)
        for x in block.values()
        for v in _variables(x, context)
    ]
    for element in ("Resource", "NotResource"):
        found += _variables(statement.get(element), context)
    return tuple(dict.fromkeys(found))


def _statements(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    statements = document.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    return [statement for statement in listed if isinstance(statement, dict)]


def _conditions(statement: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    condition = statement.get("Condition")
    if not isinstance(condition, dict):
        return []
    return [(op, block) for op, block in condition.items() if isinstance(block, dict)]


def _texts(value: Any) -> list[str]:
    return [
        text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str)
    ]


def _variables(value: Any, context: RequestContext) -> list[str]:
    """Unknown policy variables `${key}` or `${key, 'default'}` in a value or list of values."""
    found = []
    for text in _texts(value):
        for part in text.split("${")[1:]:
            name = part.split("}", 1)[0].split(",", 1)[0].strip()
            if name not in {"*", "?", "$"} and not context.knows(name):
                found.append(name)
    return found
