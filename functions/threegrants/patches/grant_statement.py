"""`GrantStatement`: what one statement of ours is meant to allow, and how it is written.

How a statement of ours is known again in a policy stands in `aws.policy_json`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from threegrants.aws.arn import parse_arn
from threegrants.aws.policy_json import one_or_many, sid_of_ours
from threegrants.diagnosis import KeptCondition
from threegrants.iam import Condition, Policy

Value = str | tuple[str, ...]
RequestValues = Mapping[str, Value]
"""Condition keys of a request, and their values."""

VIA_SERVICE = "kms:ViaService"
OBJECT_CONTEXT = "kms:EncryptionContext:aws:s3:arn"
PREFIX = "s3:prefix"


@dataclass(frozen=True, slots=True)
class GrantCondition:
    """What has to hold of a request: one condition key and the values it may have.

    Values are literal, or literal up to a `*` at the end. The keys are single-valued:
    https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/amazon-s3-policy-keys.html
    """

    key: str
    values: tuple[str, ...]

    @property
    def operator(self) -> str:
        """The condition operator: values of `kms:ViaService` are compared as they are."""
        return "StringEquals" if self.key == VIA_SERVICE else "StringLike"

    def holds(self, context: RequestValues) -> bool:
        """Whether a request with these condition keys fulfils it; without the key it does not."""
        found = context.get(self.key)
        return isinstance(found, str) and any(_matches(value, found) for value in self.values)

    def inside(self) -> Iterator[str]:
        """Values that fulfil it."""
        for value in self.values:
            stem = value.removesuffix("*")
            yield stem
            if stem != value:
                yield f"{stem}deep/er"

    def outside(self) -> Iterator[str]:
        """Values near by that do not fulfil it."""
        for value in self.values:
            stem = value.removesuffix("*").rstrip("/")
            yield from (f"{stem}-2/x", f"x{stem}", stem[:-1], stem.rpartition("/")[0], "")
            yield stem.swapcase()


_NEARBY = (
    "", "x", "true", "false", "0", "9999999999", "198.18.0.99", "2001:db8::99",
    "1970-01-01T00:00:00Z", "2100-01-01T00:00:00Z",
)  # fmt: skip
"""Values of many types; of each type, some that most conditions do not want."""


@lru_cache(maxsize=1_024)
def _read(condition: KeptCondition) -> Condition:
    allow = {
        "Effect": "Allow",
        "Action": "*",
        "Resource": "*",
        "Condition": {condition.operator: {condition.key: list(condition.values)}},
    }
    document = {"Version": "2012-10-17", "Statement": allow}
    return Policy.parse(document, "kept").statements[0].conditions[0]


def _keeps(condition: KeptCondition, context: RequestValues) -> bool:
    """Whether a condition of an owner holds; it may have any operator, so the evaluator says it."""
    return _read(condition).holds({key.lower(): value for key, value in context.items()})


def _near(condition: KeptCondition) -> Iterator[str | None]:
    """Values of its key that it may not want; None for no value."""
    yield None
    for value in (*condition.values, *condition.met_with):
        yield from (value, f"{value}x", f"x{value}", value[:-1], value.swapcase())
    yield from _NEARBY


@dataclass(frozen=True, slots=True)
class GrantStatement:
    """Who may do what on what, as one Allow statement says it.

    Actions and resources are literal, or literal up to a `*` at the end. `principal` is the ARN of
    a role, a user or an account's root; None in an identity-based policy. `conditions` must all hold,
    and those of the owner that are `kept`.
    """

    principal: str | None
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[GrantCondition, ...] = ()
    kept: tuple[KeptCondition, ...] = ()

    @property
    def is_conditional(self) -> bool:
        """Whether it applies under conditions only."""
        return bool(self.conditions or self.kept)

    def covers_context(self, context: RequestValues) -> bool:
        """Whether the conditions hold for a request with these condition keys."""
        return all(condition.holds(context) for condition in self.conditions) and all(
            _keeps(condition, context) for condition in self.kept
        )

    def contexts_inside(self) -> list[dict[str, Value]]:
        """Request contexts in which the statement applies."""
        found: list[dict[str, Value]] = [
            {one.key: one.met_with for one in self.kept if one.met_with}
        ]
        for condition in self.conditions:
            found = [{**one, condition.key: value} for value in condition.inside() for one in found]
        return found

    def contexts_outside(self) -> list[dict[str, Value]]:
        """Request contexts near by in which it does not: one condition fails, or all of them do."""
        whole, found = self.contexts_inside()[0], []
        for condition in self.conditions:
            rest = _without(whole, condition.key)
            found += [rest, *({**rest, condition.key: value} for value in condition.outside())]
        found += [context for kept in self.kept for context in self._contexts_without(kept)]
        found.append({})
        if any(condition.key == VIA_SERVICE for condition in self.conditions):
            for service in ("secretsmanager", "dynamodb"):
                region = str(whole[VIA_SERVICE]).partition(".")[2]
                found.append({**whole, VIA_SERVICE: f"{service}.{region}"})
        return [one for one in found if not self.covers_context(one)]

    @property
    def uncheckable_condition(self) -> KeptCondition | None:
        """A kept condition for which no request is known that meets all the others and not this one."""
        return next((kept for kept in self.kept if not self._contexts_without(kept)), None)

    def _contexts_without(self, kept: KeptCondition) -> list[dict[str, Value]]:
        """Request contexts in which one kept condition fails, and so the statement."""
        rest = _without(self.contexts_inside()[0], kept.key)
        contexts = (rest if one is None else {**rest, kept.key: one} for one in _near(kept))
        return [context for context in contexts if not _keeps(kept, context)]

    def covers_action(self, action: str) -> bool:
        """Whether it is about this action."""
        return any(_matches(one.lower(), action.lower()) for one in self.actions)

    def covers_resource(self, resource: str) -> bool:
        """Whether it is about this resource."""
        return any(_matches(one, resource) for one in self.resources)

    def covers_principal(self, requested: str) -> bool:
        """Whether it is about this principal: the named one, its sessions, or of its account."""
        named = self.principal
        if named is None or requested == named:
            return True
        ours, theirs = parse_arn(named), parse_arn(requested)
        if ours is None or theirs is None or ours.account != theirs.account:
            return False
        if ours.resource == "root":
            return True
        if ours.resource_type == "role":
            return theirs.resource.startswith(f"assumed-role/{ours.name}/")
        return theirs.resource == f"federated-user/{ours.name}"

    def to_statement(self, access: str) -> dict[str, Any]:
        """The statement, with a Sid of letters and digits only, as IAM wants it."""
        named = {} if self.principal is None else {"Principal": {"AWS": self.principal}}
        condition = self._condition()
        return {
            "Sid": sid_of_ours(access, self.actions, self.resources, condition),
            "Effect": "Allow",
            **named,
            "Action": one_or_many(self.actions),
            "Resource": one_or_many(self.resources),
            **({"Condition": condition} if condition else {}),
        }

    def _condition(self) -> dict[str, dict[str, Any]]:
        """The Condition element: our conditions, and the owner's.

        Raises:
            ValueError: if one block would have to say two things of one key.
        """
        found: dict[str, dict[str, Any]] = {}
        for one in self.conditions:
            found.setdefault(one.operator, {})[one.key] = one_or_many(one.values)
        ours = {(one.operator.lower(), one.key.lower()): one.values for one in self.conditions}
        for kept in self.kept:
            same = ours.setdefault((kept.operator.lower(), kept.key.lower()), kept.values)
            if not set(same) <= set(kept.values):
                raise ValueError(
                    f"the owner's condition on {kept.key} and that of the call cannot stand in one statement"
                )
            if same is kept.values:
                found.setdefault(kept.operator, {})[kept.key] = one_or_many(kept.values)
        return found


def _without(context: Mapping[str, Value], key: str) -> dict[str, Value]:
    return {name: value for name, value in context.items() if name.lower() != key.lower()}


def _matches(pattern: str, text: str) -> bool:
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern
